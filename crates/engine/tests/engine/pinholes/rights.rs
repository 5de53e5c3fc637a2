//! Who may open and manage which pinholes, and how many.

use super::*;

#[test]
fn the_owner_is_the_host_itself_or_another_address_of_the_same_device() {
    let mut gateway = Gateway::new(config_6());
    let for_alice = [("InternalClient", ALICE_6)];
    let id = gateway.open(ALICE_6, &[]).unwrap();
    let learn = |gateway: &mut Gateway, learnt: &[(&str, u8)]| {
        let station = |card| Station {
            link: 3,
            address: Box::new([2, 0, 0, 0, 0, card]),
        };
        let learnt = learnt.iter().map(|(ip, card)| (ip.parse().unwrap(), station(*card)));
        gateway.engine.handle_neighbours(learnt.collect::<Neighbours>());
    };
    for caller in [ALICE, "fe80::11", "fd77::abcd", BOB, BOB_6] {
        assert_eq!(gateway.open(caller, &for_alice), Err(606), "{caller}");
        assert_eq!(gateway.update(caller, id, "60").map(drop), Err(606), "{caller}");
    }
    let alices = [
        (ALICE, 1),
        ("fe80::11", 1),
        ("fd77::abcd", 1),
        (ALICE_6, 1),
        (BOB, 2),
        (BOB_6, 2),
    ];
    learn(&mut gateway, &alices);
    for caller in [ALICE, "fe80::11", "fd77::abcd"] {
        assert_eq!(gateway.open(caller, &for_alice), Ok(id), "{caller}");
        gateway.update(caller, id, "60").unwrap();
    }
    assert_eq!(gateway.open(BOB, &for_alice), Err(606));
    assert_eq!(gateway.of_id(BOB_6, "DeletePinhole", id).map(drop), Err(606));
    // Whoever asked last keeps it when the kernel has forgotten.
    assert_eq!(gateway.open(ALICE, &for_alice), Ok(id));
    learn(&mut gateway, &[]);
    gateway.update(ALICE, id, "60").unwrap();
    assert_eq!(
        gateway.open(ALICE, &[("InternalClient", ALICE_6), ("InternalPort", "8081")]),
        Err(606)
    );
    gateway.of_id(ALICE, "DeletePinhole", id).unwrap();
    gateway.reconfigure(reconfigured(|config| config.policy.reach = Reach::Everyone));
    gateway.open(BOB, &for_alice).unwrap();
}

#[test]
fn a_link_local_address_is_of_another_host_on_another_lan() {
    const LINK_LOCAL: &str = "fe80::11";
    let mut gateway = Gateway::new(config_6());
    let station = |link, card| Station {
        link,
        address: Box::new([2, 0, 0, 0, 0, card]),
    };
    let alice = [(ALICE_6, station(3, 1)), (LINK_LOCAL, station(3, 1))];
    let guest = (LINK_LOCAL, station(4, 2));
    let learn = |gateway: &mut Gateway, learnt: &[(&str, Station)]| {
        let learnt = learnt
            .iter()
            .map(|(ip, station)| (ip.parse().unwrap(), station.clone()));
        gateway.engine.handle_neighbours(learnt.collect::<Neighbours>());
    };
    learn(&mut gateway, &alice);
    let for_alice = [("InternalClient", ALICE_6)];
    let id = gateway.open(LINK_LOCAL, &for_alice).unwrap();
    gateway.update(LINK_LOCAL, id, "60").unwrap();
    learn(&mut gateway, &[alice[0].clone(), alice[1].clone(), guest]);
    assert_eq!(gateway.open(LINK_LOCAL, &for_alice), Err(606));
    assert_eq!(gateway.update(LINK_LOCAL, id, "70").map(drop), Err(606));
    assert_eq!(gateway.of_id(LINK_LOCAL, "DeletePinhole", id).map(drop), Err(606));
    gateway.of_id(ALICE_6, "DeletePinhole", id).unwrap();
}

#[test]
fn whoever_prolongs_a_pinhole_does_not_become_the_one_who_asked_for_it() {
    let mut gateway = Gateway::new(reconfigured(|config| config.policy.reach = Reach::Everyone));
    let id = gateway.open(ALICE_6, &[]).unwrap();
    gateway.update(BOB_6, id, "60").unwrap();
    gateway.reconfigure(config_6());
    assert_eq!(gateway.of_id(BOB_6, "DeletePinhole", id).map(drop), Err(606));
}

