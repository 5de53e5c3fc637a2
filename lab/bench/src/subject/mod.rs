//! The programs that are measured.

mod http_floor;
mod miniupnpd;
mod portreeved;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use portreeve_testkit::{Lab, Process, TempDir, wait_until};

use crate::mappings::CLIENTS;

/// A program in the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours.
    Portreeved(Tuning),
    /// Debian's `miniupnpd-nftables`.
    Miniupnpd,
    /// An HTTP server that does nothing, on the same library.
    HttpFloor,
}

/// What differs from our defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tuning {
    /// Limits per client.
    pub(crate) limits: Limits,
    /// Who may change our table.
    pub(crate) table: Table,
}

/// Limits per client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Those of the defaults, as everybody has them.
    Default,
    /// So high that eight clients can fill the table as fast as it goes.
    Raised,
}

/// Who may change our table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Only the daemon.
    Owned,
    /// Whoever may change rules at all.
    Shared,
}

/// A program that runs in a gateway. Stopped on drop.
#[derive(Debug)]
pub(crate) struct Subject {
    kind: Kind,
    directory: TempDir,
    running: Mutex<Option<Running>>,
}

/// How a program is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

#[derive(Debug)]
enum Running {
    Child(Process),
    /// It went to the background by itself.
    Background(Pid),
}

/// How long a program gets to end. The established daemon removes its rules one by one.
const END_LIMIT: Duration = Duration::from_secs(60);

impl Kind {
    /// Ours with high limits and a table of its own.
    pub(crate) const OURS: Self = Self::Portreeved(Tuning {
        limits: Limits::Raised,
        table: Table::Owned,
    });

    /// For tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Portreeved(_) => "portreeved",
            Self::Miniupnpd => "miniupnpd",
            Self::HttpFloor => "bare HTTP",
        }
    }

    /// Path of the control URL of WANIPConnection.
    pub(crate) const fn control_path(self) -> &'static str {
        match self {
            Self::Portreeved(_) | Self::HttpFloor => "/ctl/IPConn",
            Self::Miniupnpd => miniupnpd::CONTROL_PATH,
        }
    }

    /// How many clients fill it with mappings fastest; a multiple of the number of owners.
    pub(crate) const fn filling_clients(self) -> usize {
        match self {
            Self::Portreeved(_) | Self::HttpFloor => 64,
            // It resets connections when more wait.
            Self::Miniupnpd => CLIENTS,
        }
    }

    /// Whether the program is on this machine; ours is built beside this one.
    pub(crate) fn is_present(self) -> bool {
        match self {
            Self::Portreeved(_) => sibling("portreeved").exists(),
            Self::HttpFloor => sibling("http-floor").exists(),
            Self::Miniupnpd => Path::new(miniupnpd::PROGRAM).exists(),
        }
    }
}

impl Subject {
    /// A program that is not started yet, with a directory for its configuration and state.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            directory: TempDir::new(),
            running: Mutex::new(None),
        }
    }

    /// Which program it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts it in the lab's gateway, with the state that it left; it may not serve yet.
    pub(crate) fn start(&self, lab: &Lab) {
        let directory = self.directory.path();
        let running = match self.kind {
            Kind::Portreeved(tuning) => Running::Child(portreeved::start(lab, tuning, directory)),
            Kind::Miniupnpd => Running::Background(miniupnpd::start(lab, directory)),
            Kind::HttpFloor => Running::Child(http_floor::start(lab, directory)),
        };
        *self.running() = Some(running);
    }

    /// Ends it and waits until it is gone.
    pub(crate) fn end(&self, how: End) {
        let signal = match how {
            End::Terminate => Signal::SIGTERM,
            End::Kill => Signal::SIGKILL,
        };
        let running = self.running().take();
        match running {
            None => {}
            Some(Running::Child(process)) => {
                process.signal(signal);
                process.wait(END_LIMIT);
            }
            Some(Running::Background(pid)) => {
                let _ = signal::kill(pid, signal);
                wait_until(END_LIMIT, || !is_alive(pid));
            }
        }
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    }

    /// Processor time that its threads have used so far, by their names. Threads that have ended are not counted.
    pub(crate) fn processor_time(&self) -> BTreeMap<String, Duration> {
        let mut times = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.pid()))
            .into_iter()
            .flatten()
            .flatten()
        {
            let read = |file: &str| fs::read_to_string(task.path().join(file)).ok();
            let (Some(name), Some(statistics)) = (read("comm"), read("schedstat")) else {
                continue;
            };
            let nanos = statistics.split(' ').next().and_then(|nanos| nanos.parse().ok());
            *times.entry(name.trim_end().to_owned()).or_default() += Duration::from_nanos(nanos.unwrap_or(0));
        }
        times
    }

    /// Keeps its threads, and those that they start from now on, on one core.
    pub(crate) fn pin(&self, core: usize) {
        let mut cores = CpuSet::new();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid()));
        for task in tasks.into_iter().flatten().flatten() {
            let id = task.file_name().to_str().and_then(|id| id.parse().ok());
            let Some(id) = id.map(Pid::from_raw) else { continue };
            let pinned = cores.set(core).and_then(|()| sched_setaffinity(id, &cores));
            if let Err(error) = pinned {
                eprintln!("... {} stays on all cores: {error}", self.kind.name());
            }
        }
    }

    /// What it logged, where that is kept.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join(LOG)).unwrap_or_default()
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pid(&self) -> Pid {
        match &*self.running() {
            None => Pid::from_raw(0),
            Some(Running::Child(process)) => Pid::from_raw(process.id().cast_signed()),
            Some(Running::Background(pid)) => *pid,
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // The namespace and everything in it go next, so there is nothing to be gentle about.
        self.end(End::Kill);
    }
}

/// Where a program's output goes, in its directory.
const LOG: &str = "log";

/// Starts a program whose output goes to a file, as it does on a real machine; a pipe needs somebody who reads it all the time.
fn spawn_logging(lab: &Lab, directory: &Path, program: &Path, arguments: &[String]) -> Process {
    let script = format!("exec \"$@\" >>'{}' 2>&1", directory.join(LOG).display());
    let mut all = vec!["-c".to_owned(), script, "sh".to_owned(), program.display().to_string()];
    all.extend_from_slice(arguments);
    lab.gateway().spawn("sh", all)
}

/// A program that was built together with this one.
pub(crate) fn sibling(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    own.with_file_name(name)
}

fn is_alive(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses and may hold anything.
    let state = status.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with('Z')
}
