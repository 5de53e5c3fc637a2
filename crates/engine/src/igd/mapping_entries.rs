//! Reading and removing entries of the mapping table (WANIPConnection:2 sections 2.5.14, 2.5.15, 2.5.18, 2.5.19,
//! 2.5.21). A caller sees and removes what policy gives it and no more.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve_wire::port_listing::{self, PortMappingEntry};
use portreeve_wire::{Answer, Call, ErrorCode, Fault, Value};

use super::add_mapping::{protocol, remote_host};
use crate::claim;
use crate::context::Context;
use crate::mapping::{Key, Mapping, Origin, Protocol};
use crate::policy::Reach;

/// GetSpecificPortMappingEntry.
pub(super) fn specific(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let key = addressed_key(context, call)?;
    let mapping = context.ledger.table().find(&key).ok_or(ErrorCode::NoSuchEntryInArray)?;
    if !context.permits(mapping) {
        return Err(hidden(call));
    }
    Ok(entry(context, mapping).split_off(KEY_ARGUMENTS))
}

/// GetGenericPortMappingEntry. The array of version 2 has every entry, and those that the caller may not see answer
/// 606. Version 1 has no such code and its clients stop at the first error, so there the array holds just what the
/// caller may see.
pub(super) fn generic(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let index = usize::from(call.ui2("NewPortMappingIndex"));
    let table = context.ledger.table();
    let mapping = match (call.version, context.config.policy.reach, context.caller) {
        (1, Reach::OwnAddress, IpAddr::V4(caller)) => table
            .of_client(caller)
            .filter(|mapping| context.permits(mapping))
            .nth(index),
        (1, Reach::OwnAddress, IpAddr::V6(_)) => None,
        _ => table.at(index),
    };
    let mapping = mapping.ok_or(ErrorCode::SpecifiedArrayIndexInvalid)?;
    match context.permits(mapping) {
        true => Ok(entry(context, mapping)),
        false => Err(ErrorCode::ActionNotAuthorized.into()),
    }
}

/// DeletePortMapping.
pub(super) fn delete(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let key = addressed_key(context, call)?;
    let mapping = context.ledger.table().find(&key).ok_or(ErrorCode::NoSuchEntryInArray)?;
    if !context.permits(mapping) || mapping.origin == Origin::Static {
        return Err(hidden(call));
    }
    claim::require_nat(context)?;
    context.ledger.remove(key);
    context.note_change();
    Ok(Answer::new())
}

/// DeletePortMappingRange: what the caller may not remove is passed over, and the whole is one change.
pub(super) fn delete_range(context: &mut Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let range = PortSpan::parse(context, call)?;
    let removable = range.select(context).filter(|mapping| mapping.origin != Origin::Static);
    let keys: Vec<Key> = removable.map(|mapping| mapping.key).collect();
    if keys.is_empty() {
        return Err(ErrorCode::PortMappingNotFound.into());
    }
    claim::require_nat(context)?;
    for key in keys {
        context.ledger.remove(key);
    }
    context.note_change();
    Ok(Answer::new())
}

/// GetListOfPortMappings: one page of the range, lowest ports first.
pub(super) fn list(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let range = PortSpan::parse(context, call)?;
    let page = match (call.ui2("NewNumberOfPorts"), context.config.limits.page_size) {
        (0, page) => page,
        (wanted, page) => wanted.min(page),
    };
    let mut entries = range
        .select(context)
        .take(page.into())
        .map(|mapping| listed(context, mapping))
        .peekable();
    if entries.peek().is_none() {
        return Err(ErrorCode::PortMappingNotFound.into());
    }
    Ok(vec![port_listing::render(entries).into()])
}

/// X_GetTotalPortMappings: how many entries all pages of the same range hold together.
pub(super) fn total(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    let count = PortSpan::parse(context, call)?.select(context).count();
    Ok(vec![u16::try_from(count).unwrap_or(u16::MAX).into()])
}

/// The arguments that select a range of mappings.
struct PortSpan {
    start: NonZeroU16,
    end: NonZeroU16,
    protocol: Protocol,
    /// `NewManage`: whether the caller asks for more than its own.
    whose: Reach,
}

