//! What is believed.

use super::*;
use crate::error::Untrue;

#[test]
fn a_gateway_that_does_nothing_at_first_is_asked_again() {
    let mut router = Router::new(Abilities::Version1);
    router.ignore.insert(port(2000), 1);
    let made = router.make(External::Exact(port(2000))).unwrap();
    assert_eq!(made.notes, [Note::MadeAgain]);
    assert_eq!((router.added().len(), router.deleted()), (2, vec![2000]));
}

#[test]
fn a_gateway_that_does_nothing_is_not_believed() {
    let mut router = Router::new(Abilities::Version1);
    router.ignore.insert(port(2000), 9);
    let not_there = Untrue::NotThere {
        external_port: 2000,
        protocol: Protocol::Tcp,
    };
    assert_eq!(router.make(External::Preferred(port(2000))), Err(not_there.into()));
    assert_eq!((router.added().len(), router.deleted()), (2, vec![2000, 2000]));
}

#[test]
fn a_low_port_that_is_ignored_is_replaced_by_a_high_one() {
    let mut router = Router::new(Abilities::Version1);
    router.ignore.insert(port(80), 9);
    let made = router.make(External::Preferred(port(80))).unwrap();
    let given = made.external_port.get();
    assert!(given >= 49_152);
    assert_eq!(
        made.notes,
        [Note::LowPortIgnored(80), Note::AnotherPort { wanted: 80, given }]
    );
    let mut router = Router::refusing(Abilities::Version1, |at, _| (at.get() < 1024).then_some(606));
    let made = router.make(External::Preferred(port(80))).unwrap();
    assert_eq!(made.notes[0], Note::LowPortRefused(80));
}

#[test]
fn a_mapping_that_was_moved_is_found() {
    let mut router = Router::new(Abilities::Version1);
    router.moves_to = Some(port(4000));
    let made = router.make(External::Preferred(port(2000))).unwrap();
    assert_eq!(made.external_port.get(), 4000);
    assert_eq!(
        made.notes,
        [Note::PortMoved {
            asked: 2000,
            found: 4000
        }]
    );

    let mut router = Router::new(Abilities::Version1);
    router.moves_to = Some(port(4000));
    assert!(matches!(
        router.make(External::Exact(port(2000))),
        Err(Error::Untrue(Untrue::NotThere { .. }))
    ));
    assert_eq!(router.deleted(), [4000]);
    assert!(router.table.is_empty());
}

#[test]
fn an_older_mapping_of_ours_is_not_taken_for_the_one_that_was_moved_when_that_is_deleted() {
    let mut router = Router::new(Abilities::Version1);
    router.make(External::Exact(port(4000))).unwrap();
    router.table.get_mut(&port(4000)).unwrap().lease = 5000;
    router.ignore.insert(port(2000), 9);
    router.sent.clear();
    assert!(router.make(External::Exact(port(2000))).is_err());
    assert!(!router.deleted().contains(&4000));
}

#[test]
fn what_cannot_be_read_back_is_believed_and_said_to_be() {
    for code in [401, 402, 501, 602, 606] {
        let mut router = Router::new(Abilities::Version1);
        router.read_back = Some(code);
        let made = router.make(External::Exact(port(80))).unwrap();
        assert_eq!(
            made.verification,
            Verification::Impossible(Box::new(if matches!(code, 401 | 602) {
                known_refusal("GetSpecificPortMappingEntry", 401, "Invalid Action").into()
            } else {
                refusal(code).into()
            }))
        );
        assert_eq!(router.added().len(), 1);
    }
}

#[test]
fn odd_entries_are_held_against_the_request() {
    type Case = (fn(&mut Shown), Result<Vec<Note>, &'static str>);
    let cases: [Case; 6] = [
        (
            |shown| shown.internal_client = "laptop".to_owned(),
            Ok(vec![Note::ClientNamed("laptop".to_owned())]),
        ),
        (|shown| shown.internal_client = " ".to_owned(), Ok(vec![])),
        (|shown| shown.lease = 0, Ok(vec![Note::LeaseNotShown])),
        (|shown| shown.lease -= 3, Ok(vec![])),
        (|shown| shown.enabled = false, Err("not enabled")),
        (|shown| shown.internal_port = 80, Err("instead of")),
    ];
    for (distort, expected) in cases {
        let mut router = Router::new(Abilities::Version2);
        router.distort = distort;
        match (router.make(External::Preferred(port(80))), expected) {
            (Ok(made), Ok(notes)) => assert_eq!(made.notes, notes),
            (Err(error), Err(words)) => {
                assert!(error.to_string().contains(words), "{error}");
                assert!(router.table.is_empty(), "what cannot be used is taken away");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_lease_shown_is_the_lease_granted_and_the_shorter_one_is_sure() {
    for (shown, sure) in [(600, 600), (604_800, 7200)] {
        let granted = super::super::proof::Granted::of(7200, Some(shown));
        assert_eq!((granted.lease, granted.sure_for), (Some(shown), Some(sure)));
        assert!(matches!(granted.note, Some(Note::LeaseChanged { .. })));
    }
}

#[test]
fn an_answer_that_is_lost_does_not_lose_the_mapping() {
    let mut router = Router::new(Abilities::Version2);
    let mut plan = Plan::new(
        wanted(External::Any),
        Abilities::Version2,
        Lessons::default(),
        Purpose::New,
        1,
    );
    let Step::Add {
        external_port, lease, ..
    } = *plan.next()
    else {
        panic!()
    };
    router.add(&wanted(External::Any), external_port, lease).unwrap();
    plan.added(Err(timeout()));
    let made = router.run(plan).unwrap();
    assert_eq!(made.notes, [Note::AnswerLost(Box::new(timeout()))]);

    let mut plan = Plan::new(
        wanted(External::Any),
        Abilities::Version2,
        Lessons::default(),
        Purpose::New,
        1,
    );
    plan.added(Err(timeout()));
    assert_eq!(Router::new(Abilities::Version2).run(plan), Err(timeout()));
}
