//! `gateway.nat = false`: pure routing.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::refused;
use portreeve_testkit::{Echo, reach_tcp, wait_until};

use crate::support::{
    Talk, append_configuration, bed, bed_with_tables, control, edit_configuration, external, fresh, is_served_by,
    port_of, ruleset, soon,
};

const ON: &str = "backend = \"nftables\"\n";
const OFF: &str = "backend = \"nftables\"\nnat = false\n";

#[track_caller]
fn switch(bed: &Bed, from: &str, to: &str) {
    edit_configuration(bed, from, to);
    control(bed, &["reload"]).success();
}

#[test]
fn switched_off_mappings_are_kept_and_do_nothing_and_switched_on_they_are_back() {
    let Some(bed) = bed_with_tables("") else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("NAT is on");
    assert!(is_served_by(&bed, port, "lan1"));
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    let listener = Listener::on(client.host());
    client.subscribe("WANIPConnection:2", &listener.callback());
    let before = listener.next().value("SystemUpdateID").expect("it is evented");
    let before: u32 = before.parse().expect("a number");

    switch(&bed, ON, OFF);
    assert!(!is_served_by(&bed, port, "lan1"));
    soon(&bed, "its connection ends with it", || !talk.is_alive());
    assert!(
        !ruleset(&bed).contains("192.168.77.11 . "),
        "nothing leads to the client any more"
    );
    listener.until("SystemUpdateID", &(before + 1).to_string());
    let status = client.call("GetNATRSIPStatus", &[]).expect("it can be read");
    assert_eq!(
        (status.get("NewRSIPAvailable"), status.get("NewNATEnabled")),
        ("0", "0")
    );
    client.specific(&mapping).expect("it is still in the table");
    let other = fresh(&bed, &client);
    let fault = refused(client.add(&other), &[501]);
    assert!(fault.description.contains("NAT is off"), "{fault}");
    refused(client.delete(&mapping), &[501]);
    refused(client.delete_range(port, port, "TCP", "0"), &[501]);

    // Neither a restart nor a repair brings it into force.
    bed.subject().stop();
    bed.start();
    assert!(!is_served_by(&bed, port, "lan1"));
    bed.client(1).specific(&mapping).expect("it is kept over a restart");

    switch(&bed, OFF, ON);
    assert!(is_served_by(&bed, port, "lan1"));
    bed.client(1).delete(&mapping).expect("NAT is on again");
    assert!(!is_served_by(&bed, port, "lan1"));
}

#[test]
fn a_lease_ends_while_nat_is_off() {
    let Some(bed) = bed_with_tables("") else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).lease(2);
    client.add(&mapping).expect("NAT is on");
    switch(&bed, ON, OFF);
    assert!(wait_until(Duration::from_secs(10), || client.number_of_entries() == 0));
    switch(&bed, OFF, ON);
    refused(client.specific(&mapping), &[714]);
}

#[test]
fn the_relay_closes_its_ports_while_nat_is_off() {
    let Some(bed) = bed(&["gateway.backend=relay"]) else {
        return;
    };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("NAT is on");
    let is_open = || reach_tcp(bed.internet_host(1), external(&bed, port)).is_ok();
    assert!(is_open());
    switch(&bed, ON, OFF);
    assert!(!is_open());
    client.specific(&mapping).expect("it is still in the table");
    switch(&bed, OFF, ON);
    assert!(is_open());
}

#[test]
fn a_static_mapping_waits_for_nat_too() {
    let Some(bed) = bed(&["gateway.nat=false"]) else { return };
    let _echo = Echo::tcp(bed.lan_host(2), 8443);
    append_configuration(
        &bed,
        "[[static]]\nexternal-port = 443\nprotocol = \"tcp\"\nclient = \"192.168.77.12\"\ninternal-port = 8443\n",
    );
    control(&bed, &["reload"]).success();
    assert!(!is_served_by(&bed, 443, "lan2"));
    assert_eq!(bed.client(1).number_of_entries(), 1);
}
