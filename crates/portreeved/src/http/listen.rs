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
use crate::machine::{Door, Lan};

/// Connections that may wait to be accepted: a burst of a thousand clients is one moment's work.
const BACKLOG: i32 = 4096;
/// Pause when the process has no descriptor left for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Listens at one of a LAN's addresses, and through its interface only where the kernel lets us say so.
pub fn listen(lan: &Lan, address: IpAddr, port: u16) -> Result<TcpListener, Failure> {
    let own = socket_address(address, lan.index, port);
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
                "TCP port {port} of {address} is in use by another program; see which with `ss -ltnp sport = :{port}`, \
                 stop it, or choose another port with `--http-port`"
            ),
        ),
        _ => Failure::system(format!("cannot listen on TCP {own}"), &error),
    })
}

/// Accepts and serves connections of hosts on the LAN to one of our addresses there, for ever.
pub async fn accept<A: Ask>(
    listener: TcpListener,
    lan: Arc<Lan>,
    address: IpAddr,
    gateway: Arc<Gateway<A>>,
    connections: Arc<Connections>,
) {
    let door = Door {
        link: lan.index,
        address,
    };
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(NO_ROOM).await;
                continue;
            }
        };
        if !lan.is_near(peer) {
            warn!(peer = %peer.ip(), "a connection from outside the LAN was dropped");
            continue;
        }
        let place = connections.admit(peer.ip()).await;
        tokio::spawn(begin(stream, Arc::clone(&gateway), place, door));
    }
}

async fn begin<A: Ask>(stream: TcpStream, gateway: Arc<Gateway<A>>, place: super::Place, door: Door) {
    // Answers are small and whole: waiting to fill a segment only delays them. Without it they still arrive.
    let _ = stream.set_nodelay(true);
    // A connection that never says anything is not worth the buffers of the protocol.
    tokio::select! {
        ready = stream.readable() => if ready.is_err() { return },
        () = place.watch().closing() => return,
    }
    serve(stream, gateway, place, door).await;
}

/// An address of ours with the port, and with the interface where it means something on that one only.
fn socket_address(own: IpAddr, link: u32, port: u16) -> SocketAddr {
    match own {
        IpAddr::V6(own) if own.is_unicast_link_local() => SocketAddrV6::new(own, port, 0, link).into(),
        own => SocketAddr::new(own, port),
    }
}
