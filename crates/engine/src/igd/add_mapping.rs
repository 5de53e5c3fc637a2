//! AddPortMapping and AddAnyPortMapping (WANIPConnection:2 sections 2.5.16 and 2.5.17).

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_wire::{Answer, Call, ErrorCode, Fault, Value};

use super::Context;
use crate::change::{Place, Refusal};
use crate::config::{Leases, WhenDisconnected};
use crate::mapping::table::Socket;
use crate::mapping::{Expiry, Key, Mapping, Origin, Protocol, RemoteHost};
use crate::policy::Subject;

/// AddPortMapping: this external port or none.
pub(super) fn add_port_mapping(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted = Wanted::parse(call, context)?;
    let port = wanted.external_port.ok_or_else(|| {
        Fault::because(
            ErrorCode::WildCardNotPermittedInExtPort,
            "name a port, or let AddAnyPortMapping choose one",
        )
    })?;
    let wanted = wanted.within_policy(context)?;
    if let Some(refusal) = context.refusals.first() {
        return Err(refused(&refusal.why));
    }
    wanted.check_port(context, port)?;
    wanted.put(context, port)?;
    Ok(Answer::new())
}

/// AddAnyPortMapping: this external port if it is free, else another.
pub(super) fn add_any_port_mapping(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted = Wanted::parse(call, context)?.within_policy(context)?;
    let port = wanted.choose_port(context)?;
    wanted.put(context, port)?;
    Ok(vec![Value::Ui2(port.get())])
}

/// A mapping as a control point asks for it. No external port: the gateway may choose.
struct Wanted {
    remote_host: RemoteHost,
    external_port: Option<NonZeroU16>,
    protocol: Protocol,
    internal_client: Ipv4Addr,
    internal_port: NonZeroU16,
    enabled: bool,
    description: Box<str>,
    expiry: Expiry,
}

impl Wanted {
    /// Reads the arguments, which are the same eight for both actions. The order of checks is the standard's: wildcards
    /// before policy.
    fn parse(call: &Call, context: &Context<'_>) -> Result<Self, Fault> {
        let protocol = protocol(call);
        let internal_client = internal_client(call, protocol)?;
        let external_port = NonZeroU16::new(call.ui2("NewExternalPort"));
        let internal_port =
            NonZeroU16::new(call.ui2("NewInternalPort")).ok_or(ErrorCode::WildCardNotPermittedInIntPort)?;
        Ok(Self {
            remote_host: remote_host(call)?,
            external_port,
            protocol,
            internal_client,
            internal_port,
            enabled: call.boolean("NewEnabled"),
            description: call.text("NewPortMappingDescription").into(),
            expiry: expiry(call, context)?,
        })
    }

    /// Refuses what the caller may not have at all, and what nobody can have in the gateway's present state.
    fn within_policy(self, context: &Context<'_>) -> Result<Self, Fault> {
        let policy = &context.config.policy;
        let permitted = match self.external_port {
            Some(port) => policy.permits(context.caller, self.at(port)),
            // Whether some port is permitted shows when one is chosen.
            None => policy.reaches(context.caller, self.internal_client.into()),
        };
        let on_lan = self.internal_client == Mapping::EVERY_CLIENT
            || context.config.lans.iter().any(|lan| lan.contains(self.internal_client));
        if !permitted || !on_lan {
            return Err(ErrorCode::ActionNotAuthorized.into());
        }
        context.require_nat()?;
        if !context.link.carries_ipv4() && context.config.when_disconnected == WhenDisconnected::Reject {
            let why = match context.link.status().passes_packets() {
                true => "the WAN link has no IPv4 address".to_owned(),
                false => format!("the WAN link is not connected ({})", context.link.last_error().name()),
            };
            return Err(Fault::because(ErrorCode::ActionFailed, why));
        }
        Ok(self)
    }

    /// Refuses a port that somebody else has (the overwrite table of WANIPConnection:2 section 2.5.16).
    fn check_port(&self, context: &Context<'_>, port: NonZeroU16) -> Result<(), Fault> {
        let mut ours_already = false;
        for row in context.ledger.table().at_port(port, self.protocol) {
            match row.origin {
                Origin::Static => return Err(ErrorCode::ConflictWithOtherMechanisms.into()),
                _ if row.internal_client != self.internal_client => {
                    return Err(ErrorCode::ConflictInMappingEntry.into());
                }
                _ => ours_already = true,
            }
        }
        if !ours_already && is_gateways_own(context, port, self.protocol) {
            return Err(ErrorCode::ConflictWithOtherMechanisms.into());
        }
        self.refusal(context, port).map_or(Ok(()), |why| Err(refused(why)))
    }

