//! The WAN changes its address, goes and comes back.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use portreeve_lab::upnp::refused;
use portreeve_testkit::{Cable, Echo, reach_tcp, reach_udp};

use crate::support::{
    becomes, bed, external_address as address, fresh, is_served_by, link_status as status, port_of, soon,
};

#[test]
fn mappings_follow_a_new_external_address_and_leave_the_old() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echoes = (Echo::tcp(client.host(), port), Echo::udp(client.host(), port));
    client.add(&mapping).expect("a free port");
    client.add(&mapping.clone().udp()).expect("a free port");
    assert!(is_served_by(&bed, port, "lan1"));

    let moved = Ipv4Addr::new(11, 11, 11, 50);
    bed.set_wan_address(Some(moved));
    soon(&bed, "ExternalIPAddress follows", || {
        address(&client) == moved.to_string()
    });
    let internet = bed.internet_host(1);
    soon(&bed, "TCP arrives at the new address", || {
        reach_tcp(internet, (moved, port)).is_ok()
    });
    assert_eq!(reach_tcp(internet, (moved, port)).expect("it does").server, "lan1");
    assert_eq!(reach_udp(internet, (moved, port)).expect("so does UDP").server, "lan1");
    // The provider still leads packets for the old address here.
    internet.ip(&format!("route add {}/32 via {moved}", bed.wan_ipv4()));
    assert!(
        reach_tcp(internet, (bed.wan_ipv4(), port)).is_err(),
        "the old address still forwards"
    );
    client.specific(&mapping).expect("the mapping stays in the table");
}

#[test]
fn without_a_cable_the_gateway_says_so_and_refuses_mappings() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let kept = fresh(&bed, &client);
    let port = port_of(&kept);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&kept).expect("a free port");
    soon(&bed, "the uptime runs", || status(&client).number("NewUptime") >= 2);

    bed.wan_cable(Cable::Out);
    let down = becomes(&bed, &client, "Disconnected");
    assert_eq!(down.get("NewLastConnectionError"), "ERROR_NO_CARRIER");
    assert_eq!(down.get("NewUptime"), "0");
    assert_eq!(address(&client), "");
    let fault = refused(client.add(&fresh(&bed, &client)), &[501]);
    assert!(
        fault.description.contains("not connected"),
        "the reason is told: {fault}"
    );
    client.specific(&kept).expect("what was mapped stays in the table");

    bed.wan_cable(Cable::In);
    let up = becomes(&bed, &client, "Connected");
    assert_eq!(up.get("NewLastConnectionError"), "ERROR_NONE");
    assert!(up.number("NewUptime") <= 1, "Uptime starts anew: {up:?}");
    soon(&bed, "what was mapped works again", || is_served_by(&bed, port, "lan1"));
    client
        .add(&fresh(&bed, &client))
        .expect("new mappings are accepted again");
}

#[test]
fn with_accept_a_mapping_made_without_a_cable_works_when_it_is_back() {
    let Some(bed) = bed(&["gateway.when-disconnected=accept"]) else {
        return;
    };
    let client = bed.client(1);
    bed.wan_cable(Cable::Out);
    becomes(&bed, &client, "Disconnected");
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("accepted for later");
    client.specific(&mapping).expect("it is in the table");
    bed.wan_cable(Cable::In);
    becomes(&bed, &client, "Connected");
    soon(&bed, "it forwards", || is_served_by(&bed, port_of(&mapping), "lan1"));
}

#[test]
fn without_an_address_the_gateway_is_disconnected_for_another_reason() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    bed.set_wan_address(None);
    let down = becomes(&bed, &client, "Disconnected");
    assert_eq!(down.get("NewLastConnectionError"), "ERROR_IP_CONFIGURATION");
    bed.set_wan_address(Some(bed.wan_ipv4()));
    becomes(&bed, &client, "Connected");
    soon(&bed, "the mapping works again", || {
        is_served_by(&bed, port_of(&mapping), "lan1")
    });
}

#[test]
fn a_link_that_flaps_ends_as_it_is() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    for _ in 0..10 {
        bed.wan_cable(Cable::Out);
        thread::sleep(Duration::from_millis(20));
        bed.wan_cable(Cable::In);
        bed.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 51)));
        bed.set_wan_address(Some(bed.wan_ipv4()));
    }
    becomes(&bed, &client, "Connected");
    soon(&bed, "the last address is told", || {
        address(&client) == bed.wan_ipv4().to_string()
    });
    soon(&bed, "the mapping works", || {
        is_served_by(&bed, port_of(&mapping), "lan1")
    });
}
