//! The service tables against the standard: counts, names, order and references.

use portreeve_wire::service::{self, Access, Allowed, Direction, LAYER3_FORWARDING, Service, WAN_IP_CONNECTION};
use portreeve_wire::{DataType, ErrorCode};

#[test]
fn wan_ip_connection_2_has_23_variables_and_21_actions_besides_ours() {
    let ours = ["ExternalIPv6Address", "PossiblePortMappingNumberOfEntries"];
    let standard = WAN_IP_CONNECTION.variables.iter().filter(|v| !ours.contains(&v.name));
    assert_eq!(standard.count(), 23);
    assert_eq!(WAN_IP_CONNECTION.variables.len(), 25);
    let standard = WAN_IP_CONNECTION.actions.iter().filter(|a| !a.name.starts_with("X_"));
    assert_eq!(standard.count(), 21);
    assert_eq!(WAN_IP_CONNECTION.actions.len(), 24);
}

#[test]
fn the_version_1_view_lacks_exactly_what_is_newer() {
    assert_eq!(WAN_IP_CONNECTION.variables_of(1).count(), 20);
    assert_eq!(WAN_IP_CONNECTION.actions_of(1).count(), 18);
    let newer: Vec<_> = WAN_IP_CONNECTION
        .actions
        .iter()
        .filter(|action| action.since == 2)
        .map(|action| action.name)
        .collect();
    assert_eq!(
        newer,
        [
            "AddAnyPortMapping",
            "DeletePortMappingRange",
            "GetListOfPortMappings",
            "X_GetExternalIPv6Address",
            "X_GetPossiblePortMappingNumberOfEntries",
            "X_GetTotalPortMappings",
        ]
    );
}

#[test]
fn evented_variables_are_those_of_the_standard() {
    let evented = |service: &'static Service, version| -> Vec<&str> {
        let variables = service.variables_of(version);
        variables
            .filter(|variable| variable.evented)
            .map(|variable| variable.name)
            .collect()
    };
    let version_1 = [
        "PossibleConnectionTypes",
        "ConnectionStatus",
        "ExternalIPAddress",
        "PortMappingNumberOfEntries",
    ];
    assert_eq!(evented(&WAN_IP_CONNECTION, 1), version_1);
    let version_2: Vec<_> = version_1
        .into_iter()
        .chain(["SystemUpdateID", "ExternalIPv6Address"])
        .collect();
    assert_eq!(evented(&WAN_IP_CONNECTION, 2), version_2);
    assert_eq!(evented(&LAYER3_FORWARDING, 1), ["DefaultConnectionService"]);
}

/// Wrong order breaks clients that fill in arguments by position.
#[test]
fn add_any_port_mapping_has_the_arguments_in_the_standards_order() {
    let action = WAN_IP_CONNECTION.action("AddAnyPortMapping", 2).unwrap();
    let names: Vec<_> = action.arguments.iter().map(|argument| argument.name).collect();
    assert_eq!(
        names,
        [
            "NewRemoteHost",
            "NewExternalPort",
            "NewProtocol",
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration",
            "NewReservedPort",
        ]
    );
    assert_eq!(action.arguments(Direction::In).count(), 8);
}

#[test]
fn every_argument_has_a_variable_that_exists_in_its_version() {
    for service in service::ALL {
        for action in service.actions {
            for argument in action.arguments {
                let variable = service.variable(argument.variable).unwrap_or_else(|| {
                    panic!("{}#{} {}", service.name, action.name, argument.name);
                });
                assert!(variable.since <= action.since, "{}#{}", action.name, argument.name);
            }
        }
    }
}

#[test]
fn every_variable_serves_an_argument_or_an_event_or_stands_alone_in_the_standard() {
    for service in service::ALL {
        for variable in service.variables {
            let used = service.actions.iter().any(|action| {
                action
                    .arguments
                    .iter()
                    .any(|argument| argument.variable == variable.name)
            });
            assert!(used || variable.evented, "{} {}", service.name, variable.name);
        }
    }
}

#[test]
fn in_arguments_come_before_out_arguments() {
    for service in service::ALL {
        for action in service.actions {
            let inputs = action.arguments(Direction::In).count();
            let all_in = action.arguments[..inputs].iter().all(|a| a.direction == Direction::In);
            assert!(all_in, "{}", action.name);
        }
    }
}

