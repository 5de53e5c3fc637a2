//! The engine from outside: each rule of the standard's tables named in a test, and random requests against a model.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod access_table;
mod any_port;
mod gateway;
mod leases;
mod link;
mod listing;
mod model;
mod nat;
mod optional_services;
mod overwrite_table;
mod pcp_ipv6;
mod pcp_peer;
mod pinhole_model;
mod pinholes;
mod port_control;
mod system_update_id;
mod upstream;
mod values;
mod world;

use std::time::Duration;

use gateway::{ALICE, BOB, EXTERNAL, Gateway, config, connected, mapping};
use portreeve_engine::config::{Leases, Limits, Nat, WhenDisconnected};
use portreeve_engine::link::LinkReport;
use portreeve_engine::policy::{Policy, Reach, Rule, Verdict};
use portreeve_engine::ports::PortRange;
use portreeve_engine::{Config, Counters, Refusal, Request};
use portreeve_wire::service::{self, Direction};
use portreeve_wire::{DataType, Offer, Value};

const ADD: &str = "AddPortMapping";
const ADD_ANY: &str = "AddAnyPortMapping";

fn reserved_port(outcome: Result<gateway::Outputs, u16>) -> u16 {
    match outcome.expect("a port")["NewReservedPort"] {
        Value::Ui2(port) => port,
        ref other => panic!("{other:?}"),
    }
}

fn lease_of(gateway: &mut Gateway, version: u8) -> Value {
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "18080"),
        ("NewProtocol", "TCP"),
    ];
    gateway
        .call(ALICE, version, "GetSpecificPortMappingEntry", &key)
        .unwrap()["NewLeaseDuration"]
        .clone()
}

/// A policy with the caller's whole LAN and every port open.
fn open_policy() -> Policy {
    let rule = Rule {
        verdict: Verdict::Allow,
        client: None,
        external_ports: PortRange::ALL,
        internal_ports: PortRange::ALL,
        protocol: None,
        description: None,
    };
    Policy {
        rules: vec![rule],
        reach: Reach::Everyone,
    }
}

/// No action of any table lacks code, and none panics on the simplest arguments.
#[test]
fn every_action_of_every_service_is_answered() {
    let offer = Offer {
        pinholes: true,
        ppp: true,
        ..Offer::default()
    };
    for service in offer.services() {
        for action in service.offered_actions(service.version) {
            let mut gateway = Gateway::new(pinholes::config_6());
            let arguments: Vec<(&str, &str)> = action
                .arguments(Direction::In)
                .map(|argument| {
                    let variable = service.variable(argument.variable).unwrap();
                    let simplest = match (variable.data_type, variable.allowed) {
                        (_, service::Allowed::Values(values)) => values[0],
                        (DataType::String, _) => "",
                        _ => "1",
                    };
                    (argument.name, simplest)
                })
                .collect();
            match gateway.call_service(service, ALICE, service.version, action.name, &arguments) {
                Ok(outputs) => assert_eq!(
                    outputs.len(),
                    action.arguments(Direction::Out).count(),
                    "{}",
                    action.name
                ),
                Err(fault) => {
                    let code = fault.code.number();
                    assert!(!matches!(code, 401 | 402 | 602), "{}: {fault}", action.name);
                }
            }
        }
    }
}
