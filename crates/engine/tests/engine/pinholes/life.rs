//! Identity, leases, names, and what is told of them.

use super::*;

#[test]
fn the_same_five_are_the_same_pinhole_and_each_of_them_makes_another() {
    let mut gateway = Gateway::new(config_6());
    let id = gateway.open(ALICE_6, &[]).unwrap();
    gateway.pass(Duration::from_secs(600));
    for lease in ["7200", "7200", "60"] {
        assert_eq!(gateway.open(ALICE_6, &[("LeaseTime", lease)]), Ok(id));
        assert_eq!(gateway.left(id).unwrap().to_string(), lease);
    }
    let others: &[(&str, &str)] = &[
        ("RemoteHost", "2001:db8:113::7"),
        ("RemotePort", "5000"),
        ("InternalPort", "8081"),
        ("Protocol", "17"),
        ("Protocol", "33"),
        ("Protocol", "132"),
        ("Protocol", "136"),
    ];
    let mut ids = vec![id, gateway.open(BOB_6, &[]).unwrap()];
    ids.extend(others.iter().map(|other| gateway.open(ALICE_6, &[*other]).unwrap()));
    assert_eq!(ids, (1..=9).map(UniqueId).collect::<Vec<_>>());
    assert_eq!(gateway.pinholes.len(), 9);
}

#[test]
fn a_lease_ends_when_it_was_to_end() {
    let mut gateway = Gateway::new(config_6());
    let short = gateway.open(ALICE_6, &[("LeaseTime", "1")]).unwrap();
    let long = gateway.open(BOB_6, &[("LeaseTime", "86400")]).unwrap();
    gateway.pass(Duration::from_millis(999));
    assert_eq!(gateway.left(short), Some(1));
    gateway.pass(Duration::from_millis(1));
    assert_eq!((gateway.left(short), gateway.pinholes.len()), (None, 1));
    gateway.update(BOB_6, long, "2").unwrap();
    gateway.pass(Duration::from_secs(2));
    assert!(gateway.pinholes.is_empty());
    assert_eq!(gateway.of_id(BOB_6, "DeletePinhole", long).map(drop), Err(704));
    assert_eq!(gateway.engine.poll_timeout(), None);
}

#[test]
fn pinholes_and_mappings_end_together_in_slices() {
    let mut gateway = Gateway::new(reconfigured(|config| config.firewall.pinholes_per_client = 500));
    for port in 2000..2200 {
        let port = port.to_string();
        gateway.add(ALICE, ADD, &[("NewExternalPort", &port)]).unwrap();
        gateway.open(ALICE_6, &[("InternalPort", &port)]).unwrap();
    }
    gateway.now = gateway.now + Duration::from_secs(3600);
    gateway.engine.handle_timeout(gateway.now);
    assert_eq!(gateway.planned(), portreeve_engine::Engine::EXPIRY_SLICE);
    gateway.carry_out();
    gateway.pass(Duration::ZERO);
    assert!(gateway.pinholes.is_empty() && gateway.in_force.is_empty());
}

