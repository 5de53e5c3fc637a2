//! Another gateway in front of this one: a carrier's NAT, or another router. What is mapped here is of use to the
//! Internet only where that gateway maps it too (RFC 6970, RFC 7648).
//!
//! The same port is asked for all the way: an external port of ours is the external port of the upstream gateway, which
//! leads to that port of our WAN address. One port there serves every mapping of that port here, whatever its remote
//! host, since those are told apart here.

mod message;
mod parked;
mod ports;

use std::collections::{BTreeSet, VecDeque};

pub use message::{OuterPort, Ticket, UpstreamCommand, UpstreamRefusal, UpstreamReport};
use parked::Parking;
pub(crate) use parked::Released;
use ports::Ports;

use crate::time::Time;

/// What is known of the upstream gateway, and the requests that wait for it.
#[derive(Debug)]
pub(crate) struct Upstream<R> {
    /// None while no upstream gateway is in use.
    ports: Option<Ports>,
    last_ticket: Ticket,
    parking: Parking<R>,
    /// Ports that may not be needed any more.
    doubtful: BTreeSet<OuterPort>,
    commands: VecDeque<UpstreamCommand>,
}

impl<R> Upstream<R> {
    /// Whether there is an upstream gateway to be asked.
    pub(crate) fn is_in_use(&self) -> bool {
        self.ports.is_some()
    }

    /// Whether a new mapping of this port has to wait.
    pub(crate) fn lacks(&self, port: OuterPort) -> bool {
        self.ports.as_ref().is_some_and(|ports| !ports.is_open(port))
    }

    /// There is an upstream gateway, of which nothing is opened yet.
    pub(crate) fn begin(&mut self) {
        self.ports = Some(Ports::default());
    }

    /// There is none any more. Returns those that waited for it.
    pub(crate) fn end(&mut self) -> Vec<Released<R>> {
        self.ports = None;
        self.doubtful.clear();
        self.commands.clear();
        self.parking.clear()
    }

    /// Sees to it that the port is opened, if there is an upstream gateway.
    pub(crate) fn want(&mut self, port: OuterPort) {
        let Some(ports) = &mut self.ports else { return };
        if !ports.is_on_its_way(port) {
            self.last_ticket.0 += 1;
            let ticket = self.last_ticket;
            ports.ask(port, ticket);
            self.commands.push_back(UpstreamCommand::Open { ticket, port });
        }
    }

    /// As [`Upstream::want`], where the port has not been refused lately.
    pub(crate) fn want_if_new(&mut self, port: OuterPort) {
        if self.ports.as_ref().is_some_and(|ports| !ports.has(port)) {
            self.want(port);
        }
    }

    /// Lets a request wait for ports that it lacks.
    pub(crate) fn park(&mut self, request: R, ports: BTreeSet<OuterPort>, until: Time) {
        ports.iter().for_each(|port| self.want(*port));
        self.parking.park(request, ports, until);
    }

    /// How many requests wait.
    pub(crate) fn parked(&self) -> usize {
        self.parking.len()
    }

    /// The port of this ticket is open. Returns the requests that waited for nothing else.
    pub(crate) fn opened(&mut self, ticket: Ticket) -> Vec<Released<R>> {
        let Some(ports) = &mut self.ports else {
            return Vec::new();
        };
        let Some(port) = ports.opened(ticket) else {
            // Nobody has wanted it since.
            self.commands.push_back(UpstreamCommand::Close(ticket));
            return Vec::new();
        };
        let released = self.parking.answered(port, |_| {});
        self.let_go(port, &released);
        released
    }

    /// The port of this ticket is refused, and is asked for again from then on if it is still needed. `note` sees each
    /// request that waited for it, and those that wait for nothing else are returned with the port.
    pub(crate) fn refused(
        &mut self,
        ticket: Ticket,
        again_at: Time,
        mut note: impl FnMut(&mut R, OuterPort),
    ) -> Option<(OuterPort, Vec<Released<R>>)> {
        let port = self.ports.as_mut()?.refused(ticket, again_at)?;
        let released = self.parking.answered(port, |request| note(request, port));
        self.let_go(port, &released);
        Some((port, released))
    }

    /// The requests that have waited long enough; ports that were refused are asked for again when it is time.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> Vec<Released<R>> {
        let due = self.ports.as_ref().map(|ports| ports.due(now));
        due.into_iter().flatten().for_each(|port| self.want(port));
        let overdue = self.parking.overdue(now);
        self.doubtful
            .extend(overdue.iter().flat_map(|released| &released.ports));
        overdue
    }

    /// When [`Upstream::handle_timeout`] must be called at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let retry = self.ports.as_ref().and_then(Ports::next_retry);
        retry.into_iter().chain(self.parking.next_overdue()).min()
    }

    /// A mapping of this port is gone, or was planned and came to nothing.
    pub(crate) fn doubt(&mut self, port: OuterPort) {
        if self.ports.is_some() {
            self.doubtful.insert(port);
        }
    }

    /// Closes what nothing needs any more: no mapping, and no request that waits.
    pub(crate) fn close_unneeded(&mut self, is_mapped: impl Fn(OuterPort) -> bool) {
        for port in std::mem::take(&mut self.doubtful) {
            if is_mapped(port) || self.parking.needs(port) {
                continue;
            }
            if let Some(ticket) = self.ports.as_mut().and_then(|ports| ports.forget(port)) {
                self.commands.push_back(UpstreamCommand::Close(ticket));
            }
        }
    }

    /// What was needed may not be any more, by those who wait no longer.
    fn let_go(&mut self, port: OuterPort, released: &[Released<R>]) {
        self.doubtful.insert(port);
        self.doubtful
            .extend(released.iter().flat_map(|released| &released.ports));
    }

    /// The next thing that is to be asked of the upstream gateway.
    pub(crate) fn poll_command(&mut self) -> Option<UpstreamCommand> {
        self.commands.pop_front()
    }
}

impl<R> Default for Upstream<R> {
    fn default() -> Self {
        Self {
            ports: None,
            last_ticket: Ticket::default(),
            parking: Parking::default(),
            doubtful: BTreeSet::new(),
            commands: VecDeque::new(),
        }
    }
}
