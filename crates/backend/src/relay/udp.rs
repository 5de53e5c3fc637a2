//! UDP datagrams: a flow for each remote socket, with a socket of its own towards the LAN, so that answers find back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use nix::cmsg_space;
use nix::libc::in_pktinfo;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt, sockopt,
};
use portreeve_engine::Mapping;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::port::{Lease, Port, Route, ended};
use super::slot::{Slot, lock};

/// Datagrams taken from one socket before others of the thread get their turn.
const TURN: usize = 32;
/// No datagram is longer.
const LONGEST: usize = 65_535;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; LONGEST]);
}

/// What identifies a flow of a mapping: the remote socket, and the address of ours that it sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Path {
    remote: SocketAddrV4,
    local: Ipv4Addr,
}

/// The flows of a mapping.
#[derive(Debug, Default)]
pub(super) struct Flows(Mutex<HashMap<Path, Open>>);

#[derive(Debug)]
struct Open {
    flow: Arc<Flow>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Flow {
    socket: UdpSocket,
    target: SocketAddrV4,
    used: Mutex<Instant>,
    /// Handed on to the flow that takes the place of this one.
    place_in_all: Mutex<Option<OwnedSemaphorePermit>>,
}

/// Takes the port. Must be called in the context of a runtime.
pub(super) fn listen(address: SocketAddrV4) -> io::Result<UdpSocket> {
    // Without the option to reuse the address, which lets two programs share a UDP port.
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    UdpSocket::from_std(socket)
}

/// Takes datagrams as long as the port is open.
pub(super) async fn receive(port: Weak<Port>, slot: Arc<Slot<UdpSocket>>) {
    loop {
        let ready = std::future::poll_fn(|context| slot.poll(context, UdpSocket::poll_recv_ready));
        let Some(_) = ready.await else { return };
        let Some(port) = port.upgrade() else { return };
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..TURN {
                let read = |socket: &UdpSocket| socket.try_io(Interest::READABLE, || read(socket, buffer));
                match slot.with(read) {
                    Some(Ok((length, path))) => forward(&port, &slot, path, &buffer[..length]),
                    Some(Err(_)) | None => break,
                }
            }
        });
        tokio::task::consume_budget().await;
    }
}

/// Sends a datagram on to the LAN, if a mapping says so. What cannot be sent is lost, as datagrams are.
fn forward(port: &Port, slot: &Arc<Slot<UdpSocket>>, path: Path, datagram: &[u8]) {
    let Some((route, lease)) = port.route(*path.remote.ip()) else {
        return;
    };
    let known = lock(&route.flows.0).get(&path).map(|open| Arc::clone(&open.flow));
    let flow = match known {
        Some(flow) => flow,
        None => match begin(port, &route, lease, slot, path) {
            Ok(flow) => flow,
            Err(error) => return tracing::debug!(%error, "cannot begin a UDP flow"),
        },
    };
    flow.touch();
    // Not through the runtime, which does not know yet that a new socket can be written to. The first error may be
    // an ICMP answer to the datagram before this one.
    let target = flow.target.into();
    let send = || SockRef::from(&flow.socket).send_to(datagram, &target);
    if send().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = send();
    }
}

fn begin(
    port: &Port,
    route: &Arc<Route>,
    lease: Lease,
    slot: &Arc<Slot<UdpSocket>>,
    path: Path,
) -> io::Result<Arc<Flow>> {
    let settings = &port.shared.settings;
    let mut flows = lock(&route.flows.0);
    let mut place = None;
    if flows.len() >= settings.flows_per_mapping || port.shared.in_all.available_permits() == 0 {
        let idlest = flows
            .iter()
            .min_by_key(|(_, open)| *lock(&open.flow.used))
            .map(|(path, _)| *path);
        if let Some(open) = idlest.and_then(|path| flows.remove(&path)) {
            place = lock(&open.flow.place_in_all).take();
            open.task.abort();
        }
    }
    let place = match place {
        Some(place) => place,
        None => Arc::clone(&port.shared.in_all)
            .try_acquire_owned()
            .map_err(|_| io::ErrorKind::QuotaExceeded)?,
    };
    let flow = Arc::new(Flow {
        socket: towards(route.target, settings.lan)?,
        target: route.target,
        used: Mutex::new(Instant::now()),
        place_in_all: Mutex::new(Some(place)),
    });
    let answers = answer(
        Arc::clone(route),
        lease,
        Arc::clone(&flow),
        Arc::clone(slot),
        path,
        settings.flow_idle,
    );
    let task = tokio::spawn(answers).abort_handle();
    flows.insert(
        path,
        Open {
            flow: Arc::clone(&flow),
            task,
        },
    );
    Ok(flow)
}

