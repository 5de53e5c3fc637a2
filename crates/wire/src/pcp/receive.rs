//! What a server makes of a datagram (sections 8.2, 11.3, 12.3 and 13).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::layout::{ANNOUNCE, Fields, HEADER, MAP, PEER, RESPONSE};
use super::message::{Map, Operation, Peer, Refused, Request};
use super::option::{
    DESCRIPTION, FILTER, Filter, LONGEST_DESCRIPTION, OPTIONAL, Options, PORT_SET, PREFER_FAILURE, PortSet, Raw,
    THIRD_PARTY,
};
use super::result::ResultCode;
use super::{LONGEST, VERSION};

/// What a datagram is to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing that is answered.
    Ignore,
    /// Version 0, for [`crate::nat_pmp::receive`]. A server that does not speak it answers with
    /// [`ResultCode::UnsuppVersion`].
    NatPmp,
    /// A request that fails by its form.
    Refused(Refused),
    /// A request whose form is right.
    Request(Request),
}

/// Reads a datagram that came from this address. [`answer`](super::answer) writes what answers it, whatever it is but
/// [`Received::Ignore`].
pub fn receive(bytes: &[u8], source: IpAddr) -> Received {
    match bytes {
        [] | [_] => Received::Ignore,
        // Lest two servers answer each other.
        [_, opcode, ..] if opcode & RESPONSE != 0 => Received::Ignore,
        [0, ..] => Received::NatPmp,
        [VERSION, ..] if bytes.len() < HEADER => Received::Ignore,
        [VERSION, ..] => match request(bytes, source.to_canonical()) {
            Ok(request) => Received::Request(request),
            Err(code) => Received::Refused(code.into()),
        },
        _ => Received::Refused(ResultCode::UnsuppVersion.into()),
    }
}

impl From<ResultCode> for Refused {
    /// With the lifetime that is usual for the code.
    fn from(code: ResultCode) -> Self {
        Self { code, lifetime: None }
    }
}

/// The order of the checks is the standard's: a client behind another NAT hears of that first, whatever it asks for.
fn request(bytes: &[u8], source: IpAddr) -> Result<Request, ResultCode> {
    if bytes.len() > LONGEST || !bytes.len().is_multiple_of(4) {
        return Err(ResultCode::MalformedRequest);
    }
    let mut fields = Fields(bytes);
    let read = read(&mut fields).ok_or(ResultCode::MalformedRequest)?;
    if read.client != source {
        return Err(ResultCode::AddressMismatch);
    }
    let mut request = Request {
        lifetime: read.lifetime,
        client: read.client,
        operation: read.operation.ok_or(ResultCode::UnsuppOpcode)?,
    };
    check(&request)?;
    for option in Options(fields) {
        take_option(&mut request, option.map_err(|_| ResultCode::MalformedOption)?)?;
    }
    Ok(request)
}

/// All of a message but the options.
struct Read {
    lifetime: u32,
    client: IpAddr,
    /// None where the opcode is not known.
    operation: Option<Operation>,
}

/// None where the message ends before.
fn read(fields: &mut Fields<'_>) -> Option<Read> {
    let [_, opcode, _, _] = fields.take()?;
    let lifetime = fields.u32()?;
    let client = fields.address()?;
    let mut operation = match opcode {
        ANNOUNCE => Some(Operation::Announce),
        MAP => Some(Operation::Map(fields.map()?)),
        PEER => Some(Operation::Peer(fields.peer()?)),
        _ => None,
    };
    // Clients of IPv4 that have no preference say so in either family.
    if let Some(Operation::Map(Map { external_address, .. }) | Operation::Peer(Peer { external_address, .. })) =
        &mut operation
        && client.is_ipv4()
        && *external_address == Ipv6Addr::UNSPECIFIED
    {
        *external_address = Ipv4Addr::UNSPECIFIED.into();
    }
    Some(Read {
        lifetime,
        client,
        operation,
    })
}

fn check(request: &Request) -> Result<(), ResultCode> {
    let malformed = match &request.operation {
        Operation::Announce => false,
        // All protocols have all ports; but what is deleted may be named by any.
        Operation::Map(map) => map.protocol == 0 && map.internal_port != 0 && request.lifetime != 0,
        Operation::Peer(peer) => peer.protocol == 0 || peer.internal_port == 0 || peer.remote_port == 0,
    };
    if malformed {
        return Err(ResultCode::MalformedRequest);
    }
    Ok(())
}

fn take_option(request: &mut Request, option: Raw<'_>) -> Result<(), ResultCode> {
    match (&mut request.operation, option.code) {
        (Operation::Map(Map { third_party, .. }) | Operation::Peer(Peer { third_party, .. }), THIRD_PARTY) => {
            let address = option.third_party()?;
            if address == request.client {
                return Err(ResultCode::MalformedRequest);
            }
            once(third_party, address)
        }
        (Operation::Map(map), PREFER_FAILURE) => {
            // It is about what was suggested.
            if !option.data.is_empty() || map.prefer_failure || request.lifetime == 0 || map.external_port == 0 {
                return Err(ResultCode::MalformedOption);
            }
            map.prefer_failure = true;
            Ok(())
        }
        (Operation::Peer(_), PREFER_FAILURE) => Err(ResultCode::MalformedRequest),
        (Operation::Map(map), FILTER) if request.lifetime > 0 => {
            let filter = Filter::read(option.data).ok_or(ResultCode::MalformedOption)?;
            map.filters.push(filter);
            Ok(())
        }
        // Known, but not where it belongs.
        (_, THIRD_PARTY | PREFER_FAILURE | FILTER) => Err(ResultCode::MalformedOption),
        (Operation::Map(Map { description, .. }) | Operation::Peer(Peer { description, .. }), DESCRIPTION) => {
            once(description, option.description()?)
        }
        (Operation::Map(map), PORT_SET) => {
            let set = PortSet::read(option.data).ok_or(ResultCode::MalformedOption)?;
            if set.first_internal_port != map.internal_port || map.internal_port == 0 {
                return Err(ResultCode::MalformedOption);
            }
            once(&mut map.port_set, set)
        }
        (_, OPTIONAL..) => Ok(()),
        _ => Err(ResultCode::UnsuppOption),
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ResultCode> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ResultCode::MalformedOption),
    }
}

impl Raw<'_> {
    fn third_party(self) -> Result<IpAddr, ResultCode> {
        let mut fields = Fields(self.data);
        match fields.address() {
            Some(address) if fields.0.is_empty() => Ok(address),
            _ => Err(ResultCode::MalformedOption),
        }
    }

    fn description(self) -> Result<Box<str>, ResultCode> {
        match std::str::from_utf8(self.data) {
            Ok(text) if text.len() <= LONGEST_DESCRIPTION => Ok(text.into()),
            _ => Err(ResultCode::MalformedOption),
        }
    }
}
