//! Bytes through mappings.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::bytes::{self, Protocol};
use portreeve_testkit::{Host, reach_tcp, reach_udp};

/// How long a single packet may take there and back.
const ROUND_TRIP: Duration = Duration::from_millis(700);

/// A TCP connection to an echo server that is used again and again.
#[derive(Debug)]
pub(crate) struct Talk(TcpStream);

impl Talk {
    /// Connects.
    ///
    /// # Panics
    /// If nobody accepts.
    #[track_caller]
    pub(crate) fn open(from: &Host, to: SocketAddr) -> Self {
        let stream = from
            .run(|| TcpStream::connect_timeout(&to, Duration::from_secs(2)))
            .unwrap_or_else(|e| panic!("{to} accepts no connection: {e}"));
        stream
            .set_read_timeout(Some(ROUND_TRIP))
            .expect("sockets take a read timeout");
        let talk = Self(stream);
        assert!(talk.is_alive(), "{to} echoes nothing");
        talk
    }

    /// Whether a line comes back.
    pub(crate) fn is_alive(&self) -> bool {
        let mut stream = &self.0;
        if stream.write_all(b"hello\n").is_err() {
            return false;
        }
        let mut line = Vec::new();
        let mut byte = [0];
        while let Ok(1) = stream.read(&mut byte) {
            line.push(byte[0]);
            if byte[0] == b'\n' {
                return line.ends_with(b"hello\n");
            }
        }
        false
    }
}

/// A port at the gateway's first WAN address.
pub(crate) fn external(bed: &Bed, port: u16) -> SocketAddr {
    (bed.wan_ipv4(), port).into()
}

/// Which host answers the Internet at an external TCP port.
pub(crate) fn served_tcp(bed: &Bed, port: u16) -> Option<String> {
    reach_tcp(bed.internet_host(1), external(bed, port))
        .ok()
        .map(|reply| reply.server)
}

/// Which host answers the Internet at an external UDP port.
pub(crate) fn served_udp(bed: &Bed, port: u16) -> Option<String> {
    reach_udp(bed.internet_host(1), external(bed, port))
        .ok()
        .map(|reply| reply.server)
}

/// Whether that host answers the Internet at an external TCP port.
pub(crate) fn is_served_by(bed: &Bed, port: u16, host: &str) -> bool {
    served_tcp(bed, port).as_deref() == Some(host)
}

/// Whether the Internet can connect to an external TCP port.
pub(crate) fn is_open(bed: &Bed, port: u16) -> bool {
    connects(bed.internet_host(1), external(bed, port))
}

/// Whether a host cannot connect to an address.
pub(crate) fn refuses_tcp(from: &Host, to: SocketAddr) -> bool {
    !connects(from, to)
}

/// The address that an echo server sees when a datagram leaves from this port of a host; `None` if no answer arrives.
pub(crate) fn seen_from(host: &Host, local_port: u16, server: SocketAddr) -> Option<SocketAddr> {
    bytes::seen_from(host, Protocol::Udp, local_port, server)
}

/// Connects from one of the addresses of a host.
pub(crate) fn connect_from(host: &Host, source: impl Into<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    bytes::connect_from(host, SocketAddr::new(source.into(), 0), to)
}

fn connects(from: &Host, to: SocketAddr) -> bool {
    from.run(|| TcpStream::connect_timeout(&to, ROUND_TRIP)).is_ok()
}
