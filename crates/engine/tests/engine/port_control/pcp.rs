//! MAP over IPv4 and ANNOUNCE: the rules of RFC 6887 for servers.

use portreeve_wire::{Quirk, Quirks};

use super::*;

fn strict() -> Config {
    Config {
        quirks: Quirks::default().without(Quirk::PcpFreshNonce),
        ..config()
    }
}

#[test]
fn announce_is_answered_with_nothing() {
    let mut gateway = Gateway::new(config());
    let nothing = Assigned {
        lifetime: 0,
        external: None,
        port_set: None,
    };
    assert_eq!(gateway.pcp(ALICE, 0, Operation::Announce), Ok(nothing));
    gateway.engine.handle_link(down(), gateway.now);
    assert_eq!(gateway.pcp(ALICE, 0, Operation::Announce), Ok(nothing));
}

#[test]
fn a_mapping_has_the_suggested_port_else_the_internal_one_else_another() {
    let mut gateway = Gateway::new(config());
    let external = |port| Some((EXTERNAL.parse().unwrap(), port));
    let suggested = Map {
        external_port: 18080,
        ..tcp(8080)
    };
    let assigned = gateway.map(ALICE, 3600, suggested.clone()).unwrap();
    assert_eq!((assigned.external, assigned.lifetime), (external(18080), 3600));
    assert_eq!(gateway.map(ALICE, 3600, tcp(8081)).unwrap().external, external(8081));
    assert_eq!(port_of(gateway.map(BOB, 3600, suggested)), 8080);
    assert_eq!(port_of(gateway.map(BOB, 3600, tcp(8081))), 8082);
    assert_eq!(port_of(gateway.map(BOB, 3600, udp(8081))), 8081);
    assert_eq!(
        gateway.rows(),
        [
            "8080/TCP 192.168.77.12:8080 pcp 3600",
            "8081/TCP 192.168.77.11:8081 pcp 3600",
            "8081/UDP 192.168.77.12:8081 pcp 3600",
            "8082/TCP 192.168.77.12:8081 pcp 3600",
            "18080/TCP 192.168.77.11:8080 pcp 3600"
        ]
    );
}

#[test]
fn lifetimes_are_within_bounds() {
    let mut gateway = Gateway::new(config());
    for (asked, granted) in [(1, 120), (120, 120), (3600, 3600), (86_401, 86_400), (u32::MAX, 86_400)] {
        assert_eq!(gateway.map(ALICE, asked, tcp(8080)).unwrap().lifetime, granted);
        assert_eq!(gateway.rows(), [format!("8080/TCP 192.168.77.11:8080 pcp {granted}")]);
    }
    let leases = Leases {
        maximum: 60,
        ..Leases::default()
    };
    let mut gateway = Gateway::new(Config { leases, ..config() });
    assert_eq!(
        gateway.map(ALICE, 3600, tcp(8080)).unwrap().lifetime,
        60,
        "the administrator's comes first"
    );
}

#[test]
fn a_renewal_keeps_the_port_whatever_is_suggested() {
    let mut gateway = Gateway::new(strict());
    let map = |external_port| Map {
        external_port,
        ..tcp(8080)
    };
    gateway.map(ALICE, 120, map(18080)).unwrap();
    gateway.pass(Duration::from_secs(60));
    assert_eq!(port_of(gateway.map(ALICE, 120, map(19000))), 18080);
    assert_eq!(gateway.rows(), ["18080/TCP 192.168.77.11:8080 pcp 120"]);
    assert_eq!(
        gateway.variable("SystemUpdateID"),
        Ok(Value::Ui4(1)),
        "a renewal is no change"
    );
}

#[test]
fn another_nonce_is_not_authorized_for_as_long_as_the_mapping_lasts() {
    let mut gateway = Gateway::new(strict());
    gateway.map(ALICE, 3600, tcp(8080)).unwrap();
    gateway.pass(Duration::from_secs(600));
    let stranger = Map {
        nonce: OTHER_NONCE,
        ..tcp(8080)
    };
    for lifetime in [120, 0] {
        let refused = gateway
            .pcp(ALICE, lifetime, Operation::Map(stranger.clone()))
            .unwrap_err();
        assert_eq!(
            (refused.code, refused.lifetime),
            (ResultCode::NotAuthorized, Some(3000))
        );
    }
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.11:8080 pcp 3000"]);
    gateway.pass(Duration::from_secs(3000));
    gateway.map(ALICE, 120, stranger).unwrap();
}

