//! Presence on a loopback interface of its own: a network namespace that ends with the test's thread.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use portreeve_wire::Offer;
use portreeve_wire::description::{Description, Identity};
use portreeve_wire::uuid::Uuid;
use tokio::net::UdpSocket;

use super::*;
use crate::alone::alone;
use crate::machine::LanAddress;

/// The SSDP group (UDA 1.1 section 1.1.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

/// What a client hears, without waiting for ever.
struct Ears(UdpSocket);

impl Ears {
    /// A client that hears the group.
    fn of_group() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.bind(&everyone().into()).unwrap();
        socket.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST).unwrap();
        Self(UdpSocket::from_std(socket.into()).unwrap())
    }

    /// A client at this address.
    async fn at(address: [u8; 4]) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((address, 0))).await.unwrap();
        socket2::SockRef::from(&socket)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .unwrap();
        Self(socket)
    }

    async fn search(&self, st: &str, mx: u32, to: SocketAddr) {
        let text =
            format!("M-SEARCH * HTTP/1.1\r\nHOST: {to}\r\nMAN: \"ssdp:discover\"\r\nMX: {mx}\r\nST: {st}\r\n\r\n");
        self.0.send_to(text.as_bytes(), to).await.unwrap();
    }

    async fn next(&self, patience: Duration) -> Option<(String, SocketAddr)> {
        let mut buffer = [0; 2048];
        let received = tokio::time::timeout(patience, self.0.recv_from(&mut buffer)).await;
        let (length, source) = received.ok()?.unwrap();
        Some((String::from_utf8(buffer[..length].to_vec()).unwrap(), source))
    }

    /// Everything until there is silence for this long.
    async fn all(&self, silence: Duration) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some((text, _)) = self.next(silence).await {
            heard.push(text);
        }
        heard
    }
}

/// A running presence and the strings by which it hangs.
struct Running {
    boot_id: watch::Sender<u32>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

fn start() -> Running {
    let identity = Identity {
        uuid: Uuid::from_random(1),
        friendly_name: "test".to_owned(),
        model_number: "1".to_owned(),
        serial_number: None,
    };
    let advertised = Advertised {
        root: Description::of(&identity, Offer::default(), View::Igd2, 3).device,
        view: View::Igd2,
        server: "Linux/6 UPnP/1.1 portreeve/1".to_owned(),
        config_id: 3,
        http_port: 5000,
        quirks: RwLock::default(),
    };
    let lan = Arc::new(Lan {
        interface: "lo".to_owned(),
        index: 1,
        addresses: vec![LanAddress {
            address: Ipv4Addr::LOCALHOST.into(),
            network: "127.0.0.0/8".parse().unwrap(),
        }],
        own: vec![Ipv4Addr::LOCALHOST.into()],
    });
    let socket = Socket::open(&lan).unwrap().expect("a group of IPv4");
    let presence = Presence::new(socket, lan, Arc::new(advertised), 7, Random::from_seed(1));
    let (boot_id, new_boot_id) = watch::channel(7);
    let (stop, stopped) = watch::channel(false);
    Running {
        boot_id,
        stop,
        task: tokio::spawn(presence.run(new_boot_id, stopped)),
    }
}

fn everyone() -> SocketAddr {
    Group::Ipv4.address()
}

const SILENCE: Duration = Duration::from_millis(700);
/// Root device, two for each of two embedded devices, three services, and what only the root has.
const SET: usize = 3 + 2 * 2 + 3;

#[test]
fn it_clears_the_past_then_speaks_twice_and_takes_leave() {
    alone("announcements on loopback", || async {
        let ears = Ears::of_group();
        let running = start();
        let heard = ears.all(SILENCE).await;
        let kinds: Vec<&str> = heard.iter().map(|text| kind(text)).collect();
        assert_eq!(kinds[..SET], vec!["ssdp:byebye"; SET]);
        assert_eq!(kinds[SET..], vec!["ssdp:alive"; 2 * SET]);
        assert!(
            heard[SET].contains("LOCATION: http://127.0.0.1:5000/igd2.xml\r\n"),
            "{}",
            heard[SET]
        );
        assert!(heard.iter().all(|text| text.contains("BOOTID.UPNP.ORG: 7\r\n")));

        running.boot_id.send(8).unwrap();
        let heard = ears.all(SILENCE).await;
        assert!(
            heard[..SET]
                .iter()
                .all(|text| kind(text) == "ssdp:update" && text.contains("NEXTBOOTID.UPNP.ORG: 8"))
        );
        assert!(
            heard[SET..]
                .iter()
                .all(|text| kind(text) == "ssdp:alive" && text.contains("BOOTID.UPNP.ORG: 8"))
        );

        running.stop.send(true).unwrap();
        running.task.await.unwrap();
        let heard = ears.all(SILENCE).await;
        assert_eq!(
            heard.iter().map(|text| kind(text)).collect::<Vec<_>>(),
            vec!["ssdp:byebye"; SET]
        );
    });
}

#[test]
fn searches_are_answered_from_port_1900_within_their_time() {
    alone("searches on loopback", || async {
        let _running = start();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let client = Ears::at([127, 0, 0, 1]).await;
        let device = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
        client.search(device, 1, everyone()).await;
        let (answer, source) = client
            .next(Duration::from_millis(1000))
            .await
            .expect("an answer within MX");
        assert_eq!(source, "127.0.0.1:1900".parse().unwrap());
        assert!(
            answer.contains(&format!("ST: {device}\r\n")) && answer.contains("/igd1.xml\r\n"),
            "{answer}"
        );

        client.search("ssdp:all", 1, everyone()).await;
        assert_eq!(client.all(Duration::from_millis(1000)).await.len(), SET);

        let own = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1900).into();
        client.search("upnp:rootdevice", 5, own).await;
        assert!(
            client.next(Duration::from_millis(500)).await.is_some(),
            "a search to us alone is answered at once"
        );
        client.search("urn:schemas-upnp-org:device:MediaServer:1", 1, own).await;
        assert!(client.next(Duration::from_millis(1000)).await.is_none());
    });
}

