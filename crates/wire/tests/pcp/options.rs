//! Options in requests: what each says, and how each fails.

use portreeve_wire::pcp::{Filter, Map, Operation, Peer, PortSet, Received, Request, ResultCode};

use crate::{hex, ip, map, map_with, peer, peer_with, receive, refused, request};

const THIRD_PARTY: &str = "01 00 0010 00000000000000000000ffffc0a84d14";
const PREFER_FAILURE: &str = "02 00 0000";
/// 11.11.11.9, any port.
const FILTER: &str = "03 00 0014 00 80 0000 00000000000000000000ffff0b0b0b09";
/// `web`, with its padding.
const DESCRIPTION: &str = "80 00 0003 776562 00";
/// 8 ports from 8080, as even as they are inside.
const PORT_SET: &str = "82 00 0005 0008 1f90 01 000000";

fn map_of(options: &str) -> Map {
    match receive(&map_with(options)) {
        Received::Request(Request {
            operation: Operation::Map(map),
            ..
        }) => map,
        other => panic!("{options}: {other:?}"),
    }
}

fn malformed(options: &str) {
    let got = receive(&map_with(options));
    assert_eq!(got, refused(ResultCode::MalformedOption), "{options}");
}

#[test]
fn all_at_once_in_any_order() {
    let expected = Map {
        third_party: Some(ip("192.168.77.20")),
        prefer_failure: true,
        filters: vec![Filter {
            address: ip("11.11.11.9"),
            prefix: Some(32),
            port: 0,
        }],
        description: Some("web".into()),
        port_set: Some(PortSet {
            size: 8,
            first_internal_port: 8080,
            parity: true,
        }),
        ..map()
    };
    let mut options = [THIRD_PARTY, PREFER_FAILURE, FILTER, DESCRIPTION, PORT_SET];
    for _ in 0..options.len() {
        options.rotate_left(1);
        assert_eq!(map_of(&options.concat()), expected, "{options:?}");
    }
}

#[test]
fn those_of_a_peer() {
    let expected = Peer {
        third_party: Some(ip("192.168.77.20")),
        description: Some("web".into()),
        ..peer()
    };
    // PORT_SET is not for it, and may be passed over.
    let bytes = peer_with(&[THIRD_PARTY, DESCRIPTION, PORT_SET].concat());
    assert_eq!(receive(&bytes), Received::Request(request(Operation::Peer(expected))));
    for (options, code) in [
        (PREFER_FAILURE, ResultCode::MalformedRequest),
        (FILTER, ResultCode::MalformedOption),
        ("7f000000", ResultCode::UnsuppOption),
    ] {
        assert_eq!(receive(&peer_with(options)), refused(code), "{options}");
    }
}

#[test]
fn announce_has_none() {
    let announce = |options: &str| {
        receive(&hex(&format!(
            "02 00 0000 00000000 00000000000000000000ffffc0a84d0a {options}"
        )))
    };
    for option in [THIRD_PARTY, PREFER_FAILURE, FILTER] {
        assert_eq!(announce(option), refused(ResultCode::MalformedOption), "{option}");
    }
    assert_eq!(announce("7f000000"), refused(ResultCode::UnsuppOption));
    for option in [DESCRIPTION, PORT_SET, "81000000", "e0 00 0001 61 000000"] {
        let asked = Request {
            lifetime: 0,
            ..request(Operation::Announce)
        };
        assert_eq!(announce(option), Received::Request(asked), "{option}");
    }
}

#[test]
fn unknown_options_are_passed_over_from_128_on() {
    for code in 0..=255_u8 {
        if [1, 2, 3, 128, 130].contains(&code) {
            continue;
        }
        for tail in ["00 0000", "00 0003 616263 00", "ff 0004 ffffffff"] {
            let got = receive(&map_with(&format!("{code:02x} {tail}")));
            if code < 128 {
                assert_eq!(got, refused(ResultCode::UnsuppOption), "{code}");
            } else {
                // More than once, and before one that is known.
                let options = format!("{code:02x} {tail} {code:02x} {tail} {PREFER_FAILURE}");
                assert_eq!(got, Received::Request(request(Operation::Map(map()))), "{code}");
                assert!(map_of(&options).prefer_failure, "{code}");
            }
        }
    }
}

#[test]
fn none_goes_beyond_the_end() {
    for option in [
        // Known, unknown, and to be passed over; by data and by padding.
        "02 00 0001",
        "03 00 0014 00 80 0000 00000000000000000000ffff",
        "80 00 0005 61626364",
        "82 00 0005 0008 1f90",
        "c8 00 0001",
        "c8 00 ffff 00000000",
    ] {
        malformed(option);
    }
    // Whatever its length says, an option of no data at the end is whole.
    assert_eq!(map_of("c8 00 0000"), map());
}

#[test]
fn lengths_are_exact() {
    for option in [
        "01 00 0000",
        "01 00 000c 00000000 00000000 0000ffff",
        "01 00 0014 00000000000000000000ffffc0a84d14 00000000",
        "02 00 0001 00 000000",
        "02 00 0004 00000000",
        "03 00 0010 00000000000000000000ffff0b0b0b09",
        "03 00 0018 00 80 0000 00000000000000000000ffff0b0b0b09 00000000",
        "82 00 0004 0008 1f90",
        "82 00 0006 0008 1f90 01 00 0000",
        "82 00 0008 0008 1f90 01 000000",
    ] {
        malformed(option);
    }
}

