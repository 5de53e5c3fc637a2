//! FILTER (RFC 6887 section 13.3).

use portreeve_wire::pcp::Filter;

use super::*;

/// A filter for an IPv4 network, of all ports.
fn from(address: &str, prefix: u8) -> Filter {
    Filter {
        address: address.parse().unwrap(),
        prefix: Some(prefix),
        port: 0,
    }
}

const CLEAR: Filter = Filter {
    address: ANYWHERE,
    prefix: None,
    port: 0,
};

fn filtered(filters: &[Filter]) -> Map {
    Map {
        filters: filters.to_vec(),
        ..tcp(8080)
    }
}

#[test]
fn each_host_is_a_row_of_one_external_port() {
    let mut gateway = Gateway::new(config());
    let port = port_of(gateway.map(ALICE, 120, filtered(&[from("11.11.11.7", 32), from("11.11.11.8", 32)])));
    assert_eq!(port, 8080);
    assert_eq!(
        gateway.rows(),
        [
            "8080/TCP from 11.11.11.7 192.168.77.11:8080 pcp 120",
            "8080/TCP from 11.11.11.8 192.168.77.11:8080 pcp 120"
        ]
    );
}

#[test]
fn filters_are_added_to_those_that_are_there_until_they_are_cleared() {
    let mut gateway = Gateway::new(config());
    gateway.map(ALICE, 120, filtered(&[])).unwrap();
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.11:8080 pcp 120"]);
    let mut hosts = |filters: &[Filter]| {
        assert_eq!(port_of(gateway.map(ALICE, 120, filtered(filters))), 8080);
        let rows = gateway.mappings();
        let hosts = rows.iter().map(|row| row.key.remote_host.to_string());
        hosts.collect::<Vec<_>>()
    };
    assert_eq!(
        hosts(&[from("11.11.11.7", 32)]),
        ["11.11.11.7"],
        "open to nobody else any more"
    );
    assert_eq!(hosts(&[]), ["11.11.11.7"], "a renewal keeps them");
    assert_eq!(hosts(&[from("11.11.11.8", 32)]), ["11.11.11.7", "11.11.11.8"]);
    assert_eq!(hosts(&[CLEAR, from("11.11.11.9", 32)]), ["11.11.11.9"]);
    assert_eq!(hosts(&[from("0.0.0.0", 0)]), [""], "every host is no filter");
    assert_eq!(hosts(&[from("11.11.11.9", 32), CLEAR]), [""]);
}

#[test]
fn what_cannot_be_told_apart_is_excessive_and_what_is_of_ipv6_malformed() {
    let mut gateway = Gateway::new(config());
    let with_port = Filter {
        port: 443,
        ..from("11.11.11.7", 32)
    };
    for filter in [from("11.11.11.0", 24), with_port] {
        let outcome = gateway.map(ALICE, 120, filtered(&[filter]));
        assert_eq!(outcome, Err(ResultCode::ExcessiveRemotePeers));
    }
    let many: Vec<Filter> = (1..=9).map(|n| from(&format!("11.11.11.{n}"), 32)).collect();
    assert_eq!(
        gateway.map(ALICE, 120, filtered(&many)),
        Err(ResultCode::ExcessiveRemotePeers)
    );
    for address in ["2001:db8:113::7", "224.0.0.1"] {
        let outcome = gateway.map(ALICE, 120, filtered(&[from(address, 32)]));
        assert_eq!(outcome, Err(ResultCode::MalformedOption));
    }
    assert!(gateway.rows().is_empty());
    gateway.map(ALICE, 120, filtered(&many[..8])).unwrap();
    assert_eq!(gateway.rows().len(), 8);
    gateway.map(ALICE, 0, filtered(&[])).unwrap();
    assert!(gateway.rows().is_empty());
}

#[test]
fn changing_filters_needs_no_room_for_both() {
    let limits = Limits {
        mappings_per_client: 1,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    gateway.map(ALICE, 120, filtered(&[from("11.11.11.7", 32)])).unwrap();
    gateway.map(ALICE, 120, filtered(&[CLEAR])).unwrap();
    let two = filtered(&[from("11.11.11.7", 32), from("11.11.11.8", 32)]);
    assert_eq!(gateway.map(ALICE, 120, two), Err(ResultCode::UserExQuota));
    assert_eq!(gateway.rows(), ["8080/TCP 192.168.77.11:8080 pcp 120"]);
}

#[test]
fn no_other_protocol_opens_what_is_filtered() {
    let mut gateway = Gateway::new(config());
    gateway.map(ALICE, 120, filtered(&[from("11.11.11.7", 32)])).unwrap();
    let same_port = [("NewExternalPort", "8080")];
    assert_eq!(gateway.add(ALICE, ADD, &same_port), Err(718));
    let other_host = [("NewExternalPort", "8080"), ("NewRemoteHost", "11.11.11.8")];
    assert_eq!(gateway.add(ALICE, ADD, &other_host), Err(718));
    assert_eq!(gateway.nat_pmp(ALICE, 8080, 8080, 60), Ok((8081, 60)));
    assert_eq!(reserved_port(gateway.add(ALICE, ADD_ANY, &same_port)), 8081);
    assert_eq!(gateway.rows().len(), 2);
}

#[test]
fn a_filter_is_not_claimed_for_what_another_protocol_keeps_open() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    let filter = filtered(&[from("11.11.11.7", 32)]);
    let elsewhere = port_of(gateway.map(ALICE, 120, filter.clone()));
    assert_ne!(elsewhere, 18080);
    gateway.map(ALICE, 0, tcp(8080)).unwrap();
    // Shared without filters, it cannot get any.
    assert_eq!(port_of(gateway.map(ALICE, 120, tcp(8080))), 18080);
    assert_eq!(
        gateway.map(ALICE, 120, filter.clone()),
        Err(ResultCode::ExcessiveRemotePeers)
    );
    // Nor the other way round: made by PCP, and shared.
    gateway.map(ALICE, 120, tcp(8081)).unwrap();
    gateway
        .add(ALICE, ADD, &[("NewExternalPort", "8081"), ("NewInternalPort", "8081")])
        .unwrap();
    let filter = Map {
        internal_port: 8081,
        ..filter
    };
    assert_eq!(gateway.map(ALICE, 120, filter), Err(ResultCode::ExcessiveRemotePeers));
    assert_eq!(gateway.rows().len(), 2);
}
