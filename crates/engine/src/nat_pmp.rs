//! What NAT-PMP (RFC 6886) asks of the engine.
//!
//! A mapping that the host has made by another protocol is as good as not there when it is to be deleted: a client that
//! speaks several protocols deletes by each of them, and is not to be told that this one is refused to it.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_wire::nat_pmp::{Mapped, Request, ResultCode, Transport};

use crate::change::Refusal;
use crate::claim::{self, Claim, Denied, Parity, Wish, lease};
use crate::context::Context;
use crate::mapping::table::Socket;
use crate::mapping::{Expiry, Key, Origin, Protocol, RemoteHost};
use crate::upstream::UpstreamRefusal;

/// Why a request is refused: for the client, and for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) code: ResultCode,
    pub(crate) reason: String,
}

/// Carries out a request of the host `client`.
pub(crate) fn carry_out(context: &mut Context<'_>, client: Ipv4Addr, request: Request) -> Result<Mapped, Rejected> {
    if !context.config.nat_pmp.enabled {
        return Err(Rejected::because(ResultCode::NotAuthorized, "NAT-PMP is switched off"));
    }
    let Request::Map {
        transport,
        internal_port,
        external_port,
        lifetime,
    } = request
    else {
        return external_address(context).map(Mapped::ExternalAddress);
    };
    let protocol = match transport {
        Transport::Udp => Protocol::Udp,
        Transport::Tcp => Protocol::Tcp,
    };
    match (NonZeroU16::new(internal_port), lifetime) {
        (port, 0) => delete(context, client, protocol, port),
        (Some(port), lifetime) => {
            let socket = Socket { client, port, protocol };
            map(context, socket, NonZeroU16::new(external_port), lifetime)
        }
        (None, _) => Err(Rejected::because(
            ResultCode::NotAuthorized,
            "no internal port is named",
        )),
    }
}

fn external_address(context: &Context<'_>) -> Result<Ipv4Addr, Rejected> {
    let address = context.link.external_address();
    address.ok_or_else(|| claim::no_link(context).into())
}

/// Makes or renews a mapping (section 3.3). No more is granted than was asked for.
fn map(
    context: &mut Context<'_>,
    socket: Socket,
    suggested: Option<NonZeroU16>,
    lifetime: u32,
) -> Result<Mapped, Rejected> {
    external_address(context)?;
    let lifetime = lifetime.min(context.config.leases.maximum);
    let claim = Claim {
        socket,
        span: NonZeroU16::MIN,
        parity: Parity::Any,
        remote_hosts: &[RemoteHost::Any],
        enabled: true,
        description: "NAT-PMP",
        expiry: Expiry::At(context.now + Duration::from_secs(lifetime.into())),
        origin: Origin::NatPmp(socket.client),
        gives_up: &[],
    };
    let external_port = claim.take(context, Wish::Suggested(suggested))?;
    Ok(Mapped::Port {
        external_port: external_port.get(),
        lifetime,
    })
}

/// Ends one mapping, or all of the client for this transport (section 3.4).
fn delete(
    context: &mut Context<'_>,
    client: Ipv4Addr,
    protocol: Protocol,
    port: Option<NonZeroU16>,
) -> Result<Mapped, Rejected> {
    claim::require_nat(context)?;
    if let Some(refusal) = context.refusals.first() {
        return Err(Denied::Backend(refusal.why.clone()).into());
    }
    let origin = Origin::NatPmp(client);
    let rows = context.ledger.table().of_client(client);
    let rows = rows.filter(|row| row.key.protocol == protocol && port.is_none_or(|port| row.internal_port == port));
    let (mut ours, mut fixed) = (Vec::<Key>::new(), None);
    for row in rows {
        if row.origin == Origin::Static {
            fixed = Some(row.key);
        } else if lease::of_protocol(context, row, origin).is_some() {
            ours.push(row.key);
        }
    }
    let mut has_changed = false;
    for key in ours {
        has_changed |= lease::withdraw(context, key, origin);
    }
    if has_changed {
        context.note_change();
    }
    match fixed {
        None => Ok(Mapped::Port {
            external_port: 0,
            lifetime: 0,
        }),
        Some(key) => Err(Rejected::because(
            ResultCode::NotAuthorized,
            format!("{key} is written in the configuration"),
        )),
    }
}

impl Rejected {
    fn because(code: ResultCode, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// A refusal that has nothing to do with the request: asking again may help.
    pub(crate) fn for_now(reason: String) -> Self {
        Self::because(ResultCode::OutOfResources, reason)
    }
}

impl From<Denied> for Rejected {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::Policy | Denied::NotOnLan(_) | Denied::NoPortAllowed | Denied::NatOff => ResultCode::NotAuthorized,
            Denied::NoAddress | Denied::LinkDown(_) => ResultCode::NetworkFailure,
            Denied::Backend(Refusal::Upstream(UpstreamRefusal::NotAuthorized)) => ResultCode::NotAuthorized,
            Denied::Backend(Refusal::Upstream(UpstreamRefusal::Unavailable(_))) => ResultCode::NetworkFailure,
            Denied::AnotherHosts
            | Denied::AnotherProtocols
            | Denied::Gateways
            | Denied::NoPortFree
            | Denied::TableFull
            | Denied::Quota { .. }
            | Denied::Backend(_) => ResultCode::OutOfResources,
        };
        Self::because(code, denied.to_string())
    }
}
