//! PCP, version 2 (RFC 6887).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{u16_at, u32_at};
use crate::bytes::Protocol;

/// Octets of the header.
pub const HEADER: usize = 24;
/// Octets of MAP with its header.
pub const MAP: usize = HEADER + 36;
/// Octets of PEER with its header.
pub const PEER: usize = HEADER + 56;

/// Options by their codes.
pub mod option {
    /// For another host.
    pub const THIRD_PARTY: u8 = 1;
    /// What was suggested or nothing.
    pub const PREFER_FAILURE: u8 = 2;
    /// From these only.
    pub const FILTER: u8 = 3;
    /// Words for people.
    pub const DESCRIPTION: u8 = 128;
    /// Ports side by side.
    pub const PORT_SET: u8 = 130;
}

/// Result codes.
#[expect(missing_docs, reason = "the names are the standard's")]
pub mod result {
    pub const SUCCESS: u8 = 0;
    pub const UNSUPP_VERSION: u8 = 1;
    pub const NOT_AUTHORIZED: u8 = 2;
    pub const MALFORMED_REQUEST: u8 = 3;
    pub const UNSUPP_OPCODE: u8 = 4;
    pub const UNSUPP_OPTION: u8 = 5;
    pub const MALFORMED_OPTION: u8 = 6;
    pub const NETWORK_FAILURE: u8 = 7;
    pub const NO_RESOURCES: u8 = 8;
    pub const UNSUPP_PROTOCOL: u8 = 9;
    pub const USER_EX_QUOTA: u8 = 10;
    pub const CANNOT_PROVIDE_EXTERNAL: u8 = 11;
    pub const ADDRESS_MISMATCH: u8 = 12;
    pub const EXCESSIVE_REMOTE_PEERS: u8 = 13;
}

/// A request, field by field, so that wrong ones can be sent too.
#[derive(Debug, Clone)]
pub struct Request {
    /// Version.
    pub version: u8,
    /// R and opcode.
    pub opcode: u8,
    /// Requested lifetime in seconds.
    pub lifetime: u32,
    /// PCP Client's IP Address.
    pub client: IpAddr,
    /// What follows the header: the opcode's own fields, and the options.
    pub payload: Vec<u8>,
}

/// The fields of MAP, which begin PEER too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// Mapping Nonce.
    pub nonce: [u8; 12],
    /// IANA's number of the protocol.
    pub protocol: u8,
    /// Internal Port.
    pub internal_port: u16,
    /// Suggested or assigned External Port.
    pub external_port: u16,
    /// Suggested or assigned External IP Address.
    pub external_address: IpAddr,
}

/// An answer of version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(Vec<u8>);

