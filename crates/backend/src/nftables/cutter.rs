//! Ends live connections that the maps do not lead to any more. The kernel translates only the first packet of a
//! connection, so that those which are up would outlive their mapping.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddrV4;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use portreeve_netlink::Error;
use portreeve_netlink::conntrack::{self, Flow};
use portreeve_netlink::nftables::{Connection, Data, Element, Table};

use super::error;
use super::row::{self, Map, RowChange};
use super::skeleton::{EXTERNAL, UDP};
use crate::BackendError;

/// Reading the connections must not take more than a fiftieth of a processor, however fast mappings change.
const REST_PER_WORK: u32 = 49;

/// Connections that may have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Those to an external port.
    Inbound { protocol: u8, external_port: u16, was: Was },
    /// Those that a client's UDP socket began and that leave by this external port: as long as one lives, the next
    /// client of the port cannot speak to the same remote socket. A client's own TCP connections are left alone: unlike
    /// a datagram, its next segment does not begin them anew.
    Outbound { socket: SocketAddrV4, external_port: u16 },
}

/// Where connections to the port went before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    /// To this client.
    Mapped(SocketAddrV4),
    /// To this machine: a sender of UDP who started before the mapping came keeps its old connection alive by sending,
    /// and that one leads nowhere.
    Unmapped,
}

/// A thread that cuts connections.
#[derive(Debug)]
pub(super) struct Cutter {
    queue: Option<Sender<Vec<Cut>>>,
    thread: Option<JoinHandle<()>>,
}

impl Cut {
    /// What a change means for live connections, if anything: a mere new lease means nothing, and those through a pinhole
    /// end with it by themselves.
    pub(super) fn of(change: &RowChange) -> Option<Self> {
        let row = change.before.as_ref().or(change.after.as_ref())?;
        match row.map {
            Map::AnyHost | Map::OneHost => {}
            Map::Outbound => return Self::of_outbound(change),
            Map::Pinholes(_) => return None,
        }
        let (protocol, external_port) = row::external_port(&row.element.key)?;
        let was = match &change.before {
            Some(before)
                if change
                    .after
                    .is_none_or(|after| after.element.value != before.element.value) =>
            {
                Was::Mapped(row::target(&before.element.value?)?)
            }
            None if protocol == UDP => Was::Unmapped,
            Some(_) | None => return None,
        };
        Some(Self::Inbound {
            protocol,
            external_port,
            was,
        })
    }

    fn of_outbound(change: &RowChange) -> Option<Self> {
        let before = change.before.as_ref()?.element;
        let (protocol, socket) = row::socket(&before.key)?;
        if protocol != UDP {
            return None;
        }
        let still_so = change.after.is_some_and(|after| after.element.value == before.value);
        match still_so {
            true => None,
            false => Some(Self::Outbound {
                socket,
                external_port: row::outbound_port(&before.value?)?,
            }),
        }
    }

    /// For an element that is removed.
    pub(super) fn removed(map: Map, element: &Element) -> Option<Self> {
        Self::of(&RowChange {
            before: Some(row::Row { map, element: *element }),
            after: None,
        })
    }
}

impl Cutter {
    /// Starts the thread.
    pub(super) fn start(table: Table) -> Result<Self, BackendError> {
        let opening = |failure: Error| error::netlink("open conntrack", &failure);
        let mut worker = Worker {
            conntrack: conntrack::Connection::open().map_err(opening)?,
            maps: Connection::open().map_err(opening)?,
            table,
        };
        let (sender, receiver) = channel();
        let thread = thread::Builder::new()
            .name("cutter".to_owned())
            .spawn(move || worker.run(&receiver))
            .map_err(|cause| BackendError::System {
                operation: "start a thread".to_owned(),
                cause: cause.to_string(),
            })?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
        })
    }

    /// Has the connections of these looked at, soon.
    pub(super) fn cut(&self, cuts: Vec<Cut>) {
        if let Some(queue) = &self.queue {
            // The thread ends only when the queue is closed.
            let _ = queue.send(cuts);
        }
    }
}

