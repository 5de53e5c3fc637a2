//! What is sent when, and to whom.

use super::*;

#[test]
fn r3_the_default_gateway_is_asked_directly_before_everybody_is_asked() {
    let mut driven = Driven::new(Plan {
        origins: vec![lan(), second_lan(), loopback()],
        ..plan()
    });
    driven.wait_ms(30);
    let mut receivers: Vec<_> = driven
        .sent
        .iter()
        .map(|(at, origin, to, _)| (at.as_millis(), *origin, *to))
        .collect();
    receivers.dedup();
    let unicast = |host| SocketAddr::new(host, PORT);
    assert_eq!(
        receivers,
        [
            (0, 0, unicast(GATEWAY)),
            (0, 1, unicast(ip(10, 0, 0, 1))),
            (0, 2, unicast(ip(127, 0, 0, 1))),
            (30, 0, EVERYONE),
            (30, 1, EVERYONE),
        ]
    );
}

#[test]
fn searches_are_sent_again_after_150_and_450_milliseconds() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(999);
    let mut times: Vec<_> = driven.sent.iter().map(|(at, ..)| at.as_millis()).collect();
    times.dedup();
    assert_eq!(times, [0, 30, 150, 450]);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_found(&[]);
}

#[test]
fn a_longer_search_goes_on_at_growing_intervals() {
    let mut driven = Driven::new(Plan {
        timeout: Duration::from_secs(5),
        ..plan()
    });
    driven.wait_ms(5000);
    let mut times: Vec<_> = driven.sent.iter().map(|(at, ..)| at.as_millis()).collect();
    times.dedup();
    assert_eq!(times, [0, 30, 150, 450, 1050, 2250, 4650]);
    driven.assert_found(&[]);
}

#[test]
fn bursts_are_small() {
    let mut driven = Driven::new(plan());
    assert!(driven.sent.len() <= 8, "{:?}", driven.sent);
    driven.wait_ms(1000);
    assert!(driven.sent.len() <= 50, "{}", driven.sent.len());
    assert!(driven.datagrams.iter().all(|datagram| datagram.len() < 512));
}

#[test]
fn r1_r2_gateways_are_searched_by_every_name_that_one_of_them_answers_to() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(500);
    for to in [SocketAddr::new(GATEWAY, PORT), EVERYONE] {
        for target in [
            IGD_1,
            IGD_2,
            "urn:schemas-upnp-org:service:WANIPConnection:1",
            "urn:schemas-upnp-org:service:WANIPConnection:2",
            "urn:schemas-upnp-org:service:WANPPPConnection:1",
            "upnp:rootdevice",
            "ssdp:all",
        ] {
            let sent = |(_, _, receiver, st): &(Duration, usize, SocketAddr, String)| *receiver == to && st == target;
            assert!(driven.sent.iter().any(sent), "{target} to {to}");
        }
    }
}

#[test]
fn a_gateway_that_has_answered_is_not_asked_again() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.sent.clear();
    driven.wait_ms(500);
    assert!(driven.sent.iter().any(|(_, _, to, _)| *to == EVERYONE));
    assert!(driven.sent.iter().all(|(_, _, to, _)| to.ip() != GATEWAY));
}

#[test]
fn where_multicast_cannot_leave_nothing_is_multicast() {
    let driven = Driven::new(Plan {
        origins: vec![Origin {
            multicast: false,
            ..lan()
        }],
        ..plan()
    });
    assert!(driven.sent.iter().all(|(_, _, to, _)| to.ip() == GATEWAY));
    assert!(!driven.sent.is_empty());
}

#[test]
fn without_a_default_gateway_everybody_is_asked_at_once() {
    let driven = Driven::new(Plan {
        origins: vec![Origin { gateway: None, ..lan() }],
        ..plan()
    });
    assert!(driven.sent.iter().any(|(_, _, to, _)| *to == EVERYONE));
}

#[test]
fn a_default_gateway_that_is_quick_is_all_that_is_ever_asked() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(2);
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/d"));
    driven.wait_ms(3);
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
    assert!(driven.sent.iter().all(|(_, _, to, _)| *to != EVERYONE));
}

#[test]
fn without_an_interface_it_is_over_at_once() {
    let driven = Driven::new(Plan {
        origins: Vec::new(),
        ..plan()
    });
    driven.assert_found(&[]);
    assert_eq!(driven.sent, []);
}

