//! The rules of RFC 6886 for servers.

use super::*;

#[test]
fn the_external_address_is_told_while_there_is_one() {
    let mut gateway = Gateway::new(config());
    let ask = |gateway: &mut Gateway| {
        gateway
            .nat_pmp_answer(ALICE, nat_pmp_wire::Request::ExternalAddress)
            .outcome
    };
    assert_eq!(
        ask(&mut gateway),
        Ok(Mapped::ExternalAddress(EXTERNAL.parse().unwrap()))
    );
    gateway.engine.handle_link(down(), gateway.now);
    assert_eq!(ask(&mut gateway), Err(NatPmpCode::NetworkFailure));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Err(NatPmpCode::NetworkFailure));
}

#[test]
fn where_mappings_may_be_made_without_a_link_the_address_is_missing_all_the_same() {
    let when_disconnected = WhenDisconnected::Accept;
    let mut gateway = Gateway::new(Config {
        when_disconnected,
        ..config()
    });
    gateway.engine.handle_link(down(), gateway.now);
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Err(NatPmpCode::NetworkFailure));
    assert_eq!(gateway.map(ALICE, 120, tcp(8080)), Err(ResultCode::NetworkFailure));
}

#[test]
fn switched_off_everything_is_not_authorized() {
    let nat_pmp = portreeve_engine::config::NatPmp { enabled: false };
    let mut gateway = Gateway::new(Config { nat_pmp, ..config() });
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Err(NatPmpCode::NotAuthorized));
    let answer = gateway.nat_pmp_answer(ALICE, nat_pmp_wire::Request::ExternalAddress);
    assert_eq!(answer.outcome, Err(NatPmpCode::NotAuthorized));
}

#[test]
fn a_mapping_leads_to_the_host_that_asks() {
    let mut gateway = Gateway::new(config());
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 18080, 3600), Ok((18080, 3600)));
    assert_eq!(
        gateway.nat_pmp_of(BOB, Transport::Udp, 8081, 18081, 60),
        Ok((18081, 60))
    );
    assert_eq!(
        gateway.rows(),
        [
            "18080/TCP 192.168.77.11:8080 nat-pmp 3600",
            "18081/UDP 192.168.77.12:8081 nat-pmp 60"
        ]
    );
    assert_eq!(gateway.in_force.len(), 2);
}

#[test]
fn a_socket_keeps_its_external_port_and_the_suggestion_is_ignored() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp(ALICE, 8080, 18080, 3600).unwrap();
    gateway.pass(Duration::from_secs(3000));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 19000, 7200), Ok((18080, 7200)));
    assert_eq!(gateway.rows(), ["18080/TCP 192.168.77.11:8080 nat-pmp 7200"]);
    assert_eq!(
        gateway.variable("SystemUpdateID"),
        Ok(Value::Ui4(1)),
        "a renewal is no change"
    );
}

#[test]
fn no_suggestion_or_a_taken_one_is_the_internal_port_or_another() {
    let mut gateway = Gateway::new(config());
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Ok((8080, 60)));
    assert_eq!(gateway.nat_pmp(BOB, 8080, 0, 60), Ok((8081, 60)));
    assert_eq!(gateway.nat_pmp(BOB, 9000, 8080, 60), Ok((9000, 60)));
    // A port that the rules do not give is no reason to fail either.
    assert_eq!(gateway.nat_pmp(ALICE, 9001, 80, 60), Ok((9001, 60)));
}

#[test]
fn the_same_number_of_the_other_transport_is_kept_for_the_host() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp(ALICE, 8080, 18080, 60).unwrap();
    let nat_pmp = gateway.nat_pmp_of(BOB, Transport::Udp, 18080, 18080, 60);
    assert_eq!(nat_pmp, Ok((18081, 60)));
    let suggesting = Map {
        external_port: 18080,
        ..udp(7001)
    };
    assert_eq!(port_of(gateway.map(BOB, 120, suggesting)), 7001);
    // What a control point wants by number it gets, since nothing is there.
    gateway.add(BOB, ADD, &[("NewProtocol", "UDP")]).unwrap();
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "18080"),
        ("NewProtocol", "UDP"),
    ];
    gateway.call(BOB, 2, "DeletePortMapping", &key).unwrap();
    assert_eq!(
        gateway.nat_pmp_of(ALICE, Transport::Udp, 8080, 18080, 60),
        Ok((18080, 60))
    );
}

#[test]
fn no_more_is_granted_than_was_asked_for() {
    let leases = Leases {
        maximum: 5000,
        ..Leases::default()
    };
    let mut gateway = Gateway::new(Config { leases, ..config() });
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 1), Ok((8080, 1)));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 5001), Ok((8080, 5000)));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, u32::MAX), Ok((8080, 5000)));
    gateway.pass(Duration::from_secs(4999));
    assert_eq!(gateway.mappings().len(), 1);
    gateway.pass(Duration::from_secs(1));
    assert!(gateway.mappings().is_empty() && gateway.in_force.is_empty());
}

