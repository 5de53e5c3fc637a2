//! What follows from what, and in which words.

mod steps;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::evidence::*;
use super::findings::{self, Finding};
use super::step::{Outcome, Topic};
use super::verdict::{Diagnosis, diagnose};
use crate::error::{Conversation, Error, NoGateway, PortsRefused, Refusal, Rejected, Untrue};
use crate::mapping::Protocol;
use crate::port_control::Carrier;
use crate::status::ConnectionStatus;

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 1));
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 2));

/// An examination in which everything is well.
fn well() -> Evidence {
    let link = Link {
        name: "eth0".into(),
        address: HERE,
        prefix: 24,
        gateway: Some(ROUTER),
    };
    Evidence {
        interfaces: Some(Ok(vec![link])),
        search: Some(Search {
            asked: vec![ROUTER],
            sent: vec!["eth0".into()],
            heard: vec![ROUTER],
            ..Search::default()
        }),
        found: Some(Ok(Found {
            name: "Router".into(),
            address: ROUTER,
            location: "http://192.168.77.1:5000/igd2.xml".into(),
            igd_version: 2,
            service: "WANIPConnection:2".into(),
            connections: 1,
            took: Duration::from_millis(12),
        })),
        connection: Some(Ok(up())),
        trial: Some(trial(Ok((40_000, vec![])))),
        ..Evidence::default()
    }
}

fn up() -> Connection {
    Connection {
        status: ConnectionStatus::Connected,
        last_error: "ERROR_NONE".into(),
        uptime: Some(Duration::from_secs(90_061)),
        nat: Some(true),
        address: Some([11, 11, 11, 1].into()),
        address_text: "11.11.11.1".into(),
    }
}

fn at(address: &str) -> Connection {
    Connection {
        address: address.parse().ok(),
        address_text: address.into(),
        ..up()
    }
}

fn down(status: ConnectionStatus, last_error: &str) -> Connection {
    Connection {
        status,
        last_error: last_error.into(),
        uptime: None,
        address: None,
        address_text: String::new(),
        ..up()
    }
}

fn with(connection: Connection) -> Evidence {
    Evidence {
        connection: Some(Ok(connection)),
        trial: None,
        ..well()
    }
}

fn trial(made: Result<(u16, Vec<String>), Error>) -> Trial {
    Trial {
        protocol: Protocol::Tcp,
        asked: 40_000,
        carrier: made.as_ref().ok().map(|_| Carrier::Igd),
        made,
    }
}

fn server(carrier: Carrier, address: &str) -> Server {
    Server {
        carrier,
        address: Ok(address.parse().ok()),
    }
}

fn refusal(code: u16, description: &str) -> Refusal {
    Refusal {
        action: "AddPortMapping".into(),
        code,
        description: description.into(),
    }
}

fn not_there(external_port: u16) -> Error {
    let protocol = Protocol::Tcp;
    Untrue::NotThere {
        external_port,
        protocol,
    }
    .into()
}

fn own(port: u16, listening: &[&str], at_gateway: AtGateway) -> OwnPort {
    OwnPort {
        protocol: Protocol::Tcp,
        port,
        local: Some(HERE),
        listening: Some(listening.iter().map(|address| address.parse().unwrap()).collect()),
        at_gateway: Some(at_gateway),
    }
}

fn with_own(own: OwnPort) -> Evidence {
    Evidence {
        own: Some(own),
        ..well()
    }
}

/// Nothing was found, and the router was knocked at or not.
fn lost(knock: Option<Knock>) -> Evidence {
    let nobody = NoGateway {
        interfaces: vec!["eth0".into()],
        default_gateway: Some(ROUTER),
        ..NoGateway::default()
    };
    Evidence {
        found: Some(Err(nobody.into())),
        search: None,
        connection: None,
        trial: None,
        knock,
        ..well()
    }
}

