//! One mapping that several protocols want, and one table that all of them see.

use super::*;

const KEY: [(&str, &str); 3] = [
    ("NewRemoteHost", ""),
    ("NewExternalPort", "18080"),
    ("NewProtocol", "TCP"),
];

/// A gateway on which Alice has 18080 for 8080 by UPnP, for an hour.
fn by_upnp() -> Gateway {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway
}

#[test]
fn whoever_asks_for_the_same_socket_is_told_the_port_that_there_is() {
    let mut gateway = by_upnp();
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Ok((18080, 60)));
    assert_eq!(port_of(gateway.map(ALICE, 120, tcp(8080))), 18080);
    assert_eq!(
        gateway.rows(),
        ["18080/TCP 192.168.77.11:8080 upnp 3600"],
        "never shortened"
    );
    gateway.nat_pmp(ALICE, 8080, 0, 7200).unwrap();
    assert_eq!(gateway.rows(), ["18080/TCP 192.168.77.11:8080 upnp 7200"]);
    assert_eq!(gateway.mappings()[0].description, "test".into());
    let mut gateway = Gateway::new(config());
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 9999, 60), Ok((8080, 60)));
    gateway.add(ALICE, ADD, &[("NewExternalPort", "8080")]).unwrap();
    assert_eq!(
        reserved_port(gateway.add(ALICE, ADD_ANY, &[("NewExternalPort", "0")])),
        8080
    );
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.11:8080 pcp 3600"]);
    assert_eq!(
        gateway.variable("SystemUpdateID"),
        Ok(Value::Ui4(1)),
        "one mapping is one change"
    );
}

#[test]
fn what_others_were_promised_outlasts_a_shorter_renewal() {
    let mut gateway = by_upnp();
    gateway.nat_pmp(ALICE, 8080, 0, 7200).unwrap();
    gateway.add(ALICE, ADD, &[("NewLeaseDuration", "60")]).unwrap();
    assert_eq!(gateway.rows(), ["18080/TCP 192.168.77.11:8080 upnp 7200"]);
    gateway.nat_pmp(ALICE, 8080, 0, 30).unwrap();
    assert_eq!(
        gateway.rows(),
        ["18080/TCP 192.168.77.11:8080 upnp 60"],
        "the longest of the two"
    );
}

#[test]
fn what_its_protocol_gives_up_passes_to_who_was_promised_it() {
    let mut gateway = Gateway::new(config());
    gateway.map(ALICE, 3600, tcp(8080)).unwrap();
    gateway.nat_pmp(ALICE, 8080, 0, 600).unwrap();
    gateway.map(ALICE, 0, tcp(8080)).unwrap();
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.11:8080 nat-pmp 600"]);
    gateway.nat_pmp(ALICE, 8080, 0, 0).unwrap();
    assert!(gateway.rows().is_empty());
}

#[test]
fn who_gives_up_what_is_anothers_only_gives_up_its_own_lease() {
    let mut gateway = by_upnp();
    gateway.map(ALICE, 86_400, tcp(8080)).unwrap();
    gateway.map(ALICE, 0, tcp(8080)).unwrap();
    assert_eq!(gateway.rows(), ["18080/TCP 192.168.77.11:8080 upnp 3600"]);
}

#[test]
fn a_lease_that_has_ended_is_no_reason_to_keep_a_mapping() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp(ALICE, 8080, 0, 60).unwrap();
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    gateway.pass(Duration::from_secs(61));
    // It was NAT-PMP's, and is PCP's from now on.
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.11:8080 pcp 120"]);
    gateway.map(ALICE, 0, tcp(8080)).unwrap();
    assert!(gateway.rows().is_empty());
}

#[test]
fn pcp_does_not_delete_what_others_made() {
    let mut gateway = by_upnp();
    let refused = gateway.pcp(ALICE, 0, Operation::Map(tcp(8080))).unwrap_err();
    assert_eq!(
        (refused.code, refused.lifetime),
        (ResultCode::NotAuthorized, Some(3600))
    );
    gateway.nat_pmp(ALICE, 9000, 0, 60).unwrap();
    assert_eq!(gateway.map(ALICE, 0, tcp(9000)), Err(ResultCode::NotAuthorized));
    let everything = Map { protocol: 0, ..tcp(0) };
    gateway.map(ALICE, 0, everything).unwrap();
    assert_eq!(gateway.rows().len(), 2);
}

#[test]
fn nat_pmp_leaves_alone_what_others_made() {
    let mut gateway = by_upnp();
    gateway.map(ALICE, 120, tcp(9000)).unwrap();
    for port in [8080, 9000, 0] {
        assert_eq!(gateway.nat_pmp(ALICE, port, 0, 0), Ok((0, 0)));
    }
    assert_eq!(gateway.rows().len(), 2);
}

#[test]
fn a_nonce_guards_a_share_too() {
    let mut gateway = by_upnp();
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    let stranger = Map {
        nonce: OTHER_NONCE,
        ..tcp(8080)
    };
    assert_eq!(gateway.map(ALICE, 0, stranger), Err(ResultCode::NotAuthorized));
}

