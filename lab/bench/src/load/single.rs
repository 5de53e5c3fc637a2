//! One patient client, which waits for each answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Action, Reuse, Target, Trouble, response};

/// A client that keeps its connection. To be used inside the LAN host.
#[derive(Debug)]
pub(crate) struct Client {
    source: Ipv4Addr,
    target: Target,
    stream: Option<TcpStream>,
    request: Vec<u8>,
    received: Vec<u8>,
}

/// How long an answer may take. The established daemon has been seen mute for eight seconds.
const PATIENCE: Duration = Duration::from_secs(30);

impl Client {
    /// A client at this LAN address.
    pub(crate) fn new(source: Ipv4Addr, target: Target) -> Self {
        Self {
            source,
            target,
            stream: None,
            request: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Calls an action and waits for its answer.
    pub(crate) fn call(&mut self, action: Action) -> Result<(), Trouble> {
        let outcome = self.exchange(action);
        if !matches!(outcome, Ok(false)) {
            self.stream = None;
        }
        outcome.map(|_| ())
    }

    /// Whether the server closes the connection after the answer, which was right.
    fn exchange(&mut self, action: Action) -> Result<bool, Trouble> {
        let broken = |error: std::io::Error| Trouble::Broken(error.to_string());
        action.write(&self.target, Reuse::KeepAlive, &mut self.request);
        if self.stream.is_none() {
            self.stream = Some(self.connect().map_err(broken)?);
        }
        let stream = self.stream.as_mut().expect("it has just been made");
        stream.write_all(&self.request).map_err(broken)?;
        self.received.clear();
        let mut chunk = [0; 16 * 1024];
        loop {
            let read = stream.read(&mut chunk).map_err(broken)?;
            if read == 0 {
                return Err(Trouble::Broken("closed before the answer was whole".to_owned()));
            }
            self.received.extend_from_slice(&chunk[..read]);
            if let Some(response) = response::parse(&self.received, action.name()) {
                return response.verdict.map(|()| response.closes);
            }
        }
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((self.source, 0)).into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect_timeout(&SocketAddr::from(self.target.address).into(), PATIENCE)?;
        Ok(socket.into())
    }
}
