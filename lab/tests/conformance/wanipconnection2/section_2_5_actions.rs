//! Every action as the SCPD declares it: arguments, directions, order, related state variables.

use portreeve_lab::Bed;
use portreeve_lab::upnp::description::Scpd;

/// `name:variable` of the arguments, in order.
struct Arguments {
    input: &'static [(&'static str, &'static str)],
    output: &'static [(&'static str, &'static str)],
}

const MAPPING: &[(&str, &str)] = &[
    ("NewRemoteHost", "RemoteHost"),
    ("NewExternalPort", "ExternalPort"),
    ("NewProtocol", "PortMappingProtocol"),
    ("NewInternalPort", "InternalPort"),
    ("NewInternalClient", "InternalClient"),
    ("NewEnabled", "PortMappingEnabled"),
    ("NewPortMappingDescription", "PortMappingDescription"),
    ("NewLeaseDuration", "PortMappingLeaseDuration"),
];
const KEY: &[(&str, &str)] = &[
    ("NewRemoteHost", "RemoteHost"),
    ("NewExternalPort", "ExternalPort"),
    ("NewProtocol", "PortMappingProtocol"),
];

fn scpd() -> Option<Scpd> {
    let bed = Bed::shared()?;
    Some(bed.client(1).scpd("WANIPConnection:2"))
}

#[track_caller]
fn required(name: &str, arguments: &Arguments) {
    let Some(scpd) = scpd() else { return };
    assert!(scpd.action(name).is_some(), "the SCPD does not declare {name}");
    compare(&scpd, name, arguments);
}

#[track_caller]
fn optional(name: &str, arguments: &Arguments) {
    let Some(scpd) = scpd() else { return };
    if scpd.action(name).is_some() {
        compare(&scpd, name, arguments);
    }
}

#[track_caller]
fn compare(scpd: &Scpd, name: &str, expected: &Arguments) {
    let action = scpd.action(name).expect("the caller has looked");
    let found: Vec<_> = action
        .arguments
        .iter()
        .map(|argument| {
            (
                argument.direction.as_str(),
                argument.name.as_str(),
                argument.related.as_str(),
            )
        })
        .collect();
    let expected: Vec<_> = expected
        .input
        .iter()
        .map(|(name, related)| ("in", *name, *related))
        .chain(expected.output.iter().map(|(name, related)| ("out", *name, *related)))
        .collect();
    assert_eq!(found, expected, "arguments of {name}");
}

#[test]
fn action_01_set_connection_type() {
    required(
        "SetConnectionType",
        &Arguments {
            input: &[("NewConnectionType", "ConnectionType")],
            output: &[],
        },
    );
}

#[test]
fn action_02_get_connection_type_info() {
    let output = &[
        ("NewConnectionType", "ConnectionType"),
        ("NewPossibleConnectionTypes", "PossibleConnectionTypes"),
    ];
    required("GetConnectionTypeInfo", &Arguments { input: &[], output });
}

#[test]
fn action_03_request_connection() {
    required(
        "RequestConnection",
        &Arguments {
            input: &[],
            output: &[],
        },
    );
}

#[test]
fn action_04_request_termination_is_optional() {
    optional(
        "RequestTermination",
        &Arguments {
            input: &[],
            output: &[],
        },
    );
}

#[test]
fn action_05_force_termination() {
    required(
        "ForceTermination",
        &Arguments {
            input: &[],
            output: &[],
        },
    );
}

#[test]
fn action_06_set_auto_disconnect_time_is_optional() {
    let input = &[("NewAutoDisconnectTime", "AutoDisconnectTime")];
    optional("SetAutoDisconnectTime", &Arguments { input, output: &[] });
}

#[test]
fn action_07_set_idle_disconnect_time_is_optional() {
    let input = &[("NewIdleDisconnectTime", "IdleDisconnectTime")];
    optional("SetIdleDisconnectTime", &Arguments { input, output: &[] });
}

