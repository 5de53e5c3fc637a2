//! WANIPv6FirewallControl:1: openings in the IPv6 firewall, which LAN hosts ask for themselves.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::{Answer, Call, ErrorCode, Fault, Value};

use crate::change::Refusal;
use crate::context::Context;
use crate::mapping::Origin;
use crate::pinhole::admission::{self, Denied};
use crate::pinhole::{Pinhole, PinholeKey, Transport, UniqueId};
use crate::time::Time;

/// Carries out an action. Refusals come in this order: arguments that make no sense, the firewall's state, wildcards,
/// the protocol, rights, room.
pub(super) fn call(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    match call.action.name {
        "AddPinhole" => add(context, call),
        "UpdatePinhole" => update(context, call),
        "DeletePinhole" => delete(context, call),
        "GetPinholePackets" => packets(context, call),
        "CheckPinholeWorking" => check_working(context, call),
        "GetOutboundPinholeTimeout" => outbound_timeout(context, call),
        _ => super::read(context, call),
    }
}

/// Opens a pinhole, or prolongs the one that there is for the same five.
fn add(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let expiry = expiry(context, call, "LeaseTime")?;
    let remote_host = host(call, "RemoteHost")?;
    let internal_client = host(call, "InternalClient")?;
    check_firewall(context)?;
    let key = PinholeKey {
        internal_client: internal_client.ok_or(ErrorCode::WildCardNotPermittedInPinholeClient)?,
        internal_port: NonZeroU16::new(call.ui2("InternalPort")).ok_or(ErrorCode::InternalPortWildcardingNotAllowed)?,
        transport: transport(call)?,
        remote_host,
        remote_port: NonZeroU16::new(call.ui2("RemotePort")),
    };
    let before = context.ledger.pinholes().find(&key).cloned();
    match &before {
        Some(before) => check_owner(context, before)?,
        None => check_reach(context, key.internal_client)?,
    }
    check_policy(context, &key)?;
    match context.refusals.first().map(|refusal| &refusal.why) {
        Some(Refusal::NoRoom) => {
            let reason = Refusal::NoRoom.to_string();
            return Err(Fault::because(ErrorCode::PinholeSpaceExhausted, reason));
        }
        Some(other) => return Err(failed(other)),
        None => {}
    }
    let id = match &before {
        Some(before) => before.id,
        None => new_id(context, key.internal_client)?,
    };
    let origin = Origin::Upnp(context.caller);
    let pinhole = match before {
        // It is prolonged, and stays whose it was.
        Some(before) if !before.origin.is_same_protocol(origin) => Pinhole {
            expiry: before.expiry.max(expiry),
            ..Pinhole::clone(&before)
        },
        _ => Pinhole {
            key,
            id,
            expiry,
            origin,
        },
    };
    context.ledger.put_pinhole(pinhole);
    Ok(vec![id.0.into()])
}

fn update(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let expiry = expiry(context, call, "NewLeaseTime")?;
    let before = owned(context, call)?;
    check_policy(context, &before.key)?;
    check_refusals(context)?;
    let expiry = match before.origin {
        Origin::Upnp(_) => expiry,
        // Nobody else shortens what PCP was promised.
        _ => before.expiry.max(expiry),
    };
    context.ledger.put_pinhole(Pinhole {
        expiry,
        ..Pinhole::clone(&before)
    });
    Ok(Answer::new())
}

fn delete(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let before = owned(context, call)?;
    check_refusals(context)?;
    context.ledger.remove_pinhole(before.key);
    Ok(Answer::new())
}

/// `A_ARG_TYPE_PinholePackets` is a ui4 and rolls over, as the other counters of the gateway do.
fn packets(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let count = count_packets(context, call)?;
    Ok(vec![Value::Ui4((count & u64::from(u32::MAX)) as u32)])
}

fn check_working(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    match count_packets(context, call)? {
        0 => Err(ErrorCode::NoTrafficReceived.into()),
        _ => Ok(vec![true.into()]),
    }
}

/// 602 where it is not known.
fn outbound_timeout(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let transport = Transport::from_number(call.ui2("Protocol")).ok_or(ErrorCode::ProtocolNotSupported)?;
    if !context.config.firewall.enabled {
        return Err(Fault::because(
            ErrorCode::ActionFailed,
            "the firewall is off, and what a host began stays open",
        ));
    }
    let seconds = context.observed.outbound_timeouts.get(&transport);
    match seconds {
        Some(seconds) => Ok(vec![(*seconds).into()]),
        None => Err(ErrorCode::OptionalActionNotImplemented.into()),
    }
}

/// When a lease that is asked for now ends; 402 unless it is 1 to 86,400 seconds.
fn expiry(context: &Context<'_>, call: &Call, argument: &str) -> Result<Time, Fault> {
    const DAY: u32 = 86_400;
    match call.ui4(argument) {
        seconds @ 1..=DAY => Ok(context.now + Duration::from_secs(seconds.into())),
        _ => Err(Fault::because(
            ErrorCode::InvalidArgs,
            format!("{argument} must be within 1 and {DAY}"),
        )),
    }
}

