//! What is where in a message (sections 7.1, 7.2, 11.1 and 12.1): fields are read and written in their order.

use std::net::{IpAddr, Ipv6Addr};

use super::message::{Map, Nonce, Peer};

/// Octets of the common header.
pub(super) const HEADER: usize = 24;
/// Octets of a MAP without options. Widespread clients (Bitcoin Core, Tailscale) take no answer to a MAP that is
/// shorter, not even an error.
pub(super) const MAP_MESSAGE: usize = HEADER + 36;

/// The bit of the second octet that tells a response from a request.
pub(super) const RESPONSE: u8 = 0x80;

pub(super) const ANNOUNCE: u8 = 0;
pub(super) const MAP: u8 = 1;
pub(super) const PEER: u8 = 2;

/// What is left of a message to read, from the front.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    /// The next octets; none where the message ends before.
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn address(&mut self) -> Option<IpAddr> {
        self.take().map(from_wire)
    }

    /// The fields of a MAP, which then has no options yet.
    pub(super) fn map(&mut self) -> Option<Map> {
        let nonce = Nonce(self.take()?);
        let [protocol, _, _, _] = self.take()?;
        Some(Map {
            nonce,
            protocol,
            internal_port: self.u16()?,
            external_port: self.u16()?,
            external_address: self.address()?,
            third_party: None,
            prefer_failure: false,
            filters: Vec::new(),
            description: None,
            port_set: None,
        })
    }

    /// The fields of a PEER, which then has no options yet.
    pub(super) fn peer(&mut self) -> Option<Peer> {
        let map = self.map()?;
        let remote_port = self.u16()?;
        let [_, _] = self.take()?;
        Some(Peer {
            nonce: map.nonce,
            protocol: map.protocol,
            internal_port: map.internal_port,
            external_port: map.external_port,
            external_address: map.external_address,
            remote_port,
            remote_address: self.address()?,
            third_party: None,
            description: None,
        })
    }
}

/// Writes the fields of a MAP, without its options.
pub(super) fn write_map(out: &mut Vec<u8>, map: &Map) {
    let ports = (map.internal_port, map.external_port);
    write_mapping(out, map.nonce, map.protocol, ports, map.external_address);
}

/// Writes the fields of a PEER, without its options.
pub(super) fn write_peer(out: &mut Vec<u8>, peer: &Peer) {
    let ports = (peer.internal_port, peer.external_port);
    write_mapping(out, peer.nonce, peer.protocol, ports, peer.external_address);
    out.extend(peer.remote_port.to_be_bytes());
    out.extend([0; 2]);
    out.extend(to_wire(peer.remote_address));
}

/// What both have in common; the ports are the internal and the external one.
fn write_mapping(out: &mut Vec<u8>, nonce: Nonce, protocol: u8, ports: (u16, u16), external_address: IpAddr) {
    out.extend(nonce.0);
    out.extend([protocol, 0, 0, 0]);
    out.extend(ports.0.to_be_bytes());
    out.extend(ports.1.to_be_bytes());
    out.extend(to_wire(external_address));
}

/// An IPv4 address is IPv4-mapped in messages (section 5).
pub(super) fn to_wire(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn from_wire(octets: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(octets).to_canonical()
}
