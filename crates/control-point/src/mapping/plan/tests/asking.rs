//! What is asked for, and what after a refusal.

use super::*;
use crate::error::PortsRefused;

#[test]
fn version_1_is_looked_at_asked_and_read_back() {
    let mut router = Router::new(Abilities::Version1);
    let made = router.make(External::Preferred(port(80))).unwrap();
    assert_eq!(
        (made.external_port.get(), made.lease, made.sure_for),
        (80, Some(7200), Some(7200))
    );
    assert_eq!((made.verification, made.notes), (Verification::Proven, vec![]));
    let at = port(80);
    let (way, lease) = (Way::Port, 7200);
    let add = Step::Add {
        way,
        external_port: at,
        lease,
    };
    assert_eq!(
        router.sent,
        [Step::Read { external_port: at }, add, Step::Read { external_port: at }]
    );
}

#[test]
fn version_2_is_asked_for_any_port_unless_it_must_be_this_one() {
    let mut router = Router::new(Abilities::Version2);
    router.make(External::Preferred(port(9000))).unwrap();
    assert_eq!(router.added(), [(Way::AnyPort, 9000, 7200)]);

    let mut router = Router::new(Abilities::Version2);
    router.make(External::Exact(port(9000))).unwrap();
    assert_eq!(router.added(), [(Way::Port, 9000, 7200)]);

    let mut router = Router::new(Abilities::Version2);
    router.make(External::Any).unwrap();
    assert!(
        matches!(router.added()[..], [(Way::AnyPort, 49_152.., 7200)]),
        "never 0: {:?}",
        router.added()
    );
}

#[test]
fn a_missing_add_any_port_mapping_is_done_without() {
    let mut router = Router::new(Abilities::Version2);
    let mut plan = Plan::new(
        wanted(External::Any),
        Abilities::Version2,
        Lessons::default(),
        Purpose::New,
        1,
    );
    plan.added(Err(refusal(401).into()));
    assert!(plan.lessons().no_any_port);
    assert!(router.run(plan).is_ok());
    assert!(router.added().iter().all(|(way, ..)| *way == Way::Port));
}

#[test]
fn a_permanent_lease_is_taken_at_once_where_only_that_is_offered() {
    let mut router = Router::refusing(Abilities::Version1, |_, lease| (lease != 0).then_some(725));
    let made = router.make(External::Exact(port(80))).unwrap();
    assert_eq!(made.lease, None);
    assert_eq!(made.notes, [Note::PermanentOnly]);
    assert_eq!(
        router.added().iter().map(|(.., lease)| *lease).collect::<Vec<_>>(),
        [7200, 0]
    );
}

#[test]
fn invalid_args_leads_down_the_ladder_of_leases() {
    for (accepted, tried) in [
        (3600, vec![7200, 3600]),
        (604_800, vec![7200, 3600, 604_800]),
        (0, vec![7200, 3600, 604_800, 0]),
    ] {
        let mut router = Router::refusing(Abilities::Version1, move |_, lease| (lease != accepted).then_some(402));
        router.make(External::Exact(port(80))).unwrap();
        assert_eq!(
            router.added().iter().map(|(.., lease)| *lease).collect::<Vec<_>>(),
            tried
        );
    }
}

