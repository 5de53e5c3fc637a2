//! What a client writes.

use portreeve_wire::pcp::{self, Filter, Map, Operation, Peer, PortSet, Request, client};

use crate::{hex, ip, map, map_with, peer, peer_with, request};

#[test]
fn requests_as_they_are_written() {
    let announce = Request {
        lifetime: 0,
        ..request(Operation::Announce)
    };
    assert_eq!(
        client::request(&announce),
        hex("02 00 0000 00000000 00000000000000000000ffffc0a84d0a")
    );
    assert_eq!(client::request(&request(Operation::Map(map()))), map_with(""));
    assert_eq!(client::request(&request(Operation::Peer(peer()))), peer_with(""));
    let ipv6 = Request {
        client: ip("fd77::10"),
        operation: Operation::Map(Map {
            external_address: ip("::"),
            ..map()
        }),
        ..request(Operation::Announce)
    };
    assert_eq!(
        client::request(&ipv6),
        hex("02 01 0000 00000e10 fd770000000000000000000000000010
             0102030405060708090a0b0c 06 000000 1f90 9c40 00000000000000000000000000000000")
    );
}

#[test]
fn options_as_they_are_written() {
    let filter = |address, prefix, port| Filter {
        address: ip(address),
        prefix,
        port,
    };
    let with_all = Map {
        third_party: Some(ip("192.168.77.20")),
        prefer_failure: true,
        filters: vec![
            filter("0.0.0.0", None, 0),
            filter("11.11.11.0", Some(24), 443),
            filter("2001:db8:113::", Some(64), 0),
        ],
        description: Some("web".into()),
        port_set: Some(PortSet {
            size: 8,
            first_internal_port: 8080,
            parity: true,
        }),
        ..map()
    };
    let expected = map_with(
        "01 00 0010 00000000000000000000ffffc0a84d14
         02 00 0000
         03 00 0014 00 00 0000 00000000000000000000ffff00000000
         03 00 0014 00 78 01bb 00000000000000000000ffff0b0b0b00
         03 00 0014 00 40 0000 20010db8011300000000000000000000
         82 00 0005 0008 1f90 01 000000
         80 00 0003 776562 00",
    );
    assert_eq!(client::request(&request(Operation::Map(with_all))), expected);
    let peer = Peer {
        third_party: Some(ip("192.168.77.20")),
        description: Some("webs".into()),
        ..peer()
    };
    assert_eq!(
        client::request(&request(Operation::Peer(peer))),
        peer_with("01 00 0010 00000000000000000000ffffc0a84d14 80 00 0004 77656273")
    );
}

#[test]
fn of_a_long_description_as_much_as_there_is_room_for() {
    let said = |text: String, filters: usize| {
        let filter = Filter {
            address: ip("11.11.11.9"),
            prefix: Some(32),
            port: 0,
        };
        let map = Map {
            description: Some(text.into()),
            filters: vec![filter; filters],
            ..map()
        };
        let bytes = client::request(&request(Operation::Map(map)));
        assert!(bytes.len() <= pcp::LONGEST);
        let pcp::Received::Request(request) = crate::receive(&bytes) else {
            panic!("not understood");
        };
        let Operation::Map(map) = request.operation else {
            panic!("not a MAP");
        };
        map.description.map_or(0, |text| text.len())
    };
    assert_eq!(said("x".repeat(1016), 0), 1016);
    assert_eq!(said("x".repeat(5000), 0), 1016);
    // A character is said or not.
    assert_eq!(said("☕".repeat(500), 0), 1014);
    assert_eq!(said("x".repeat(1016), 40), 1100 - 60 - 40 * 24 - 4);
}
