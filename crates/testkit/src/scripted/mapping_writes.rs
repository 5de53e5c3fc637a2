use std::net::IpAddr;
use std::time::Duration;

use super::Nat;
use super::actions::{Outcome, fault, number, values};
use super::misbehaviour::Misbehaviour;
use super::refusals;
use super::services::Service;
use super::soap::{Call, Fault};
use super::state::State;
use super::table::{MappingTable, PortMapping};

/// WANIPConnection:2 section 2.3.14: the longest lease, in seconds, and what 0 means.
const WEEK: u32 = 604_800;

/// What AddPortMapping and AddAnyPortMapping differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    ThisPort,
    AnyPort,
}

/// The actions that change mappings.
pub(super) fn perform(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    match call.action.as_str() {
        "AddPortMapping" => {
            add(state, service, call, peer, Wanted::ThisPort).map_err(|fault| conflict_as_failure(state, fault))?;
            values([])
        }
        "AddAnyPortMapping" => {
            let port = add(state, service, call, peer, Wanted::AnyPort)?;
            values([("NewReservedPort", &port.to_string())])
        }
        "DeletePortMapping" => delete(state, service, call, peer),
        _ => delete_range(state, service, call, peer),
    }
}

/// Returns the external port that the client is told.
fn add(state: &mut State, service: Service, call: &Call, peer: IpAddr, wanted: Wanted) -> Result<u16, Fault> {
    let mut mapping = parse(call)?;
    check(state, service, &mapping)?;
    if let Some(refusal) = refusals::refusal(state, service, &mapping, peer) {
        return Err(refusal);
    }
    let table = &state.links[service.connection].table;
    let owned_by_other = |port: u16| {
        table
            .entries()
            .iter()
            .any(|entry| entry.shares_port(port, &mapping.protocol) && entry.internal_client != mapping.internal_client)
    };
    if !state.plays(&Misbehaviour::OverwritesOthers) {
        match wanted {
            Wanted::ThisPort if owned_by_other(mapping.external_port) => {
                return Err(fault(718, "ConflictInMappingEntry"));
            }
            Wanted::ThisPort => {}
            Wanted::AnyPort => {
                mapping.external_port = (mapping.external_port.max(1)..=u16::MAX)
                    .chain(1024..mapping.external_port)
                    .find(|&port| !owned_by_other(port))
                    .ok_or_else(|| fault(728, "NoPortMapsAvailable"))?;
            }
        }
    }
    let replaced = table.find(&mapping.remote_host, mapping.external_port, &mapping.protocol);
    if replaced.is_none() && table.entries().len() >= state.plan.capacity {
        return Err(fault(728, "NoPortMapsAvailable"));
    }
    let told = mapping.external_port;
    if state.service_version(service) >= 2 {
        let keeps_long = wanted == Wanted::AnyPort && state.plays(&Misbehaviour::AddAnyKeepsLongLeases);
        mapping.lease = match mapping.lease {
            0 => WEEK,
            long if keeps_long => long,
            other => other.min(WEEK),
        };
    }
    store(state, service, mapping);
    Ok(told)
}

fn parse(call: &Call) -> Result<PortMapping, Fault> {
    let text = |name| call.argument(name).unwrap_or_default();
    let mut mapping = PortMapping::new(
        text("NewProtocol"),
        number(call, "NewExternalPort")?,
        text("NewInternalClient"),
        number(call, "NewInternalPort")?,
    )
    .remote_host(text("NewRemoteHost"))
    .description(text("NewPortMappingDescription"))
    .lease(number(call, "NewLeaseDuration")?);
    mapping.enabled = match text("NewEnabled").to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => true,
        "0" | "false" | "no" => false,
        _ => return Err(fault(402, "Invalid Args")),
    };
    Ok(mapping)
}

