//! UPnP actions in every order of answers.

use portreeve_engine::{Cause, Engine, Event, Protocol, Refusal};

use super::*;

const PORT: &str = "18080";

#[test]
fn a_mapping_waits_until_its_port_is_open_upstream() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    assert_eq!((behind.outcome(id), behind.asked_ports()), (None, vec![18080]));
    assert_eq!(behind.ports(), [] as [u16; 0]);
    assert_eq!(behind.gateway.engine.system_update_id(), 0);
    behind.pass(Duration::from_secs(2));
    behind.grant();
    assert_eq!(behind.outcome(id), Some(Ok(())));
    assert_eq!(behind.gateway.in_force.len(), 1);
    let lease = behind.gateway.mappings()[0]
        .expiry
        .remaining_seconds(behind.gateway.now);
    assert_eq!(lease, Some(3600), "the lease begins when the mapping does");
    assert_eq!(behind.gateway.engine.system_update_id(), 1);
}

#[test]
fn without_an_upstream_gateway_nothing_waits_and_nothing_is_asked() {
    let mut behind = Behind::new();
    behind.report(UpstreamReport::Gone);
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    assert_eq!((behind.outcome(id), behind.asked.len()), (Some(Ok(())), 0));
}

#[test]
fn renewals_other_rows_of_an_open_port_and_readers_do_not_wait() {
    let mut behind = Behind::new();
    behind.add(ALICE, "AddPortMapping", &[]);
    behind.grant();
    for given in [
        &[][..],
        &[("NewRemoteHost", "11.11.11.7")],
        &[("NewInternalPort", "8081")],
    ] {
        let id = behind.add(ALICE, "AddPortMapping", given);
        assert_eq!(behind.outcome(id), Some(Ok(())), "{given:?}");
    }
    let id = behind.begin(ALICE, 2, "GetExternalIPAddress", &[]);
    assert!(behind.reply(id).is_some());
    assert_eq!((behind.asked.len(), behind.open.len()), (0, 1));
    let udp = behind.add(ALICE, "AddPortMapping", &[("NewProtocol", "UDP")]);
    assert_eq!((behind.outcome(udp), behind.asked.len()), (None, 1));
}

#[test]
fn what_upstream_refuses_is_refused_with_its_code() {
    for (why, version_2, version_1) in [
        (UpstreamRefusal::PortTaken { offered: None }, 718, 718),
        (UpstreamRefusal::NotAuthorized, 606, 718),
        (UpstreamRefusal::NoRoom, 728, 501),
        (UpstreamRefusal::Unavailable("no connection".into()), 501, 501),
        (UpstreamRefusal::Failed("odd".into()), 501, 501),
    ] {
        for (version, code) in [(2, version_2), (1, version_1)] {
            let mut behind = Behind::new();
            let id = behind.begin(ALICE, version, "AddPortMapping", &mapping(ALICE, &[]));
            behind.refuse(why.clone());
            assert_eq!(behind.outcome(id), Some(Err(code)), "{why:?} in version {version}");
            assert_eq!((behind.ports().len(), behind.asked.len()), (0, 0));
            assert_eq!(behind.gateway.engine.poll_timeout(), None, "nothing is tried again");
        }
    }
}

#[test]
fn a_client_that_takes_any_port_gets_the_one_that_upstream_offers() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddAnyPortMapping", &[]);
    behind.taken(Some(40_000));
    assert_eq!((behind.outcome(id), behind.asked_ports()), (None, vec![40_000]));
    behind.grant();
    assert_eq!(behind.reply(id), Some(Ok(vec![Value::Ui2(40_000)])));
    assert_eq!((behind.ports(), behind.open_ports()), (vec![40_000], vec![40_000]));
}

#[test]
fn without_an_offer_it_gets_the_next_port_and_a_port_forbidden_thrice_is_606() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddAnyPortMapping", &[]);
    behind.taken(None);
    assert_eq!(behind.asked_ports(), [18081]);
    behind.grant();
    assert_eq!(behind.reply(id), Some(Ok(vec![Value::Ui2(18081)])));

    let id = behind.add(BOB, "AddAnyPortMapping", &[]);
    for _ in 0..3 {
        assert_eq!(behind.outcome(id), None);
        behind.refuse(UpstreamRefusal::NotAuthorized);
    }
    assert_eq!(behind.outcome(id), Some(Err(606)));
}

