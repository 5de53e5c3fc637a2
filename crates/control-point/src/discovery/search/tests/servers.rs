//! What is asked on port 5351 beside the search, and when that decides.

use super::*;

const AT_ONCE: Duration = Duration::ZERO;

fn by(order: &[Carrier]) -> Plan {
    Plan {
        order: order.to_vec(),
        ..plan()
    }
}

fn only_ipv6() -> Plan {
    let link = Origin {
        address: "fe80::10".parse().unwrap(),
        prefix_len: 64,
        gateway: Some("fe80::1".parse().unwrap()),
        ..lan()
    };
    Plan {
        origins: vec![link, loopback()],
        ..plan()
    }
}

fn both_families() -> Plan {
    let mut origins = only_ipv6().origins;
    origins.insert(0, lan());
    Plan { origins, ..plan() }
}

impl Driven {
    /// Where was asked, and when.
    fn servers(&self) -> Vec<(u128, String)> {
        let asked = self.asked.iter();
        asked
            .map(|(at, _, server, ..)| (at.as_millis(), server.to_string()))
            .collect()
    }

    /// The one that was asked at this position answers.
    fn speaks(&mut self, position: usize, carrier: Carrier) -> ServerId {
        let id = self.asked[position].1;
        self.search.handle_server(id, Some(carrier), self.now);
        self.obey();
        id
    }

    fn is_silent(&mut self, position: usize) {
        let id = self.asked[position].1;
        self.search.handle_server(id, None, self.now);
        self.obey();
    }

    #[track_caller]
    fn assert_chosen(&self, chosen: &[(Option<LeadId>, Option<ServerId>)]) {
        let verdict = self.search.verdict().map(|choices| {
            let both = choices.into_iter().map(|choice| (choice.lead, choice.server));
            both.collect::<Vec<_>>()
        });
        assert_eq!(verdict.as_deref(), Some(chosen));
    }
}

#[test]
fn the_default_gateway_is_asked_as_soon_as_it_is_searched() {
    let driven = Driven::new(plan());
    assert_eq!(driven.servers(), [(0, "192.168.77.1:5351".to_owned())]);
    let (_, _, _, from, patience) = driven.asked[0];
    assert_eq!((from, patience), (ip(192, 168, 77, 10), Duration::from_secs(1)));
    assert!(!driven.sent.is_empty());
}

#[test]
fn upnp_decides_at_once_where_it_is_preferred_whether_the_other_answers_or_not() {
    for answers in [false, true] {
        let mut driven = Driven::new(plan());
        let server = answers.then(|| driven.speaks(0, Carrier::Pcp));
        driven.wait_ms(5);
        driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
        driven.assert_open();
        driven.wait_ms(10);
        let lead = driven.good(&at(GATEWAY, "/d"));
        driven.assert_chosen(&[(Some(lead), server)]);
    }
}

#[test]
fn silence_of_upnp_for_a_quarter_of_a_second_is_enough_where_the_gateway_speaks_something_else() {
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        let mut driven = Driven::new(plan());
        driven.wait_ms(1);
        let server = driven.speaks(0, carrier);
        driven.wait_ms(248);
        driven.assert_open();
        driven.wait_ms(1);
        driven.assert_chosen(&[(None, Some(server))]);
    }
}

#[test]
fn a_description_of_the_gateway_that_is_being_read_is_waited_for() {
    let mut driven = Driven::new(plan());
    let server = driven.speaks(0, Carrier::Pcp);
    driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
    driven.wait_ms(400);
    driven.assert_open();
    let private = driven.examined(&at(GATEWAY, "/d"), Ok(findings(Standing::UpPrivate)));
    driven.assert_open();
    driven.wait_ms(250);
    driven.assert_chosen(&[(Some(private), Some(server))]);
}

#[test]
fn a_gateway_that_answers_late_has_kept_nobody_waiting_longer() {
    let mut driven = Driven::new(plan());
    driven.wait_ms(600);
    driven.assert_open();
    let server = driven.speaks(0, Carrier::NatPmp);
    driven.assert_chosen(&[(None, Some(server))]);
}

#[test]
fn the_protocol_that_is_preferred_is_taken_as_soon_as_it_answers() {
    let order = [Carrier::Pcp, Carrier::Igd, Carrier::NatPmp];
    let mut driven = Driven::new(by(&order));
    driven.wait_ms(2);
    let server = driven.speaks(0, Carrier::Pcp);
    driven.assert_chosen(&[(None, Some(server))]);

    // What is less preferred than UPnP waits for it.
    let mut driven = Driven::new(by(&order));
    let server = driven.speaks(0, Carrier::NatPmp);
    driven.wait_ms(249);
    driven.assert_open();
    driven.wait_ms(1);
    driven.assert_chosen(&[(None, Some(server))]);
}

#[test]
fn a_preferred_protocol_that_is_silent_gives_way_after_a_quarter_of_a_second_and_one_that_is_refused_at_once() {
    for refused in [false, true] {
        let mut driven = Driven::new(by(&[Carrier::Pcp, Carrier::Igd]));
        driven.answer(GATEWAY, IGD_1, &at(GATEWAY, "/d"));
        let lead = driven.good(&at(GATEWAY, "/d"));
        driven.assert_open();
        match refused {
            true => driven.is_silent(0),
            false => driven.wait_ms(250),
        }
        driven.assert_chosen(&[(Some(lead), None)]);
    }
}

