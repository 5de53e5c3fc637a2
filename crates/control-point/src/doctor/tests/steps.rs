//! What the steps of an examination say.

use super::*;

#[test]
fn steps_say_what_they_looked_at() {
    let told = |finding: Finding, outcome: Outcome, words: &str| {
        assert_eq!(finding.outcome, outcome, "{finding:?}");
        assert!(
            finding.text.contains(words) && finding.text.ends_with('.'),
            "{finding:?}"
        );
    };
    let seen = well();
    told(findings::interface(&seen), Outcome::Good, "eth0 has 192.168.77.2/24");
    told(findings::route(&seen), Outcome::Good, "192.168.77.1 on eth0");
    let mut both_families = seen.clone();
    if let Some(Ok(links)) = &mut both_families.interfaces {
        links.push(Link {
            address: "fe80::2".parse().unwrap(),
            gateway: "fe80::1".parse().ok(),
            ..links[0].clone()
        });
    }
    told(
        findings::route(&both_families),
        Outcome::Good,
        "192.168.77.1 on eth0, and over IPv6 fe80::1 on eth0.",
    );
    let mut two_addresses = seen.clone();
    if let Some(Ok(links)) = &mut two_addresses.interfaces {
        let second = Ipv4Addr::new(192, 168, 77, 3).into();
        links.push(Link {
            address: second,
            ..links[0].clone()
        });
    }
    told(
        findings::interface(&two_addresses),
        Outcome::Good,
        "eth0 has 192.168.77.2/24 and 192.168.77.3/24.",
    );
    told(
        findings::route(&two_addresses),
        Outcome::Good,
        "The way to the internet is 192.168.77.1 on eth0.",
    );
    told(
        findings::search(&Search {
            sent: vec!["eth0".into(), "wlan0".into()],
            asked: vec![ROUTER],
            heard: vec![ROUTER, HERE],
            ..Search::default()
        }),
        Outcome::Good,
        "to everybody on eth0, to everybody on wlan0 and to 192.168.77.1 itself, and 2 devices answered: 192.168.77.1",
    );
    told(
        findings::search(&Search {
            failed: vec![("eth0".into(), "Operation not permitted".into())],
            ..Search::default()
        }),
        Outcome::Bad,
        "eth0: Operation not permitted",
    );
    let silent = Search {
        sent: vec!["eth0".into()],
        ..Search::default()
    };
    told(findings::search(&silent), Outcome::Unknown, "nothing at all answered");
    told(
        findings::discovery(&seen),
        Outcome::Good,
        "\"Router\" at 192.168.77.1 answered after 12 ms",
    );
    told(
        findings::connection(&Ok(up())),
        Outcome::Good,
        "connected to the internet, for 1 d 1 h so far.",
    );
    let after_idle = Connection {
        last_error: "ERROR_IDLE_DISCONNECT".into(),
        ..up()
    };
    told(
        findings::connection(&Ok(after_idle)),
        Outcome::Good,
        "ended like this: The router ended its internet",
    );
    told(findings::stun(&seen), Outcome::Skipped, "--stun");
    let same = Evidence {
        stun: Some(Ok("11.11.11.1:999".parse().unwrap())),
        ..well()
    };
    told(findings::stun(&same), Outcome::Good, "the same address, 11.11.11.1");
    told(
        findings::trial(&trial(Err(not_there(40_000)))),
        Outcome::Good,
        "said yes to TCP port 40000",
    );
    told(
        findings::read_back(&trial(Err(not_there(40_000)))),
        Outcome::Bad,
        "has no such mapping",
    );
    told(
        findings::read_back(&trial(Err(refusal(606, "").into()))),
        Outcome::Skipped,
        "no mapping to read back",
    );
    let external = "11.11.11.1:40000".parse().unwrap();
    told(
        findings::loop_back(&LoopBack::Lost(external)),
        Outcome::Unknown,
        "hairpin",
    );
    told(
        findings::loop_back(&LoopBack::Stranger(external)),
        Outcome::Unknown,
        "something else",
    );
    told(findings::loop_back(&LoopBack::NotTried("No.")), Outcome::Skipped, "No.");
}

