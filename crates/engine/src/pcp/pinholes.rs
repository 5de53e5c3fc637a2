//! MAP for an IPv6 host: openings in the firewall (RFC 6887 section 11). Nothing is translated, and so what is assigned
//! is the host's own address and port.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;

use portreeve_wire::pcp::{Assigned, Map, PortSet, Request, ResultCode};

use super::map::{LARGEST_SET, is_of_pcp, unsupported};
use super::opening::{self, Admission};
use super::{NOTHING, Rejected, filters};
use crate::context::Context;
use crate::mapping::{PcpOpcode, PcpOrigin};
use crate::pinhole::{Pinhole, PinholeKey, Transport};

/// From where a pinhole lets packets in; none of either: from anywhere.
type Remote = (Option<Ipv6Addr>, Option<NonZeroU16>);

/// Carries out a MAP for `host`.
pub(super) fn carry_out(
    context: &mut Context<'_>,
    request: &Request,
    map: &Map,
    host: Ipv6Addr,
) -> Result<Assigned, Rejected> {
    let admission = opening::admit(context, host)?;
    let origin = PcpOrigin {
        caller: request.client,
        nonce: map.nonce,
        opcode: PcpOpcode::Map,
    };
    if request.lifetime == 0 {
        return match admission {
            Admission::Open => Ok(NOTHING),
            Admission::Firewalled => close(context, map, host, origin),
        };
    }
    let transport = transport(map.protocol)?;
    let port =
        NonZeroU16::new(map.internal_port).ok_or_else(|| unsupported("all ports of a host at once are not opened"))?;
    if transport == Transport::Udp && is_of_pcp(port) {
        let reason = "the ports of PCP itself are not opened";
        return Err(Rejected::because(ResultCode::NotAuthorized, reason));
    }
    check_suggestion(map, host, port)?;
    let lifetime = super::lifetime(context, request.lifetime);
    let socket = Socket { host, port, transport };
    let size = match admission {
        Admission::Open => wanted_size(map),
        Admission::Firewalled => open(context, map, socket, origin, lifetime)?,
    };
    Ok(Assigned {
        lifetime,
        external: Some((host.into(), port.get())),
        port_set: (size > 1).then_some(PortSet {
            size,
            first_internal_port: port.get(),
            parity: map.port_set.is_some_and(|set| set.parity),
        }),
    })
}

/// Where a pinhole leads.
#[derive(Clone, Copy)]
struct Socket {
    host: Ipv6Addr,
    port: NonZeroU16,
    transport: Transport,
}

/// Opens or prolongs as many ports as there is room for, and returns how many.
fn open(
    context: &mut Context<'_>,
    map: &Map,
    socket: Socket,
    origin: PcpOrigin,
    lifetime: u32,
) -> Result<u16, Rejected> {
    let remotes = socket.remotes(context, map, origin)?;
    let mut size = wanted_size(map);
    loop {
        let sockets: Vec<Socket> = socket.set(size).collect();
        let own: Vec<Arc<Pinhole>> = sockets.iter().flat_map(|socket| socket.own(context, origin)).collect();
        let keys = sockets
            .iter()
            .flat_map(|socket| remotes.iter().map(|remote| socket.from(*remote)));
        let keys: Vec<PinholeKey> = keys.collect();
        let opened = opening::check_nonce(context, &own, origin, lifetime)
            .and_then(|()| opening::open(context, socket.host, &keys, origin, lifetime));
        match opened {
            Ok(()) => {
                let gone = own.iter().map(|pinhole| pinhole.key).filter(|key| !keys.contains(key));
                gone.for_each(|key| context.ledger.remove_pinhole(key));
                return Ok(size);
            }
            // RFC 7753 section 4.2: fewer ports are better than none.
            Err(_) if size > 1 && !map.prefer_failure => size /= 2,
            Err(rejected) => return Err(rejected),
        }
    }
}

/// Closes what the client has opened by MAP. What was not opened by MAP is not the client's to close.
fn close(context: &mut Context<'_>, map: &Map, host: Ipv6Addr, origin: PcpOrigin) -> Result<Assigned, Rejected> {
    let ports = match map.internal_port {
        0 => 0..u32::from(u16::MAX) + 1,
        first => u32::from(first)..u32::from(first) + u32::from(wanted_size(map)),
    };
    let found = named(context, map.protocol, host, ports);
    let peer = PcpOrigin {
        opcode: PcpOpcode::Peer,
        ..origin
    };
    let (ours, others): (Vec<_>, Vec<_>) = found.iter().partition(|pinhole| opening::is_ours(pinhole, origin));
    let is_one = map.internal_port != 0;
    // Where all ports are meant, those that other programs of the host have opened are not.
    let by_map = others.iter().find(|pinhole| opening::is_of(pinhole, origin));
    let by_map = by_map.filter(|_| is_one || ours.is_empty());
    let by_others = || others.iter().find(|pinhole| !opening::is_of(pinhole, peer));
    let in_the_way = by_map.or_else(|| by_others().filter(|_| is_one && ours.is_empty()));
    if let Some(pinhole) = in_the_way {
        return Err(opening::anothers(context, pinhole));
    }
    let keys: Vec<_> = ours.iter().map(|pinhole| pinhole.key).collect();
    opening::close(context, &keys)?;
    Ok(NOTHING)
}

