//! The command-line tool `portreeve`, as a person or a script on a LAN host runs it.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_testkit::{Finished, Host, Process, TempDir, wait_until};
use serde_json::Value;

use crate::programs;

/// Far above what any run needs that ends by itself.
const LIMIT: Duration = Duration::from_secs(30);

/// The tool on a host, with a home of its own: what one run remembers, the next one knows.
#[derive(Debug)]
pub struct Tool<'a> {
    host: &'a Host,
    home: TempDir,
}

/// A run that prints events until it is stopped; its mappings go with it.
#[derive(Debug)]
pub struct Running {
    process: Process,
    seen: usize,
}

/// The binary: `$PORTREEVE`, or the one of the same build as this test.
///
/// # Panics
/// If it has not been built.
pub fn binary() -> PathBuf {
    programs::built("portreeve", "PORTREEVE")
}

impl<'a> Tool<'a> {
    /// Where it has never run before.
    pub fn on(host: &'a Host) -> Self {
        Self {
            host,
            home: TempDir::new(),
        }
    }

    /// Runs it with these words, separated by blanks, to its end.
    pub fn run(&self, line: &str) -> Finished {
        self.spawn(line).wait(LIMIT)
    }

    /// What it says to a person, having done what was asked.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn says(&self, line: &str) -> String {
        self.run(line).success()
    }

    /// All lines of a run with `--json`, which ended with this exit status.
    ///
    /// # Panics
    /// If it ended with another one, or printed something else.
    #[track_caller]
    pub fn lines(&self, line: &str, status: i32) -> Vec<Value> {
        let finished = self.run(&format!("{line} --json"));
        let told = format!("{line}: {}\n{}{}", finished.status, finished.stdout, finished.stderr);
        assert_eq!(finished.status.code(), Some(status), "{told}");
        parse(&finished.stdout)
    }

    /// The result of a run with `--json` that did what was asked.
    ///
    /// # Panics
    /// If it failed.
    #[track_caller]
    pub fn result(&self, line: &str) -> Value {
        last(self.lines(line, 0))["result"].take()
    }

    /// The error of a run with `--json` that ended with this exit status.
    ///
    /// # Panics
    /// If it ended with another one.
    #[track_caller]
    pub fn error(&self, line: &str, status: i32) -> Value {
        last(self.lines(line, status))["error"].take()
    }

    /// Starts it with `--json` and leaves it running.
    pub fn start(&self, line: &str) -> Running {
        Running {
            process: self.spawn(&format!("{line} --json")),
            seen: 0,
        }
    }

    fn spawn(&self, line: &str) -> Process {
        let home = self.home.path().display().to_string();
        self.host.spawn_with(
            &binary().display().to_string(),
            line.split_whitespace(),
            &[("HOME", &home), ("XDG_CACHE_HOME", &home), ("LC_ALL", "C.UTF-8")],
        )
    }
}

impl Running {
    /// Waits for the next event of this name, skipping others.
    ///
    /// # Panics
    /// If it does not come within `limit`.
    #[track_caller]
    pub fn sees(&mut self, event: &str, limit: Duration) -> Value {
        let mut found = None;
        wait_until(limit, || {
            let lines = complete_lines(&self.process.stdout());
            let new = lines.iter().enumerate().skip(self.seen);
            found = new
                .map(|(at, line)| (at, line.clone()))
                .find(|(_, line)| line["event"] == event);
            found.is_some() || !self.process.is_running()
        });
        let Some((at, line)) = found else {
            panic!(
                "no event {event:?}:\n{}{}",
                self.process.stdout(),
                self.process.stderr()
            );
        };
        self.seen = at + 1;
        line
    }

    /// Names of all events until now.
    pub fn events(&self) -> Vec<String> {
        let lines = complete_lines(&self.process.stdout());
        let names = lines.iter().filter_map(|line| line["event"].as_str());
        names.map(str::to_owned).collect()
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Presses Ctrl-C; the result with which it ends.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn interrupt(self) -> Value {
        self.process.signal(Signal::SIGINT);
        last(parse(&self.process.wait(LIMIT).success()))["result"].take()
    }
}

#[track_caller]
fn last(mut lines: Vec<Value>) -> Value {
    lines.pop().expect("the last line is the result or the error")
}

#[track_caller]
fn parse(output: &str) -> Vec<Value> {
    let lines = output.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// The lines of output that may not have ended.
#[track_caller]
fn complete_lines(output: &str) -> Vec<Value> {
    parse(output.rsplit_once('\n').map_or("", |(complete, _)| complete))
}
