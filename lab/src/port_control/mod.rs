//! NAT-PMP and PCP, octet by octet.

pub mod announcements;
pub mod nat_pmp;
pub mod pcp;

use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use portreeve_testkit::Host;

/// UDP port of servers.
pub const SERVER_PORT: u16 = 5351;
/// UDP port on which clients hear announcements.
pub const CLIENT_PORT: u16 = 5350;

/// How long an answer may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long nothing more may come until nothing more is expected.
const QUIET: Duration = Duration::from_millis(60);

/// A client's socket, and the server that it asks.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    address: IpAddr,
    server: SocketAddr,
}

impl Client {
    /// On a host, at its address of the server's family.
    pub fn on(host: &Host, server: impl Into<IpAddr>) -> Self {
        let server = server.into();
        let address: IpAddr = match server {
            IpAddr::V4(_) => host.ipv4().into(),
            IpAddr::V6(_) => host.ipv6().into(),
        };
        Self::between(host, address, SocketAddr::new(server, SERVER_PORT))
    }

    /// On a host, from one of its addresses to a server.
    ///
    /// # Panics
    /// If the host does not have the address.
    pub fn between(host: &Host, address: IpAddr, server: SocketAddr) -> Self {
        let own = match (address, server) {
            (IpAddr::V6(address), SocketAddr::V6(server)) => SocketAddrV6::new(address, 0, 0, server.scope_id()).into(),
            _ => SocketAddr::new(address, 0),
        };
        let socket = host.run(|| UdpSocket::bind(own));
        let socket = socket.unwrap_or_else(|e| panic!("{} has no {own}: {e}", host.name()));
        Self {
            socket,
            address,
            server,
        }
    }

    /// Its own address, as PCP requests name it.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Sends a datagram and expects nothing.
    pub fn send(&self, datagram: &[u8]) {
        // A port that is closed refuses the next datagram instead of the one that met it.
        if self.socket.send_to(datagram, self.server).is_err() {
            let _ = self.socket.send_to(datagram, self.server);
        }
    }

    /// The next datagram that comes, which must come from the address and port that were asked.
    ///
    /// # Panics
    /// If it comes from elsewhere.
    #[track_caller]
    pub fn receive(&self, limit: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + limit;
        let mut buffer = [0; 2048];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let timeout = self.socket.set_read_timeout(Some(left));
            timeout.expect("sockets take a read timeout");
            if let Ok((n, from)) = self.socket.recv_from(&mut buffer) {
                assert_eq!(
                    (from.ip(), from.port()),
                    (self.server.ip(), self.server.port()),
                    "somebody else answers"
                );
                return Some(buffer[..n].to_vec());
            }
        }
    }

    /// Sends a datagram and returns its answer.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn ask(&self, datagram: &[u8]) -> Vec<u8> {
        self.send(datagram);
        let answer = self.receive(PATIENCE);
        answer.unwrap_or_else(|| panic!("no answer to {datagram:02x?}"))
    }

    /// Sends a datagram as standard clients do, again after 250 ms and then after twice as long each time (RFC 6886
    /// section 3.1), and returns the first answer, if one comes within four seconds.
    #[track_caller]
    pub fn ask_patiently(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        (0..4).find_map(|doubled| {
            self.send(datagram);
            self.receive(Duration::from_millis(250 << doubled))
        })
    }

    /// Sends a PCP request and returns its answer.
    ///
    /// # Panics
    /// If there is none, or it is none of PCP.
    #[track_caller]
    pub fn ask_pcp(&self, request: &pcp::Request) -> pcp::Answer {
        pcp::Answer::read(&self.ask(&request.bytes()))
    }

    /// Whether an ANNOUNCE is answered.
    pub fn is_served(&self, limit: Duration) -> bool {
        self.send(&pcp::Request::announce(self.address).bytes());
        self.receive(limit).is_some()
    }

    /// Asserts that a datagram is not answered, by one after it that is.
    ///
    /// # Panics
    /// If it is answered.
    #[track_caller]
    pub fn is_silent_about(&self, datagram: &[u8]) {
        self.send(datagram);
        self.send(&pcp::Request::announce(self.address).bytes());
        let first = self.receive(PATIENCE).expect("a good request is answered");
        let more = self.receive(QUIET);
        let told = format!("{datagram:02x?} is answered: {first:02x?} {more:02x?}");
        assert!(first.len() == 24 && first[..4] == [2, 128, 0, 0], "{told}");
        assert!(more.is_none(), "{told}");
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
