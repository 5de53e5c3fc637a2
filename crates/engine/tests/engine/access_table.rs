use super::*;

/// One mapping each of Alice and Bob.
fn two_hosts() -> Gateway {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[("NewExternalPort", "2001")]).unwrap();
    gateway.add(BOB, ADD, &[("NewExternalPort", "2002")]).unwrap();
    gateway
}

#[test]
fn adding_needs_high_ports_and_the_own_address() {
    let mut gateway = Gateway::new(config());
    for action in [ADD, ADD_ANY] {
        for given in [
            ("NewExternalPort", "1023"),
            ("NewInternalPort", "1023"),
            ("NewInternalClient", BOB),
        ] {
            assert_eq!(gateway.add(ALICE, action, &[given]), Err(606), "{action} {given:?}");
        }
        gateway
            .add(
                ALICE,
                action,
                &[("NewExternalPort", "1024"), ("NewInternalPort", "1024")],
            )
            .unwrap();
    }
}

#[test]
fn a_client_outside_the_lan_is_refused_even_where_everything_is_open() {
    let mut gateway = Gateway::new(Config {
        policy: open_policy(),
        ..config()
    });
    assert_eq!(gateway.add(ALICE, ADD, &[("NewInternalClient", "10.0.0.1")]), Err(606));
    gateway.add(ALICE, ADD, &[("NewInternalClient", BOB)]).unwrap();
}

#[test]
fn deleting_and_reading_another_hosts_mapping_is_606_and_in_version_1_there_is_none() {
    for action in ["DeletePortMapping", "GetSpecificPortMappingEntry"] {
        let key = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", "2002"),
            ("NewProtocol", "TCP"),
        ];
        let mut gateway = two_hosts();
        assert_eq!(gateway.call(ALICE, 2, action, &key), Err(606));
        assert_eq!(gateway.call(ALICE, 1, action, &key), Err(714));
        assert_eq!(gateway.mappings().len(), 2);
        gateway.call(BOB, 2, action, &key).unwrap();
        let low = [("NewRemoteHost", ""), ("NewExternalPort", "80"), ("NewProtocol", "TCP")];
        assert_eq!(gateway.call(ALICE, 2, action, &low), Err(606));
        let none = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", "2003"),
            ("NewProtocol", "TCP"),
        ];
        assert_eq!(gateway.call(ALICE, 2, action, &none), Err(714));
    }
}

#[test]
fn ranges_below_1024_are_606_and_others_entries_are_passed_over() {
    let mut gateway = two_hosts();
    let range = |start, end, manage| {
        [
            ("NewStartPort", start),
            ("NewEndPort", end),
            ("NewProtocol", "TCP"),
            ("NewManage", manage),
        ]
    };
    let delete = |gateway: &mut Gateway, arguments: [(&str, &str); 4]| {
        gateway.call(ALICE, 2, "DeletePortMappingRange", &arguments)
    };
    assert_eq!(delete(&mut gateway, range("1023", "65535", "0")), Err(606));
    assert_eq!(delete(&mut gateway, range("1", "1023", "0")), Err(606));
    assert_eq!(delete(&mut gateway, range("3000", "2000", "0")), Err(733));
    assert_eq!(delete(&mut gateway, range("2002", "2002", "1")), Err(730));
    delete(&mut gateway, range("1024", "65535", "1")).unwrap();
    assert_eq!(gateway.mappings().len(), 1);
    assert_eq!(delete(&mut gateway, range("1024", "65535", "1")), Err(730));
}

#[test]
fn the_array_of_version_2_hides_and_that_of_version_1_leaves_out() {
    let mut gateway = two_hosts();
    let at = |gateway: &mut Gateway, version, index| {
        gateway.call(
            BOB,
            version,
            "GetGenericPortMappingEntry",
            &[("NewPortMappingIndex", index)],
        )
    };
    assert_eq!(at(&mut gateway, 2, "0"), Err(606));
    assert_eq!(at(&mut gateway, 2, "1").unwrap()["NewExternalPort"], Value::Ui2(2002));
    assert_eq!(at(&mut gateway, 2, "2"), Err(713));
    assert_eq!(at(&mut gateway, 1, "0").unwrap()["NewExternalPort"], Value::Ui2(2002));
    assert_eq!(at(&mut gateway, 1, "1"), Err(713));
}

#[test]
fn rules_decide_in_order_and_no_match_is_a_refusal() {
    let rule = |verdict, external: &str, description: Option<&str>| Rule {
        verdict,
        client: Some("192.168.77.0/28".parse().unwrap()),
        external_ports: external.parse().unwrap(),
        internal_ports: PortRange::ALL,
        protocol: None,
        description: description.map(|pattern| regex_lite::Regex::new(pattern).unwrap()),
    };
    let rules = vec![
        rule(Verdict::Deny, "6881-6889", Some("(?i)torrent")),
        rule(Verdict::Allow, "80", None),
        rule(Verdict::Allow, "6000-7000", None),
    ];
    let mut gateway = Gateway::new(Config {
        policy: Policy {
            rules,
            reach: Reach::OwnAddress,
        },
        ..config()
    });
    let torrent = [("NewExternalPort", "6881"), ("NewPortMappingDescription", "BitTorrent")];
    assert_eq!(gateway.add(ALICE, ADD, &torrent), Err(606));
    gateway.add(ALICE, ADD, &[("NewExternalPort", "6881")]).unwrap();
    gateway.add(ALICE, ADD, &[("NewExternalPort", "80")]).unwrap();
    assert_eq!(gateway.add(ALICE, ADD, &[("NewExternalPort", "8000")]), Err(606));
    let stranger = "192.168.77.200";
    assert_eq!(gateway.add(stranger, ADD, &[("NewExternalPort", "6500")]), Err(606));
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "6882"),
        ("NewProtocol", "TCP"),
    ];
    assert_eq!(gateway.call(ALICE, 2, "GetSpecificPortMappingEntry", &key), Err(714));
}