impl PortSpan {
    fn parse(context: &Context<'_>, call: &Call) -> Result<Self, Fault> {
        let (start, end) = (call.ui2("NewStartPort"), call.ui2("NewEndPort"));
        if start > end {
            return Err(ErrorCode::InconsistentParameters.into());
        }
        let protocol = protocol(call);
        let port = |number| {
            NonZeroU16::new(number)
                .filter(|port| context.config.policy.permits_external(context.caller, *port, protocol))
                .ok_or(ErrorCode::ActionNotAuthorized)
        };
        let whose = if call.boolean("NewManage") {
            context.config.policy.reach
        } else {
            Reach::OwnAddress
        };
        Ok(Self {
            start: port(start)?,
            end: port(end)?,
            protocol,
            whose,
        })
    }

    /// The mappings of the range that the caller may see, in the order of their keys.
    fn select<'a>(&self, context: &'a Context<'_>) -> impl Iterator<Item = &'a Arc<Mapping>> {
        let table = context.ledger.table();
        let Self {
            start,
            end,
            protocol,
            whose,
        } = *self;
        let own = match (whose, context.caller) {
            (Reach::OwnAddress, IpAddr::V4(caller)) => Some(table.of_client(caller)),
            _ => None,
        };
        let everyone = (whose == Reach::Everyone).then(|| table.in_range(start..=end));
        own.into_iter()
            .flatten()
            .chain(everyone.into_iter().flatten())
            .filter(move |mapping| {
                let Key {
                    external_port,
                    protocol: transport,
                    ..
                } = mapping.key;
                (start..=end).contains(&external_port) && transport == protocol && context.permits(mapping)
            })
    }
}

/// The key that the arguments of an action name, if policy lets the caller ask for it.
fn addressed_key(context: &Context<'_>, call: &Call) -> Result<Key, Fault> {
    let protocol = protocol(call);
    let remote_host = remote_host(call)?;
    // No mapping has port 0.
    let external_port = NonZeroU16::new(call.ui2("NewExternalPort")).ok_or(ErrorCode::NoSuchEntryInArray)?;
    if !context
        .config
        .policy
        .permits_external(context.caller, external_port, protocol)
    {
        return Err(hidden(call));
    }
    Ok(Key {
        external_port,
        protocol,
        remote_host,
    })
}

/// An entry that the caller may not touch: 606, which version 1 does not know, so there it does not exist.
fn hidden(call: &Call) -> Fault {
    match call.version {
        1 => ErrorCode::NoSuchEntryInArray.into(),
        _ => ErrorCode::ActionNotAuthorized.into(),
    }
}

/// How many arguments of an entry are its key: NewRemoteHost, NewExternalPort, NewProtocol.
const KEY_ARGUMENTS: usize = 3;

/// An entry as the `out` arguments of GetGenericPortMappingEntry have it.
fn entry(context: &Context<'_>, mapping: &Mapping) -> Answer {
    vec![
        mapping.key.remote_host.to_string().into(),
        mapping.key.external_port.get().into(),
        mapping.key.protocol.name().into(),
        mapping.internal_port.get().into(),
        mapping.internal_client.to_string().into(),
        mapping.enabled.into(),
        Value::String(mapping.description.clone().into()),
        lease(context, mapping).into(),
    ]
}

fn listed<'a>(context: &Context<'_>, mapping: &'a Mapping) -> PortMappingEntry<'a> {
    PortMappingEntry {
        remote_host: mapping.key.remote_host.to_string().into(),
        external_port: mapping.key.external_port.get(),
        protocol: mapping.key.protocol.name().into(),
        internal_port: mapping.internal_port.get(),
        internal_client: mapping.internal_client.to_string().into(),
        enabled: mapping.enabled,
        description: (&*mapping.description).into(),
        lease_time: lease(context, mapping),
    }
}

/// Remaining seconds; 0 for a mapping without end (WANIPConnection:2 section 2.3.14).
fn lease(context: &Context<'_>, mapping: &Mapping) -> u32 {
    mapping.expiry.remaining_seconds(context.now).unwrap_or(0)
}
