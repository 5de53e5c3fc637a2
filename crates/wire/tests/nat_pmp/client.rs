//! What a client writes and reads, and whether its server lost what it knew.

use std::net::Ipv4Addr;

use portreeve_wire::nat_pmp::client::{self, Body, Failure, Malformed, Response};
use portreeve_wire::nat_pmp::{Request, ResultCode, Transport};
use portreeve_wire::pcp::client::{Continuity, Observed};

use crate::hex;

const ASKED: Request = Request::Map {
    transport: Transport::Tcp,
    internal_port: 8080,
    external_port: 40000,
    lifetime: 7200,
};

const MAPPED: Body = Body::Map {
    transport: Transport::Tcp,
    internal_port: 8080,
    external_port: 40001,
    lifetime: 3600,
};

#[test]
fn requests_as_they_are_written() {
    assert_eq!(client::request(Request::ExternalAddress), hex("00 00"));
    assert_eq!(client::request(ASKED), hex("00 02 0000 1f90 9c40 00001c20"));
    let delete_all = Request::Map {
        transport: Transport::Udp,
        internal_port: 0,
        external_port: 0,
        lifetime: 0,
    };
    assert_eq!(client::request(delete_all), hex("00 01 0000 0000 0000 00000000"));
}

#[test]
fn responses_as_they_are_read() {
    let address = Body::ExternalAddress(Ipv4Addr::new(11, 11, 11, 1));
    for (bytes, body) in [
        ("00 80 0000 00010203 0b0b0b01", address),
        ("00 82 0000 00010203 1f90 9c41 00000e10", MAPPED),
        (
            "00 81 0000 00010203 1f90 0000 00000000",
            Body::Map {
                transport: Transport::Udp,
                internal_port: 8080,
                external_port: 0,
                lifetime: 0,
            },
        ),
    ] {
        let expected = Response {
            result: Ok(()),
            epoch: Some(66051),
            body,
        };
        assert_eq!(client::read(&hex(bytes)), Ok(expected), "{bytes}");
        // What follows is passed over.
        assert_eq!(client::read(&hex(&format!("{bytes} 00"))), Ok(expected));
    }
}

#[test]
fn errors_as_they_are_read() {
    let standard = |code| Failure::Standard(code);
    let nothing = Body::Map {
        transport: Transport::Tcp,
        internal_port: 8080,
        external_port: 0,
        lifetime: 0,
    };
    let none = Body::ExternalAddress(Ipv4Addr::UNSPECIFIED);
    for (bytes, failure, epoch, body) in [
        (
            "00 80 0003 00010203 00000000",
            standard(ResultCode::NetworkFailure),
            Some(66051),
            none,
        ),
        (
            "00 82 0002 00010203 1f90 0000 00000000",
            standard(ResultCode::NotAuthorized),
            Some(66051),
            nothing,
        ),
        (
            "00 82 0004 00010203 1f90 0000 00000000",
            standard(ResultCode::OutOfResources),
            Some(66051),
            nothing,
        ),
        (
            "00 82 ffff 00010203 1f90 0000 00000000",
            Failure::Other(65535),
            Some(66051),
            nothing,
        ),
        // A server that says less than it should.
        (
            "00 82 0002 00010203",
            standard(ResultCode::NotAuthorized),
            Some(66051),
            Body::Opcode(2),
        ),
        // The request comes back, which says nothing of the epoch.
        (
            "00 82 0005 1f90 9c40 00001c20",
            standard(ResultCode::UnsupportedOpcode),
            None,
            Body::Opcode(2),
        ),
        // To another version, as the standard and as the field has it.
        (
            "00 00 0001 00010203",
            standard(ResultCode::UnsupportedVersion),
            Some(66051),
            Body::Version(0),
        ),
        (
            "00 82 0001 00010203",
            standard(ResultCode::UnsupportedVersion),
            Some(66051),
            Body::Version(0),
        ),
        // A server of PCP that does not speak NAT-PMP.
        (
            "02 82 00 01 00000708 00010203 000000000000000000000000",
            standard(ResultCode::UnsupportedVersion),
            None,
            Body::Version(2),
        ),
    ] {
        let expected = Response {
            result: Err(failure),
            epoch,
            body,
        };
        assert_eq!(client::read(&hex(bytes)), Ok(expected), "{bytes}");
        let to_address = matches!(body, Body::ExternalAddress(_) | Body::Version(_));
        let to_map = !matches!(body, Body::ExternalAddress(_));
        assert_eq!(expected.answers(&Request::ExternalAddress), to_address, "{bytes}");
        assert_eq!(expected.answers(&ASKED), to_map, "{bytes}");
    }
    assert_eq!(standard(ResultCode::OutOfResources).to_string(), "Out of resources");
    assert_eq!(Failure::Other(9).to_string(), "result code 9");
    assert_eq!(
        (
            standard(ResultCode::NetworkFailure).number(),
            Failure::Other(9).number()
        ),
        (3, 9)
    );
}

