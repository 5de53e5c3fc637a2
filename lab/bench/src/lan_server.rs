//! A server on the LAN that takes connections.

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use portreeve_testkit::Host;
use socket2::{Domain, SockRef, Socket, Type};

/// A server that takes connections and leaves it to the other side to end them. Stopped on drop.
#[derive(Debug)]
pub(crate) struct LanServer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often it looks whether it has been dropped.
const TICK: Duration = Duration::from_millis(50);
/// Connections that may wait to be taken.
const BACKLOG: i32 = 4096;
/// Connections that are not closed yet; by the time so many others came, the client has ended them.
const KEPT: usize = 256;

impl LanServer {
    /// Listens at an address of a host.
    pub(crate) fn start(host: &Host, at: SocketAddrV4) -> Self {
        let listener = host.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from(at).into())?;
            socket.listen(BACKLOG)?;
            // On Linux it bounds accepting too.
            socket.set_read_timeout(Some(TICK))?;
            std::io::Result::Ok(socket)
        });
        let listener = listener.unwrap_or_else(|e| panic!("cannot listen at {at}: {e}"));
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            // Closed too soon, they look refused to a client that has not yet noticed that they were made.
            let mut recent = VecDeque::new();
            while !flag.load(Ordering::Relaxed) {
                if let Ok((socket, _)) = listener.accept() {
                    recent.push_back(socket);
                }
                if recent.len() > KEPT {
                    recent.pop_front();
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for LanServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Makes closing the stream reset the connection, so that no port waits for stragglers.
pub(crate) fn reset(stream: &TcpStream) {
    // If it fails, a port waits a minute longer; nothing else.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