#[test]
fn with_the_quirk_the_same_host_may_renew_with_a_fresh_nonce_and_not_delete() {
    let policy = open_policy();
    let mut gateway = Gateway::new(Config { policy, ..config() });
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    let fresh = |third_party| Map {
        nonce: OTHER_NONCE,
        third_party,
        ..tcp(8080)
    };
    let for_alice = Some(ALICE.parse().unwrap());
    assert_eq!(gateway.map(BOB, 3600, fresh(for_alice)), Err(ResultCode::NotAuthorized));
    assert_eq!(gateway.map(ALICE, 0, fresh(None)), Err(ResultCode::NotAuthorized));
    assert_eq!(port_of(gateway.map(ALICE, 3600, fresh(None))), 8080);
    // From now on this is the nonce.
    assert_eq!(gateway.map(ALICE, 0, tcp(8080)), Err(ResultCode::NotAuthorized));
    gateway.map(ALICE, 0, fresh(None)).unwrap();
    assert!(gateway.rows().is_empty());
}

#[test]
fn deleting_succeeds_also_where_nothing_is() {
    let mut gateway = Gateway::new(config());
    let nothing = gateway.map(ALICE, 0, tcp(8080)).unwrap();
    assert_eq!((nothing.lifetime, nothing.external), (0, None));
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    gateway.map(BOB, 120, tcp(8080)).unwrap();
    assert_eq!(gateway.map(ALICE, 0, tcp(8080)), Ok(nothing));
    assert_eq!(gateway.rows(), ["8081/TCP 192.168.77.12:8080 pcp 120"]);
}

#[test]
fn deleting_all_ports_or_all_protocols_is_of_one_host_and_its_nonce() {
    let mut gateway = Gateway::new(strict());
    let fill = |gateway: &mut Gateway| {
        for map in [tcp(8080), tcp(8081), udp(8080)] {
            gateway.map(ALICE, 120, map).unwrap();
        }
    };
    fill(&mut gateway);
    let other = Map {
        nonce: OTHER_NONCE,
        ..tcp(9000)
    };
    gateway.map(ALICE, 120, other).unwrap();
    gateway.map(BOB, 120, tcp(9001)).unwrap();
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway.map(ALICE, 0, tcp(0)).unwrap();
    let rest = [
        "8080/UDP 192.168.77.11:8080 pcp 120",
        "9000/TCP 192.168.77.11:9000 pcp 120",
        "9001/TCP 192.168.77.12:9001 pcp 120",
        "18080/TCP 192.168.77.11:8080 upnp 3600",
    ];
    assert_eq!(gateway.rows(), rest);
    fill(&mut gateway);
    gateway.map(ALICE, 0, Map { protocol: 0, ..tcp(0) }).unwrap();
    assert_eq!(gateway.rows(), rest[1..]);
    // Of what is left, nothing is this nonce's.
    assert_eq!(gateway.map(ALICE, 0, tcp(0)), Err(ResultCode::NotAuthorized));
}

#[test]
fn prefer_failure_is_that_port_and_address_or_none() {
    let mut gateway = Gateway::new(config());
    let exactly = |external_port, external_address: &str, internal_port| Map {
        external_port,
        external_address: external_address.parse().unwrap(),
        prefer_failure: true,
        ..tcp(internal_port)
    };
    gateway.add(BOB, ADD, &[]).unwrap();
    let cannot = Err(ResultCode::CannotProvideExternal);
    assert_eq!(gateway.map(ALICE, 120, exactly(18080, "0.0.0.0", 8080)), cannot);
    assert_eq!(gateway.map(ALICE, 120, exactly(18081, "11.11.11.99", 8080)), cannot);
    assert_eq!(port_of(gateway.map(ALICE, 120, exactly(18081, EXTERNAL, 8080))), 18081);
    // Clients name no address of IPv4 by that of IPv6.
    assert_eq!(port_of(gateway.map(ALICE, 120, exactly(18081, "::", 8080))), 18081);
    assert_eq!(
        gateway.map(ALICE, 120, exactly(18082, EXTERNAL, 8080)),
        cannot,
        "it has another"
    );
    gateway.refuse = Box::new(|_| Some(Refusal::PortTaken));
    assert_eq!(gateway.map(ALICE, 120, exactly(18083, EXTERNAL, 8083)), cannot);
}

#[test]
fn the_ports_of_pcp_itself_are_not_mapped() {
    let mut gateway = Gateway::new(config());
    for port in [5350, 5351] {
        assert_eq!(gateway.map(ALICE, 120, udp(port)), Err(ResultCode::NotAuthorized));
        gateway.map(ALICE, 120, tcp(port)).unwrap();
    }
}

