//! The network of the machine that we run on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use portreeve_wire::pcp;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::{BoxFuture, Connected, Datagrams, Interface, Listener, Network, Stream, interfaces, scoped};

/// The group of announcements and searches (UDA 1.1 section 1.1.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

/// The groups of IPv6: on the link, and in the site (UDA 1.1 annex A).
const GROUPS_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc),
    Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xc),
];

/// The groups of everybody on the link, where PCP and NAT-PMP servers announce themselves (RFC 6887 section 14.1).
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The port of announcements and searches.
const PORT: u16 = 1900;

/// How many routers a multicast may pass (UDA 1.1 section 1.1.1).
const TTL: u32 = 2;

/// The same for the site's group of IPv6 (UDA 2.0 annex A).
const HOPS: u32 = 10;

/// The system's own network.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct System;

impl System {
    /// Name and version of the operating system, as `USER-AGENT` tells them.
    pub(crate) fn name_and_version() -> (String, String) {
        let mut name = std::env::consts::OS.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        (name, interfaces::system_version().unwrap_or_else(|| "1".to_owned()))
    }
}

impl Network for System {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        interfaces::interfaces()
    }

    fn connect(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async move {
            let socket = match to {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            if let Some(from) = from {
                // A link-local address of ours is on the link of the one that it talks to.
                let link = match to {
                    SocketAddr::V4(_) => 0,
                    SocketAddr::V6(to) => to.scope_id(),
                };
                socket.bind(scoped(from, 0, link))?;
            }
            let stream = socket.connect(to).await?;
            // Head and body of a request are written one after the other.
            stream.set_nodelay(true)?;
            let local = stream.local_addr()?;
            Ok(Connected {
                stream: Box::new(stream),
                local,
            })
        })
    }

    fn search_socket(&self, mut from: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        from.set_port(0);
        let socket = datagram_socket(Domain::for_address(from))?;
        // A gateway on this machine hears the search as well.
        match &mut from {
            SocketAddr::V4(from) => {
                socket.set_multicast_if_v4(from.ip())?;
                socket.set_multicast_ttl_v4(TTL)?;
                socket.set_multicast_loop_v4(true)?;
            }
            SocketAddr::V6(from) => {
                socket.set_multicast_if_v6(from.scope_id())?;
                socket.set_multicast_hops_v6(HOPS)?;
                socket.set_multicast_loop_v6(true)?;
                // To bind to, the scope belongs to link-local addresses only.
                if !from.ip().is_unicast_link_local() {
                    from.set_scope_id(0);
                }
            }
        }
        socket.bind(&from.into())?;
        Ok(Box::new(UdpSocket::from_std(socket.into())?))
    }

    fn announcement_socket(&self, on: &[Ipv4Addr]) -> io::Result<Box<dyn Datagrams>> {
        let socket = shared_socket(Domain::IPV4)?;
        // Bound to the group, so that what is sent to this machine alone still goes to a gateway that runs here.
        socket.bind(&SocketAddrV4::new(GROUP, PORT).into())?;
        // Otherwise groups that other sockets joined are heard too, from every interface.
        #[cfg(target_os = "linux")]
        socket.set_multicast_all_v4(false)?;
        for interface in on {
            socket.join_multicast_v4(&GROUP, interface)?;
        }
        Ok(Box::new(UdpSocket::from_std(socket.into())?))
    }

    fn announcement_socket_v6(&self, on: u32) -> io::Result<Box<dyn Datagrams>> {
        let open = |group: Ipv6Addr| -> io::Result<UdpSocket> {
            let socket = shared_socket(Domain::IPV6)?;
            socket.bind(&SocketAddrV6::new(group, PORT, 0, on).into())?;
            socket.join_multicast_v6(&group, on)?;
            UdpSocket::from_std(socket.into())
        };
        let [link, site] = GROUPS_V6;
        Ok(Box::new(Pair(open(link)?, open(site)?)))
    }

    fn connected_socket(&self, mut from: SocketAddr, to: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        from.set_port(0);
        let socket = datagram_socket(Domain::for_address(from))?;
        socket.bind(&from.into())?;
        socket.connect(&to.into())?;
        Ok(Box::new(Connection(UdpSocket::from_std(socket.into())?)))
    }

    fn port_announcement_socket(&self, on: Ipv4Addr) -> io::Result<Box<dyn Datagrams>> {
        let socket = shared_socket(Domain::IPV4)?;
        socket.bind(&SocketAddrV4::new(ALL_HOSTS, pcp::CLIENT_PORT).into())?;
        // Every interface is in the group of all hosts.
        #[cfg(target_os = "linux")]
        socket.set_multicast_all_v4(false)?;
        socket.join_multicast_v4(&ALL_HOSTS, &on)?;
        Ok(Box::new(UdpSocket::from_std(socket.into())?))
    }

    fn port_announcement_socket_v6(&self, on: u32) -> io::Result<Box<dyn Datagrams>> {
        let socket = shared_socket(Domain::IPV6)?;
        socket.bind(&SocketAddrV6::new(ALL_NODES, pcp::CLIENT_PORT, 0, on).into())?;
        socket.join_multicast_v6(&ALL_NODES, on)?;
        Ok(Box::new(UdpSocket::from_std(socket.into())?))
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let listener = std::net::TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        Ok(Box::new(TcpListener::from_std(listener)?))
    }
}

