//! PEER of PCP in a home that masquerades: what a host has going with somebody keeps its port.

use std::net::{IpAddr, SocketAddr};

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, seen_from};
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::pcp::{Map, Request};
use portreeve_testkit::Echo;

use crate::support::{bed, external};

/// The port that a PEER is promised.
#[track_caller]
fn promised(client: &Client, map: &Map, peer: SocketAddr) -> SocketAddr {
    let request = Request::peer(client.address(), map, (peer.ip(), peer.port()), 600);
    let granted = client.ask_pcp(&request).granted();
    (granted.external_address, granted.external_port).into()
}

fn client(bed: &Bed, host: usize) -> Client {
    Client::on(bed.lan_host(host), bed.gateway().ipv4())
}

#[test]
fn a_host_learns_the_port_of_what_it_has_going() {
    let Some(bed) = bed(&["nftables.masquerade=true"]) else {
        return;
    };
    let internet = bed.internet_host(1);
    let server = Echo::udp(internet, 0);
    let to = SocketAddr::from((internet.ipv4(), server.port()));
    // The first host has the port that the second has to do without.
    let internal = bed.port();
    let first = seen_from(bed.lan_host(1), Protocol::Udp, internal, to).expect("masqueraded");
    let second = seen_from(bed.lan_host(2), Protocol::Udp, internal, to).expect("masqueraded");
    assert_ne!(first, second);
    let map = Map::new(Protocol::Udp, internal);
    assert_eq!(promised(&client(&bed, 2), &map, to), second);
    // So it is seen by everybody else from now on.
    let other = Echo::udp(bed.internet_host(2), 0);
    let elsewhere = SocketAddr::from((bed.internet_host(2).ipv4(), other.port()));
    assert_eq!(
        seen_from(bed.lan_host(2), Protocol::Udp, internal, elsewhere),
        Some(second)
    );
}

#[test]
fn by_tcp_too_a_mapped_port_is_the_same_to_everybody() {
    let Some(bed) = bed(&["nftables.masquerade=true"]) else {
        return;
    };
    let internal = bed.port();
    let map = Map::new(Protocol::Tcp, internal).suggesting(bed.port());
    let client = client(&bed, 1);
    let answer = client.ask_pcp(&Request::map(client.address(), &map, 600));
    let mapped = external(&bed, answer.granted().external_port);
    for internet in [1, 2] {
        let server = Echo::tcp(bed.internet_host(internet), 0);
        let to = SocketAddr::from((bed.internet_host(internet).ipv4(), server.port()));
        let seen = seen_from(bed.lan_host(1), Protocol::Tcp, internal, to);
        assert_eq!(seen, Some(mapped), "to internet{internet}");
    }
}

#[test]
fn over_ipv6_it_is_a_hole_for_the_peer_alone() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let host = bed.lan_host(1);
    let server = Echo::udp(host, bed.port());
    let client = Client::on(host, bed.gateway().ipv6());
    let remote: IpAddr = bed.internet_host(1).ipv6().into();
    let (peer, stranger) = (SocketAddr::new(remote, bed.port()), SocketAddr::new(remote, bed.port()));
    let at = SocketAddr::from((host.ipv6(), server.port()));
    let map = Map::new(Protocol::Udp, server.port()).ipv6();
    assert_eq!(promised(&client, &map, peer), at);
    let comes_in = |from: SocketAddr| {
        let socket = bed
            .internet_host(1)
            .run(|| std::net::UdpSocket::bind(from))
            .expect("the port is free");
        let timeout = Some(std::time::Duration::from_millis(700));
        socket.set_read_timeout(timeout).expect("sockets take a read timeout");
        socket.send_to(b"hello", at).expect("there is a route");
        socket.recv(&mut [0; 200]).is_ok()
    };
    assert!(comes_in(peer));
    assert!(!comes_in(stranger));
    let end = Request::peer(client.address(), &map, (peer.ip(), peer.port()), 0);
    client.ask_pcp(&end);
    assert!(!comes_in(peer));
}
