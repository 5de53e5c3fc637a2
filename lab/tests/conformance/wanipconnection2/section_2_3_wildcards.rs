//! Wildcards of RemoteHost, ExternalPort, InternalPort, InternalClient and PortMappingProtocol.

use std::net::SocketAddr;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, reach_tcp, reach_udp};

#[test]
fn empty_remote_host_lets_everybody_in() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    client
        .add(&PortMapping::new(&client, port).to_port(echo.port()))
        .expect("an own mapping");
    for visitor in [1, 2] {
        let reply =
            reach_tcp(bed.internet_host(visitor), SocketAddr::from((bed.wan_ipv4(), port))).expect("open to all");
        assert_eq!(reply.server, "lan1");
    }
}

#[test]
fn a_remote_host_lets_only_that_host_in_over_tcp() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    client
        .add(
            &PortMapping::new(&client, port)
                .to_port(echo.port())
                .from_host("11.11.11.7"),
        )
        .expect("an own mapping");
    reach_tcp(bed.internet_host(1), outside).expect("11.11.11.7 may");
    assert!(reach_tcp(bed.internet_host(2), outside).is_err(), "11.11.11.8 may not");
}

#[test]
fn a_remote_host_lets_only_that_host_in_over_udp() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::udp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    let mapping = PortMapping::new(&client, port)
        .udp()
        .to_port(echo.port())
        .from_host("11.11.11.8");
    client.add(&mapping).expect("an own mapping");
    reach_udp(bed.internet_host(2), outside).expect("11.11.11.8 may");
    assert!(reach_udp(bed.internet_host(1), outside).is_err(), "11.11.11.7 may not");
}

#[test]
fn a_remote_host_is_reported_as_given() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).from_host("11.11.11.7");
    client.add(&mapping).expect("an own mapping");
    client.specific(&mapping).expect("found under its RemoteHost");
    let port: u16 = mapping.external_port.parse().expect("a number");
    let listing = client.list(port, port, "TCP", "0", 0).expect("an own mapping");
    let listing = portreeve_lab::upnp::xml::parse(&listing).expect("well-formed");
    let entry = listing.child("PortMappingEntry").expect("one entry");
    assert_eq!(entry.text_of("NewRemoteHost"), "11.11.11.7");
}

#[test]
fn internal_client_is_never_a_wildcard() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).to_client("");
    refused(client.add(&mapping), &[715]);
    refused(client.add_any(&mapping), &[715]);
}

#[test]
fn internal_port_is_never_a_wildcard() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).to_port(0);
    refused(client.add(&mapping), &[732]);
    refused(client.add_any(&mapping), &[732]);
}

#[test]
fn protocol_is_never_a_wildcard() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for protocol in ["ICMP", "TCPUDP", "*"] {
        let mut mapping = PortMapping::new(&client, bed.port());
        mapping.protocol = protocol.to_owned();
        refused(client.add(&mapping), &[601]);
        refused(client.add_any(&mapping), &[601]);
    }
}

#[test]
fn an_empty_protocol_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.protocol = String::new();
    refused(client.add(&mapping), &[402, 601]);
}

#[test]
fn external_port_zero_is_refused_or_maps_the_whole_address() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.external_port = String::from("0");
    // Below 1024, so a public control point may not have it; 716 if the gateway does not know the wildcard.
    refused(client.add(&mapping), &[606, 716]);
}

#[test]
fn broadcast_as_internal_client_is_known_for_udp() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).udp().to_client("255.255.255.255");
    // It must be an allowed value. It is not the caller's own address, so policy may refuse it.
    if let Err(fault) = client.add(&mapping) {
        assert_eq!(fault.code, 606, "{fault}");
    }
}