#[test]
fn what_is_no_response() {
    for (bytes, whole) in [
        ("00 80 0000 00010203 0b0b0b01", 12),
        ("00 82 0000 00010203 1f90 9c41 00000e10", 16),
    ] {
        let bytes = hex(bytes);
        for length in 0..whole {
            assert_eq!(client::read(&bytes[..length]), Err(Malformed::Length(length)));
        }
    }
    for (bytes, expected) in [
        ("00 00 0000", Malformed::Request),
        ("00 02 0000 1f90 9c40 00001c20", Malformed::Request),
        ("00 02 0001 1f90 9c40 00001c20", Malformed::Request),
        ("02 81 0000 00001c20 00010203", Malformed::Version(2)),
        ("01 80 0000 00010203 0b0b0b01", Malformed::Version(1)),
        ("00 83 0000 00010203", Malformed::Opcode(3)),
    ] {
        assert_eq!(client::read(&hex(bytes)), Err(expected), "{bytes}");
    }
}

#[test]
fn only_what_was_asked_for_is_answered() {
    let response = |body| Response {
        result: Ok(()),
        epoch: Some(1),
        body,
    };
    let mapped = |transport, internal_port| Body::Map {
        transport,
        internal_port,
        external_port: 1,
        lifetime: 1,
    };
    assert!(response(mapped(Transport::Tcp, 8080)).answers(&ASKED));
    assert!(!response(mapped(Transport::Udp, 8080)).answers(&ASKED));
    assert!(!response(mapped(Transport::Tcp, 8081)).answers(&ASKED));
    assert!(!response(mapped(Transport::Tcp, 8080)).answers(&Request::ExternalAddress));
    assert!(!response(Body::Opcode(1)).answers(&ASKED));
    assert!(response(Body::Opcode(0)).answers(&Request::ExternalAddress));
}

/// Rows of (server then, server now, seconds that went by here).
#[test]
fn the_rule_of_the_epoch() {
    use Continuity::{Continues, Lost};
    for (then, now, elapsed, expected) in [
        (1000, 1000, 0, Continues),
        (1000, 998, 0, Continues),
        (1000, 997, 0, Lost),
        (1000, 1800, 800, Continues),
        // 7/8 of 800 s are 700 s, less 2.
        (1000, 1698, 800, Continues),
        (1000, 1697, 800, Lost),
        // 7/8 of 1 s are counted, not rounded away: 998.875 at least.
        (1000, 999, 1, Continues),
        (1000, 998, 1, Lost),
        // It may be as fast as it likes.
        (1000, u32::MAX, 1, Continues),
        (1000, 0, 0, Lost),
        (0, 0, u64::MAX, Lost),
    ] {
        let previous = Observed { epoch: then, at: 0 };
        let observed = Observed {
            epoch: now,
            at: elapsed,
        };
        let got = client::continuity(Some(previous), observed);
        assert_eq!(got, expected, "{then} to {now} in {elapsed} s");
        assert_eq!(client::continuity(None, observed), Continues);
    }
}
