//! Many clients of NAT-PMP at once, driven by one thread: each sends its next request when it has its answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::{Outcome, Trouble};
use crate::mappings::{Mapping, Protocol};

/// A request of NAT-PMP.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NatPmp {
    /// What the external address is.
    ExternalAddress,
    /// A mapping, or its renewal, with a lifetime in seconds; 0 ends it.
    Map(Mapping, u32),
}

/// What to load a server with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagrams<'a> {
    /// The server.
    pub(crate) server: SocketAddrV4,
    /// LAN addresses of the clients, one each.
    pub(crate) sources: &'a [Ipv4Addr],
    /// No request begins after this time.
    pub(crate) limit: Duration,
}

/// How long an answer may take; standard clients have asked four times by then.
const PATIENCE: Duration = Duration::from_secs(3);

struct Client {
    socket: UdpSocket,
    request: Vec<u8>,
    begun: Option<Instant>,
}

impl NatPmp {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::ExternalAddress => vec![0, 0],
            Self::Map(mapping, lifetime) => {
                let opcode = match mapping.protocol {
                    Protocol::Udp => 1,
                    Protocol::Tcp => 2,
                };
                let mut bytes = vec![0, opcode, 0, 0];
                bytes.extend(mapping.port.to_be_bytes());
                // No wish in a deletion.
                bytes.extend(if lifetime == 0 {
                    [0, 0]
                } else {
                    mapping.port.to_be_bytes()
                });
                bytes.extend(lifetime.to_be_bytes());
                bytes
            }
        }
    }
}

impl Datagrams<'_> {
    /// Lets each client make one request after the other, as `next` says for the client of this number, until it says
    /// `None` or the time is over. To be called inside the LAN host.
    pub(crate) fn run(&self, mut next: impl FnMut(usize) -> Option<NatPmp>) -> Outcome {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("the kernel has epoll");
        let mut clients: Vec<Client> = self.sources.iter().map(|source| self.client(*source)).collect();
        for (token, client) in (0..).zip(&clients) {
            let added = epoll.add(&client.socket, EpollEvent::new(EpollFlags::EPOLLIN, token));
            added.expect("a new socket can be watched");
        }
        let begun = Instant::now();
        let mut outcome = Outcome::default();
        let mut begin = |number: usize, client: &mut Client| {
            let over = begun.elapsed() >= self.limit;
            client.begun = None;
            if let Some(request) = if over { None } else { next(number) } {
                client.request = request.bytes();
                client.begun = Some(Instant::now());
                // What cannot be sent is missed like what is lost.
                let _ = client.socket.send(&client.request);
            }
        };
        for (number, client) in clients.iter_mut().enumerate() {
            begin(number, client);
        }
        let mut events = [EpollEvent::empty(); 64];
        while clients.iter().any(|client| client.begun.is_some()) {
            let ready = epoll.wait(&mut events, EpollTimeout::from(100_u8)).unwrap_or(0);
            for event in &events[..ready] {
                let number = usize::try_from(event.data()).expect("tokens are indices");
                let client = &mut clients[number];
                let Some(verdict) = client.receive() else { continue };
                let since = client.begun.map(|begun| begun.elapsed()).unwrap_or_default();
                outcome.elapsed = begun.elapsed();
                match verdict {
                    Ok(()) => {
                        outcome.good += 1;
                        outcome.latencies.push(since);
                    }
                    Err(trouble) => {
                        outcome.wrong += 1;
                        outcome.trouble.get_or_insert(trouble);
                    }
                }
                begin(number, client);
            }
            for (number, client) in clients.iter_mut().enumerate() {
                if client.begun.is_some_and(|begun| begun.elapsed() > PATIENCE) {
                    outcome.broken += 1;
                    outcome.elapsed = begun.elapsed();
                    let lost = || Trouble::Broken("no answer in time".to_owned());
                    outcome.trouble.get_or_insert_with(lost);
                    begin(number, client);
                }
            }
        }
        outcome
    }

    fn client(&self, source: Ipv4Addr) -> Client {
        let socket = || {
            let socket = UdpSocket::bind((source, 0))?;
            socket.connect(self.server)?;
            socket.set_nonblocking(true)?;
            io::Result::Ok(socket)
        };
        Client {
            socket: socket().unwrap_or_else(|e| panic!("no socket at {source}: {e}")),
            request: Vec::new(),
            begun: None,
        }
    }
}

impl Client {
    /// The verdict on an answer; none if nothing came, or only what was asked earlier.
    fn receive(&self) -> Option<Result<(), Trouble>> {
        let mut answer = [0; 64];
        let read = match self.socket.recv(&mut answer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(error) => return Some(Err(Trouble::Broken(error.to_string()))),
        };
        let (answer, request) = (&answer[..read], &self.request);
        let is_map = request.len() == 12;
        if is_map && (read != 16 || answer[8..10] != request[4..6] || answer[1] != request[1] | 0x80) {
            return None;
        }
        let is_right = answer.len() == if is_map { 16 } else { 12 } && answer[..4] == [0, request[1] | 0x80, 0, 0];
        Some(if is_right {
            Ok(())
        } else {
            Err(Trouble::Wrong(format!("{answer:02x?} to {request:02x?}")))
        })
    }
}
