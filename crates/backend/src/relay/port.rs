//! One external port: its sockets, and where what arrives there goes.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use portreeve_engine::{Expiry, Mapping, Protocol, RemoteHost, Time};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::slot::{Slot, lock};
use super::udp::Flows;
use super::{Mappings, Shared, target, tcp, udp};

/// A lease whose end falls into a change ends by this much later.
const CHANGE_TAKES: Duration = Duration::from_millis(2);

/// When a route ends; `None` for never. That its sender is gone says that it has ended.
pub(super) type Lease = watch::Receiver<Option<Instant>>;

#[derive(Debug)]
pub(super) struct Port {
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    routes: BTreeMap<RemoteHost, Entry>,
    sockets: Vec<Listening>,
    /// While a change is under way no lease ends here, so that what was found open is open when it is done.
    changing: bool,
}

#[derive(Debug)]
struct Entry {
    route: Arc<Route>,
    lease: watch::Sender<Option<Instant>>,
}

/// Where a mapping leads, and what it carries at present.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) target: SocketAddrV4,
    pub(super) connections: Arc<Semaphore>,
    pub(super) flows: Flows,
}

/// A socket that has its port but is not served yet.
#[derive(Debug)]
pub(super) struct Opened {
    address: Ipv4Addr,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

#[derive(Debug)]
struct Listening {
    address: Ipv4Addr,
    socket: Shut,
    task: AbortHandle,
}

#[derive(Debug)]
enum Shut {
    Tcp(Arc<Slot<TcpListener>>),
    Udp(Arc<Slot<UdpSocket>>),
}

impl Opened {
    /// Takes the port. Must be called in the context of a runtime.
    pub(super) fn open(protocol: Protocol, address: SocketAddrV4) -> io::Result<Self> {
        let socket = match protocol {
            Protocol::Tcp => Socket::Tcp(tcp::listen(address)?),
            Protocol::Udp => Socket::Udp(udp::listen(address)?),
        };
        Ok(Self {
            address: *address.ip(),
            socket,
        })
    }
}

impl Port {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            state: Mutex::default(),
        }
    }

    /// A change begins: until it is installed or taken back, no lease ends here.
    pub(super) fn begin_change(&self) {
        lock(&self.state).changing = true;
    }

    /// The change is not going to happen.
    pub(super) fn take_back_change(&self) {
        lock(&self.state).changing = false;
    }

    /// The addresses at which the port is open.
    pub(super) fn addresses(&self) -> Vec<Ipv4Addr> {
        lock(&self.state).sockets.iter().map(|socket| socket.address).collect()
    }

    /// Makes the routes those of these mappings, and serves these sockets too. A route with the same target as before
    /// keeps what it carries. A change that was begun is done with this.
    pub(super) fn install(self: &Arc<Self>, mappings: &Mappings, opened: Vec<Opened>, now: Time) {
        let mut state = lock(&self.state);
        let stays = |remote_host: &RemoteHost, entry: &Entry| {
            mappings
                .get(remote_host)
                .is_some_and(|mapping| target(mapping) == entry.route.target)
        };
        state.routes.retain(|remote_host, entry| stays(remote_host, entry));
        for (remote_host, mapping) in mappings {
            let ends = ends(mapping, now);
            match state.routes.get(remote_host) {
                Some(entry) => drop(entry.lease.send_replace(ends)),
                None => drop(
                    state
                        .routes
                        .insert(*remote_host, self.entry(*remote_host, mapping, ends)),
                ),
            }
        }
        state.changing = false;
        drop(state);
        self.listen(opened);
    }

    /// Serves these sockets too, unless every lease has ended.
    pub(super) fn listen(self: &Arc<Self>, opened: Vec<Opened>) {
        let mut state = lock(&self.state);
        if state.routes.is_empty() {
            return;
        }
        let listening = opened.into_iter().map(|Opened { address, socket }| {
            let port = Arc::downgrade(self);
            let (socket, task) = match socket {
                Socket::Tcp(socket) => {
                    let slot = Arc::new(Slot::new(socket));
                    let task = tokio::spawn(tcp::accept(port, Arc::clone(&slot)));
                    (Shut::Tcp(slot), task)
                }
                Socket::Udp(socket) => {
                    let slot = Arc::new(Slot::new(socket));
                    let task = tokio::spawn(udp::receive(port, Arc::clone(&slot)));
                    (Shut::Udp(slot), task)
                }
            };
            Listening {
                address,
                socket,
                task: task.abort_handle(),
            }
        });
        state.sockets.extend(listening);
    }

    /// Where what this host sends goes, if anywhere: the mapping for it alone before the one for all.
    pub(super) fn route(&self, source: Ipv4Addr) -> Option<(Arc<Route>, Lease)> {
        let state = lock(&self.state);
        let own = state.routes.get(&RemoteHost::Host(source));
        let entry = own.or_else(|| state.routes.get(&RemoteHost::Any))?;
        Some((Arc::clone(&entry.route), entry.lease.subscribe()))
    }

    /// Frees the port at all addresses but these.
    pub(super) fn close_except(&self, addresses: &[Ipv4Addr]) {
        lock(&self.state)
            .sockets
            .retain(|socket| addresses.contains(&socket.address));
    }

    /// Frees the port and ends all it carries.
    pub(super) fn close(&self) {
        *lock(&self.state) = State::default();
    }

    fn entry(self: &Arc<Self>, remote_host: RemoteHost, mapping: &Mapping, ends: Option<Instant>) -> Entry {
        let (lease, ending) = watch::channel(ends);
        tokio::spawn(end_in_time(Arc::downgrade(self), remote_host, ending));
        let connections = self.shared.settings.connections_per_mapping;
        let route = Arc::new(Route {
            target: target(mapping),
            connections: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            flows: Flows::default(),
        });
        Entry { route, lease }
    }

    /// Ends the route if its lease has, and frees the port if it was the last.
    fn end(&self, remote_host: RemoteHost) {
        let mut state = lock(&self.state);
        if state.changing {
            return;
        }
        let has_ended = |entry: &Entry| entry.lease.borrow().is_some_and(|ends| ends <= Instant::now());
        if state.routes.get(&remote_host).is_some_and(has_ended) {
            state.routes.remove(&remote_host);
        }
        if state.routes.is_empty() {
            state.sockets.clear();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        match &self.socket {
            Shut::Tcp(slot) => slot.close(),
            Shut::Udp(slot) => slot.close(),
        }
        self.task.abort();
    }
}

/// Returns when the route has ended.
pub(super) async fn ended(lease: &mut Lease) {
    while lease.changed().await.is_ok() {}
}

async fn end_in_time(port: Weak<Port>, remote_host: RemoteHost, mut lease: Lease) {
    loop {
        let ends = *lease.borrow_and_update();
        let time_is_up = async {
            match ends {
                Some(ends) => tokio::time::sleep_until(ends).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time_is_up => {
                port.upgrade().into_iter().for_each(|port| port.end(remote_host));
                // If it has not ended, a change is under way.
                tokio::time::sleep(CHANGE_TAKES).await;
            }
            changed = lease.changed() => if changed.is_err() { return },
        }
    }
}

fn ends(mapping: &Mapping, now: Time) -> Option<Instant> {
    match mapping.expiry {
        Expiry::Never => None,
        Expiry::At(end) => Instant::now().checked_add(end.since(now)),
    }
}
