//! What is there already.

use super::*;

#[test]
fn a_renewal_is_one_request_and_a_look() {
    let mut router = Router::new(Abilities::Version2);
    router.make(External::Preferred(port(80))).unwrap();
    router.sent.clear();
    router.renew(External::Preferred(port(80)), 80).unwrap();
    assert_eq!(router.added(), [(Way::Port, 80, 7200)]);
    assert_eq!(router.sent.len(), 2);
}

#[test]
fn a_renewal_refused_as_a_conflict_with_itself_deletes_first() {
    let mut router = Router::new(Abilities::Version2);
    router.make(External::Exact(port(80))).unwrap();
    router.sent.clear();
    let mut plan = Plan::new(
        wanted(External::Exact(port(80))),
        Abilities::Version2,
        Lessons::default(),
        Purpose::Renewal(port(80)),
        1,
    );
    plan.added(Err(refusal(718).into()));
    assert!(router.run(plan).is_ok());
    assert_eq!(router.deleted(), [80]);
}

#[test]
fn a_renewal_that_is_refused_for_now_leaves_the_mapping_alone() {
    for code in [501, 606] {
        let mut router = Router::new(Abilities::Version2);
        router.make(External::Preferred(port(80))).unwrap();
        router.sent.clear();
        router.refuse = Box::new(move |_, _| Some(code));
        assert_eq!(
            router.renew(External::Preferred(port(80)), 80),
            Err(refusal(code).into())
        );
        assert_eq!(
            (router.added().len(), router.deleted().len(), router.table.len()),
            (1, 0, 1)
        );
    }
}

#[test]
fn a_remote_host_is_not_asked_for_where_it_was_refused_before() {
    let lessons = Lessons {
        wildcard_remote_host: true,
        ..Lessons::default()
    };
    let mut wanted = wanted(External::Any);
    wanted.remote_host = Some(Ipv4Addr::new(11, 11, 11, 7));
    let plan = Plan::new(wanted, Abilities::Version1, lessons, Purpose::New, 1);
    assert!(matches!(
        plan.next(),
        Step::Failed(Error::Refused(Refusal { code: 726, .. }))
    ));
}
