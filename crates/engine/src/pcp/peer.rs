//! PEER: the mapping of what a host itself sends to one peer (RFC 6887 section 12). It lets that peer's packets in, and has
//! what the host sends leave from the external port that the answer tells.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_wire::pcp::{Assigned, Peer, Request, ResultCode};
use portreeve_wire::{Quirk, printable};

use super::map::{LONGEST_DESCRIPTION, is_of_pcp, unsupported, wrong_nonce};
use super::opening::{self, Admission};
use super::{NOTHING, Rejected, pinholes};
use crate::claim::{self, Claim, Denied, Parity, Wish, lease};
use crate::context::Context;
use crate::flow::Flow;
use crate::mapping::table::Socket;
use crate::mapping::{Expiry, Key, Origin, PcpOpcode, PcpOrigin, Protocol, RemoteHost};
use crate::pinhole::PinholeKey;

/// Carries out a PEER for `host`.
pub(super) fn carry_out(
    context: &mut Context<'_>,
    request: &Request,
    peer: &Peer,
    host: IpAddr,
) -> Result<Assigned, Rejected> {
    let port = NonZeroU16::new(peer.internal_port);
    let remote_port = NonZeroU16::new(peer.remote_port);
    let (Some(port), Some(remote_port)) = (port, remote_port) else {
        return Err(Rejected::because(ResultCode::MalformedRequest, "a port is 0"));
    };
    if peer.protocol == Protocol::Udp.number() && is_of_pcp(port) {
        let reason = "the ports of PCP itself are not mapped";
        return Err(Rejected::because(ResultCode::NotAuthorized, reason));
    }
    let origin = PcpOrigin {
        caller: request.client,
        nonce: peer.nonce,
        opcode: PcpOpcode::Peer,
    };
    match (host, peer.remote_address) {
        (IpAddr::V4(host), IpAddr::V4(remote)) => {
            let protocol =
                Protocol::from_number(peer.protocol).ok_or_else(|| unsupported("only TCP and UDP are mapped"))?;
            let flow = Flow {
                protocol,
                source: SocketAddrV4::new(host, port.get()),
                destination: SocketAddrV4::new(remote, remote_port.get()),
            };
            let socket = Socket {
                client: host,
                port,
                protocol,
            };
            Translated::new(flow, socket, origin)?.carry_out(context, request, peer)
        }
        (IpAddr::V6(host), IpAddr::V6(remote)) if pinholes::is_host(remote) => {
            let key = PinholeKey {
                internal_client: host,
                internal_port: port,
                transport: pinholes::transport(peer.protocol)?,
                remote_host: Some(remote),
                remote_port: Some(remote_port),
            };
            open(context, request, key, origin)
        }
        (_, remote) => {
            let reason = format!("{host} has no packets for {remote}");
            Err(Rejected::because(ResultCode::MalformedRequest, reason))
        }
    }
}

/// A PEER over IPv4.
struct Translated {
    flow: Flow,
    socket: Socket,
    /// The table knows no remote ports, so that the peer is let in from all of its ports.
    remote_host: RemoteHost,
    origin: PcpOrigin,
}

impl Translated {
    fn new(flow: Flow, socket: Socket, origin: PcpOrigin) -> Result<Self, Rejected> {
        let remote: Ipv4Addr = *flow.destination.ip();
        let remote_host = RemoteHost::host(remote).ok_or_else(|| {
            let reason = format!("{remote} is not the address of a host");
            Rejected::because(ResultCode::MalformedRequest, reason)
        })?;
        Ok(Self {
            flow,
            socket,
            remote_host,
            origin,
        })
    }

    fn carry_out(self, context: &mut Context<'_>, request: &Request, peer: &Peer) -> Result<Assigned, Rejected> {
        let own = self.own(context);
        let tolerant = request.lifetime > 0 && context.config.quirks.has(Quirk::PcpFreshNonce);
        let is_ours =
            |maker: &PcpOrigin| maker.nonce == self.origin.nonce || tolerant && maker.caller == self.origin.caller;
        if let Some((.., expiry)) = own.iter().find(|(_, maker, _)| !is_ours(maker)) {
            return Err(wrong_nonce(context, *expiry));
        }
        let keys: Vec<Key> = own.into_iter().map(|(key, ..)| key).collect();
        match request.lifetime {
            0 => self.delete(context, &keys),
            _ => self.keep(context, request, peer, &keys),
        }
    }

