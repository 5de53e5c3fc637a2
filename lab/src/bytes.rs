//! Bytes from the Internet through a mapping to LAN host 1.

use std::io;
use std::net::SocketAddr;

use portreeve_testkit::{Echo, Reply, reach_tcp, reach_udp};

use crate::Bed;

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
