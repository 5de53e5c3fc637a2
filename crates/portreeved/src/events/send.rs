//! One event message over one connection.

use std::io;
use std::time::Duration;

use portreeve_wire::Url;
use portreeve_wire::gena::response_status;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tracing::debug;

use super::reach::Way;

/// How long a receiver may take, from the first packet to its answer. The architecture gives it thirty seconds, but it is
/// a host of this LAN that has asked for this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest head of an answer.
const HEAD: usize = 8 * 1024;

/// Sends a message, and returns the status of the answer.
pub(super) async fn send(callback: &Url, way: &Way, message: &[u8]) -> io::Result<u16> {
    let sending = exchange(callback, way, message);
    tokio::time::timeout(PATIENCE, sending)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn exchange(callback: &Url, way: &Way, message: &[u8]) -> io::Result<u16> {
    let mut stream = socket(callback, way)?.connect(callback.authority()).await?;
    // The message is written in one piece, and there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    stream.write_all(message).await?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if let Some(status) = response_status(&answer) {
            return Ok(status);
        }
        if answer.len() >= HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer does not end"));
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer"));
        }
    }
}

/// A socket that reaches nobody but the LAN, where the kernel lets us say so; elsewhere it is the route to the LAN that
/// keeps it there.
fn socket(callback: &Url, way: &Way) -> io::Result<TcpSocket> {
    let socket = Socket::new(Domain::for_address(callback.authority()), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Way::Through(interface) = way
        && let Err(error) = socket.bind_device(Some(interface.as_bytes()))
    {
        debug!(interface, %error, "not bound to the interface");
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
}
