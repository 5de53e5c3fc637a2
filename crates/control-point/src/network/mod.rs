//! All that the library needs of the machine's network: the system's in life, a simulated one in tests.
//!
//! Time is tokio's, so that tests can pause it; nothing else in the library may open a socket.

#[cfg(test)]
pub(crate) mod asked;
mod door;
mod interfaces;
mod listeners;
#[cfg(test)]
pub(crate) mod simulated;
mod system;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use door::{Door, Password};
pub(crate) use listeners::listeners;
pub(crate) use system::System;

/// What an asynchronous method of a trait object returns.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The machine's network.
pub(crate) trait Network: fmt::Debug + Send + Sync {
    /// The interfaces that are up and have an address, the one of the best default route first, loopback last.
    fn interfaces(&self) -> io::Result<Vec<Interface>>;

    /// Opens a connection, from a certain address of ours if given: gateways compare it with InternalClient.
    fn connect(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'_, io::Result<Connected>>;

    /// A socket for searches that leave from this address (its port is not looked at), multicast too, and for the answers
    /// to them. Not bound to a device, since that takes privileges: bound to the address. An IPv6 address has the
    /// interface as its scope.
    fn search_socket(&self, from: SocketAddr) -> io::Result<Box<dyn Datagrams>>;

    /// A socket that hears the announcements multicast to 239.255.255.250:1900 on these interfaces, beside others.
    fn announcement_socket(&self, on: &[Ipv4Addr]) -> io::Result<Box<dyn Datagrams>>;

    /// The same for ff02::c and ff05::c, on the interface of this number.
    fn announcement_socket_v6(&self, on: u32) -> io::Result<Box<dyn Datagrams>>;

    /// A datagram socket from this address of ours (its port is not looked at) to one peer: nobody else is heard there, and
    /// word from the peer's host that nobody listens is an error of the next call.
    fn connected_socket(&self, _from: SocketAddr, _to: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// A socket that hears what PCP and NAT-PMP servers multicast to 224.0.0.1:5350 on the interface that has this address,
    /// beside others.
    fn port_announcement_socket(&self, _on: Ipv4Addr) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The same for ff02::1, on the interface of this number.
    fn port_announcement_socket_v6(&self, _on: u32) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Listens for connections to this address of ours; port 0 is one that is free.
    fn listen(&self, _at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Name, for people and for `--interface`.
    pub(crate) name: String,
    /// The system's number for it: the scope of link-local addresses.
    pub(crate) index: u32,
    /// Addresses with their prefix lengths; never empty. IPv4 comes before IPv6, and of each the one that programs should
    /// be told of before the others.
    pub(crate) addresses: Vec<(IpAddr, u8)>,
    /// The gateways of the default routes through this interface, at most one of each family, IPv4 first.
    pub(crate) gateways: Vec<IpAddr>,
    /// Whether it is loopback.
    pub(crate) loopback: bool,
    /// Whether multicast can leave by it.
    pub(crate) multicast: bool,
}

impl Interface {
    /// The IPv4 addresses.
    pub(crate) fn ipv4(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.addresses.iter().filter_map(|(address, _)| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        })
    }

    /// The IPv6 addresses.
    pub(crate) fn ipv6(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.addresses.iter().filter_map(|(address, _)| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(*address),
        })
    }
}

/// The address and port, with the interface as the scope of a link-local or multicast address.
pub(crate) fn scoped(address: IpAddr, port: u16, index: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() || address.is_multicast() => {
            SocketAddrV6::new(address, port, 0, index).into()
        }
        address => SocketAddr::new(address, port),
    }
}

/// An open connection.
pub(crate) struct Connected {
    /// The bytes.
    pub(crate) stream: Box<dyn Stream>,
    /// Our end: the address that the gateway sees.
    pub(crate) local: SocketAddr,
}

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A listening socket.
pub(crate) trait Listener: Send + Sync {
    /// Where it listens.
    fn local(&self) -> io::Result<SocketAddr>;

    /// Waits for the next connection, and tells who opened it.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, IpAddr)>>;
}

/// A datagram socket.
pub(crate) trait Datagrams: Send + Sync {
    /// Sends one datagram.
    fn send<'a>(&'a self, datagram: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>>;

    /// Waits for the next datagram; what does not fit into the buffer is cut off.
    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>>;
}
