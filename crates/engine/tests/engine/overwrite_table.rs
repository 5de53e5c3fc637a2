use super::*;

/// Adds a mapping of Alice, then another request, and counts the rows.
fn after_alice(caller: &str, action: &str, given: &[(&str, &str)]) -> (Result<gateway::Outputs, u16>, usize) {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    let outcome = gateway.add(caller, action, given);
    (outcome, gateway.mappings().len())
}

#[test]
fn another_protocol_is_another_mapping() {
    assert_eq!(
        after_alice(BOB, ADD, &[("NewProtocol", "UDP")]),
        (Ok(Default::default()), 2)
    );
    assert_eq!(
        reserved_port(after_alice(BOB, ADD_ANY, &[("NewProtocol", "UDP")]).0),
        18080
    );
}

#[test]
fn another_external_port_is_another_mapping() {
    assert_eq!(
        after_alice(BOB, ADD, &[("NewExternalPort", "18081")]),
        (Ok(Default::default()), 2)
    );
    assert_eq!(
        reserved_port(after_alice(BOB, ADD_ANY, &[("NewExternalPort", "18081")]).0),
        18081
    );
}

#[test]
fn another_remote_host_and_another_client_conflict() {
    assert_eq!(after_alice(BOB, ADD, &[("NewRemoteHost", "11.11.11.7")]), (Err(718), 1));
    let (outcome, rows) = after_alice(BOB, ADD_ANY, &[("NewRemoteHost", "11.11.11.7")]);
    assert_ne!(reserved_port(outcome), 18080);
    assert_eq!(rows, 2);
}

#[test]
fn another_remote_host_of_the_same_client_is_kept_beside_the_first() {
    assert_eq!(
        after_alice(ALICE, ADD, &[("NewRemoteHost", "11.11.11.7")]),
        (Ok(Default::default()), 2)
    );
    let (outcome, rows) = after_alice(ALICE, ADD_ANY, &[("NewRemoteHost", "11.11.11.7")]);
    assert_eq!((reserved_port(outcome), rows), (18080, 2));
}

#[test]
fn another_client_conflicts() {
    assert_eq!(after_alice(BOB, ADD, &[]), (Err(718), 1));
    let (outcome, rows) = after_alice(BOB, ADD_ANY, &[]);
    assert_ne!(reserved_port(outcome), 18080);
    assert_eq!(rows, 2);
}

#[test]
fn the_same_client_overwrites() {
    let given = [
        ("NewInternalPort", "9090"),
        ("NewPortMappingDescription", "new"),
        ("NewEnabled", "0"),
    ];
    for action in [ADD, ADD_ANY] {
        let mut gateway = Gateway::new(config());
        gateway.add(ALICE, ADD, &[]).unwrap();
        gateway.add(ALICE, action, &given).unwrap();
        let rows = gateway.mappings();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].internal_port.get(), &*rows[0].description, rows[0].enabled),
            (9090, "new", false)
        );
    }
}

#[test]
fn a_remote_host_mapping_is_renewed_in_place() {
    let mut gateway = Gateway::new(config());
    let given = [("NewRemoteHost", "11.11.11.7")];
    gateway.add(ALICE, ADD, &given).unwrap();
    gateway.add(ALICE, ADD, &given).unwrap();
    assert_eq!(reserved_port(gateway.add(ALICE, ADD_ANY, &given)), 18080);
    assert_eq!(gateway.mappings().len(), 1);
}
