//! The server on real sockets, with an engine that answers by script.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Mutex;
use std::time::Duration;

use portreeve_engine::{Epoch, Reply, Time};
use portreeve_testkit::{Lab, require_root};
use portreeve_wire::pcp::CLIENT_PORT;
use portreeve_wire::{nat_pmp, pcp};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::alone::alone;
use crate::machine::LanAddress;

/// An engine that grants every port, and keeps requests for [`HELD`] until they are released.
#[derive(Default)]
struct Script {
    /// How many requests came together.
    together: Mutex<Vec<usize>>,
    held: Mutex<Vec<ReplyTo>>,
    /// How often the external address was asked for.
    looks: Mutex<u32>,
}

const HELD: u16 = 7;
const ADDRESS: Ipv4Addr = Ipv4Addr::new(11, 11, 11, 2);
/// What every answer of the script says of the epoch.
const EPOCH: u32 = 77;

impl Script {
    fn release(&self) {
        for reply_to in self.held.lock().unwrap().drain(..) {
            reply_to(granted(HELD));
        }
    }
}

fn granted(external_port: u16) -> Reply {
    Reply::NatPmp(nat_pmp::Answer {
        epoch: EPOCH,
        outcome: Ok(nat_pmp::Mapped::Port {
            external_port,
            lifetime: 60,
        }),
    })
}

impl Ask for Arc<Script> {
    async fn ask(&self, request: Request) -> Option<Reply> {
        match request {
            Request::NatPmp {
                request: nat_pmp::Request::ExternalAddress,
                ..
            } => {
                let mut looks = self.looks.lock().unwrap();
                *looks += 1;
                Some(Reply::NatPmp(nat_pmp::Answer {
                    epoch: *looks,
                    outcome: Ok(nat_pmp::Mapped::ExternalAddress(ADDRESS)),
                }))
            }
            _ => None,
        }
    }
}

impl AskTogether for Arc<Script> {
    fn ask_together(&self, requests: Vec<(Request, ReplyTo)>) {
        self.together.lock().unwrap().push(requests.len());
        for (request, reply_to) in requests {
            match request {
                Request::NatPmp {
                    request:
                        nat_pmp::Request::Map {
                            internal_port: HELD, ..
                        },
                    ..
                } => self.held.lock().unwrap().push(reply_to),
                Request::NatPmp {
                    request: nat_pmp::Request::Map { internal_port, .. },
                    ..
                } => reply_to(granted(internal_port)),
                Request::Pcp { .. } => reply_to(Reply::Pcp(pcp::Answer {
                    epoch: EPOCH,
                    outcome: Ok(pcp::Assigned {
                        lifetime: 0,
                        external: None,
                        port_set: None,
                    }),
                })),
                other => panic!("nobody asks {other:?} here"),
            }
        }
    }
}

/// A running server and the strings by which it hangs.
struct Running {
    script: Arc<Script>,
    control: Arc<PortControl<Arc<Script>>>,
    told: watch::Sender<Told>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

const BOTH: Spoken = Spoken {
    nat_pmp: true,
    pcp: true,
};
const NAT_PMP: Spoken = Spoken {
    nat_pmp: true,
    pcp: false,
};
const PCP: Spoken = Spoken {
    nat_pmp: false,
    pcp: true,
};
const NOTHING: Spoken = Spoken {
    nat_pmp: false,
    pcp: false,
};

fn terms(ipv4: Spoken) -> Terms {
    Terms {
        ipv4,
        ipv6: PCP,
        per_second: 100,
    }
}

fn start(lan: Lan, ipv4: Spoken) -> Running {
    let script = Arc::new(Script::default());
    let told = watch::Sender::new(told(1000));
    let control = PortControl::new(Arc::clone(&script), told.subscribe(), terms(ipv4));
    let (stop, stopped) = watch::channel(false);
    let socket = control.open(&lan).unwrap();
    let serving = Arc::clone(&control).serve(Arc::new(lan), socket, stopped);
    Running {
        script,
        control,
        told,
        stop,
        task: tokio::spawn(serving),
    }
}

fn told(seconds: u32) -> Told {
    Told {
        epoch: Epoch::of(seconds, clock_now()),
        external_address: Some(ADDRESS),
    }
}

fn clock_now() -> Time {
    crate::runtime::clock::now()
}

/// Loopback with two addresses of ours.
fn loopback() -> Lan {
    let own = ["127.0.0.1", "127.0.0.5"].map(|text| LanAddress {
        address: text.parse().unwrap(),
        network: "127.0.0.0/8".parse().unwrap(),
    });
    Lan {
        interface: "lo".to_owned(),
        index: 1,
        own: own.iter().map(|own| own.address).collect(),
        addresses: own.into(),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for an answer that is not to come.
const SILENCE: Duration = Duration::from_millis(400);

/// A client.
struct Client(UdpSocket);

impl Client {
    async fn at(address: [u8; 4]) -> Self {
        Self(UdpSocket::bind(SocketAddr::from((address, 0))).await.unwrap())
    }

    async fn send(&self, bytes: &[u8], to: [u8; 4]) {
        self.0
            .send_to(bytes, SocketAddr::from((to, SERVER_PORT)))
            .await
            .unwrap();
    }

    async fn next(&self, patience: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        let mut buffer = [0; 2048];
        let (length, source) = timeout(patience, self.0.recv_from(&mut buffer)).await.ok()?.unwrap();
        Some((buffer[..length].to_vec(), source))
    }

    async fn answer(&self) -> Vec<u8> {
        self.next(PATIENCE).await.expect("an answer").0
    }

    async fn hears_nothing(&self) {
        let heard = self.next(SILENCE).await;
        assert!(heard.is_none(), "{heard:?}");
    }
}

/// A NAT-PMP request to map a UDP port.
fn map(internal_port: u16) -> [u8; 12] {
    let mut bytes = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60];
    bytes[4..6].copy_from_slice(&internal_port.to_be_bytes());
    bytes
}

/// The answer of the script to that.
fn mapped(port: u16) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    vec![0, 129, 0, 0, 0, 0, 0, 77, high, low, high, low, 0, 0, 0, 60]
}

/// A PCP ANNOUNCE of a client at this address.
fn announce(client: Ipv6Addr) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 0, 0, 0], client.octets().as_slice()].concat()
}

