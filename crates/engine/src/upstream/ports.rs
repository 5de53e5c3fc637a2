//! Which ports of the upstream gateway are open, as far as is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::message::{OuterPort, Ticket};
use crate::time::Time;

/// The ports that mappings or waiting requests need.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    known: BTreeMap<OuterPort, Known>,
    /// Which port a ticket stands for, where its answer is of interest.
    tickets: HashMap<Ticket, OuterPort>,
    /// When ports that were refused are asked for again.
    retries: BTreeSet<(Time, OuterPort)>,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    /// Asked for.
    Asked(Ticket),
    /// Open.
    Open(Ticket),
    /// Refused for now: mappings of it are not reached from the Internet until it is opened.
    Refused { again_at: Time },
}

impl Ports {
    /// Whether the port is open.
    pub(crate) fn is_open(&self, port: OuterPort) -> bool {
        matches!(self.known.get(&port), Some(Known::Open(_)))
    }

    /// Whether the port is open or has been asked for.
    pub(crate) fn is_on_its_way(&self, port: OuterPort) -> bool {
        matches!(self.known.get(&port), Some(Known::Open(_) | Known::Asked(_)))
    }

    /// Whether the port is known at all.
    pub(crate) fn has(&self, port: OuterPort) -> bool {
        self.known.contains_key(&port)
    }

    /// The port is asked for by this ticket.
    pub(crate) fn ask(&mut self, port: OuterPort, ticket: Ticket) {
        self.forget(port);
        self.known.insert(port, Known::Asked(ticket));
        self.tickets.insert(ticket, port);
    }

    /// The port of this ticket is open; none if nobody is interested any more.
    pub(crate) fn opened(&mut self, ticket: Ticket) -> Option<OuterPort> {
        let port = *self.tickets.get(&ticket)?;
        self.known.insert(port, Known::Open(ticket));
        Some(port)
    }

    /// The port of this ticket is refused, and may be asked for again from then on; none if nobody is interested.
    pub(crate) fn refused(&mut self, ticket: Ticket, again_at: Time) -> Option<OuterPort> {
        let port = *self.tickets.get(&ticket)?;
        self.forget(port);
        self.known.insert(port, Known::Refused { again_at });
        self.retries.insert((again_at, port));
        Some(port)
    }

    /// Nothing is wanted of the port any more; returns the ticket to be closed, if there is one.
    pub(crate) fn forget(&mut self, port: OuterPort) -> Option<Ticket> {
        match self.known.remove(&port)? {
            Known::Asked(ticket) | Known::Open(ticket) => {
                self.tickets.remove(&ticket);
                Some(ticket)
            }
            Known::Refused { again_at } => {
                self.retries.remove(&(again_at, port));
                None
            }
        }
    }

    /// When a port is to be asked for again.
    pub(crate) fn next_retry(&self) -> Option<Time> {
        self.retries.first().map(|(at, _)| *at)
    }

    /// The ports that are to be asked for again.
    pub(crate) fn due(&self, now: Time) -> Vec<OuterPort> {
        let due = self.retries.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, port)| *port).collect()
    }
}
