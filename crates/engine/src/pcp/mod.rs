//! What PCP (RFC 6887) asks of the engine.

mod filters;
mod map;
mod opening;
mod peer;
mod pinholes;

use std::net::IpAddr;

use portreeve_wire::pcp::{self, Assigned, Operation, Request, ResultCode};

use crate::change::Refusal;
use crate::claim::Denied;
use crate::context::Context;
use crate::policy::Reach;
use crate::upstream::UpstreamRefusal;

/// Why a request is refused: for the client, and for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) answer: pcp::Refused,
    pub(crate) reason: String,
}

/// Carries out a request.
pub(crate) fn carry_out(context: &mut Context<'_>, request: &Request) -> Result<Assigned, Rejected> {
    if !context.config.pcp.enabled {
        return Err(Rejected::because(ResultCode::NotAuthorized, "PCP is switched off"));
    }
    match &request.operation {
        Operation::Announce => Ok(NOTHING),
        Operation::Map(map) => match internal_host(context, request, map.third_party)? {
            IpAddr::V4(host) => map::carry_out(context, request, map, host),
            IpAddr::V6(host) => pinholes::carry_out(context, request, map, host),
        },
        Operation::Peer(peer) => {
            let host = internal_host(context, request, peer.third_party)?;
            peer::carry_out(context, request, peer, host)
        }
    }
}

/// What is assigned where something was deleted, and to ANNOUNCE.
const NOTHING: Assigned = Assigned {
    lifetime: 0,
    external: None,
    port_set: None,
};

/// The host that a mapping is for: the client, or by THIRD_PARTY another, where hosts may map for each other (section 13.1).
fn internal_host(context: &Context<'_>, request: &Request, third_party: Option<IpAddr>) -> Result<IpAddr, Rejected> {
    match (third_party, context.config.policy.reach) {
        (None, _) => Ok(request.client),
        (Some(host), Reach::Everyone) if context.config.own_addresses.contains(&host) => Err(Rejected::because(
            ResultCode::NotAuthorized,
            format!("{host} is the gateway's own address"),
        )),
        (Some(host), Reach::Everyone) => Ok(host),
        (Some(_), Reach::OwnAddress) => Err(Rejected::because(
            ResultCode::UnsuppOption,
            "a host may only map to itself",
        )),
    }
}

/// What is granted of a requested lifetime, in seconds (section 15).
fn lifetime(context: &Context<'_>, requested: u32) -> u32 {
    let pcp = &context.config.pcp;
    let most = pcp.maximum_lifetime.min(context.config.leases.maximum);
    requested.max(pcp.minimum_lifetime).min(most)
}

impl Rejected {
    fn because(code: ResultCode, reason: impl Into<String>) -> Self {
        Self {
            answer: pcp::Refused { code, lifetime: None },
            reason: reason.into(),
        }
    }

    /// A refusal that has nothing to do with the request: asking again may help.
    pub(crate) fn for_now(reason: String) -> Self {
        Self::because(ResultCode::NoResources, reason)
    }
}

impl From<Denied> for Rejected {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::Policy | Denied::NotOnLan(_) | Denied::NoPortAllowed | Denied::NatOff => ResultCode::NotAuthorized,
            Denied::NoAddress | Denied::LinkDown(_) => ResultCode::NetworkFailure,
            Denied::AnotherHosts
            | Denied::AnotherProtocols
            | Denied::Gateways
            | Denied::Backend(Refusal::PortTaken | Refusal::PortForbidden) => ResultCode::CannotProvideExternal,
            // What is refused upstream is relayed as it is (RFC 7648).
            Denied::Backend(Refusal::Upstream(why)) => match why {
                UpstreamRefusal::PortTaken { .. } => ResultCode::CannotProvideExternal,
                UpstreamRefusal::NotAuthorized => ResultCode::NotAuthorized,
                UpstreamRefusal::Unavailable(_) => ResultCode::NetworkFailure,
                UpstreamRefusal::NoRoom | UpstreamRefusal::Failed(_) => ResultCode::NoResources,
            },
            Denied::Quota { .. } => ResultCode::UserExQuota,
            Denied::NoPortFree | Denied::TableFull | Denied::Backend(Refusal::NoRoom | Refusal::Failed(_)) => {
                ResultCode::NoResources
            }
        };
        Self::because(code, denied.to_string())
    }
}
