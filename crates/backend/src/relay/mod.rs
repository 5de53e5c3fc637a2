//! Mappings in user space: the process itself listens on the external port and moves the bytes.
//!
//! It needs no privilege (but for ports below 1024) and no second interface. LAN hosts see the gateway as the source
//! of what comes in, and their own outbound packets pass this backend by, so it has no say in the port from which
//! those leave: [`Change::Outbound`] is accepted and without effect. IPv6 packets pass it by too, and so it refuses
//! pinholes.
//!
//! One `Port` holds the listening sockets of a protocol and port, and the routes by source address that the
//! mappings of that port make.

mod port;
mod slot;
mod tcp;
mod udp;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use portreeve_engine::{Change, Desired, EntryKey, Expiry, Flow, Mapping, PinholeKey, Protocol, RemoteHost, Time};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::port::{Opened, Port};
use crate::{Backend, BackendError, Reconciled, Refusal, Refused};

/// Limits of a relay, and what it must know of the LAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most TCP connections that one mapping carries at once. More are reset.
    pub connections_per_mapping: usize,
    /// Most UDP flows (one per remote socket) that one mapping carries at once. One more ends the one that has been
    /// idle for longest.
    pub flows_per_mapping: usize,
    /// Most connections and flows in all.
    pub in_all: usize,
    /// How long a UDP flow lives without a datagram in either direction; at least two minutes (RFC 4787 REQ-5).
    pub flow_idle: Duration,
    /// How long a LAN host has to take a TCP connection before the remote one is reset.
    pub connect_timeout: Duration,
    /// The gateway's address on the LAN: datagrams for every client (`255.255.255.255`) are broadcast from there.
    /// Without one, the system's routes decide where they go.
    pub lan: Option<Ipv4Addr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_per_mapping: 1024,
            flows_per_mapping: 1024,
            in_all: 8192,
            flow_idle: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(10),
            lan: None,
        }
    }
}

/// The backend that moves bytes itself.
///
/// Its methods block only for the system calls that open and close sockets. When one returns, every port that it ended
/// is free for others, and every port that it opened takes connections. Connections of a mapping that ended are reset
/// soon after. Leases end by themselves on a clock that stands still while the machine sleeps; the engine's removal
/// makes up for that.
#[derive(Debug)]
pub struct Relay {
    runtime: Handle,
    shared: Arc<Shared>,
    addresses: Vec<Ipv4Addr>,
    ports: HashMap<PortId, Held>,
}

/// What all ports share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    in_all: Arc<Semaphore>,
}

/// The mappings in force of one port, and the port. After the end of a lease the port no longer has a route for it.
#[derive(Debug)]
struct Held {
    mappings: Mappings,
    port: Arc<Port>,
}

type PortId = (Protocol, NonZeroU16);
type Mappings = BTreeMap<RemoteHost, Arc<Mapping>>;

/// A port as it is to be.
#[derive(Debug)]
struct Planned {
    /// The change to blame if it cannot be so.
    change: usize,
    mappings: Mappings,
}

impl Relay {
    /// A relay without mappings, listening on all addresses until it is told the external ones. Its connections are
    /// served by `runtime`.
    pub fn new(runtime: Handle, settings: Settings) -> Self {
        let in_all = Arc::new(Semaphore::new(settings.in_all.min(Semaphore::MAX_PERMITS)));
        Self {
            runtime,
            shared: Arc::new(Shared { settings, in_all }),
            addresses: vec![Ipv4Addr::UNSPECIFIED],
            ports: HashMap::new(),
        }
    }

