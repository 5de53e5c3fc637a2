//! NAT switched off and on (WANIPConnection:2 section 2.3.10): mappings are kept, readable, and not in force.

use portreeve_engine::Reply;

use super::*;

fn switch(gateway: &mut Gateway, nat: Nat) {
    let config = Config { nat, ..config() };
    match gateway.ask(Request::Reconfigure(Box::new(config))) {
        Reply::Reconfigured(Ok(())) => {}
        other => panic!("{other:?}"),
    }
}

/// A gateway with a mapping of Alice's and NAT off.
fn off() -> Gateway {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[("NewProtocol", "UDP")]).unwrap();
    switch(&mut gateway, Nat::Disabled);
    gateway
}

const KEY: [(&str, &str); 3] = [
    ("NewRemoteHost", ""),
    ("NewExternalPort", "18080"),
    ("NewProtocol", "UDP"),
];
const RANGE: [(&str, &str); 4] = [
    ("NewStartPort", "1024"),
    ("NewEndPort", "65535"),
    ("NewProtocol", "UDP"),
    ("NewManage", "0"),
];

#[test]
fn without_nat_nothing_is_desired_and_everything_is_kept() {
    let mut gateway = off();
    assert_eq!(gateway.engine.nat(), Nat::Disabled);
    let desired = gateway.engine.desired();
    assert!(desired.mappings.is_empty() && desired.outbound.is_empty());
    assert_eq!(gateway.engine.mappings().count(), 1);
    assert_eq!(gateway.variable("NATEnabled"), Ok(Value::Boolean(false)));
    assert_eq!(gateway.variable("PortMappingNumberOfEntries"), Ok(Value::Ui2(1)));
    let entry = gateway.call(ALICE, 2, "GetSpecificPortMappingEntry", &KEY).unwrap();
    assert_eq!(entry["NewInternalPort"], Value::Ui2(8080));
    gateway
        .call(ALICE, 2, "GetGenericPortMappingEntry", &[("NewPortMappingIndex", "0")])
        .unwrap();

    switch(&mut gateway, Nat::Enabled);
    let desired = gateway.engine.desired();
    assert_eq!((desired.mappings.len(), desired.outbound.len()), (1, 1));
}

#[test]
fn without_nat_no_mapping_is_made_changed_or_removed_by_clients() {
    let mut gateway = off();
    for version in [1, 2] {
        let add = mapping(ALICE, &[("NewExternalPort", "19000")]);
        assert_eq!(gateway.call(ALICE, version, ADD, &add), Err(501));
        assert_eq!(gateway.call(ALICE, version, "DeletePortMapping", &KEY), Err(501));
    }
    assert_eq!(gateway.add(ALICE, ADD_ANY, &[]), Err(501));
    assert_eq!(gateway.call(ALICE, 2, "DeletePortMappingRange", &RANGE), Err(501));
    // Whoever may not do it at all is told that, and nothing else.
    assert_eq!(gateway.call(BOB, 2, "DeletePortMapping", &KEY), Err(606));
    assert_eq!(gateway.call(BOB, 2, "DeletePortMappingRange", &RANGE), Err(730));
    assert_eq!(gateway.add(ALICE, ADD, &[("NewInternalClient", BOB)]), Err(606));
    assert_eq!(gateway.mappings().len(), 1);
    let possible = gateway
        .call(ALICE, 2, "X_GetPossiblePortMappingNumberOfEntries", &[])
        .unwrap();
    assert_eq!(possible["NewPossiblePortMappingNumberOfEntries"], Value::Ui4(1));
}

#[test]
fn leases_run_on_without_nat() {
    let mut gateway = off();
    gateway.pass(Duration::from_secs(3600));
    assert!(gateway.mappings().is_empty());
    switch(&mut gateway, Nat::Enabled);
    assert!(gateway.engine.desired().mappings.is_empty());
}

#[test]
fn each_switch_is_one_change_that_control_points_learn_of() {
    let mut gateway = Gateway::new(config());
    gateway.engine.poll_evented();
    for (nat, id) in [
        (Nat::Enabled, None),
        (Nat::Disabled, Some(1)),
        (Nat::Disabled, None),
        (Nat::Enabled, Some(2)),
    ] {
        switch(&mut gateway, nat);
        let told = gateway.engine.poll_evented();
        let told: Vec<_> = told
            .iter()
            .map(|told| (told.variable.name, told.value.clone()))
            .collect();
        let expected: Vec<_> = id.map(|id| ("SystemUpdateID", Value::Ui4(id))).into_iter().collect();
        assert_eq!(told, expected, "{nat:?}");
    }
}
