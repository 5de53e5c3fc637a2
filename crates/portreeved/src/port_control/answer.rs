//! From a datagram to what is asked of the engine, and from its reply to the datagram that answers.

use std::net::IpAddr;

use portreeve_engine::{Reply, Request};
use portreeve_wire::{nat_pmp, pcp};

use super::Spoken;

/// What a datagram comes to.
pub(super) enum Reading {
    /// It is dropped.
    Nothing,
    /// This answers it.
    Answer(Vec<u8>),
    /// The engine is asked.
    Ask(Request),
}

/// Reads a datagram of a client at `source`. Of the two protocols, the first octet tells which it is; who speaks the one
/// that is not spoken here is told in its own terms, as far as there are any (RFC 6886 section 3.5, RFC 6887 section 9).
pub(super) fn read(bytes: &[u8], source: IpAddr, spoken: Spoken, epoch: u32) -> Reading {
    if !spoken.pcp {
        return read_nat_pmp(bytes, source, epoch);
    }
    let refusal = |refused| {
        Reading::Answer(pcp::answer(
            bytes,
            &pcp::Answer {
                epoch,
                outcome: Err(refused),
            },
        ))
    };
    match pcp::receive(bytes, source) {
        pcp::Received::Ignore => Reading::Nothing,
        pcp::Received::NatPmp if spoken.nat_pmp => read_nat_pmp(bytes, source, epoch),
        pcp::Received::NatPmp => refusal(pcp::Refused {
            code: pcp::ResultCode::UnsuppVersion,
            lifetime: None,
        }),
        pcp::Received::Refused(refused) => refusal(refused),
        pcp::Received::Request(request) => Reading::Ask(Request::Pcp {
            caller: source,
            request,
        }),
    }
}

/// The answer to the datagram; none if the reply is to something else.
pub(super) fn render(reply: &Reply, bytes: &[u8]) -> Option<Vec<u8>> {
    match reply {
        Reply::Pcp(answer) => Some(pcp::answer(bytes, answer)),
        Reply::NatPmp(answer) => Some(nat_pmp::answer(bytes, answer)),
        _ => None,
    }
}

fn read_nat_pmp(bytes: &[u8], source: IpAddr, epoch: u32) -> Reading {
    // It knows no IPv6.
    let IpAddr::V4(caller) = source else {
        return Reading::Nothing;
    };
    match nat_pmp::receive(bytes) {
        nat_pmp::Received::Ignore => Reading::Nothing,
        nat_pmp::Received::Unsupported(what) => Reading::Answer(nat_pmp::unsupported(bytes, what, epoch)),
        nat_pmp::Received::Request(request) => Reading::Ask(Request::NatPmp { caller, request }),
    }
}
