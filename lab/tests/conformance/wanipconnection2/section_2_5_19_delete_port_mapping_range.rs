//! DeletePortMappingRange.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{PortMapping, refused};

#[test]
fn the_bounds_are_inclusive_and_what_lies_outside_stays() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    for port in 9000..9005 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    client.delete_range(9001, 9003, "TCP", "0").expect("own mappings");
    let left: Vec<_> = (9000..9005)
        .filter(|port| client.specific(&PortMapping::new(&client, *port)).is_ok())
        .collect();
    assert_eq!(left, [9000, 9004]);
}

#[test]
fn the_other_protocol_stays() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let port = bed.port();
    let mapping = PortMapping::new(&client, port);
    client.add(&mapping).expect("an own mapping");
    client.add(&mapping.clone().udp()).expect("an own mapping");
    client.delete_range(port, port, "TCP", "0").expect("an own mapping");
    refused(client.specific(&mapping), &[714]);
    client.specific(&mapping.udp()).expect("the other one stays");
}

#[test]
fn every_remote_host_in_the_range_is_deleted() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let port = bed.port();
    let mapping = PortMapping::new(&client, port).from_host("11.11.11.7");
    client.add(&mapping).expect("an own mapping");
    client.delete_range(port, port, "TCP", "0").expect("an own mapping");
    refused(client.specific(&mapping), &[714]);
}

#[test]
fn start_after_end_is_733() {
    let Some(bed) = Bed::shared() else { return };
    refused(bed.client(1).delete_range(9001, 9000, "TCP", "0"), &[733]);
}

#[test]
fn an_empty_range_is_730() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.port();
    refused(bed.client(1).delete_range(port, port, "UDP", "1"), &[730]);
}

#[test]
fn a_protocol_outside_the_list_is_601() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.port();
    refused(bed.client(1).delete_range(port, port, "SCTP", "0"), &[601]);
}

#[test]
fn entries_of_others_are_skipped() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    first.add(&PortMapping::new(&first, 9000)).expect("an own mapping");
    let foreign = PortMapping::new(&second, 9001);
    second.add(&foreign).expect("an own mapping");
    first.add(&PortMapping::new(&first, 9002)).expect("an own mapping");
    first
        .delete_range(9000, 9002, "TCP", "1")
        .expect("two of three are its own");
    second.specific(&foreign).expect("untouched");
    for port in [9000, 9002] {
        refused(first.specific(&PortMapping::new(&first, port)), &[714]);
    }
}

#[test]
fn only_entries_of_others_is_730() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    let foreign = PortMapping::new(&second, port);
    second.add(&foreign).expect("an own mapping");
    refused(first.delete_range(port, port, "TCP", "1"), &[730]);
    second.specific(&foreign).expect("untouched");
}
