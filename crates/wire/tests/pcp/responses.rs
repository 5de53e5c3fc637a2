//! What a client reads.

use portreeve_wire::pcp::client::{self, Body, Failure, Malformed, MapBody, PeerBody, Response};
use portreeve_wire::pcp::{Nonce, Operation, PortSet, ResultCode};

use crate::{HEADER, MAP, PEER, hex, ip, map, map_with, peer, request};

fn mapped() -> MapBody {
    MapBody {
        nonce: Nonce([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        protocol: 6,
        internal_port: 8080,
        external_port: 40000,
        external_address: ip("0.0.0.0"),
        port_set: None,
    }
}

fn towards_peer() -> PeerBody {
    PeerBody {
        nonce: mapped().nonce,
        protocol: 6,
        internal_port: 8080,
        external_port: 40000,
        external_address: ip("0.0.0.0"),
        remote_port: 443,
        remote_address: ip("11.11.11.9"),
    }
}

fn response(body: Body) -> Response {
    Response {
        version: 2,
        result: Ok(()),
        lifetime: 7200,
        epoch: 66051,
        body,
    }
}

fn failed(code: ResultCode, body: Body) -> Response {
    Response {
        result: Err(Failure::Standard(code)),
        lifetime: 1800,
        ..response(body)
    }
}

#[test]
fn responses_as_they_are_read() {
    let head = "00001c20 00010203 000000000000000000000000";
    let rows = [
        (format!("02 80 00 00 {head}"), response(Body::Announce)),
        (format!("02 81 00 00 {head} {MAP}"), response(Body::Map(mapped()))),
        (
            format!("02 82 00 00 {head} {PEER}"),
            response(Body::Peer(towards_peer())),
        ),
        // What is reserved is nothing to a client.
        (
            format!("02 81 ff 00 00001c20 00010203 ffffffffffffffffffffffff {MAP}"),
            response(Body::Map(mapped())),
        ),
    ];
    for (bytes, expected) in rows {
        assert_eq!(client::read(&hex(&bytes)), Ok(expected), "{bytes}");
    }
}

#[test]
fn a_set_of_ports_as_it_was_granted() {
    let head = format!("02 81 00 00 00001c20 00010203 000000000000000000000000 {MAP}");
    let set = |options: &str| match client::read(&hex(&format!("{head} {options}"))) {
        Ok(Response {
            body: Body::Map(body), ..
        }) => body.port_set,
        other => panic!("{options}: {other:?}"),
    };
    let granted = PortSet {
        size: 4,
        first_internal_port: 8080,
        parity: false,
    };
    assert_eq!(set("82 00 0005 0004 1f90 00 000000"), Some(granted));
    assert_eq!(
        set("02 00 0000 e0 00 0001 61 000000 82 00 0005 0004 1f90 00 000000"),
        Some(granted)
    );
    // What cannot be read is passed over.
    for options in [
        "",
        "82 00 0004 0004 1f90",
        "82 00 0005 0000 1f90 00 000000",
        "82 00 ffff",
    ] {
        assert_eq!(set(options), None, "{options}");
    }
}

#[test]
fn errors_as_they_are_read() {
    for code in ResultCode::ALL {
        let bytes = hex(&format!(
            "02 81 00 {:02x} 00000708 00010203 000000000000000000000000 {MAP}",
            code.number()
        ));
        let expected = failed(*code, Body::Map(mapped()));
        assert_eq!(client::read(&bytes), Ok(expected));
        assert!(expected.answers(&request(Operation::Map(map()))));
        // Servers that say less than they should.
        let short = failed(*code, Body::Opcode(1));
        assert_eq!(client::read(&bytes[..24]), Ok(short));
        assert!(short.answers(&request(Operation::Map(map()))));
        assert!(!short.answers(&request(Operation::Peer(peer()))));
    }
    for number in [14, 21, 128, 191, 192, 255] {
        let bytes = hex(&format!(
            "02 81 00 {number:02x} 0000001e 00010203 000000000000000000000000"
        ));
        let result = client::read(&bytes).map(|response| response.result);
        assert_eq!(result, Ok(Err(Failure::Other(number))));
    }
    assert_eq!(Failure::Other(14).to_string(), "result code 14");
    assert_eq!(
        Failure::Standard(ResultCode::NotAuthorized).to_string(),
        "NOT_AUTHORIZED"
    );
    assert_eq!(Failure::Standard(ResultCode::AddressMismatch).number(), 12);
}

#[test]
fn what_is_spoken_instead() {
    // NAT-PMP, as the standard and as the field has it.
    for bytes in ["00 00 0001 00010203", "00 80 0001 00010203", "00 81 0001 00010203"] {
        let expected = Response {
            version: 0,
            ..failed(ResultCode::UnsuppVersion, Body::Version)
        };
        assert_eq!(client::read(&hex(bytes)), Ok(expected));
        assert!(expected.answers(&request(Operation::Map(map()))));
        assert!(expected.answers(&request(Operation::Announce)));
    }
    // Another version of PCP, and ours.
    let bytes = |version: u8| {
        hex(&format!(
            "{version:02x} 81 00 01 00000708 00010203 000000000000000000000000 {MAP}"
        ))
    };
    let expected = Response {
        version: 3,
        ..failed(ResultCode::UnsuppVersion, Body::Version)
    };
    assert_eq!(client::read(&bytes(3)), Ok(expected));
    assert!(expected.answers(&request(Operation::Map(map()))));
    assert_eq!(
        client::read(&bytes(2)),
        Ok(failed(ResultCode::UnsuppVersion, Body::Map(mapped())))
    );
}

#[test]
fn what_is_no_response() {
    let good = format!("02 81 00 00 00001c20 00010203 000000000000000000000000 {MAP}");
    let whole = hex(&good);
    for length in 0..60 {
        let read = client::read(&whole[..length]);
        assert_eq!(read, Err(Malformed::Length(length)));
    }
    let mut long = whole.clone();
    long.resize(1104, 0);
    assert_eq!(client::read(&long), Err(Malformed::Length(1104)));
    assert!(client::read(&long[..1100]).is_ok());
    assert_eq!(client::read(&map_with("")), Err(Malformed::Request));
    assert_eq!(
        client::read(&hex(&format!("{HEADER} {PEER}"))[..24]),
        Err(Malformed::Request)
    );
    // Of another version, but not because of ours; of NAT-PMP, but to no request of PCP.
    for version in [1, 3, 255] {
        let mut other = whole.clone();
        other[0] = version;
        assert_eq!(client::read(&other), Err(Malformed::Version(version)));
    }
    for bytes in [
        "00 80 0000 00010203 0b0b0b01",
        "00 80 0001 00010203 00000000",
        "00 00 0001",
        "00 01 0001 00010203",
    ] {
        assert_eq!(client::read(&hex(bytes)), Err(Malformed::Version(0)), "{bytes}");
    }
}

#[test]
fn only_what_was_asked_for_is_answered() {
    let asked = request(Operation::Map(map()));
    let answers = |body: MapBody| response(Body::Map(body)).answers(&asked);
    assert!(answers(mapped()));
    // Another port and address is what may be granted.
    assert!(answers(MapBody {
        external_port: 1,
        external_address: ip("11.11.11.1"),
        ..mapped()
    }));
    assert!(!answers(MapBody {
        nonce: Nonce([0; 12]),
        ..mapped()
    }));
    assert!(!answers(MapBody {
        protocol: 17,
        ..mapped()
    }));
    assert!(!answers(MapBody {
        internal_port: 8081,
        ..mapped()
    }));

    let asked_peer = request(Operation::Peer(peer()));
    let answers = |body: PeerBody| response(Body::Peer(body)).answers(&asked_peer);
    assert!(answers(towards_peer()));
    assert!(!answers(PeerBody {
        remote_port: 80,
        ..towards_peer()
    }));
    assert!(!answers(PeerBody {
        remote_address: ip("11.11.11.10"),
        ..towards_peer()
    }));
    assert!(!answers(PeerBody {
        nonce: Nonce([0; 12]),
        ..towards_peer()
    }));

    let announce = request(Operation::Announce);
    for (body, to_announce, to_map, to_peer) in [
        (Body::Announce, true, false, false),
        (Body::Map(mapped()), false, true, false),
        (Body::Peer(towards_peer()), false, false, true),
        (Body::Opcode(2), false, false, true),
        (Body::Opcode(99), false, false, false),
    ] {
        let response = response(body);
        let got = [&announce, &asked, &asked_peer].map(|request| response.answers(request));
        assert_eq!(got, [to_announce, to_map, to_peer], "{body:?}");
    }
}
