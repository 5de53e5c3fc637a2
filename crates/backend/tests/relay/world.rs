//! A relay, addresses of its own for each test, and servers that stand for LAN hosts.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroU16;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use portreeve_backend::relay::{Relay, Settings};
use portreeve_backend::{Backend, Refused};
use portreeve_engine::{Change, Expiry, Key, Mapping, Origin, Protocol, RemoteHost, Time};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::runtime::Runtime;

pub(crate) use portreeve_engine::Protocol::{Tcp, Udp};

/// The boot clock in all these tests.
pub(crate) const NOW: Time = Time::from_millis(1_000_000);
/// Long enough for anything that is to happen at once on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) relay: Relay,
    /// The external address: nobody else uses it, so every port is free.
    pub(crate) address: Ipv4Addr,
    /// Dropped after the relay.
    _runtime: Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        // All tests of a process have their sockets at the same time.
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let address = own_address();
        let mut relay = Relay::new(runtime.handle().clone(), settings);
        relay.set_external(&[address]).unwrap();
        Self {
            relay,
            address,
            _runtime: runtime,
        }
    }

    pub(crate) fn apply(&mut self, changes: &[Change]) -> Result<(), Refused> {
        self.relay.apply(changes, NOW)
    }

    pub(crate) fn add(&mut self, mapping: &Arc<Mapping>) {
        self.apply(&[put(mapping)]).unwrap();
    }

    pub(crate) fn remove(&mut self, mapping: &Arc<Mapping>) {
        self.apply(&[removal(mapping)]).unwrap();
    }

    pub(crate) fn external(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    pub(crate) fn connect(&self, port: u16) -> TcpStream {
        connect_from(Ipv4Addr::LOCALHOST, self.external(port)).unwrap()
    }

    /// Whether the port is free for another program, which does not share it.
    pub(crate) fn is_free(&self, protocol: Protocol, port: u16) -> bool {
        match protocol {
            Tcp => {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                let bound = socket.bind(&self.external(port).into());
                bound.and_then(|()| socket.listen(1)).is_ok()
            }
            Udp => UdpSocket::bind(self.external(port)).is_ok(),
        }
    }
}

/// A loopback address that no other test uses, of this process or another.
pub(crate) fn own_address() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high % 128, low, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A mapping of this external port, from anywhere and without end.
pub(crate) fn mapping(protocol: Protocol, port: u16, target: SocketAddr) -> Mapping {
    let IpAddr::V4(internal_client) = target.ip() else {
        unreachable!("targets are IPv4")
    };
    Mapping {
        key: Key {
            external_port: NonZeroU16::new(port).unwrap(),
            protocol,
            remote_host: RemoteHost::Any,
        },
        internal_client,
        internal_port: NonZeroU16::new(target.port()).unwrap(),
        enabled: true,
        description: "test".into(),
        expiry: Expiry::Never,
        origin: Origin::Upnp(internal_client.into()),
    }
}

/// The same for this remote host only.
pub(crate) fn only_from(remote_host: Ipv4Addr, mapping: Mapping) -> Mapping {
    let remote_host = RemoteHost::Host(remote_host);
    Mapping {
        key: Key {
            remote_host,
            ..mapping.key
        },
        ..mapping
    }
}

/// The same with a lease of this length.
pub(crate) fn lasting(lease: Duration, mapping: &Mapping) -> Arc<Mapping> {
    Arc::new(Mapping {
        expiry: Expiry::At(NOW + lease),
        ..mapping.clone()
    })
}

pub(crate) fn put(mapping: &Arc<Mapping>) -> Change {
    Change::Mapping {
        before: None,
        after: Some(Arc::clone(mapping)),
    }
}

pub(crate) fn removal(mapping: &Arc<Mapping>) -> Change {
    Change::Mapping {
        before: Some(Arc::clone(mapping)),
        after: None,
    }
}

pub(crate) fn connect_from(source: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(source, 0).into())?;
    socket.set_read_timeout(Some(SOON))?;
    socket.set_write_timeout(Some(SOON))?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// A server whose connections are each given to a thread of their own.
pub(crate) fn serve(each: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, each) = (stream.unwrap(), each.clone());
            stream.set_read_timeout(Some(SOON)).unwrap();
            thread::spawn(move || each(stream));
        }
    });
    address
}

/// A server that begins with its name and then sends back what comes.
pub(crate) fn echo(name: &'static str) -> SocketAddr {
    serve(move |mut stream| {
        let mut back = stream.try_clone().unwrap();
        // Peers of tests may end before the answer; that is for the test to notice.
        let _ = back.write_all(name.as_bytes());
        let _ = std::io::copy(&mut stream, &mut back);
    })
}

/// A UDP server that answers each datagram with its name and the datagram, and with the sender's port.
pub(crate) fn udp_echo(name: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind((own_address(), 0)).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            socket
                .send_to(format!("{name} {text} {}", from.port()).as_bytes(), from)
                .unwrap();
        }
    });
    address
}

/// Reads exactly this text.
pub(crate) fn expect(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// Whether the connection ends, by a reset or otherwise, with nothing more to read.
pub(crate) fn is_cut(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Whether a connection from there is refused, or accepted and reset before any byte.
pub(crate) fn is_turned_away(source: Ipv4Addr, to: SocketAddr) -> bool {
    match connect_from(source, to) {
        Err(error) => matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset),
        Ok(mut stream) => is_cut(&mut stream),
    }
}

/// Waits until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The process's present end of a connection resets it when dropped.
pub(crate) fn reset_at_end(stream: &TcpStream) {
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// A test that is part of another one and needs a process of its own, started behind the words of `wrapper`.
pub(crate) fn child(wrapper: &[&str], name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let mut words = wrapper.iter().map(OsStr::new).chain([test.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--ignored", "--exact", "--nocapture", name]);
    command
}

pub(crate) fn succeeded(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
