//! MAP for an IPv4 host: a port mapping (RFC 6887 section 11).

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::pcp::{self, Assigned, Map, PortSet, Request, ResultCode};
use portreeve_wire::{Quirk, printable};

use super::{NOTHING, Rejected, filters, lifetime};
use crate::claim::{self, Claim, Denied, Parity, Wish, lease};
use crate::context::Context;
use crate::mapping::table::Socket;
use crate::mapping::{Expiry, Key, Mapping, Origin, PcpOpcode, PcpOrigin, Protocol, RemoteHost};

/// Most ports that one PORT_SET is granted.
pub(super) const LARGEST_SET: u16 = 64;
/// Most characters that are kept of a DESCRIPTION.
pub(super) const LONGEST_DESCRIPTION: usize = 256;

/// Carries out a MAP for `host`.
pub(super) fn carry_out(
    context: &mut Context<'_>,
    request: &Request,
    map: &Map,
    host: Ipv4Addr,
) -> Result<Assigned, Rejected> {
    let origin = PcpOrigin {
        caller: request.client,
        nonce: map.nonce,
        opcode: PcpOpcode::Map,
    };
    let protocol = [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .find(|protocol| protocol.number() == map.protocol);
    let port = NonZeroU16::new(map.internal_port);
    match (protocol, port, request.lifetime) {
        (None, ..) if map.protocol != 0 => Err(unsupported("only TCP and UDP are mapped")),
        (protocol, port, 0) => delete(context, map, host, protocol, port, origin),
        (Some(Protocol::Udp), Some(port), _) if is_of_pcp(port) => {
            let reason = "the ports of PCP itself are not mapped";
            Err(Rejected::because(ResultCode::NotAuthorized, reason))
        }
        (Some(protocol), Some(port), requested) => {
            let socket = Socket {
                client: host,
                port,
                protocol,
            };
            let lifetime = lifetime(context, requested);
            Mapper {
                map,
                socket,
                origin,
                lifetime,
            }
            .make(context)
        }
        (Some(_), None, _) | (None, ..) => Err(unsupported("all ports of a host at once are not mapped")),
    }
}

/// A mapping that is to be made or renewed.
struct Mapper<'a> {
    map: &'a Map,
    /// Where it leads; with PORT_SET, the first of the sockets.
    socket: Socket,
    origin: PcpOrigin,
    /// In seconds.
    lifetime: u32,
}

impl Mapper<'_> {
    fn make(&self, context: &mut Context<'_>) -> Result<Assigned, Rejected> {
        let address = context.link.external_address().ok_or_else(|| claim::no_link(context))?;
        let own = own_rows(context, self.socket, self.origin);
        self.check_nonces(context, &own)?;
        let wish = self.wish(&own, address)?;
        let before = own.iter().map(|(row, _)| row.key.remote_host);
        let remote_hosts = filters::remote_hosts(before, &self.map.filters)?;
        let asked = self.map.port_set.map_or(1, |set| set.size);
        let mut span = NonZeroU16::new(asked.min(LARGEST_SET)).unwrap_or(NonZeroU16::MIN);
        let port = loop {
            let smaller = NonZeroU16::new(span.get() / 2).filter(|_| !self.map.prefer_failure);
            match (self.take(context, wish, span, &own, &remote_hosts), smaller) {
                (Ok(port), _) => break port,
                (Err(_), Some(smaller)) => span = smaller,
                (Err(Denied::AnotherProtocols), None) if !remote_hosts.contains(&RemoteHost::Any) => {
                    let reason = "the host wants the port open to everybody by another protocol";
                    return Err(Rejected::because(ResultCode::ExcessiveRemotePeers, reason));
                }
                (Err(denied), None) => return Err(denied.into()),
            }
        };
        let port_set = self.map.port_set.filter(|_| span > NonZeroU16::MIN).map(|set| PortSet {
            size: span.get(),
            first_internal_port: self.socket.port.get(),
            ..set
        });
        Ok(Assigned {
            lifetime: self.lifetime,
            external: Some((address.into(), port.get())),
            port_set,
        })
    }

    /// Only who knows the nonce may renew (section 11.3), or with the quirk also who asks from the same address.
    fn check_nonces(&self, context: &Context<'_>, own: &[OwnRow]) -> Result<(), Rejected> {
        let is_tolerant = context.config.quirks.has(Quirk::PcpFreshNonce);
        let is_ours =
            |origin: PcpOrigin| origin.nonce == self.origin.nonce || is_tolerant && origin.caller == self.origin.caller;
        match own.iter().find(|(_, (origin, _))| !is_ours(*origin)) {
            Some((_, (_, expiry))) => Err(wrong_nonce(context, *expiry)),
            None => Ok(()),
        }
    }

    /// Which external port is wanted; with PREFER_FAILURE, which address too (section 13.2).
    fn wish(&self, own: &[OwnRow], address: Ipv4Addr) -> Result<Wish, Rejected> {
        let suggested = NonZeroU16::new(self.map.external_port);
        let Some(port) = suggested.filter(|_| self.map.prefer_failure) else {
            return Ok(Wish::Suggested(suggested));
        };
        let has_other = own.iter().any(|(row, _)| row.key.external_port != port);
        let wants_other =
            !self.map.external_address.is_unspecified() && self.map.external_address != IpAddr::V4(address);
        match has_other || wants_other {
            true => {
                let reason = "the mapping has another external port or address";
                Err(Rejected::because(ResultCode::CannotProvideExternal, reason))
            }
            false => Ok(Wish::Exactly(port)),
        }
    }

    fn take(
        &self,
        context: &mut Context<'_>,
        wish: Wish,
        span: NonZeroU16,
        own: &[OwnRow],
        remote_hosts: &[RemoteHost],
    ) -> Result<NonZeroU16, Denied> {
        let mut rows = own.to_vec();
        for port in (1..span.get()).filter_map(|step| self.socket.port.checked_add(step)) {
            let more = own_rows(context, Socket { port, ..self.socket }, self.origin);
            self.check_nonces(context, &more).map_err(|_| Denied::NoPortFree)?;
            rows.extend(more);
        }
        let gives_up: Vec<Key> = rows
            .iter()
            .map(|(row, _)| row.key)
            .filter(|key| !remote_hosts.contains(&key.remote_host))
            .collect();
        let given = self.map.description.as_deref();
        let given = given.map(|text| printable(text, LONGEST_DESCRIPTION));
        let description = match (&given, own.first()) {
            (Some(given), _) => given,
            (None, Some((row, _))) => &*row.description,
            (None, None) => "PCP",
        };
        let parity = match self.map.port_set {
            Some(PortSet { parity: true, .. }) => Parity::Kept,
            _ => Parity::Any,
        };
        let claim = Claim {
            socket: self.socket,
            span,
            parity,
            remote_hosts,
            enabled: true,
            description,
            expiry: Expiry::At(context.now + Duration::from_secs(self.lifetime.into())),
            origin: Origin::Pcp(self.origin),
            gives_up: &gives_up,
        };
        claim.take(context, wish)
    }
}

