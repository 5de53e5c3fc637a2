//! PortMappingLeaseDuration.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};
use portreeve_testkit::{Echo, reach_tcp, wait_until};

const WEEK: u64 = 604_800;

#[track_caller]
fn left(client: &ControlPoint<'_>, mapping: &PortMapping) -> u64 {
    client
        .specific(mapping)
        .expect("the entry is there")
        .number("NewLeaseDuration")
}

#[test]
fn zero_means_a_week() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(0);
    client.add(&mapping).expect("0 is in range");
    let left = left(&client, &mapping);
    assert!((WEEK - 10..=WEEK).contains(&left), "{left}");
}

#[test]
fn zero_means_a_week_for_add_any_port_mapping() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(0);
    client.add_any(&mapping).expect("0 is in range");
    let left = left(&client, &mapping);
    assert!((WEEK - 10..=WEEK).contains(&left), "{left}");
}

#[test]
fn the_longest_lease_is_a_week() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(604_800);
    client.add(&mapping).expect("604800 is in range");
    let left = left(&client, &mapping);
    assert!((WEEK - 10..=WEEK).contains(&left), "{left}");
}

#[test]
fn more_than_a_week_is_out_of_range() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(604_801);
    refused(client.add(&mapping), &[601]);
    refused(client.specific(&mapping), &[714]);
    refused(client.add_any(&mapping), &[601]);
}

#[test]
fn what_is_reported_is_what_remains() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(100);
    client.add(&mapping).expect("an own mapping");
    assert!((95..=100).contains(&left(&client, &mapping)));
    thread::sleep(Duration::from_millis(2100));
    let later = left(&client, &mapping);
    assert!((90..=98).contains(&later), "{later}");
}

#[test]
fn the_lease_of_a_disabled_entry_runs_too() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port()).lease(1);
    mapping.enabled = String::from("0");
    client.add(&mapping).expect("an own mapping");
    assert!(
        wait_until(Duration::from_secs(5), || client.specific(&mapping).is_err()),
        "it never ended"
    );
}

#[test]
fn asking_again_starts_the_lease_anew() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).lease(60);
    client.add(&mapping).expect("an own mapping");
    client.add(&mapping.clone().lease(600)).expect("a refresh");
    assert!(left(&client, &mapping) > 590);
    client.add(&mapping).expect("a shorter one is a refresh, too");
    assert!(left(&client, &mapping) <= 60);
}

#[test]
fn when_the_lease_ends_the_entry_is_gone_and_the_port_is_closed() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), 7000);
    let outside = SocketAddr::from((bed.wan_ipv4(), 9000));
    let mapping = PortMapping::new(&client, 9000).to_port(echo.port()).lease(2);
    let before = client.number_of_entries();
    client.add(&mapping).expect("an own mapping");
    reach_tcp(bed.internet_host(1), outside).expect("the port is open");
    assert_eq!(client.number_of_entries(), before + 1);
    assert!(
        wait_until(Duration::from_secs(6), || client.specific(&mapping).is_err()),
        "the lease never ended"
    );
    refused(client.specific(&mapping), &[714]);
    assert!(
        reach_tcp(bed.internet_host(1), outside).is_err(),
        "the port is still open"
    );
    assert_eq!(client.number_of_entries(), before);
}
