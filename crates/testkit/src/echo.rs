use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::host::Host;

/// How often a server looks whether it has been dropped.
const TICK: Duration = Duration::from_millis(20);
/// How long to wait for an answer before a port counts as closed.
const PATIENCE: Duration = Duration::from_millis(1500);

/// An echo server on a host, for TCP or UDP over both IP versions; stopped on drop.
///
/// It answers each line (TCP) or datagram (UDP) with `<host name> <source that it saw> <what was sent>`.
#[derive(Debug)]
pub struct Echo {
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
    port: u16,
}

/// What an [`Echo`] server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Name of the host that answered.
    pub server: String,
    /// The source address that the server saw.
    pub seen: SocketAddr,
    /// The address from which the answer was sent, as the client saw it.
    pub from: SocketAddr,
}

impl Echo {
    /// Listens on a TCP port of `host`, on all its addresses; port 0 takes any that is free.
    ///
    /// # Panics
    /// If the port is taken.
    pub fn tcp(host: &Host, port: u16) -> Self {
        let listener = host
            .run(|| TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)))
            .expect("the TCP port is free");
        listener
            .set_nonblocking(true)
            .expect("sockets can be made non-blocking");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let name = host.name().to_owned();
        Self::serve(port, move |stop| {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, peer)) => {
                        let (name, stop) = (name.clone(), Arc::clone(stop));
                        thread::spawn(move || echo_lines(&stream, peer, &name, &stop));
                    }
                    Err(_) => thread::sleep(TICK / 4),
                }
            }
        })
    }

    /// Listens on a UDP port of `host`, on all its addresses; port 0 takes any that is free.
    ///
    /// # Panics
    /// If the port is taken.
    pub fn udp(host: &Host, port: u16) -> Self {
        let socket = host
            .run(|| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)))
            .expect("the UDP port is free");
        socket
            .set_read_timeout(Some(TICK))
            .expect("sockets take a read timeout");
        let port = socket.local_addr().expect("a bound socket has an address").port();
        let name = host.name().to_owned();
        Self::serve(port, move |stop| {
            let mut buffer = [0; 2048];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((n, peer)) = socket.recv_from(&mut buffer) {
                    let sent = String::from_utf8_lossy(&buffer[..n]);
                    let _ = socket.send_to(format!("{name} {} {sent}", canonical(peer)).as_bytes(), peer);
                }
            }
        })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn serve(port: u16, work: impl FnOnce(&Arc<AtomicBool>) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        Self {
            stop,
            server: Some(thread::spawn(move || work(&flag))),
            port,
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Connects from a host, sends distinctive bytes and tells who answered.
///
/// # Errors
/// If nobody accepts the connection or nobody answers within 1.5 s, or if the answer is not that of an [`Echo`] server.
pub fn reach_tcp(from: &Host, to: impl ToSocketAddrs) -> io::Result<Reply> {
    let to = resolve(to)?;
    let mut stream = from.run(|| TcpStream::connect_timeout(&to, PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let token = token();
    writeln!(stream, "{token}")?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    parse(&answer, &token, to)
}

/// Sends distinctive bytes from a fresh UDP port of a host, repeating them, and tells who answered.
///
/// # Errors
/// If nobody answers within 1.5 s, the port is refused, or the answer is not that of an [`Echo`] server.
pub fn reach_udp(from: &Host, to: impl ToSocketAddrs) -> io::Result<Reply> {
    const ATTEMPTS: u32 = 3;
    let to = resolve(to)?;
    let local: IpAddr = if to.is_ipv4() {
        [0, 0, 0, 0].into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = from.run(|| UdpSocket::bind((local, 0)))?;
    socket.set_read_timeout(Some(PATIENCE / ATTEMPTS))?;
    let token = token();
    let mut buffer = [0; 2048];
    for _ in 0..ATTEMPTS {
        socket.send_to(token.as_bytes(), to)?;
        match socket.recv_from(&mut buffer) {
            Ok((n, source)) => return parse(&String::from_utf8_lossy(&buffer[..n]), &token, source),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn echo_lines(stream: &TcpStream, peer: SocketAddr, name: &str, stop: &AtomicBool) {
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(TICK));
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !stop.load(Ordering::Relaxed) {
        match reader.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => {
                let mut writer = stream;
                if writer
                    .write_all(format!("{name} {} {line}", canonical(peer)).as_bytes())
                    .is_err()
                {
                    return;
                }
                line.clear();
            }
            // A partial line stays in `line` and is completed by the next read.
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

fn parse(answer: &str, token: &str, from: SocketAddr) -> io::Result<Reply> {
    let mut words = answer.split_whitespace();
    let (Some(server), Some(seen), Some(echoed)) = (words.next(), words.next(), words.next()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("not an echo: {answer:?}"),
        ));
    };
    let seen = seen
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("no address: {answer:?}")))?;
    if echoed != token {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("sent {token}, got {answer:?}"),
        ));
    }
    Ok(Reply {
        server: server.to_owned(),
        seen,
        from,
    })
}

/// A dual-stack socket sees IPv4 peers as `::ffff:a.b.c.d`.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn resolve(to: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    to.to_socket_addrs()?
        .next()
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// Bytes that nobody else sends.
fn token() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!(
        "token-{}-{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}
