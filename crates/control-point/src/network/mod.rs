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
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use door::{Door, Password};
pub(crate) use listeners::listeners;
pub(crate) use system::System;

/// What an asynchronous method of a trait object returns.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The machine's network.
pub(crate) trait Network: fmt::Debug + Send + Sync {
    /// The interfaces that are up and have an IPv4 address, the one of the best default route first, loopback last.
    fn interfaces(&self) -> io::Result<Vec<Interface>>;

    /// Opens a connection, from a certain address of ours if given: gateways compare it with InternalClient.
    fn connect(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'_, io::Result<Connected>>;

    /// A socket for searches that leave by this interface, multicast too, and for the answers to them. Not bound to a
    /// device, since that takes privileges: bound to the address.
    fn search_socket(&self, from: Ipv4Addr) -> io::Result<Box<dyn Datagrams>>;

    /// A socket that hears the announcements multicast to 239.255.255.250:1900 on these interfaces, beside others.
    fn announcement_socket(&self, on: &[Ipv4Addr]) -> io::Result<Box<dyn Datagrams>>;

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
    /// IPv4 addresses with their prefix lengths, the primary one first; never empty.
    pub(crate) addresses: Vec<(Ipv4Addr, u8)>,
    /// The gateway of the default route through this interface.
    pub(crate) gateway: Option<Ipv4Addr>,
    /// Whether it is loopback.
    pub(crate) loopback: bool,
    /// Whether multicast can leave by it.
    pub(crate) multicast: bool,
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