#[test]
fn action_08_set_warn_disconnect_delay_is_optional() {
    let input = &[("NewWarnDisconnectDelay", "WarnDisconnectDelay")];
    optional("SetWarnDisconnectDelay", &Arguments { input, output: &[] });
}

#[test]
fn action_09_get_status_info() {
    let output = &[
        ("NewConnectionStatus", "ConnectionStatus"),
        ("NewLastConnectionError", "LastConnectionError"),
        ("NewUptime", "Uptime"),
    ];
    required("GetStatusInfo", &Arguments { input: &[], output });
}

#[test]
fn action_10_get_auto_disconnect_time_is_optional() {
    let output = &[("NewAutoDisconnectTime", "AutoDisconnectTime")];
    optional("GetAutoDisconnectTime", &Arguments { input: &[], output });
}

#[test]
fn action_11_get_idle_disconnect_time_is_optional() {
    let output = &[("NewIdleDisconnectTime", "IdleDisconnectTime")];
    optional("GetIdleDisconnectTime", &Arguments { input: &[], output });
}

#[test]
fn action_12_get_warn_disconnect_delay_is_optional() {
    let output = &[("NewWarnDisconnectDelay", "WarnDisconnectDelay")];
    optional("GetWarnDisconnectDelay", &Arguments { input: &[], output });
}

#[test]
fn action_13_get_nat_rsip_status() {
    let output = &[("NewRSIPAvailable", "RSIPAvailable"), ("NewNATEnabled", "NATEnabled")];
    required("GetNATRSIPStatus", &Arguments { input: &[], output });
}

#[test]
fn action_14_get_generic_port_mapping_entry() {
    let input = &[("NewPortMappingIndex", "PortMappingNumberOfEntries")];
    required("GetGenericPortMappingEntry", &Arguments { input, output: MAPPING });
}

#[test]
fn action_15_get_specific_port_mapping_entry() {
    required(
        "GetSpecificPortMappingEntry",
        &Arguments {
            input: KEY,
            output: &MAPPING[3..],
        },
    );
}

#[test]
fn action_16_add_port_mapping() {
    required(
        "AddPortMapping",
        &Arguments {
            input: MAPPING,
            output: &[],
        },
    );
}

#[test]
fn action_17_add_any_port_mapping() {
    let output = &[("NewReservedPort", "ExternalPort")];
    required("AddAnyPortMapping", &Arguments { input: MAPPING, output });
}

#[test]
fn action_18_delete_port_mapping() {
    required(
        "DeletePortMapping",
        &Arguments {
            input: KEY,
            output: &[],
        },
    );
}

#[test]
fn action_19_delete_port_mapping_range() {
    let input = &[
        ("NewStartPort", "ExternalPort"),
        ("NewEndPort", "ExternalPort"),
        ("NewProtocol", "PortMappingProtocol"),
        ("NewManage", "A_ARG_TYPE_Manage"),
    ];
    required("DeletePortMappingRange", &Arguments { input, output: &[] });
}

#[test]
fn action_20_get_external_ip_address() {
    let output = &[("NewExternalIPAddress", "ExternalIPAddress")];
    required("GetExternalIPAddress", &Arguments { input: &[], output });
}

#[test]
fn action_21_get_list_of_port_mappings() {
    let input = &[
        ("NewStartPort", "ExternalPort"),
        ("NewEndPort", "ExternalPort"),
        ("NewProtocol", "PortMappingProtocol"),
        ("NewManage", "A_ARG_TYPE_Manage"),
        ("NewNumberOfPorts", "PortMappingNumberOfEntries"),
    ];
    required(
        "GetListOfPortMappings",
        &Arguments {
            input,
            output: &[("NewPortListing", "A_ARG_TYPE_PortListing")],
        },
    );
}

#[test]
fn every_related_state_variable_is_declared() {
    let Some(scpd) = scpd() else { return };
    for action in &scpd.actions {
        for argument in &action.arguments {
            assert!(
                scpd.variable(&argument.related).is_some(),
                "{}: {} is not declared",
                action.name,
                argument.related
            );
        }
    }
}
