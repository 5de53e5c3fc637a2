//! igd-next, the Rust library of many peer-to-peer applications.

use std::net::{IpAddr, SocketAddr};

use igd_next::{AddPortError, Gateway, PortMappingProtocol, RemovePortError, SearchOptions, search_gateway};
use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_testkit::Host;

use crate::support::{Protocol, is_closed, is_open};

fn bed() -> Option<Bed> {
    Bed::own(&Settings::default())
}

fn find(host: &Host) -> Gateway {
    host.run(|| search_gateway(SearchOptions::default()))
        .expect("igd-next finds the gateway")
}

fn igd(protocol: Protocol) -> PortMappingProtocol {
    match protocol {
        Protocol::Tcp => PortMappingProtocol::TCP,
        Protocol::Udp => PortMappingProtocol::UDP,
    }
}

#[test]
fn it_finds_the_gateway_and_its_address() {
    let Some(bed) = bed() else { return };
    let host = bed.lan_host(1);
    let gateway = find(host);
    assert_eq!(gateway.addr.ip(), IpAddr::from(bed.gateway().ipv4()));
    let address = host.run(|| gateway.get_external_ip()).expect("the address");
    assert_eq!(address, IpAddr::from(bed.wan_ipv4()));
}

#[track_caller]
fn maps_and_removes(protocol: Protocol) {
    let Some(bed) = bed() else { return };
    let host = bed.lan_host(1);
    let gateway = find(host);
    let echo = protocol.echo(&bed);
    let local = SocketAddr::from((host.ipv4(), echo.port()));
    host.run(|| gateway.add_port(igd(protocol), 9000, local, 600, "igd-next"))
        .expect("an own mapping");
    is_open(&bed, protocol, 9000);
    let entry = host
        .run(|| gateway.get_generic_port_mapping_entry(0))
        .expect("the only entry");
    assert_eq!((entry.external_port, entry.internal_port), (9000, echo.port()));
    assert_eq!((entry.internal_client.as_str(), entry.enabled), ("192.168.77.11", true));
    host.run(|| gateway.remove_port(igd(protocol), 9000))
        .expect("an own mapping");
    is_closed(&bed, protocol, 9000);
}

#[test]
fn tcp_is_mapped_and_removed() {
    maps_and_removes(Protocol::Tcp);
}

#[test]
fn udp_is_mapped_and_removed() {
    maps_and_removes(Protocol::Udp);
}

#[test]
fn any_port_is_mapped() {
    let Some(bed) = bed() else { return };
    let host = bed.lan_host(1);
    let gateway = find(host);
    let echo = Protocol::Tcp.echo(&bed);
    let local = SocketAddr::from((host.ipv4(), echo.port()));
    let external = host
        .run(|| gateway.get_any_address(PortMappingProtocol::TCP, local, 600, "igd-next"))
        .expect("some port");
    assert_eq!(external.ip(), IpAddr::from(bed.wan_ipv4()));
    is_open(&bed, Protocol::Tcp, external.port());
}

#[test]
fn a_port_in_use_is_told_as_such() {
    let Some(bed) = bed() else { return };
    let (first, second) = (bed.lan_host(1), bed.lan_host(2));
    let local = |host: &Host| SocketAddr::from((host.ipv4(), 7000));
    let gateway = find(first);
    first
        .run(|| gateway.add_port(PortMappingProtocol::TCP, 9000, local(first), 600, "first"))
        .expect("free");
    let gateway = find(second);
    let refused = second.run(|| gateway.add_port(PortMappingProtocol::TCP, 9000, local(second), 600, "second"));
    assert!(matches!(refused, Err(AddPortError::PortInUse)), "{refused:?}");
}

#[test]
fn removing_what_is_not_there_is_told_as_such() {
    let Some(bed) = bed() else { return };
    let host = bed.lan_host(1);
    let gateway = find(host);
    let refused = host.run(|| gateway.remove_port(PortMappingProtocol::TCP, 9000));
    assert!(
        matches!(refused, Err(RemovePortError::NoSuchPortMapping)),
        "{refused:?}"
    );
}
