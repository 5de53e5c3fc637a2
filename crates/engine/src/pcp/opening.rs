//! Pinholes that PCP opens, prolongs and closes: what MAP and PEER of IPv6 hosts have in common.
//!
//! They are the same pinholes as those of WANIPv6FirewallControl. Where one is there already, made by the other service or
//! by the other opcode, it is prolonged if that is longer, and stays whose it was.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::Quirk;
use portreeve_wire::pcp::ResultCode;

use super::Rejected;
use super::map::wrong_nonce;
use crate::change::Refusal;
use crate::context::Context;
use crate::mapping::{Expiry, Origin, PcpOrigin};
use crate::pinhole::admission::{self, Denied};
use crate::pinhole::{Pinhole, PinholeKey};

/// What becomes of a request about an IPv6 host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// There is a firewall to open.
    Firewalled,
    /// Everything is open: whatever is asked for is so already, and nothing needs to be kept of it (RFC 6887 section 11:
    /// the gateway is a router and no firewall).
    Open,
}

/// Refuses hosts that the Internet does not reach, and where nobody may open anything.
pub(super) fn admit(context: &Context<'_>, host: Ipv6Addr) -> Result<Admission, Rejected> {
    if host.is_unicast_link_local() {
        let reason = format!("{host} is a link-local address; ask from the one that the Internet is to reach");
        return Err(Rejected::because(ResultCode::NotAuthorized, reason));
    }
    admission::check_host(context, host)?;
    let firewall = context.config.firewall;
    match (firewall.enabled, firewall.pinholes_allowed) {
        (false, _) => Ok(Admission::Open),
        (true, true) => Ok(Admission::Firewalled),
        (true, false) => Err(Rejected::because(
            ResultCode::NotAuthorized,
            "pinholes are switched off",
        )),
    }
}

/// Whether a pinhole was made by the opcode of this origin.
pub(super) fn is_of(pinhole: &Pinhole, origin: PcpOrigin) -> bool {
    maker(pinhole, origin).is_some()
}

/// Whether it was made by that opcode under this nonce.
pub(super) fn is_ours(pinhole: &Pinhole, origin: PcpOrigin) -> bool {
    maker(pinhole, origin).is_some_and(|made_by| made_by.nonce == origin.nonce)
}

/// Refuses a request under another nonce than the pinholes have. Where that is tolerated, a host may prolong them under a new one.
pub(super) fn check_nonce<'a>(
    context: &Context<'_>,
    own: impl IntoIterator<Item = &'a Arc<Pinhole>>,
    origin: PcpOrigin,
    lifetime: u32,
) -> Result<(), Rejected> {
    for pinhole in own {
        let Some(made_by) = maker(pinhole, origin) else {
            continue;
        };
        let tolerated =
            lifetime > 0 && made_by.caller == origin.caller && context.config.quirks.has(Quirk::PcpFreshNonce);
        if made_by.nonce != origin.nonce && !tolerated {
            return Err(anothers(context, pinhole));
        }
    }
    Ok(())
}

/// That a pinhole is not for the client to change, for as long as it lives.
pub(super) fn anothers(context: &Context<'_>, pinhole: &Pinhole) -> Rejected {
    wrong_nonce(context, Expiry::At(pinhole.expiry))
}

/// Opens or prolongs all of these, or none; they are of one host.
pub(super) fn open(
    context: &mut Context<'_>,
    host: Ipv6Addr,
    keys: &[PinholeKey],
    origin: PcpOrigin,
    lifetime: u32,
) -> Result<(), Rejected> {
    for key in keys {
        admission::check_policy(context, key)?;
    }
    check_refusals(context)?;
    let is_new = |key: &&PinholeKey| context.ledger.pinholes().find(key).is_none();
    let new = keys.iter().filter(is_new).count();
    if new > 0 {
        admission::check_room(context, host, new)?;
    }
    let expiry = context.now + Duration::from_secs(lifetime.into());
    for key in keys {
        let pinhole = match context.ledger.pinholes().find(key).map(|before| Pinhole::clone(before)) {
            Some(before) if !is_of(&before, origin) => Pinhole {
                expiry: before.expiry.max(expiry),
                ..before
            },
            Some(before) => Pinhole {
                expiry,
                origin: Origin::Pcp(origin),
                ..before
            },
            None => Pinhole {
                key: *key,
                id: context.ledger.allocate_id().ok_or(Denied::TableFull)?,
                expiry,
                origin: Origin::Pcp(origin),
            },
        };
        context.ledger.put_pinhole(pinhole);
    }
    Ok(())
}

/// Closes pinholes that are the client's to close.
pub(super) fn close(context: &mut Context<'_>, keys: &[PinholeKey]) -> Result<(), Rejected> {
    check_refusals(context)?;
    keys.iter().for_each(|key| context.ledger.remove_pinhole(*key));
    Ok(())
}

fn check_refusals(context: &Context<'_>) -> Result<(), Rejected> {
    match context.refusals.first() {
        Some(refusal) => Err(failed(&refusal.why)),
        None => Ok(()),
    }
}

fn failed(why: &Refusal) -> Rejected {
    Rejected::because(ResultCode::NoResources, why.to_string())
}

/// Who made a pinhole by the opcode of this origin; none, if it was not made by that.
fn maker(pinhole: &Pinhole, origin: PcpOrigin) -> Option<PcpOrigin> {
    match pinhole.origin {
        Origin::Pcp(maker) if maker.opcode == origin.opcode => Some(maker),
        _ => None,
    }
}

impl From<Denied> for Rejected {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Unreachable(_) | Denied::Policy => ResultCode::NotAuthorized,
            Denied::Quota { .. } => ResultCode::UserExQuota,
            Denied::TableFull => ResultCode::NoResources,
        };
        Self::because(code, denied.to_string())
    }
}
