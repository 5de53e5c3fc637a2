//! What a server makes of a datagram, and what it writes (RFC 6886 sections 3.2 to 3.5).

use std::net::Ipv4Addr;

use super::message::{Answer, Mapped, Request, ResultCode, Transport};
use super::{EXTERNAL_ADDRESS, MAP_TCP, MAP_UDP, RESPONSE, VERSION};

/// What a datagram is to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing that is answered.
    Ignore,
    /// A request that is answered with [`unsupported`].
    Unsupported(Unsupported),
    /// A request whose form is right.
    Request(Request),
}

/// What a server does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// Any version but 0. What [`crate::pcp::receive`] knows goes there first, where PCP is spoken too.
    Version,
    /// Any opcode but those of [`Request`].
    Opcode,
}

/// Reads a datagram. What follows a request in it is passed over.
pub fn receive(bytes: &[u8]) -> Received {
    match *bytes {
        [] | [_] => Received::Ignore,
        // Lest two servers answer each other.
        [_, opcode, ..] if opcode & RESPONSE != 0 => Received::Ignore,
        [VERSION, EXTERNAL_ADDRESS, ..] => Received::Request(Request::ExternalAddress),
        [
            VERSION,
            opcode @ (MAP_UDP | MAP_TCP),
            _,
            _,
            i0,
            i1,
            e0,
            e1,
            l0,
            l1,
            l2,
            l3,
            ..,
        ] => Received::Request(Request::Map {
            transport: if opcode == MAP_UDP {
                Transport::Udp
            } else {
                Transport::Tcp
            },
            internal_port: u16::from_be_bytes([i0, i1]),
            external_port: u16::from_be_bytes([e0, e1]),
            lifetime: u32::from_be_bytes([l0, l1, l2, l3]),
        }),
        [VERSION, MAP_UDP | MAP_TCP, ..] => Received::Ignore,
        [VERSION, ..] => Received::Unsupported(Unsupported::Opcode),
        _ => Received::Unsupported(Unsupported::Version),
    }
}

/// The answer to a request, from its bytes as they were received: 12 octets about the external address, 16 about a
/// mapping. What [`receive`] does not take for a [`Request`] is answered as [`unsupported`] does, or with nothing.
pub fn answer(request: &[u8], answer: &Answer) -> Vec<u8> {
    let result = answer.outcome.err().map_or(0, ResultCode::number);
    match receive(request) {
        Received::Request(Request::ExternalAddress) => {
            let address = match answer.outcome {
                Ok(Mapped::ExternalAddress(address)) => address,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            external_address(result, answer.epoch, address).to_vec()
        }
        Received::Request(Request::Map {
            transport,
            internal_port,
            ..
        }) => {
            let (external_port, lifetime) = match answer.outcome {
                Ok(Mapped::Port {
                    external_port,
                    lifetime,
                }) => (external_port, lifetime),
                _ => (0, 0),
            };
            let mut out = head(transport.opcode(), result, answer.epoch).to_vec();
            out.extend(internal_port.to_be_bytes());
            out.extend(external_port.to_be_bytes());
            out.extend(lifetime.to_be_bytes());
            out
        }
        Received::Unsupported(what) => unsupported(request, what, answer.epoch),
        Received::Ignore => Vec::new(),
    }
}

/// The answer to a request that is not known: 8 octets about the version, the request itself about the opcode (which
/// says nothing about the epoch).
pub fn unsupported(request: &[u8], what: Unsupported, epoch: u32) -> Vec<u8> {
    match what {
        Unsupported::Version => {
            let mut out = head(EXTERNAL_ADDRESS, ResultCode::UnsupportedVersion.number(), epoch);
            // Section 3.5 has no bit of a response there, and clients of PCP know it by just that.
            out[1] = EXTERNAL_ADDRESS;
            out.to_vec()
        }
        Unsupported::Opcode => {
            let mut out = request.to_vec();
            out.resize(out.len().max(4), 0);
            out[1] |= RESPONSE;
            out[2..4].copy_from_slice(&ResultCode::UnsupportedOpcode.number().to_be_bytes());
            out
        }
    }
}

/// What tells everybody of the external address, and that the epoch began anew (section 3.2.1). Where there is none, it
/// is unspecified, and said as a network failure.
pub fn announcement(epoch: u32, address: Ipv4Addr) -> [u8; 12] {
    let result = if address.is_unspecified() {
        ResultCode::NetworkFailure.number()
    } else {
        0
    };
    external_address(result, epoch, address)
}

fn external_address(result: u16, epoch: u32, address: Ipv4Addr) -> [u8; 12] {
    let mut out = [0; 12];
    out[..8].copy_from_slice(&head(EXTERNAL_ADDRESS, result, epoch));
    out[8..].copy_from_slice(&address.octets());
    out
}

fn head(opcode: u8, result: u16, epoch: u32) -> [u8; 8] {
    let mut out = [0; 8];
    out[..2].copy_from_slice(&[VERSION, RESPONSE | opcode]);
    out[2..4].copy_from_slice(&result.to_be_bytes());
    out[4..].copy_from_slice(&epoch.to_be_bytes());
    out
}
