//! What servers tell without being asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::{Ipv6V6Only, ReuseAddr};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket};
use portreeve_testkit::Host;

use super::{CLIENT_PORT, SERVER_PORT};

/// All hosts of the link.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// All nodes of the link.
pub const GROUP_IPV6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// How long one of the sockets is looked at before the other has its turn.
const TURN: Duration = Duration::from_millis(10);

/// Hears what is announced on the LAN of a host, in both families; others on the host may hear it too.
#[derive(Debug)]
pub struct Announcements {
    sockets: [UdpSocket; 2],
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Who sent it.
    pub from: IpAddr,
    /// Every octet.
    pub bytes: Vec<u8>,
    /// When it came in.
    pub at: Instant,
}

impl Announcements {
    /// Joins both groups.
    ///
    /// # Panics
    /// If somebody who does not share it has the port.
    pub fn on(host: &Host) -> Self {
        let index = host.link_local("eth0").scope_id();
        let ipv4 = SocketAddr::from((GROUP, CLIENT_PORT));
        let ipv6 = SocketAddrV6::new(GROUP_IPV6, CLIENT_PORT, 0, index).into();
        let sockets = [ipv4, ipv6].map(|at| {
            let socket = host.run(|| shared_socket(at));
            socket.unwrap_or_else(|e| panic!("{} cannot listen at {at}: {e}", host.name()))
        });
        let [first, second] = &sockets;
        // Every host is in these groups; joining says on which interface.
        first
            .join_multicast_v4(&GROUP, &host.ipv4())
            .expect("the host is on a LAN");
        second
            .join_multicast_v6(&GROUP_IPV6, index)
            .expect("the host is on a LAN");
        Self { sockets }
    }

    /// Hears until `enough` holds for what was heard so far, at most for `limit`.
    ///
    /// # Panics
    /// If something was not sent from the servers' port.
    #[track_caller]
    pub fn hear_until(&self, limit: Duration, mut enough: impl FnMut(&[Announcement]) -> bool) -> Vec<Announcement> {
        let deadline = Instant::now() + limit;
        let mut heard = Vec::new();
        let mut buffer = [0; 2048];
        while !enough(&heard) && Instant::now() < deadline {
            for socket in &self.sockets {
                while let Ok((n, from)) = socket.recv_from(&mut buffer) {
                    assert_eq!(from.port(), SERVER_PORT, "{from}");
                    heard.push(Announcement {
                        from: from.ip(),
                        bytes: buffer[..n].to_vec(),
                        at: Instant::now(),
                    });
                }
            }
        }
        heard
    }
}

impl Announcement {
    /// Whether it is one of NAT-PMP.
    pub fn is_nat_pmp(&self) -> bool {
        self.bytes.len() == 12 && self.bytes[..2] == [0, 128]
    }

    /// Whether it is one of PCP.
    pub fn is_pcp(&self) -> bool {
        self.bytes.len() == 24 && self.bytes[..2] == [2, 128]
    }

    /// The epoch that it tells.
    pub fn epoch(&self) -> u32 {
        super::u32_at(&self.bytes, if self.is_pcp() { 8 } else { 4 })
    }
}

fn shared_socket(at: SocketAddr) -> std::io::Result<UdpSocket> {
    let family = match at {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, ReuseAddr, &true)?;
    if at.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(at))?;
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(TURN))?;
    Ok(socket)
}
