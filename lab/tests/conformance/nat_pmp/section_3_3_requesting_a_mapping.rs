use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::nat_pmp;
use portreeve_lab::subject::Settings;
use portreeve_testkit::Echo;

use super::{client, granted, map};

#[test]
fn opcode_1_maps_udp() {
    let Some(bed) = Bed::shared() else { return };
    let (internal, external) = (bed.port(), bed.port());
    let [i, j] = internal.to_be_bytes();
    let [e, f] = external.to_be_bytes();
    let answer = client(&bed, 1).ask(&[0, 1, 0, 0, i, j, e, f, 0, 0, 0x0e, 0x10]);
    let expected = [0, 129, 0, 0, 0, 0, 0, 0, i, j, e, f, 0, 0, 0x0e, 0x10];
    assert_eq!(nat_pmp::without_epoch(answer), expected);
    let _echo = Echo::udp(bed.lan_host(1), internal);
    is_open(&bed, Protocol::Udp, external);
    is_closed(&bed, Protocol::Tcp, external);
}

#[test]
fn opcode_2_maps_tcp() {
    let Some(bed) = Bed::shared() else { return };
    let (internal, external) = (bed.port(), bed.port());
    let [i, j] = internal.to_be_bytes();
    let [e, f] = external.to_be_bytes();
    let answer = client(&bed, 1).ask(&[0, 2, 0, 0, i, j, e, f, 0, 0, 0x0e, 0x10]);
    let expected = [0, 130, 0, 0, 0, 0, 0, 0, i, j, e, f, 0, 0, 0x0e, 0x10];
    assert_eq!(nat_pmp::without_epoch(answer), expected);
    let _echo = Echo::tcp(bed.lan_host(1), internal);
    is_open(&bed, Protocol::Tcp, external);
}

#[test]
fn what_is_reserved_is_not_looked_at() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.port();
    let mut request = nat_pmp::map(Protocol::Tcp, port, port, 600);
    request[2..4].fill(0xff);
    let mapped = nat_pmp::mapped(Protocol::Tcp, &client(&bed, 1).ask(&request));
    assert_eq!((mapped.result, mapped.external_port), (0, port));
}

#[test]
fn without_a_wish_some_port_is_given() {
    let Some(bed) = Bed::shared() else { return };
    let echo = Protocol::Tcp.echo(&bed);
    let external = granted(&client(&bed, 1), Protocol::Tcp, echo.port(), 0, 600);
    is_open(&bed, Protocol::Tcp, external);
}

#[test]
fn a_taken_port_is_no_reason_to_fail() {
    let Some(bed) = Bed::shared() else { return };
    let (echo, wanted) = (Protocol::Udp.echo(&bed), bed.port());
    assert_eq!(granted(&client(&bed, 2), Protocol::Udp, 7000, wanted, 600), wanted);
    let external = granted(&client(&bed, 1), Protocol::Udp, echo.port(), wanted, 600);
    assert_ne!(external, wanted);
    is_open(&bed, Protocol::Udp, external);
}

#[test]
fn the_same_again_gets_the_same_port_whatever_it_suggests() {
    let Some(bed) = Bed::shared() else { return };
    let (internal, external, other) = (bed.port(), bed.port(), bed.port());
    let client = client(&bed, 1);
    assert_eq!(granted(&client, Protocol::Tcp, internal, external, 600), external);
    for suggested in [external, other, 0] {
        assert_eq!(granted(&client, Protocol::Tcp, internal, suggested, 600), external);
    }
    is_closed(&bed, Protocol::Tcp, other);
}

#[test]
fn a_lifetime_is_granted_as_asked_and_never_more() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for asked in [1, 60, 7200] {
        assert_eq!(map(&client, Protocol::Udp, bed.port(), 0, asked).lifetime, asked);
    }
    let longest = map(&client, Protocol::Udp, bed.port(), 0, u32::MAX);
    assert_eq!(longest.result, 0);
    assert!((7200..u32::MAX).contains(&longest.lifetime), "{longest:?}");
}

#[test]
fn internal_port_0_is_no_port_to_map() {
    let Some(bed) = Bed::shared() else { return };
    let mapped = map(&client(&bed, 1), Protocol::Tcp, 0, 0, 600);
    assert_ne!(mapped.result, 0);
    assert_eq!((mapped.external_port, mapped.lifetime), (0, 0));
}

#[test]
fn the_other_transport_of_the_same_port_is_kept_for_the_same_host() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (client(&bed, 1), client(&bed, 2));
    let (internal, external) = (bed.port(), bed.port());
    assert_eq!(granted(&first, Protocol::Tcp, internal, external, 600), external);
    assert_ne!(granted(&second, Protocol::Udp, internal, external, 600), external);
    assert_eq!(granted(&first, Protocol::Udp, internal, external, 600), external);
}

#[test]
fn a_failure_names_the_internal_port_and_no_other() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    bed.set_wan_address(None);
    let client = client(&bed, 1);
    let fails = || {
        let answer = client.ask(&nat_pmp::map(Protocol::Tcp, 7000, 7000, 600));
        let expected = [0, 130, 0, 3, 0, 0, 0, 0, 0x1b, 0x58, 0, 0, 0, 0, 0, 0];
        nat_pmp::without_epoch(answer) == expected
    };
    assert!(portreeve_testkit::wait_until(std::time::Duration::from_secs(5), fails));
}

#[test]
fn no_port_left_is_out_of_resources() {
    let settings = Settings {
        external_ports: Some((30_000, 30_001)),
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    let client = client(&bed, 1);
    for internal in [7000, 7001] {
        let external = granted(&client, Protocol::Tcp, internal, 0, 600);
        assert!((30_000..=30_001).contains(&external), "{external}");
    }
    let mapped = map(&client, Protocol::Tcp, 7002, 0, 600);
    assert_eq!((mapped.result, mapped.internal_port), (4, 7002));
    assert_eq!((mapped.external_port, mapped.lifetime), (0, 0));
}