    fn plan(&self, changes: &[Change], now: Time) -> BTreeMap<PortId, Planned> {
        let mut plan = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            let Change::Mapping { before, after } = change else {
                continue;
            };
            let Some(key) = after.as_ref().or(before.as_ref()).map(|mapping| mapping.key) else {
                continue;
            };
            let id = (key.protocol, key.external_port);
            let planned = plan.entry(id).or_insert_with(|| Planned {
                change: index,
                mappings: self
                    .ports
                    .get(&id)
                    .map(|held| held.mappings.clone())
                    .unwrap_or_default(),
            });
            match after {
                Some(after) if after.enabled => {
                    planned.change = index;
                    planned.mappings.insert(key.remote_host, Arc::clone(after));
                }
                _ => drop(planned.mappings.remove(&key.remote_host)),
            }
        }
        for planned in plan.values_mut() {
            planned.mappings.retain(|_, mapping| is_in_force(mapping, now));
        }
        plan
    }

    /// Opens what a port with these mappings lacks; a port without mappings lacks nothing.
    fn open(&self, id: PortId, mappings: &Mappings) -> io::Result<Vec<Opened>> {
        if mappings.is_empty() {
            return Ok(Vec::new());
        }
        let have = self
            .ports
            .get(&id)
            .map(|held| held.port.addresses())
            .unwrap_or_default();
        let lacking = self.addresses.iter().filter(|address| !have.contains(*address));
        let open = |address: &Ipv4Addr| Opened::open(id.0, SocketAddrV4::new(*address, id.1.get()));
        lacking.map(open).collect()
    }

    /// Makes a port carry these mappings, with these sockets added to those it has.
    fn install(&mut self, id: PortId, mappings: Mappings, opened: Vec<Opened>, now: Time) {
        if mappings.is_empty() {
            if let Some(held) = self.ports.remove(&id) {
                held.port.close();
            }
            return;
        }
        let shared = &self.shared;
        let held = self.ports.entry(id).or_insert_with(|| Held {
            mappings: Mappings::new(),
            port: Arc::new(Port::new(Arc::clone(shared))),
        });
        held.port.install(&mappings, opened, now);
        held.mappings = mappings;
    }
}

