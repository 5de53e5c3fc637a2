//! Those that other modules do not provoke.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{Map, Request, result};
use portreeve_lab::subject::Settings;
use portreeve_testkit::wait_until;

use super::{client, granted, refused};

fn bed_with(overrides: &[&str]) -> Option<Bed> {
    Bed::own(&Settings {
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        ..Settings::default()
    })
}

#[test]
fn code_2_not_authorized_for_the_ports_of_pcp_itself() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for port in [5350, 5351] {
        let request = Request::map(client.address(), &Map::new(Protocol::Udp, port), 600);
        refused(&client, &request, result::NOT_AUTHORIZED);
    }
}

#[test]
fn code_7_network_failure_without_an_external_address() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    bed.set_wan_address(None);
    let client = client(&bed, 1);
    let request = Request::map(client.address(), &Map::new(Protocol::Tcp, 7000), 600);
    let fails = || client.ask_pcp(&request).result() == result::NETWORK_FAILURE;
    assert!(wait_until(Duration::from_secs(5), fails));
    refused(&client, &request, result::NETWORK_FAILURE);
}

#[test]
fn code_8_no_resources_without_a_free_port() {
    let settings = Settings {
        external_ports: Some((30_000, 30_001)),
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    let client = client(&bed, 1);
    for port in [7000, 7001] {
        granted(&client, &Map::new(Protocol::Tcp, port), 600);
    }
    let request = Request::map(client.address(), &Map::new(Protocol::Tcp, 7002), 600);
    refused(&client, &request, result::NO_RESOURCES);
}

#[test]
fn code_9_unsupp_protocol_for_what_has_no_ports_here() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for protocol in [1, 132] {
        let map = Map {
            protocol,
            ..Map::new(Protocol::Tcp, 7000)
        };
        refused(
            &client,
            &Request::map(client.address(), &map, 600),
            result::UNSUPP_PROTOCOL,
        );
    }
}

#[test]
fn code_10_user_ex_quota_beyond_what_a_host_may_have() {
    let Some(bed) = bed_with(&["limits.mappings-per-client=2"]) else {
        return;
    };
    let first = client(&bed, 1);
    let maps = [7000, 7001].map(|port| Map::new(Protocol::Tcp, port));
    for map in &maps {
        granted(&first, map, 600);
    }
    let request = Request::map(first.address(), &Map::new(Protocol::Tcp, 7002), 600);
    refused(&first, &request, result::USER_EX_QUOTA);
    // Not for what it has already, and not for another host.
    granted(&first, &maps[0], 600);
    granted(&client(&bed, 2), &Map::new(Protocol::Tcp, 7002), 600);
}
