//! SystemUpdateID: exactly one step per change.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::wait_until;

/// The number moves for everybody's changes, so that each test needs a gateway of its own.
fn own() -> Option<Bed> {
    Bed::own(&Settings::default())
}

#[test]
fn adding_is_one_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let before = client.system_update_id();
    client.add(&PortMapping::new(&client, 9000)).expect("an own mapping");
    assert_eq!(client.system_update_id(), before.wrapping_add(1));
    client
        .add_any(&PortMapping::new(&client, 9001))
        .expect("an own mapping");
    assert_eq!(client.system_update_id(), before.wrapping_add(2));
}

#[test]
fn deleting_is_one_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, 9000);
    client.add(&mapping).expect("an own mapping");
    let before = client.system_update_id();
    client.delete(&mapping).expect("an own mapping");
    assert_eq!(client.system_update_id(), before.wrapping_add(1));
}

#[test]
fn updating_is_one_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, 9000);
    client.add(&mapping).expect("an own mapping");
    let before = client.system_update_id();
    client.add(&mapping.to_port(7777)).expect("an own mapping");
    assert_eq!(client.system_update_id(), before.wrapping_add(1));
}

#[test]
fn enabling_and_disabling_are_one_step_each() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, 9000);
    client.add(&mapping).expect("an own mapping");
    let before = client.system_update_id();
    mapping.enabled = String::from("0");
    client.add(&mapping).expect("an own mapping");
    assert_eq!(client.system_update_id(), before.wrapping_add(1));
    mapping.enabled = String::from("1");
    client.add(&mapping).expect("an own mapping");
    assert_eq!(client.system_update_id(), before.wrapping_add(2));
}

#[test]
fn the_end_of_a_lease_is_one_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, 9000).lease(1);
    client.add(&mapping).expect("an own mapping");
    let before = client.system_update_id();
    assert!(
        wait_until(Duration::from_secs(5), || client.specific(&mapping).is_err()),
        "the lease never ended"
    );
    assert_eq!(client.system_update_id(), before.wrapping_add(1));
}

#[test]
fn deleting_a_range_is_one_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    for port in 9000..9005 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    let before = client.system_update_id();
    client.delete_range(9000, 9004, "TCP", "0").expect("own mappings");
    assert_eq!(client.system_update_id(), before.wrapping_add(1));
}

#[test]
fn a_refused_request_is_no_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let before = client.system_update_id();
    refused(
        client.add(&PortMapping::new(&client, 9000).to_client("192.168.77.12")),
        &[606],
    );
    refused(client.delete(&PortMapping::new(&client, 9000)), &[714]);
    assert_eq!(client.system_update_id(), before);
}

#[test]
fn reading_is_no_step() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, 9000);
    client.add(&mapping).expect("an own mapping");
    let before = client.system_update_id();
    client.specific(&mapping).expect("an own mapping");
    client.generic(0).expect("an own mapping");
    client.list(1024, 65_535, "TCP", "0", 0).expect("an own mapping");
    assert_eq!(client.system_update_id(), before);
}
