//! Accepting connections on LAN addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use super::{Ask, Connections, Gateway, serve};
use crate::exit::{Failure, Status};
use crate::machine::{Lan, LanAddress};

/// Connections that may wait to be accepted: a burst of a thousand clients is one moment's work.
const BACKLOG: i32 = 4096;
/// Pause when the process has no descriptor left for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Listens on one of a LAN's addresses, and through its interface only where the kernel lets us say so.
pub fn listen(lan: &Lan, address: LanAddress, port: u16) -> Result<TcpListener, Failure> {
    let own = socket_address(address.address, lan.index, port);
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(own), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if own.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if let Err(error) = socket.bind_device(Some(lan.interface.as_bytes())) {
            debug!(interface = %lan.interface, %error, "not bound to the interface, only to its address");
        }
        socket.bind(&own.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into())
    };
    open().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            Status::Unavailable,
            format!(
                "TCP port {port} of {} is in use by another program; see which with `ss -ltnp sport = :{port}`, stop it, \
                 or choose another port with `--http-port`",
                address.address
            ),
        ),
        _ => Failure::system(format!("cannot listen on TCP {own}"), &error),
    })
}

/// Accepts and serves connections of hosts on the LAN, for ever.
pub async fn accept<A: Ask>(
    listener: TcpListener,
    near: LanAddress,
    gateway: Arc<Gateway<A>>,
    connections: Arc<Connections>,
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(NO_ROOM).await;
                continue;
            }
        };
        if !is_near(near, peer.ip()) {
            warn!(peer = %peer.ip(), "a connection from outside the LAN was dropped");
            continue;
        }
        let place = connections.admit(peer.ip()).await;
        tokio::spawn(begin(stream, Arc::clone(&gateway), place, near.address));
    }
}

async fn begin<A: Ask>(stream: TcpStream, gateway: Arc<Gateway<A>>, place: super::Place, local: IpAddr) {
    // Answers are small and whole: waiting to fill a segment only delays them. Without it they still arrive.
    let _ = stream.set_nodelay(true);
    // A connection that never says anything is not worth the buffers of the protocol.
    tokio::select! {
        ready = stream.readable() => if ready.is_err() { return },
        () = place.watch().closing() => return,
    }
    serve(stream, gateway, place, local).await;
}

fn is_near(near: LanAddress, peer: IpAddr) -> bool {
    near.network.contains(peer) || peer == near.address
}

/// An address of ours with the port, and with the interface where it means something on that one only.
fn socket_address(own: IpAddr, link: u32, port: u16) -> SocketAddr {
    match own {
        IpAddr::V6(own) if own.is_unicast_link_local() => SocketAddrV6::new(own, port, 0, link).into(),
        own => SocketAddr::new(own, port),
    }
}