/// The pinholes of a host at these ports; of a protocol, 0 standing for all.
fn named(context: &Context<'_>, protocol: u8, host: Ipv6Addr, ports: Range<u32>) -> Vec<Arc<Pinhole>> {
    let rows = context.ledger.pinholes().of_client(host);
    rows.filter(|row| {
        let at_port = ports.contains(&row.key.internal_port.get().into());
        at_port && (protocol == 0 || row.key.transport.number() == protocol)
    })
    .cloned()
    .collect()
}

impl Socket {
    /// The pinhole from there.
    fn from(self, (remote_host, remote_port): Remote) -> PinholeKey {
        PinholeKey {
            internal_client: self.host,
            internal_port: self.port,
            transport: self.transport,
            remote_host,
            remote_port,
        }
    }

    /// So many of them side by side, this one first.
    fn set(self, size: u16) -> impl Iterator<Item = Self> {
        let ports = (0..size).filter_map(move |step| self.port.checked_add(step));
        ports.map(move |port| Self { port, ..self })
    }

    /// Pinholes that were opened by MAP.
    fn own(self, context: &Context<'_>, origin: PcpOrigin) -> Vec<Arc<Pinhole>> {
        let rows = context
            .ledger
            .pinholes()
            .of_socket(self.host, self.port, self.transport);
        rows.filter(|row| opening::is_of(row, origin)).cloned().collect()
    }

    /// From where packets are to come: the filters that there are, and then those of the request in their order (section 13.3).
    fn remotes(self, context: &Context<'_>, map: &Map, origin: PcpOrigin) -> Result<BTreeSet<Remote>, Rejected> {
        const ANYWHERE: Remote = (None, None);
        let own = self.own(context, origin);
        let mut remotes: BTreeSet<Remote> = own
            .iter()
            .map(|row| (row.key.remote_host, row.key.remote_port))
            .collect();
        remotes.remove(&ANYWHERE);
        for filter in &map.filters {
            match (filter.prefix, filter.address) {
                (None, _) => remotes.clear(),
                (Some(128), IpAddr::V6(address)) if is_host(address) => {
                    remotes.insert((Some(address), NonZeroU16::new(filter.port)));
                }
                (Some(_), IpAddr::V6(_)) => {
                    let reason = "a filter must name one host";
                    return Err(Rejected::because(ResultCode::ExcessiveRemotePeers, reason));
                }
                (Some(_), IpAddr::V4(_)) => {
                    let reason = "a filter names an IPv4 address for an IPv6 host";
                    return Err(Rejected::because(ResultCode::MalformedOption, reason));
                }
            }
        }
        if remotes.len() > filters::MOST {
            let reason = format!("a mapping can be limited to {} peers", filters::MOST);
            return Err(Rejected::because(ResultCode::ExcessiveRemotePeers, reason));
        }
        if remotes.is_empty() {
            remotes.insert(ANYWHERE);
        }
        Ok(remotes)
    }
}

/// The transport of this IANA number, if it has ports that pinholes can be for.
pub(super) fn transport(protocol: u8) -> Result<Transport, Rejected> {
    Transport::from_number(protocol.into()).ok_or_else(|| unsupported("there are no pinholes for this protocol"))
}

/// Whether a host can have this address.
pub(super) fn is_host(address: Ipv6Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback())
}

/// PREFER_FAILURE: nothing but the host's own address and port can be had.
fn check_suggestion(map: &Map, host: Ipv6Addr, port: NonZeroU16) -> Result<(), Rejected> {
    let other_address = !map.external_address.is_unspecified() && map.external_address != IpAddr::V6(host);
    match map.prefer_failure && (other_address || map.external_port != port.get()) {
        true => {
            let reason = "the external address and port of an IPv6 host are its own";
            Err(Rejected::because(ResultCode::CannotProvideExternal, reason))
        }
        false => Ok(()),
    }
}

fn wanted_size(map: &Map) -> u16 {
    map.port_set.map_or(1, |set| set.size.clamp(1, LARGEST_SET))
}