#[test]
fn an_offer_that_is_somebody_elses_here_is_passed_over() {
    let mut behind = Behind::new();
    behind.add(BOB, "AddPortMapping", &[("NewExternalPort", "40000")]);
    behind.grant();
    behind.add(ALICE, "AddAnyPortMapping", &[]);
    behind.taken(Some(40_000));
    assert_eq!(behind.asked_ports(), [18081]);
}

#[test]
fn two_that_want_one_port_wait_for_one_answer_and_the_first_gets_it() {
    let mut behind = Behind::new();
    let alice = behind.add(ALICE, "AddPortMapping", &[]);
    let again = behind.add(ALICE, "AddPortMapping", &[]);
    let bob = behind.add(BOB, "AddPortMapping", &[]);
    let any = behind.add(BOB, "AddAnyPortMapping", &[]);
    assert_eq!(behind.asked_ports(), [18080]);
    behind.grant();
    let outcomes = [alice, again, bob, any].map(|id| behind.outcome(id));
    assert_eq!(outcomes, [Some(Ok(())), Some(Ok(())), Some(Err(718)), None]);
    assert_eq!(
        behind.asked_ports(),
        [18081],
        "another port was found for whoever takes any"
    );
    behind.grant();
    assert_eq!(behind.reply(any), Some(Ok(vec![Value::Ui2(18081)])));
}

#[test]
fn silence_is_501_in_time_and_what_comes_late_is_closed() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    let (ticket, port) = behind.asked[0];
    behind.pass(Engine::UPSTREAM_PATIENCE - Duration::from_millis(1));
    assert_eq!(behind.outcome(id), None);
    behind.pass(Duration::from_millis(1));
    assert_eq!(behind.outcome(id), Some(Err(501)));
    assert_eq!(behind.asked, [], "it is not wanted any more");
    behind.open.insert(ticket, port);
    behind.report(UpstreamReport::Opened(ticket));
    assert_eq!((behind.open.len(), behind.ports().len()), (0, 0));
    assert_eq!(behind.gateway.engine.poll_timeout(), None);
}

#[test]
fn an_answer_to_an_earlier_question_is_none_to_a_later_one() {
    let mut behind = Behind::new();
    behind.add(ALICE, "AddPortMapping", &[]);
    let (early, _) = behind.asked[0];
    behind.pass(Engine::UPSTREAM_PATIENCE);
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    behind.report(UpstreamReport::Opened(early));
    assert_eq!(behind.outcome(id), None);
    behind.report(UpstreamReport::Refused {
        ticket: early,
        why: UpstreamRefusal::NotAuthorized,
    });
    assert_eq!(behind.outcome(id), None);
    behind.grant();
    assert_eq!(behind.outcome(id), Some(Ok(())));
}

#[test]
fn patience_is_for_all_ports_that_are_tried_together() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddAnyPortMapping", &[]);
    for _ in 0..6 {
        behind.pass(Duration::from_secs(1));
        if behind.outcome(id).is_none() {
            behind.taken(None);
        }
    }
    assert_eq!((behind.outcome(id), behind.asked.len()), (Some(Err(501)), 0));
}

#[test]
fn what_ends_here_is_closed_there_but_not_while_another_row_needs_it() {
    let mut behind = Behind::new();
    behind.add(ALICE, "AddPortMapping", &[("NewLeaseDuration", "60")]);
    behind.grant();
    behind.add(ALICE, "AddPortMapping", &[("NewRemoteHost", "11.11.11.7")]);
    behind.pass(Duration::from_secs(60));
    assert_eq!((behind.ports().len(), behind.open.len()), (1, 1));
    let key = [
        ("NewRemoteHost", "11.11.11.7"),
        ("NewExternalPort", PORT),
        ("NewProtocol", "TCP"),
    ];
    behind.begin(ALICE, 2, "DeletePortMapping", &key);
    assert_eq!((behind.ports().len(), behind.open.len()), (0, 0));
}

#[test]
fn a_request_that_comes_to_nothing_here_leaves_nothing_there() {
    let mut behind = Behind::new();
    behind.gateway.refuse = Box::new(|_| Some(Refusal::PortTaken));
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    behind.grant();
    assert_eq!((behind.outcome(id), behind.open.len()), (Some(Err(729)), 0));

    behind.gateway.refuse = Box::new(|_| None);
    behind.gateway.store_works = false;
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    behind.grant();
    assert_eq!((behind.outcome(id), behind.open.len()), (Some(Err(501)), 0));
}