#[test]
fn a_mapping_of_no_port_is_not_authorized() {
    let mut gateway = Gateway::new(config());
    assert_eq!(gateway.nat_pmp(ALICE, 0, 18080, 60), Err(NatPmpCode::NotAuthorized));
}

#[test]
fn deleting_succeeds_also_where_nothing_is() {
    let mut gateway = Gateway::new(config());
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 0), Ok((0, 0)));
    gateway.nat_pmp(ALICE, 8080, 0, 60).unwrap();
    gateway.nat_pmp(BOB, 8080, 0, 60).unwrap();
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 12345, 0), Ok((0, 0)));
    assert_eq!(gateway.rows(), ["8081/TCP 192.168.77.12:8080 nat-pmp 60"]);
    assert_eq!(gateway.variable("SystemUpdateID"), Ok(Value::Ui4(3)));
}

#[test]
fn deleting_all_is_of_one_host_and_one_transport() {
    let mut gateway = Gateway::new(config());
    for port in [8080, 8081] {
        gateway.nat_pmp(ALICE, port, 0, 60).unwrap();
    }
    gateway.nat_pmp_of(ALICE, Transport::Udp, 8080, 0, 60).unwrap();
    gateway.nat_pmp(BOB, 9000, 0, 60).unwrap();
    gateway.add(ALICE, ADD, &[]).unwrap();
    assert_eq!(gateway.nat_pmp(ALICE, 0, 0, 0), Ok((0, 0)));
    assert_eq!(
        gateway.rows(),
        [
            "8080/UDP 192.168.77.11:8080 nat-pmp 60",
            "9000/TCP 192.168.77.12:9000 nat-pmp 60",
            "18080/TCP 192.168.77.11:8080 upnp 3600"
        ]
    );
}

#[test]
fn what_the_administrator_wrote_down_is_answered_with_and_not_deleted() {
    // On a port that the rules give to nobody.
    let mut gateway = Gateway::new(Config {
        statics: vec![static_mapping(80, 8080)],
        ..config()
    });
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Ok((80, 60)));
    gateway.nat_pmp(ALICE, 9000, 0, 60).unwrap();
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 0), Err(NatPmpCode::NotAuthorized));
    assert_eq!(gateway.nat_pmp(ALICE, 0, 0, 0), Err(NatPmpCode::NotAuthorized));
    assert_eq!(gateway.rows(), ["80/TCP 192.168.77.11:8080 static -"]);
    // To another host it is a port like any that is taken.
    assert_eq!(gateway.nat_pmp(BOB, 8080, 80, 60), Ok((8080, 60)));
}

#[test]
fn rules_room_and_nat_have_their_codes() {
    let mut gateway = Gateway::new(config());
    assert_eq!(gateway.nat_pmp(ALICE, 22, 0, 60), Err(NatPmpCode::NotAuthorized));
    assert_eq!(gateway.nat_pmp("10.0.0.1", 8080, 0, 60), Err(NatPmpCode::NotAuthorized));
    let limits = Limits {
        mappings_per_client: 1,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    gateway.nat_pmp(ALICE, 8080, 0, 60).unwrap();
    assert_eq!(gateway.nat_pmp(ALICE, 8081, 0, 60), Err(NatPmpCode::OutOfResources));
    gateway.nat_pmp(ALICE, 8080, 0, 60).unwrap();
    let mut gateway = Gateway::new(Config {
        nat: Nat::Disabled,
        ..config()
    });
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 60), Err(NatPmpCode::NotAuthorized));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 0), Err(NatPmpCode::NotAuthorized));
}

#[test]
fn refusals_of_backend_and_store_leave_nothing_and_are_told() {
    let mut gateway = Gateway::new(config());
    gateway.refuse = Box::new(|change| match change {
        portreeve_engine::Change::Mapping { after: Some(after), .. } if after.key.external_port.get() < 8085 => {
            Some(Refusal::PortTaken)
        }
        _ => None,
    });
    assert_eq!(
        gateway.nat_pmp(ALICE, 8080, 0, 60),
        Ok((8085, 60)),
        "another program has those before"
    );
    gateway.refuse = Box::new(|_| Some(Refusal::Failed("busy".into())));
    assert_eq!(gateway.nat_pmp(ALICE, 9000, 0, 60), Err(NatPmpCode::OutOfResources));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 0, 0), Err(NatPmpCode::OutOfResources));
    gateway.refuse = Box::new(|_| None);
    gateway.store_works = false;
    assert_eq!(gateway.nat_pmp(ALICE, 9000, 0, 60), Err(NatPmpCode::OutOfResources));
    assert_eq!(gateway.rows(), ["8085/TCP 192.168.77.11:8080 nat-pmp 60"]);
    let told: Vec<String> = gateway
        .events
        .iter()
        .filter_map(|event| match event {
            portreeve_engine::Event::Refused {
                caller,
                action,
                rejection,
            } => Some(format!("{caller} {action} {} {rejection}", rejection.number())),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "192.168.77.11 map 4 busy",
            "192.168.77.11 map 4 busy",
            "192.168.77.11 map 4 the lease could not be stored: disk full"
        ]
    );
}