/// The diagnosis by name, and its words, which are readable.
fn told(seen: &Evidence) -> (&'static str, String, String) {
    let (diagnosis, finding) = diagnose(seen);
    let remedy = finding.remedy.unwrap_or_default();
    for text in [&finding.text, &remedy] {
        assert!(text.ends_with('.'), "{diagnosis:?}: {text}");
        assert!(!text.contains("..") && !text.contains("  "), "{diagnosis:?}: {text}");
    }
    (diagnosis.code(), finding.text, remedy)
}

fn assert_told(seen: &Evidence, code: &str, problem: &str, remedy: &str) {
    let told = told(seen);
    assert_eq!(told.0, code, "{told:?}");
    assert!(told.1.contains(problem), "{told:?}");
    assert!(told.2.contains(remedy), "{told:?}");
}

#[test]
fn each_cause_is_told_apart_from_the_others() {
    assert_told(&well(), "fine", "maps ports for this computer", "portreeve map 8080");

    let offline = Evidence {
        interfaces: Some(Ok(vec![])),
        ..lost(None)
    };
    assert_told(&offline, "no-interface", "no network connection that is up", "Plug in");
    let no_route = Evidence {
        interfaces: Some(Ok(vec![Link {
            name: "eth0".into(),
            address: Ipv4Addr::new(169, 254, 7, 7).into(),
            prefix: 16,
            gateway: None,
        }])),
        ..lost(None)
    };
    assert_told(&no_route, "no-default-route", "no default route", "DHCP");
    let knock = |alive| Some(Knock { router: ROUTER, alive });
    assert_told(
        &lost(knock(false)),
        "no-gateway",
        "192.168.77.1 does not answer at all",
        "restart both",
    );
    assert_told(
        &lost(knock(true)),
        "upnp-off",
        "is there, but does not speak UPnP",
        "FRITZ!Box",
    );
    let quiet = Evidence {
        search: Some(Search::default()),
        ..lost(knock(true))
    };
    assert_told(
        &quiet,
        "upnp-off",
        "does not speak UPnP",
        "If it is on already, a firewall on this computer",
    );
    let deaf = Evidence {
        search: Some(Search {
            asked: vec![ROUTER],
            sent: vec!["eth0".into()],
            ..Search::default()
        }),
        ..well()
    };
    assert_told(
        &deaf,
        "ssdp-blocked",
        "firewall",
        "--gateway http://192.168.77.1:5000/igd2.xml",
    );

    let heard_later = Evidence {
        searched_again: Some(Search {
            heard: vec![ROUTER],
            ..Search::default()
        }),
        ..deaf.clone()
    };
    assert_told(&heard_later, "fine", "maps ports", "portreeve map");
    assert!(
        findings::discovery(&heard_later).text.contains("the second only"),
        "{heard_later:?}"
    );
    let never_heard = Evidence {
        searched_again: Some(Search::default()),
        ..deaf
    };
    assert_eq!(told(&never_heard).0, "ssdp-blocked");

    assert_told(
        &with(down(ConnectionStatus::Disconnected, "ERROR_NO_CARRIER")),
        "connection-no-carrier",
        "No signal",
        "cable",
    );
    let off = Connection {
        nat: Some(false),
        ..up()
    };
    assert_told(&with(off), "nat-off", "NAT is off", "reachable as it is");
    assert_told(&with(at("192.168.1.2")), "double-nat", "192.168.1.2", "bridge mode");
    assert_told(
        &with(at("100.64.9.9")),
        "carrier-grade-nat",
        "100.64.9.9",
        "public IPv4 address",
    );
    assert_told(&with(at("0.0.0.0")), "no-external-address", "0.0.0.0", "DS-Lite");
    let passed_on = Evidence {
        servers: Some(vec![server(Carrier::Pcp, "11.11.11.9")]),
        ..with(at("192.168.1.2"))
    };
    assert_told(
        &passed_on,
        "addresses-differ",
        "192.168.1.2 by UPnP IGD and 11.11.11.9 by PCP",
        "Map ports by PCP",
    );
    let agreed = Evidence {
        servers: Some(vec![server(Carrier::Pcp, "192.168.1.2")]),
        ..with(at("192.168.1.2"))
    };
    assert_told(&agreed, "double-nat", "192.168.1.2", "bridge mode");
    let elsewhere = Evidence {
        stun: Some(Ok("198.51.100.7:4000".parse().unwrap())),
        ..well()
    };
    assert_told(
        &elsewhere,
        "address-differs",
        "sees 198.51.100.7, while the router says 11.11.11.1",
        "VPN",
    );

    let tried = |error: Error| Evidence {
        trial: Some(trial(Err(error))),
        ..well()
    };
    assert_told(
        &tried(refusal(606, "").into()),
        "action-not-authorized",
        "policy",
        "UPnP settings",
    );
    assert_told(
        &tried(refusal(403, "Not available Action").into()),
        "port-sharing-off",
        "does not let this computer",
        "FRITZ!Box",
    );
    let every_port = PortsRefused {
        ports: vec![40_000, 41_000],
        last: refusal(718, ""),
    };
    assert_told(&tried(every_port.into()), "every-port-refused", "40000, 41000", "pages");
    assert_told(&tried(not_there(40_000)), "silent-success", "does nothing", "firmware");
    assert_told(
        &tried(refusal(501, "").into()),
        "mapping-failed",
        "could not make the mapping",
        "restart",
    );

    assert_told(
        &with_own(own(80, &["0.0.0.0"], AtGateway::Refused(not_there(80)))),
        "low-port-cap",
        "below 1024",
        "1024 or above",
    );
    let capped = own(80, &["0.0.0.0"], AtGateway::Refused(refusal(606, "").into()));
    assert_told(
        &with_own(capped),
        "low-port-cap",
        "opens no ports below 1024",
        "--external 8080",
    );
    let capped_inside = own(80, &["0.0.0.0"], AtGateway::RefusedInside(refusal(606, "").into()));
    assert_told(
        &with_own(capped_inside),
        "low-port-cap",
        "neither outside nor inside",
        "portreeve map 8080",
    );
    let taken = own(8080, &["0.0.0.0"], AtGateway::Mapped("192.168.77.9".into(), 80));
    assert_told(
        &with_own(taken),
        "conflict-in-mapping-entry",
        "\"192.168.77.9\", port 80",
        "--external",
    );
    assert_told(
        &with_own(own(8080, &[], AtGateway::Free)),
        "nothing-listens",
        "No program",
        "Start the program",
    );
    let only_here = own(8080, &["127.0.0.1", "::1"], AtGateway::Free);
    assert_told(
        &with_own(only_here),
        "listens-elsewhere",
        "only for this computer itself (127.0.0.1 and ::1)",
        "0.0.0.0",
    );
    let other = own(8080, &["10.9.9.9"], AtGateway::Free);
    assert_told(&with_own(other), "listens-elsewhere", "not on 192.168.77.2", "0.0.0.0");
}

