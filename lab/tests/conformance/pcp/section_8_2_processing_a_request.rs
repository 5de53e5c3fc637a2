use std::net::{IpAddr, Ipv6Addr};

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::pcp::{Answer, HEADER, Map, Request, option, result};

use super::{LONG, client, refused};

const STRANGER: [u8; 4] = [192, 168, 77, 99];

fn good(client: &Client) -> Request {
    Request::map(client.address(), &Map::new(Protocol::Tcp, 7000), 600)
}

/// Sends octets that must be refused with this code, and returns the answer.
#[track_caller]
fn refused_octets(client: &Client, octets: &[u8], code: u8) -> Vec<u8> {
    let answer = Answer::read(&client.ask(octets));
    assert_eq!(
        (answer.result(), answer.lifetime()),
        (code, LONG),
        "{:02x?}",
        answer.bytes()
    );
    answer.bytes().to_vec()
}

#[test]
fn what_is_shorter_than_a_header_is_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let whole = good(&client).bytes();
    for length in [0, 1, 2, 4, 23] {
        client.is_silent_about(&whole[..length]);
    }
}

#[test]
fn answers_are_not_answered_whatever_else_is_wrong_with_them() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let response = Request {
        opcode: 0x81,
        ..good(&client)
    };
    client.is_silent_about(&response.bytes());
    let of_another_version = Request {
        version: 1,
        ..response.clone()
    };
    client.is_silent_about(&of_another_version.bytes());
    client.is_silent_about(&response.bytes()[..HEADER - 1]);
}

#[test]
fn another_version_is_unsupp_version_whatever_else_is_wrong() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for version in [1, 3, 255] {
        let request = Request {
            version,
            opcode: 99,
            client: IpAddr::from(STRANGER),
            ..good(&client)
        };
        let answer = refused_octets(&client, &request.bytes(), result::UNSUPP_VERSION);
        // Version 2 is the one to use.
        assert_eq!(answer[..4], [2, 0x80 | 99, 0, result::UNSUPP_VERSION]);
    }
}

#[test]
fn another_version_is_told_also_where_it_has_no_whole_header() {
    let Some(bed) = Bed::shared() else { return };
    let answer = refused_octets(&client(&bed, 1), &[1, 1, 0, 0], result::UNSUPP_VERSION);
    assert_eq!(answer.len(), 60.min(answer.len()).max(HEADER), "{answer:02x?}");
}

#[test]
fn a_length_that_is_no_multiple_of_4_is_malformed_request() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for more in 1..4 {
        let mut request = good(&client).bytes();
        request.resize(request.len() + more, 0);
        refused_octets(&client, &request, result::MALFORMED_REQUEST);
    }
}

#[test]
fn more_than_1100_octets_are_malformed_request_of_which_1100_come_back() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let mut request = good(&client).option(option::DESCRIPTION, b"x").bytes();
    request.resize(1104, 0);
    let answer = refused_octets(&client, &request, result::MALFORMED_REQUEST);
    assert_eq!(answer.len(), 1100);
    assert_eq!(answer[HEADER..], request[HEADER..1100]);
}

#[test]
fn a_map_that_ends_too_early_is_malformed_request_answered_in_full() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for length in [HEADER, 40, 56] {
        let request = &good(&client).bytes()[..length];
        let answer = refused_octets(&client, request, result::MALFORMED_REQUEST);
        // Less is passed over by clients that want to read a MAP.
        assert_eq!(answer.len(), 60, "{answer:02x?}");
    }
}

#[test]
fn a_peer_that_ends_too_early_is_malformed_request() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let remote = (bed.internet_host(1).ipv4().into(), 9);
    let request = Request::peer(client.address(), &Map::new(Protocol::Udp, 7000), remote, 600);
    refused_octets(&client, &request.bytes()[..76], result::MALFORMED_REQUEST);
}

#[test]
fn a_wrong_length_is_told_before_a_wrong_address() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let request = Request {
        client: IpAddr::from(STRANGER),
        ..good(&client)
    };
    refused_octets(&client, &request.bytes()[..40], result::MALFORMED_REQUEST);
}

#[test]
fn another_address_than_the_packets_source_is_address_mismatch() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let [a, b, c, d] = bed.lan_host(1).ipv4().octets();
    let compatible = Ipv6Addr::from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]);
    for other in [
        IpAddr::from(STRANGER),
        IpAddr::from([0, 0, 0, 0]),
        IpAddr::from(Ipv6Addr::UNSPECIFIED),
        compatible.into(),
        bed.lan_host(1).ipv6().into(),
    ] {
        let request = Request {
            client: other,
            ..good(&client)
        };
        refused(&client, &request, result::ADDRESS_MISMATCH);
    }
}

#[test]
fn another_address_is_told_before_an_unknown_opcode_and_wrong_options() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let stranger = Request {
        client: IpAddr::from(STRANGER),
        ..good(&client)
    };
    refused(&client, &stranger.clone().option(127, b""), result::ADDRESS_MISMATCH);
    let unknown = Request { opcode: 99, ..stranger };
    refused(&client, &unknown, result::ADDRESS_MISMATCH);
}

#[test]
fn an_unknown_opcode_is_unsupp_opcode() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for opcode in [3, 4, 64, 96, 127] {
        refused(
            &client,
            &Request {
                opcode,
                ..good(&client)
            },
            result::UNSUPP_OPCODE,
        );
    }
}

#[test]
fn all_protocols_with_one_port_are_malformed_request() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map {
        protocol: 0,
        ..Map::new(Protocol::Tcp, 7000)
    };
    refused(
        &client,
        &Request::map(client.address(), &map, 600),
        result::MALFORMED_REQUEST,
    );
}

#[test]
fn a_request_that_fails_changes_nothing() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let port = bed.port();
    let map = Map::new(Protocol::Tcp, port).suggesting(port);
    refused(
        &client,
        &Request::map(client.address(), &map, 600).option(127, b""),
        result::UNSUPP_OPTION,
    );
    let control_point = bed.client(1);
    let mapping = portreeve_lab::upnp::PortMapping::new(&control_point, port);
    portreeve_lab::upnp::refused(control_point.specific(&mapping), &[714]);
}
