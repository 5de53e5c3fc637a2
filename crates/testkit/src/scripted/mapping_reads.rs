use std::net::IpAddr;

use super::actions::{Outcome, fault, number, values};
use super::misbehaviour::Misbehaviour;
use super::services::Service;
use super::soap::{Call, escape};
use super::state::State;
use super::table::PortMapping;

/// The actions that read mappings.
pub(super) fn perform(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    match call.action.as_str() {
        "GetSpecificPortMappingEntry" => specific(state, service, call),
        "GetGenericPortMappingEntry" => generic(state, service, call, peer),
        "GetListOfPortMappings" => list(state, service, call, peer),
        _ => Err(fault(401, "Invalid Action")),
    }
}

fn specific(state: &State, service: Service, call: &Call) -> Outcome {
    let port = number(call, "NewExternalPort")?;
    let remote_host = call.argument("NewRemoteHost").unwrap_or_default();
    let protocol = call.argument("NewProtocol").unwrap_or_default();
    let entry = state.links[service.connection]
        .table
        .find(remote_host, port, protocol)
        .ok_or_else(|| fault(714, "NoSuchEntryInArray"))?;
    let mut answer = read(state, service, entry);
    answer.drain(..3);
    if state.plays(&Misbehaviour::GarbledSpecific) {
        let other = if entry.protocol == "TCP" { "UDP" } else { "TCP" };
        answer.push(("NewProtocol".to_owned(), other.to_owned()));
        answer.push(("NewExternalPort".to_owned(), "48059".to_owned()));
    }
    Ok(answer)
}

fn generic(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    let index: usize = number(call, "NewPortMappingIndex")?;
    let outcome = match state.links[service.connection].table.entries().get(index) {
        Some(entry) if state.plays(&Misbehaviour::HidesOthersEntries) && !is_of(entry, peer) => {
            Err(fault(606, "Action not authorized"))
        }
        Some(entry) => Ok(read(state, service, entry)),
        None => {
            let code = state.played(|m| match m {
                Misbehaviour::EndOfList(code) => Some(*code),
                _ => None,
            });
            Err(fault(code.unwrap_or(713), "SpecifiedArrayIndexInvalid"))
        }
    };
    let shifts_after = state.played(|m| match m {
        Misbehaviour::ShiftsAfterReads(count) => Some(*count),
        _ => None,
    });
    let link = &mut state.links[service.connection];
    link.reads += 1;
    if shifts_after == Some(link.reads)
        && let Some(first) = link.table.entries().first().cloned()
    {
        link.table.remove_where(|entry| *entry == first);
    }
    outcome
}

/// In the order of external ports, as a gateway does that keeps them sorted.
fn list(state: &State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    let (start, end): (u16, u16) = (number(call, "NewStartPort")?, number(call, "NewEndPort")?);
    if start > end {
        return Err(fault(733, "InconsistentParameters"));
    }
    let limit = match number(call, "NewNumberOfPorts")? {
        0 => state.plan.page_limit,
        asked => state.plan.page_limit.min(asked),
    };
    let protocol = call.argument("NewProtocol").unwrap_or_default();
    let own_only = matches!(call.argument("NewManage"), Some("0" | "false" | "no"));
    let mut entries: Vec<&PortMapping> = state.links[service.connection]
        .table
        .entries()
        .iter()
        .filter(|entry| (start..=end).contains(&entry.external_port))
        .filter(|entry| entry.protocol.eq_ignore_ascii_case(protocol))
        .filter(|entry| !own_only || is_of(entry, peer))
        .collect();
    entries.sort_by_key(|entry| (entry.external_port, &entry.remote_host));
    entries.truncate(limit);
    if entries.is_empty() && !state.plays(&Misbehaviour::EmptyListing) {
        return Err(fault(730, "PortMappingNotFound"));
    }
    let content: String = entries.iter().map(|entry| list_entry(state, service, entry)).collect();
    let listing =
        format!("<p:PortMappingList xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">{content}</p:PortMappingList>");
    values([("NewPortListing", &listing)])
}

fn list_entry(state: &State, service: Service, entry: &PortMapping) -> String {
    let elements: String = read(state, service, entry)
        .iter()
        .map(|(name, value)| {
            let name = match name.as_str() {
                "NewPortMappingDescription" => "NewDescription",
                "NewLeaseDuration" => "NewLeaseTime",
                other => other,
            };
            format!("<p:{name}>{}</p:{name}>", escape(value))
        })
        .collect();
    format!("<p:PortMappingEntry>{elements}</p:PortMappingEntry>")
}

/// The eight arguments that describe an entry, in the standard's order.
fn read(state: &State, service: Service, entry: &PortMapping) -> Vec<(String, String)> {
    let client = state.played(|m| match m {
        Misbehaviour::ListsClientsAs(name) => Some((*name).to_owned()),
        _ => None,
    });
    let lease = if state.plays(&Misbehaviour::ListsZeroLeases) {
        0
    } else {
        entry.remaining(state.links[service.connection].table.now())
    };
    [
        ("NewRemoteHost", entry.remote_host.clone()),
        ("NewExternalPort", entry.external_port.to_string()),
        ("NewProtocol", entry.protocol.clone()),
        ("NewInternalPort", entry.internal_port.to_string()),
        (
            "NewInternalClient",
            client.unwrap_or_else(|| entry.internal_client.clone()),
        ),
        ("NewEnabled", u8::from(entry.enabled).to_string()),
        ("NewPortMappingDescription", entry.description.clone()),
        ("NewLeaseDuration", lease.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn is_of(entry: &PortMapping, peer: IpAddr) -> bool {
    entry.internal_client.parse() == Ok(peer)
}
