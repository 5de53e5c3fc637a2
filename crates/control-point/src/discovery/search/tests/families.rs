//! IPv4 and IPv6 side by side.

use super::*;
use crate::network::scoped;

fn link() -> Origin {
    Origin {
        address: v6("fe80::10"),
        prefix_len: 64,
        gateway: Some(v6("fe80::1")),
        ..lan()
    }
}

fn site() -> Origin {
    Origin {
        address: v6("2001:db8:77::10"),
        prefix_len: 64,
        gateway: None,
        ..lan()
    }
}

fn v6(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A host with both families.
fn both() -> Plan {
    Plan {
        origins: vec![lan(), link(), site(), loopback()],
        ..plan()
    }
}

/// A host without IPv4.
fn alone() -> Plan {
    Plan {
        origins: vec![link(), site(), loopback()],
        ..plan()
    }
}

/// Whom it asked over IPv6, and when, in milliseconds.
fn asked(driven: &Driven) -> Vec<(u128, usize, SocketAddr)> {
    let over_ipv6 = driven.sent.iter().filter(|(_, _, to, _)| to.is_ipv6());
    let mut asked: Vec<_> = over_ipv6
        .map(|(at, origin, to, _)| (at.as_millis(), *origin, *to))
        .collect();
    asked.dedup();
    asked
}

fn router() -> SocketAddr {
    scoped(v6("fe80::1"), PORT, 3)
}

fn group(text: &str) -> SocketAddr {
    scoped(v6(text), PORT, 3)
}

#[test]
fn r6_ipv6_is_searched_only_where_ipv4_has_brought_nothing_for_a_quarter_of_a_second() {
    let mut driven = Driven::new(both());
    driven.wait_ms(249);
    assert_eq!(asked(&driven), []);
    driven.wait_ms(50);
    assert_eq!(
        asked(&driven),
        [
            (250, 1, router()),
            (280, 1, group("ff02::c")),
            (280, 2, group("ff05::c")),
        ]
    );
}

#[test]
fn a_gateway_that_is_found_over_ipv4_is_not_searched_over_ipv6() {
    let mut driven = Driven::new(both());
    driven.wait_ms(100);
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/d"));
    driven.wait_ms(20);
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
    assert_eq!(asked(&driven), []);
}

#[test]
fn without_ipv4_nothing_is_waited_for() {
    let mut driven = Driven::new(alone());
    driven.wait_ms(30);
    assert_eq!(
        asked(&driven),
        [(0, 0, router()), (30, 0, group("ff02::c")), (30, 1, group("ff05::c"))]
    );
    driven.answer_to(0, v6("fe80::1"), IGD_2, "http://[fe80::1]:5000/d");
    assert_eq!(
        driven.examining[0].2,
        Some(v6("fe80::10")),
        "from our address on the link"
    );
    let found = driven.good("http://[fe80::1]:5000/d");
    driven.assert_found(&[found]);
}

#[test]
fn a_gateway_that_answers_from_the_link_may_name_its_address_in_the_site() {
    let mut driven = Driven::new(alone());
    driven.answer_to(0, v6("fe80::1"), IGD_2, "http://[2001:db8:77::1]:5000/d");
    assert_eq!(driven.examining[0].2, Some(v6("2001:db8:77::10")));
    let found = driven.good("http://[2001:db8:77::1]:5000/d");
    driven.wait_ms(50);
    driven.assert_found(&[found]);
}

#[test]
fn a_router_without_ipv4_that_is_silent_is_looked_for_where_most_have_their_description() {
    let mut driven = Driven::new(alone());
    driven.wait_ms(15);
    assert_eq!(driven.locations(), ["http://[fe80::1]:5000/rootDesc.xml"]);
}

#[test]
fn a_gateway_of_several_addresses_is_one_and_mappings_are_asked_of_it_over_ipv4() {
    let mut driven = Driven::new(Plan {
        until: Until::TimeOver,
        ..both()
    });
    driven.wait_ms(300);
    driven.answer_to(1, v6("fe80::1"), IGD_2, "http://[fe80::1]:5000/d");
    driven.good("http://[fe80::1]:5000/d");
    driven.answer_to(2, v6("2001:db8:77::1"), IGD_2, "http://[2001:db8:77::1]:5000/d");
    driven.good("http://[2001:db8:77::1]:5000/d");
    driven.answer(SECOND_ROUTER, IGD_2, &at(SECOND_ROUTER, "/d"));
    let over_ipv4 = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(700);
    driven.assert_found(&[over_ipv4]);
}

#[test]
fn gateways_without_a_name_are_told_apart_by_their_addresses() {
    let nameless = || {
        Ok(Findings {
            udn: String::new(),
            ..findings(Standing::UpPublic)
        })
    };
    let mut driven = Driven::new(Plan {
        until: Until::TimeOver,
        ..both()
    });
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/d"));
    let one = driven.examined(&at(GATEWAY, "/d"), nameless());
    driven.answer_to(1, v6("fe80::9"), IGD_2, "http://[fe80::9]:5000/d");
    let other = driven.examined("http://[fe80::9]:5000/d", nameless());
    driven.wait_ms(1000);
    driven.assert_found(&[one, other]);
}

#[test]
fn a_gateway_that_is_named_over_ipv6_is_asked_at_once_and_alone() {
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(router()),
        ..both()
    });
    driven.wait_ms(100);
    assert_eq!(asked(&driven), [(0, 1, router())]);
    assert!(driven.sent.iter().all(|(_, _, to, _)| to.is_ipv6()));
}
