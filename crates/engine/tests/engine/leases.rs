use super::*;

#[test]
fn zero_is_a_week_in_version_2_and_the_default_in_version_1() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[("NewLeaseDuration", "0")]).unwrap();
    assert_eq!(lease_of(&mut gateway, 2), Value::Ui4(604_800));
    gateway
        .call(ALICE, 1, ADD, &gateway::mapping(ALICE, &[("NewLeaseDuration", "0")]))
        .unwrap();
    assert_eq!(lease_of(&mut gateway, 1), Value::Ui4(3600));
}

#[test]
fn version_1_may_have_permanent_mappings_if_configured() {
    let leases = Leases {
        v1_default: None,
        ..Leases::default()
    };
    let mut gateway = Gateway::new(Config { leases, ..config() });
    gateway
        .call(ALICE, 1, ADD, &gateway::mapping(ALICE, &[("NewLeaseDuration", "0")]))
        .unwrap();
    gateway.pass(Duration::from_secs(10_000_000));
    assert_eq!(lease_of(&mut gateway, 1), Value::Ui4(0));
}

#[test]
fn version_1_may_ask_for_more_than_a_week_and_gets_a_week() {
    let mut gateway = Gateway::new(config());
    for asked in ["604801", "4294967295"] {
        gateway
            .call(ALICE, 1, ADD, &gateway::mapping(ALICE, &[("NewLeaseDuration", asked)]))
            .unwrap();
        assert_eq!(lease_of(&mut gateway, 1), Value::Ui4(604_800));
    }
}

#[test]
fn a_lease_counts_down_and_is_refreshed_by_asking_again() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway.pass(Duration::from_millis(3_599_001));
    assert_eq!(lease_of(&mut gateway, 2), Value::Ui4(1));
    gateway.add(ALICE, ADD, &[]).unwrap();
    assert_eq!(lease_of(&mut gateway, 2), Value::Ui4(3600));
    gateway.pass(Duration::from_secs(3600));
    assert_eq!(gateway.mappings(), []);
    assert!(gateway.in_force.is_empty());
}

#[test]
fn a_storm_of_ends_is_worked_off_in_slices() {
    let limits = Limits {
        mappings_per_client: 10_000,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    for port in 2000..3000 {
        gateway
            .add(ALICE, ADD, &[("NewExternalPort", &port.to_string())])
            .unwrap();
    }
    gateway.now = gateway.now + Duration::from_secs(3600);
    gateway.engine.handle_timeout(gateway.now);
    assert_eq!(gateway.planned(), portreeve_engine::Engine::EXPIRY_SLICE);
    gateway.carry_out();
    gateway.pass(Duration::ZERO);
    assert_eq!(gateway.mappings(), []);
}

#[test]
fn a_refused_removal_is_tried_again() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway.refuse = Box::new(|_| Some(Refusal::Failed("busy".into())));
    gateway.pass(Duration::from_secs(3600));
    assert_eq!(gateway.mappings().len(), 1);
    gateway.refuse = Box::new(|_| None);
    gateway.pass(Duration::from_secs(1));
    assert_eq!(gateway.mappings(), []);
}
