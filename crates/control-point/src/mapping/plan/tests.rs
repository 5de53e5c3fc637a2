//! Plans against gateways that are functions from a step to an answer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::{PortsRefused, Untrue};
use crate::mapping::wanted::{Description, LeaseSeconds};

const US: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);

fn port(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).unwrap()
}

fn wanted(external: External) -> Wanted {
    Wanted {
        protocol: Protocol::Tcp,
        external,
        internal_client: US,
        internal_port: port(8080),
        lease: LeaseSeconds::new(Duration::from_secs(7200)).unwrap(),
        remote_host: None,
        description: Description::new("ours").unwrap(),
    }
}

fn refusal(code: u16) -> Refusal {
    known_refusal("X", code, "no")
}

fn timeout() -> Error {
    Conversation::Timeout {
        address: "gateway".to_owned(),
        waited: Duration::from_secs(3),
    }
    .into()
}

/// A gateway that works, except where a test changes it.
struct Router {
    table: BTreeMap<NonZeroU16, Shown>,
    version: Abilities,
    /// Refuses a request to add: port and lease to code.
    refuse: Box<dyn Fn(NonZeroU16, u32) -> Option<u16>>,
    /// Says yes to these ports and does nothing, so many times.
    ignore: BTreeMap<NonZeroU16, u8>,
    /// Says yes to any port and makes the mapping on this one.
    moves_to: Option<NonZeroU16>,
    read_back: Option<u16>,
    /// How the entry is changed before it is shown.
    distort: fn(&mut Shown),
    sent: Vec<Step>,
}

impl Router {
    fn new(version: Abilities) -> Self {
        Self {
            table: BTreeMap::new(),
            version,
            refuse: Box::new(|_, _| None),
            ignore: BTreeMap::new(),
            moves_to: None,
            read_back: None,
            distort: |_| {},
            sent: Vec::new(),
        }
    }

    fn refusing(version: Abilities, refuse: impl Fn(NonZeroU16, u32) -> Option<u16> + 'static) -> Self {
        Self {
            refuse: Box::new(refuse),
            ..Self::new(version)
        }
    }

    fn with_entry_of_another_host(mut self, external: u16) -> Self {
        let shown = Shown {
            internal_client: "192.168.77.9".to_owned(),
            internal_port: 80,
            enabled: true,
            ..Shown::default()
        };
        self.table.insert(port(external), shown);
        self
    }

    fn run(&mut self, mut plan: Plan) -> Result<Made, Error> {
        for _ in 0..60 {
            let step = plan.next().clone();
            match &step {
                Step::Read { external_port } => plan.read(self.read(*external_port)),
                Step::Add {
                    external_port, lease, ..
                } => plan.added(self.add(&plan.wanted, *external_port, *lease)),
                Step::Search => plan.searched(Ok(self.list())),
                Step::Delete { external_port } => {
                    self.table.remove(external_port);
                    plan.deleted();
                }
                Step::Done(made) => return Ok(made.clone()),
                Step::Failed(error) => return Err(error.clone()),
            }
            self.sent.push(step);
        }
        panic!("the plan does not end: {:?}", self.sent);
    }

    fn make(&mut self, external: External) -> Result<Made, Error> {
        self.run(Plan::new(
            wanted(external),
            self.version,
            Lessons::default(),
            Purpose::New,
            1,
        ))
    }

    fn renew(&mut self, external: External, at: u16) -> Result<Made, Error> {
        let purpose = Purpose::Renewal(port(at));
        self.run(Plan::new(
            wanted(external),
            self.version,
            Lessons::default(),
            purpose,
            1,
        ))
    }

    fn read(&self, external: NonZeroU16) -> Result<Shown, Error> {
        if let Some(code) = self.read_back {
            return Err(refusal(code).into());
        }
        let mut shown = self
            .table
            .get(&external)
            .cloned()
            .ok_or_else(|| Error::from(refusal(714)))?;
        (self.distort)(&mut shown);
        Ok(shown)
    }