impl Backend for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn apply(&mut self, changes: &[Change], now: Time) -> Result<(), Refused> {
        let opens = |change: &Change| matches!(change, Change::Pinhole { after: Some(_), .. });
        if let Some(change) = changes.iter().position(opens) {
            let why = no_pinholes();
            return Err(Refused { change, why });
        }
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let mut plan: Vec<(PortId, Planned)> = self.plan(changes, now).into_iter().collect();
        plan.sort_by_key(|(_, planned)| planned.change);
        let ids: Vec<PortId> = plan.iter().map(|(id, _)| *id).collect();
        let open = |(id, planned): (PortId, Planned)| match self.open(id, &planned.mappings) {
            Ok(opened) => Ok((id, planned.mappings, opened)),
            Err(error) => Err(Refused {
                change: planned.change,
                why: refusal(&error),
            }),
        };
        let touched = || ids.iter().filter_map(|id| self.ports.get(id));
        touched().for_each(|held| held.port.begin_change());
        let opened: Vec<_> = match plan.into_iter().map(open).collect() {
            Ok(opened) => opened,
            Err(refused) => {
                touched().for_each(|held| held.port.take_back_change());
                return Err(refused);
            }
        };
        for (id, mappings, opened) in opened {
            self.install(id, mappings, opened, now);
        }
        Ok(())
    }

    fn external_port(&mut self, _: &Flow) -> Result<Option<NonZeroU16>, BackendError> {
        Err(BackendError::Unsupported {
            what: "tell a relay from which port a flow leaves".to_owned(),
            remedy: "choose backend = \"nftables\"".to_owned(),
        })
    }

    /// None is ever in force.
    fn pinhole_packets(&mut self, _: &PinholeKey) -> Result<Option<u64>, BackendError> {
        Ok(None)
    }

    fn reconcile(&mut self, desired: &Desired, now: Time) -> Result<Reconciled, BackendError> {
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let mut wanted: BTreeMap<PortId, Mappings> = self.ports.keys().map(|id| (*id, Mappings::new())).collect();
        for mapping in desired.mappings.iter().filter(|mapping| is_in_force(mapping, now)) {
            let key = mapping.key;
            let port = wanted.entry((key.protocol, key.external_port)).or_default();
            port.insert(key.remote_host, Arc::clone(mapping));
        }
        let mut done = Reconciled::default();
        let pinholes = desired.pinholes.iter();
        done.refused
            .extend(pinholes.map(|pinhole| (EntryKey::Pinhole(pinhole.key), no_pinholes())));
        for (id, mut mappings) in wanted {
            if let Some(held) = self.ports.get(&id) {
                held.port.begin_change();
            }
            let opened = self.open(id, &mappings).unwrap_or_else(|error| {
                let refused = std::mem::take(&mut mappings).into_values();
                done.refused
                    .extend(refused.map(|mapping| (EntryKey::Mapping(mapping.key), refusal(&error))));
                Vec::new()
            });
            let reopened = !opened.is_empty();
            let none = Mappings::new();
            let before = self.ports.get(&id).map_or(&none, |held| &held.mappings);
            for (remote_host, mapping) in &mappings {
                match before.get(remote_host) {
                    Some(same) if !reopened && is_same(same, mapping) => done.kept += 1,
                    Some(_) => done.changed += 1,
                    None => done.added += 1,
                }
            }
            done.removed += before
                .keys()
                .filter(|remote_host| !mappings.contains_key(remote_host))
                .count();
            self.install(id, mappings, opened, now);
        }
        Ok(done)
    }

    /// Moves every port to these addresses. Those that are not this machine's (it is behind another NAT) are left out;
    /// where none is left, ports are open on all addresses. Connections stay up. Ports that cannot be moved are closed,
    /// and the first is named in the error; [`Backend::reconcile`] tries them again.
    fn set_external(&mut self, addresses: &[Ipv4Addr]) -> Result<(), BackendError> {
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let own: BTreeSet<Ipv4Addr> = addresses.iter().copied().filter(|address| is_own(*address)).collect();
        self.addresses = match own.is_empty() || own.contains(&Ipv4Addr::UNSPECIFIED) {
            true => vec![Ipv4Addr::UNSPECIFIED],
            false => own.into_iter().collect(),
        };
        let mut outcome = Ok(());
        for (id, held) in &self.ports {
            // The old ones go first: a socket on all addresses excludes one on a single address.
            held.port.close_except(&self.addresses);
            match self.open(*id, &held.mappings) {
                Ok(opened) => held.port.listen(opened),
                Err(error) => {
                    held.port.close_except(&[]);
                    outcome = outcome.and_then(|()| {
                        Err(BackendError::System {
                            operation: format!("listen on {:?} for port {}/{}", self.addresses, id.1, id.0),
                            cause: error.to_string(),
                        })
                    });
                }
            }
        }
        outcome
    }

    fn flush(&mut self) -> Result<(), BackendError> {
        for (_, held) in self.ports.drain() {
            held.port.close();
        }
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for held in self.ports.values() {
            held.port.close();
        }
    }
}

fn no_pinholes() -> Refusal {
    Refusal::Failed("the relay backend carries no IPv6, and so has no firewall to open".to_owned())
}

fn is_in_force(mapping: &Mapping, now: Time) -> bool {
    mapping.enabled && mapping.expiry > Expiry::At(now)
}

/// Whether two mappings with the same key ask the same of a relay.
fn is_same(a: &Mapping, b: &Mapping) -> bool {
    target(a) == target(b) && a.expiry == b.expiry
}

fn target(mapping: &Mapping) -> SocketAddrV4 {
    SocketAddrV4::new(mapping.internal_client, mapping.internal_port.get())
}

/// Whether this machine has the address.
fn is_own(address: Ipv4Addr) -> bool {
    match std::net::UdpSocket::bind((address, 0)) {
        Err(error) => error.kind() != io::ErrorKind::AddrNotAvailable,
        Ok(_) => true,
    }
}

fn refusal(error: &io::Error) -> Refusal {
    use nix::errno::Errno;
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EADDRINUSE) => Refusal::PortTaken,
        Some(Errno::EACCES | Errno::EPERM) => Refusal::PortForbidden,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::ENOSPC) => Refusal::NoRoom,
        _ => Refusal::Failed(error.to_string()),
    }
}