#[test]
fn a_gateway_cannot_write_to_the_terminal_through_its_names() {
    let mut seen = well();
    let nasty = "\u{1b}[2Jx\u{202e}";
    if let Some(Ok(found)) = &mut seen.found {
        found.name = nasty.into();
        found.service = nasty.into();
        found.location = format!("http://192.168.77.1/{nasty}");
    }
    seen.search = Some(Search {
        asked: vec![ROUTER],
        ..Search::default()
    });
    let named = Connection {
        status: ConnectionStatus::Other(nasty.into()),
        ..down(ConnectionStatus::Connected, nasty)
    };
    let capped_inside = own(80, &["0.0.0.0"], AtGateway::RefusedInside(refusal(606, "").into()));
    assert_told(
        &with_own(capped_inside),
        "low-port-cap",
        "neither outside nor inside",
        "portreeve map 8080",
    );
    let taken = own(8080, &[], AtGateway::Mapped(nasty.into(), 1));
    let Some(Ok(found)) = &seen.found else { panic!() };
    for finding in [
        findings::discovery(&seen),
        findings::description(found),
        findings::connection(&Ok(named)),
        findings::external_address(&at(nasty)),
        findings::port(&taken),
    ] {
        let shown = format!("{}{}", finding.text, finding.remedy.unwrap_or_default());
        assert!(!shown.chars().any(|c| c == '\u{1b}' || c == '\u{202e}'), "{shown:?}");
    }
}

#[test]
fn names_for_programs_are_unique() {
    let topics: std::collections::BTreeSet<_> = Topic::ALL.iter().map(|topic| topic.code()).collect();
    assert_eq!(topics.len(), Topic::ALL.len());
    assert_eq!(Diagnosis::Fine.code(), "fine");
}

#[test]
fn what_pcp_and_nat_pmp_tell_is_held_against_upnp() {
    let upnp = "11.11.11.1".parse().ok();
    let (pcp, nat_pmp) = (
        server(Carrier::Pcp, "11.11.11.1"),
        server(Carrier::NatPmp, "11.11.11.1"),
    );
    let silent = Server {
        carrier: Carrier::Pcp,
        address: Err(refusal(501, "").into()),
    };
    for (by_upnp, servers, outcome, words) in [
        (upnp, vec![], Outcome::Good, "neither PCP nor NAT-PMP"),
        (
            upnp,
            vec![pcp.clone(), nat_pmp.clone()],
            Outcome::Good,
            "PCP and NAT-PMP too, and tells the same address, 11.11.11.1",
        ),
        (
            None,
            vec![nat_pmp.clone()],
            Outcome::Good,
            "By NAT-PMP the router tells the address 11.11.11.1",
        ),
        (
            upnp,
            vec![server(Carrier::Pcp, "")],
            Outcome::Unknown,
            "tells no address",
        ),
        (upnp, vec![silent], Outcome::Unknown, "speaks PCP. "),
        (
            None,
            vec![pcp.clone(), server(Carrier::NatPmp, "10.0.0.2")],
            Outcome::Bad,
            "11.11.11.1 by PCP and 10.0.0.2 by NAT-PMP",
        ),
        (
            upnp,
            vec![pcp, server(Carrier::NatPmp, "11.11.11.2")],
            Outcome::Bad,
            "11.11.11.2 by NAT-PMP",
        ),
    ] {
        let finding = crate::doctor::servers::finding(by_upnp, &servers);
        assert_eq!(finding.outcome, outcome, "{finding:?}");
        assert!(
            finding.text.contains(words) && finding.text.ends_with('.'),
            "{finding:?}"
        );
        assert_eq!(
            finding.remedy.is_some(),
            outcome == Outcome::Bad || words.contains("speaks PCP."),
            "{finding:?}"
        );
    }
}

#[test]
fn a_gateway_without_upnp_is_neither_deaf_nor_read_back() {
    let mut seen = well();
    if let Some(Ok(found)) = &mut seen.found {
        found.igd_version = 0;
        found.service = "PCP".into();
    }
    if let Some(search) = &mut seen.search {
        search.heard.clear();
    }
    assert!(!seen.is_deaf());
    let Some(Ok(found)) = &seen.found else { unreachable!() };
    assert!(
        findings::description(found)
            .text
            .contains("by PCP, and does not speak UPnP")
    );
    let by_pcp = Trial {
        carrier: Some(Carrier::Pcp),
        ..trial(Ok((40_000, vec![])))
    };
    assert_eq!(findings::read_back(&by_pcp).outcome, Outcome::Skipped);
    let untold = Connection {
        status: ConnectionStatus::Other(String::new()),
        ..up()
    };
    assert_eq!(findings::connection(&Ok(untold)).outcome, Outcome::Unknown);
}
