//! One client of the load: at most one request at a time over at most one socket.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Socket, Type};

use super::response::{self, Response};
use super::{Action, Reuse, Target, Trouble};

/// A client of the load.
pub(super) struct Connection {
    source: Ipv4Addr,
    token: u64,
    socket: Option<TcpStream>,
    request: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    action: &'static str,
    /// When the request under way began, connecting included.
    pub(super) begun: Option<Instant>,
}

/// How much is read at a time: more than any answer but a listing.
const CHUNK: usize = 16 * 1024;

impl Connection {
    /// A client at this LAN address, which `token` names in the poll set.
    pub(super) fn new(source: Ipv4Addr, token: u64) -> Self {
        Self {
            source,
            token,
            socket: None,
            request: Vec::new(),
            sent: 0,
            received: Vec::new(),
            action: "",
            begun: None,
        }
    }

    /// Begins a request.
    pub(super) fn begin(
        &mut self,
        action: Action,
        target: &Target,
        reuse: Reuse,
        epoll: &Epoll,
    ) -> Result<(), Trouble> {
        action.write(target, reuse, &mut self.request);
        self.action = action.name();
        self.sent = 0;
        self.received.clear();
        self.begun = Some(Instant::now());
        if self.socket.is_some() {
            return self.send();
        }
        // A new socket is ready to send as soon as it is connected, which the poll set tells.
        let socket = connect(self.source, target.address).map_err(|error| broken(&error))?;
        let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        epoll
            .add(&socket, EpollEvent::new(interest, self.token))
            .map_err(|e| broken(&e.into()))?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Goes on after the poll set said that the socket is ready; answers the response once it is whole.
    pub(super) fn advance(&mut self) -> Result<Option<Response>, Trouble> {
        if self.begun.is_none() {
            // The server closed a connection that had nothing to do; the next request opens another.
            self.socket = None;
            return Ok(None);
        }
        self.send()?;
        self.receive()
    }

    /// Ends the request under way; the connection stays only if it may be used again.
    pub(super) fn end(&mut self, keep: bool) {
        self.begun = None;
        if !keep {
            self.socket = None;
        }
    }

    fn send(&mut self) -> Result<(), Trouble> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        while self.sent < self.request.len() {
            match socket.write(&self.request[self.sent..]) {
                Ok(written) => self.sent += written,
                // Also the error of one that is not connected yet.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(broken(&error)),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<Response>, Trouble> {
        let Some(socket) = &mut self.socket else {
            return Ok(None);
        };
        loop {
            let start = self.received.len();
            self.received.resize(start + CHUNK, 0);
            let outcome = socket.read(&mut self.received[start..]);
            self.received.truncate(start + *outcome.as_ref().unwrap_or(&0));
            match outcome {
                Ok(0) => return Err(Trouble::Broken("closed before the answer was whole".to_owned())),
                Ok(read) => {
                    if let Some(response) = response::parse(&self.received, self.action) {
                        return Ok(Some(response));
                    }
                    // A short read has emptied the socket; the poll set tells when there is more.
                    if read < CHUNK {
                        return Ok(None);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(broken(&error)),
            }
        }
    }
}

/// A socket that is connecting.
fn connect(source: Ipv4Addr, target: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
    // The port is chosen when connecting, which lets clients of one address use the same port towards different servers.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&SocketAddr::from(target).into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

fn broken(error: &io::Error) -> Trouble {
    Trouble::Broken(error.to_string())
}
