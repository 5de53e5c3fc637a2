//! PEER where the gateway itself masquerades: flows that are there already.

use std::net::SocketAddr;

use portreeve_lab::bytes::{Protocol, seen_from};
use portreeve_lab::port_control::pcp::{Map, Request};
use portreeve_testkit::Echo;

use super::client;
use crate::support::bed;

#[test]
fn a_flow_that_is_there_already_keeps_its_port_which_is_told() {
    let Some(bed) = bed(&["nftables.masquerade=true"]) else {
        return;
    };
    let (first, host, internal) = (client(&bed, 1), bed.lan_host(1), bed.port());
    // The port is taken at the gateway's address, so that this flow has to leave by another one.
    let server = Echo::udp(bed.internet_host(1), 0);
    let peer = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    seen_from(bed.lan_host(2), Protocol::Udp, internal, peer).expect("masqueraded");
    let seen = seen_from(host, Protocol::Udp, internal, peer).expect("masqueraded");
    assert_ne!(seen.port(), internal);
    let map = Map::new(Protocol::Udp, internal);
    let request = Request::peer(first.address(), &map, (peer.ip(), peer.port()), 600);
    let told = first.ask_pcp(&request).granted();
    assert_eq!((told.external_address, told.external_port), (seen.ip(), seen.port()));
    assert_eq!(seen_from(host, Protocol::Udp, internal, peer), Some(seen));
}

#[test]
fn two_hosts_with_the_same_port_and_peer_have_two_ports() {
    let Some(bed) = bed(&[]) else { return };
    let internal = bed.port();
    let server = Echo::udp(bed.internet_host(1), 0);
    let peer = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let told = [1, 2].map(|number| {
        let asking = client(&bed, number);
        let map = Map::new(Protocol::Udp, internal);
        let request = Request::peer(asking.address(), &map, (peer.ip(), peer.port()), 600);
        let told = asking.ask_pcp(&request).granted();
        let promised = SocketAddr::new(told.external_address, told.external_port);
        assert_eq!(
            seen_from(bed.lan_host(number), Protocol::Udp, internal, peer),
            Some(promised)
        );
        told.external_port
    });
    assert_ne!(told[0], told[1]);
}
