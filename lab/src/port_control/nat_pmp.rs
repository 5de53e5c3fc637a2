//! NAT-PMP, version 0 (RFC 6886).

use super::{u16_at, u32_at};
use crate::bytes::Protocol;

/// Asks for the external address.
pub const EXTERNAL_ADDRESS: [u8; 2] = [0, 0];

/// The answer to a request for a mapping, or for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapped {
    /// Result Code.
    pub result: u16,
    /// Internal Port.
    pub internal_port: u16,
    /// Mapped External Port.
    pub external_port: u16,
    /// Lifetime in seconds.
    pub lifetime: u32,
}

/// Number of the opcode that maps.
pub fn opcode(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Udp => 1,
        Protocol::Tcp => 2,
    }
}

/// Asks for a mapping; a lifetime of 0 ends it.
pub fn map(protocol: Protocol, internal_port: u16, suggested: u16, lifetime: u32) -> Vec<u8> {
    let mut bytes = vec![0, opcode(protocol), 0, 0];
    bytes.extend(internal_port.to_be_bytes());
    bytes.extend(suggested.to_be_bytes());
    bytes.extend(lifetime.to_be_bytes());
    bytes
}

/// Reads the answer to [`map`].
///
/// # Panics
/// If it is no such answer.
#[track_caller]
pub fn mapped(protocol: Protocol, answer: &[u8]) -> Mapped {
    let told = format!("{answer:02x?}");
    assert_eq!(answer.len(), 16, "{told}");
    assert_eq!(answer[..2], [0, 128 + opcode(protocol)], "{told}");
    Mapped {
        result: u16_at(answer, 2),
        internal_port: u16_at(answer, 8),
        external_port: u16_at(answer, 10),
        lifetime: u32_at(answer, 12),
    }
}

/// Seconds Since Start of Epoch of any answer.
pub fn epoch(answer: &[u8]) -> u32 {
    u32_at(answer, 4)
}

/// An answer without its Seconds Since Start of Epoch, to compare the rest of it.
pub fn without_epoch(mut answer: Vec<u8>) -> Vec<u8> {
    answer[4..8].fill(0);
    answer
}