/// An address of one host; `None` for empty, which stands for any; else 402.
fn host(call: &Call, argument: &str) -> Result<Option<Ipv6Addr>, Fault> {
    let is_host = |address: &Ipv6Addr| !(address.is_unspecified() || address.is_multicast() || address.is_loopback());
    match call.text(argument) {
        "" => Ok(None),
        text => match text.parse().ok().filter(is_host) {
            Some(address) => Ok(Some(address)),
            None => Err(Fault::because(
                ErrorCode::InvalidArgs,
                format!("{argument} is not the IPv6 address of a host"),
            )),
        },
    }
}

/// `Protocol`: 65535 stands for any, which would take a pinhole without ports.
fn transport(call: &Call) -> Result<Transport, Fault> {
    const ANY: u16 = u16::MAX;
    match call.ui2("Protocol") {
        ANY => Err(ErrorCode::ProtocolWildcardingNotAllowed.into()),
        number => Transport::from_number(number).ok_or_else(|| ErrorCode::ProtocolNotSupported.into()),
    }
}

/// Refuses where there is nothing to open, or nobody may.
fn check_firewall(context: &Context<'_>) -> Result<(), Fault> {
    let firewall = context.config.firewall;
    match (firewall.enabled, firewall.pinholes_allowed) {
        (false, _) => Err(ErrorCode::FirewallDisabled.into()),
        (true, false) => Err(ErrorCode::InboundPinholeNotAllowed.into()),
        (true, true) => Ok(()),
    }
}

/// The pinhole that the argument `UniqueID` names, if the caller may manage it.
fn owned(context: &Context<'_>, call: &Call) -> Result<Arc<Pinhole>, Fault> {
    check_firewall(context)?;
    let named = context.ledger.pinholes().named(UniqueId(call.ui2("UniqueID")));
    let pinhole = named.ok_or(ErrorCode::NoSuchPinhole)?;
    check_owner(context, pinhole)?;
    Ok(Arc::clone(pinhole))
}

/// A pinhole belongs to the host to which it leads. Whoever asked for it keeps that right, since after a restart the
/// kernel has yet to learn which addresses are of one host; except by a link-local address, which may be another host's
/// on another LAN.
fn check_owner(context: &Context<'_>, pinhole: &Pinhole) -> Result<(), Fault> {
    let is_link_local = matches!(context.caller, IpAddr::V6(caller) if caller.is_unicast_link_local());
    if pinhole.origin.caller() == Some(context.caller) && !is_link_local {
        return Ok(());
    }
    check_reach(context, pinhole.key.internal_client)
}

/// 606 unless the caller may touch pinholes of this host: by its own address, or by another address of the same device,
/// such as the IPv4 address from which it speaks to us.
fn check_reach(context: &Context<'_>, client: Ipv6Addr) -> Result<(), Fault> {
    let client = IpAddr::V6(client);
    if context.config.policy.reaches(context.caller, client)
        || context.observed.neighbours.are_one_device(context.caller, client)
    {
        return Ok(());
    }
    let reason = format!("{client} is not known to be an address of the caller; ask from that address");
    Err(Fault::because(ErrorCode::ActionNotAuthorized, reason))
}

/// 606 unless the host is one of the LAN that can be reached from the Internet, and the administrator's rules allow the
/// pinhole.
fn check_policy(context: &Context<'_>, key: &PinholeKey) -> Result<(), Fault> {
    Ok(admission::check_policy(context, key)?)
}

/// A name for another pinhole of this host, if there is room for it.
fn new_id(context: &mut Context<'_>, client: Ipv6Addr) -> Result<UniqueId, Fault> {
    admission::check_room(context, client, 1)?;
    Ok(context.ledger.allocate_id().ok_or(Denied::TableFull)?)
}

fn count_packets(context: &Context<'_>, call: &Call) -> Result<u64, Fault> {
    let pinhole = owned(context, call)?;
    let count = context.observed.packets.get(&pinhole.id).copied();
    count.ok_or_else(|| {
        Fault::because(
            ErrorCode::ActionFailed,
            "the packets of this pinhole cannot be counted at present",
        )
    })
}

fn check_refusals(context: &Context<'_>) -> Result<(), Fault> {
    match context.refusals.first() {
        Some(refusal) => Err(failed(&refusal.why)),
        None => Ok(()),
    }
}

fn failed(why: &Refusal) -> Fault {
    Fault::because(ErrorCode::ActionFailed, why.to_string())
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Policy => return ErrorCode::ActionNotAuthorized.into(),
            Denied::Unreachable(_) => ErrorCode::ActionNotAuthorized,
            Denied::Quota { .. } | Denied::TableFull => ErrorCode::PinholeSpaceExhausted,
        };
        Self::because(code, denied.to_string())
    }
}
