//! Figures of the link since the engine's start.

use std::time::Duration;

use super::ConnectionStatus;
use crate::time::Time;

/// Figures of the link since the engine's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// How long the present connection has been up; zero if it is not.
    pub uptime: Duration,
    /// How often a connection ended without anybody here having asked for it.
    pub drops: u64,
    /// How often the link came up again after it had been up before.
    pub reconnects: u64,
    /// How long the link has been in each state, in the order of [`ConnectionStatus::ALL`].
    pub time_in: [Duration; ConnectionStatus::ALL.len()],
}

/// Keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    drops: u64,
    connects: u64,
    time_in: [Duration; ConnectionStatus::ALL.len()],
    /// The last change of state, if anything was reported yet.
    since: Option<Time>,
}

/// Whether somebody here wanted the link to leave a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// An action, a timer, a setting; or a link that came up.
    Wanted,
    /// Whatever else.
    Dropped,
}

impl Metrics {
    /// How long the link has been in a state.
    pub fn time_in(&self, status: ConnectionStatus) -> Duration {
        self.time_in[index(status)]
    }
}

impl Tally {
    /// The first report: from here on time counts.
    pub(super) fn begin(&mut self, now: Time) {
        self.since.get_or_insert(now);
    }

    /// Notes a change of state.
    pub(super) fn change(&mut self, before: ConnectionStatus, after: ConnectionStatus, reason: Reason, now: Time) {
        self.time_in[index(before)] += self.since.map_or(Duration::ZERO, |since| now.since(since));
        self.since = Some(now);
        if before.passes_packets() && !after.passes_packets() && reason == Reason::Dropped {
            self.drops += 1;
        }
        if after.passes_packets() && !before.passes_packets() {
            self.connects += 1;
        }
    }

    /// The figures now.
    pub(super) fn read(&self, status: ConnectionStatus, uptime: Duration, now: Time) -> Metrics {
        let mut time_in = self.time_in;
        time_in[index(status)] += self.since.map_or(Duration::ZERO, |since| now.since(since));
        Metrics {
            uptime,
            drops: self.drops,
            reconnects: self.connects.saturating_sub(1),
            time_in,
        }
    }
}

/// Where a state is in [`ConnectionStatus::ALL`].
const fn index(status: ConnectionStatus) -> usize {
    status as usize
}
