//! What a server reads and answers.

use std::net::Ipv4Addr;

use portreeve_wire::nat_pmp::{self, Answer, Mapped, Received, Request, ResultCode, Transport, Unsupported};

use crate::hex;

const EPOCH: u32 = 0x0001_0203;
const TCP: &str = "00 02 0000 1f90 9c40 00001c20";

fn map(transport: Transport, internal_port: u16, external_port: u16, lifetime: u32) -> Received {
    Received::Request(Request::Map {
        transport,
        internal_port,
        external_port,
        lifetime,
    })
}

fn answer(request: &str, outcome: Result<Mapped, ResultCode>) -> Vec<u8> {
    let answer = Answer { epoch: EPOCH, outcome };
    nat_pmp::answer(&hex(request), &answer)
}

#[test]
fn every_request() {
    for (bytes, expected) in [
        ("00 00", Received::Request(Request::ExternalAddress)),
        ("00 01 0000 1f90 9c40 00001c20", map(Transport::Udp, 8080, 40000, 7200)),
        (TCP, map(Transport::Tcp, 8080, 40000, 7200)),
        // One is deleted; all are.
        ("00 01 0000 1f90 0000 00000000", map(Transport::Udp, 8080, 0, 0)),
        ("00 02 0000 0000 0000 00000000", map(Transport::Tcp, 0, 0, 0)),
        (
            "00 02 ffff ffff ffff ffffffff",
            map(Transport::Tcp, 65535, 65535, u32::MAX),
        ),
        // What follows is passed over.
        ("00 00 0000 00000000", Received::Request(Request::ExternalAddress)),
        (
            "00 02 0000 1f90 9c40 00001c20 ffff",
            map(Transport::Tcp, 8080, 40000, 7200),
        ),
    ] {
        assert_eq!(nat_pmp::receive(&hex(bytes)), expected, "{bytes}");
    }
}

#[test]
fn what_is_cut_off_is_ignored() {
    assert_eq!(nat_pmp::receive(&[]), Received::Ignore);
    for version in 0..=255 {
        assert_eq!(nat_pmp::receive(&[version]), Received::Ignore);
    }
    for opcode in [1, 2] {
        let mut bytes = hex(TCP);
        bytes[1] = opcode;
        for length in 2..12 {
            assert_eq!(nat_pmp::receive(&bytes[..length]), Received::Ignore, "{length} octets");
        }
    }
}

#[test]
fn responses_are_ignored_in_every_version() {
    for version in 0..=255 {
        for opcode in 128..=255 {
            let mut bytes = hex(TCP);
            bytes[..2].copy_from_slice(&[version, opcode]);
            assert_eq!(nat_pmp::receive(&bytes), Received::Ignore);
        }
    }
}

#[test]
fn to_other_versions_8_octets() {
    for version in 1..=255 {
        for length in [2, 24, 60] {
            let mut bytes = vec![0x55; length];
            bytes[0] = version;
            assert_eq!(nat_pmp::receive(&bytes), Received::Unsupported(Unsupported::Version));
            assert_eq!(
                nat_pmp::unsupported(&bytes, Unsupported::Version, EPOCH),
                hex("00 00 0001 00010203")
            );
        }
    }
}

#[test]
fn to_other_opcodes_what_was_asked() {
    for opcode in 3..=127 {
        let bytes = [0, opcode];
        assert_eq!(nat_pmp::receive(&bytes), Received::Unsupported(Unsupported::Opcode));
    }
    for (asked, expected) in [
        ("00 03", "00 83 0005"),
        ("00 03 77", "00 83 0005"),
        ("00 7f 7777", "00 ff 0005"),
        ("00 03 0000 1f90 9c40 00001c20", "00 83 0005 1f90 9c40 00001c20"),
        ("00 63 616263 64656667 68", "00 e3 000563 64656667 68"),
    ] {
        let got = nat_pmp::unsupported(&hex(asked), Unsupported::Opcode, EPOCH);
        assert_eq!(got, hex(expected), "{asked}");
        // Though the outcome is of another request.
        assert_eq!(answer(asked, Err(ResultCode::NotAuthorized)), hex(expected));
    }
}

#[test]
fn external_addresses() {
    let address = Ipv4Addr::new(11, 11, 11, 1);
    assert_eq!(
        answer("00 00", Ok(Mapped::ExternalAddress(address))),
        hex("00 80 0000 00010203 0b0b0b01")
    );
    assert_eq!(
        answer("00 00", Err(ResultCode::NetworkFailure)),
        hex("00 80 0003 00010203 00000000")
    );
}

#[test]
fn mappings() {
    let mapped = |external_port, lifetime| {
        Ok(Mapped::Port {
            external_port,
            lifetime,
        })
    };
    assert_eq!(
        answer(TCP, mapped(40001, 3600)),
        hex("00 82 0000 00010203 1f90 9c41 00000e10")
    );
    assert_eq!(
        answer("00 01 0000 1f90 9c40 00001c20", mapped(40001, 3600)),
        hex("00 81 0000 00010203 1f90 9c41 00000e10")
    );
    // Deleted; all deleted.
    assert_eq!(
        answer("00 02 0000 1f90 0000 00000000", mapped(0, 0)),
        hex("00 82 0000 00010203 1f90 0000 00000000")
    );
    assert_eq!(
        answer("00 01 0000 0000 0000 00000000", mapped(0, 0)),
        hex("00 81 0000 00010203 0000 0000 00000000")
    );
}

#[test]
fn failures_name_the_internal_port_and_nothing_else() {
    for (code, number) in [
        (ResultCode::UnsupportedVersion, 1),
        (ResultCode::NotAuthorized, 2),
        (ResultCode::NetworkFailure, 3),
        (ResultCode::OutOfResources, 4),
        (ResultCode::UnsupportedOpcode, 5),
    ] {
        let expected = format!("00 82 000{number} 00010203 1f90 0000 00000000");
        assert_eq!(answer(TCP, Err(code)), hex(&expected));
        assert_eq!(ResultCode::from_number(number), Some(code));
    }
    assert_eq!(ResultCode::from_number(0), None);
    assert_eq!(ResultCode::from_number(6), None);
}

#[test]
fn announcements() {
    assert_eq!(
        nat_pmp::announcement(EPOCH, Ipv4Addr::new(11, 11, 11, 1)).to_vec(),
        hex("00 80 0000 00010203 0b0b0b01")
    );
    // There is no address.
    assert_eq!(
        nat_pmp::announcement(EPOCH, Ipv4Addr::UNSPECIFIED).to_vec(),
        hex("00 80 0003 00010203 00000000")
    );
}
