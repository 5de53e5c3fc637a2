//! The socket of one interface and address family.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};
use portreeve_wire::ssdp::{Group, PORT};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use crate::exit::{Failure, Status};
use crate::machine::Lan;

/// UDA 1.1 section 1.1.1.
const TTL: u32 = 2;
/// UDA 2.0 annex A.3; no router passes on what is sent to the link-local group, whatever its hop limit.
const HOPS: u32 = 10;

/// UDP port 1900 of one interface, in one address family.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    index: u32,
    groups: Vec<Voice>,
}

/// A group, and our address from which it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Voice {
    pub(super) group: Group,
    pub(super) from: IpAddr,
}

/// What is known of a datagram besides its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram {
    pub(super) length: usize,
    pub(super) source: SocketAddr,
    pub(super) destination: IpAddr,
}

impl Socket {
    /// Opens port 1900 on an interface whose addresses are of one family, beside other programs that share it; `None`
    /// if none of the addresses may speak to a group, as on loopback in IPv6.
    pub fn open(lan: &Lan) -> Result<Option<Self>, Failure> {
        let groups = voices(lan);
        let Some(first) = groups.first() else { return Ok(None) };
        match open(lan, Domain::for_address(first.group.address()), &groups) {
            Ok(socket) => Ok(Some(Self {
                socket,
                index: lan.index,
                groups,
            })),
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

    /// The next datagram that came in through the interface.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        loop {
            let received = self
                .socket
                .async_io(Interest::READABLE, || self.try_receive(buffer))
                .await?;
            if let Some(datagram) = received {
                return Ok(datagram);
            }
        }
    }

    /// Sends a datagram from one of our addresses through the interface. What cannot be sent is lost, as datagrams are.
    pub(super) async fn send(&self, from: IpAddr, to: SocketAddr, bytes: &[u8]) {
        let send = || {
            let slices = [IoSlice::new(bytes)];
            let send = |control: ControlMessage<'_>| {
                let (socket, to) = (self.socket.as_raw_fd(), SockaddrStorage::from(to));
                sendmsg(socket, &slices, &[control], MsgFlags::MSG_DONTWAIT, Some(&to)).map_err(io::Error::from)
            };
            match from {
                IpAddr::V4(from) => send(ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo {
                    ipi_ifindex: i32::try_from(self.index).unwrap_or_default(),
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from(from).to_be(),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                })),
                IpAddr::V6(from) => send(ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr { s6_addr: from.octets() },
                    ipi6_ifindex: self.index,
                })),
            }
        };
        if let Err(error) = self.socket.async_io(Interest::WRITABLE, send).await {
            debug!(%to, %error, "a datagram could not be sent");
        }
    }

    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        let mut slices = [IoSliceMut::new(buffer)];
        let mut control = cmsg_space!(libc::in6_pktinfo);
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let info = message.cmsgs()?.find_map(|part| match part {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let destination = IpAddr::from(u32::from_be(info.ipi_addr.s_addr).to_be_bytes());
                Some((u32::try_from(info.ipi_ifindex).ok()?, destination))
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                Some((info.ipi6_ifindex, IpAddr::from(info.ipi6_addr.s6_addr)))
            }
            _ => None,
        });
        let (Some((index, destination)), Some(source)) = (info, message.address.as_ref().and_then(socket_address))
        else {
            return Ok(None);
        };
        Ok((index == self.index).then_some(Datagram {
            length: message.bytes,
            source,
            destination,
        }))
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

fn open(lan: &Lan, domain: Domain, groups: &[Voice]) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Of several sockets on a port, the one that is bound to the interface gets what was sent to us alone.
    if let Err(error) = socket.bind_device(Some(lan.interface.as_bytes())) {
        debug!(interface = %lan.interface, %error, "SSDP is not bound to the interface");
    }
    let any: SocketAddr = match domain == Domain::IPV4 {
        true => {
            socket.set_multicast_all_v4(false)?;
            socket.set_multicast_ttl_v4(TTL)?;
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            (std::net::Ipv4Addr::UNSPECIFIED, PORT).into()
        }
        false => {
            socket.set_only_v6(true)?;
            socket.set_multicast_all_v6(false)?;
            socket.set_multicast_hops_v6(HOPS)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            (std::net::Ipv6Addr::UNSPECIFIED, PORT).into()
        }
    };
    socket.bind(&any.into())?;
    for voice in groups {
        match voice.group.address().ip() {
            IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(lan.index))?,
            IpAddr::V6(group) => socket.join_multicast_v6(&group, lan.index)?,
        }
    }
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

fn socket_address(stored: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = stored.as_sockaddr_in().map(|stored| SocketAddrV4::from(*stored).into());
    ipv4.or_else(|| {
        stored
            .as_sockaddr_in6()
            .map(|stored| SocketAddrV6::from(*stored).into())
    })
}