fn announced() -> Vec<u8> {
    let mut bytes = vec![2, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77];
    bytes.resize(24, 0);
    bytes
}

const CLIENT: [u8; 4] = [127, 0, 0, 9];

#[test]
fn both_protocols_are_answered_from_the_address_that_was_asked() {
    alone("answers on port 5351", || async {
        let running = start(loopback(), BOTH);
        let client = Client::at(CLIENT).await;
        for own in [[127, 0, 0, 1], [127, 0, 0, 5]] {
            client.send(&map(4000), own).await;
            let (answer, source) = client.next(PATIENCE).await.expect("an answer");
            assert_eq!(
                (answer, source.to_string()),
                (mapped(4000), format!("{}:5351", Ipv4Addr::from(own)))
            );
            client
                .send(&announce(Ipv4Addr::from(CLIENT).to_ipv6_mapped()), own)
                .await;
            let (answer, source) = client.next(PATIENCE).await.expect("an answer");
            assert_eq!((answer, source.ip()), (announced(), IpAddr::from(own)));
        }
        running.stop.send(true).unwrap();
        running.task.await.unwrap();
        let is_free = std::net::UdpSocket::bind(("127.0.0.1", SERVER_PORT));
        assert!(is_free.is_ok(), "the port is closed with the server");
    });
}

#[test]
fn nobody_else_is_answered() {
    alone("datagrams that nobody answers", || async {
        let running = start(loopback(), BOTH);
        let stranger = Client::at([10, 9, 9, 9]).await;
        stranger.send(&map(4000), [127, 0, 0, 1]).await;
        let client = Client::at(CLIENT).await;
        client.0.set_broadcast(true).unwrap();
        for not_ours in [[10, 9, 9, 9], [127, 0, 0, 7], [127, 255, 255, 255]] {
            client.send(&map(4000), not_ours).await;
        }
        socket2::SockRef::from(&client.0)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .unwrap();
        client.send(&map(4000), [224, 0, 0, 1]).await;
        // A response, and what is too short to be anything.
        client.send(&mapped(4000), [127, 0, 0, 1]).await;
        client.send(&[0], [127, 0, 0, 1]).await;
        client.send(&[], [127, 0, 0, 1]).await;
        stranger.hears_nothing().await;
        client.hears_nothing().await;
        assert!(running.script.together.lock().unwrap().is_empty());
        client.send(&map(4000), [127, 0, 0, 1]).await;
        assert_eq!(client.answer().await, mapped(4000));
    });
}

