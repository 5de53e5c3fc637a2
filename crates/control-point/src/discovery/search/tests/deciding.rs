//! When it is over, and who is taken.

use super::*;

fn remembered(location: &str, udn: &str) -> Plan {
    Plan {
        remembered: vec![Remembered {
            location: Url::parse(location).unwrap(),
            udn: udn.to_owned(),
        }],
        ..plan()
    }
}

#[test]
fn a_usable_default_gateway_is_taken_at_once() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(2);
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(3);
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
}

#[test]
fn another_usable_gateway_is_taken_when_50_milliseconds_brought_no_better_one() {
    let mut driven = Driven::new(plan());
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    let found = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(49);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[found]);
}

#[test]
fn r5_the_default_gateway_is_preferred() {
    let mut driven = Driven::new(plan());
    driven.answer(SECOND_ROUTER, IGD_2, &at(SECOND_ROUTER, "/d"));
    let second = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(20);
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(100);
    driven.assert_open();
    let first = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[first, second]);
}

#[test]
fn a_slow_default_gateway_is_not_waited_for_beyond_the_time() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    let second = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(999);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[second]);
}

#[test]
fn r19_a_gateway_that_is_down_gives_way_to_one_that_is_up() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    let down = driven.examined(&at(GATEWAY, "/d"), Ok(findings(Standing::Down)));
    driven.wait_ms(400);
    driven.assert_open();
    let up = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(50);
    driven.assert_found(&[up, down]);
}

#[test]
fn a_gateway_that_is_down_is_given_when_the_time_is_over() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    let down = driven.examined(&at(GATEWAY, "/d"), Ok(findings(Standing::Down)));
    driven.wait_ms(999);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[down]);
}

#[test]
fn r60_a_default_gateway_behind_another_nat_is_taken_after_a_quarter_of_a_second() {
    for standing in [Standing::UpPrivate, Standing::Up] {
        let mut driven = Driven::new(plan());
        driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
        let found = driven.examined(&at(GATEWAY, "/d"), Ok(findings(standing)));
        driven.wait_ms(249);
        driven.assert_open();
        driven.wait_ms(1);
        driven.assert_found(&[found]);
    }
}

#[test]
fn a_gateway_that_answers_late_may_take_longer_to_tell_about_itself() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(990);
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(500);
    driven.assert_open();
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
}

#[test]
fn nobody_is_waited_for_without_end() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(2999);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[]);
    let rejected = driven.search.rejected();
    assert_eq!(rejected.len(), 1);
    assert!(matches!(&rejected[0].why, Conversation::Timeout { waited, .. } if waited.as_secs() == 3));
}

#[test]
fn loopback_comes_last() {
    let mut driven = Driven::new(plan());
    driven.answer_to(1, ip(127, 0, 0, 1), IGD_2, "http://127.0.0.1:5000/d");
    let here = driven.good("http://127.0.0.1:5000/d");
    driven.wait_ms(100);
    driven.assert_open();
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    let router = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(50);
    driven.assert_found(&[router, here]);
}

#[test]
fn loopback_is_taken_at_once_where_there_is_nothing_else() {
    let mut driven = Driven::new(Plan {
        origins: vec![loopback()],
        ..plan()
    });
    driven.answer(ip(127, 0, 0, 1), IGD_2, "http://127.0.0.1:5000/d");
    let here = driven.good("http://127.0.0.1:5000/d");
    driven.assert_found(&[here]);
}

#[test]
fn the_gateway_of_the_better_route_comes_first() {
    let mut driven = Driven::new(Plan {
        origins: vec![lan(), second_lan()],
        ..plan()
    });
    let other = ip(10, 0, 0, 1);
    driven.answer_to(1, other, IGD_2, &at(other, "/d"));
    let second = driven.good(&at(other, "/d"));
    driven.wait_ms(30);
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    let first = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[first, second]);
}

#[test]
fn a_remembered_gateway_is_asked_before_anything_is_sent_and_taken_at_once() {
    let mut driven = Driven::new(remembered(&at(GATEWAY, "/d"), "uuid:1"));
    assert_eq!(driven.locations(), [at(GATEWAY, "/d")]);
    assert_eq!(driven.sent, []);
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
}

#[test]
fn a_remembered_gateway_that_is_not_the_router_stays_only_if_the_router_is_silent() {
    let remembered = || {
        let mut driven = Driven::new(remembered(&at(SECOND_ROUTER, "/d"), "uuid:1"));
        let rogue = driven.good(&at(SECOND_ROUTER, "/d"));
        driven.assert_open();
        (driven, rogue)
    };
    let (mut driven, rogue) = remembered();
    driven.wait_ms(50);
    driven.assert_found(&[rogue]);

    let (mut driven, rogue) = remembered();
    driven.wait_ms(20);
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(300);
    driven.assert_open();
    let other = Findings {
        udn: "uuid:2".to_owned(),
        ..findings(Standing::UpPublic)
    };
    let router = driven.examined(&at(GATEWAY, "/d"), Ok(other));
    driven.assert_found(&[router, rogue]);
}

