use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::misbehaviour::Misbehaviour;
use super::services::{Service, ServiceKind};
use super::soap::{Call, Fault};
use super::state::State;
use super::{mapping_reads, mapping_writes, pinholes};

/// Out-arguments in their order, or a fault.
pub(super) type Outcome = Result<Vec<(String, String)>, Fault>;

/// Performs an action as the gateway does it when no hook stands before.
pub(super) fn perform(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    if call.action == "QueryStateVariable" {
        return query(state, service, call);
    }
    let missing = state.played(|m| match m {
        Misbehaviour::ActionMissing(name) => (*name == call.action).then_some(()),
        _ => None,
    });
    let known = service
        .kind
        .actions(state.service_version(service))
        .find(|signature| signature.name == call.action);
    let (None, Some(signature)) = (missing, known) else {
        return Err(fault(401, "Invalid Action"));
    };
    if signature.inputs.iter().any(|name| call.argument(name).is_none()) {
        return Err(fault(402, "Invalid Args"));
    }
    match service.kind {
        ServiceKind::Layer3Forwarding => forwarding(state, call),
        ServiceKind::CommonInterfaceConfig => common_interface(state, service, call),
        ServiceKind::IpConnection | ServiceKind::PppConnection => connection(state, service, call, peer),
        ServiceKind::FirewallControl => pinholes::perform(state, call),
    }
}

/// A fault with this code and text.
pub(super) fn fault(code: u16, description: &str) -> Fault {
    Fault {
        code,
        description: description.to_owned(),
    }
}

/// Success with these out-arguments.
pub(super) fn values<const N: usize>(arguments: [(&str, &str); N]) -> Outcome {
    Ok(arguments
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec())
}

/// An argument as a number; 402 if it is none.
pub(super) fn number<T: FromStr>(call: &Call, argument: &str) -> Result<T, Fault> {
    call.argument(argument)
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| fault(402, "Invalid Args"))
}

fn connection(state: &mut State, service: Service, call: &Call, peer: IpAddr) -> Outcome {
    let now = state.now();
    let link = &mut state.links[service.connection];
    let uptime = link.uptime(now).to_string();
    let connection = &mut link.connection;
    match call.action.as_str() {
        "GetStatusInfo" => values([
            ("NewConnectionStatus", &connection.status),
            ("NewLastConnectionError", &connection.last_error),
            ("NewUptime", &uptime),
        ]),
        "GetExternalIPAddress" => {
            let private = state.plays(&Misbehaviour::RefusesBehindPrivateWan);
            let address = &state.links[service.connection].connection.external_address;
            let address = if private && !is_public(address) { "" } else { address };
            values([("NewExternalIPAddress", address)])
        }
        "GetNATRSIPStatus" => {
            let nat = match connection.nat {
                super::Nat::On => "1",
                super::Nat::Off => "0",
            };
            values([("NewRSIPAvailable", "0"), ("NewNATEnabled", nat)])
        }
        "GetConnectionTypeInfo" => values([
            ("NewConnectionType", &connection.connection_type),
            ("NewPossibleConnectionTypes", "Unconfigured,IP_Routed,IP_Bridged"),
        ]),
        "SetConnectionType" => Err(fault(501, "Action Failed")),
        "RequestConnection" => {
            if !connection.is_up() {
                "Connected".clone_into(&mut connection.status);
                "ERROR_NONE".clone_into(&mut connection.last_error);
                link.since = now;
            }
            values([])
        }
        "ForceTermination" => {
            if !connection.is_up() {
                return Err(fault(711, "ConnectionAlreadyTerminated"));
            }
            "Disconnected".clone_into(&mut connection.status);
            "ERROR_FORCED_DISCONNECT".clone_into(&mut connection.last_error);
            values([])
        }
        "GetLinkLayerMaxBitRates" => values([
            ("NewUpstreamMaxBitRate", "40000000"),
            ("NewDownstreamMaxBitRate", "100000000"),
        ]),
        "AddPortMapping" | "AddAnyPortMapping" | "DeletePortMapping" | "DeletePortMappingRange" => {
            mapping_writes::perform(state, service, call, peer)
        }
        _ => mapping_reads::perform(state, service, call, peer),
    }
}

