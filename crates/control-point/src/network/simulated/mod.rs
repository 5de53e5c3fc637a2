//! A machine, a gateway and the cable between them in memory, for tests on paused time.

mod events;
mod firewall;
mod gateway;
mod port_server;
mod port_socket;
mod serve;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use portreeve_wire::Quirks;
use portreeve_wire::ssdp::{self, Message};
use tokio::sync::{Notify, broadcast};

use super::{BoxFuture, Connected, Datagrams, Interface, Listener, Network, scoped};
use crate::discovery::{Discovery, discover};
use crate::mapping::Random;
pub(crate) use gateway::{GATEWAY, GATEWAY_V6, ROUTER, SimulatedGateway};
pub(crate) use port_server::Speaks;

/// The network; clones are the same one.
#[derive(Clone)]
pub(crate) struct Simulated {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Mutex<SimulatedGateway>,
    conditions: Mutex<Conditions>,
    announcements: broadcast::Sender<Vec<u8>>,
    port_announcements: broadcast::Sender<port_socket::Told>,
    doors: events::Doors,
}

/// How the machine and the cable are.
struct Conditions {
    local: Option<Ipv4Addr>,
    /// The first one is on the link.
    local_v6: Vec<Ipv6Addr>,
    /// How many searches were sent over IPv6.
    searches_v6: u64,
    /// From where the last connection came.
    last_peer: Option<IpAddr>,
    /// Of a thousand connections, so many are refused, and so many get no answer.
    refused: u64,
    swallowed: u64,
    /// How long the gateway takes for an action.
    held_back: Option<(&'static str, Duration)>,
    /// Whether a firewall of this machine drops connections to it.
    firewall: bool,
    random: Random,
}

impl Simulated {
    /// A gateway that is up, and this machine at 192.168.77.2. To be made within a runtime.
    pub(crate) fn new() -> Self {
        let conditions = Conditions {
            local: Some(Ipv4Addr::new(192, 168, 77, 2)),
            local_v6: Vec::new(),
            searches_v6: 0,
            last_peer: None,
            refused: 0,
            swallowed: 0,
            held_back: None,
            firewall: false,
            random: Random(7),
        };
        let inner = Inner {
            gateway: Mutex::new(SimulatedGateway::new()),
            conditions: Mutex::new(conditions),
            announcements: broadcast::channel(64).0,
            port_announcements: broadcast::channel(64).0,
            doors: events::Doors::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A search in this network.
    pub(crate) fn discover(&self) -> Discovery {
        discover().network(Arc::new(self.clone())).without_cache()
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> MutexGuard<'_, SimulatedGateway> {
        self.inner.gateway.lock().unwrap()
    }

    /// Gives this machine another address.
    pub(crate) fn move_to(&self, local: Ipv4Addr) {
        self.conditions().local = Some(local);
    }

    /// Gives this machine these IPv6 addresses beside one on the link, and the router as the way out.
    pub(crate) fn with_ipv6(self, addresses: &[&str]) -> Self {
        self.move_to_v6(addresses);
        self
    }

    /// The same later.
    pub(crate) fn move_to_v6(&self, addresses: &[&str]) {
        let addresses = ["fe80::2"].iter().chain(addresses);
        self.conditions().local_v6 = addresses.map(|address| address.parse().unwrap()).collect();
    }

    /// Takes this machine's IPv4 address away.
    pub(crate) fn without_ipv4(self) -> Self {
        self.conditions().local = None;
        self
    }

    /// How many searches were sent over IPv6.
    pub(crate) fn searches_v6(&self) -> u64 {
        self.conditions().searches_v6
    }

    /// From where the last connection came.
    pub(crate) fn last_peer(&self) -> Option<IpAddr> {
        self.conditions().last_peer
    }

    /// Lets connections fail: of a thousand, so many are refused and so many get no answer.
    pub(crate) fn trouble(&self, refused: u64, swallowed: u64) {
        let mut conditions = self.conditions();
        (conditions.refused, conditions.swallowed) = (refused, swallowed);
    }

    /// Lets the gateway take so long for an action, each time.
    pub(crate) fn hold_back(&self, action: &'static str, time: Duration) {
        self.conditions().held_back = Some((action, time));
    }

    /// Gives the gateway another external address, which it tells its subscribers.
    pub(crate) fn set_external_address(&self, address: &str) {
        self.gateway().external_address = address.to_owned();
        self.publish();
    }

    /// Lets the gateway tell its subscribers what has been done to it.
    pub(crate) fn tell(&self) {
        self.publish();
    }

    /// Lets a firewall of this machine drop connections to it, or not any more.
    pub(crate) fn set_firewall(&self, drops: bool) {
        self.conditions().firewall = drops;
    }

    /// Pulls the gateway's plug.
    pub(crate) fn kill(&self) {
        self.gateway().kill();
    }

    /// Starts the gateway with an empty table. Announced, it tells everybody.
    pub(crate) fn restart(&self, announced: Announced) {
        self.gateway().start();
        if announced == Announced::Yes {
            self.announce_alive();
            self.announce_ports();
        }
    }

    /// Sends `ssdp:alive`.
    pub(crate) fn announce_alive(&self) {
        if !self.gateway().igd {
            return;
        }
        let datagram = self.gateway().alive();
        // Nobody may be listening.
        let _heard = self.inner.announcements.send(datagram.into_bytes());
    }

    fn time_for(&self, soap_action: Option<&str>) -> Duration {
        let held_back = self.conditions().held_back;
        let is_it = |action: &str| soap_action.is_some_and(|asked| asked.contains(&format!("#{action}\"")));
        held_back.map_or(
            Duration::ZERO,
            |(action, time)| if is_it(action) { time } else { Duration::ZERO },
        )
    }

    fn conditions(&self) -> MutexGuard<'_, Conditions> {
        self.inner.conditions.lock().unwrap()
    }
}

/// Whether a start is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Yes,
    No,
}

/// What becomes of a connection.
enum Fate {
    Opened,
    Refused,
    Swallowed,
}

impl Conditions {
    fn draw(&mut self) -> Fate {
        match self.random.next() % 1000 {
            draw if draw < self.refused => Fate::Refused,
            draw if draw < self.refused + self.swallowed => Fate::Swallowed,
            _ => Fate::Opened,
        }
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated").finish_non_exhaustive()
    }
}

impl Network for Simulated {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        let conditions = self.conditions();
        let ipv4 = conditions.local.map(|local| (local.into(), 24));
        // What is on the link comes last, as with the system.
        let ipv6 = conditions.local_v6.iter().rev().map(|local| ((*local).into(), 64));
        let routers = [
            conditions.local.map(|_| GATEWAY.into()),
            conditions.local_v6.first().map(|_| ROUTER.into()),
        ];
        let interface = Interface {
            name: "lan0".to_owned(),
            index: 2,
            addresses: ipv4.into_iter().chain(ipv6).collect(),
            gateways: routers.into_iter().flatten().collect(),
            loopback: false,
            multicast: true,
        };
        Ok(vec![interface])
    }