/// Ends the mappings of a socket, of all ports of a transport, or of a host (section 15.1). What was never there is gone as
/// well.
fn delete(
    context: &mut Context<'_>,
    map: &Map,
    host: Ipv4Addr,
    protocol: Option<Protocol>,
    port: Option<NonZeroU16>,
    origin: PcpOrigin,
) -> Result<Assigned, Rejected> {
    claim::require_nat(context)?;
    if let Some(refusal) = context.refusals.first() {
        return Err(Denied::Backend(refusal.why.clone()).into());
    }
    let size = map.port_set.map_or(1, |set| set.size).max(1);
    let is_meant = |row: &Mapping| {
        protocol.is_none_or(|protocol| row.key.protocol == protocol)
            && port.is_none_or(|first| (first..=first.saturating_add(size - 1)).contains(&row.internal_port))
    };
    let (mut ours, mut strangers, mut others) = (Vec::new(), None, None);
    for row in context.ledger.table().of_client(host).filter(|row| is_meant(row)) {
        match made_by(context, row, origin) {
            Some((theirs, _)) if theirs.nonce == origin.nonce => ours.push(row.key),
            Some((_, expiry)) => strangers = Some(expiry),
            None if is_of_peer(row) => {}
            None => others = Some(row.expiry),
        }
    }
    // To delete everything is to delete what this nonce has made; to delete one is to want it gone.
    let in_the_way = match (port, ours.is_empty()) {
        (Some(_), true) => strangers.or(others),
        (Some(_), false) | (None, true) => strangers,
        (None, false) => None,
    };
    if let Some(expiry) = in_the_way {
        return Err(wrong_nonce(context, expiry));
    }
    let mut has_changed = false;
    for key in ours {
        has_changed |= lease::withdraw(context, key, Origin::Pcp(origin));
    }
    if has_changed {
        context.note_change();
    }
    Ok(NOTHING)
}

/// A row that MAP has made or shares: by whom, and until when.
type OwnRow = (Arc<Mapping>, (PcpOrigin, Expiry));

fn own_rows(context: &Context<'_>, socket: Socket, origin: PcpOrigin) -> Vec<OwnRow> {
    let rows = context.ledger.table().of_socket(socket);
    rows.filter_map(|row| Some((Arc::clone(row), made_by(context, row, origin)?)))
        .collect()
}

fn made_by(context: &Context<'_>, row: &Mapping, origin: PcpOrigin) -> Option<(PcpOrigin, Expiry)> {
    let lease = lease::of_protocol(context, row, Origin::Pcp(origin))?;
    match lease.origin {
        Origin::Pcp(theirs) => Some((theirs, lease.expiry)),
        _ => None,
    }
}

fn is_of_peer(row: &Mapping) -> bool {
    matches!(
        row.origin,
        Origin::Pcp(PcpOrigin {
            opcode: PcpOpcode::Peer,
            ..
        })
    )
}

/// The ports of PCP itself, on which nothing is to come from outside.
pub(super) fn is_of_pcp(port: NonZeroU16) -> bool {
    [pcp::SERVER_PORT, pcp::CLIENT_PORT].contains(&port.get())
}

/// NOT_AUTHORIZED for as long as the mapping of somebody else lasts.
pub(super) fn wrong_nonce(context: &Context<'_>, expiry: Expiry) -> Rejected {
    let mut rejected = Rejected::because(ResultCode::NotAuthorized, "the mapping was made with another nonce");
    rejected.answer.lifetime = expiry.remaining_seconds(context.now);
    rejected
}

pub(super) fn unsupported(reason: &'static str) -> Rejected {
    Rejected::because(ResultCode::UnsuppProtocol, reason)
}
