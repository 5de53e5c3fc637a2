//! TCP connections, moved between two sockets.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Weak};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use super::port::{Lease, Port, Route, ended};
use super::slot::Slot;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// Most bytes taken from a socket at once, and so most that wait for a slow reader outside of the kernel.
const PIECE: usize = 64 * 1024;
/// How long accepting rests when the process is out of file descriptors.
const REST: Duration = Duration::from_millis(20);
/// After this much silence the peer is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(300);

thread_local! {
    /// Bytes are here between a read and the write after it, so that a connection at rest has no buffer.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// Takes the port. Must be called in the context of a runtime.
pub(super) fn listen(address: SocketAddrV4) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Connections of a mapping that ended do not keep the port from the next one. It is no way around a listener.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections as long as the port is open.
pub(super) async fn accept(port: Weak<Port>, slot: Arc<Slot<TcpListener>>) {
    loop {
        let accepted = std::future::poll_fn(|context| slot.poll(context, TcpListener::poll_accept));
        let Some(accepted) = accepted.await else { return };
        let Some(port) = port.upgrade() else { return };
        match accepted {
            Ok((remote, source)) => admit(&port, remote, source),
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Starts to relay a connection, or resets it if it may not be.
fn admit(port: &Port, remote: TcpStream, source: SocketAddr) {
    let route = match source.ip() {
        IpAddr::V4(source) => port.route(source),
        IpAddr::V6(_) => None,
    };
    let Some((route, lease)) = route else {
        return reset(&remote);
    };
    let Ok(place) = Arc::clone(&route.connections).try_acquire_owned() else {
        return reset(&remote);
    };
    let Ok(place_in_all) = Arc::clone(&port.shared.in_all).try_acquire_owned() else {
        return reset(&remote);
    };
    let connect_timeout = port.shared.settings.connect_timeout;
    tokio::spawn(async move {
        relay(remote, &route, lease, connect_timeout).await;
        drop((place, place_in_all));
    });
}

async fn relay(remote: TcpStream, route: &Route, mut lease: Lease, connect_timeout: Duration) {
    let connect = tokio::time::timeout(connect_timeout, TcpStream::connect(route.target));
    let client = tokio::select! {
        connected = connect => match connected {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                tracing::debug!(target_address = %route.target, %error, "the client does not take a connection");
                return reset(&remote);
            }
            Err(_) => return reset(&remote),
        },
        () = ended(&mut lease) => return reset(&remote),
    };
    for stream in [&remote, &client] {
        // Both are refused only by a connection that has failed, which the first read or write reports.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    }
    let both = async { tokio::try_join!(pump(&remote, &client), pump(&client, &remote)) };
    let whole = tokio::select! {
        done = both => done.is_ok(),
        () = ended(&mut lease) => false,
    };
    if !whole {
        reset(&remote);
        reset(&client);
    }
}

/// Moves bytes one way up to the end, and then ends that way of the other connection. What the receiver does not take
/// waits in the sender.
async fn pump(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    loop {
        from.readable().await?;
        let moved = BUFFER.with_borrow_mut(|buffer| {
            let count = from.try_read(buffer)?;
            let written = match to.try_write(&buffer[..count]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                written => written?,
            };
            io::Result::Ok((count, buffer[written..count].to_vec()))
        });
        match moved {
            Ok((0, _)) => return SockRef::from(to).shutdown(Shutdown::Write),
            Ok((_, rest)) => write_all(to, &rest).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        // A fast sender is not to keep the others of this thread waiting.
        tokio::task::consume_budget().await;
    }
}

async fn write_all(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the end of this connection a reset.
fn reset(stream: &TcpStream) {
    // Refused only where there is no connection left.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