    fn connect(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'_, io::Result<Connected>> {
        let (ours, fate) = {
            let mut conditions = self.conditions();
            let ipv6 = conditions.local_v6.iter().copied().map(IpAddr::V6);
            let ours: Vec<_> = conditions.local.map(IpAddr::V4).into_iter().chain(ipv6).collect();
            (ours, conditions.draw())
        };
        let same_family = |ours: &&IpAddr| ours.is_ipv4() == to.is_ipv4();
        let local = from.or_else(|| ours.iter().find(same_family).copied());
        let local = local.filter(|local| ours.contains(local) && local.is_ipv4() == to.is_ipv4());
        self.conditions().last_peer = local;
        let listens = self.gateway().listens_at(to);
        Box::pin(async move {
            let local = local.ok_or(io::ErrorKind::AddrNotAvailable)?;
            match fate {
                Fate::Swallowed => std::future::pending().await,
                Fate::Opened if listens => {}
                Fate::Opened | Fate::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
            }
            let (near, far) = tokio::io::duplex(64 * 1024);
            tokio::spawn(serve::serve(far, self.clone(), local));
            Ok(Connected {
                stream: Box::new(near),
                local: SocketAddr::new(local, 40_000),
            })
        })
    }

    fn search_socket(&self, from: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        let gateway = match from.ip() {
            IpAddr::V4(_) => GATEWAY.into(),
            IpAddr::V6(from) if from.is_unicast_link_local() => ROUTER.into(),
            IpAddr::V6(_) => GATEWAY_V6.into(),
        };
        Ok(Box::new(SearchSocket {
            network: self.clone(),
            gateway,
            answers: Mutex::default(),
            arrived: Notify::new(),
        }))
    }

    fn announcement_socket(&self, _on: &[Ipv4Addr]) -> io::Result<Box<dyn Datagrams>> {
        Ok(Box::new(AnnouncementSocket {
            heard: tokio::sync::Mutex::new(self.inner.announcements.subscribe()),
        }))
    }

    fn announcement_socket_v6(&self, _on: u32) -> io::Result<Box<dyn Datagrams>> {
        self.announcement_socket(&[])
    }

    fn connected_socket(&self, from: SocketAddr, to: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        self.port_socket(from, to)
    }

    fn port_announcement_socket(&self, _on: Ipv4Addr) -> io::Result<Box<dyn Datagrams>> {
        Ok(self.port_listener(false))
    }

    fn port_announcement_socket_v6(&self, _on: u32) -> io::Result<Box<dyn Datagrams>> {
        Ok(self.port_listener(true))
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Ok(self.inner.doors.open(at))
    }
}

struct SearchSocket {
    network: Simulated,
    /// Who answers.
    gateway: IpAddr,
    answers: Mutex<VecDeque<String>>,
    arrived: Notify,
}

impl Datagrams for SearchSocket {
    fn send<'a>(&'a self, datagram: &'a [u8], _to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            if let Ok(Message::Search(search)) = ssdp::parse(datagram, Quirks::default()) {
                self.network.conditions().searches_v6 += u64::from(self.gateway.is_ipv6());
                let answers = self.network.gateway().answer(&search, self.gateway);
                self.answers.lock().unwrap().extend(answers);
                self.arrived.notify_one();
            }
            Ok(())
        })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            loop {
                let next = self.answers.lock().unwrap().pop_front();
                if let Some(answer) = next {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    buffer[..answer.len()].copy_from_slice(answer.as_bytes());
                    return Ok((answer.len(), scoped(self.gateway, ssdp::PORT, 2)));
                }
                self.arrived.notified().await;
            }
        })
    }
}

struct AnnouncementSocket {
    heard: tokio::sync::Mutex<broadcast::Receiver<Vec<u8>>>,
}

impl Datagrams for AnnouncementSocket {
    fn send<'a>(&'a self, _datagram: &'a [u8], _to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            let datagram = self.heard.lock().await.recv().await.map_err(io::Error::other)?;
            buffer[..datagram.len()].copy_from_slice(&datagram);
            Ok((datagram.len(), SocketAddr::new(GATEWAY.into(), ssdp::PORT)))
        })
    }
}