#[test]
fn the_search_begins_25_milliseconds_after_a_remembered_gateway_was_asked() {
    let mut driven = Driven::new(remembered(&at(GATEWAY, "/d"), "uuid:1"));
    driven.wait_ms(24);
    assert_eq!(driven.sent, []);
    driven.wait_ms(1);
    assert!(!driven.sent.is_empty());
    driven.wait_ms(900);
    driven.assert_open();
    let mut times: Vec<_> = driven.sent.iter().map(|(at, ..)| at.as_millis()).collect();
    times.dedup();
    assert_eq!(times, [25, 55, 175, 475]);
}

#[test]
fn the_search_begins_at_once_when_the_memory_was_wrong() {
    for result in [
        Err(refused()),
        Ok(Findings {
            udn: "uuid:other".to_owned(),
            ..findings(Standing::UpPublic)
        }),
    ] {
        let mut driven = Driven::new(remembered(&at(GATEWAY, "/d"), "uuid:1"));
        driven.wait_ms(3);
        driven.examined(&at(GATEWAY, "/d"), result);
        assert!(driven.sent.iter().all(|(at, ..)| at.as_millis() == 3) && !driven.sent.is_empty());
    }
}

#[test]
fn another_gateway_where_one_is_remembered_is_not_taken_for_it() {
    let mut driven = Driven::new(remembered(&at(SECOND_ROUTER, "/d"), "uuid:other"));
    driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(1000);
    driven.assert_found(&[]);
    assert_eq!(driven.search.rejected(), []);
}

#[test]
fn another_gateway_where_one_is_remembered_is_taken_if_it_answers() {
    let mut driven = Driven::new(remembered(&at(GATEWAY, "/d"), "uuid:other"));
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
}

#[test]
fn r9_a_remembered_location_that_is_gone_does_not_hinder_the_search() {
    let mut driven = Driven::new(remembered(&at(GATEWAY, "/old"), "uuid:1"));
    driven.examined(&at(GATEWAY, "/old"), Err(refused()));
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/new"));
    let found = driven.good(&at(GATEWAY, "/new"));
    driven.assert_found(&[found]);
}

#[test]
fn r9_a_remembered_gateway_that_hangs_does_not_hinder_the_search() {
    let mut driven = Driven::new(remembered(&at(GATEWAY, "/old"), "uuid:1"));
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/new"));
    let found = driven.good(&at(GATEWAY, "/new"));
    driven.assert_found(&[found]);
}

#[test]
fn a_remembered_gateway_that_hangs_does_not_prolong_the_search() {
    let mut driven = Driven::new(remembered(&at(SECOND_ROUTER, "/d"), "uuid:1"));
    driven.wait_ms(999);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[]);
}

#[test]
fn what_is_remembered_leads_no_further_than_an_answer() {
    for location in ["http://8.8.8.8/d", "http://[2001:db8::1]/d", "http://239.255.255.250/d"] {
        let driven = Driven::new(remembered(location, "uuid:1"));
        assert_eq!(driven.locations(), [""; 0], "{location}");
    }
}

#[test]
fn a_remembered_gateway_on_loopback_lets_others_go_first_but_shortly() {
    let mut driven = Driven::new(remembered("http://127.0.0.1:5000/d", "uuid:1"));
    let found = driven.good("http://127.0.0.1:5000/d");
    driven.wait_ms(49);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[found]);
}

#[test]
fn all_gateways_are_waited_for_and_each_is_told_once() {
    let mut driven = Driven::new(Plan {
        until: Until::TimeOver,
        ..plan()
    });
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/igd.xml"));
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/igd2.xml"));
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    let old = driven.examined(
        &at(GATEWAY, "/igd.xml"),
        Ok(Findings {
            version: 1,
            ..findings(Standing::UpPublic)
        }),
    );
    let new = driven.good(&at(GATEWAY, "/igd2.xml"));
    let other = driven.examined(&at(SECOND_ROUTER, "/d"), Ok(findings(Standing::Down)));
    driven.wait_ms(999);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[new, other]);
    assert_ne!(old, new);
}

#[test]
fn a_named_gateway_is_taken_whatever_its_state() {
    for (standing, wait) in [(Standing::UpPublic, 0), (Standing::UpPrivate, 50), (Standing::Down, 50)] {
        let mut driven = Driven::new(Plan {
            wanted: Wanted::At(SocketAddr::new(SECOND_ROUTER, PORT)),
            ..plan()
        });
        driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
        let found = driven.examined(&at(SECOND_ROUTER, "/d"), Ok(findings(standing)));
        driven.wait_ms(wait);
        driven.assert_found(&[found]);
    }
}
