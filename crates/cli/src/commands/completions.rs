//! `portreeve completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::End;
use crate::output::Output;

/// Prints the script for this shell.
pub(super) fn run(output: &Output, shell: Shell) -> Result<(), End> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portreeve", &mut script);
    output.write(&String::from_utf8_lossy(&script))
}