#[test]
fn names_are_unique_and_of_legal_form() {
    let legal = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    for service in service::ALL {
        let mut seen = Vec::new();
        for name in service.actions.iter().map(|action| action.name) {
            assert!(legal(name) && !seen.contains(&name), "{name}");
            seen.push(name);
        }
        seen.clear();
        for name in service.variables.iter().map(|variable| variable.name) {
            assert!(legal(name) && !seen.contains(&name), "{name}");
            seen.push(name);
        }
        for action in service.actions {
            seen.clear();
            for name in action.arguments.iter().map(|argument| argument.name) {
                assert!(legal(name) && !seen.contains(&name), "{name}");
                seen.push(name);
            }
        }
    }
}

/// The architecture wants names below 32 characters; ours that the mission names are longer and only in version 2.
#[test]
fn names_of_the_standard_are_below_32_characters() {
    for service in service::ALL {
        let variables = service.variables.iter().map(|variable| variable.name);
        let arguments = service
            .actions
            .iter()
            .flat_map(|action| action.arguments)
            .map(|argument| argument.name);
        let long: Vec<_> = variables.chain(arguments).filter(|name| name.len() >= 32).collect();
        let ours = |name: &&str| name.contains("PossiblePortMappingNumberOfEntries");
        assert!(long.iter().all(ours), "{long:?}");
    }
}

#[test]
fn defaults_and_allowed_values_are_of_the_variables_type() {
    for service in service::ALL {
        for variable in service.variables {
            if let Some(default) = variable.default {
                assert!(variable.data_type.parse(default).is_ok(), "{}", variable.name);
            }
            let fits = match variable.allowed {
                Allowed::Any => true,
                Allowed::Values(values) => variable.data_type == DataType::String && !values.is_empty(),
                Allowed::Range { minimum, maximum, .. } => {
                    minimum <= maximum && variable.data_type.parse(&maximum.to_string()).is_ok()
                }
                Allowed::MaximumLength(longest) => variable.data_type == DataType::String && longest > 0,
            };
            assert!(fits, "{}", variable.name);
        }
    }
}

#[test]
fn whoever_changes_the_link_needs_link_control() {
    for service in service::ALL {
        for action in service.actions {
            let mapping = action.name.contains("PortMapping") && action.name.starts_with(['A', 'D']);
            let changes = !action.name.contains("Get") && !mapping;
            assert_eq!(changes, action.access == Access::LinkControl, "{}", action.name);
            if mapping {
                assert_eq!(action.access, Access::OwnMappings, "{}", action.name);
            }
        }
    }
}

#[test]
fn generic_codes_are_not_listed_per_action() {
    for service in service::ALL {
        for action in service.actions {
            assert!(action.errors.iter().all(|code| code.number() >= 700), "{}", action.name);
        }
    }
}

#[test]
fn a_version_2_gateway_has_no_code_that_only_version_1_knew() {
    assert!(ErrorCode::ALL.iter().all(|code| !(724..=727).contains(&code.number())));
}

#[test]
fn service_types_are_looked_up_tolerantly() {
    let find = |urn: &str| service::by_urn(urn).map(|(service, version)| (service.name, version));
    assert_eq!(
        find("urn:schemas-upnp-org:service:WANIPConnection:2"),
        Some(("WANIPConnection", Some(2)))
    );
    assert_eq!(
        find(" urn:schemas-upnp-org:service:WANIPConnection:7 "),
        Some(("WANIPConnection", Some(7)))
    );
    assert_eq!(
        find("urn:schemas-upnp-org:service:WANIPConnection:"),
        Some(("WANIPConnection", None))
    );
    assert_eq!(
        find("urn:schemas-upnp-org:service:WANIPConnection"),
        Some(("WANIPConnection", None))
    );
    assert_eq!(find("urn:schemas-upnp-org:service:WANIPConnection:x"), None);
    assert_eq!(find("urn:schemas-upnp-org:service:WANPPPConnection:1"), None);
    assert_eq!(find("urn:schemas-upnp-org:device:WANDevice:1"), None);
    for service in service::ALL {
        assert_eq!(find(&service.urn(1)), Some((service.name, Some(1))));
    }
}