#[test]
fn other_transports_and_all_ports_at_once_are_unsupported() {
    let mut gateway = Gateway::new(config());
    let of = |protocol, internal_port| Map {
        protocol,
        ..tcp(internal_port)
    };
    for map in [of(132, 8080), of(0, 0), of(6, 0), of(17, 0)] {
        assert_eq!(gateway.map(ALICE, 120, map), Err(ResultCode::UnsuppProtocol));
    }
}

#[test]
fn third_party_is_for_lans_where_hosts_may_map_for_each_other() {
    let for_bob = Map {
        third_party: Some(BOB.parse().unwrap()),
        ..tcp(8080)
    };
    let mut gateway = Gateway::new(config());
    assert_eq!(gateway.map(ALICE, 120, for_bob.clone()), Err(ResultCode::UnsuppOption));
    let policy = open_policy();
    let mut gateway = Gateway::new(Config { policy, ..config() });
    gateway.map(ALICE, 120, for_bob.clone()).unwrap();
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.12:8080 pcp 120"]);
    let elsewhere = Map {
        third_party: Some("10.0.0.1".parse().unwrap()),
        ..tcp(8080)
    };
    assert_eq!(gateway.map(ALICE, 120, elsewhere), Err(ResultCode::NotAuthorized));
    gateway.map(ALICE, 0, for_bob).unwrap();
    assert!(gateway.rows().is_empty());
}

#[test]
fn a_description_is_kept_fit_to_be_shown() {
    let mut gateway = Gateway::new(config());
    let described = |text: Option<&str>| Map {
        description: text.map(Into::into),
        ..tcp(8080)
    };
    let mut shown = |text| {
        gateway.map(ALICE, 120, described(text)).unwrap();
        gateway.mappings()[0].description.to_string()
    };
    assert_eq!(shown(None), "PCP");
    assert_eq!(shown(Some("web\0\x1b[2J\nserver")), "web [2J server");
    assert_eq!(shown(None), "web [2J server", "a renewal without the option keeps it");
    assert_eq!(shown(Some(&"x".repeat(1016))).len(), 256);
}

#[test]
fn each_reason_has_its_code() {
    let limits = Limits {
        mappings: 2,
        mappings_per_client: 1,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    assert_eq!(
        gateway.map(ALICE, 120, tcp(22)),
        Err(ResultCode::NotAuthorized),
        "rules"
    );
    assert_eq!(
        gateway.map("10.0.0.1", 120, tcp(8080)),
        Err(ResultCode::NotAuthorized),
        "not on the LAN"
    );
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    assert_eq!(gateway.map(ALICE, 120, tcp(8081)), Err(ResultCode::UserExQuota));
    gateway.map(BOB, 120, tcp(8080)).unwrap();
    assert_eq!(
        gateway.map("192.168.77.13", 120, tcp(8080)),
        Err(ResultCode::NoResources),
        "the table is full"
    );
    gateway.map(ALICE, 0, tcp(8080)).unwrap();
    for why in [Refusal::NoRoom, Refusal::Failed("no".into()), Refusal::PortForbidden] {
        gateway.refuse = Box::new(move |_| Some(why.clone()));
        assert_eq!(gateway.map(ALICE, 120, tcp(8080)), Err(ResultCode::NoResources));
    }
    gateway.refuse = Box::new(|_| None);
    gateway.store_works = false;
    assert_eq!(gateway.map(ALICE, 120, tcp(8080)), Err(ResultCode::NoResources));
    gateway.store_works = true;
    gateway.engine.handle_link(down(), gateway.now);
    assert_eq!(gateway.map(ALICE, 120, tcp(8080)), Err(ResultCode::NetworkFailure));
    assert_eq!(gateway.rows().len(), 1);
    for off in [
        Config {
            nat: Nat::Disabled,
            ..config()
        },
        Config {
            pcp: portreeve_engine::config::Pcp {
                enabled: false,
                ..Default::default()
            },
            ..config()
        },
    ] {
        let mut gateway = Gateway::new(off);
        assert_eq!(gateway.map(ALICE, 120, tcp(8080)), Err(ResultCode::NotAuthorized));
    }
}

#[test]
fn what_the_administrator_wrote_down_is_answered_with_and_not_deleted() {
    let mut gateway = Gateway::new(Config {
        statics: vec![static_mapping(80, 8080)],
        ..config()
    });
    assert_eq!(port_of(gateway.map(ALICE, 120, tcp(8080))), 80);
    assert_eq!(gateway.map(ALICE, 0, tcp(8080)), Err(ResultCode::NotAuthorized));
    assert_eq!(gateway.rows(), ["80/TCP 192.168.77.11:8080 static -"]);
}