    /// The requested port if it can be had; else the one that the same socket has already, so that asking again
    /// changes nothing; else the next free one.
    fn choose_port(&self, context: &Context<'_>) -> Result<NonZeroU16, Fault> {
        if let Some(refusal) = context.refusals.iter().find(|refusal| !is_about_port(&refusal.why)) {
            return Err(refused(&refusal.why));
        }
        if context.refusals.len() > MOST_PORTS_TRIED {
            return Err(ErrorCode::NoPortMapsAvailable.into());
        }
        if let Some(port) = self.external_port
            && self.check_port(context, port).is_ok()
        {
            return Ok(port);
        }
        let policy = &context.config.policy;
        let socket = Socket {
            client: self.internal_client,
            port: self.internal_port,
            protocol: self.protocol,
        };
        let table = context.ledger.table();
        if let Some(own) = table
            .of_socket(socket)
            .find(|row| row.key.remote_host == self.remote_host && row.origin != Origin::Static && context.permits(row))
        {
            return Ok(own.key.external_port);
        }
        table
            .occupied()
            .absent_from(self.protocol, self.external_port.unwrap_or(self.internal_port))
            .find(|port| {
                policy.permits(context.caller, self.at(*port))
                    && !is_gateways_own(context, *port, self.protocol)
                    && self.refusal(context, *port).is_none()
            })
            .ok_or_else(|| ErrorCode::NoPortMapsAvailable.into())
    }

    /// Enters the mapping, if there is room for it.
    fn put(self, context: &mut Context<'_>, external_port: NonZeroU16) -> Result<(), Fault> {
        let key = Key {
            external_port,
            protocol: self.protocol,
            remote_host: self.remote_host,
        };
        let table = context.ledger.table();
        let before = table.find(&key);
        if before.is_none() {
            let limits = &context.config.limits;
            if table.len() >= limits.mappings {
                return Err(Fault::because(
                    ErrorCode::NoPortMapsAvailable,
                    "the gateway's table is full",
                ));
            }
            if table.count_of_client(self.internal_client) >= limits.mappings_per_client {
                let most = limits.mappings_per_client;
                let reason = format!(
                    "{} has {most} mappings, as many as one host may have",
                    self.internal_client
                );
                return Err(Fault::because(ErrorCode::NoPortMapsAvailable, reason));
            }
        }
        let mapping = Mapping {
            key,
            internal_client: self.internal_client,
            internal_port: self.internal_port,
            enabled: self.enabled,
            description: self.description,
            expiry: self.expiry,
            origin: Origin::Upnp(context.caller),
        };
        // A renewal is no change that others must learn of: announcing each would be a storm.
        let renewal = before.is_some_and(|before| {
            Mapping {
                expiry: mapping.expiry,
                origin: mapping.origin,
                ..Mapping::clone(before)
            } == mapping
        });
        context.ledger.put(mapping);
        if !renewal {
            context.note_change();
        }
        Ok(())
    }

    /// What rules look at, if the mapping had this external port.
    fn at(&self, external_port: NonZeroU16) -> Subject<'_> {
        Subject {
            client: self.internal_client.into(),
            external_port,
            internal_port: self.internal_port,
            protocol: Some(self.protocol),
            description: &self.description,
        }
    }

    fn refusal<'a>(&self, context: &Context<'a>, port: NonZeroU16) -> Option<&'a Refusal> {
        let refused = context
            .refusals
            .iter()
            .find(|refused| refused.place == Place::Port(port, self.protocol));
        refused.map(|refused| &refused.why)
    }
}

/// How many ports AddAnyPortMapping tries that turn out to be taken by other programs.
const MOST_PORTS_TRIED: usize = 32;

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
    match text.parse::<Ipv4Addr>() {
        Ok(address) if is_unicast(address) => Ok(RemoteHost::Host(address)),
        _ => Err(Fault::because(
            ErrorCode::ArgumentValueInvalid,
            "NewRemoteHost is not the address of a host",
        )),
    }
}

fn internal_client(call: &Call, protocol: Protocol) -> Result<Ipv4Addr, Fault> {
    let text = call.text("NewInternalClient");
    if text.is_empty() {
        return Err(ErrorCode::WildCardNotPermittedInSrcIp.into());
    }
    match text.parse::<Ipv4Addr>() {
        Ok(Mapping::EVERY_CLIENT) if protocol == Protocol::Udp => Ok(Mapping::EVERY_CLIENT),
        Ok(address) if is_unicast(address) => Ok(address),
        _ => Err(Fault::because(
            ErrorCode::ArgumentValueInvalid,
            "NewInternalClient is not the address of a host",
        )),
    }
}

fn is_unicast(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_broadcast() || address.is_multicast())
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

/// Whether the gateway needs the port for itself, by configuration or because a program of its own listens there.
fn is_gateways_own(context: &Context<'_>, port: NonZeroU16, protocol: Protocol) -> bool {
    context.config.reserved.contains(protocol, port) || context.listening.contains(protocol, port)
}

/// Whether another port may succeed where this was refused.
fn is_about_port(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::PortTaken | Refusal::PortForbidden)
}

/// What a refusal of the backend is to a control point.
pub(super) fn refused(refusal: &Refusal) -> Fault {
    match refusal {
        Refusal::PortTaken | Refusal::PortForbidden => ErrorCode::ConflictWithOtherMechanisms.into(),
        Refusal::NoRoom => ErrorCode::NoPortMapsAvailable.into(),
        other => Fault::because(ErrorCode::ActionFailed, other.to_string()),
    }
}
