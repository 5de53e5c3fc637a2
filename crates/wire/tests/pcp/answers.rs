//! What a server writes.

use portreeve_wire::pcp::{self, Answer, Assigned, PortSet, Refused, ResultCode};

use crate::{HEADER, MAP, hex, ip, map_with, peer_with};

const EPOCH: u32 = 0x0001_0203;

fn granted(bytes: &[u8], assigned: Assigned) -> Vec<u8> {
    let answer = Answer {
        epoch: EPOCH,
        outcome: Ok(assigned),
    };
    pcp::answer(bytes, &answer)
}

fn refuse(bytes: &[u8], refused: impl Into<Refused>) -> Vec<u8> {
    let answer = Answer {
        epoch: EPOCH,
        outcome: Err(refused.into()),
    };
    pcp::answer(bytes, &answer)
}

fn assigned() -> Assigned {
    Assigned {
        lifetime: 7200,
        external: Some((ip("11.11.11.1"), 40001)),
        port_set: None,
    }
}

const GRANTED: &str = "02 81 00 00 00001c20 00010203 000000000000000000000000
                       0102030405060708090a0b0c 06 000000 1f90 9c41 00000000000000000000ffff0b0b0b01";

#[test]
fn to_an_announce() {
    let request = hex("02 00 0000 00000000 00000000000000000000ffffc0a84d0a");
    let nothing = Assigned {
        lifetime: 0,
        external: None,
        port_set: None,
    };
    assert_eq!(
        granted(&request, nothing),
        hex("02 80 00 00 00000000 00010203 000000000000000000000000")
    );
}

#[test]
fn to_a_map_and_to_a_peer() {
    assert_eq!(granted(&map_with(""), assigned()), hex(GRANTED));
    let mut peer = hex(&format!("{GRANTED} 01bb 0000 00000000000000000000ffff0b0b0b09"));
    peer[1] = 0x82;
    assert_eq!(granted(&peer_with(""), assigned()), peer);
    let ipv6 = Assigned {
        external: Some((ip("fd77::10"), 8080)),
        ..assigned()
    };
    assert_eq!(
        granted(&map_with(""), ipv6)[42..],
        hex("1f90 fd770000000000000000000000000010")
    );
}

