//! What a mapped UDP socket sends leaves from its mapped port, so that games see an open NAT.

use std::net::{Ipv4Addr, SocketAddr};

use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::{Echo, reach_udp};

use crate::support::{bed, external, fresh, port_of, seen_from, shared, soon};

#[test]
fn an_outbound_packet_leaves_from_the_mapped_external_port() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let internal = bed.port();
    let mapping = fresh(&bed, &client).to_port(internal).udp();
    client.add(&mapping).expect("a free port");
    for internet in [1, 2] {
        let server = Echo::udp(bed.internet_host(internet), 0);
        let to = SocketAddr::from((bed.internet_host(internet).ipv4(), server.port()));
        let seen = seen_from(client.host(), internal, to);
        assert_eq!(seen, Some(external(&bed, port_of(&mapping))), "to internet{internet}");
    }
}

#[test]
fn two_consoles_with_the_same_internal_port_both_get_an_open_nat() {
    let Some(bed) = bed(&[]) else { return };
    let server = Echo::udp(bed.internet_host(1), 0);
    let to = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let console = bed.port();
    let got = [1, 2].map(|host| {
        let client = bed.client(host);
        let wanted = PortMapping::new(&client, console).udp();
        (host, client.add_any(&wanted).expect("there are free ports"))
    });
    assert_eq!(got[0].1, console);
    assert_ne!(got[1].1, console);
    for (host, port) in got {
        assert_eq!(
            seen_from(bed.lan_host(host), console, to),
            Some(external(&bed, port)),
            "lan{host}"
        );
        let _echo = Echo::udp(bed.lan_host(host), console);
        let reply = reach_udp(bed.internet_host(2), external(&bed, port)).expect("open for everybody");
        assert_eq!(reply.server, format!("lan{host}"));
    }
}

#[test]
fn after_a_new_wan_address_it_leaves_from_there_with_the_same_port() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let server = Echo::udp(bed.internet_host(1), 0);
    let to = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let internal = bed.port();
    let mapping = fresh(&bed, &client).to_port(internal).udp();
    client.add(&mapping).expect("a free port");
    assert_eq!(
        seen_from(client.host(), internal, to),
        Some(external(&bed, port_of(&mapping)))
    );

    let moved = Ipv4Addr::new(11, 11, 11, 60);
    bed.set_wan_address(Some(moved));
    let wanted = Some(SocketAddr::from((moved, port_of(&mapping))));
    soon(&bed, "it is seen with the new address", || {
        seen_from(client.host(), internal, to) == wanted
    });
}

#[test]
fn with_the_mapping_the_translation_ends() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let server = Echo::udp(bed.internet_host(1), 0);
    let to = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let internal = bed.port();
    let mapping = fresh(&bed, &client).to_port(internal).udp();
    client.add(&mapping).expect("a free port");
    assert!(seen_from(client.host(), internal, to).is_some());
    client.delete(&mapping).expect("an own mapping");
    // Nothing masquerades in this lab, so without the mapping no answer finds its way.
    soon(&bed, "it is translated no more", || {
        seen_from(client.host(), internal, to).is_none()
    });
}

#[test]
fn masquerading_is_done_only_where_configured() {
    let Some(plain) = shared() else { return };
    let server = Echo::udp(plain.internet_host(1), 0);
    let to = SocketAddr::from((plain.internet_host(1).ipv4(), server.port()));
    assert_eq!(seen_from(plain.lan_host(3), plain.port(), to), None);

    let Some(bed) = bed(&["nftables.masquerade=true"]) else {
        return;
    };
    let server = Echo::udp(bed.internet_host(1), 0);
    let to = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let seen = seen_from(bed.lan_host(3), bed.port(), to).expect("masqueraded");
    assert_eq!(seen.ip(), bed.wan_ipv4());
}
