//! The one entry point for everything developers and CI run.
//!
//! ```text
//! cargo xtask test          all checks and suites that this machine can run; says what it left out
//! cargo xtask conformance   the conformance suite against portreeved and miniupnpd, as one table (root)
//! cargo xtask generate      the control point's typed clients, from the service tables; --check only compares
//! cargo xtask bench         portreeved and portreeve beside their peers and floors, in release (root); see --help
//! cargo xtask venv          the Python environment of the lab's Python clients, under target/
//! ```

mod bench;
mod conformance;
mod generate;
mod machine;
mod report;
mod steps;
mod venv;

use std::env;
use std::process::ExitCode;

use generate::Mode;

const USAGE: &str =
    "usage: cargo xtask test | conformance | generate [--check] | bench [--quick|--full] [--only NAME] | venv";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => steps::test(),
        ["conformance"] => conformance::run(),
        ["generate"] => generate::run(Mode::Write),
        ["generate", "--check"] => generate::run(Mode::Check),
        ["bench", ..] => bench::run(&arguments[1..]),
        ["venv"] => venv::make().map(|()| ExitCode::SUCCESS),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
