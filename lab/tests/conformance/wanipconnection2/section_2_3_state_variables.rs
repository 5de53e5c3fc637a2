//! Every state variable as the SCPD declares it: type, events, allowed values, range.

use portreeve_lab::Bed;
use portreeve_lab::upnp::description::Variable;

/// Fetches the declaration of a variable and compares type and `sendEvents`. `None`: the test cannot run here.
#[track_caller]
fn declared(name: &str, data_type: &str, send_events: &str) -> Option<Variable> {
    let bed = Bed::shared()?;
    let scpd = bed.client(1).scpd("WANIPConnection:2");
    let variable = scpd
        .variable(name)
        .unwrap_or_else(|| panic!("the SCPD does not declare {name}"));
    assert_eq!(variable.data_type, data_type, "type of {name}");
    assert_eq!(variable.send_events, send_events, "sendEvents of {name}");
    Some(variable.clone())
}

/// An optional variable is right if it is absent, too.
fn declared_if_present(name: &str, data_type: &str) {
    let Some(bed) = Bed::shared() else { return };
    let scpd = bed.client(1).scpd("WANIPConnection:2");
    if let Some(variable) = scpd.variable(name) {
        assert_eq!(
            (variable.data_type.as_str(), variable.send_events.as_str()),
            (data_type, "no"),
            "{name}"
        );
    }
}

#[track_caller]
fn allows(variable: &Variable, required: &[&str]) {
    for value in required {
        assert!(
            variable.allowed.iter().any(|allowed| allowed == value),
            "{}: {:?}",
            variable.name,
            variable.allowed
        );
    }
}

#[test]
fn connection_type_is_a_string_with_the_three_required_values() {
    let Some(variable) = declared("ConnectionType", "string", "no") else {
        return;
    };
    allows(&variable, &["Unconfigured", "IP_Routed", "IP_Bridged"]);
}

#[test]
fn possible_connection_types_is_an_evented_string() {
    declared("PossibleConnectionTypes", "string", "yes");
}

#[test]
fn connection_status_is_an_evented_string_with_the_required_values() {
    let Some(variable) = declared("ConnectionStatus", "string", "yes") else {
        return;
    };
    allows(&variable, &["Unconfigured", "Connected", "Disconnected"]);
}

#[test]
fn connection_status_lists_only_standard_or_vendor_values() {
    let Some(variable) = declared("ConnectionStatus", "string", "yes") else {
        return;
    };
    let standard = [
        "Unconfigured",
        "Connecting",
        "Connected",
        "PendingDisconnect",
        "Disconnecting",
        "Disconnected",
    ];
    for value in &variable.allowed {
        assert!(standard.contains(&value.as_str()) || value.starts_with("X_"), "{value}");
    }
}

#[test]
fn uptime_is_ui4() {
    declared("Uptime", "ui4", "no");
}

#[test]
fn last_connection_error_is_a_string_with_error_none() {
    let Some(variable) = declared("LastConnectionError", "string", "no") else {
        return;
    };
    allows(&variable, &["ERROR_NONE"]);
}

#[test]
fn auto_disconnect_time_is_ui4_if_present() {
    declared_if_present("AutoDisconnectTime", "ui4");
}

#[test]
fn idle_disconnect_time_is_ui4_if_present() {
    declared_if_present("IdleDisconnectTime", "ui4");
}

#[test]
fn warn_disconnect_delay_is_ui4_if_present() {
    declared_if_present("WarnDisconnectDelay", "ui4");
}

#[test]
fn rsip_available_is_boolean() {
    declared("RSIPAvailable", "boolean", "no");
}

#[test]
fn nat_enabled_is_boolean() {
    declared("NATEnabled", "boolean", "no");
}

#[test]
fn external_ip_address_is_an_evented_string() {
    declared("ExternalIPAddress", "string", "yes");
}

#[test]
fn port_mapping_number_of_entries_is_evented_ui2() {
    declared("PortMappingNumberOfEntries", "ui2", "yes");
}

#[test]
fn port_mapping_enabled_is_boolean() {
    declared("PortMappingEnabled", "boolean", "no");
}

#[test]
fn port_mapping_lease_duration_is_ui4_from_0_to_604800() {
    let Some(variable) = declared("PortMappingLeaseDuration", "ui4", "no") else {
        return;
    };
    assert_eq!(variable.range, Some((String::from("0"), String::from("604800"))));
}

#[test]
fn remote_host_is_a_string() {
    declared("RemoteHost", "string", "no");
}

#[test]
fn external_port_is_ui2_without_range() {
    let Some(variable) = declared("ExternalPort", "ui2", "no") else {
        return;
    };
    assert_eq!(variable.range, None);
}

#[test]
fn internal_port_is_ui2_from_1_to_65535() {
    let Some(variable) = declared("InternalPort", "ui2", "no") else {
        return;
    };
    assert_eq!(variable.range, Some((String::from("1"), String::from("65535"))));
}

#[test]
fn port_mapping_protocol_is_tcp_or_udp() {
    let Some(variable) = declared("PortMappingProtocol", "string", "no") else {
        return;
    };
    allows(&variable, &["TCP", "UDP"]);
}

#[test]
fn internal_client_is_a_string() {
    declared("InternalClient", "string", "no");
}

#[test]
fn port_mapping_description_is_a_string() {
    declared("PortMappingDescription", "string", "no");
}

#[test]
fn system_update_id_is_evented_ui4() {
    declared("SystemUpdateID", "ui4", "yes");
}

#[test]
fn a_arg_type_manage_is_boolean() {
    declared("A_ARG_TYPE_Manage", "boolean", "no");
}

#[test]
fn a_arg_type_port_listing_is_a_string() {
    declared("A_ARG_TYPE_PortListing", "string", "no");
}

#[test]
fn exactly_five_standard_variables_are_evented() {
    let Some(bed) = Bed::shared() else { return };
    let scpd = bed.client(1).scpd("WANIPConnection:2");
    let mut evented: Vec<_> = scpd
        .variables
        .iter()
        .filter(|variable| variable.send_events == "yes" && !is_an_addition(&variable.name))
        .map(|variable| variable.name.as_str())
        .collect();
    evented.sort_unstable();
    assert_eq!(
        evented,
        [
            "ConnectionStatus",
            "ExternalIPAddress",
            "PortMappingNumberOfEntries",
            "PossibleConnectionTypes",
            "SystemUpdateID"
        ]
    );
}

/// A vendor may add variables; the standard's list says nothing about them.
fn is_an_addition(name: &str) -> bool {
    name.starts_with("X_") || matches!(name, "ExternalIPv6Address" | "PossiblePortMappingNumberOfEntries")
}

#[test]
fn every_standard_variable_is_declared_once() {
    let Some(bed) = Bed::shared() else { return };
    let scpd = bed.client(1).scpd("WANIPConnection:2");
    let mut names: Vec<_> = scpd.variables.iter().map(|variable| variable.name.as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
