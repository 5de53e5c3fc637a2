//! The socket of one interface and address family.

use std::io;
use std::net::{IpAddr, SocketAddr};

use portreeve_wire::ssdp::{Group, PORT};
use socket2::{Domain, InterfaceIndexOrAddress};

use crate::exit::{Failure, Status};
use crate::lan_socket::{Datagram, LanSocket};
use crate::machine::Lan;

/// UDA 1.1 section 1.1.1.
const TTL: u32 = 2;
/// UDA 2.0 annex A.3; no router passes on what is sent to the link-local group, whatever its hop limit.
const HOPS: u32 = 10;

/// UDP port 1900 of one interface, in one address family.
#[derive(Debug)]
pub struct Socket {
    socket: LanSocket,
    groups: Vec<Voice>,
}

/// A group, and our address from which it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Voice {
    pub(super) group: Group,
    pub(super) from: IpAddr,
}

impl Socket {
    /// Opens port 1900 on an interface whose addresses are of one family, beside other programs that share it; `None`
    /// if none of the addresses may speak to a group, as on loopback in IPv6.
    pub fn open(lan: &Lan) -> Result<Option<Self>, Failure> {
        let groups = voices(lan);
        let Some(first) = groups.first() else { return Ok(None) };
        match open(lan, Domain::for_address(first.group.address()), &groups) {
            Ok(socket) => Ok(Some(Self { socket, groups })),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Failure::new(
                Status::Unavailable,
                "UDP port 1900 is in use by a program that does not share it, so clients could not find this gateway; \
                 see which with `ss -lunp sport = :1900` and stop it (often another UPnP daemon)",
            )),
            Err(error) => Err(Failure::system(
                format!("cannot open UDP port 1900 on {}", lan.interface),
                &error,
            )),
        }
    }

    /// The groups to speak to, and how.
    pub(super) fn voices(&self) -> &[Voice] {
        &self.groups
    }

    /// The next datagram that comes in through the interface.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        self.socket.receive(buffer).await
    }

    /// Sends a datagram from one of our addresses through the interface. What cannot be sent is lost, as datagrams are.
    pub(super) async fn send(&self, from: IpAddr, to: SocketAddr, bytes: &[u8]) {
        self.socket.send(from, to, bytes).await;
    }
}

/// Each group that we have an address for. What goes to the link-local group has a link-local source and literal, what
/// goes to the site-local one those of a wider scope (UDA 2.0 annex A.2.3).
pub(super) fn voices(lan: &Lan) -> Vec<Voice> {
    let candidates = [
        (Group::Ipv4, lan.ipv4().map(IpAddr::V4)),
        (Group::Ipv6LinkLocal, lan.link_local().map(IpAddr::V6)),
        (Group::Ipv6SiteLocal, lan.beyond_link().map(IpAddr::V6)),
    ];
    candidates
        .into_iter()
        .filter_map(|(group, from)| Some(Voice { group, from: from? }))
        .collect()
}

fn open(lan: &Lan, domain: Domain, groups: &[Voice]) -> io::Result<LanSocket> {
    LanSocket::open(lan, domain, PORT, |socket| {
        socket.set_reuse_address(true)?;
        match domain == Domain::IPV4 {
            true => socket.set_multicast_ttl_v4(TTL)?,
            false => socket.set_multicast_hops_v6(HOPS)?,
        }
        groups.iter().try_for_each(|voice| match voice.group.address().ip() {
            IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(lan.index)),
            IpAddr::V6(group) => socket.join_multicast_v6(&group, lan.index),
        })
    })
}
