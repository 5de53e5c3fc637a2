//! Searching and listening.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use portreeve_testkit::Host;

/// UDA 2.0 section 1.1.2.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// UDA 2.0 annex A: the group on the link.
pub const LINK_LOCAL_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);
/// UDA 2.0 annex A: the group on the site.
pub const SITE_LOCAL_GROUP: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xc);
/// UDA 2.0 section 1.1.2.
pub const PORT: u16 = 1900;
/// Search target of version 1, which is all that most clients look for.
pub const IGD_1: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
/// Search target of version 2.
pub const IGD_2: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";

/// A search response or an advertisement.
#[derive(Debug, Clone)]
pub struct Message {
    /// First line.
    pub start_line: String,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// Who sent it.
    pub from: SocketAddr,
    /// When it came in.
    pub at: Instant,
}

impl Message {
    /// Value of a header field, whatever the case of its name; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Value of a header field, whatever the case of its name.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn parse(bytes: &[u8], from: SocketAddr) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let start_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self {
            start_line,
            headers,
            from,
            at: Instant::now(),
        }
    }
}

/// The multicast address.
pub fn group() -> SocketAddr {
    SocketAddrV4::new(GROUP, PORT).into()
}

/// A search as UDA 1.1 section 1.3.2 wants it; without `mx` as a unicast search has it.
pub fn request(to: SocketAddr, target: &str, mx: Option<u8>) -> String {
    let mx = mx.map(|seconds| format!("MX: {seconds}\r\n")).unwrap_or_default();
    format!("M-SEARCH * HTTP/1.1\r\nHOST: {to}\r\nMAN: \"ssdp:discover\"\r\n{mx}ST: {target}\r\n\r\n")
}

/// Searches by multicast with `MX: 1` and returns what came within 1.5 seconds.
pub fn search(from: &Host, target: &str) -> Vec<Message> {
    send(
        from,
        group(),
        &request(group(), target, Some(1)),
        Duration::from_millis(1500),
    )
}

/// As [`search`], by multicast to a group of IPv6.
pub fn search_ipv6(from: &Host, group: Ipv6Addr, target: &str) -> Vec<Message> {
    let to = SocketAddr::from((group, PORT));
    send(from, to, &request(to, target, Some(1)), Duration::from_millis(1500))
}

/// Sends a datagram as it is and collects the answers that come within `duration`.
///
/// # Panics
/// If the host cannot send.
pub fn send(from: &Host, to: SocketAddr, datagram: &str, duration: Duration) -> Vec<Message> {
    let socket = socket(from, to);
    socket.send_to(datagram.as_bytes(), to).expect("the LAN is connected");
    collect(&socket, duration, usize::MAX)
}

/// Sends one search by unicast without MX and returns the first answer.
pub fn ask_once(from: &Host, to: SocketAddr, target: &str, limit: Duration) -> Option<Message> {
    let socket = socket(from, to);
    socket.send_to(request(to, target, None).as_bytes(), to).ok()?;
    collect(&socket, limit, 1).pop()
}

/// Hears what is multicast on the LAN of a host.
#[derive(Debug)]
pub struct Listener(UdpSocket);

impl Listener {
    /// Joins the group.
    ///
    /// # Panics
    /// If port 1900 is taken on that host: one listener at a time.
    pub fn join(host: &Host) -> Self {
        let socket = host
            .run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)))
            .expect("one listener at a time");
        socket
            .join_multicast_v4(&GROUP, &host.ipv4())
            .expect("the host is on a LAN");
        Self(socket)
    }

    /// Joins a group of IPv6 on the first interface of a host, and hears nothing but that.
    ///
    /// # Panics
    /// If somebody else listens to that group there.
    pub fn join_ipv6(host: &Host, group: Ipv6Addr) -> Self {
        let index = host.link_local("eth0").scope_id();
        let socket = host
            .run(|| UdpSocket::bind(SocketAddrV6::new(group, PORT, 0, index)))
            .expect("one listener at a time");
        socket.join_multicast_v6(&group, index).expect("the host is on a LAN");
        Self(socket)
    }

    /// Everything heard until `duration` has passed.
    pub fn hear(&self, duration: Duration) -> Vec<Message> {
        collect(&self.0, duration, usize::MAX)
    }

    /// Hears until `enough` holds for what was heard so far, at most for `limit`.
    pub fn hear_until(&self, limit: Duration, mut enough: impl FnMut(&[Message]) -> bool) -> Vec<Message> {
        let deadline = Instant::now() + limit;
        let mut heard = Vec::new();
        while !enough(&heard) && Instant::now() < deadline {
            heard.extend(collect(&self.0, Duration::from_millis(50), 1));
        }
        heard
    }
}

/// A socket at the address of the host that belongs to this destination.
fn socket(host: &Host, to: SocketAddr) -> UdpSocket {
    let own: SocketAddr = match to.ip() {
        IpAddr::V4(_) => (host.ipv4(), 0).into(),
        IpAddr::V6(to) if to == LINK_LOCAL_GROUP || to.is_unicast_link_local() => host.link_local("eth0").into(),
        IpAddr::V6(_) => (host.ipv6(), 0).into(),
    };
    host.run(|| UdpSocket::bind(own)).expect("any UDP port will do")
}

fn collect(socket: &UdpSocket, duration: Duration, at_most: usize) -> Vec<Message> {
    let deadline = Instant::now() + duration;
    let mut messages = Vec::new();
    let mut buffer = [0; 4096];
    while messages.len() < at_most {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket
            .set_read_timeout(Some(left))
            .expect("sockets take a read timeout");
        if let Ok((n, from)) = socket.recv_from(&mut buffer) {
            messages.push(Message::parse(&buffer[..n], from));
        }
    }
    messages
}
