use std::net::{IpAddr, SocketAddr};

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open, seen_from};
use portreeve_lab::port_control::pcp::{self, Map, Request, octets, result};
use portreeve_testkit::Echo;

use super::{client, granted, outside};

#[test]
fn sixty_octets_are_answered_with_sixty() {
    let Some(bed) = Bed::shared() else { return };
    let (internal, external) = (bed.port(), bed.port());
    let [i, j] = internal.to_be_bytes();
    let [e, f] = external.to_be_bytes();
    let mut request = vec![2, 1, 0, 0, 0, 0, 0x0e, 0x10];
    request.extend(octets(IpAddr::from([192, 168, 77, 11])));
    request.extend(*b"twelve bytes");
    request.extend([6, 0, 0, 0, i, j, e, f]);
    request.extend(octets(IpAddr::from([0, 0, 0, 0])));
    let mut answer = client(&bed, 1).ask(&request);
    answer[8..12].fill(0);

    let mut expected = vec![2, 0x81, 0, 0, 0, 0, 0x0e, 0x10];
    expected.extend([0; 16]);
    expected.extend(*b"twelve bytes");
    expected.extend([6, 0, 0, 0, i, j, e, f]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 11, 11, 11, 2]);
    assert_eq!(answer, expected);
    let _echo = Echo::tcp(bed.lan_host(1), internal);
    is_open(&bed, Protocol::Tcp, external);
}

#[test]
fn each_protocol_is_mapped_by_itself() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let echo = protocol.echo(&bed);
        let (assigned, _) = granted(&client, &Map::new(protocol, echo.port()), 600);
        assert_eq!(assigned.external_address, outside(&bed));
        assert_eq!(
            (assigned.protocol, assigned.internal_port),
            (pcp::number(protocol), echo.port())
        );
        is_open(&bed, protocol, assigned.external_port);
    }
}

#[test]
fn without_a_wish_the_internal_port_is_taken_if_it_is_free() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.port();
    let map = Map::new(Protocol::Tcp, port);
    assert_eq!(granted(&client(&bed, 1), &map, 600).0.external_port, port);
    let (second, _) = granted(&client(&bed, 2), &map.with_another_nonce(), 600);
    assert_ne!(second.external_port, port);
}

#[test]
fn a_suggested_port_is_given_if_it_is_free_and_else_another() {
    let Some(bed) = Bed::shared() else { return };
    let (wanted, echo) = (bed.port(), Protocol::Udp.echo(&bed));
    let first = Map::new(Protocol::Udp, bed.port()).suggesting(wanted);
    assert_eq!(granted(&client(&bed, 2), &first, 600).0.external_port, wanted);
    let second = Map::new(Protocol::Udp, echo.port()).suggesting(wanted);
    let (assigned, _) = granted(&client(&bed, 1), &second, 600);
    assert_ne!(assigned.external_port, wanted);
    is_open(&bed, Protocol::Udp, assigned.external_port);
}

#[test]
fn a_suggested_address_that_the_gateway_has_not_is_only_a_wish() {
    let Some(bed) = Bed::shared() else { return };
    let map = Map {
        external_address: IpAddr::from([203, 0, 113, 9]),
        ..Map::new(Protocol::Tcp, bed.port())
    };
    assert_eq!(granted(&client(&bed, 1), &map, 600).0.external_address, outside(&bed));
}

#[test]
fn no_preference_may_be_told_in_the_form_of_ipv6() {
    let Some(bed) = Bed::shared() else { return };
    let map = Map::new(Protocol::Tcp, bed.port()).ipv6();
    assert_eq!(granted(&client(&bed, 1), &map, 600).0.external_address, outside(&bed));
}

#[test]
fn the_same_again_is_the_same_mapping_whatever_it_suggests() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    let (first, _) = granted(&client, &map, 600);
    for suggested in [0, first.external_port, bed.port()] {
        let (again, _) = granted(&client, &map.suggesting(suggested), 600);
        assert_eq!(again, first);
    }
}

#[test]
fn two_ports_of_a_host_are_two_mappings() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let wanted = bed.port();
    let [one, two] = [bed.port(), bed.port()].map(|port| Map::new(Protocol::Tcp, port).suggesting(wanted));
    let (one, _) = granted(&client, &one, 600);
    let (two, _) = granted(&client, &two, 600);
    assert_ne!(one.external_port, two.external_port);
}

#[test]
fn ports_of_privileged_services_are_not_given_away() {
    let Some(bed) = Bed::shared() else { return };
    let map = Map::new(Protocol::Tcp, bed.port()).suggesting(80);
    assert!(granted(&client(&bed, 1), &map, 600).0.external_port >= 1024);
}

#[test]
fn all_ports_at_once_are_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for protocol in [0, 6] {
        let map = Map {
            protocol,
            ..Map::new(Protocol::Tcp, 0)
        };
        let answer = client.ask_pcp(&Request::map(client.address(), &map, 600));
        let allowed = [result::NOT_AUTHORIZED, result::UNSUPP_PROTOCOL, result::NO_RESOURCES];
        assert!(allowed.contains(&answer.result()), "{:02x?}", answer.bytes());
    }
}

#[test]
fn what_a_mapped_udp_port_sends_leaves_by_its_external_port() {
    let Some(bed) = Bed::shared() else { return };
    let (host, inside) = (bed.lan_host(1), bed.port());
    let server = Echo::udp(bed.internet_host(1), 0);
    let (assigned, _) = granted(
        &client(&bed, 1),
        &Map::new(Protocol::Udp, inside).suggesting(bed.port()),
        600,
    );
    let peer = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let promised = SocketAddr::new(outside(&bed), assigned.external_port);
    assert_eq!(seen_from(host, Protocol::Udp, inside, peer), Some(promised));
}

#[test]
fn the_gateways_own_ports_are_not_given_away() {
    let Some(bed) = Bed::shared() else { return };
    let map = Map::new(Protocol::Udp, bed.port()).suggesting(1900);
    assert_ne!(granted(&client(&bed, 1), &map, 600).0.external_port, 1900);
    is_closed(&bed, Protocol::Udp, 1900);
}