#[test]
fn a_named_gateway_is_searched_at_its_address_and_nowhere_else() {
    let to = SocketAddr::new(SECOND_ROUTER, 1901);
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(to),
        ..plan()
    });
    driven.wait_ms(1000);
    assert!(driven.sent.len() > 5);
    assert!(
        driven
            .sent
            .iter()
            .all(|(_, origin, receiver, _)| (*origin, *receiver) == (0, to))
    );
}

#[test]
fn a_named_gateway_that_is_silent_is_looked_for_where_descriptions_are() {
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(SocketAddr::new(GATEWAY, PORT)),
        ..plan()
    });
    driven.wait_ms(199);
    assert_eq!(driven.locations(), [""; 0]);
    driven.wait_ms(1);
    let guesses: Vec<_> = driven.locations().iter().map(ToString::to_string).collect();
    assert!(
        guesses.contains(&at(GATEWAY, "/rootDesc.xml")) && guesses.len() >= 5,
        "{guesses:?}"
    );
    for guess in &guesses[1..] {
        driven.examined(guess, Err(refused()));
    }
    driven.assert_open();
    let found = driven.good(&guesses[0]);
    driven.assert_found(&[found]);
}

#[test]
fn guesses_that_fail_are_no_findings() {
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(SocketAddr::new(GATEWAY, PORT)),
        ..plan()
    });
    driven.wait_ms(200);
    let guesses: Vec<_> = driven.locations().iter().map(ToString::to_string).collect();
    for guess in guesses {
        driven.examined(&guess, Err(refused()));
    }
    driven.wait_ms(800);
    driven.assert_found(&[]);
    assert_eq!(driven.search.rejected(), []);
}

#[test]
fn a_default_gateway_that_lets_us_wait_is_looked_for_where_most_have_their_description() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(14);
    assert_eq!(driven.locations(), [""; 0]);
    driven.wait_ms(1);
    assert_eq!(driven.locations(), [at(GATEWAY, "/rootDesc.xml")]);
    driven.wait_ms(5);
    let found = driven.good(&at(GATEWAY, "/rootDesc.xml"));
    driven.assert_found(&[found]);
}

#[test]
fn a_supposition_that_is_confirmed_meanwhile_is_not_looked_at_twice() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(20);
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/rootDesc.xml"));
    assert_eq!(driven.locations().len(), 1);
    let found = driven.good(&at(GATEWAY, "/rootDesc.xml"));
    driven.assert_found(&[found]);
    assert_eq!(driven.search.heard(found).boot_id, Some(7));
}

#[test]
fn a_supposition_that_hangs_does_not_prolong_the_search() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(1000);
    assert_eq!(driven.locations(), [at(GATEWAY, "/rootDesc.xml")]);
    driven.assert_found(&[]);
    assert_eq!(driven.search.rejected(), []);

    let mut driven = Driven::new(plan());
    driven.wait_ms(20);
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    let found = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(50);
    driven.assert_found(&[found]);
}

#[test]
fn a_named_gateway_that_answers_is_not_guessed() {
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(SocketAddr::new(GATEWAY, PORT)),
        ..plan()
    });
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(500);
    assert_eq!(driven.locations(), [at(GATEWAY, "/d")]);
}

#[test]
fn a_named_description_is_fetched_and_nothing_is_searched() {
    let location = at(GATEWAY, "/d");
    let wanted = Wanted::Described(Url::parse(&location).unwrap());
    let mut driven = Driven::new(Plan {
        wanted: wanted.clone(),
        ..plan()
    });
    assert_eq!((driven.sent.len(), driven.locations()), (0, vec![location.as_str()]));
    driven.assert_open();
    driven.examined(&location, Err(refused()));
    driven.assert_found(&[]);
    assert_eq!(driven.search.rejected()[0].why, refused());

    let mut driven = Driven::new(Plan { wanted, ..plan() });
    let found = driven.examined(&location, Ok(findings(Standing::Down)));
    driven.assert_found(&[found]);
}

#[test]
fn a_named_description_works_without_any_interface_of_ours_near_it() {
    let location = "http://8.8.8.8:5000/d".to_owned();
    let driven = Driven::new(Plan {
        wanted: Wanted::Described(Url::parse(&location).unwrap()),
        ..plan()
    });
    assert_eq!(driven.examining[0].2, None, "the system chooses our address");
}
