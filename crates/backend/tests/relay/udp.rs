//! What UDP datagrams through the relay are like.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portreeve_backend::Backend;
use portreeve_backend::relay::Settings;
use portreeve_engine::Mapping;

use crate::world::*;

fn peer(to: SocketAddr) -> UdpSocket {
    peer_from(Ipv4Addr::LOCALHOST, to)
}

/// A remote socket that takes answers only from where it sends to.
fn peer_from(source: Ipv4Addr, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((source, 0)).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket.connect(to).unwrap();
    socket
}

/// Sends the text to a [`udp_echo`] and returns the name that answered and the port that it saw.
fn ask(socket: &UdpSocket, text: &str) -> (String, u16) {
    socket.send(text.as_bytes()).unwrap();
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).unwrap();
    let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let words: Vec<&str> = answer.split(' ').collect();
    assert_eq!(words[1], text);
    (words[0].to_owned(), words[2].parse().unwrap())
}

fn is_unanswered(socket: &UdpSocket) -> bool {
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket.send(b"anybody?").unwrap();
    let answer = socket.recv(&mut [0; 100]);
    socket.set_read_timeout(Some(SOON)).unwrap();
    answer.is_err()
}

#[test]
fn each_remote_socket_has_a_flow_of_its_own_and_keeps_it() {
    let mut world = World::new();
    world.add(&Arc::new(mapping(Udp, 20074, udp_echo("console"))));
    let (one, two) = (peer(world.external(20074)), peer(world.external(20074)));
    let (name, first) = ask(&one, "one");
    assert_eq!(name, "console");
    let (_, second) = ask(&two, "two");
    assert_ne!(first, second);
    assert_eq!(ask(&one, "more").1, first);
    assert_eq!(ask(&two, "more").1, second);
}

#[test]
fn the_largest_datagram_passes_both_ways_whole() {
    let client = UdpSocket::bind((own_address(), 0)).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    let mut world = World::new();
    world.add(&Arc::new(mapping(Udp, 20009, client.local_addr().unwrap())));
    let remote = peer(world.external(20009));
    let sent: Vec<u8> = (0..65_507_u32).map(|at| (at % 251).to_le_bytes()[0]).collect();
    remote.send(&sent).unwrap();
    let mut buffer = vec![0; 70_000];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert!(buffer[..length] == sent);
    client.send_to(&sent, from).unwrap();
    let length = remote.recv(&mut buffer).unwrap();
    assert!(buffer[..length] == sent);
    remote.send(b"").unwrap();
    assert_eq!(
        client.recv_from(&mut buffer).unwrap().0,
        0,
        "an empty datagram is one too"
    );
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    let mut world = World::new();
    world.relay.set_external(&[]).unwrap();
    world.add(&Arc::new(mapping(Udp, 20_181, udp_echo("any"))));
    for address in [own_address(), own_address()] {
        assert_eq!(ask(&peer((address, 20_181).into()), "hello").0, "any");
    }
}

#[test]
fn an_idle_flow_ends_and_a_busy_one_does_not() {
    let mut world = World::with(Settings {
        flow_idle: Duration::from_millis(600),
        ..Settings::default()
    });
    world.add(&Arc::new(mapping(Udp, 20009, udp_echo("client"))));
    let (idle, busy) = (peer(world.external(20009)), peer(world.external(20009)));
    let (idle_port, busy_port) = (ask(&idle, "x").1, ask(&busy, "x").1);
    for _ in 0..12 {
        thread::sleep(Duration::from_millis(100));
        assert_eq!(ask(&busy, "x").1, busy_port);
    }
    assert_ne!(ask(&idle, "x").1, idle_port);
}

#[test]
fn one_flow_too_many_ends_the_one_idle_for_longest() {
    for (flows_per_mapping, in_all) in [(2, 100), (100, 2)] {
        let mut world = World::with(Settings {
            flows_per_mapping,
            in_all,
            ..Settings::default()
        });
        world.add(&Arc::new(mapping(Udp, 20009, udp_echo("client"))));
        let peers: Vec<UdpSocket> = (0..3).map(|_| peer(world.external(20009))).collect();
        let first = ask(&peers[0], "x").1;
        let second = ask(&peers[1], "x").1;
        assert_eq!(ask(&peers[0], "x").1, first);
        let third = ask(&peers[2], "x").1;
        assert_eq!(ask(&peers[0], "x").1, first);
        assert_eq!(ask(&peers[2], "x").1, third);
        assert_ne!(ask(&peers[1], "x").1, second);
    }
}