    /// The rows on which PEER has a lease already, with whose it is and until when.
    fn own(&self, context: &Context<'_>) -> Vec<(Key, PcpOrigin, Expiry)> {
        let rows = context.ledger.table().of_socket(self.socket);
        let rows = rows.filter(|row| row.key.remote_host == self.remote_host);
        rows.filter_map(|row| {
            let lease = lease::of_protocol(context, row, Origin::Pcp(self.origin))?;
            match lease.origin {
                Origin::Pcp(maker) => Some((row.key, maker, lease.expiry)),
                _ => None,
            }
        })
        .collect()
    }

    fn delete(&self, context: &mut Context<'_>, own: &[Key]) -> Result<Assigned, Rejected> {
        claim::require_nat(context)?;
        if let Some(refusal) = context.refusals.first() {
            return Err(Denied::Backend(refusal.why.clone()).into());
        }
        let mut has_changed = false;
        for key in own {
            has_changed |= lease::withdraw(context, *key, Origin::Pcp(self.origin));
        }
        if has_changed {
            context.note_change();
        }
        Ok(NOTHING)
    }

    /// The external port is that of the flow if it is up; else that of any other mapping of the socket; else as MAP
    /// chooses.
    fn keep(
        &self,
        context: &mut Context<'_>,
        request: &Request,
        peer: &Peer,
        own: &[Key],
    ) -> Result<Assigned, Rejected> {
        let Some(external) = context.link.external_address() else {
            return Err(claim::no_link(context).into());
        };
        let Some(flow) = context.observed.flows.get(&self.flow).copied() else {
            let reason = "this gateway has no say in the port from which packets leave";
            return Err(Rejected::because(ResultCode::UnsuppOpcode, reason));
        };
        let (wish, gives_up) = match flow {
            Some(port) => {
                let elsewhere = own.iter().copied().filter(|key| key.external_port != port);
                (Wish::Exactly(port), elsewhere.collect())
            }
            None => (Wish::Suggested(NonZeroU16::new(peer.external_port)), Vec::new()),
        };
        let lifetime = super::lifetime(context, request.lifetime);
        let given = peer.description.as_deref();
        let description = given.map(|text| printable(text, LONGEST_DESCRIPTION));
        let claim = Claim {
            socket: self.socket,
            span: NonZeroU16::MIN,
            parity: Parity::Any,
            remote_hosts: &[self.remote_host],
            enabled: true,
            description: description.as_deref().unwrap_or("PCP"),
            expiry: Expiry::At(context.now + Duration::from_secs(lifetime.into())),
            origin: Origin::Pcp(self.origin),
            gives_up: &gives_up,
        };
        let port = claim.take(context, wish)?;
        Ok(Assigned {
            lifetime,
            external: Some((external.into(), port.get())),
            port_set: None,
        })
    }
}

/// A PEER over IPv6: a pinhole for that peer's socket alone.
fn open(
    context: &mut Context<'_>,
    request: &Request,
    key: PinholeKey,
    origin: PcpOrigin,
) -> Result<Assigned, Rejected> {
    let host: Ipv6Addr = key.internal_client;
    let admission = opening::admit(context, host)?;
    let before = context.ledger.pinholes().find(&key).cloned();
    opening::check_nonce(context, &before, origin, request.lifetime)?;
    if request.lifetime == 0 {
        match before {
            Some(before) if !opening::is_of(&before, origin) => return Err(opening::anothers(context, &before)),
            Some(_) => opening::close(context, &[key])?,
            None => {}
        }
        return Ok(NOTHING);
    }
    let lifetime = super::lifetime(context, request.lifetime);
    if admission == Admission::Firewalled {
        opening::open(context, host, &[key], origin, lifetime)?;
    }
    Ok(Assigned {
        lifetime,
        external: Some((host.into(), key.internal_port.get())),
        port_set: None,
    })
}