/// What no gateway can do.
fn check(state: &State, service: Service, mapping: &PortMapping) -> Result<(), Fault> {
    let second_version = state.service_version(service) >= 2;
    let by_version = |code, description| {
        if second_version {
            fault(code, description)
        } else {
            fault(402, "Invalid Args")
        }
    };
    if !["TCP", "UDP"].contains(&mapping.protocol.to_ascii_uppercase().as_str()) {
        return Err(by_version(601, "Argument Value Out of Range"));
    }
    if mapping.external_port == 0 && !state.plays(&Misbehaviour::OpensAllPorts) {
        return Err(fault(716, "WildCardNotPermittedInExtPort"));
    }
    if mapping.internal_port == 0 {
        return Err(by_version(732, "WildCardNotPermittedInIntPort"));
    }
    if mapping.internal_client.is_empty() {
        return Err(by_version(715, "WildCardNotPermittedInSrcIP"));
    }
    match state.links[service.connection].connection.nat {
        Nat::On => Ok(()),
        Nat::Off => Err(fault(501, "Action Failed")),
    }
}

/// Stores what was asked, or what this gateway makes of it.
fn store(state: &mut State, service: Service, mut mapping: PortMapping) {
    let ignored = state.plays(&Misbehaviour::SilentSuccess)
        || (state.plays(&Misbehaviour::IgnoresLowPorts) && mapping.external_port < 1024);
    if ignored {
        return;
    }
    let mut vanishes = None;
    for misbehaviour in &state.misbehaviours {
        match misbehaviour {
            Misbehaviour::StoresOtherPort => mapping.external_port = mapping.external_port.wrapping_add(1).max(1),
            Misbehaviour::LiftsLowPorts => mapping.external_port = mapping.external_port.max(1024),
            Misbehaviour::IgnoresLease => mapping.lease = 0,
            Misbehaviour::CapsLeases(cap) if mapping.lease == 0 || mapping.lease > *cap => mapping.lease = *cap,
            Misbehaviour::ForgetsAfter(time) => vanishes = Some(*time),
            Misbehaviour::KeepsQuotesEscaped => {
                mapping.description = mapping.description.replace('"', "&quot;").replace('\'', "&apos;");
            }
            _ => {}
        }
    }
    let now = state.now();
    let lease = (mapping.lease > 0).then(|| Duration::from_secs(mapping.lease.into()));
    let lives = [lease, vanishes].into_iter().flatten().min();
    state.links[service.connection]
        .table
        .put_until(mapping, lives.map(|time| now + time));
}

fn delete(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    let port: u16 = number(call, "NewExternalPort")?;
    let remote_host = call.argument("NewRemoteHost").unwrap_or_default();
    let protocol = call.argument("NewProtocol").unwrap_or_default();
    let table = &state.links[service.connection].table;
    let entry = table
        .find(remote_host, port, protocol)
        .ok_or_else(|| fault(714, "NoSuchEntryInArray"))?;
    if let Some(code) = refusals::other_client(state, entry, peer) {
        return Err(fault(code, "Action not authorized"));
    }
    state.links[service.connection]
        .table
        .remove_where(|entry| entry.has_key(remote_host, port, protocol));
    values([])
}

fn delete_range(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    let (start, end): (u16, u16) = (number(call, "NewStartPort")?, number(call, "NewEndPort")?);
    if start > end {
        return Err(fault(733, "InconsistentParameters"));
    }
    let protocol = call.argument("NewProtocol").unwrap_or_default();
    let own_only = matches!(call.argument("NewManage"), Some("0" | "false" | "no"));
    let peer = peer.to_string();
    let table: &mut MappingTable = &mut state.links[service.connection].table;
    let removed = table.remove_where(|entry| {
        (start..=end).contains(&entry.external_port)
            && entry.protocol.eq_ignore_ascii_case(protocol)
            && (!own_only || entry.internal_client == peer)
    });
    match removed {
        0 => Err(fault(730, "PortMappingNotFound")),
        _ => values([]),
    }
}

/// R43.
fn conflict_as_failure(state: &State, refused: Fault) -> Fault {
    if state.plays(&Misbehaviour::ConflictIsActionFailed) && [716, 718].contains(&refused.code) {
        fault(501, "Action Failed")
    } else {
        refused
    }
}
