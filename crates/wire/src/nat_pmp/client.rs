//! The client's side: requests as they are written, what answers them as it is read, and the epoch.

use std::fmt;
use std::net::Ipv4Addr;

use super::message::{Request, ResultCode, Transport};
use super::{EXTERNAL_ADDRESS, MAP_TCP, MAP_UDP, RESPONSE, VERSION};
use crate::pcp::client::{Continuity, Observed};

/// What a server says, in answer or unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// How it ended.
    pub result: Result<(), Failure>,
    /// Seconds Since Start of Epoch; none where the version or the opcode is not known there.
    pub epoch: Option<u32>,
    /// What was asked for.
    pub body: Body,
}

/// What a response is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// The external address; unspecified in an error.
    ExternalAddress(Ipv4Addr),
    /// A mapping.
    Map {
        /// What it carries.
        transport: Transport,
        /// Internal Port, in an error too.
        internal_port: u16,
        /// Mapped External Port.
        external_port: u16,
        /// Lifetime in seconds.
        lifetime: u32,
    },
    /// An error with nothing but the opcode.
    Opcode(u8),
    /// Of a server of another version (PCP's is 2), or of a NAT-PMP server to another version: it says nothing of the
    /// request.
    Version(u8),
}

/// Why a server granted nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// As the standard numbers it.
    Standard(ResultCode),
    /// Any other number, which is for good (section 3.5).
    Other(u16),
}

/// What cannot be read as a response; clients go on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// No response to this opcode has this many octets.
    #[error("no such response has {0} octets")]
    Length(usize),
    /// It is a request.
    #[error("a request")]
    Request,
    /// Another version, and not because ours is not spoken there.
    #[error("a response in version {0}")]
    Version(u8),
    /// A success of an opcode that nobody asks for.
    #[error("a response to opcode {0}")]
    Opcode(u8),
}

/// Writes a request.
pub fn request(request: Request) -> Vec<u8> {
    match request {
        Request::ExternalAddress => vec![VERSION, EXTERNAL_ADDRESS],
        Request::Map {
            transport,
            internal_port,
            external_port,
            lifetime,
        } => {
            let mut out = vec![VERSION, transport.opcode(), 0, 0];
            out.extend(internal_port.to_be_bytes());
            out.extend(external_port.to_be_bytes());
            out.extend(lifetime.to_be_bytes());
            out
        }
    }
}

/// Reads a datagram. What follows a response in it is passed over.
pub fn read(bytes: &[u8]) -> Result<Response, Malformed> {
    let length = Malformed::Length(bytes.len());
    let [version, operation, r0, r1, ref rest @ ..] = *bytes else {
        return Err(length);
    };
    let failure = Failure::from_number(u16::from_be_bytes([r0, r1]));
    let result = failure.map_or(Ok(()), Err);
    let unsupported = failure == Some(Failure::Standard(ResultCode::UnsupportedVersion));
    if unsupported && (operation & RESPONSE != 0 || operation == 0) {
        let epoch = if version == VERSION { rest.first_chunk() } else { None };
        return Ok(Response {
            result,
            epoch: epoch.copied().map(u32::from_be_bytes),
            body: Body::Version(version),
        });
    }
    if version != VERSION {
        return Err(Malformed::Version(version));
    }
    if operation & RESPONSE == 0 {
        return Err(Malformed::Request);
    }
    let opcode = operation & !RESPONSE;
    // It is the request that comes back, which says nothing of the epoch.
    if failure == Some(Failure::Standard(ResultCode::UnsupportedOpcode)) {
        return Ok(Response {
            result,
            epoch: None,
            body: Body::Opcode(opcode),
        });
    }
    let epoch = rest.first_chunk().copied().map(u32::from_be_bytes);
    let body = match (opcode, rest) {
        (EXTERNAL_ADDRESS, [_, _, _, _, a, b, c, d, ..]) => Body::ExternalAddress(Ipv4Addr::new(*a, *b, *c, *d)),
        (MAP_UDP | MAP_TCP, [_, _, _, _, i0, i1, e0, e1, l0, l1, l2, l3, ..]) => Body::Map {
            transport: if opcode == MAP_UDP {
                Transport::Udp
            } else {
                Transport::Tcp
            },
            internal_port: u16::from_be_bytes([*i0, *i1]),
            external_port: u16::from_be_bytes([*e0, *e1]),
            lifetime: u32::from_be_bytes([*l0, *l1, *l2, *l3]),
        },
        _ if failure.is_some() => Body::Opcode(opcode),
        (EXTERNAL_ADDRESS | MAP_UDP | MAP_TCP, _) => return Err(length),
        _ => return Err(Malformed::Opcode(opcode)),
    };
    Ok(Response { result, epoch, body })
}

impl Response {
    /// Whether it answers this request: the same opcode and internal port. An error that says less answers any request
    /// that it may be about.
    pub fn answers(&self, request: &Request) -> bool {
        match (self.body, *request) {
            (Body::ExternalAddress(_), Request::ExternalAddress) | (Body::Version(_), _) => true,
            (
                Body::Map {
                    transport,
                    internal_port,
                    ..
                },
                Request::Map {
                    transport: asked,
                    internal_port: asked_port,
                    ..
                },
            ) => (transport, internal_port) == (asked, asked_port),
            (Body::Opcode(opcode), Request::ExternalAddress) => opcode == EXTERNAL_ADDRESS,
            (Body::Opcode(opcode), Request::Map { transport, .. }) => opcode == transport.opcode(),
            _ => false,
        }
    }
}

impl Failure {
    /// None for 0, which is success.
    fn from_number(number: u16) -> Option<Self> {
        (number != 0).then(|| ResultCode::from_number(number).map_or(Self::Other(number), Self::Standard))
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::Standard(code) => code.number(),
            Self::Other(number) => number,
        }
    }
}

/// The standard's words, or the number.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(code) => f.write_str(code.name()),
            Self::Other(number) => write!(f, "result code {number}"),
        }
    }
}

/// Judges what was observed now by what was observed last, by the rule of NAT-PMP (section 3.6): the server's clock
/// goes at 7/8 of ours at least, but for 2 seconds. The first observation of a server always continues. Whatever comes
/// out, the next is to be judged by this one.
pub fn continuity(previous: Option<Observed>, now: Observed) -> Continuity {
    let Some(previous) = previous else {
        return Continuity::Continues;
    };
    let elapsed = i128::from(now.at.saturating_sub(previous.at));
    // In eighths of seconds, lest the fraction be lost.
    let expected = 8 * i128::from(previous.epoch) + 7 * elapsed;
    if 8 * (i128::from(now.epoch) + 2) < expected {
        Continuity::Lost
    } else {
        Continuity::Continues
    }
}