impl Drop for Cutter {
    /// Waits until everything asked for is done.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    conntrack: conntrack::Connection,
    maps: Connection,
    table: Table,
}

impl Worker {
    fn run(&mut self, queue: &Receiver<Vec<Cut>>) {
        while let Ok(mut cuts) = queue.recv() {
            cuts.extend(queue.try_iter().flatten());
            let start = Instant::now();
            match self.cut(&cuts) {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "cut connections whose mapping ended"),
                Err(failure) => tracing::warn!(%failure, "could not cut the connections of ended mappings"),
            }
            // Whatever arrives meanwhile is done together.
            thread::sleep(start.elapsed() * REST_PER_WORK);
        }
    }

    /// Reads all connections once and cuts those that the maps do not lead to any more; the answer is how many.
    fn cut(&mut self, cuts: &[Cut]) -> Result<usize, Error> {
        let mut ports: HashMap<(u8, u16), Vec<Was>> = HashMap::with_capacity(cuts.len());
        let mut sockets = HashSet::new();
        for cut in cuts {
            match *cut {
                Cut::Inbound {
                    protocol,
                    external_port,
                    was,
                } => ports.entry((protocol, external_port)).or_default().push(was),
                Cut::Outbound { socket, external_port } => drop(sockets.insert((socket, external_port))),
            }
        }
        let mut suspects = Vec::new();
        self.conntrack.flows(|flow| {
            let port = (flow.original.protocol, flow.original.destination.port());
            let to_port = ports.get(&port).is_some_and(|was| was.contains(&Was::of(&flow)));
            if to_port || outbound(&flow).is_some_and(|from| sockets.contains(&from)) {
                suspects.push(flow);
            }
        })?;
        if suspects.is_empty() {
            return Ok(0);
        }
        let external: Vec<_> = self
            .maps
            .elements(&self.table, EXTERNAL)?
            .iter()
            .map(|element| element.key)
            .collect();
        let mut ended = Vec::new();
        for flow in suspects {
            let address = Data::new().ipv4(*flow.original.destination.ip());
            let ends = match outbound(&flow).filter(|from| sockets.contains(from)) {
                Some((socket, port)) => self.outbound_port(socket)? != Some(port),
                None => match (Was::of(&flow), self.target(&flow)?) {
                    (Was::Mapped(client), now) => now != Some(client),
                    (Was::Unmapped, now) => now.is_some() && external.contains(&address),
                },
            };
            if ends {
                ended.push(flow);
            }
        }
        self.conntrack.delete(&ended)?;
        Ok(ended.len())
    }

    /// Where a new connection like this one is led to now.
    fn target(&mut self, flow: &Flow) -> Result<Option<SocketAddrV4>, Error> {
        let (protocol, port) = (flow.original.protocol, flow.original.destination.port());
        let one_host = row::one_host_key(protocol, port, *flow.original.source.ip());
        let any_host = row::any_host_key(protocol, port);
        for (map, key) in [(Map::OneHost, one_host), (Map::AnyHost, any_host)] {
            if let Some(element) = self.maps.element(&self.table, map.name(), &key)? {
                return Ok(element.value.and_then(|value| row::target(&value)));
            }
        }
        Ok(None)
    }

    /// The external port by which new datagrams of this client's socket leave.
    fn outbound_port(&mut self, socket: SocketAddrV4) -> Result<Option<u16>, Error> {
        let key = row::socket_key(UDP, *socket.ip(), socket.port());
        let element = self.maps.element(&self.table, Map::Outbound.name(), &key)?;
        Ok(element.and_then(|element| row::outbound_port(&element.value?)))
    }
}

/// The socket that began a connection whose source alone is translated, and the port to which it is.
fn outbound(flow: &Flow) -> Option<(SocketAddrV4, u16)> {
    let translated = flow.reply.destination != flow.original.source && !flow.has_translated_destination();
    (translated && flow.original.protocol == UDP).then_some((flow.original.source, flow.reply.destination.port()))
}

impl Was {
    const fn of(flow: &Flow) -> Self {
        match flow.has_translated_destination() {
            true => Self::Mapped(flow.reply.source),
            false => Self::Unmapped,
        }
    }
}
