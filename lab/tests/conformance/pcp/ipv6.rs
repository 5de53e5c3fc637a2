//! Over IPv6 nothing is translated: a mapping is a pinhole in the firewall.

use std::net::{IpAddr, SocketAddr};

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{Map, Request, option, result};
use portreeve_lab::port_control::{Client, SERVER_PORT};
use portreeve_testkit::{Echo, Host, reach_tcp, reach_udp};

use super::{end, granted, refused};

fn client(bed: &Bed, number: usize) -> Client {
    Client::on(bed.lan_host(number), bed.gateway().ipv6())
}

fn map(protocol: Protocol, port: u16) -> Map {
    Map::new(protocol, port).ipv6()
}

fn reaches(from: &Host, protocol: Protocol, to: &Host, port: u16) -> bool {
    let to = SocketAddr::from((to.ipv6(), port));
    let reply = match protocol {
        Protocol::Tcp => reach_tcp(from, to),
        Protocol::Udp => reach_udp(from, to),
    };
    reply.is_ok_and(|reply| reply.seen.ip() == from.ipv6())
}

#[track_caller]
fn opens_a_pinhole(protocol: Protocol) {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let (client, echo) = (client(&bed, 1), protocol.echo(&bed));
    let (host, outside, port) = (bed.lan_host(1), bed.internet_host(1), echo.port());
    let map = map(protocol, port);
    assert!(!reaches(outside, protocol, host, port), "open without a mapping");
    let (assigned, lifetime) = granted(&client, &map, 600);
    assert_eq!(assigned.external_address, IpAddr::from(host.ipv6()));
    assert_eq!((assigned.external_port, lifetime), (port, 600));
    assert!(reaches(outside, protocol, host, port));
    assert_eq!(granted(&client, &map, 3600), (assigned, 3600));
    assert!(reaches(outside, protocol, host, port));
    assert_eq!(end(&client, &map).result(), result::SUCCESS);
    assert!(!reaches(outside, protocol, host, port), "open after its end");
}

#[test]
fn a_map_of_tcp_opens_a_pinhole() {
    opens_a_pinhole(Protocol::Tcp);
}

#[test]
fn a_map_of_udp_opens_a_pinhole() {
    opens_a_pinhole(Protocol::Udp);
}

#[test]
fn another_port_outside_than_inside_is_only_a_wish() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let (client, port) = (client(&bed, 1), bed.port());
    let wish = map(Protocol::Tcp, port).suggesting(bed.port());
    assert_eq!(granted(&client, &wish, 600).0.external_port, port);
    let insisting = Request::map(client.address(), &map(Protocol::Tcp, bed.port()).suggesting(port), 600)
        .option(option::PREFER_FAILURE, b"");
    refused(&client, &insisting, result::CANNOT_PROVIDE_EXTERNAL);
}

#[test]
fn a_filter_lets_in_only_whom_it_names() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let (host, port) = (bed.lan_host(1), echo.port());
    let map = map(Protocol::Tcp, port);
    let named = bed.internet_host(1).ipv6().into();
    let request = Request::map(client.address(), &map, 600).filter(128, 0, named);
    client.ask_pcp(&request).granted();
    assert!(reaches(bed.internet_host(1), Protocol::Tcp, host, port));
    assert!(!reaches(bed.internet_host(2), Protocol::Tcp, host, port));
    assert_eq!(end(&client, &map).result(), result::SUCCESS);
    assert!(!reaches(bed.internet_host(1), Protocol::Tcp, host, port));
}

#[test]
fn another_address_than_the_packets_source_is_address_mismatch() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = client(&bed, 1);
    for other in [IpAddr::from(bed.lan_host(2).ipv6()), bed.lan_host(1).ipv4().into()] {
        let request = Request::map(other, &map(Protocol::Tcp, bed.port()), 600);
        refused(&client, &request, result::ADDRESS_MISMATCH);
    }
}

#[test]
fn another_nonce_does_not_close_a_pinhole() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let map = map(Protocol::Tcp, echo.port());
    granted(&client, &map, 600);
    assert_eq!(end(&client, &map.with_another_nonce()).result(), result::NOT_AUTHORIZED);
    assert!(reaches(
        bed.internet_host(1),
        Protocol::Tcp,
        bed.lan_host(1),
        echo.port()
    ));
}

#[test]
fn a_link_local_address_cannot_be_reached_from_outside() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let own = bed.lan_host(1).link_local("eth0");
    let mut server = bed.gateway().link_local("br0");
    server.set_port(SERVER_PORT);
    server.set_scope_id(own.scope_id());
    let client = Client::between(bed.lan_host(1), (*own.ip()).into(), server.into());
    let request = Request::map(client.address(), &map(Protocol::Tcp, bed.port()), 600);
    refused(&client, &request, result::NOT_AUTHORIZED);
}

#[test]
fn ports_below_1024_are_not_opened() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = client(&bed, 1);
    let _echo = Echo::tcp(bed.lan_host(1), 1023);
    let request = Request::map(client.address(), &map(Protocol::Tcp, 1023), 600);
    refused(&client, &request, result::NOT_AUTHORIZED);
    assert!(!reaches(bed.internet_host(1), Protocol::Tcp, bed.lan_host(1), 1023));
}

#[test]
fn nat_pmp_is_not_spoken_over_ipv6() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = client(&bed, 1);
    client.send(&[0, 0]);
    if let Some(answer) = client.receive(std::time::Duration::from_millis(200)) {
        // As a version that is not supported, if at all.
        assert_eq!((answer[0], answer[3]), (2, result::UNSUPP_VERSION), "{answer:02x?}");
    }
}
