//! Requests that wait until the upstream gateway has answered.

use std::collections::BTreeSet;

use super::message::OuterPort;
use crate::time::Time;

/// Requests, in the order in which they came to wait.
#[derive(Debug)]
pub(crate) struct Parking<R>(Vec<Parked<R>>);

#[derive(Debug)]
struct Parked<R> {
    request: R,
    /// What it needs.
    ports: BTreeSet<OuterPort>,
    /// Those of them that have not been answered; never empty.
    unanswered: BTreeSet<OuterPort>,
    until: Time,
}

/// A request that need not wait any longer.
pub(crate) struct Released<R> {
    pub(crate) request: R,
    /// What it needed.
    pub(crate) ports: BTreeSet<OuterPort>,
    /// What had not been answered by then.
    pub(crate) unanswered: BTreeSet<OuterPort>,
}

impl<R> Parking<R> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets a request wait for these ports, but not longer than until then.
    pub(crate) fn park(&mut self, request: R, ports: BTreeSet<OuterPort>, until: Time) {
        self.0.push(Parked {
            request,
            unanswered: ports.clone(),
            ports,
            until,
        });
    }

    /// Whether a request that waits needs this port.
    pub(crate) fn needs(&self, port: OuterPort) -> bool {
        self.0.iter().any(|parked| parked.ports.contains(&port))
    }

    /// The port has been answered: `note` sees each request that waited for it, and those that wait for nothing else are
    /// returned.
    pub(crate) fn answered(&mut self, port: OuterPort, mut note: impl FnMut(&mut R)) -> Vec<Released<R>> {
        for parked in &mut self.0 {
            if parked.unanswered.remove(&port) {
                note(&mut parked.request);
            }
        }
        let released = self.0.extract_if(.., |parked| parked.unanswered.is_empty());
        released.map(Parked::release).collect()
    }

    /// Those that have waited long enough.
    pub(crate) fn overdue(&mut self, now: Time) -> Vec<Released<R>> {
        let overdue = self.0.extract_if(.., |parked| parked.until <= now);
        overdue.map(Parked::release).collect()
    }

    /// All of them.
    pub(crate) fn clear(&mut self) -> Vec<Released<R>> {
        self.0.drain(..).map(Parked::release).collect()
    }

    /// When the next has waited long enough.
    pub(crate) fn next_overdue(&self) -> Option<Time> {
        self.0.iter().map(|parked| parked.until).min()
    }
}

impl<R> Parked<R> {
    fn release(self) -> Released<R> {
        Released {
            request: self.request,
            ports: self.ports,
            unanswered: self.unanswered,
        }
    }
}

impl<R> Default for Parking<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
