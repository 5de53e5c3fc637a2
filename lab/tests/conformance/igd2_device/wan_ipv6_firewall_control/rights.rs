//! Who may open what: a control point that has not proven who it is opens ports from 1024 on of its own host.

use std::net::SocketAddr;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{Pinhole, refused};
use portreeve_testkit::{Echo, reach_udp};

#[test]
fn another_hosts_address_is_606() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let others = bed.lan_host(2).ipv6().to_string();
    refused(
        client.open(&Pinhole::new(&client, bed.port()).to_client(&others)),
        &[606],
    );
}

#[test]
fn ports_below_1024_are_606() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    refused(client.open(&Pinhole::new(&client, 1023)), &[606]);
    client.open(&Pinhole::new(&client, 1024)).expect("the lowest port");
}

#[test]
fn the_gateways_own_addresses_are_606() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    for own in [bed.gateway().ipv6(), bed.wan_ipv6()] {
        let pinhole = Pinhole::new(&client, bed.port()).to_client(&own.to_string());
        refused(client.open(&pinhole), &[606]);
    }
}

#[test]
fn an_address_of_the_internet_is_606() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let internet = bed.internet_host(1).ipv6().to_string();
    refused(
        client.open(&Pinhole::new(&client, bed.port()).to_client(&internet)),
        &[606],
    );
}

#[test]
fn another_hosts_pinhole_is_606() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let (first, second) = (bed.client_ipv6(1), bed.client_ipv6(2));
    let id = first.open(&Pinhole::new(&first, bed.port())).expect("an own pinhole");
    for action in ["DeletePinhole", "GetPinholePackets"] {
        refused(second.call_pinhole(action, id), &[606]);
    }
    refused(second.call_pinhole("CheckPinholeWorking", id), &[401, 602, 606]);
    refused(second.prolong(id, 60), &[606]);
    first.prolong(id, 60).expect("it is still there");
}

#[test]
fn over_ipv4_a_host_may_open_its_own_ipv6_address_which_the_gateway_has_seen() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    // The gateway learns the addresses of both hosts when it speaks to them.
    let server = Echo::udp(bed.gateway(), 0);
    for host in [bed.lan_host(1), bed.lan_host(2)] {
        reach_udp(host, SocketAddr::from((bed.gateway().ipv6(), server.port()))).expect("they are on one link");
    }
    let client = bed.client(1);
    let pinhole = Pinhole::new(&client, bed.port());
    let id = client.open(&pinhole).expect("both addresses are of one host");
    client.prolong(id, 60).expect("its own pinhole");
    let others = bed.lan_host(2).ipv6().to_string();
    refused(client.open(&pinhole.clone().to_client(&others)), &[606]);
    refused(bed.client(2).prolong(id, 60), &[606]);
    assert_eq!(
        bed.client_ipv6(1).open(&pinhole),
        Ok(id),
        "the same host, and the same five"
    );
    client.call_pinhole("DeletePinhole", id).expect("its own pinhole");
}
