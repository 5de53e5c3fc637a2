//! A UDP port of one interface, in one address family. Of a datagram it is known to which address it was sent, and one
//! leaves from the address that it is to come from.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use crate::machine::Lan;

/// The port, on all addresses of the interface.
#[derive(Debug)]
pub(crate) struct LanSocket {
    socket: UdpSocket,
    index: u32,
}

/// What is known of a datagram besides its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram {
    /// Octets of it that are in the buffer.
    pub(crate) length: usize,
    /// From where it came.
    pub(crate) source: SocketAddr,
    /// To which address it was sent: one of ours, a group, or all of a network.
    pub(crate) destination: IpAddr,
}

impl LanSocket {
    /// Opens the port, after `prepare` has set what else the socket is to have.
    pub(crate) fn open(
        lan: &Lan,
        domain: Domain,
        port: u16,
        prepare: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        // Of several sockets on a port, the one that is bound to the interface gets what was sent to us alone.
        if let Err(error) = socket.bind_device(Some(lan.interface.as_bytes())) {
            debug!(interface = %lan.interface, port, %error, "not bound to the interface");
        }
        let any: SocketAddr = match domain == Domain::IPV4 {
            true => {
                socket.set_multicast_all_v4(false)?;
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
                (Ipv4Addr::UNSPECIFIED, port).into()
            }
            false => {
                socket.set_only_v6(true)?;
                socket.set_multicast_all_v6(false)?;
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
                (Ipv6Addr::UNSPECIFIED, port).into()
            }
        };
        prepare(&socket)?;
        socket.bind(&any.into())?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            index: lan.index,
        })
    }

    /// The next datagram that comes in through the interface.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        loop {
            self.readable().await?;
            match self.try_receive(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return received,
            }
        }
    }

    /// Waits until there may be something to receive.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// A datagram that has come in through the interface already; [`io::ErrorKind::WouldBlock`] if there is none.
    pub(crate) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        loop {
            let received = self.socket.try_io(Interest::READABLE, || self.receive_now(buffer))?;
            if let Some(datagram) = received {
                return Ok(datagram);
            }
        }
    }

    /// Sends a datagram from one of our addresses through the interface. What cannot be sent is lost, as datagrams are.
    pub(crate) async fn send(&self, from: IpAddr, to: SocketAddr, bytes: &[u8]) {
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

    fn receive_now(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
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

fn socket_address(stored: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = stored.as_sockaddr_in().map(|stored| SocketAddrV4::from(*stored).into());
    ipv4.or_else(|| {
        stored
            .as_sockaddr_in6()
            .map(|stored| SocketAddrV6::from(*stored).into())
    })
}