#[test]
fn a_group_goes_on_without_who_waits_also_when_it_is_planned_again() {
    let mut behind = Behind::new();
    behind.add(BOB, "AddPortMapping", &[("NewExternalPort", "2000")]);
    behind.grant();
    behind.gateway.refuse = Box::new(|change| match change {
        portreeve_engine::Change::Mapping { after: Some(after), .. } if &*after.description == "cursed" => {
            Some(Refusal::PortTaken)
        }
        _ => None,
    });
    let call = |caller: &str, given: &[(&str, &str)]| Request::Call {
        caller: caller.parse().unwrap(),
        call: Call::parse(
            &WAN_IP_CONNECTION,
            2,
            "AddPortMapping",
            &mapping(caller, given),
            Quirks::default(),
        )
        .unwrap(),
    };
    let waits = behind.plan(call(ALICE, &[]));
    let cursed = behind.plan(call(
        BOB,
        &[("NewExternalPort", "2000"), ("NewPortMappingDescription", "cursed")],
    ));
    let renews = behind.plan(call(BOB, &[("NewExternalPort", "2000")]));
    behind.settle();
    let outcomes = [waits, cursed, renews].map(|id| behind.outcome(id));
    assert_eq!(outcomes, [None, Some(Err(729)), Some(Ok(()))]);
    behind.grant();
    assert_eq!(behind.outcome(waits), Some(Ok(())));
}

#[test]
fn mappings_of_the_store_and_of_the_administrator_are_opened_when_there_is_somebody_to_ask() {
    let mut behind = Behind::new();
    behind.report(UpstreamReport::Gone);
    behind.add(ALICE, "AddPortMapping", &[]);
    behind.add(BOB, "AddPortMapping", &[("NewExternalPort", "2000")]);
    behind.report(UpstreamReport::Found);
    assert_eq!(behind.asked_ports(), [2000, 18080]);
    behind.refuse(UpstreamRefusal::Unavailable("it restarts".into()));
    behind.grant();
    assert_eq!(behind.ports(), [2000, 18080], "what may come back is kept");
    behind.pass(Duration::from_secs(30));
    assert_eq!(behind.asked_ports(), [2000]);
    behind.grant();
    assert_eq!(behind.open_ports().len(), 2);
}

#[test]
fn what_upstream_gives_to_somebody_else_ends_here() {
    let mut behind = Behind::new();
    behind.add(ALICE, "AddPortMapping", &[]);
    behind.grant();
    let (ticket, _) = behind.open.pop_first().unwrap();
    behind.gateway.events.clear();
    behind.report(UpstreamReport::Refused {
        ticket,
        why: UpstreamRefusal::PortTaken { offered: None },
    });
    assert_eq!((behind.ports().len(), behind.gateway.engine.system_update_id()), (0, 2));
    let [
        Event::Unmapped {
            cause: Cause::Upstream, ..
        },
    ] = behind.gateway.events[..]
    else {
        panic!("{:?}", behind.gateway.events)
    };
    assert_eq!((behind.asked.len(), behind.gateway.engine.poll_timeout()), (0, None));
}

#[test]
fn a_static_mapping_never_waits_and_never_goes() {
    let mut behind = Behind::new();
    let mut with_static = config();
    let fixed = portreeve_engine::Mapping {
        key: portreeve_engine::Key {
            external_port: NonZeroU16::new(443).unwrap(),
            protocol: Protocol::Tcp,
            remote_host: portreeve_engine::RemoteHost::Any,
        },
        internal_client: ALICE.parse().unwrap(),
        internal_port: NonZeroU16::new(443).unwrap(),
        enabled: true,
        description: "web".into(),
        expiry: portreeve_engine::Expiry::Never,
        origin: portreeve_engine::Origin::Static,
    };
    with_static.statics = vec![fixed.into()];
    let now = behind.gateway.now;
    let reload = Request::Reconfigure(Box::new(with_static));
    behind.gateway.engine.handle_request(RequestId(1), reload, now);
    behind.gateway.carry_out();
    assert!(behind.gateway.engine.poll_reply().is_some());
    behind.settle();
    assert_eq!(behind.asked_ports(), [443]);
    behind.taken(None);
    assert_eq!(behind.ports(), [443]);
    behind.pass(Duration::from_secs(30));
    assert_eq!(behind.asked_ports(), [443], "it is tried again");
}

#[test]
fn those_that_wait_when_upstream_is_gone_are_served_without() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddPortMapping", &[]);
    behind.report(UpstreamReport::Gone);
    assert_eq!((behind.outcome(id), behind.ports()), (Some(Ok(())), vec![18080]));
}
