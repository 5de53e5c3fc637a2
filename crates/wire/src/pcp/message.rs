//! Requests and what answers them, as values.

use std::fmt;
use std::net::IpAddr;

use super::option::{Filter, PortSet};
use super::result::ResultCode;

/// A request of a client, whose form is right (section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Requested lifetime in seconds; 0 deletes.
    pub lifetime: u32,
    /// PCP Client's IP Address; an IPv4 address is one, not an IPv4-mapped one.
    pub client: IpAddr,
    /// What is asked for.
    pub operation: Operation,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// ANNOUNCE: whether there is a server, and its Epoch Time (section 14.1).
    Announce,
    /// MAP: an explicit mapping (section 11).
    Map(Map),
    /// PEER: a mapping for what the client itself sends to one peer (section 12).
    Peer(Peer),
}

/// What a MAP asks for. The options that only say how are part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Mapping Nonce.
    pub nonce: Nonce,
    /// IANA protocol number; 0 stands for all.
    pub protocol: u8,
    /// Internal Port; 0 stands for all.
    pub internal_port: u16,
    /// Suggested External Port; 0: none.
    pub external_port: u16,
    /// Suggested External IP Address; unspecified: none, of that family.
    pub external_address: IpAddr,
    /// THIRD_PARTY: the host that the mapping is for, where it is not the client (section 13.1).
    pub third_party: Option<IpAddr>,
    /// PREFER_FAILURE: what was suggested or nothing (section 13.2).
    pub prefer_failure: bool,
    /// FILTER: from where traffic may come, in order (section 13.3); none: from where it might until now.
    pub filters: Vec<Filter>,
    /// DESCRIPTION (RFC 7220).
    pub description: Option<Box<str>>,
    /// PORT_SET (RFC 7753).
    pub port_set: Option<PortSet>,
}

/// What a PEER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Mapping Nonce.
    pub nonce: Nonce,
    /// IANA protocol number, not 0.
    pub protocol: u8,
    /// Internal Port, not 0.
    pub internal_port: u16,
    /// Suggested External Port; 0: none.
    pub external_port: u16,
    /// Suggested External IP Address; unspecified: none, of that family.
    pub external_address: IpAddr,
    /// Remote Peer Port, not 0.
    pub remote_port: u16,
    /// Remote Peer IP Address.
    pub remote_address: IpAddr,
    /// THIRD_PARTY, as in [`Map::third_party`].
    pub third_party: Option<IpAddr>,
    /// DESCRIPTION (RFC 7220).
    pub description: Option<Box<str>>,
}

/// By which a client proves that a mapping is its own (section 11.2): 96 bits that nobody can foresee.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub [u8; 12]);

/// What a server answers to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Epoch Time in seconds (section 8.5).
    pub epoch: u32,
    /// What was granted, or why nothing was.
    pub outcome: Result<Assigned, Refused>,
}

/// What a server grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Lifetime in seconds; 0 where something was deleted, and for ANNOUNCE.
    pub lifetime: u32,
    /// Assigned External IP Address and Port; what the request suggested, where nothing is assigned (a deletion).
    pub external: Option<(IpAddr, u16)>,
    /// The set that was granted; none where none was asked for or the whole is one port.
    pub port_set: Option<PortSet>,
}

/// Why a server grants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Result Code.
    pub code: ResultCode,
    /// For how many seconds asking the same again is of no use; none: as long as is usual for the code.
    pub lifetime: Option<u32>,
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

/// 24 hexadecimal digits.
impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}
