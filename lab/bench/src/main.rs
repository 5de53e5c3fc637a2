//! Measures portreeved beside Debian's miniupnpd, portreeve beside upnpc and igd-next, and both beside floors: what HTTP, the kernel and the disk of this machine allow at best.
//!
//! Everything runs in network namespaces of its own (see `portreeve-testkit`), and what is compared is measured in turns, so that a noisy
//! machine is noisy for both sides. Nothing here fails because of a figure; the figures are printed, and beside them the project's targets.

mod floor;
mod lan_server;
mod load;
mod mappings;
mod prober;
mod report;
mod site;
mod statistics;
mod subject;
mod suite;

use std::process::ExitCode;

use clap::Parser;

use crate::report::Report;
use crate::suite::{Bench, Context, Effort};

/// Measures portreeved and portreeve beside their peers and beside floors, in network namespaces.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// Fewer rounds, for a first look
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// More rounds, and miniupnpd with 5,000 mappings, which it takes many minutes to fill
    #[arg(long)]
    full: bool,
    /// Only this benchmark; may be given several times
    #[arg(long, value_enum, value_name = "NAME")]
    only: Vec<Bench>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if portreeve_testkit::require_root("benchmarks, which make network namespaces").is_none() {
        return ExitCode::SUCCESS;
    }
    raise_file_limit();
    let effort = match (options.quick, options.full) {
        (true, _) => Effort::Quick,
        (_, true) => Effort::Full,
        _ => Effort::Normal,
    };
    let mut context = Context::new(effort, Report::new());
    for bench in Bench::chosen(&options.only) {
        bench.run(&mut context);
    }
    context.report.finish();
    ExitCode::SUCCESS
}

/// Sixty thousand mappings need no sockets here, but a thousand clients at once do.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        eprintln!("cannot raise the number of open files: {error}");
    }
}
