//! What each action does.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{ControlPoint, Pinhole, refused};
use portreeve_testkit::wait_until;

#[test]
fn get_firewall_status_tells_that_there_is_a_firewall_and_that_it_may_be_opened() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    for client in [bed.client(1), bed.client_ipv6(1)] {
        let status = client
            .call_firewall("GetFirewallStatus", &[])
            .expect("anybody may read it");
        assert_eq!(status.names(), ["FirewallEnabled", "InboundPinholeAllowed"]);
        assert_eq!(
            (status.get("FirewallEnabled"), status.get("InboundPinholeAllowed")),
            ("1", "1")
        );
    }
}

#[test]
fn add_pinhole_gives_each_pinhole_a_unique_id() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let pinhole = Pinhole::new(&client, bed.port());
    let others = [
        pinhole.clone().udp(),
        pinhole.clone().from_host("2001:db8:113::7"),
        Pinhole {
            remote_port: String::from("5000"),
            ..pinhole.clone()
        },
        Pinhole::new(&client, bed.port()),
    ];
    let mut ids = vec![client.open(&pinhole).expect("an own pinhole")];
    ids.extend(others.iter().map(|other| client.open(other).expect("another one")));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5, "{ids:?}");
}

#[test]
fn add_pinhole_prolongs_the_pinhole_that_there_is_for_the_same_five() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let pinhole = Pinhole::new(&client, bed.port());
    let id = client.open(&pinhole.clone().lease(3)).expect("an own pinhole");
    assert_eq!(client.open(&pinhole.clone().lease(600)), Ok(id));
    assert_eq!(
        client.open(&pinhole.clone().lease(600)),
        Ok(id),
        "also with the same lease"
    );
    std::thread::sleep(Duration::from_secs(4));
    client
        .call_pinhole("GetPinholePackets", id)
        .expect("it lives longer now");
    assert_eq!(client.open(&pinhole.clone().lease(1)), Ok(id));
    assert!(is_soon_gone(&client, id), "the lease is the last one asked for");
}

#[test]
fn update_pinhole_sets_the_lease() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let id = client
        .open(&Pinhole::new(&client, bed.port()).lease(3))
        .expect("an own pinhole");
    client.prolong(id, 86_400).expect("the longest lease");
    std::thread::sleep(Duration::from_secs(4));
    client.prolong(id, 1).expect("the shortest lease");
    assert!(is_soon_gone(&client, id), "still there");
}

#[test]
fn delete_pinhole_ends_it() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let pinhole = Pinhole::new(&client, bed.port());
    let id = client.open(&pinhole).expect("an own pinhole");
    client.call_pinhole("DeletePinhole", id).expect("an own pinhole");
    for action in ["DeletePinhole", "GetPinholePackets"] {
        refused(client.call_pinhole(action, id), &[704]);
    }
    refused(client.prolong(id, 60), &[704]);
    assert_ne!(client.open(&pinhole), Ok(id), "a UniqueID is not used again at once");
}

#[test]
fn a_pinhole_ends_with_its_lease() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let id = client
        .open(&Pinhole::new(&client, bed.port()).lease(2))
        .expect("an own pinhole");
    client
        .call_pinhole("GetPinholePackets", id)
        .expect("it was opened a moment ago");
    assert!(is_soon_gone(&client, id), "still there");
}

#[test]
fn get_outbound_pinhole_timeout_tells_seconds_if_it_is_there() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = bed.client_ipv6(1);
    let ask = |protocol: &str| {
        let pinhole = Pinhole {
            protocol: protocol.to_owned(),
            ..Pinhole::new(&client, bed.port())
        };
        client.call_firewall("GetOutboundPinholeTimeout", &pinhole.arguments()[..5])
    };
    match ask("17") {
        Ok(answer) => assert!(answer.number("OutboundPinholeTimeout") > 0, "{answer:?}"),
        Err(fault) => assert!([401, 602].contains(&fault.code), "{fault}"),
    }
    refused(ask("1"), &[401, 602, 705]);
}

/// Whether the pinhole is gone within a few seconds.
fn is_soon_gone(client: &ControlPoint<'_>, id: u16) -> bool {
    wait_until(Duration::from_secs(6), || {
        client
            .call_pinhole("GetPinholePackets", id)
            .is_err_and(|fault| fault.code == 704)
    })
}