#[test]
fn a_port_that_works_is_fine() {
    for listening in [&["0.0.0.0"][..], &["::"], &["192.168.77.2", "127.0.0.1"]] {
        let seen = with_own(own(8080, listening, AtGateway::Free));
        assert_told(&seen, "fine", "tested from outside", "portreeve map 8080");
    }
    let mapped = with_own(own(8080, &["::"], AtGateway::Mapped("192.168.77.2".into(), 8080)));
    assert_told(&mapped, "fine", "maps ports", "firewall of this computer");
    let proven = Evidence {
        loop_back: Some(LoopBack::Arrived("11.11.11.1:40000".parse().unwrap())),
        ..well()
    };
    assert_told(&proven, "fine", "a connection came through", "portreeve map");
    let unknown = OwnPort {
        listening: None,
        protocol: Protocol::Udp,
        ..own(8080, &[], AtGateway::Free)
    };
    assert_told(
        &with_own(unknown),
        "fine",
        "maps ports",
        "portreeve map 8080 --protocol udp",
    );
}

#[test]
fn every_last_connection_error_is_told_when_the_link_is_down() {
    let mut told_before = std::collections::BTreeSet::new();
    for service in portreeve_wire::service::KNOWN {
        let Some(variable) = service.variable("LastConnectionError") else {
            continue;
        };
        let portreeve_wire::service::Allowed::Values(values) = variable.allowed else {
            panic!("{} lists its values", service.name);
        };
        for value in values
            .iter()
            .filter(|value| !["ERROR_NONE", "ERROR_UNKNOWN"].contains(value))
        {
            let (code, problem, _) = told(&with(down(ConnectionStatus::Disconnected, value)));
            let cause = crate::explain::last_connection_error(value);
            assert_eq!(code, cause.code, "{value}");
            assert!(
                problem.starts_with("The router is not connected") && problem.ends_with(&cause.problem),
                "{problem}"
            );
            told_before.insert(problem);
        }
    }
    assert_eq!(told_before.len(), 25, "as many as there are values without these two");
}