#[test]
fn without_upnp_nobody_is_searched_and_it_ends_with_the_last_answer() {
    let mut driven = Driven::new(by(&[Carrier::Pcp, Carrier::NatPmp]));
    assert!(driven.sent.is_empty());
    let server = driven.speaks(0, Carrier::NatPmp);
    driven.assert_chosen(&[(None, Some(server))]);

    let mut driven = Driven::new(by(&[Carrier::Pcp]));
    driven.wait_ms(300);
    driven.assert_open();
    driven.is_silent(0);
    driven.assert_chosen(&[]);
    assert!(driven.sent.is_empty() && driven.examining.is_empty());
}

#[test]
fn with_upnp_alone_nobody_is_asked() {
    let mut driven = Driven::new(by(&[Carrier::Igd]));
    driven.wait_ms(900);
    assert!(driven.asked.is_empty());
    driven.assert_open();
}

#[test]
fn a_gateway_elsewhere_does_not_replace_the_one_that_leads_out() {
    let mut driven = Driven::new(plan());
    let server = driven.speaks(0, Carrier::Pcp);
    driven.answer(SECOND_ROUTER, IGD_2, &at(SECOND_ROUTER, "/d"));
    let second = driven.good(&at(SECOND_ROUTER, "/d"));
    driven.wait_ms(250);
    driven.assert_chosen(&[(None, Some(server)), (Some(second), None)]);
}

#[test]
fn each_way_out_is_asked() {
    let origins = vec![lan(), second_lan(), loopback()];
    let mut driven = Driven::new(Plan { origins, ..plan() });
    let places = ["192.168.77.1:5351", "10.0.0.1:5351"];
    assert_eq!(driven.servers(), places.map(|place| (0, place.to_owned())));
    let second = driven.speaks(1, Carrier::Pcp);
    let first = driven.speaks(0, Carrier::NatPmp);
    driven.wait_ms(250);
    driven.assert_chosen(&[(None, Some(first)), (None, Some(second))]);
}

#[test]
fn where_there_is_ipv6_only_the_router_is_asked_on_its_link() {
    let mut driven = Driven::new(only_ipv6());
    assert_eq!(driven.servers(), [(0, "[fe80::1%3]:5351".to_owned())]);
    let server = driven.speaks(0, Carrier::Pcp);
    driven.wait_ms(250);
    driven.assert_chosen(&[(None, Some(server))]);
}

#[test]
fn over_ipv6_the_router_is_asked_when_ipv4_has_found_nothing_and_is_the_same_one() {
    let mut driven = Driven::new(both_families());
    assert_eq!(driven.servers().len(), 1);
    driven.wait_ms(260);
    assert_eq!(driven.servers()[1], (250, "[fe80::1%3]:5351".to_owned()));
    let over_ipv6 = driven.speaks(1, Carrier::Pcp);
    driven.assert_open();
    let over_ipv4 = driven.speaks(0, Carrier::NatPmp);
    driven.assert_chosen(&[(None, Some(over_ipv4))]);
    assert_ne!(over_ipv4, over_ipv6);
}

#[test]
fn a_named_gateway_is_asked_and_one_named_by_its_description_only_without_upnp() {
    let to = SocketAddr::new(SECOND_ROUTER, PORT);
    let wanted = Wanted::At(to);
    let mut driven = Driven::new(Plan { wanted, ..plan() });
    assert_eq!(driven.servers(), [(0, format!("{SECOND_ROUTER}:5351"))]);
    let server = driven.speaks(0, Carrier::Pcp);
    driven.wait_ms(250);
    driven.assert_chosen(&[(None, Some(server))]);

    let wanted = Wanted::Described(Url::parse(&at(SECOND_ROUTER, "/d")).unwrap());
    let plan_of = |order: &[Carrier]| Plan {
        wanted: wanted.clone(),
        ..by(order)
    };
    assert!(Driven::new(plan_of(&[Carrier::Igd, Carrier::Pcp])).asked.is_empty());
    let driven = Driven::new(plan_of(&[Carrier::Pcp]));
    assert_eq!(driven.servers(), [(0, format!("{SECOND_ROUTER}:5351"))]);
    assert!(driven.examining.is_empty());
}

#[test]
fn a_gateway_that_was_taken_before_is_asked_first_where_upnp_is_preferred() {
    let with = |order: &[Carrier]| Plan {
        remembered: vec![Remembered {
            location: Url::parse(&at(GATEWAY, "/d")).unwrap(),
            udn: "uuid:1".to_owned(),
        }],
        ..by(order)
    };
    let mut driven = Driven::new(with(&[Carrier::Igd, Carrier::Pcp]));
    assert!(driven.asked.is_empty());
    let lead = driven.good(&at(GATEWAY, "/d"));
    driven.assert_chosen(&[(Some(lead), None)]);

    let driven = Driven::new(with(&[Carrier::Pcp, Carrier::Igd]));
    assert_eq!(driven.asked[0].0, AT_ONCE);
}
