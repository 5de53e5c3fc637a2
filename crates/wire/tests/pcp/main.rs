//! PCP by the octet (RFC 6887): what a server reads and answers, what a client writes and reads.

mod accepted;
mod answers;
mod epoch;
mod options;
mod properties;
mod refused;
mod requests;
mod responses;

use std::net::IpAddr;

use portreeve_wire::pcp::{self, Map, Nonce, Operation, Peer, Received, Request, ResultCode};

/// The header of a MAP, and the host that sends it.
const HEADER: &str = "02 01 0000 00000e10 00000000000000000000ffffc0a84d0a";
const CLIENT: &str = "192.168.77.10";
/// TCP, internal port 8080, external port 40000 if possible, at any IPv4 address.
const MAP: &str = "0102030405060708090a0b0c 06 000000 1f90 9c40 00000000000000000000ffff00000000";
/// The same towards port 443 of 11.11.11.9.
const PEER: &str = "0102030405060708090a0b0c 06 000000 1f90 9c40 00000000000000000000ffff00000000
                    01bb 0000 00000000000000000000ffff0b0b0b09";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("hexadecimal"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {text}");
    let octets = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
    octets.map(|octet| u8::try_from(octet).expect("an octet")).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A MAP with these options.
fn map_with(options: &str) -> Vec<u8> {
    hex(&format!("{HEADER} {MAP} {options}"))
}

/// A PEER with these options.
fn peer_with(options: &str) -> Vec<u8> {
    let mut bytes = hex(&format!("{HEADER} {PEER} {options}"));
    bytes[1] = 2;
    bytes
}

fn receive(bytes: &[u8]) -> Received {
    pcp::receive(bytes, ip(CLIENT))
}

fn refused(code: ResultCode) -> Received {
    Received::Refused(code.into())
}

/// What [`MAP`] says.
fn map() -> Map {
    Map {
        nonce: Nonce([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        protocol: 6,
        internal_port: 8080,
        external_port: 40000,
        external_address: ip("0.0.0.0"),
        third_party: None,
        prefer_failure: false,
        filters: Vec::new(),
        description: None,
        port_set: None,
    }
}

/// What [`PEER`] says.
fn peer() -> Peer {
    Peer {
        nonce: map().nonce,
        protocol: 6,
        internal_port: 8080,
        external_port: 40000,
        external_address: ip("0.0.0.0"),
        remote_port: 443,
        remote_address: ip("11.11.11.9"),
        third_party: None,
        description: None,
    }
}

fn request(operation: Operation) -> Request {
    Request {
        lifetime: 3600,
        client: ip(CLIENT),
        operation,
    }
}
