//! Which answers are followed.

use super::*;

#[test]
fn answers_are_followed_at_once_from_our_address_in_that_network() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    let [(_, location, from)] = &driven.examining[..] else {
        panic!()
    };
    assert_eq!((location, *from), (&at(GATEWAY, "/d"), Some(lan().address)));
}

#[test]
fn answers_that_repeat_a_location_are_one() {
    let mut driven = Driven::new(plan());
    for st in [IGD_1, IGD_2, "upnp:rootdevice", IGD_1] {
        driven.answer(GATEWAY, st, &at(GATEWAY, "/d"));
    }
    driven.answer(SECOND_ROUTER, IGD_1, &at(GATEWAY, "/d"));
    assert_eq!(driven.locations().len(), 1);
}

/// The port that an answer came from is not even told to the search; `max-age` is 1 in every answer of these tests.
#[test]
fn r4_r7_neither_the_port_of_an_answer_nor_its_max_age_matters() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(900);
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
    let heard = driven.search.heard(found);
    assert_eq!((heard.server.as_deref(), heard.boot_id), (Some("x"), Some(7)));
}

#[test]
fn r1_r2_a_default_gateway_that_answers_as_anything_is_looked_at() {
    let mut driven = Driven::new(plan());
    driven.answer(
        GATEWAY,
        "urn:schemas-wifialliance-org:device:WFADevice:1",
        &at(GATEWAY, "/d"),
    );
    driven.answer(
        SECOND_ROUTER,
        "urn:schemas-upnp-org:device:MediaServer:1",
        &at(SECOND_ROUTER, "/d"),
    );
    assert_eq!(driven.locations(), [at(GATEWAY, "/d")]);
    driven.answer(SECOND_ROUTER, "upnp:rootdevice", &at(SECOND_ROUTER, "/root"));
    assert_eq!(driven.locations(), [at(GATEWAY, "/d"), at(SECOND_ROUTER, "/root")]);
}

#[test]
fn r5_a_location_on_another_host_of_the_network_is_followed() {
    let mut driven = Driven::new(plan());
    driven.answer(SECOND_ROUTER, IGD_1, &at(GATEWAY, "/d"));
    let found = driven.good(&at(GATEWAY, "/d"));
    driven.assert_found(&[found]);
}

#[test]
fn r5_a_location_elsewhere_is_refused_and_told() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, "http://8.8.8.8/d");
    driven.answer(GATEWAY, IGD_1, "http://127.0.0.1:631/d");
    driven.answer(GATEWAY, IGD_1, "http://router.lan/d");
    assert_eq!(driven.locations(), [""; 0]);
    driven.wait_ms(1000);
    driven.assert_found(&[]);
    let rejected = driven.search.rejected();
    assert!(matches!(&rejected[0].why, Conversation::LeadsAway { to, .. } if to.contains("8.8.8.8")));
    assert!(matches!(rejected[1].why, Conversation::LeadsAway { .. }));
    assert!(matches!(rejected[2].why, Conversation::Malformed { .. }));
}

#[test]
fn televisions_are_not_told_of() {
    let mut driven = Driven::new(plan());
    driven.answer(SECOND_ROUTER, "upnp:rootdevice", &at(SECOND_ROUTER, "/tv"));
    driven.examined(&at(SECOND_ROUTER, "/tv"), Err(refused()));
    driven.answer(GATEWAY, "upnp:rootdevice", &at(GATEWAY, "/d"));
    driven.examined(&at(GATEWAY, "/d"), Err(refused()));
    driven.wait_ms(1000);
    let rejected = driven.search.rejected();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].location, at(GATEWAY, "/d"));
}

#[test]
fn only_the_named_gateway_is_followed() {
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(SocketAddr::new(SECOND_ROUTER, PORT)),
        ..plan()
    });
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    assert_eq!(driven.locations(), [""; 0]);
    driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, "/d"));
    assert_eq!(driven.locations(), [at(SECOND_ROUTER, "/d")]);
}

#[test]
fn a_named_gateway_may_be_anywhere_but_lead_nowhere_else() {
    let far = ip(8, 8, 8, 8);
    let mut driven = Driven::new(Plan {
        wanted: Wanted::At(SocketAddr::new(far, PORT)),
        ..plan()
    });
    driven.answer(far, IGD_1, "http://9.9.9.9/d");
    driven.answer(far, IGD_1, &at(far, "/d"));
    assert_eq!(driven.locations(), [at(far, "/d")]);
}

#[test]
fn one_host_is_followed_eight_times_at_most() {
    let mut driven = Driven::new(plan());
    for number in 0..100 {
        driven.answer(SECOND_ROUTER, IGD_1, &at(SECOND_ROUTER, &format!("/{number}")));
    }
    while let Some(location) = driven.locations().first().map(ToString::to_string) {
        driven.examined(&location, Err(refused()));
    }
    assert_eq!(driven.search.rejected().len(), 8);
}

#[test]
fn a_hostile_network_gets_32_leads_and_the_default_gateway_its_own() {
    let mut driven = Driven::new(plan());
    for host in 20..200 {
        let host = ip(192, 168, 77, host);
        for number in 0..10 {
            driven.answer(host, IGD_2, &at(host, &format!("/{number}")));
        }
    }
    assert_eq!(driven.examining.len(), 8, "few at once");
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    assert_eq!(driven.examining.len(), 9, "the default gateway does not queue");
    let mut examined = 0;
    while let Some(location) = driven.locations().first().map(ToString::to_string) {
        examined += 1;
        driven.examined(&location, Err(refused()));
    }
    assert_eq!(examined, 33);
}

#[test]
fn a_view_of_an_older_version_waits_for_the_newer_one() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/igd2.xml"));
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/igd.xml"));
    assert_eq!(driven.locations(), [at(GATEWAY, "/igd2.xml")]);
    let found = driven.good(&at(GATEWAY, "/igd2.xml"));
    driven.assert_found(&[found]);
    assert_eq!(driven.locations(), [""; 0], "the older one is not needed");
}

#[test]
fn a_view_of_an_older_version_does_if_the_newer_one_does_not() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/igd2.xml"));
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/igd.xml"));
    driven.examined(&at(GATEWAY, "/igd2.xml"), Err(refused()));
    let found = driven.good(&at(GATEWAY, "/igd.xml"));
    driven.assert_found(&[found]);
}

#[test]
fn the_newer_view_is_awaited_even_if_the_older_one_was_heard_first() {
    let mut driven = Driven::new(plan());
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/igd.xml"));
    driven.answer(GATEWAY, IGD_2, &at(GATEWAY, "/igd2.xml"));
    let old = driven.examined(
        &at(GATEWAY, "/igd.xml"),
        Ok(Findings {
            version: 1,
            ..findings(Standing::UpPublic)
        }),
    );
    driven.assert_open();
    let new = driven.good(&at(GATEWAY, "/igd2.xml"));
    driven.assert_found(&[new]);
    assert_ne!(old, new);
}
