use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::nat_pmp::{self, without_epoch};

use super::client;

/// A client tells by the first four octets, which are those of PCP's answer too.
#[test]
fn an_unknown_version_is_told_as_such() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for version in [1, 3, 255] {
        let mut request = nat_pmp::map(Protocol::Tcp, 7000, 7000, 600);
        request[0] = version;
        let answer = client.ask(&request);
        assert!([0, 2].contains(&answer[0]), "{answer:02x?}");
        assert_eq!(answer[2..4], [0, 1], "{answer:02x?}");
    }
}

#[test]
fn an_unknown_opcode_comes_back_whole_with_result_5() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for opcode in [3, 64, 127] {
        let mut request = nat_pmp::map(Protocol::Tcp, 7000, 7000, 600);
        request[1] = opcode;
        let mut expected = request.clone();
        expected[1] = 128 + opcode;
        expected[3] = 5;
        let mut answer = client.ask(&request);
        // Whether time is told in what was never a known format is left open.
        answer[4..8].copy_from_slice(&expected[4..8]);
        assert_eq!(answer, expected, "opcode {opcode}");
    }
}

#[test]
fn answers_are_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let announcement = [0, 128, 0, 0, 0, 0, 0, 1, 11, 11, 11, 2];
    let mapped = [0, 129, 0, 0, 0, 0, 0, 1, 0x1b, 0x58, 0x1b, 0x58, 0, 0, 0x0e, 0x10];
    let unsupported = [0, 255, 0, 1, 0, 0, 0, 1];
    for answer in [&announcement[..], &mapped, &unsupported] {
        client.is_silent_about(answer);
    }
}

#[test]
fn what_is_too_short_is_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let whole = nat_pmp::map(Protocol::Udp, 7000, 7000, 600);
    for length in [0, 1, 11] {
        client.is_silent_about(&whole[..length]);
    }
}

#[test]
fn no_answer_is_longer_than_what_the_format_says() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let mut padded = nat_pmp::map(Protocol::Udp, bed.port(), 0, 600);
    padded.resize(1000, 0xaa);
    let answer = client.ask(&padded);
    assert_eq!(without_epoch(answer)[..4], [0, 129, 0, 0]);
    let answer = client.ask(&[0, 0, 0xaa, 0xaa]);
    assert_eq!(answer.len(), 12, "{answer:02x?}");
}
