use super::*;

#[test]
fn zero_lets_the_gateway_choose_and_asking_again_changes_nothing() {
    let mut gateway = Gateway::new(config());
    let given = [("NewExternalPort", "0")];
    let first = reserved_port(gateway.add(ALICE, ADD_ANY, &given));
    assert!(first >= 1024);
    assert_eq!(reserved_port(gateway.add(ALICE, ADD_ANY, &given)), first);
    assert_ne!(reserved_port(gateway.add(BOB, ADD_ANY, &given)), first);
    assert_eq!(gateway.mappings().len(), 2);
}

#[test]
fn a_client_that_lost_its_wish_gets_the_same_other_port_again() {
    let mut gateway = Gateway::new(config());
    gateway.add(BOB, ADD, &[]).unwrap();
    let port = reserved_port(gateway.add(ALICE, ADD_ANY, &[]));
    assert_eq!(reserved_port(gateway.add(ALICE, ADD_ANY, &[])), port);
}

#[test]
fn no_port_left_is_728_and_501_for_version_1() {
    let mut policy = open_policy();
    policy.rules[0].external_ports = "5000-5001".parse().unwrap();
    let mut gateway = Gateway::new(Config { policy, ..config() });
    for internal in ["1", "2"] {
        gateway
            .add(
                ALICE,
                ADD_ANY,
                &[("NewExternalPort", "0"), ("NewInternalPort", internal)],
            )
            .unwrap();
    }
    assert_eq!(
        gateway.add(ALICE, ADD_ANY, &[("NewExternalPort", "0"), ("NewInternalPort", "3")]),
        Err(728)
    );
}

#[test]
fn quotas_are_728_and_renewals_pass_them() {
    let limits = Limits {
        mappings: 3,
        mappings_per_client: 2,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    gateway.add(ALICE, ADD, &[("NewExternalPort", "2001")]).unwrap();
    gateway.add(ALICE, ADD, &[("NewExternalPort", "2002")]).unwrap();
    assert_eq!(gateway.add(ALICE, ADD, &[("NewExternalPort", "2003")]), Err(728));
    assert_eq!(
        gateway.call(ALICE, 1, ADD, &gateway::mapping(ALICE, &[("NewExternalPort", "2003")])),
        Err(501)
    );
    gateway.add(BOB, ADD, &[("NewExternalPort", "2003")]).unwrap();
    assert_eq!(gateway.add(BOB, ADD, &[("NewExternalPort", "2004")]), Err(728));
    gateway.add(ALICE, ADD, &[("NewExternalPort", "2002")]).unwrap();
}

#[test]
fn a_port_that_another_program_has_is_passed_over() {
    let mut gateway = Gateway::new(config());
    gateway.refuse = Box::new(|change| match change {
        portreeve_engine::Change::Mapping { after: Some(after), .. } if after.key.external_port.get() < 18090 => {
            Some(Refusal::PortTaken)
        }
        _ => None,
    });
    assert_eq!(gateway.add(ALICE, ADD, &[]), Err(729));
    assert_eq!(gateway.call(ALICE, 1, ADD, &gateway::mapping(ALICE, &[])), Err(718));
    assert_eq!(reserved_port(gateway.add(ALICE, ADD_ANY, &[])), 18090);
}

#[test]
fn a_backend_that_refuses_everything_is_asked_a_bounded_number_of_times() {
    for (why, code) in [
        (Refusal::PortForbidden, 728),
        (Refusal::NoRoom, 728),
        (Refusal::Failed("the kernel said no".into()), 501),
    ] {
        let mut gateway = Gateway::new(config());
        gateway.refuse = Box::new(move |_| Some(why.clone()));
        assert_eq!(gateway.add(ALICE, ADD_ANY, &[]), Err(code));
        assert_eq!(gateway.mappings(), []);
        assert_eq!(gateway.variable("SystemUpdateID"), Ok(Value::Ui4(0)));
    }
}