#[test]
fn pinholes_lead_to_lan_hosts_that_the_internet_can_reach() {
    let mut gateway = Gateway::new(reconfigured(|config| config.policy.reach = Reach::Everyone));
    for (client, what) in [
        ("fe80::11", "a link-local address"),
        ("fd77::1", "our own address"),
        ("fd78::11", "another network"),
        ("2001:db8:113::7", "the Internet"),
    ] {
        assert_eq!(gateway.open(ALICE_6, &[("InternalClient", client)]), Err(606), "{what}");
        assert_eq!(gateway.open(client, &[]), Err(606), "{what}");
    }
}

#[test]
fn rules_hold_for_pinholes_too() {
    let rule = |verdict, ports: &str, protocol, client: &str| Rule {
        verdict,
        client: Some(client.parse().unwrap()),
        external_ports: PortRange::ALL,
        internal_ports: ports.parse().unwrap(),
        protocol,
        description: None,
    };
    let tcp = Some(portreeve_engine::Protocol::Tcp);
    let rules = vec![
        rule(Verdict::Deny, "6000-6010", tcp, "fd77::/64"),
        rule(Verdict::Allow, "80-7000", tcp, "fd77::10/124"),
        rule(Verdict::Allow, "9000", None, "fd77::/64"),
    ];
    let rules = reconfigured(|config| config.policy.rules = rules);
    let mut gateway = Gateway::new(rules.clone());
    for (port, protocol, outcome) in [
        ("6005", "6", Err(606)),
        ("80", "6", Ok(())),
        ("80", "17", Err(606)),
        ("9000", "132", Ok(())),
        ("7001", "6", Err(606)),
    ] {
        let given = [("InternalPort", port), ("Protocol", protocol)];
        assert_eq!(gateway.open(ALICE_6, &given).map(drop), outcome, "{port}/{protocol}");
    }
    assert_eq!(gateway.open("fd77::99", &[("InternalPort", "80")]), Err(606));
    // What was opened under other rules ends, and can be closed, but not prolonged.
    gateway.reconfigure(config_6());
    let id = gateway.open(ALICE_6, &[("InternalPort", "7001")]).unwrap();
    gateway.reconfigure(rules);
    assert_eq!(gateway.update(ALICE_6, id, "60").map(drop), Err(606));
    gateway.of_id(ALICE_6, "DeletePinhole", id).unwrap();
}

#[test]
fn quotas_hold_for_new_pinholes_only() {
    let mut gateway = Gateway::new(reconfigured(|config| {
        config.firewall.pinholes = 3;
        config.firewall.pinholes_per_client = 2;
    }));
    for port in ["2001", "2002"] {
        gateway.open(ALICE_6, &[("InternalPort", port)]).unwrap();
    }
    assert_eq!(gateway.open(ALICE_6, &[]), Err(701));
    gateway.open(BOB_6, &[]).unwrap();
    assert_eq!(gateway.open("fd77::13", &[]), Err(701));
    assert_eq!(gateway.open(ALICE_6, &[("InternalPort", "2001")]), Ok(UniqueId(1)));
    gateway.of_id(ALICE_6, "DeletePinhole", UniqueId(1)).unwrap();
    assert_eq!(gateway.open("fd77::13", &[]), Ok(UniqueId(4)));
}

#[test]
fn addresses_of_one_device_share_its_quota() {
    let mut gateway = Gateway::new(reconfigured(|config| config.firewall.pinholes_per_client = 2));
    let learnt = [(ALICE_6, 1), ("fd77::abcd", 1), ("fd77::abce", 1), (BOB_6, 2)].map(|(ip, card)| {
        let station = Station {
            link: 3,
            address: Box::new([2, 0, 0, 0, 0, card]),
        };
        (ip.parse().unwrap(), station)
    });
    gateway.engine.handle_neighbours(learnt.into_iter().collect());
    gateway.open(ALICE_6, &[]).unwrap();
    gateway.open("fd77::abcd", &[]).unwrap();
    assert_eq!(gateway.open("fd77::abce", &[]), Err(701));
    gateway.open(BOB_6, &[]).unwrap();
    gateway.open("fd77::13", &[]).unwrap();
}