/// Sends answers back until the flow ends.
async fn answer(
    route: Arc<Route>,
    mut lease: Lease,
    flow: Arc<Flow>,
    slot: Arc<Slot<UdpSocket>>,
    path: Path,
    idle: Duration,
) {
    let answers = async {
        loop {
            // An error that waits on the socket makes it readable too.
            if flow.socket.readable().await.is_err() {
                return;
            }
            BUFFER.with_borrow_mut(|buffer| {
                for _ in 0..TURN {
                    match flow.socket.try_recv_from(buffer) {
                        Ok((length, SocketAddr::V4(from))) if flow.expects(from) => {
                            flow.touch();
                            slot.with(|socket| write(socket, path, &buffer[..length]));
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        // From a stranger, or an ICMP answer: the client may be about to start.
                        Ok(_) | Err(_) => {}
                    }
                }
            });
            tokio::task::consume_budget().await;
        }
    };
    let silence = async {
        loop {
            let until = *lock(&flow.used) + idle;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    };
    tokio::select! {
        () = answers => {}
        () = silence => {}
        () = ended(&mut lease) => {}
    }
    let mut flows = lock(&route.flows.0);
    if flows.get(&path).is_some_and(|open| Arc::ptr_eq(&open.flow, &flow)) {
        flows.remove(&path);
    }
}

impl Flow {
    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    /// Whether an answer may come from there: from the target alone, or from its port on any host if the target is all
    /// hosts.
    fn expects(&self, from: SocketAddrV4) -> bool {
        from == self.target || *self.target.ip() == Mapping::EVERY_CLIENT && from.port() == self.target.port()
    }
}

/// A socket towards the LAN.
fn towards(target: SocketAddrV4, lan: Option<Ipv4Addr>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    if *target.ip() == Mapping::EVERY_CLIENT {
        socket.set_broadcast(true)?;
        // Bound to an address, a broadcast leaves by the interface that has it.
        socket.bind(&SocketAddrV4::new(lan.unwrap_or(Ipv4Addr::UNSPECIFIED), 0).into())?;
    } else {
        socket.connect(&target.into())?;
    }
    UdpSocket::from_std(socket.into())
}

/// Takes a datagram off the socket, with its source and the address that it was sent to.
fn read(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, Path)> {
    let mut control = cmsg_space!(in_pktinfo);
    let mut pieces = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut pieces, Some(&mut control), MsgFlags::empty())?;
    let remote = message
        .address
        .map(SocketAddrV4::from)
        .ok_or(io::ErrorKind::InvalidData)?;
    let local = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr))),
        _ => None,
    });
    let local = local.ok_or(io::ErrorKind::InvalidData)?;
    Ok((message.bytes, Path { remote, local }))
}

/// Sends a datagram from the address that the remote socket knows.
fn write(socket: &UdpSocket, path: Path, datagram: &[u8]) -> io::Result<()> {
    let info = in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: nix::libc::in_addr {
            s_addr: u32::from(path.local).to_be(),
        },
        ipi_addr: nix::libc::in_addr { s_addr: 0 },
    };
    let control = [ControlMessage::Ipv4PacketInfo(&info)];
    let remote = SockaddrIn::from(path.remote);
    sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(datagram)],
        &control,
        MsgFlags::empty(),
        Some(&remote),
    )?;
    Ok(())
}
