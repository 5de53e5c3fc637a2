//! Requests whose form is right, without options.

use portreeve_wire::pcp::{self, Map, Operation, Received, Request};

use crate::{CLIENT, HEADER, MAP, hex, ip, map, map_with, peer, peer_with, receive, request};

#[test]
fn announce_map_and_peer() {
    let announce = hex("02 00 0000 00000000 00000000000000000000ffffc0a84d0a");
    let asked = Request {
        lifetime: 0,
        ..request(Operation::Announce)
    };
    assert_eq!(receive(&announce), Received::Request(asked));
    assert_eq!(
        receive(&map_with("")),
        Received::Request(request(Operation::Map(map())))
    );
    assert_eq!(
        receive(&peer_with("")),
        Received::Request(request(Operation::Peer(peer())))
    );
}

#[test]
fn every_number_of_a_map_at_its_ends() {
    let bytes = hex("02 01 0000 ffffffff 00000000000000000000ffffc0a84d0a
                     ffffffffffffffffffffffff ff 000000 ffff ffff 00000000000000000000ffffffffffff");
    let Received::Request(request) = receive(&bytes) else {
        panic!("not taken");
    };
    let Operation::Map(map) = request.operation else {
        panic!("not a MAP");
    };
    assert_eq!(request.lifetime, u32::MAX);
    assert_eq!(
        (map.protocol, map.internal_port, map.external_port),
        (255, 65535, 65535)
    );
    assert_eq!(map.external_address, ip("255.255.255.255"));
    assert_eq!(map.nonce.to_string(), "ffffffffffffffffffffffff");
}

#[test]
fn what_is_reserved_is_passed_over() {
    let mut bytes = map_with("");
    for at in [2, 3, 37, 38, 39] {
        bytes[at] = 0xff;
    }
    assert_eq!(receive(&bytes), Received::Request(request(Operation::Map(map()))));
    let mut bytes = peer_with("");
    for at in [62, 63] {
        bytes[at] = 0xff;
    }
    assert_eq!(receive(&bytes), Received::Request(request(Operation::Peer(peer()))));
}

#[test]
fn no_preference_of_an_ipv4_client_in_either_family() {
    let wildcards = ["00000000000000000000ffff00000000", "00000000000000000000000000000000"];
    for wildcard in wildcards {
        let bytes = hex(&format!(
            "{HEADER} 0102030405060708090a0b0c 06 000000 1f90 9c40 {wildcard}"
        ));
        assert_eq!(receive(&bytes), Received::Request(request(Operation::Map(map()))));
    }
    // An address that is one stays so, in any family.
    let bytes = hex(&format!(
        "{HEADER} 0102030405060708090a0b0c 06 000000 1f90 9c40 20010db8011300000000000000000001"
    ));
    let suggested = Map {
        external_address: ip("2001:db8:113::1"),
        ..map()
    };
    assert_eq!(receive(&bytes), Received::Request(request(Operation::Map(suggested))));
}

#[test]
fn ipv6_clients_say_which_family_they_prefer() {
    let from_ipv6 = |wildcard: &str| {
        let bytes = hex(&format!(
            "02 01 0000 00000e10 fd770000000000000000000000000010
             0102030405060708090a0b0c 06 000000 1f90 9c40 {wildcard}"
        ));
        match pcp::receive(&bytes, ip("fd77::10")) {
            Received::Request(Request {
                client,
                operation: Operation::Map(map),
                ..
            }) => (client, map.external_address),
            other => panic!("not taken: {other:?}"),
        }
    };
    let client = ip("fd77::10");
    assert_eq!(from_ipv6("00000000000000000000000000000000"), (client, ip("::")));
    assert_eq!(from_ipv6("00000000000000000000ffff00000000"), (client, ip("0.0.0.0")));
}

#[test]
fn a_source_of_ipv4_in_a_socket_of_ipv6_is_the_same_host() {
    let mapped = ip("::ffff:192.168.77.10");
    assert_eq!(pcp::receive(&map_with(""), mapped), receive(&map_with("")));
}

#[test]
fn what_is_deleted_is_named_by_any_port() {
    let delete = |protocol: &str, port: &str| {
        hex(&format!(
            "02 01 0000 00000000 00000000000000000000ffffc0a84d0a
             0102030405060708090a0b0c {protocol} 000000 {port} 0000 00000000000000000000ffff00000000"
        ))
    };
    for (protocol, port) in [("06", "1f90"), ("06", "0000"), ("00", "0000"), ("00", "1f90")] {
        let Received::Request(request) = pcp::receive(&delete(protocol, port), ip(CLIENT)) else {
            panic!("deleting {protocol} {port} is refused");
        };
        assert_eq!(request.lifetime, 0);
    }
}

#[test]
fn all_ports_of_a_protocol_and_all_protocols_may_be_mapped() {
    for (protocol, port) in [(6, 0), (0, 0)] {
        let mut bytes = hex(&format!("{HEADER} {MAP}"));
        bytes[36] = protocol;
        bytes[40..42].copy_from_slice(&[0, port]);
        assert!(matches!(receive(&bytes), Received::Request(_)));
    }
}
