use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::sockopt::ReuseAddr;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket};

use crate::host::Host;

/// How often a thread looks whether it has to stop.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// UDA 1.0 section 1.
pub(super) const SSDP_PORT: u16 = 1900;
/// The multicast group of SSDP.
pub(super) const SSDP_GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

/// The same for IPv6, on the link.
const SSDP_GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);

/// Where a gateway stands.
#[derive(Debug)]
pub(super) enum Place {
    Loopback,
    Namespace(Host),
}

impl Place {
    /// Runs `open` where the gateway stands.
    pub(super) fn run<T: Send>(&self, open: impl FnOnce() -> T + Send) -> T {
        match self {
            Self::Loopback => open(),
            Self::Namespace(host) => host.run(open),
        }
    }
}

/// The sockets of SSDP.
#[derive(Debug)]
pub(super) struct SsdpSockets {
    pub(super) unicast: UdpSocket,
    /// On loopback there is none: other tests run beside.
    pub(super) multicast: Option<UdpSocket>,
    /// Hears that somebody searches over IPv6.
    pub(super) multicast_v6: Option<UdpSocket>,
    /// For answers from another port than 1900.
    pub(super) ephemeral: UdpSocket,
}

impl SsdpSockets {
    /// Takes a loopback address that no other gateway of this machine has.
    pub(super) fn on_loopback() -> (Ipv4Addr, Self) {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        for _ in 0..4096 {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            // Processes start far from each other; a socket tells whether an address is taken.
            let mixed = process::id().wrapping_mul(0x9e37_79b1).wrapping_add(number);
            let [_, a, b, c] = mixed.to_be_bytes();
            // 127.0.x.y is where other programs are.
            let address = Ipv4Addr::new(127, a | 0x40, b, c.clamp(1, 254));
            let taken = UdpSocket::bind((address, SSDP_PORT + 1));
            if let Ok(ephemeral) = taken {
                let unicast = bind_shared(address).expect("does a program on 0.0.0.0:1900 not share it?");
                return (
                    address,
                    Self {
                        unicast,
                        multicast: None,
                        multicast_v6: None,
                        ephemeral,
                    },
                );
            }
        }
        panic!("no loopback address has UDP port 1901 free");
    }

    /// Takes `address`, in whose namespace the calling thread is, and joins the group on its interface.
    pub(super) fn on_lan(address: Ipv4Addr) -> io::Result<Self> {
        let multicast = UdpSocket::bind((SSDP_GROUP, SSDP_PORT))?;
        multicast.join_multicast_v4(&SSDP_GROUP, &address)?;
        let interface = interface_of(address)?;
        // An address on the link means nothing without the link.
        let multicast_v6 = UdpSocket::bind(SocketAddrV6::new(SSDP_GROUP_V6, SSDP_PORT, 0, interface))?;
        multicast_v6.join_multicast_v6(&SSDP_GROUP_V6, interface)?;
        Ok(Self {
            // Bound to the address of the interface, its multicast leaves through that interface.
            unicast: UdpSocket::bind((address, SSDP_PORT))?,
            multicast: Some(multicast),
            multicast_v6: Some(multicast_v6),
            ephemeral: UdpSocket::bind((address, 0))?,
        })
    }
}

/// Listens on port 1900 beside daemons that do so on all addresses; what is sent to this address comes here.
fn bind_shared(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, ReuseAddr, &true)?;
    bind(
        socket.as_raw_fd(),
        &SockaddrIn::from(SocketAddrV4::new(address, SSDP_PORT)),
    )?;
    Ok(socket.into())
}

/// Index of the interface that has the address.
fn interface_of(address: Ipv4Addr) -> io::Result<u32> {
    let mut interfaces = getifaddrs()?;
    let interface = interfaces.find(|interface| {
        let own = interface.address.as_ref().and_then(|own| own.as_sockaddr_in());
        own.is_some_and(|own| own.ip() == address)
    });
    match interface {
        Some(interface) => Ok(if_nametoindex(&*interface.interface_name)?),
        None => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

/// Listens for HTTP; std sets SO_REUSEADDR, so a port can be taken again at once.
pub(super) fn listen(place: &Place, address: Ipv4Addr, port: u16) -> TcpListener {
    place
        .run(|| TcpListener::bind((address, port)))
        .unwrap_or_else(|e| panic!("cannot listen on {address}:{port}: {e}"))
}

/// Tells a thread to end.
#[derive(Debug, Clone, Default)]
pub(super) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A thread that is told to end, and waited for, on drop.
#[derive(Debug)]
pub(super) struct Worker {
    stop: StopFlag,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts `work`, which looks at the flag every [`TICK`].
    pub(super) fn start(work: impl FnOnce(&StopFlag) + Send + 'static) -> Self {
        let stop = StopFlag::default();
        let flag = stop.clone();
        Self {
            stop,
            thread: Some(thread::spawn(move || work(&flag))),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}