#[test]
fn a_lesson_about_leases_spares_the_next_request_and_only_counts_when_it_helped() {
    let refuse = |_: NonZeroU16, lease: u32| (lease > 3600).then_some(402);
    let mut plan = Plan::new(
        wanted(External::Any),
        Abilities::Version1,
        Lessons::default(),
        Purpose::New,
        1,
    );
    let mut router = Router::refusing(Abilities::Version1, refuse);
    while !matches!(plan.next(), Step::Done(_)) {
        match plan.next().clone() {
            Step::Read { external_port } => plan.read(router.read(external_port)),
            Step::Add {
                external_port, lease, ..
            } => plan.added(router.add(&plan.wanted.clone(), external_port, lease)),
            step => panic!("{step:?}"),
        }
    }
    let mut router = Router::refusing(Abilities::Version1, refuse);
    router
        .run(Plan::new(
            wanted(External::Any),
            Abilities::Version1,
            plan.lessons().clone(),
            Purpose::New,
            1,
        ))
        .unwrap();
    assert!(matches!(router.added()[..], [(_, _, 3600)]));

    let mut plan = Plan::new(
        wanted(External::Exact(port(80))),
        Abilities::Version1,
        Lessons::default(),
        Purpose::New,
        1,
    );
    plan.read(Err(refusal(714).into()));
    while !matches!(plan.next(), Step::Failed(_)) {
        plan.added(Err(refusal(402).into()));
    }
    assert_eq!(plan.lessons(), &Lessons::default());
}

#[test]
fn same_ports_are_used_where_they_must_be() {
    let refuse = |external: NonZeroU16, _| (external.get() != 8080).then_some(724);
    let mut router = Router::refusing(Abilities::Version1, refuse);
    let made = router.make(External::Preferred(port(80))).unwrap();
    assert_eq!(made.external_port.get(), 8080);
    assert!(made.notes.contains(&Note::SamePortOnly));
    let mut router = Router::refusing(Abilities::Version1, refuse);
    assert_eq!(router.make(External::Exact(port(80))), Err(refusal(724).into()));
    assert_eq!(router.added().len(), 1);
}

#[test]
fn conflicts_lead_to_other_ports_if_they_may() {
    for code in [718, 729, 501] {
        let mut router = Router::refusing(Abilities::Version1, move |at, _| (at.get() == 2000).then_some(code));
        let made = router.make(External::Preferred(port(2000))).unwrap();
        let given = made.external_port.get();
        assert_eq!(made.notes, [Note::AnotherPort { wanted: 2000, given }]);
        let mut router = Router::refusing(Abilities::Version1, move |at, _| (at.get() == 2000).then_some(code));
        assert_eq!(router.make(External::Exact(port(2000))), Err(refusal(code).into()));
    }
}

#[test]
fn tries_are_bounded() {
    for (code, most) in [(718, 8), (729, 8), (501, 3), (606, 2)] {
        let mut router = Router::refusing(Abilities::Version1, move |_, _| Some(code));
        let Err(Error::PortsRefused(PortsRefused { ports, last })) = router.make(External::Preferred(port(2000)))
        else {
            panic!("{code}");
        };
        assert_eq!((ports.len(), last.code, router.added().len()), (most, code, most));
    }
    for code in [0, 402, 403, 713, 715, 716, 726, 727, 728, 732, 801] {
        let mut router = Router::refusing(Abilities::Version1, move |_, _| Some(code));
        assert_eq!(router.make(External::Preferred(port(2000))), Err(refusal(code).into()));
        assert_eq!(router.added().len(), if code == 402 { 4 } else { 1 }, "{code}");
    }
}

#[test]
fn what_another_host_has_is_never_overwritten_nor_deleted() {
    for version in [Abilities::Version1, Abilities::Version2] {
        let mut router = Router::new(version).with_entry_of_another_host(80);
        let Err(Error::Refused(Refusal { code: 718, .. })) = router.make(External::Exact(port(80))) else {
            panic!();
        };
        assert_eq!(
            router.sent,
            [Step::Read {
                external_port: port(80)
            }]
        );
        let mut router = Router::new(Abilities::Version1).with_entry_of_another_host(80);
        assert!(router.renew(External::Exact(port(80)), 80).is_err());
        assert_eq!((router.added().len(), router.deleted().len()), (0, 0));
    }
    // Says yes and keeps what it had.
    let mut router = Router::new(Abilities::Version2).with_entry_of_another_host(80);
    router.ignore.insert(port(80), 9);
    let made = router.make(External::Preferred(port(80))).unwrap();
    assert_ne!(made.external_port.get(), 80);
    assert!(router.deleted().is_empty());
}
