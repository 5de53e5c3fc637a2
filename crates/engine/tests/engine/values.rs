use super::*;

#[test]
fn wildcards_and_nonsense_have_their_own_codes() {
    let mut gateway = Gateway::new(config());
    for (name, value, code) in [
        ("NewExternalPort", "0", 716),
        ("NewInternalPort", "0", 732),
        ("NewInternalClient", "", 715),
        ("NewInternalClient", "224.0.0.1", 600),
        ("NewInternalClient", "255.255.255.255", 600),
        ("NewRemoteHost", "239.1.1.1", 600),
        ("NewProtocol", "SCTP", 601),
        ("NewLeaseDuration", "604801", 601),
        ("NewEnabled", "maybe", 402),
        ("NewExternalPort", "70000", 402),
    ] {
        assert_eq!(gateway.add(ALICE, ADD, &[(name, value)]), Err(code), "{name}={value}");
    }
    assert_eq!(gateway.mappings(), []);
}

#[test]
fn every_client_is_accepted_for_udp_where_policy_allows_it() {
    let given = [("NewInternalClient", "255.255.255.255"), ("NewProtocol", "UDP")];
    assert_eq!(Gateway::new(config()).add(ALICE, ADD, &given), Err(606));
    let mut gateway = Gateway::new(Config {
        policy: open_policy(),
        ..config()
    });
    gateway.add(ALICE, ADD, &given).unwrap();
    assert_eq!(gateway.outbound, []);
}

#[test]
fn disabled_mappings_are_kept_and_their_lease_runs() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[("NewEnabled", "0")]).unwrap();
    gateway.pass(Duration::from_secs(1000));
    assert_eq!(lease_of(&mut gateway, 2), Value::Ui4(2600));
    gateway.pass(Duration::from_secs(2600));
    assert_eq!(gateway.mappings(), []);
}
