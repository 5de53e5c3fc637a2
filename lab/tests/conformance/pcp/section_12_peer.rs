use std::net::{IpAddr, SocketAddr};

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, seen_from};
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::pcp::{Map, PEER, Request, octets, option, result};
use portreeve_testkit::{Echo, Host};

use super::{client, outside, refused};

/// Asks for a flow that must be granted, and returns it as assigned.
#[track_caller]
fn granted(client: &Client, map: &Map, peer: SocketAddr, lifetime: u32) -> Map {
    let answer = client.ask_pcp(&Request::peer(
        client.address(),
        map,
        (peer.ip(), peer.port()),
        lifetime,
    ));
    let assigned = answer.granted();
    assert_eq!(answer.remote(), (peer.ip(), peer.port()));
    assigned
}

fn server(protocol: Protocol, host: &Host) -> (Echo, SocketAddr) {
    let echo = match protocol {
        Protocol::Tcp => Echo::tcp(host, 0),
        Protocol::Udp => Echo::udp(host, 0),
    };
    let at = SocketAddr::from((host.ipv4(), echo.port()));
    (echo, at)
}

#[test]
fn eighty_octets_are_answered_with_eighty() {
    let Some(bed) = Bed::shared() else { return };
    let (internal, external) = (bed.port(), bed.port());
    let [i, j] = internal.to_be_bytes();
    let [e, f] = external.to_be_bytes();
    let mut request = vec![2, 2, 0, 0, 0, 0, 0x0e, 0x10];
    request.extend(octets(IpAddr::from([192, 168, 77, 11])));
    request.extend(*b"twelve bytes");
    request.extend([17, 0, 0, 0, i, j, e, f]);
    request.extend(octets(IpAddr::from([0, 0, 0, 0])));
    request.extend([0x1f, 0x40, 0, 0]);
    request.extend(octets(IpAddr::from([11, 11, 11, 7])));
    let mut answer = client(&bed, 1).ask(&request);
    answer[8..12].fill(0);

    let mut expected = vec![2, 0x82, 0, 0, 0, 0, 0x0e, 0x10];
    expected.extend([0; 16]);
    expected.extend(*b"twelve bytes");
    expected.extend([17, 0, 0, 0, i, j, e, f]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 11, 11, 11, 2]);
    expected.extend([0x1f, 0x40, 0, 0]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 11, 11, 11, 7]);
    assert_eq!(answer, expected);
}

#[track_caller]
fn leaves_by_the_promised_port(protocol: Protocol) {
    let Some(bed) = Bed::shared() else { return };
    let (client, host, internal) = (client(&bed, 1), bed.lan_host(1), bed.port());
    let (_echo, peer) = server(protocol, bed.internet_host(1));
    let assigned = granted(&client, &Map::new(protocol, internal).suggesting(bed.port()), peer, 600);
    let promised = SocketAddr::new(outside(&bed), assigned.external_port);
    assert_eq!(seen_from(host, protocol, internal, peer), Some(promised));
}

#[test]
fn udp_to_the_peer_leaves_by_the_promised_port() {
    leaves_by_the_promised_port(Protocol::Udp);
}

#[test]
fn tcp_to_the_peer_leaves_by_the_promised_port() {
    leaves_by_the_promised_port(Protocol::Tcp);
}

#[test]
fn the_port_of_a_map_is_the_port_towards_every_peer() {
    let Some(bed) = Bed::shared() else { return };
    let (client, host, internal) = (client(&bed, 1), bed.lan_host(1), bed.port());
    let (_echo, peer) = server(Protocol::Udp, bed.internet_host(1));
    let map = Map::new(Protocol::Udp, internal).suggesting(bed.port());
    let (mapped, _) = super::granted(&client, &map, 600);
    let assigned = granted(&client, &map.suggesting(0), peer, 600);
    assert_eq!(assigned.external_port, mapped.external_port);
    let promised = SocketAddr::new(outside(&bed), mapped.external_port);
    assert_eq!(seen_from(host, Protocol::Udp, internal, peer), Some(promised));
}

#[test]
fn a_flow_lets_nobody_else_in() {
    let Some(bed) = Bed::shared() else { return };
    let echo = Protocol::Udp.echo(&bed);
    let peer = SocketAddr::from((bed.internet_host(2).ipv4(), 8000));
    let map = Map::new(Protocol::Udp, echo.port());
    let assigned = granted(&client(&bed, 1), &map, peer, 600);
    let reached = Protocol::Udp.reach(&bed, assigned.external_port);
    assert!(reached.is_err(), "{reached:?}");
}

#[test]
fn the_same_again_gets_the_same_port() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let peer = SocketAddr::from((bed.internet_host(1).ipv4(), 8000));
    let map = Map::new(Protocol::Udp, bed.port());
    let first = granted(&client, &map, peer, 600);
    assert_eq!(
        granted(&client, &map.suggesting(first.external_port), peer, 3600),
        first
    );
}

#[test]
fn a_lifetime_of_0_ends_it() {
    let Some(bed) = Bed::shared() else { return };
    let (client, host, internal) = (client(&bed, 1), bed.lan_host(1), bed.port());
    let (_echo, peer) = server(Protocol::Udp, bed.internet_host(1));
    let map = Map::new(Protocol::Udp, internal);
    granted(&client, &map, peer, 600);
    let request = Request::peer(client.address(), &map, (peer.ip(), peer.port()), 0);
    let answer = client.ask_pcp(&request);
    assert_eq!(
        (answer.result(), answer.lifetime()),
        (result::SUCCESS, 0),
        "{:02x?}",
        answer.bytes()
    );
    // Nothing masquerades in this lab.
    assert_eq!(seen_from(host, Protocol::Udp, internal, peer), None);
}

#[test]
fn without_a_port_or_a_protocol_it_is_malformed_request() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let remote = IpAddr::from(bed.internet_host(1).ipv4());
    let map = Map::new(Protocol::Udp, 7000);
    for (map, port) in [
        (Map { protocol: 0, ..map }, 9),
        (
            Map {
                internal_port: 0,
                ..map
            },
            9,
        ),
        (map, 0),
    ] {
        let request = Request::peer(client.address(), &map, (remote, port), 600);
        refused(&client, &request, result::MALFORMED_REQUEST);
    }
}

#[test]
fn prefer_failure_with_it_is_malformed_request() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let remote = (bed.internet_host(1).ipv4().into(), 9);
    let map = Map::new(Protocol::Udp, 7000).suggesting(7000);
    let request = Request::peer(client.address(), &map, remote, 600).option(option::PREFER_FAILURE, b"");
    refused(&client, &request, result::MALFORMED_REQUEST);
}

#[test]
fn an_optional_option_is_no_hindrance() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let remote = (bed.internet_host(1).ipv4().into(), 9);
    let map = Map::new(Protocol::Udp, bed.port());
    let answer = client.ask_pcp(&Request::peer(client.address(), &map, remote, 600).option(224, b"x"));
    answer.granted();
    assert_eq!(answer.options(PEER), []);
}