#[test]
fn strangers_and_those_who_ask_too_often_hear_nothing() {
    alone("foreign searches on loopback", || async {
        let _running = start();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let stranger = Ears::at([10, 9, 9, 9]).await;
        stranger.search("upnp:rootdevice", 1, everyone()).await;
        let own = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1900).into();
        stranger.search("upnp:rootdevice", 1, own).await;
        assert!(stranger.next(Duration::from_millis(1200)).await.is_none());

        let busy = Ears::at([127, 0, 0, 2]).await;
        for _ in 0..100 {
            busy.search("upnp:rootdevice", 1, own).await;
        }
        let answered = busy.all(SILENCE).await.len();
        assert!((64..=70).contains(&answered), "{answered}");
        let other = Ears::at([127, 0, 0, 3]).await;
        other.search("upnp:rootdevice", 1, own).await;
        assert!(other.next(SILENCE).await.is_some(), "another host is not concerned");
    });
}

fn kind(text: &str) -> &str {
    text.lines()
        .find_map(|line| line.strip_prefix("NTS: "))
        .unwrap_or_default()
}

/// A LAN with these addresses, in networks of 64 bits.
fn lan_of(addresses: &[&str]) -> Lan {
    let own = |text: &&str| LanAddress {
        address: text.parse().unwrap(),
        network: format!("{text}/64").parse().unwrap(),
    };
    let addresses: Vec<_> = addresses.iter().map(own).collect();
    Lan {
        interface: "lan0".to_owned(),
        index: 2,
        own: addresses.iter().map(|own| own.address).collect(),
        addresses,
    }
}

#[test]
fn each_group_is_spoken_to_from_an_address_of_its_scope() {
    let spoken = |addresses: &[&str]| {
        let voices = socket::voices(&lan_of(addresses));
        let told = voices
            .into_iter()
            .map(|voice| format!("{} {}", voice.group.host(), voice.from));
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        spoken(&["fd77::1", "fe80::1"]),
        ["[FF02::C]:1900 fe80::1", "[FF05::C]:1900 fd77::1"]
    );
    assert_eq!(spoken(&["fe80::1"]), ["[FF02::C]:1900 fe80::1"]);
    assert_eq!(spoken(&["2001:db8:77::1"]), ["[FF05::C]:1900 2001:db8:77::1"]);
    assert!(spoken(&["::1"]).is_empty());
    assert!(Socket::open(&lan_of(&["::1"])).unwrap().is_none());
}
