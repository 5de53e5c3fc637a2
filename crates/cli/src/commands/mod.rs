//! The commands: each asks the library, and tells what it found as a view.

mod call;
mod completions;
mod discover;
mod doctor;
mod link;
mod list;
mod man;
mod map;
mod pinhole;
mod reach;
mod stability;
mod status;
mod stop;
mod unmap;
mod watch;

use crate::args::{Cli, Command};
use crate::exit::End;
use crate::output::Output;

/// Carries out the command.
pub(crate) async fn run(cli: &Cli, output: &Output) -> Result<(), End> {
    let reach = &cli.common.reach;
    match &cli.command {
        Command::Discover => discover::run(output, reach).await,
        Command::Status(options) => status::run(output, reach, options).await,
        Command::Map(options) => map::run(output, reach, options).await,
        Command::Unmap(options) => unmap::run(output, reach, options).await,
        Command::List(options) => list::run(output, reach, options).await,
        Command::Pinhole { request } => pinhole::run(output, reach, request).await,
        Command::Watch(options) => watch::run(output, reach, options).await,
        Command::Doctor(options) => doctor::run(output, reach, options).await,
        Command::Stability(options) => stability::run(output, reach, options).await,
        Command::Link { request } => link::run(output, reach, *request).await,
        Command::Call(options) => call::run(output, reach, options).await,
        Command::Completions { shell } => completions::run(output, *shell),
        Command::Man => man::run(output),
    }
}