    fn add(&mut self, wanted: &Wanted, external: NonZeroU16, lease: u32) -> Result<u16, Error> {
        if let Some(code) = (self.refuse)(external, lease) {
            return Err(refusal(code).into());
        }
        if let Some(times) = self.ignore.get_mut(&external)
            && *times > 0
        {
            *times -= 1;
            return Ok(external.get());
        }
        let shown = Shown {
            internal_client: wanted.internal_client.to_string(),
            internal_port: wanted.internal_port.get(),
            enabled: true,
            description: wanted.description.as_str().to_owned(),
            lease,
        };
        self.table.insert(self.moves_to.unwrap_or(external), shown);
        Ok(external.get())
    }

    fn list(&self) -> Vec<Listed> {
        let listed = |(external_port, shown): (&NonZeroU16, &Shown)| Listed {
            protocol: Protocol::Tcp,
            external_port: *external_port,
            shown: shown.clone(),
        };
        self.table.iter().map(listed).collect()
    }

    fn added(&self) -> Vec<(Way, u16, u32)> {
        let added = self.sent.iter().filter_map(|step| match step {
            Step::Add {
                way,
                external_port,
                lease,
            } => Some((*way, external_port.get(), *lease)),
            _ => None,
        });
        added.collect()
    }

    fn deleted(&self) -> Vec<u16> {
        let deleted = self.sent.iter().filter_map(|step| match step {
            Step::Delete { external_port } => Some(external_port.get()),
            _ => None,
        });
        deleted.collect()
    }
}

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
        let granted = proof::Granted::of(7200, Some(shown));
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

fn any_error() -> impl Strategy<Value = Error> {
    let code = prop_oneof![
        Just(0),
        Just(401),
        Just(402),
        Just(501),
        Just(602),
        Just(606),
        713_u16..734,
        any::<u16>()
    ];
    prop_oneof![8 => code.prop_map(|code| refusal(code).into()), 1 => Just(timeout())]
}

fn any_shown() -> impl Strategy<Value = Shown> {
    let client = prop_oneof![Just("192.168.77.2"), Just("192.168.77.9"), Just("laptop"), Just("")];
    let internal_port = prop_oneof![Just(8080), Just(80)];
    let lease = prop_oneof![Just(0), Just(7200), any::<u32>()];
    (client, internal_port, any::<bool>(), lease).prop_map(|(client, internal_port, enabled, lease)| Shown {
        internal_client: client.to_owned(),
        internal_port,
        enabled,
        description: "ours".to_owned(),
        lease,
    })
}

proptest! {
    /// Whatever a gateway answers, in whatever order.
    #[test]
    fn every_plan_ends(
        seed: u64,
        exact: bool,
        low: bool,
        version2: bool,
        renewal: bool,
        answers in prop::collection::vec((any_error(), any_shown(), any::<u8>(), any::<u16>()), 120),
    ) {
        let first = port(if low { 80 } else { 8080 });
        let external = if exact { External::Exact(first) } else { External::Preferred(first) };
        let version = if version2 { Abilities::Version2 } else { Abilities::Version1 };
        let purpose = if renewal { Purpose::Renewal(first) } else { Purpose::New };
        let mut plan = Plan::new(wanted(external), version, Lessons::default(), purpose, seed);
        let mut asked_for = Vec::new();
        for (error, shown, fate, given) in answers {
            match plan.next().clone() {
                Step::Read { .. } => plan.read(if fate < 128 { Ok(shown) } else { Err(error) }),
                Step::Add { external_port, .. } => {
                    asked_for.push(external_port);
                    plan.added(if fate < 128 { Ok(if fate < 16 { given } else { external_port.get() }) } else { Err(error) });
                }
                Step::Search => {
                    let entry = Listed { protocol: Protocol::Tcp, external_port: port(4000), shown };
                    plan.searched(if fate < 128 { Ok(vec![entry]) } else { Err(error) });
                }
                Step::Delete { .. } => {
                    prop_assert!(!asked_for.is_empty(), "deletes before it has made anything");
                    plan.deleted();
                }
                Step::Done(_) | Step::Failed(_) => return Ok(()),
            }
        }
        prop_assert!(false, "the plan does not end");
    }
}
