use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::pcp::{Map, Request, octets, result};
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::wait_until;

use super::{client, end, granted};

#[test]
fn a_lifetime_is_granted_as_asked_between_two_minutes_and_a_day() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for (asked, expected) in [
        (1, 120),
        (120, 120),
        (3600, 3600),
        (86_400, 86_400),
        (86_401, 86_400),
        (u32::MAX, 86_400),
    ] {
        let (_, lifetime) = granted(&client, &Map::new(Protocol::Tcp, bed.port()), asked);
        assert_eq!(lifetime, expected, "{asked} asked");
    }
}

#[test]
fn a_renewal_counts_from_then_on_and_may_shorten() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    for lifetime in [600, 7200, 300] {
        let (assigned, granted) = granted(&client, &map, lifetime);
        assert_eq!(granted, lifetime);
        let control_point = bed.client(1);
        let entry = control_point.specific(&PortMapping::new(&control_point, assigned.external_port));
        let left = entry.expect("UPnP shows it").number("NewLeaseDuration");
        let lifetime = u64::from(lifetime);
        assert!((lifetime - 5..=lifetime).contains(&left), "{left} of {lifetime}");
    }
}

#[test]
fn a_mapping_ends_with_its_lifetime() {
    let settings = Settings {
        overrides: vec![String::from("pcp.minimum-lifetime=2")],
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let (assigned, lifetime) = granted(&client, &Map::new(Protocol::Tcp, echo.port()), 2);
    assert_eq!(lifetime, 2);
    is_open(&bed, Protocol::Tcp, assigned.external_port);
    let closed = || Protocol::Tcp.reach(&bed, assigned.external_port).is_err();
    assert!(wait_until(Duration::from_secs(8), closed), "open beyond its lifetime");
}

#[test]
fn a_lifetime_of_0_ends_the_mapping_with_what_the_client_sent() {
    let Some(bed) = Bed::shared() else { return };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let map = Map::new(Protocol::Tcp, echo.port());
    let (assigned, _) = granted(&client, &map, 600);
    is_open(&bed, Protocol::Tcp, assigned.external_port);
    let mut answer = client.ask(&Request::map(client.address(), &map, 0).bytes());
    answer[8..12].fill(0);
    let [i, j] = echo.port().to_be_bytes();
    let mut expected = vec![2, 0x81];
    expected.extend([0; 22]);
    expected.extend(map.nonce);
    expected.extend([6, 0, 0, 0, i, j, 0, 0]);
    expected.extend(octets(map.external_address));
    assert_eq!(answer, expected);
    is_closed(&bed, Protocol::Tcp, assigned.external_port);
}

#[test]
fn what_was_never_there_is_deleted_with_success() {
    let Some(bed) = Bed::shared() else { return };
    let answer = end(&client(&bed, 1), &Map::new(Protocol::Udp, bed.port()));
    assert_eq!((answer.result(), answer.lifetime()), (result::SUCCESS, 0));
}

#[test]
fn a_deletion_twice_succeeds_twice() {
    let Some(bed) = Bed::shared() else { return };
    let (client, map) = (client(&bed, 1), Map::new(Protocol::Udp, bed.port()));
    granted(&client, &map, 600);
    for _ in 0..2 {
        assert_eq!(end(&client, &map).result(), result::SUCCESS);
    }
}

#[test]
fn internal_port_0_deletes_all_of_a_protocol_that_have_the_nonce() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = client(&bed, 1);
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    let echoes = [tcp.echo(&bed), tcp.echo(&bed), udp.echo(&bed), tcp.echo(&bed)];
    let common = Map::new(tcp, 0);
    let with_nonce = |protocol, echo: usize| Map {
        nonce: common.nonce,
        ..Map::new(protocol, echoes[echo].port())
    };
    let ports = [
        with_nonce(tcp, 0),
        with_nonce(tcp, 1),
        with_nonce(udp, 2),
        Map::new(tcp, echoes[3].port()),
    ]
    .map(|map| granted(&client, &map, 600).0.external_port);
    assert_eq!(end(&client, &common).result(), result::SUCCESS);
    is_closed(&bed, tcp, ports[0]);
    is_closed(&bed, tcp, ports[1]);
    is_open(&bed, udp, ports[2]);
    // Protocol 0 stands for the rest.
    let all = Map { protocol: 0, ..common };
    assert_eq!(end(&client, &all).result(), result::SUCCESS);
    is_closed(&bed, udp, ports[2]);
    is_open(&bed, tcp, ports[3]);
}
