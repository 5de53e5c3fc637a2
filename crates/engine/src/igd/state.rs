//! The value of each state variable: the one place where the services read the engine's state.

use std::net::IpAddr;
use std::num::NonZeroU16;

use portreeve_wire::Value;
use portreeve_wire::service::Service;

use super::lan_host;
use crate::config::Nat;
use crate::context::Context;
use crate::link::Timer;
use crate::mapping::Protocol;

/// The present value of a state variable, or `None` for those that only describe arguments.
pub(super) fn value(context: &Context<'_>, service: &'static Service, variable: &str) -> Option<Value> {
    let value = match (service.name, variable) {
        ("WANIPConnection", _) => return wan_connection(context, variable),
        ("WANPPPConnection", _) => return wan_ppp_connection(context, variable),
        ("LANHostConfigManagement", _) => return lan_host::value(context, variable),
        ("WANCommonInterfaceConfig", _) => return wan_common_interface_config(context, variable),
        ("WANIPv6FirewallControl", "FirewallEnabled") => context.config.firewall.enabled.into(),
        ("WANIPv6FirewallControl", "InboundPinholeAllowed") => context.config.firewall.pinholes_allowed.into(),
        ("Layer3Forwarding", "DefaultConnectionService") => default_connection_service(context).into(),
        _ => return None,
    };
    Some(value)
}

/// The connection that Layer3Forwarding calls the default: our only one.
pub(super) fn default_connection_service(context: &Context<'_>) -> String {
    format!("{},{CONNECTION_SERVICE_ID}", connection_device_container(context))
}

/// How services refer to the device that contains the connection.
pub(super) fn connection_device_container(context: &Context<'_>) -> String {
    format!("{}:WANConnectionDevice:2", context.config.connection_device)
}

/// `serviceId` of the connection.
pub(super) const CONNECTION_SERVICE_ID: &str = "urn:upnp-org:serviceId:WANIPConn1";

/// The same connection as WANIPConnection's. What only the program that speaks PPP knows has no value, and what it is
/// given for its login never gets here.
fn wan_ppp_connection(context: &Context<'_>, variable: &str) -> Option<Value> {
    let value = match variable {
        "UpstreamMaxBitRate" | "DownstreamMaxBitRate" => bit_rate(context).into(),
        "LastConnectionError" => match context.link.last_error().name() {
            // This service has a value of its own for it.
            "ERROR_AUTHENTICATION" => "ERROR_AUTHENTICATION_FAILURE".into(),
            error => error.into(),
        },
        _ => return wan_connection(context, variable),
    };
    Some(value)
}

fn wan_connection(context: &Context<'_>, variable: &str) -> Option<Value> {
    let Context {
        config, link, ledger, ..
    } = context;
    let value: Value = match variable {
        "ConnectionType" => link.connection_type().into(),
        "PossibleConnectionTypes" => link.possible_connection_types().into(),
        "ConnectionStatus" => link.status().name().into(),
        "Uptime" => link.uptime(context.now).into(),
        "LastConnectionError" => link.last_error().name().into(),
        "AutoDisconnectTime" => link.timer(Timer::AutoDisconnectTime).into(),
        "IdleDisconnectTime" => link.timer(Timer::IdleDisconnectTime).into(),
        "WarnDisconnectDelay" => link.timer(Timer::WarnDisconnectDelay).into(),
        "RSIPAvailable" => false.into(),
        "NATEnabled" => (config.nat == Nat::Enabled).into(),
        "ExternalIPAddress" => link
            .external_address()
            .map(|address| address.to_string())
            .unwrap_or_default()
            .into(),
        "ExternalIPv6Address" => link
            .external_ipv6()
            .map(|address| address.to_string())
            .unwrap_or_default()
            .into(),
        // 65,536 mappings are possible with RemoteHosts and two transports, but the type ends at 65,535.
        "PortMappingNumberOfEntries" => u16::try_from(ledger.table().len()).unwrap_or(u16::MAX).into(),
        "PossiblePortMappingNumberOfEntries" => capacity_for_caller(context).into(),
        "SystemUpdateID" => (*context.system_update_id).into(),
        _ => return None,
    };
    Some(value)
}

fn wan_common_interface_config(context: &Context<'_>, variable: &str) -> Option<Value> {
    let report = context.link.report();
    // Actions have no way to say that a total cannot be read.
    let counters = context.counters.unwrap_or_default();
    // Counters are ui4 and roll over; the upper half of ours is cut off.
    let low_half = |total: u64| Value::Ui4((total & u64::from(u32::MAX)) as u32);
    let value: Value = match variable {
        "WANAccessType" => "Ethernet".into(),
        "Layer1UpstreamMaxBitRate" | "Layer1DownstreamMaxBitRate" => bit_rate(context).into(),
        "PhysicalLinkStatus" => match (report.configured, report.carrier) {
            (false, _) => "Unavailable".into(),
            (true, true) => "Up".into(),
            (true, false) => "Down".into(),
        },
        "WANAccessProvider" => "".into(),
        "MaximumActiveConnections" => 1u16.into(),
        "NumberOfActiveConnections" => u16::from(context.link.status().passes_packets()).into(),
        "EnabledForInternet" => context.link.enabled_for_internet().into(),
        "TotalBytesSent" => low_half(counters.bytes_sent),
        "TotalBytesReceived" => low_half(counters.bytes_received),
        "TotalPacketsSent" => low_half(counters.packets_sent),
        "TotalPacketsReceived" => low_half(counters.packets_received),
        "ActiveConnectionDeviceContainer" => connection_device_container(context).into(),
        "ActiveConnectionServiceID" => CONNECTION_SERVICE_ID.into(),
        _ => return None,
    };
    Some(value)
}

/// Bits per second in either direction, as far as the interface tells; more than the type can say is said as its most.
fn bit_rate(context: &Context<'_>) -> u32 {
    u32::try_from(context.link.report().bit_rate.unwrap_or(0)).unwrap_or(u32::MAX)
}

/// How many mappings the caller has and could still add: whatever is scarcest of the table's room, the caller's quota
/// and the free ports that policy leaves to it.
fn capacity_for_caller(context: &Context<'_>) -> u32 {
    let Context { config, ledger, .. } = context;
    let IpAddr::V4(caller) = context.caller else { return 0 };
    let table = ledger.table();
    let own = table.count_of_client(caller);
    let room = config.limits.mappings.saturating_sub(table.len());
    let quota = config.limits.mappings_per_client.saturating_sub(own);
    let wanted = match config.nat {
        Nat::Enabled => room.min(quota),
        Nat::Disabled => 0,
    };
    let free_ports = [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .flat_map(|protocol| {
            table
                .occupied()
                .absent_from(protocol, NonZeroU16::MIN)
                .map(move |port| (port, protocol))
        })
        .filter(|(port, protocol)| {
            config.policy.permits_external(context.caller, *port, *protocol)
                && !config.reserved.contains(*protocol, *port)
                && !context.listening.contains(*protocol, *port)
        })
        .take(wanted)
        .count();
    u32::try_from(own + free_ports).unwrap_or(u32::MAX)
}
