//! PORT_SET (RFC 7753).

use portreeve_wire::pcp::PortSet;

use super::*;

fn set(internal_port: u16, size: u16) -> Map {
    Map {
        port_set: Some(PortSet {
            size,
            first_internal_port: internal_port,
            parity: false,
        }),
        ..udp(internal_port)
    }
}

/// First external port and size of what was granted.
fn granted(outcome: Result<Assigned, ResultCode>) -> (u16, u16) {
    let assigned = outcome.expect("a set");
    (
        assigned.external.unwrap().1,
        assigned.port_set.map_or(1, |set| set.size),
    )
}

#[test]
fn ports_side_by_side_lead_to_ports_side_by_side() {
    let mut gateway = Gateway::new(config());
    let assigned = gateway
        .map(
            ALICE,
            120,
            Map {
                external_port: 20000,
                ..set(8000, 4)
            },
        )
        .unwrap();
    assert_eq!(assigned.port_set, set(8000, 4).port_set);
    let rows: Vec<(u16, u16)> = gateway
        .mappings()
        .iter()
        .map(|row| (row.key.external_port.get(), row.internal_port.get()))
        .collect();
    assert_eq!(rows, [(20000, 8000), (20001, 8001), (20002, 8002), (20003, 8003)]);
    assert_eq!(
        granted(gateway.map(ALICE, 3600, set(8000, 4))),
        (20000, 4),
        "renewed as it is"
    );
    assert_eq!(gateway.rows()[3], "20003/UDP 192.168.77.11:8003 pcp 3600");
    gateway.map(ALICE, 0, set(8000, 4)).unwrap();
    assert!(gateway.rows().is_empty());
}

#[test]
fn a_set_that_does_not_fit_is_moved_or_halved() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp_of(BOB, Transport::Udp, 8003, 0, 3600).unwrap();
    assert_eq!(granted(gateway.map(ALICE, 120, set(8000, 8))), (8004, 8));
    let limits = Limits {
        mappings_per_client: 3,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    assert_eq!(granted(gateway.map(ALICE, 120, set(8000, 10))), (8000, 2));
    assert_eq!(granted(gateway.map(ALICE, 120, set(9000, 10))), (9000, 1));
    assert_eq!(gateway.map(ALICE, 120, set(9500, 10)), Err(ResultCode::UserExQuota));
    let mut gateway = Gateway::new(config());
    assert_eq!(granted(gateway.map(ALICE, 120, set(8000, 65535))), (8000, 64));
    assert_eq!(
        granted(gateway.map(BOB, 120, set(65534, 8))),
        (65534, 2),
        "no port comes after the last"
    );
}

#[test]
fn with_prefer_failure_a_set_is_whole() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp_of(BOB, Transport::Udp, 8003, 0, 3600).unwrap();
    let whole = |size| Map {
        prefer_failure: true,
        external_port: 8000,
        ..set(8000, size)
    };
    assert_eq!(
        gateway.map(ALICE, 120, whole(4)),
        Err(ResultCode::CannotProvideExternal)
    );
    assert_eq!(gateway.rows().len(), 1);
    assert_eq!(granted(gateway.map(ALICE, 120, whole(3))), (8000, 3));
}

#[test]
fn parity_is_kept_where_asked() {
    let mut gateway = Gateway::new(config());
    gateway.nat_pmp_of(BOB, Transport::Udp, 8000, 0, 3600).unwrap();
    let mut map = set(8000, 2);
    assert_eq!(granted(gateway.map(ALICE, 120, map.clone())), (8001, 2));
    gateway.map(ALICE, 0, map.clone()).unwrap();
    map.port_set.as_mut().unwrap().parity = true;
    assert_eq!(granted(gateway.map(ALICE, 120, map)), (8002, 2));
}

#[test]
fn a_port_that_is_mapped_elsewhere_or_is_anothers_ends_the_set() {
    let mut gateway = Gateway::new(config());
    let elsewhere = Map {
        external_port: 20000,
        ..udp(8002)
    };
    gateway.map(ALICE, 120, elsewhere).unwrap();
    assert_eq!(granted(gateway.map(ALICE, 120, set(8000, 4))), (8000, 2));
    assert_eq!(gateway.rows().len(), 3);
    let theirs = Map {
        nonce: OTHER_NONCE,
        third_party: Some(BOB.parse().unwrap()),
        ..udp(9001)
    };
    let policy = open_policy();
    let mut gateway = Gateway::new(Config { policy, ..config() });
    gateway.map(ALICE, 120, theirs).unwrap();
    assert_eq!(granted(gateway.map(BOB, 120, set(9000, 2))), (9000, 1));
}
