//! Bytes from the Internet through a mapping to LAN host 1, and from a LAN host to the Internet.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::sockopt::{ReuseAddr, SendTimeout};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket};
use nix::sys::time::{TimeVal, TimeValLike};
use portreeve_testkit::{Echo, Host, Reply, reach_tcp, reach_udp};

use crate::Bed;

/// How long a single packet may take there and back.
const ROUND_TRIP: Duration = Duration::from_millis(700);

/// Transport protocol of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As the standard spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// An echo server on LAN host 1, on a port that no other test of this process uses.
    pub fn echo(self, bed: &Bed) -> Echo {
        match self {
            Self::Tcp => Echo::tcp(bed.lan_host(1), bed.port()),
            Self::Udp => Echo::udp(bed.lan_host(1), bed.port()),
        }
    }

    /// From the Internet to an external port.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn reach(self, bed: &Bed, port: u16) -> io::Result<Reply> {
        let outside = SocketAddr::from((bed.wan_ipv4(), port));
        match self {
            Self::Tcp => reach_tcp(bed.internet_host(1), outside),
            Self::Udp => reach_udp(bed.internet_host(1), outside),
        }
    }
}

/// Asserts that bytes from the Internet arrive at LAN host 1 and are answered.
///
/// # Panics
/// If they do not.
#[track_caller]
pub fn is_open(bed: &Bed, protocol: Protocol, port: u16) {
    let reply = protocol
        .reach(bed, port)
        .unwrap_or_else(|e| panic!("{} {port} is closed: {e}", protocol.name()));
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", bed.internet_host(1).ipv4().into())
    );
}

/// Asserts that nobody answers at an external port.
///
/// # Panics
/// If somebody does.
#[track_caller]
pub fn is_closed(bed: &Bed, protocol: Protocol, port: u16) {
    let reply = protocol.reach(bed, port);
    assert!(reply.is_err(), "{} {port} is open: {reply:?}", protocol.name());
}

/// The address that an echo server sees when something is sent from this port of a host; `None` if no answer arrives.
pub fn seen_from(host: &Host, protocol: Protocol, port: u16, server: SocketAddr) -> Option<SocketAddr> {
    let own = SocketAddr::from((host.ipv4(), port));
    let mut answer = vec![0; 512];
    match protocol {
        Protocol::Udp => {
            let socket = host.run(|| UdpSocket::bind(own)).expect("the port is free");
            socket.set_read_timeout(Some(ROUND_TRIP)).ok()?;
            socket.send_to(b"who-am-i", server).ok()?;
            let (n, _) = socket.recv_from(&mut answer).ok()?;
            answer.truncate(n);
        }
        Protocol::Tcp => {
            let mut stream = connect_from(host, own, server).ok()?;
            stream.set_read_timeout(Some(ROUND_TRIP)).ok()?;
            stream.write_all(b"who-am-i\n").ok()?;
            answer.clear();
            BufReader::new(stream).read_until(b'\n', &mut answer).ok()?;
        }
    }
    // `<host> <source that it saw> <what was sent>`
    String::from_utf8_lossy(&answer).split_whitespace().nth(1)?.parse().ok()
}

/// Connects from one of the addresses of a host, and from this port if it is not 0.
///
/// # Errors
/// If nobody accepts within two seconds.
pub fn connect_from(host: &Host, source: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let family = match source {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    host.run(|| {
        let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // The port may have had a connection to somebody else just now.
        setsockopt(&socket, ReuseAddr, &true)?;
        // Connecting counts as sending.
        setsockopt(&socket, SendTimeout, &TimeVal::seconds(2))?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(source))?;
        connect(socket.as_raw_fd(), &SockaddrStorage::from(to))?;
        Ok(socket.into())
    })
}
