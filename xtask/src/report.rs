//! What happened, step by step, and the line that sums it up.

use std::process::{Command, ExitCode};
use std::time::Instant;

/// Outcomes of the steps so far.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    passed: Vec<&'static str>,
    failed: Vec<&'static str>,
    left_out: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            passed: Vec::new(),
            failed: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Runs a command and notes whether it succeeded. The steps do not depend on each other: all of them run, so that
    /// one look at the log shows everything that is wrong.
    pub(crate) fn step(&mut self, name: &'static str, command: &mut Command) {
        println!("\n=== {name}: {}", describe(command));
        let started = Instant::now();
        let succeeded = match command.status() {
            Ok(status) => status.success(),
            Err(error) => {
                eprintln!("cannot start: {error}");
                false
            }
        };
        println!(
            "=== {name}: {} in {:.0?}",
            if succeeded { "passed" } else { "FAILED" },
            started.elapsed()
        );
        if succeeded {
            self.passed.push(name);
        } else {
            self.failed.push(name);
        }
    }

    /// Notes what cannot run on this machine and why.
    pub(crate) fn left_out(&mut self, what: &str, why: &str) {
        println!("\n=== LEFT OUT: {what}, since {why}");
        self.left_out.push(format!("{what} ({why})"));
    }

    /// Prints the summary line; success if nothing failed.
    pub(crate) fn finish(self) -> ExitCode {
        let list = |names: &[&str]| {
            if names.is_empty() {
                String::from("none")
            } else {
                names.join(", ")
            }
        };
        let left_out = if self.left_out.is_empty() {
            String::from("nothing")
        } else {
            self.left_out.join("; ")
        };
        println!(
            "\nxtask test: {} steps passed; failed: {}; left out: {left_out}; {:.0} s",
            self.passed.len(),
            list(&self.failed),
            self.started.elapsed().as_secs_f32(),
        );
        if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