#[test]
fn to_a_deletion_what_was_suggested_comes_back() {
    let request = hex("02 01 0000 00000000 00000000000000000000ffffc0a84d0a
                       0102030405060708090a0b0c 06 000000 1f90 0000 00000000000000000000ffff00000000");
    let deleted = Assigned {
        lifetime: 0,
        external: None,
        port_set: None,
    };
    assert_eq!(
        granted(&request, deleted),
        hex("02 81 00 00 00000000 00010203 000000000000000000000000
             0102030405060708090a0b0c 06 000000 1f90 0000 00000000000000000000ffff00000000")
    );
}

#[test]
fn what_is_reserved_is_zero_in_a_success() {
    let mut request = map_with("");
    for at in [2, 3, 37, 38, 39] {
        request[at] = 0xff;
    }
    assert_eq!(granted(&request, assigned()), hex(GRANTED));
}

#[test]
fn options_that_were_processed_come_back_in_order() {
    let request = map_with(
        "e0 00 0003 616263 00
         80 ff 0003 776562 ff
         01 00 0010 00000000000000000000ffffc0a84d14
         81 00 0000
         02 00 0000
         03 00 0014 00 80 0000 00000000000000000000ffff0b0b0b09
         03 00 0014 00 80 0000 00000000000000000000ffff0b0b0b0a",
    );
    // Not those that were passed over; and nothing in what is reserved or padding.
    let expected = format!(
        "{GRANTED}
         80 00 0003 776562 00
         01 00 0010 00000000000000000000ffffc0a84d14
         02 00 0000
         03 00 0014 00 80 0000 00000000000000000000ffff0b0b0b09
         03 00 0014 00 80 0000 00000000000000000000ffff0b0b0b0a"
    );
    assert_eq!(granted(&request, assigned()), hex(&expected));
}

#[test]
fn a_set_of_ports_comes_back_as_granted() {
    let set = |size, parity| Assigned {
        port_set: Some(PortSet {
            size,
            first_internal_port: 8080,
            parity,
        }),
        ..assigned()
    };
    let asked = map_with("82 00 0005 0010 1f90 01 000000");
    for (size, parity, expected) in [
        (16, true, "82 00 0005 0010 1f90 01 000000"),
        (4, false, "82 00 0005 0004 1f90 00 000000"),
    ] {
        let answer = granted(&asked, set(size, parity));
        assert_eq!(answer, hex(&format!("{GRANTED} {expected}")));
    }
    // One port only, or nobody asked.
    assert_eq!(granted(&asked, assigned()), hex(GRANTED));
    assert_eq!(granted(&map_with(""), set(4, false)), hex(GRANTED));
}

#[test]
fn every_result_code_with_its_lifetime() {
    let rows = [
        (ResultCode::UnsuppVersion, 1, 1800),
        (ResultCode::NotAuthorized, 2, 1800),
        (ResultCode::MalformedRequest, 3, 1800),
        (ResultCode::UnsuppOpcode, 4, 1800),
        (ResultCode::UnsuppOption, 5, 1800),
        (ResultCode::MalformedOption, 6, 1800),
        (ResultCode::NetworkFailure, 7, 30),
        (ResultCode::NoResources, 8, 30),
        (ResultCode::UnsuppProtocol, 9, 1800),
        (ResultCode::UserExQuota, 10, 30),
        (ResultCode::CannotProvideExternal, 11, 30),
        (ResultCode::AddressMismatch, 12, 1800),
        (ResultCode::ExcessiveRemotePeers, 13, 1800),
    ];
    assert_eq!(rows.map(|(code, _, _)| code), ResultCode::ALL);
    for (code, number, lifetime) in rows {
        let answer = refuse(&map_with(""), code);
        // In front of what the request had: its own fields, suggestions included.
        assert_eq!(answer[..4], [2, 0x81, 0, number]);
        assert_eq!(answer[4..8], u32::to_be_bytes(lifetime));
        assert_eq!(answer[8..12], EPOCH.to_be_bytes());
        assert_eq!(answer[24..], map_with("")[24..]);
        // What remains of a mapping that is another's (NOT_AUTHORIZED).
        let refused = Refused {
            code,
            lifetime: Some(77),
        };
        assert_eq!(refuse(&map_with(""), refused)[4..8], [0, 0, 0, 77]);
    }
}

#[test]
fn an_error_brings_back_all_of_the_request() {
    // Options that were not understood, those that were passed over, and what is reserved.
    let request = map_with("7f 01 0003 616263 ff e0 00 0001 61 000000");
    let expected = format!(
        "02 81 00 05 00000708 00010203 000000000000000000000000 {MAP}
         7f 01 0003 616263 ff e0 00 0001 61 000000"
    );
    assert_eq!(refuse(&request, ResultCode::UnsuppOption), hex(&expected));
}

#[test]
fn of_what_could_not_be_read_the_end_of_the_address_stays() {
    for (code, end) in [
        (ResultCode::UnsuppVersion, "000000000000ffffc0a84d0a"),
        (ResultCode::MalformedRequest, "000000000000ffffc0a84d0a"),
        (ResultCode::MalformedOption, "000000000000ffffc0a84d0a"),
        (ResultCode::AddressMismatch, "000000000000000000000000"),
        (ResultCode::UnsuppOpcode, "000000000000000000000000"),
    ] {
        assert_eq!(refuse(&map_with(""), code)[12..24], hex(end), "{code:?}");
    }
}

#[test]
fn an_error_about_a_map_is_as_long_as_a_map() {
    // Even if the request was not; and it is padded to a multiple of 4.
    for length in 24..=60 {
        let request = &map_with("")[..length];
        let mut expected = map_with("");
        expected[..12].copy_from_slice(&hex("02 81 00 03 00000708 00010203"));
        expected[length..].fill(0);
        assert_eq!(
            refuse(request, ResultCode::MalformedRequest),
            expected,
            "{length} octets"
        );
    }
    for (length, expected) in [(61, 64), (64, 64), (77, 80)] {
        let mut request = map_with("");
        request.resize(length, 7);
        let answer = refuse(&request, ResultCode::MalformedRequest);
        assert_eq!(answer.len(), expected);
        assert_eq!(answer[60..length], request[60..]);
        assert!(answer[length..].iter().all(|octet| *octet == 0));
    }
    // A PEER may be cut off.
    for (length, expected) in [(24, 24), (25, 28), (76, 76), (79, 80)] {
        let answer = refuse(&peer_with("")[..length], ResultCode::MalformedRequest);
        assert_eq!(answer.len(), expected);
    }
}

#[test]
fn an_error_is_a_message_at_most() {
    for length in [1100, 1101, 1104, 9000, 65507] {
        let mut request = map_with("");
        request.resize(length, 9);
        let answer = refuse(&request, ResultCode::MalformedRequest);
        assert_eq!(answer.len(), 1100);
        assert_eq!(answer[24..], request[24..1100]);
    }
}

#[test]
fn to_other_versions_ours_is_named() {
    // As short as a request may be.
    assert_eq!(
        refuse(&[1, 0], ResultCode::UnsuppVersion),
        hex("02 80 00 01 00000708 00010203 000000000000000000000000")
    );
    // Of the drafts, whose MAP had no nonce.
    let draft = hex("01 01 0000 00000e10 00000000000000000000ffffc0a84d0a
                     06 000000 1f90 9c40 00000000000000000000ffff00000000");
    let expected = hex("02 81 00 01 00000708 00010203 000000000000ffffc0a84d0a
                        06 000000 1f90 9c40 00000000000000000000ffff00000000 000000000000000000000000");
    assert_eq!(refuse(&draft, ResultCode::UnsuppVersion), expected);
    // To NAT-PMP, if it is switched off: result 1 there too.
    assert_eq!(
        refuse(&hex("0000"), ResultCode::UnsuppVersion),
        hex("02 80 00 01 00000708 00010203 000000000000000000000000")
    );
}

#[test]
fn to_unknown_opcodes() {
    let mut request = hex(&format!("{HEADER} 616263 64"));
    request[1] = 99;
    assert_eq!(
        refuse(&request, ResultCode::UnsuppOpcode),
        hex("02 e3 00 04 00000708 00010203 000000000000000000000000 61626364")
    );
}

#[test]
fn announcements() {
    assert_eq!(
        pcp::announcement(EPOCH).to_vec(),
        hex("02 80 00 00 00000000 00010203 000000000000000000000000")
    );
    assert_eq!(
        pcp::announcement(u32::MAX).to_vec(),
        hex("02 80 00 00 00000000 ffffffff 000000000000000000000000")
    );
}
