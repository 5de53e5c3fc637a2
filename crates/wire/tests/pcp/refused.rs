//! What is ignored and what is refused, in the order in which a server checks.

use portreeve_wire::pcp::{self, Received, ResultCode};

use crate::{HEADER, MAP, hex, ip, map_with, peer_with, receive, refused};

/// Opcodes that nobody knows here, AUTHENTICATION (3) among them.
const UNKNOWN: [u8; 6] = [3, 4, 63, 64, 96, 127];

#[test]
fn what_is_too_short_to_have_an_opcode_is_ignored() {
    assert_eq!(receive(&[]), Received::Ignore);
    for version in 0..=255 {
        assert_eq!(receive(&[version]), Received::Ignore);
    }
}

#[test]
fn responses_are_ignored_in_every_version() {
    for version in 0..=255 {
        for opcode in [0x80, 0x81, 0x82, 0xff] {
            let mut bytes = map_with("");
            bytes[..2].copy_from_slice(&[version, opcode]);
            assert_eq!(receive(&bytes), Received::Ignore);
            assert_eq!(receive(&bytes[..2]), Received::Ignore);
        }
    }
}

#[test]
fn version_0_is_of_nat_pmp_whatever_it_says() {
    for bytes in ["0000", "0001", "0001 0000 1f90 1f90 00000e10", "007f ffff"] {
        assert_eq!(receive(&hex(bytes)), Received::NatPmp);
    }
}

#[test]
fn other_versions_are_unsupported_before_anything_else() {
    for version in (1..=255).filter(|version| *version != 2) {
        for length in [2, 3, 23, 24, 60, 1104] {
            let mut bytes = vec![0xff; length];
            bytes[..2].copy_from_slice(&[version, 127]);
            assert_eq!(receive(&bytes), refused(ResultCode::UnsuppVersion));
        }
    }
}

#[test]
fn less_than_a_header_is_ignored() {
    let bytes = map_with("");
    for length in 2..24 {
        assert_eq!(receive(&bytes[..length]), Received::Ignore, "{length} octets");
    }
}

#[test]
fn every_truncation_is_malformed() {
    for (whole, least) in [(map_with(""), 60), (peer_with(""), 80)] {
        assert_eq!(whole.len(), least);
        for length in 24..least {
            let got = receive(&whole[..length]);
            assert_eq!(got, refused(ResultCode::MalformedRequest), "{length} octets");
        }
        assert!(matches!(receive(&whole), Received::Request(_)));
    }
}

#[test]
fn lengths_are_multiples_of_4_and_1100_at_most() {
    // An option of private use fills the message, so that its length is all that is wrong.
    let of = |length: usize| {
        let mut bytes = map_with("");
        let data = length - bytes.len() - 4;
        bytes.extend([200, 0]);
        bytes.extend(u16::try_from(data).expect("short").to_be_bytes());
        bytes.resize(length, 0);
        bytes
    };
    assert!(matches!(receive(&of(1100)), Received::Request(_)));
    for length in [1101, 1102, 1103, 1104, 1500, 9000, 65, 66, 67] {
        let got = receive(&of(length));
        assert_eq!(got, refused(ResultCode::MalformedRequest), "{length} octets");
    }
}

#[test]
fn another_source_than_the_client_address() {
    for source in ["192.168.77.11", "fd77::10", "::192.168.77.10", "0.0.0.0", "::"] {
        let got = pcp::receive(&map_with(""), ip(source));
        assert_eq!(got, refused(ResultCode::AddressMismatch), "from {source}");
    }
}

#[test]
fn unknown_opcodes() {
    for opcode in UNKNOWN {
        let mut bytes = map_with("");
        bytes[1] = opcode;
        assert_eq!(receive(&bytes), refused(ResultCode::UnsuppOpcode));
        assert_eq!(receive(&bytes[..24]), refused(ResultCode::UnsuppOpcode));
    }
}

#[test]
fn a_port_of_all_protocols_cannot_be_mapped() {
    let mut bytes = map_with("");
    bytes[36] = 0;
    assert_eq!(receive(&bytes), refused(ResultCode::MalformedRequest));
}

#[test]
fn a_peer_has_a_protocol_and_both_ports() {
    for (at, length) in [(36, 1), (40, 2), (60, 2)] {
        let mut bytes = peer_with("");
        bytes[at..at + length].fill(0);
        assert_eq!(receive(&bytes), refused(ResultCode::MalformedRequest), "octet {at}");
        // A deletion is nothing else to PEER.
        bytes[4..8].fill(0);
        assert_eq!(receive(&bytes), refused(ResultCode::MalformedRequest), "octet {at}");
    }
}

/// Each of these breaks two rules; the first in the order of the standard is told.
#[test]
fn the_order_of_the_checks() {
    let stranger = ip("192.168.77.99");
    let row = |bytes: &[u8], code| assert_eq!(pcp::receive(bytes, stranger), refused(code), "{bytes:02x?}");
    let with = |change: &dyn Fn(&mut Vec<u8>), options: &str| {
        let mut bytes = map_with(options);
        change(&mut bytes);
        bytes
    };
    // Version before length, opcode and address.
    row(
        &with(
            &|bytes| {
                bytes[..2].copy_from_slice(&[1, 99]);
                bytes.pop();
            },
            "",
        ),
        ResultCode::UnsuppVersion,
    );
    // Length before address, and before an unknown opcode.
    row(&map_with("")[..56], ResultCode::MalformedRequest);
    row(&map_with("")[..59], ResultCode::MalformedRequest);
    let unaligned = with(
        &|bytes| {
            bytes[1] = 99;
            bytes.pop();
        },
        "",
    );
    row(&unaligned, ResultCode::MalformedRequest);
    assert_eq!(receive(&unaligned), refused(ResultCode::MalformedRequest));
    // Address before opcode, fields and options.
    row(&with(&|bytes| bytes[1] = 99, ""), ResultCode::AddressMismatch);
    row(&with(&|bytes| bytes[36] = 0, ""), ResultCode::AddressMismatch);
    row(&map_with("7f000000"), ResultCode::AddressMismatch);
    row(&map_with("01000004"), ResultCode::AddressMismatch);
    // Opcode before options, which are its own.
    let unknown = with(&|bytes| bytes[1] = 99, "7f000000");
    assert_eq!(receive(&unknown), refused(ResultCode::UnsuppOpcode));
    // Fields before options.
    let all_protocols = with(&|bytes| bytes[36] = 0, "7f000000");
    assert_eq!(receive(&all_protocols), refused(ResultCode::MalformedRequest));
    // Options in their own order.
    assert_eq!(
        receive(&map_with("7f000000 02000004 00000000")),
        refused(ResultCode::UnsuppOption)
    );
    assert_eq!(
        receive(&map_with("02000004 00000000 7f000000")),
        refused(ResultCode::MalformedOption)
    );
}

#[test]
fn refusals_last_as_is_usual() {
    let Received::Refused(told) = receive(&hex(&format!("{HEADER} {MAP}"))[..24]) else {
        panic!("not refused");
    };
    assert_eq!(told.lifetime, None);
}
