//! Section 2.6: the connection follows the WAN interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};
use portreeve_testkit::{Cable, Echo, reach_tcp, wait_until};

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

#[test]
fn while_disconnected_a_mapping_is_refused_with_501_or_stored() {
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
    let mapping = PortMapping::new(&client, 9000);
    match client.add(&mapping) {
        Ok(_) => assert!(client.specific(&mapping).is_ok()),
        Err(fault) => {
            assert_eq!(fault.code, 501, "{fault}");
            refused(client.specific(&mapping), &[714]);
        }
    }
}

#[test]
fn mappings_outlive_a_time_without_carrier() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), 7000);
    let mapping = PortMapping::new(&client, 9000).to_port(echo.port());
    client.add(&mapping).expect("an own mapping");
    bed.wan_cable(Cable::Out);
    assert!(
        wait_until(SOON, || status(&client) == "Disconnected"),
        "still {}",
        status(&client)
    );
    client.specific(&mapping).expect("still there");
    bed.wan_cable(Cable::In);
    let outside = SocketAddr::from((bed.wan_ipv4(), 9000));
    assert!(
        wait_until(SOON, || reach_tcp(bed.internet_host(1), outside).is_ok()),
        "it does not forward again"
    );
}

#[test]
fn mappings_follow_a_new_external_address() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), 7000);
    client
        .add(&PortMapping::new(&client, 9000).to_port(echo.port()))
        .expect("an own mapping");
    bed.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 3)));
    let outside = "11.11.11.3:9000".parse::<SocketAddr>().expect("an address");
    assert!(
        wait_until(SOON, || reach_tcp(bed.internet_host(1), outside).is_ok()),
        "not open at the new address"
    );
}
