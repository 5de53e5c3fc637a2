//! `portreeve`, the tool: opens ports on the internet gateway, keeps them open and says what is wrong.

mod args;
mod commands;
mod exit;
mod output;
mod views;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use exit::{End, Failure, Status};
use output::Output;

fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&line) {
        Ok(cli) => run(&cli).into(),
        Err(error) => misunderstood(&line, &error).into(),
    }
}

/// Carries out the command.
fn run(cli: &Cli) -> Status {
    let output = Output::new(cli.command.name(), &cli.common);
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("cannot start", &error).into())
        .and_then(|runtime| runtime.block_on(commands::run(cli, &output)));
    match ended {
        Ok(()) | Err(End::ReaderGone) => Status::Done,
        Err(End::Failed(failure)) => {
            output.failure(&failure);
            failure.status
        }
    }
}

/// Tells what is wrong with the command line, or prints the help that was asked for.
fn misunderstood(line: &[OsString], error: &clap::Error) -> Status {
    if !error.use_stderr() {
        // Whoever stopped reading has seen enough.
        let _ = error.print();
        return Status::Done;
    }
    if line.iter().any(|word| word == "--json") {
        let problem = error.to_string();
        let problem = problem.lines().next().unwrap_or_default();
        let failure = Failure::usage(
            problem.trim_start_matches("error: "),
            "`portreeve COMMAND --help` tells what can be said.",
        );
        let command = line
            .iter()
            .filter_map(|word| word.to_str())
            .find(|word| args::is_command(word));
        output::report(command.unwrap_or_default(), true, &failure);
    } else {
        let _ = error.print();
    }
    Status::Usage
}
