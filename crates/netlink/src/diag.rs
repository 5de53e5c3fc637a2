//! Which ports this machine itself listens on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Error;
use crate::message::{Buffer, Message, kind as flag};
use crate::socket::{Groups, Protocol, Socket};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;

/// `AF_INET` and `AF_INET6`.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// Length of `struct inet_diag_req_v2`.
const REQUEST_LEN: usize = 56;

/// Length of `struct inet_diag_msg`.
const RESPONSE_LEN: usize = 72;

/// `INET_DIAG_SKV6ONLY`.
const ONLY_IPV6: u16 = 11;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A TCP socket that listens, or a UDP socket that takes packets from anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Transport.
    pub transport: Transport,
    /// The address that it is bound to; unspecified for all.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// The interface that it is bound to, if any.
    pub link: Option<u32>,
    /// For an IPv6 socket: whether it leaves IPv4 to others (`IPV6_V6ONLY`).
    pub only_ipv6: bool,
}

impl Listener {
    /// Whether packets for this IPv4 address of the machine go to it.
    pub fn covers(&self, address: Ipv4Addr) -> bool {
        match self.address {
            IpAddr::V4(own) => own.is_unspecified() || own == address,
            IpAddr::V6(own) if own.is_unspecified() => !self.only_ipv6,
            IpAddr::V6(own) => own.to_ipv4_mapped() == Some(address),
        }
    }
}

/// Every port that this machine listens on, TCP and UDP, IPv4 and IPv6.
///
/// # Errors
/// `ENOENT` if the kernel lacks the `tcp_diag` or `udp_diag` module.
pub fn listeners() -> Result<Vec<Listener>, Error> {
    let mut socket = Socket::open(Protocol::SocketDiag, Groups::NONE)?;
    let mut listeners = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        for family in [IPV4, IPV6] {
            let mut request = Buffer::new();
            request.message(BY_FAMILY, flag::REQUEST, &query(family, transport), |_| {});
            socket.dump(&mut request, |message| listeners.extend(read(message, transport)))?;
        }
    }
    Ok(listeners)
}

/// `struct inet_diag_req_v2` that asks for the sockets of interest.
fn query(family: u8, transport: Transport) -> [u8; REQUEST_LEN] {
    // TCP_LISTEN; a UDP socket without a peer counts as TCP_CLOSE.
    let (protocol, state) = match transport {
        Transport::Tcp => (6, 10),
        Transport::Udp => (17, 7),
    };
    let mut query = [0; REQUEST_LEN];
    query[0] = family;
    query[1] = protocol;
    query[4..8].copy_from_slice(&(1u32 << state).to_ne_bytes());
    query
}

fn read(message: &Message<'_>, transport: Transport) -> Option<Listener> {
    let response = message.header::<RESPONSE_LEN>()?;
    let port = u16::from_be_bytes(*response[4..].first_chunk()?);
    let address = match response[0] {
        IPV4 => IpAddr::V4(Ipv4Addr::from(*response[8..].first_chunk::<4>()?)),
        IPV6 => IpAddr::V6(Ipv6Addr::from(*response[8..].first_chunk::<16>()?)),
        _ => return None,
    };
    let link = u32::from_ne_bytes(*response[40..].first_chunk()?);
    let only_ipv6 = message
        .attributes(RESPONSE_LEN)
        .any(|attribute| attribute.kind == ONLY_IPV6 && attribute.u8() == Some(1));
    (port != 0).then_some(Listener {
        transport,
        address,
        port,
        link: (link != 0).then_some(link),
        only_ipv6,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn sockets_of_this_process_are_listed() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(udp.local_addr().unwrap()).unwrap();

        let found = listeners().unwrap();
        let has = |transport, port| {
            found.iter().any(|listener| {
                (listener.transport, listener.port) == (transport, port) && listener.covers(Ipv4Addr::LOCALHOST)
            })
        };
        assert!(has(Transport::Tcp, tcp.local_addr().unwrap().port()));
        assert!(has(Transport::Udp, udp.local_addr().unwrap().port()));
        assert!(!has(Transport::Udp, connected.local_addr().unwrap().port()));
    }

    #[test]
    fn an_ipv6_wildcard_counts_for_ipv4_unless_it_says_otherwise() {
        let dual = TcpListener::bind("[::]:0").unwrap();
        let port = dual.local_addr().unwrap().port();
        let listener = *listeners()
            .unwrap()
            .iter()
            .find(|listener| listener.port == port)
            .unwrap();
        assert!(!listener.only_ipv6);
        assert!(listener.covers(Ipv4Addr::new(11, 11, 11, 1)));
        let listener = Listener {
            only_ipv6: true,
            ..listener
        };
        assert!(!listener.covers(Ipv4Addr::new(11, 11, 11, 1)));
    }
}
