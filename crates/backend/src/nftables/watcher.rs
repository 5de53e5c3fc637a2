//! Notices when others change the ruleset.

use std::io::PipeWriter;
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portreeve_netlink::nftables::{Event, Monitor, Table};
use portreeve_netlink::{Error, socket};

use super::error;
use crate::BackendError;

/// A reload consists of several transactions: it counts as over after this long without another.
const QUIET: Duration = Duration::from_millis(20);

/// But repair waits no longer than this.
const PATIENCE: Duration = Duration::from_millis(200);

/// What somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignChange {
    /// Our table.
    OwnTable,
    /// Other tables only.
    OtherTables,
}

/// A thread that listens to the kernel.
#[derive(Debug)]
pub(super) struct Watcher {
    /// Closing it ends the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts the thread. Changes by the socket with port `own` do not count.
    pub(super) fn start(
        table: Table,
        own: u32,
        report: impl Fn(ForeignChange) + Send + 'static,
    ) -> Result<Self, BackendError> {
        let failed = |cause: std::io::Error| BackendError::System {
            operation: "start to watch the ruleset".to_owned(),
            cause: cause.to_string(),
        };
        let mut monitor = Monitor::open().map_err(|failure| error::netlink("watch the ruleset", &failure))?;
        let (stopped, stop) = std::io::pipe().map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("nft-watcher".to_owned())
            .spawn(move || {
                if let Err(failure) = watch(&mut monitor, stopped.as_fd(), &table, own, &report) {
                    tracing::error!(%failure, "stopped watching the ruleset");
                }
            })
            .map_err(failed)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(
    monitor: &mut Monitor,
    stopped: std::os::fd::BorrowedFd<'_>,
    table: &Table,
    own: u32,
    report: &impl Fn(ForeignChange),
) -> Result<(), Error> {
    let mut seen = None;
    let mut since = Instant::now();
    loop {
        let timeout = seen.map(|_| QUIET);
        let [is_stopped, has_events] = socket::wait_any([stopped, monitor.as_fd()], timeout)?;
        if is_stopped {
            return Ok(());
        }
        if has_events {
            let before = seen;
            monitor.drain(|event| seen = stronger(seen, judge(&event, table, own)))?;
            if before.is_none() {
                since = Instant::now();
            }
        }
        if let Some(change) = seen
            && (!has_events || since.elapsed() > PATIENCE)
        {
            seen = None;
            report(change);
        }
    }
}

fn judge(event: &Event, table: &Table, own: u32) -> Option<ForeignChange> {
    match event {
        Event::Changed { by, .. } if *by == own => None,
        Event::Changed { table: changed, .. } if changed != table => Some(ForeignChange::OtherTables),
        Event::Changed { .. } | Event::Lost => Some(ForeignChange::OwnTable),
    }
}

const fn stronger(one: Option<ForeignChange>, other: Option<ForeignChange>) -> Option<ForeignChange> {
    match (one, other) {
        (Some(ForeignChange::OwnTable), _) | (_, Some(ForeignChange::OwnTable)) => Some(ForeignChange::OwnTable),
        (None, change) | (change, _) => change,
    }
}