/// Whether it can be reached from the Internet.
pub(super) fn is_public(address: &str) -> bool {
    address.parse::<Ipv4Addr>().is_ok_and(|address| {
        let [a, b, ..] = address.octets();
        let shared = a == 100 && (64..128).contains(&b);
        !(address.is_private()
            || address.is_unspecified()
            || address.is_loopback()
            || address.is_link_local()
            || shared)
    })
}

fn forwarding(state: &State, call: &Call) -> Outcome {
    if call.action == "SetDefaultConnectionService" {
        return Err(fault(501, "Action Failed"));
    }
    let index = state.plan.default_connection;
    let group = state.groups().iter().position(|group| group.contains(&index));
    let service = state.services.iter().find(|service| {
        service.connection == index && matches!(service.kind, ServiceKind::IpConnection | ServiceKind::PppConnection)
    });
    let (Some(group), Some(service)) = (group, service) else {
        return values([("NewDefaultConnectionService", "")]);
    };
    let version = match state.plan.igd {
        super::IgdVersion::V1 => 1,
        super::IgdVersion::V2 => 2,
    };
    let name = format!(
        "{}:WANConnectionDevice:{version},{}",
        state.udn(2 + 2 * group),
        service.kind.id(&state.misbehaviours)
    );
    values([("NewDefaultConnectionService", &name)])
}

fn common_interface(state: &State, service: Service, call: &Call) -> Outcome {
    let counters = state.played(|m| match m {
        Misbehaviour::CountersRead(text) => Some(*text),
        _ => None,
    });
    let cable = match state.links[service.connection].connection.last_error.as_str() {
        "ERROR_NO_CARRIER" => "Down",
        _ => "Up",
    };
    match call.action.as_str() {
        "GetCommonLinkProperties" => values([
            ("NewWANAccessType", "Ethernet"),
            ("NewLayer1UpstreamMaxBitRate", "40000000"),
            ("NewLayer1DownstreamMaxBitRate", "100000000"),
            ("NewPhysicalLinkStatus", cable),
        ]),
        "GetEnabledForInternet" => values([("NewEnabledForInternet", "1")]),
        "GetTotalBytesSent" => values([("NewTotalBytesSent", counters.unwrap_or("1000"))]),
        "GetTotalBytesReceived" => values([("NewTotalBytesReceived", counters.unwrap_or("2000"))]),
        "GetTotalPacketsSent" => values([("NewTotalPacketsSent", counters.unwrap_or("10"))]),
        "GetTotalPacketsReceived" => values([("NewTotalPacketsReceived", counters.unwrap_or("20"))]),
        _ => Err(fault(401, "Invalid Action")),
    }
}

/// UDA 1.0 section 3.3.1.
fn query(state: &State, service: Service, call: &Call) -> Outcome {
    let name = call.argument("varName").unwrap_or_default();
    variable(state, service, name)
        .map(|value| vec![("return".to_owned(), value)])
        .ok_or_else(|| fault(404, "Invalid Var"))
}

/// Value of a state variable that can be queried or is sent as an event.
pub(super) fn variable(state: &State, service: Service, name: &str) -> Option<String> {
    if !matches!(service.kind, ServiceKind::IpConnection | ServiceKind::PppConnection) {
        return None;
    }
    let link = &state.links[service.connection];
    match name {
        "ConnectionStatus" => Some(link.connection.status.clone()),
        "ExternalIPAddress" => Some(link.connection.external_address.clone()),
        "PortMappingNumberOfEntries" => Some(link.table.entries().len().to_string()),
        "SystemUpdateID" if state.plays(&Misbehaviour::ConstantUpdateId) => Some("1".to_owned()),
        "SystemUpdateID" if state.service_version(service) >= 2 => Some(link.table.update_id().to_string()),
        _ => None,
    }
}
