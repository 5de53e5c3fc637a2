//! What a client reads (sections 7.2, 8.3, 11.4 and 12.4).

use std::fmt;
use std::net::IpAddr;

use super::super::layout::{ANNOUNCE, Fields, HEADER, MAP, PEER, RESPONSE};
use super::super::message::{Nonce, Operation, Request};
use super::super::option::{Options, PORT_SET, PortSet};
use super::super::result::{Lasting, ResultCode};
use super::super::{LONGEST, VERSION};

/// What a server says, in answer or unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// The version it is in: 2, or what the server speaks instead where the result is [`ResultCode::UnsuppVersion`].
    /// 0 is NAT-PMP ([`crate::nat_pmp`]).
    pub version: u8,
    /// How it ended.
    pub result: Result<(), Failure>,
    /// Lifetime in seconds: of what was granted, or for how long asking the same again is of no use.
    pub lifetime: u32,
    /// Epoch Time in seconds (section 8.5).
    pub epoch: u32,
    /// What was asked for.
    pub body: Body,
}

/// What a response is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// ANNOUNCE: the epoch.
    Announce,
    /// MAP.
    Map(MapBody),
    /// PEER.
    Peer(PeerBody),
    /// An error with nothing but the opcode, or an opcode that is not known here.
    Opcode(u8),
    /// In another version than 2, which says nothing of the request.
    Version,
}

/// What was mapped; in an error, what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapBody {
    /// Mapping Nonce.
    pub nonce: Nonce,
    /// IANA protocol number.
    pub protocol: u8,
    /// Internal Port.
    pub internal_port: u16,
    /// Assigned External Port.
    pub external_port: u16,
    /// Assigned External IP Address.
    pub external_address: IpAddr,
    /// PORT_SET as it was granted; none: one port.
    pub port_set: Option<PortSet>,
}

/// What is mapped towards a peer; in an error, what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerBody {
    /// Mapping Nonce.
    pub nonce: Nonce,
    /// IANA protocol number.
    pub protocol: u8,
    /// Internal Port.
    pub internal_port: u16,
    /// Assigned External Port.
    pub external_port: u16,
    /// Assigned External IP Address.
    pub external_address: IpAddr,
    /// Remote Peer Port.
    pub remote_port: u16,
    /// Remote Peer IP Address.
    pub remote_address: IpAddr,
}

/// Why a server granted nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// As the standard names it.
    Standard(ResultCode),
    /// A code of other documents, or of nobody's.
    Other(u8),
}

/// What cannot be read as a response; clients go on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// No message has this many octets.
    #[error("no response has {0} octets")]
    Length(usize),
    /// It is a request.
    #[error("a request")]
    Request,
    /// Another version, and not because ours is not spoken there.
    #[error("a response in version {0}")]
    Version(u8),
}

/// Reads a datagram. Options that are not known or cannot be read are passed over.
pub fn read(bytes: &[u8]) -> Result<Response, Malformed> {
    let length = Malformed::Length(bytes.len());
    if !bytes.len().is_multiple_of(4) || bytes.len() > LONGEST {
        return Err(length);
    }
    let mut fields = Fields(bytes);
    let [version, operation, _, result] = fields.take().ok_or(length)?;
    if version == 0 {
        return nat_pmp(bytes).ok_or(Malformed::Version(version));
    }
    if operation & RESPONSE == 0 {
        return Err(Malformed::Request);
    }
    let lifetime = fields.u32().ok_or(length)?;
    let epoch = fields.u32().ok_or(length)?;
    fields.take::<{ HEADER - 12 }>().ok_or(length)?;
    let failure = Failure::from_number(result);
    let unsupported = failure == Some(Failure::Standard(ResultCode::UnsuppVersion));
    let body = match version {
        VERSION => body(operation & !RESPONSE, fields),
        _ if unsupported => Body::Version,
        _ => return Err(Malformed::Version(version)),
    };
    if failure.is_none() && matches!(body, Body::Opcode(MAP | PEER)) {
        return Err(length);
    }
    Ok(Response {
        version,
        result: failure.map_or(Ok(()), Err),
        lifetime,
        epoch,
        body,
    })
}

/// What a server of NAT-PMP answers to any other version (RFC 6886 section 3.5): the opcode is 0 by the standard, that
/// of a response in the field.
fn nat_pmp(bytes: &[u8]) -> Option<Response> {
    match *bytes {
        [0, 0 | RESPONSE.., 0, 1, e0, e1, e2, e3] => Some(Response {
            version: 0,
            result: Err(Failure::Standard(ResultCode::UnsuppVersion)),
            lifetime: Lasting::Long.seconds(),
            epoch: u32::from_be_bytes([e0, e1, e2, e3]),
            body: Body::Version,
        }),
        _ => None,
    }
}

fn body(opcode: u8, mut fields: Fields<'_>) -> Body {
    let body = match opcode {
        ANNOUNCE => Some(Body::Announce),
        MAP => fields.map().map(|map| {
            let mut options = Options(fields).flatten();
            let port_set = options.find(|option| option.code == PORT_SET);
            Body::Map(MapBody {
                nonce: map.nonce,
                protocol: map.protocol,
                internal_port: map.internal_port,
                external_port: map.external_port,
                external_address: map.external_address,
                port_set: port_set.and_then(|option| PortSet::read(option.data)),
            })
        }),
        PEER => fields.peer().map(|peer| {
            Body::Peer(PeerBody {
                nonce: peer.nonce,
                protocol: peer.protocol,
                internal_port: peer.internal_port,
                external_port: peer.external_port,
                external_address: peer.external_address,
                remote_port: peer.remote_port,
                remote_address: peer.remote_address,
            })
        }),
        _ => None,
    };
    body.unwrap_or(Body::Opcode(opcode))
}

impl Response {
    /// Whether it answers this request (sections 8.3, 11.4 and 12.4): the same opcode, nonce, protocol, internal port,
    /// and peer. An error that says less answers any request that it may be about.
    pub fn answers(&self, request: &Request) -> bool {
        match (&self.body, &request.operation) {
            (Body::Announce, Operation::Announce) | (Body::Version, _) => true,
            (Body::Map(body), Operation::Map(map)) => {
                (body.nonce, body.protocol, body.internal_port) == (map.nonce, map.protocol, map.internal_port)
            }
            (Body::Peer(body), Operation::Peer(peer)) => {
                (body.nonce, body.protocol, body.internal_port) == (peer.nonce, peer.protocol, peer.internal_port)
                    && (body.remote_address, body.remote_port) == (peer.remote_address, peer.remote_port)
            }
            (Body::Opcode(opcode), operation) => *opcode == super::opcode(operation),
            _ => false,
        }
    }
}

impl Failure {
    /// None for 0, which is success.
    fn from_number(number: u8) -> Option<Self> {
        (number != 0).then(|| ResultCode::from_number(number).map_or(Self::Other(number), Self::Standard))
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Standard(code) => code.number(),
            Self::Other(number) => number,
        }
    }
}

/// The standard's name, or the number.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(code) => f.write_str(code.name()),
            Self::Other(number) => write!(f, "result code {number}"),
        }
    }
}
