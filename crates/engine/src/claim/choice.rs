//! Which external port a claim gets: what it may not have, what it has already, and what is free.

use std::num::NonZeroU16;

use super::{Claim, Denied, Parity, Wish, lease};
use crate::change::{Place, Refusal};
use crate::context::Context;
use crate::mapping::table::Socket;
use crate::mapping::{Mapping, Origin, PcpOpcode, PcpOrigin, Protocol, RemoteHost};

/// How many ports are tried that turn out to be taken by other programs.
const MOST_PORTS_TRIED: usize = 32;
/// How many ports are tried after one that the upstream gateway forbids: it may forbid some, or all.
const MOST_FORBIDDEN_TRIED: usize = 2;
/// How many free ports are tried as the first of several.
const MOST_SPANS_TRIED: usize = 512;

impl Claim<'_> {
    /// A port that can be had.
    pub(super) fn choose(&self, context: &Context<'_>, wish: Wish) -> Result<NonZeroU16, Denied> {
        if let Some(refusal) = context.refusals.iter().find(|refusal| !is_about_port(&refusal.why)) {
            return Err(Denied::Backend(refusal.why.clone()));
        }
        if context.refusals.len() > MOST_PORTS_TRIED {
            return Err(Denied::NoPortFree);
        }
        let mut forbidden = context
            .refusals
            .iter()
            .filter(|refusal| refusal.why.is_forbidden_upstream());
        if let Some(refusal) = forbidden.nth(MOST_FORBIDDEN_TRIED) {
            return Err(Denied::Backend(refusal.why.clone()));
        }
        let fits = |port: &NonZeroU16| self.fits(context, *port).is_ok();
        let start = match wish {
            Wish::Exactly(port) => port,
            Wish::Rather(wished) => {
                let own = self.same_rows(context).map(|row| row.key.external_port);
                if let Some(port) = wished.into_iter().chain(own).find(fits) {
                    return Ok(port);
                }
                wished.unwrap_or(self.socket.port)
            }
            Wish::Suggested(wished) => {
                if let Some(own) = self.own_row(context) {
                    // A mapping does not move while its client asks for it.
                    let port = own.key.external_port;
                    return self.fits(context, port).map(|()| port);
                }
                // Whatever a socket sends and receives has one external port, as far as that goes (RFC 4787 REQ-1).
                let others = context.ledger.table().of_socket(self.socket).map(AsRef::as_ref);
                let others = others.filter(|row: &&Mapping| row.enabled);
                let there = self.same_rows(context).chain(others).map(|row| row.key.external_port);
                let free = |port: &NonZeroU16| fits(port) && !self.is_companion_of_another(context, *port);
                if let Some(port) = there.into_iter().find(fits).or_else(|| wished.filter(free)) {
                    return Ok(port);
                }
                self.socket.port
            }
        };
        if !context.config.policy.may_allow(self.at(0, start)) {
            return Err(Denied::NoPortAllowed);
        }
        let occupied = context.ledger.table().occupied();
        let is_free = |port: &NonZeroU16| !occupied.contains(self.socket.protocol, *port);
        let mut offers = context
            .refusals
            .iter()
            .rev()
            .filter_map(|refused| refused.why.offered_upstream());
        if let Some(port) = offers.find(|port| is_free(port) && fits(port)) {
            return Ok(port);
        }
        occupied
            .absent_from(self.socket.protocol, start)
            .take(if self.span == NonZeroU16::MIN {
                usize::MAX
            } else {
                MOST_SPANS_TRIED
            })
            .filter(|port| !self.is_companion_of_another(context, *port))
            .find(fits)
            .ok_or(Denied::NoPortFree)
    }

    /// Rows that lead to the same socket from the same remote hosts, and which this claim can share. Lowest port first.
    fn same_rows<'c>(&self, context: &'c Context<'_>) -> impl Iterator<Item = &'c Mapping> {
        let rows = context.ledger.table().of_socket(self.socket);
        rows.map(AsRef::as_ref).filter(|row| {
            let is_ours = row.origin.is_same_protocol(self.origin);
            let is_alike = is_ours || row.enabled && self.enabled;
            let is_open = row.origin != Origin::Static || !matches!(self.origin, Origin::Upnp(_));
            let is_permitted = row.origin == Origin::Static || context.permits(row);
            self.remote_hosts.contains(&row.key.remote_host) && is_alike && is_open && is_permitted
        })
    }

    /// The row that this protocol has already, made or shared. A mapping of MAP has one external port whatever its filters
    /// are; one of PEER is of one peer.
    fn own_row<'c>(&self, context: &'c Context<'_>) -> Option<&'c Mapping> {
        let filters_may_differ = is_map(self.origin);
        let mut rows = context.ledger.table().of_socket(self.socket).map(AsRef::as_ref);
        rows.find(|row| {
            (filters_may_differ || self.remote_hosts.contains(&row.key.remote_host))
                && lease::of_protocol(context, row, self.origin).is_some()
        })
    }

    /// Whether the whole span can be had from this port on.
    pub(super) fn fits(&self, context: &Context<'_>, first: NonZeroU16) -> Result<(), Denied> {
        if self.parity == Parity::Kept && (first.get() ^ self.socket.port.get()) & 1 != 0 {
            return Err(Denied::NoPortFree);
        }
        for step in 0..self.span.get() {
            let port = first.checked_add(step).ok_or(Denied::NoPortFree)?;
            let socket = self.socket_at(step).ok_or(Denied::NoPortFree)?;
            if !self.is_allowed(context, step, port) {
                return Err(Denied::Policy);
            }
            if step > 0 && self.is_elsewhere(context, socket, port) {
                return Err(Denied::NoPortFree);
            }
            self.fits_one(context, socket, port)?;
        }
        Ok(())
    }

    /// Whether the rules give this port to the caller. What the administrator wrote down needs no rule to be shared.
    pub(super) fn is_allowed(&self, context: &Context<'_>, step: u16, port: NonZeroU16) -> bool {
        let socket = self.socket_at(step);
        let mut rows = context.ledger.table().at_port(port, self.socket.protocol);
        context.config.policy.permits(context.caller, self.at(step, port))
            || !matches!(self.origin, Origin::Upnp(_))
                && rows.any(|row| row.origin == Origin::Static && Some(row.socket()) == socket)
    }

    /// Whether the same protocol has this socket at another port, so that it cannot be part of a span.
    fn is_elsewhere(&self, context: &Context<'_>, socket: Socket, port: NonZeroU16) -> bool {
        let mut rows = context.ledger.table().of_socket(socket);
        rows.any(|row| row.key.external_port != port && lease::of_protocol(context, row, self.origin).is_some())
    }

    fn fits_one(&self, context: &Context<'_>, socket: Socket, port: NonZeroU16) -> Result<(), Denied> {
        let mut ours_already = false;
        for row in context.ledger.table().at_port(port, socket.protocol) {
            self.fits_beside(context, socket, row)?;
            ours_already = true;
        }
        if !ours_already && is_gateways_own(context, port, socket.protocol) {
            return Err(Denied::Gateways);
        }
        let refused = context
            .refusals
            .iter()
            .find(|refused| refused.place == Place::Port(port, socket.protocol));
        refused.map_or(Ok(()), |refused| Err(Denied::Backend(refused.why.clone())))
    }

    /// Refuses a port because of a row that is there (the overwrite table of WANIPConnection:2 section 2.5.16, and what
    /// follows from there being other protocols).
    fn fits_beside(&self, context: &Context<'_>, socket: Socket, row: &Mapping) -> Result<(), Denied> {
        let is_upnp = matches!(self.origin, Origin::Upnp(_));
        let is_same = self.remote_hosts.contains(&row.key.remote_host);
        if row.origin == Origin::Static && (is_upnp || row.socket() != socket) {
            return Err(Denied::Gateways);
        }
        if row.internal_client != socket.client {
            return Err(Denied::AnotherHosts);
        }
        let is_ours_alone =
            row.origin.is_same_protocol(self.origin) && lease::of_others(context, row, self.origin).next().is_none();
        let is_open = row.key.remote_host == RemoteHost::Any;
        let fits = match (is_ours_alone, is_same) {
            // UPnP may lead its own elsewhere, and its ports to several sockets.
            (true, _) if is_upnp => true,
            _ if row.socket() != socket => false,
            (true, _) => true,
            (false, true) => row.enabled && self.enabled,
            // What others want open cannot be filtered, and what others filter is not opened.
            (false, false) => !(self.is_filtered() && is_open || self.opens() && !is_open && is_filtered(context, row)),
        };
        fits.then_some(()).ok_or(Denied::AnotherProtocols)
    }

    /// Whether the claim is one for certain remote hosts, by FILTER.
    fn is_filtered(&self) -> bool {
        is_map(self.origin) && !self.remote_hosts.contains(&RemoteHost::Any)
    }

    /// Whether the claim lets in what a filter of MAP keeps out; PEER lets in only whom the host calls.
    fn opens(&self) -> bool {
        !matches!(self.origin, Origin::Pcp(_))
    }

    /// Whether another host has the same number of the other transport by NAT-PMP, which keeps it for that host (RFC 6886
    /// section 3.3).
    fn is_companion_of_another(&self, context: &Context<'_>, port: NonZeroU16) -> bool {
        let other = match self.socket.protocol {
            Protocol::Tcp => Protocol::Udp,
            Protocol::Udp => Protocol::Tcp,
        };
        let mut rows = context.ledger.table().at_port(port, other);
        rows.any(|row| {
            row.internal_client != self.socket.client
                && lease::of(context, row).any(|lease| matches!(lease.origin, Origin::NatPmp(_)))
        })
    }
}

/// Whether the gateway needs the port for itself, by configuration or because a program of its own listens there.
fn is_gateways_own(context: &Context<'_>, port: NonZeroU16, protocol: Protocol) -> bool {
    context.config.reserved.contains(protocol, port) || context.listening.contains(protocol, port)
}

/// Whether another port may succeed where this was refused.
fn is_about_port(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::PortTaken | Refusal::PortForbidden => true,
        Refusal::Upstream(why) => why.is_final(),
        Refusal::NoRoom | Refusal::Failed(_) => false,
    }
}

/// Whether MAP has limited a row to its remote host.
fn is_filtered(context: &Context<'_>, row: &Mapping) -> bool {
    lease::of(context, row).any(|lease| is_map(lease.origin))
}

fn is_map(origin: Origin) -> bool {
    matches!(
        origin,
        Origin::Pcp(PcpOrigin {
            opcode: PcpOpcode::Map,
            ..
        })
    )
}
