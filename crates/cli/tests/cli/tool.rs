//! The built tool, as a person or a script runs it.

use std::process::Command;
use std::time::Duration;

use portreeve_testkit::{Finished, Process, TempDir};
use serde_json::Value;

use crate::schema::Schema;

/// Far above what any of these runs needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A run of the tool to be, with a home of its own.
pub(crate) struct Tool {
    command: Command,
    home: TempDir,
}

/// A run that has not ended; its home is removed with it.
pub(crate) struct Running {
    pub(crate) process: Process,
    _home: TempDir,
}

impl Tool {
    /// `portreeve` with these words, separated by blanks.
    pub(crate) fn new(line: &str) -> Self {
        let home = TempDir::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
        command
            .args(line.split_whitespace())
            .env_remove("COLUMNS")
            .env("HOME", home.path())
            .env("XDG_CACHE_HOME", home.path())
            .env("LC_ALL", "C.UTF-8");
        Self { command, home }
    }

    /// With this variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it.
    pub(crate) fn start(self) -> Running {
        Running {
            process: Process::start(self.command, ""),
            _home: self.home,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().process.wait(LIMIT)
    }
}

impl Running {
    /// Waits until it has printed this.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let seen = self.process.wait_for_output(text, LIMIT);
        assert!(
            seen,
            "{text:?} is missing:\n{}{}",
            self.process.stdout(),
            self.process.stderr()
        );
    }
}

/// `portreeve` with these words, run to its end.
pub(crate) fn portreeve(line: &str) -> Finished {
    Tool::new(line).run()
}

/// The exit status.
#[track_caller]
pub(crate) fn status(finished: &Finished) -> i32 {
    finished.status.code().expect("it ended by itself")
}

/// The lines of JSON that it printed, each as JSON.md describes it; nothing else.
#[track_caller]
pub(crate) fn lines(finished: &Finished) -> Vec<Value> {
    assert_eq!(finished.stderr, "", "with --json all is on standard output");
    let schema = Schema::read();
    let lines: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    lines.iter().for_each(|line| schema.check(line));
    let verdicts = lines.iter().filter(|line| line.get("ok").is_some()).count();
    assert_eq!(verdicts, 1, "one line has the verdict: {}", finished.stdout);
    let last = lines.last().expect("there is a line");
    assert_eq!(last["ok"], Value::Bool(status(finished) == 0), "{last}");
    lines
}

/// The result, of a run that did what was asked.
#[track_caller]
pub(crate) fn result(finished: &Finished) -> Value {
    let last = lines(finished).pop().expect("there is a line");
    assert_eq!(status(finished), 0, "{last}");
    last["result"].clone()
}

/// The error, of a run that failed with this exit status.
#[track_caller]
pub(crate) fn error(finished: &Finished, expected: i32) -> Value {
    let last = lines(finished).pop().expect("there is a line");
    assert_eq!(status(finished), expected, "{last}");
    last["error"].clone()
}