#[test]
fn who_speaks_another_version_is_told_so() {
    alone("versions on port 5351", || async {
        let running = start(loopback(), BOTH);
        let client = Client::at(CLIENT).await;
        let pcp_request = announce(Ipv4Addr::from(CLIENT).to_ipv6_mapped());
        let ask = async |bytes: &[u8]| {
            client.send(bytes, [127, 0, 0, 1]).await;
            client.answer().await
        };
        let told = ask(&[1, 0, 0, 0]).await;
        assert_eq!((told.len(), &told[..4]), (24, &[2, 128, 0, 1][..]));

        running.control.set_terms(terms(NAT_PMP));
        let told = ask(&pcp_request).await;
        assert_eq!((told.len(), &told[..4]), (8, &[0, 0, 0, 1][..]));
        assert!((1000..1100).contains(&u32::from_be_bytes(told[4..].try_into().unwrap())));
        assert_eq!(ask(&map(4000)).await, mapped(4000));

        running.control.set_terms(terms(PCP));
        let told = ask(&[0, 0]).await;
        assert_eq!((told.len(), &told[..4]), (24, &[2, 128, 0, 1][..]));
        assert_eq!(ask(&pcp_request).await, announced());
    });
}

#[test]
fn the_port_is_closed_while_nothing_is_spoken() {
    alone("a closed port 5351", || async {
        let running = start(loopback(), NOTHING);
        let client = Client::at(CLIENT).await;
        client.0.connect(("127.0.0.1", SERVER_PORT)).await.unwrap();
        // What comes of a request; what is on its way while the port opens or closes may be lost.
        let ask = async || {
            client.0.send(&map(4000)).await?;
            let mut buffer = [0; 64];
            let length = timeout(SILENCE, client.0.recv(&mut buffer)).await??;
            Ok::<_, io::Error>(buffer[..length].to_vec())
        };
        let is_refused = async || matches!(ask().await, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused);
        assert!(is_refused().await);
        running.control.set_terms(terms(BOTH));
        let answer = loop {
            if let Ok(answer) = ask().await {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(answer, mapped(4000));
        running.control.set_terms(terms(NOTHING));
        while !is_refused().await {}
    });
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    alone("a taken port 5351", || async {
        let _other = std::net::UdpSocket::bind(("127.0.0.1", SERVER_PORT)).unwrap();
        let (_, told) = watch::channel(Told::default());
        let control = PortControl::new(Arc::new(Script::default()), told, terms(BOTH));
        let failure = control.open(&loopback()).unwrap_err();
        assert_eq!(failure.status, Status::Unavailable);
        let text = failure.to_string();
        for part in ["5351", "lo", "ss -lunp", "pcp.enabled=false", "nat-pmp.enabled=false"] {
            assert!(text.contains(part), "{text}");
        }
    });
}

#[test]
fn what_waits_is_carried_out_together() {
    alone("requests that come together", || async {
        let running = start(loopback(), BOTH);
        let client = Client::at(CLIENT).await;
        // Without another thread the server runs only while this one waits.
        let own = SocketAddr::from(([127, 0, 0, 1], SERVER_PORT));
        client.0.writable().await.unwrap();
        for port in 4000..4050 {
            client.0.try_send_to(&map(port), own).unwrap();
        }
        for port in 4000..4050 {
            assert_eq!(client.answer().await, mapped(port));
        }
        assert_eq!(*running.script.together.lock().unwrap(), [50]);
    });
}

#[test]
fn a_request_that_takes_long_holds_up_nobody_and_is_asked_once() {
    alone("a request that takes long", || async {
        let running = start(loopback(), BOTH);
        let client = Client::at(CLIENT).await;
        for port in [HELD, HELD, 4000] {
            client.send(&map(port), [127, 0, 0, 1]).await;
        }
        assert_eq!(client.answer().await, mapped(4000));
        client.send(&map(HELD), [127, 0, 0, 1]).await;
        client.hears_nothing().await;
        assert_eq!(running.script.held.lock().unwrap().len(), 1);
        running.script.release();
        assert_eq!(client.answer().await, mapped(HELD));
        client.send(&map(HELD), [127, 0, 0, 1]).await;
        client.hears_nothing().await;
        running.script.release();
        assert_eq!(client.answer().await, mapped(HELD));
    });
}

#[test]
fn who_asks_too_often_hears_nothing() {
    alone("too many requests on port 5351", || async {
        let _running = start(loopback(), BOTH);
        let busy = Client::at(CLIENT).await;
        for port in 0..300 {
            busy.send(&map(4000 + port), [127, 0, 0, 1]).await;
        }
        let mut answered = 0;
        while busy.next(SILENCE).await.is_some() {
            answered += 1;
        }
        // Two seconds' worth, and what drips in meanwhile.
        assert!((200..290).contains(&answered), "{answered}");
        let other = Client::at([127, 0, 0, 10]).await;
        other.send(&map(4000), [127, 0, 0, 1]).await;
        assert_eq!(other.answer().await, mapped(4000));
    });
}

/// A client that hears what everybody is told.
fn ears() -> Client {
    let socket = Socket::new(Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    let group = Ipv4Addr::new(224, 0, 0, 1);
    socket.bind(&SocketAddr::from((group, CLIENT_PORT)).into()).unwrap();
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    Client(UdpSocket::from_std(socket.into()).unwrap())
}

#[test]
fn everybody_is_told_ten_times_and_anew_of_what_changes() {
    alone("announcements to 224.0.0.1", || async {
        let ears = ears();
        tokio::time::pause();
        let began = Instant::now();
        let running = start(loopback(), BOTH);
        let mut heard = Vec::new();
        // NAT-PMP and PCP, from each of two addresses.
        for _ in 0..4 * 10 {
            let (bytes, source) = ears.next(Duration::from_secs(100)).await.expect("a copy");
            heard.push((began.elapsed().as_millis(), bytes, source));
        }
        let at = |copy: u32| 250 * (2_u128.pow(copy) - 1);
        for (copy, told) in (0..).zip(heard.chunks(4)) {
            for (place, (millis, bytes, source)) in told.iter().enumerate() {
                assert!(millis.abs_diff(at(copy)) <= 10, "copy {copy} came at {millis} ms");
                let own = ["127.0.0.1:5351", "127.0.0.5:5351"][place / 2];
                assert_eq!(source.to_string(), own);
                let seconds = u8::try_from(copy).unwrap() + 1;
                match place % 2 {
                    0 => assert_eq!(bytes, &[0, 128, 0, 0, 0, 0, 0, seconds, 11, 11, 11, 2]),
                    _ => {
                        assert_eq!((bytes.len(), &bytes[..8]), (24, &[2, 128, 0, 0, 0, 0, 0, 0][..]));
                        let epoch = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
                        assert!((1000..1100).contains(&epoch), "{epoch}");
                    }
                }
            }
        }
        assert!(ears.next(Duration::from_secs(600)).await.is_none(), "ten are enough");

        running.told.send_replace(told(0));
        for _ in 0..8 {
            ears.next(PATIENCE).await.expect("the first two copies");
        }
        let again = Instant::now();
        running.told.send_replace(told(2));
        let mut count = 0;
        while ears.next(Duration::from_secs(100)).await.is_some() {
            count += 1;
        }
        assert_eq!(count, 4 * 10, "the newer ones take the place of the older");
        assert!(again.elapsed() > Duration::from_secs(127));
    });
}

#[test]
fn ipv6_clients_are_served_at_the_link_local_address_of_their_router() {
    let what = "ipv6_clients_are_served_at_the_link_local_address_of_their_router";
    let Some(()) = require_root(what) else { return };
    let lab = Lab::builder().build();
    let interface = lab.lan_interface(0);
    let own = lab.gateway().link_local(&interface);
    let served = LanAddress {
        address: (*own.ip()).into(),
        network: "fe80::/64".parse().unwrap(),
    };
    let lan = Lan {
        interface,
        index: own.scope_id(),
        addresses: vec![served],
        own: vec![served.address],
    };
    let host = lab.lan_host(1);
    let address = host.link_local("eth0");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap();
    let client = host.run(|| {
        let socket = Socket::new(Domain::IPV6, socket2::Type::DGRAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, CLIENT_PORT)).into())
            .unwrap();
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        socket.join_multicast_v6(&all_nodes, address.scope_id()).unwrap();
        let _runtime = runtime.enter();
        Client(UdpSocket::from_std(socket.into()).unwrap())
    });
    let running = lab.gateway().run(|| {
        let _runtime = runtime.enter();
        start(lan, BOTH)
    });
    runtime.block_on(async {
        let (bytes, source) = client.next(PATIENCE).await.expect("an announcement");
        assert_eq!(
            (bytes.len(), source.ip(), source.port()),
            (24, served.address, SERVER_PORT)
        );
        let router = SocketAddrV6::new(*own.ip(), SERVER_PORT, 0, address.scope_id());
        client.0.send_to(&announce(*address.ip()), router).await.unwrap();
        let (bytes, source) = loop {
            let heard = client.next(PATIENCE).await.expect("an answer");
            // Other copies of the announcement have another epoch.
            if heard.0 == announced() {
                break heard;
            }
        };
        assert_eq!((bytes, source), (announced(), router.into()));
        // NAT-PMP knows no IPv6.
        client.0.send_to(&map(4000), router).await.unwrap();
        let refused = loop {
            let (bytes, _) = client.next(PATIENCE).await.expect("an answer");
            if bytes[1] != 128 {
                break bytes;
            }
        };
        assert_eq!(refused[..4], [2, 129, 0, 1]);
        running.stop.send(true).unwrap();
        running.task.await.unwrap();
    });
}