#[test]
fn a_client_that_starts_late_gets_the_next_datagram() {
    let address = SocketAddr::from((own_address(), 4000));
    let mut world = World::new();
    world.add(&Arc::new(mapping(Udp, 20009, address)));
    let remote = peer(world.external(20009));
    for _ in 0..3 {
        remote.send(b"nobody is there").unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    let client = UdpSocket::bind(address).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    remote.send(b"now").unwrap();
    let mut buffer = [0; 100];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"now");
    client.send_to(b"yes", from).unwrap();
    let length = remote.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"yes");
}

#[test]
fn strangers_cannot_speak_for_the_client() {
    let client = UdpSocket::bind((own_address(), 0)).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    let mut world = World::new();
    world.add(&Arc::new(mapping(Udp, 20009, client.local_addr().unwrap())));
    let remote = peer(world.external(20009));
    remote.send(b"hello").unwrap();
    let (_, from) = client.recv_from(&mut [0; 100]).unwrap();
    let stranger = UdpSocket::bind((own_address(), 0)).unwrap();
    stranger.send_to(b"false", from).unwrap();
    client.send_to(b"true", from).unwrap();
    let mut buffer = [0; 100];
    let length = remote.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"true");
}

#[test]
fn a_mapping_for_one_remote_host_takes_no_datagram_of_others() {
    let mut world = World::new();
    let (friend, other) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let for_friend = Arc::new(only_from(friend, mapping(Udp, 20009, udp_echo("friend"))));
    world.add(&for_friend);
    assert_eq!(ask(&peer_from(friend, world.external(20009)), "x").0, "friend");
    let stranger = peer_from(other, world.external(20009));
    assert!(is_unanswered(&stranger));
    world.add(&Arc::new(mapping(Udp, 20009, udp_echo("all"))));
    assert_eq!(ask(&stranger, "x").0, "all");
    assert_eq!(ask(&peer_from(friend, world.external(20009)), "x").0, "friend");
    world.remove(&for_friend);
    assert_eq!(ask(&peer_from(friend, world.external(20009)), "x").0, "all");
}

#[test]
fn flows_end_with_their_mapping() {
    let mut world = World::new();
    let client = UdpSocket::bind((own_address(), 0)).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    let before = Arc::new(mapping(Udp, 20009, client.local_addr().unwrap()));
    world.add(&before);
    let remote = peer(world.external(20009));
    remote.send(b"hello").unwrap();
    let (_, flow) = client.recv_from(&mut [0; 100]).unwrap();
    world.add(&Arc::new(mapping(Udp, 20009, udp_echo("next"))));
    assert_eq!(ask(&remote, "x").0, "next");
    eventually("the old flow's socket is closed", || UdpSocket::bind(flow).is_ok());
}

#[test]
fn datagrams_for_every_client_are_broadcast_on_the_lan() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped, needs root for a network namespace: broadcast_in_a_namespace");
        return;
    }
    let script = "ip link set lo up && ip link add lan0 type veth peer lan1 && ip link add wan0 type veth peer wan1 \
        && ip address add 192.168.77.1/24 dev lan0 && ip address add 11.11.11.1/24 dev wan0 \
        && for link in lan0 lan1 wan0 wan1; do ip link set $link up; done && ip route add default dev wan0 && exec \"$0\" \"$@\"";
    let mut child = child(
        &["unshare", "--net", "sh", "-c", script],
        "udp::broadcast_in_a_namespace",
    );
    succeeded(&child.output().unwrap());
}

#[test]
#[ignore = "part of datagrams_for_every_client_are_broadcast_on_the_lan"]
fn broadcast_in_a_namespace() {
    let lan = Ipv4Addr::new(192, 168, 77, 1);
    let mut world = World::with(Settings {
        lan: Some(lan),
        ..Settings::default()
    });
    let client = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 4000)).unwrap();
    // Takes only what comes through the LAN's interface.
    socket2::SockRef::from(&client).bind_device(Some(b"lan0")).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    world.add(&Arc::new(mapping(Udp, 20009, (Mapping::EVERY_CLIENT, 4000).into())));
    let remote = peer(world.external(20009));
    remote.send(b"wake up").unwrap();
    let mut buffer = [0; 100];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from.ip()), (&b"wake up"[..], lan.into()));
    client.send_to(b"awake", from).unwrap();
    let length = remote.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"awake");
}
