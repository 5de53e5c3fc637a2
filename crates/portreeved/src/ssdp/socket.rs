//! The socket of one interface.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use crate::exit::{Failure, Status};
use crate::machine::Lan;

/// The SSDP group (UDA 1.1 section 1.1.1).
pub(super) const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// The group's socket address.
pub(super) const EVERYONE: SocketAddrV4 = SocketAddrV4::new(GROUP, PORT);
const PORT: u16 = 1900;
/// UDA 1.1 section 1.1.1.
const TTL: u32 = 2;

/// UDP port 1900 of one interface.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    index: i32,
}

/// What is known of a datagram besides its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram {
    pub(super) length: usize,
    pub(super) source: SocketAddrV4,
    pub(super) destination: Ipv4Addr,
}

impl Socket {
    /// Opens port 1900 on an interface, beside other programs that share it.
    pub fn open(lan: &Lan) -> Result<Self, Failure> {
        let open = || -> io::Result<UdpSocket> {
            let socket = socket2::Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_reuse_address(true)?;
            // Of several sockets on a port, the one that is bound to the interface gets what was sent to us alone.
            if let Err(error) = socket.bind_device(Some(lan.interface.as_bytes())) {
                debug!(interface = %lan.interface, %error, "SSDP is not bound to the interface");
            }
            socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT).into())?;
            socket.join_multicast_v4_n(&GROUP, &InterfaceIndexOrAddress::Index(lan.index))?;
            socket.set_multicast_all_v4(false)?;
            socket.set_multicast_ttl_v4(TTL)?;
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket.into())
        };
        match open() {
            Ok(socket) => Ok(Self {
                socket,
                index: i32::try_from(lan.index).unwrap_or_default(),
            }),
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
    pub(super) async fn send(&self, from: Ipv4Addr, to: SocketAddrV4, bytes: &[u8]) {
        let info = libc::in_pktinfo {
            ipi_ifindex: self.index,
            ipi_spec_dst: libc::in_addr {
                s_addr: u32::from(from).to_be(),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let send = || {
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            let slices = [IoSlice::new(bytes)];
            let to = SockaddrIn::from(to);
            sendmsg(
                self.socket.as_raw_fd(),
                &slices,
                &control,
                MsgFlags::MSG_DONTWAIT,
                Some(&to),
            )
            .map_err(io::Error::from)
        };
        if let Err(error) = self.socket.async_io(Interest::WRITABLE, send).await {
            debug!(%to, %error, "a datagram could not be sent");
        }
    }

    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        let mut slices = [IoSliceMut::new(buffer)];
        let mut control = cmsg_space!(libc::in_pktinfo);
        let message = recvmsg::<SockaddrIn>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let info = message.cmsgs()?.find_map(|part| match part {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
            _ => None,
        });
        let (Some(info), Some(source)) = (info, message.address) else {
            return Ok(None);
        };
        Ok((info.ipi_ifindex == self.index).then_some(Datagram {
            length: message.bytes,
            source: source.into(),
            destination: Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)),
        }))
    }
}
