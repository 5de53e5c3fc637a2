//! LAN hosts that use the external address.

use std::fs;

use portreeve_testkit::{Echo, reach_tcp, reach_udp};

use crate::support::{bed, external, fresh, port_of, shared};

#[test]
fn a_lan_host_reaches_another_and_itself_through_the_external_address_over_tcp() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    for host in [2, 1] {
        let reply = reach_tcp(bed.lan_host(host), external(&bed, port));
        let reply = reply.unwrap_or_else(|e| panic!("lan{host}: {e}"));
        assert_eq!(reply.server, "lan1");
    }
    client.delete(&mapping).expect("an own mapping");
    assert!(
        reach_tcp(bed.lan_host(2), external(&bed, port)).is_err(),
        "closed inside as outside"
    );
}

#[test]
fn a_lan_host_reaches_another_and_itself_through_the_external_address_over_udp() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).udp();
    let port = port_of(&mapping);
    let _echo = Echo::udp(client.host(), port);
    client.add(&mapping).expect("a free port");
    for host in [2, 1] {
        let reply = reach_udp(bed.lan_host(host), external(&bed, port));
        let reply = reply.unwrap_or_else(|e| panic!("lan{host}: {e}"));
        assert_eq!(reply.server, "lan1");
        // A client that checks who answers is content.
        assert_eq!(reply.from, external(&bed, port));
    }
}

/// Where Docker runs, IP rules apply to what a bridge only switches.
#[test]
fn with_br_netfilter_a_lan_host_still_reaches_another() {
    let Some(bed) = bed(&[]) else { return };
    let switch = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    if bed.gateway().run(|| fs::write(switch, "1")).is_err() {
        eprintln!("left out, needs the kernel module br_netfilter: hairpin with it");
        return;
    }
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echoes = (Echo::tcp(client.host(), port), Echo::udp(client.host(), port));
    client.add(&mapping).expect("a free port");
    client.add(&mapping.clone().udp()).expect("a free port");
    let reply = reach_tcp(bed.lan_host(2), external(&bed, port)).expect("hairpin over TCP");
    assert_eq!(reply.server, "lan1");
    let reply = reach_udp(bed.lan_host(2), external(&bed, port)).expect("hairpin over UDP");
    assert_eq!((reply.server.as_str(), reply.from), ("lan1", external(&bed, port)));
}

#[test]
fn another_internal_port_is_reached_through_the_external_one() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(client.host(), 0);
    let mapping = fresh(&bed, &client).to_port(echo.port());
    client.add(&mapping).expect("a free port");
    let reply = reach_tcp(bed.lan_host(3), external(&bed, port_of(&mapping))).expect("hairpin");
    assert_eq!(reply.server, "lan1");
}