#[test]
fn what_changes_is_told_to_the_log_and_not_counted_by_system_update_id() {
    let mut gateway = Gateway::new(config_6());
    let id = gateway.open(ALICE_6, &[]).unwrap();
    gateway.update(ALICE_6, id, "60").unwrap();
    gateway.of_id(ALICE_6, "DeletePinhole", id).unwrap();
    gateway.open(ALICE_6, &[("LeaseTime", "1")]).unwrap();
    gateway.pass(Duration::from_secs(1));
    assert_eq!(gateway.open(ALICE_6, &[("LeaseTime", "0")]), Err(402));
    let told: Vec<String> = gateway
        .events
        .iter()
        .map(|event| match event {
            Event::Pinholed { before, pinhole, cause } => {
                let before = before.as_ref().map(|before| before.id.0);
                format!("{before:?} {} {}", pinhole.id, text(*cause))
            }
            Event::Unpinholed { pinhole, cause } => format!("{} gone {}", pinhole.id, text(*cause)),
            Event::Refused { action, rejection, .. } => format!("{action} {}", rejection.number()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "None 1 by fd77::11",
        "Some(1) 1 by fd77::11",
        "1 gone by fd77::11",
        "None 2 by fd77::11",
        "2 gone at its end",
        "AddPinhole 402",
    ];
    assert_eq!(told, expected);
    assert_eq!(gateway.variable("SystemUpdateID"), Ok(Value::Ui4(0)));
}

fn text(cause: Cause) -> String {
    match cause {
        Cause::Caller(caller) => format!("by {caller}"),
        Cause::LeaseEnd => "at its end".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn names_are_not_given_again_soon_not_even_after_a_restart() {
    let mut gateway = Gateway::new(config_6());
    let first = gateway.open(ALICE_6, &[]).unwrap();
    gateway.of_id(ALICE_6, "DeletePinhole", first).unwrap();
    let second = gateway.open(ALICE_6, &[]).unwrap();
    assert_eq!((first, second), (UniqueId(1), UniqueId(2)));

    let row = |port: u16, id| {
        let key = PinholeKey {
            internal_client: ALICE_6.parse().unwrap(),
            internal_port: NonZeroU16::new(port).unwrap(),
            transport: Transport::Tcp,
            remote_host: None,
            remote_port: None,
        };
        std::sync::Arc::new(Pinhole {
            key,
            id: UniqueId(id),
            expiry: Time::from_millis(2_000_000),
            origin: portreeve_engine::Origin::Upnp(key.internal_client.into()),
        })
    };
    let kept = Kept {
        pinholes: vec![row(8080, 7), row(8081, u16::MAX), row(8082, 1)],
        last_unique_id: UniqueId(u16::MAX - 1),
        ..Kept::default()
    };
    let mut gateway = Gateway::restarted(config_6(), kept);
    assert_eq!(gateway.open(ALICE_6, &[]), Ok(UniqueId(7)));
    assert_eq!(gateway.open(BOB_6, &[]), Ok(UniqueId(2)));
    gateway.pass(Duration::from_secs(1000));
    assert_eq!(gateway.pinholes.len(), 2, "what was kept ends with its lease");
}

#[test]
fn the_administrator_sees_counts_and_removes_them() {
    let mut gateway = Gateway::new(config_6());
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway.open(ALICE_6, &[]).unwrap();
    gateway.open(BOB_6, &[]).unwrap();
    let Reply::Status(status) = gateway.ask(Request::Status) else {
        panic!("no status")
    };
    assert_eq!(
        (status.mappings, status.pinholes, status.pinhole_capacity),
        (1, 2, 4096)
    );
    let Reply::Pinholes(pinholes) = gateway.ask(Request::Pinholes) else {
        panic!("no pinholes")
    };
    assert!(pinholes.iter().eq(gateway.pinholes.values()));
    let keys = vec![
        EntryKey::Pinhole(pinholes[0].key),
        EntryKey::Mapping(gateway.mappings()[0].key),
    ];
    let Reply::Revoked(Ok(revoked)) = gateway.ask(Request::Revoke(keys)) else {
        panic!("not revoked")
    };
    assert_eq!((revoked.mappings.len(), &revoked.pinholes[..]), (1, &pinholes[..1]));
    assert_eq!((gateway.in_force.len(), gateway.pinholes.len()), (0, 1));
    let caller: Option<IpAddr> = gateway.events.iter().rev().find_map(|event| match event {
        Event::Unpinholed {
            cause: Cause::Caller(caller),
            ..
        } => Some(*caller),
        _ => None,
    });
    assert_eq!(caller, None, "it was the administrator");
}

#[test]
fn where_nobody_may_open_any_those_kept_are_not_in_force() {
    let mut before = Gateway::new(config_6());
    let id = before.open(ALICE_6, &[]).unwrap();
    let kept = Kept {
        pinholes: before.engine.pinholes().cloned().collect(),
        last_unique_id: id,
        ..Kept::default()
    };
    let mut gateway = Gateway::restarted(reconfigured(|config| config.firewall.pinholes_allowed = false), kept);
    assert!(gateway.pinholes.is_empty() && gateway.engine.desired().pinholes.is_empty());
    assert!(!gateway.engine.pinholes_in_force());
    assert_eq!(gateway.engine.pinholes().count(), 1);
    gateway.reconfigure(config_6());
    assert_eq!(gateway.engine.desired().pinholes.len(), 1);
}