#[test]
fn singletons_come_once() {
    for option in [THIRD_PARTY, PREFER_FAILURE, DESCRIPTION, PORT_SET] {
        malformed(&format!("{option} {option}"));
        malformed(&format!("{option} {FILTER} {option}"));
    }
    assert_eq!(map_of(&[FILTER, FILTER].concat()).filters.len(), 2);
    let twice = peer_with(&format!("{DESCRIPTION} {DESCRIPTION}"));
    assert_eq!(receive(&twice), refused(ResultCode::MalformedOption));
}

#[test]
fn a_third_party_is_not_the_client() {
    let own = "01 00 0010 00000000000000000000ffffc0a84d0a";
    assert_eq!(receive(&map_with(own)), refused(ResultCode::MalformedRequest));
    assert_eq!(receive(&peer_with(own)), refused(ResultCode::MalformedRequest));
    let ipv6 = "01 00 0010 fd770000000000000000000000000014";
    assert_eq!(map_of(ipv6).third_party, Some(ip("fd77::14")));
}

#[test]
fn preferring_failure_takes_a_suggestion() {
    let mut none = map_with(PREFER_FAILURE);
    none[42..44].fill(0);
    assert_eq!(receive(&none), refused(ResultCode::MalformedOption));
    let mut deletion = map_with(PREFER_FAILURE);
    deletion[4..8].fill(0);
    assert_eq!(receive(&deletion), refused(ResultCode::MalformedOption));
}

#[test]
fn prefixes_of_filters() {
    let ipv4 = "00000000000000000000ffff0b0b0b00";
    let ipv6 = "20010db8011300000000000000000000";
    let filter = |prefix: u8, address: &str| format!("03 00 0014 00 {prefix:02x} 01bb {address}");
    for (prefix, address, expected) in [
        (96, ipv4, Some(0)),
        (97, ipv4, Some(1)),
        (120, ipv4, Some(24)),
        (128, ipv4, Some(32)),
        (0, ipv4, None),
        (1, ipv6, Some(1)),
        (64, ipv6, Some(64)),
        (128, ipv6, Some(128)),
        (0, ipv6, None),
    ] {
        let filters = map_of(&filter(prefix, address)).filters;
        let family = if address == ipv4 {
            "11.11.11.0"
        } else {
            "2001:db8:113::"
        };
        let expected = Filter {
            address: ip(family),
            prefix: expected,
            port: 443,
        };
        assert_eq!(filters, [expected], "{prefix}");
    }
    for (prefix, address) in [
        (1, ipv4),
        (24, ipv4),
        (32, ipv4),
        (95, ipv4),
        (129, ipv4),
        (255, ipv4),
        (129, ipv6),
        (255, ipv6),
    ] {
        malformed(&filter(prefix, address));
    }
}

#[test]
fn filters_keep_their_order_and_are_not_for_deletions() {
    let clear = "03 00 0014 00 00 0000 00000000000000000000000000000000";
    let filters = map_of(&format!("{clear} {FILTER}")).filters;
    assert_eq!(
        filters.iter().map(|filter| filter.prefix).collect::<Vec<_>>(),
        [None, Some(32)]
    );
    let mut deletion = map_with(FILTER);
    deletion[4..8].fill(0);
    assert_eq!(receive(&deletion), refused(ResultCode::MalformedOption));
}

#[test]
fn descriptions_are_text_of_1016_octets_at_most() {
    let text = |octets: &[u8]| {
        let mut bytes = map_with("");
        bytes.extend([128, 0]);
        bytes.extend(u16::try_from(octets.len()).expect("short").to_be_bytes());
        bytes.extend(octets);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    for good in ["", "w", "web", "webs", "Käsebrot ☕", &"x".repeat(1016)] {
        let Received::Request(request) = receive(&text(good.as_bytes())) else {
            panic!("{good:?} is refused");
        };
        let Operation::Map(map) = request.operation else {
            panic!("not a MAP");
        };
        assert_eq!(map.description.as_deref(), Some(good));
    }
    for bad in [&b"\xff"[..], b"K\xe4sebrot", b"\xe2\x98", &[b'x'; 1017]] {
        assert_eq!(receive(&text(bad)), refused(ResultCode::MalformedOption), "{bad:?}");
    }
}

#[test]
fn sets_of_ports() {
    let set = |size: &str, first: &str, flags: &str| format!("82 00 0005 {size} {first} {flags} 000000");
    for (flags, parity) in [("00", false), ("01", true), ("fe", false), ("ff", true)] {
        let expected = PortSet {
            size: 1,
            first_internal_port: 8080,
            parity,
        };
        assert_eq!(map_of(&set("0001", "1f90", flags)).port_set, Some(expected));
    }
    // Of none, and of others than the internal port.
    malformed(&set("0000", "1f90", "00"));
    malformed(&set("0008", "1f91", "00"));
    malformed(&set("0008", "0000", "00"));
    // Up to the last port: 65535 - 8080 + 1.
    assert_eq!(
        map_of(&set("ffff", "1f90", "00")).port_set.map(|set| set.size),
        Some(57456)
    );
    assert_eq!(
        map_of(&set("e070", "1f90", "00")).port_set.map(|set| set.size),
        Some(57456)
    );
    // All ports are none to begin with.
    let mut all = map_with(&set("0008", "0000", "00"));
    all[40..42].fill(0);
    assert_eq!(receive(&all), refused(ResultCode::MalformedOption));
}