#[test]
fn the_first_cause_on_the_way_is_the_diagnosis() {
    let everything_wrong = Evidence {
        connection: Some(Ok(Connection {
            status: ConnectionStatus::Disconnected,
            nat: Some(false),
            ..at("100.64.1.1")
        })),
        trial: Some(trial(Err(refusal(606, "").into()))),
        own: Some(own(80, &[], AtGateway::Refused(not_there(80)))),
        ..well()
    };
    assert_eq!(told(&everything_wrong).0, "not-connected");
    let shared = Evidence {
        connection: Some(Ok(at("100.64.1.1"))),
        ..everything_wrong.clone()
    };
    assert_eq!(told(&shared).0, "carrier-grade-nat");
    let public = Evidence {
        connection: Some(Ok(up())),
        ..everything_wrong
    };
    assert_eq!(told(&public).0, "action-not-authorized");
}

#[test]
fn what_answers_but_cannot_be_used_is_told() {
    let rejected = Rejected {
        location: "http://192.168.77.9/tv.xml".into(),
        why: Conversation::Status {
            url: "http://192.168.77.9/tv.xml".into(),
            status: 404,
        },
    };
    let seen = Evidence {
        found: Some(Err(NoGateway {
            rejected: vec![rejected],
            interfaces: vec!["eth0".into()],
            ..NoGateway::default()
        }
        .into())),
        ..lost(Some(Knock {
            router: ROUTER,
            alive: true,
        }))
    };
    assert_told(&seen, "gateway-rejected", "HTTP status 404", "search again");
}

#[test]
fn the_way_in_over_ipv6_is_told() {
    let told = |local: Option<&str>, status: Option<(bool, bool)>| {
        let finding = findings::firewall(&Firewall {
            local: local.map(|address| address.parse().unwrap()),
            status: status.map(|(enabled, pinholes_allowed)| crate::status::FirewallStatus {
                enabled,
                pinholes_allowed,
            }),
        });
        (
            finding.outcome,
            format!("{} {}", finding.text, finding.remedy.unwrap_or_default()),
        )
    };
    let ours = Some("2001:db8:77::2");
    for (local, status, outcome, words) in [
        (None, Some((true, true)), Outcome::Skipped, "no IPv6 address"),
        (ours, None, Outcome::Unknown, "does not tell"),
        (
            ours,
            Some((false, true)),
            Outcome::Good,
            "reachable as it is, at 2001:db8:77::2.",
        ),
        (ours, Some((true, true)), Outcome::Good, "lets programs open pinholes"),
        (
            Some("fd77::2"),
            Some((true, true)),
            Outcome::Good,
            "in the local network only",
        ),
        (ours, Some((true, false)), Outcome::Bad, "allow IPv6 pinholes by UPnP"),
    ] {
        let (found, text) = told(local, status);
        assert_eq!(found, outcome, "{text}");
        assert!(text.contains(words), "{text}");
    }
}
