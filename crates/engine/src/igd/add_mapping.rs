//! AddPortMapping and AddAnyPortMapping (WANIPConnection:2 sections 2.5.16 and 2.5.17).

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_wire::{Answer, Call, ErrorCode, Fault, Value};

use crate::claim::{Claim, Parity, Wish};
use crate::config::Leases;
use crate::context::Context;
use crate::mapping::table::Socket;
use crate::mapping::{Expiry, Mapping, Origin, Protocol, RemoteHost};

/// AddPortMapping: this external port or none.
pub(super) fn add_port_mapping(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted = Wanted::parse(call, context)?;
    let port = wanted.external_port.ok_or_else(|| {
        Fault::because(
            ErrorCode::WildCardNotPermittedInExtPort,
            "name a port, or let AddAnyPortMapping choose one",
        )
    })?;
    wanted.take(context, call, Wish::Exactly(port))?;
    Ok(Answer::new())
}

/// AddAnyPortMapping: this external port if it is free, else another.
pub(super) fn add_any_port_mapping(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted = Wanted::parse(call, context)?;
    let port = wanted.take(context, call, Wish::Rather(wanted.external_port))?;
    Ok(vec![Value::Ui2(port.get())])
}

/// A mapping as a control point asks for it. No external port: the gateway may choose.
struct Wanted {
    remote_host: RemoteHost,
    external_port: Option<NonZeroU16>,
    socket: Socket,
    expiry: Expiry,
}

impl Wanted {
    /// Reads the arguments, which are the same eight for both actions. The order of checks is the standard's: wildcards
    /// before policy.
    fn parse(call: &Call, context: &Context<'_>) -> Result<Self, Fault> {
        let protocol = protocol(call);
        let client = internal_client(call, protocol)?;
        let external_port = NonZeroU16::new(call.ui2("NewExternalPort"));
        let port = NonZeroU16::new(call.ui2("NewInternalPort")).ok_or(ErrorCode::WildCardNotPermittedInIntPort)?;
        Ok(Self {
            remote_host: remote_host(call)?,
            external_port,
            socket: Socket { client, port, protocol },
            expiry: expiry(call, context)?,
        })
    }

    fn take(&self, context: &mut Context<'_>, call: &Call, wish: Wish) -> Result<NonZeroU16, Fault> {
        let claim = Claim {
            socket: self.socket,
            span: NonZeroU16::MIN,
            parity: Parity::Any,
            remote_hosts: &[self.remote_host],
            enabled: call.boolean("NewEnabled"),
            description: call.text("NewPortMappingDescription"),
            expiry: self.expiry,
            origin: Origin::Upnp(context.caller),
            gives_up: &[],
        };
        Ok(claim.take(context, wish)?)
    }
}

/// `NewProtocol`, which the table has checked.
pub(super) fn protocol(call: &Call) -> Protocol {
    match call.text("NewProtocol") {
        "UDP" => Protocol::Udp,
        _ => Protocol::Tcp,
    }
}

/// `NewRemoteHost`: empty for anywhere, or one unicast address.
pub(super) fn remote_host(call: &Call) -> Result<RemoteHost, Fault> {
    let text = call.text("NewRemoteHost");
    if text.is_empty() {
        return Ok(RemoteHost::Any);
    }
    let host = text.parse().ok().and_then(RemoteHost::host);
    host.ok_or_else(|| {
        Fault::because(
            ErrorCode::ArgumentValueInvalid,
            "NewRemoteHost is not the address of a host",
        )
    })
}

fn internal_client(call: &Call, protocol: Protocol) -> Result<Ipv4Addr, Fault> {
    let text = call.text("NewInternalClient");
    if text.is_empty() {
        return Err(ErrorCode::WildCardNotPermittedInSrcIp.into());
    }
    match text.parse::<Ipv4Addr>() {
        Ok(Mapping::EVERY_CLIENT) if protocol == Protocol::Udp => Ok(Mapping::EVERY_CLIENT),
        Ok(address) if RemoteHost::host(address).is_some() => Ok(address),
        _ => Err(Fault::because(
            ErrorCode::ArgumentValueInvalid,
            "NewInternalClient is not the address of a host",
        )),
    }
}

/// When the mapping ends (WANIPConnection:2 section 2.3.14; in version 1, 0 asked for a permanent mapping and any
/// number was allowed).
fn expiry(call: &Call, context: &Context<'_>) -> Result<Expiry, Fault> {
    let leases = &context.config.leases;
    let seconds = match (call.version, call.ui4("NewLeaseDuration")) {
        (1, 0) => match leases.v1_default {
            Some(seconds) => seconds,
            None => return Ok(Expiry::Never),
        },
        (_, 0) => Leases::WEEK,
        (2.., seconds) if seconds > Leases::WEEK => return Err(ErrorCode::ArgumentValueOutOfRange.into()),
        (_, seconds) => seconds,
    };
    Ok(Expiry::At(
        context.now + Duration::from_secs(seconds.min(leases.maximum).into()),
    ))
}