#[test]
fn upnp_lists_and_removes_what_the_host_has_by_other_protocols() {
    let mut gateway = Gateway::new(config());
    gateway.map(ALICE, 120, tcp(8080)).unwrap();
    gateway.nat_pmp(ALICE, 18080, 0, 60).unwrap();
    let entry = gateway.call(ALICE, 2, "GetSpecificPortMappingEntry", &KEY).unwrap();
    assert_eq!(entry["NewPortMappingDescription"].to_string(), "NAT-PMP");
    assert_eq!(gateway.call(BOB, 2, "DeletePortMapping", &KEY), Err(606));
    gateway.call(ALICE, 2, "DeletePortMapping", &KEY).unwrap();
    let range = [
        ("NewStartPort", "1024"),
        ("NewEndPort", "65535"),
        ("NewProtocol", "TCP"),
        ("NewManage", "0"),
    ];
    gateway.call(ALICE, 2, "DeletePortMappingRange", &range).unwrap();
    assert!(gateway.rows().is_empty());
    // And nothing is left of who was promised what.
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway.map(ALICE, 86_400, tcp(8080)).unwrap();
    gateway.call(ALICE, 2, "DeletePortMapping", &KEY).unwrap();
    gateway.add(ALICE, ADD, &[]).unwrap();
    assert_eq!(gateway.map(ALICE, 0, tcp(8080)), Err(ResultCode::NotAuthorized));
    assert_eq!(gateway.rows(), ["18080/TCP 192.168.77.11:8080 upnp 3600"]);
}

#[test]
fn a_port_that_the_host_has_by_another_protocol_is_718_for_anything_else() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp(ALICE, 8080, 18080, 60).unwrap();
    let rows = gateway.rows();
    assert_eq!(gateway.add(ALICE, ADD, &[("NewInternalPort", "8081")]), Err(718));
    assert_eq!(gateway.add(ALICE, ADD, &[("NewEnabled", "0")]), Err(718));
    assert_eq!(gateway.add(BOB, ADD, &[]), Err(718));
    assert_eq!(
        gateway.call(ALICE, 1, ADD, &mapping(ALICE, &[("NewInternalPort", "8081")])),
        Err(718)
    );
    assert_ne!(
        reserved_port(gateway.add(ALICE, ADD_ANY, &[("NewInternalPort", "8081")])),
        18080
    );
    assert_eq!(gateway.rows()[0], rows[0]);
}

#[test]
fn what_upnp_made_and_others_share_is_not_led_elsewhere() {
    let mut gateway = by_upnp();
    gateway.nat_pmp(ALICE, 8080, 0, 60).unwrap();
    assert_eq!(gateway.add(ALICE, ADD, &[("NewInternalPort", "8081")]), Err(718));
    assert_eq!(gateway.add(ALICE, ADD, &[("NewEnabled", "0")]), Err(718));
    gateway
        .add(ALICE, ADD, &[("NewPortMappingDescription", "renamed")])
        .unwrap();
    gateway.nat_pmp(ALICE, 8080, 0, 0).unwrap();
    gateway.add(ALICE, ADD, &[("NewInternalPort", "8081")]).unwrap();
}

#[test]
fn what_is_not_in_force_is_not_shared() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[("NewEnabled", "0")]).unwrap();
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 18080, 60), Ok((8080, 60)));
    assert_eq!(port_of(gateway.map(ALICE, 120, tcp(8080))), 8080);
}

#[test]
fn no_protocol_gets_what_another_host_has_by_another() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp(ALICE, 5001, 0, 60).unwrap();
    gateway.map(ALICE, 120, tcp(5002)).unwrap();
    gateway.add(ALICE, ADD, &[("NewExternalPort", "5003")]).unwrap();
    let mut taken = Vec::new();
    for port in [5001, 5002, 5003] {
        assert_eq!(
            gateway.add(BOB, ADD, &[("NewExternalPort", &port.to_string())]),
            Err(718)
        );
        taken.push(gateway.nat_pmp(BOB, port, port, 60).unwrap().0);
        let map = Map {
            external_port: port,
            ..tcp(port + 1000)
        };
        taken.push(port_of(gateway.map(BOB, 120, map)));
    }
    assert!(taken.iter().all(|port| ![5001, 5002, 5003].contains(port)), "{taken:?}");
    assert_eq!(gateway.rows().len(), 9);
}

#[test]
fn sharing_is_taken_back_with_its_group() {
    let mut gateway = by_upnp();
    gateway.store_works = false;
    assert!(gateway.nat_pmp(ALICE, 8080, 0, 7200).is_err());
    gateway.store_works = true;
    // It is UPnP's alone, who may lead it elsewhere.
    gateway.add(ALICE, ADD, &[("NewInternalPort", "8081")]).unwrap();
    gateway.add(ALICE, ADD, &[]).unwrap();
    gateway.nat_pmp(ALICE, 8080, 0, 7200).unwrap();
    gateway.store_works = false;
    assert!(gateway.nat_pmp(ALICE, 8080, 0, 0).is_err());
    gateway.store_works = true;
    assert_eq!(gateway.add(ALICE, ADD, &[("NewInternalPort", "8081")]), Err(718));
}

#[test]
fn what_leads_where_a_new_static_mapping_leads_is_not_in_its_way() {
    let mut gateway = Gateway::new(config());
    let of_one = ("NewRemoteHost", "11.11.11.7");
    gateway.add(ALICE, ADD, &[("NewExternalPort", "5000"), of_one]).unwrap();
    let elsewhere = [("NewExternalPort", "5001"), ("NewInternalPort", "9000"), of_one];
    gateway.add(ALICE, ADD, &elsewhere).unwrap();
    let config = Config {
        statics: vec![static_mapping(5000, 8080), static_mapping(5001, 8081)],
        ..config()
    };
    gateway.ask(Request::Reconfigure(Box::new(config)));
    assert_eq!(
        gateway.rows(),
        [
            "5000/TCP 192.168.77.11:8080 static -",
            "5000/TCP from 11.11.11.7 192.168.77.11:8080 upnp 3600",
            "5001/TCP 192.168.77.11:8081 static -"
        ]
    );
}