impl Map {
    /// For this port with a nonce that no other mapping has, without a wish.
    pub fn new(protocol: Protocol, internal_port: u16) -> Self {
        Self {
            nonce: nonce(),
            protocol: number(protocol),
            internal_port,
            external_port: 0,
            external_address: Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    /// The same with a wish for this external port.
    pub fn suggesting(self, external_port: u16) -> Self {
        Self { external_port, ..self }
    }

    /// The same with another nonce.
    pub fn with_another_nonce(self) -> Self {
        Self { nonce: nonce(), ..self }
    }

    /// The same for a host with IPv6.
    pub fn ipv6(self) -> Self {
        Self {
            external_address: Ipv6Addr::UNSPECIFIED.into(),
            ..self
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.nonce.to_vec();
        bytes.extend([self.protocol, 0, 0, 0]);
        bytes.extend(self.internal_port.to_be_bytes());
        bytes.extend(self.external_port.to_be_bytes());
        bytes.extend(octets(self.external_address));
        bytes
    }

    fn read(bytes: &[u8]) -> Self {
        Self {
            nonce: bytes[..12].try_into().expect("twelve octets"),
            protocol: bytes[12],
            internal_port: u16_at(bytes, 16),
            external_port: u16_at(bytes, 18),
            external_address: address_at(bytes, 20),
        }
    }
}

impl Request {
    /// ANNOUNCE.
    pub fn announce(client: IpAddr) -> Self {
        Self {
            version: 2,
            opcode: 0,
            lifetime: 0,
            client,
            payload: Vec::new(),
        }
    }

    /// MAP; a lifetime of 0 ends the mapping.
    pub fn map(client: IpAddr, map: &Map, lifetime: u32) -> Self {
        Self {
            version: 2,
            opcode: 1,
            lifetime,
            client,
            payload: map.bytes(),
        }
    }

    /// PEER: MAP's fields, and the peer.
    pub fn peer(client: IpAddr, map: &Map, remote: (IpAddr, u16), lifetime: u32) -> Self {
        let mut payload = map.bytes();
        payload.extend(remote.1.to_be_bytes());
        payload.extend([0, 0]);
        payload.extend(octets(remote.0));
        Self {
            version: 2,
            opcode: 2,
            lifetime,
            client,
            payload,
        }
    }

    /// The same with one more option, padded as it must be.
    pub fn option(mut self, code: u8, data: &[u8]) -> Self {
        let length = u16::try_from(data.len()).expect("the tests write short options");
        self.payload.extend([code, 0]);
        self.payload.extend(length.to_be_bytes());
        self.payload.extend(data);
        self.payload.resize(self.payload.len().next_multiple_of(4), 0);
        self
    }

    /// The same with a FILTER: the prefix counts in the 128 bits of the address.
    pub fn filter(self, prefix: u8, port: u16, address: IpAddr) -> Self {
        let mut data = vec![0, prefix];
        data.extend(port.to_be_bytes());
        data.extend(octets(address));
        self.option(option::FILTER, &data)
    }

    /// The same with a PORT_SET that begins at this internal port.
    pub fn port_set(self, size: u16, first: u16) -> Self {
        let mut data = size.to_be_bytes().to_vec();
        data.extend(first.to_be_bytes());
        data.push(0);
        self.option(option::PORT_SET, &data)
    }

    /// As it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version, self.opcode, 0, 0];
        bytes.extend(self.lifetime.to_be_bytes());
        bytes.extend(octets(self.client));
        bytes.extend(&self.payload);
        bytes
    }
}

impl Answer {
    /// What every answer of version 2 has: a header with R, and a length that is a multiple of 4.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn read(bytes: &[u8]) -> Self {
        let told = format!("{bytes:02x?}");
        assert!(
            (HEADER..=1100).contains(&bytes.len()) && bytes.len().is_multiple_of(4),
            "{told}"
        );
        assert_eq!((bytes[0], bytes[1] & 0x80, bytes[2]), (2, 0x80, 0), "{told}");
        Self(bytes.to_vec())
    }

    /// Every octet.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Opcode without R.
    pub fn opcode(&self) -> u8 {
        self.0[1] & 0x7f
    }

    /// Result Code.
    pub fn result(&self) -> u8 {
        self.0[3]
    }

    /// Lifetime in seconds.
    pub fn lifetime(&self) -> u32 {
        u32_at(&self.0, 4)
    }

    /// Epoch Time in seconds.
    pub fn epoch(&self) -> u32 {
        u32_at(&self.0, 8)
    }

    /// The fields of MAP, and the first ones of PEER.
    ///
    /// # Panics
    /// If the answer is too short for them.
    #[track_caller]
    pub fn map(&self) -> Map {
        assert!(self.0.len() >= MAP, "{:02x?}", self.0);
        Map::read(&self.0[HEADER..])
    }

    /// The same of an answer that grants.
    ///
    /// # Panics
    /// If it does not grant.
    #[track_caller]
    pub fn granted(&self) -> Map {
        assert_eq!(self.result(), result::SUCCESS, "{:02x?}", self.0);
        self.map()
    }

    /// Remote Peer Port and IP Address of PEER.
    ///
    /// # Panics
    /// If the answer is too short for them.
    #[track_caller]
    pub fn remote(&self) -> (IpAddr, u16) {
        assert!(self.0.len() >= PEER, "{:02x?}", self.0);
        (address_at(&self.0, MAP + 4), u16_at(&self.0, MAP))
    }

    /// Codes and data of the options after so many octets.
    ///
    /// # Panics
    /// If they do not fill the rest of the answer.
    #[track_caller]
    pub fn options(&self, after: usize) -> Vec<(u8, Vec<u8>)> {
        let mut rest = &self.0[after..];
        let mut options = Vec::new();
        while !rest.is_empty() {
            let length = usize::from(u16_at(rest, 2));
            options.push((rest[0], rest[4..4 + length].to_vec()));
            rest = &rest[4 + length.next_multiple_of(4)..];
        }
        options
    }
}

/// IANA's number of a protocol.
pub fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    }
}

/// An address in sixteen octets.
pub fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn address_at(bytes: &[u8], at: usize) -> IpAddr {
    let octets: [u8; 16] = bytes[at..at + 16].try_into().expect("sixteen octets");
    Ipv6Addr::from(octets).to_canonical()
}

/// Another one each time.
fn nonce() -> [u8; 12] {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let mut nonce = [0x5a; 12];
    nonce[4..].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    nonce
}
