//! Section 2.6: the connection follows the WAN interface.

use std::net::Ipv4Addr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::ControlPoint;
use portreeve_testkit::{Cable, wait_until};

const SOON: Duration = Duration::from_secs(5);

fn status(client: &ControlPoint<'_>) -> String {
    client
        .call("GetStatusInfo", &[])
        .expect("anybody may read the status")
        .get("NewConnectionStatus")
        .to_owned()
}

fn external(client: &ControlPoint<'_>) -> String {
    let answer = client
        .call("GetExternalIPAddress", &[])
        .expect("anybody may read the address");
    answer.get("NewExternalIPAddress").to_owned()
}

#[test]
fn a_link_with_an_address_is_connected() {
    let Some(bed) = Bed::shared() else { return };
    assert_eq!(status(&bed.client(1)), "Connected");
}

#[test]
fn without_carrier_it_is_disconnected_and_with_it_connected_again() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    bed.wan_cable(Cable::Out);
    assert!(
        wait_until(SOON, || status(&client) == "Disconnected"),
        "still {}",
        status(&client)
    );
    bed.wan_cable(Cable::In);
    assert!(
        wait_until(SOON, || status(&client) == "Connected"),
        "still {}",
        status(&client)
    );
}

#[test]
fn disconnected_means_uptime_zero() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    bed.wan_cable(Cable::Out);
    assert!(
        wait_until(SOON, || status(&client) == "Disconnected"),
        "still {}",
        status(&client)
    );
    let answer = client.call("GetStatusInfo", &[]).expect("anybody may read the status");
    assert_eq!(answer.get("NewUptime"), "0");
    assert_ne!(answer.get("NewLastConnectionError"), "ERROR_NONE", "the reason is told");
}

#[test]
fn the_external_address_is_empty_when_there_is_none() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    assert_eq!(external(&client), "11.11.11.2");
    bed.set_wan_address(None);
    assert!(
        wait_until(SOON, || external(&client).is_empty()),
        "still {}",
        external(&client)
    );
}

#[test]
fn a_new_external_address_is_reported() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    bed.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 3)));
    assert!(
        wait_until(SOON, || external(&client) == "11.11.11.3"),
        "still {}",
        external(&client)
    );
    assert_eq!(status(&client), "Connected");
}