impl Listener for TcpListener {
    fn local(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, IpAddr)>> {
        Box::pin(async move {
            let (stream, peer) = Self::accept(self).await?;
            Ok((Box::new(stream) as Box<dyn Stream>, peer.ip()))
        })
    }
}

/// Two sockets that hear as one.
struct Pair(UdpSocket, UdpSocket);

impl Datagrams for Pair {
    fn send<'a>(&'a self, datagram: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Datagrams::send(&self.0, datagram, to)
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            loop {
                let heard = tokio::select! {
                    ready = self.0.readable() => ready.and_then(|()| self.0.try_recv_from(buffer)),
                    ready = self.1.readable() => ready.and_then(|()| self.1.try_recv_from(buffer)),
                };
                match heard {
                    // Readiness may be a mistake.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    heard => return heard,
                }
            }
        })
    }
}

impl Datagrams for UdpSocket {
    fn send<'a>(&'a self, datagram: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move { self.send_to(datagram, to).await.map(drop) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(self.recv_from(buffer))
    }
}

/// A socket that is connected to the only one that it talks to.
struct Connection(UdpSocket);

impl Datagrams for Connection {
    fn send<'a>(&'a self, datagram: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            // Linux takes the peer's address as well, others refuse to be told twice.
            debug_assert_eq!(self.0.peer_addr().ok(), Some(to));
            self.0.send(datagram).await.map(drop)
        })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(self.0.recv_from(buffer))
    }
}

fn datagram_socket(family: Domain) -> io::Result<Socket> {
    let socket = Socket::new(family, Type::DGRAM, Some(Protocol::UDP))?;
    if family == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// One whose port others may have too.
fn shared_socket(family: Domain) -> io::Result<Socket> {
    let socket = datagram_socket(family)?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn loopback_is_there_and_last() {
        let interfaces = System.interfaces().unwrap();
        let last = interfaces.last().unwrap();
        assert!(last.loopback, "{interfaces:?}");
        assert_eq!(last.addresses.first(), Some(&(LOCALHOST, 8)));
        assert!(interfaces.iter().rev().skip(1).all(|interface| !interface.loopback));
    }

    #[tokio::test]
    async fn a_connection_leaves_from_the_address_that_was_asked_for() {
        let listener = tokio::net::TcpListener::bind((LOCALHOST, 0)).await.unwrap();
        let from = IpAddr::V4(Ipv4Addr::new(127, 7, 7, 7));
        let to = listener.local_addr().unwrap();
        let (connected, accepted) = tokio::join!(System.connect(to, Some(from)), listener.accept());
        assert_eq!(connected.unwrap().local.ip(), from);
        assert_eq!(accepted.unwrap().1.ip(), from);
    }

    #[tokio::test]
    async fn a_search_is_answered_to_the_address_that_it_came_from() {
        let gateway = System.search_socket((LOCALHOST, 0).into()).unwrap();
        let searcher = UdpSocket::bind((LOCALHOST, 0)).await.unwrap();
        gateway.send(b"hello", searcher.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0; 16];
        let receive = searcher.receive(&mut buffer);
        let (len, source) = timeout(Duration::from_secs(5), receive).await.unwrap().unwrap();
        assert_eq!((&buffer[..len], source.ip()), (b"hello".as_slice(), LOCALHOST));
    }

    #[tokio::test]
    async fn a_connected_socket_hears_its_peer_only_and_learns_that_nobody_listens() {
        let patience = Duration::from_secs(10);
        let server = UdpSocket::bind((LOCALHOST, 0)).await.unwrap();
        let to = server.local_addr().unwrap();
        let socket = System.connected_socket((LOCALHOST, 9).into(), to).unwrap();
        socket.send(b"request", to).await.unwrap();
        let mut buffer = [0; 16];
        let (_, from) = timeout(patience, server.recv_from(&mut buffer)).await.unwrap().unwrap();
        let stranger = UdpSocket::bind((LOCALHOST, 0)).await.unwrap();
        stranger.send_to(b"stranger", from).await.unwrap();
        server.send_to(b"answer", from).await.unwrap();
        let (length, source) = timeout(patience, socket.receive(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((&buffer[..length], source), (b"answer".as_slice(), to));
        drop(server);
        socket.send(b"request", to).await.unwrap();
        let refused = timeout(patience, socket.receive(&mut buffer)).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn announcements_of_port_control_are_heard_beside_others() {
        let sockets = [
            System.port_announcement_socket(Ipv4Addr::LOCALHOST).unwrap(),
            System.port_announcement_socket(Ipv4Addr::LOCALHOST).unwrap(),
        ];
        let server = System.search_socket((LOCALHOST, 0).into()).unwrap();
        let group = (ALL_HOSTS, pcp::CLIENT_PORT).into();
        server.send(b"announcement", group).await.unwrap();
        for socket in &sockets {
            let mut buffer = [0; 16];
            let receive = socket.receive(&mut buffer);
            let (length, source) = timeout(Duration::from_secs(10), receive).await.unwrap().unwrap();
            assert_eq!(
                (&buffer[..length], source.ip()),
                (b"announcement".as_slice(), LOCALHOST)
            );
        }
    }

    #[test]
    fn the_operating_system_is_named() {
        let (name, version) = System::name_and_version();
        assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
        assert!(
            !version.is_empty() && !version.contains(char::is_whitespace),
            "{version}"
        );
    }
}
