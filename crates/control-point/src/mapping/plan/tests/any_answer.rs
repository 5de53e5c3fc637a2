//! Whatever a gateway answers, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::mapping::entry::Relation;

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
    let description = prop_oneof![Just("ours"), Just("theirs"), Just("")];
    let shown = (client, internal_port, any::<bool>(), description, lease);
    shown.prop_map(|(client, internal_port, enabled, description, lease)| Shown {
        internal_client: client.to_owned(),
        internal_port,
        enabled,
        description: description.to_owned(),
        lease,
    })
}

fn any_port() -> impl Strategy<Value = u16> {
    prop_oneof![Just(0), any::<u16>()]
}

proptest! {
    #[test]
    fn every_plan_ends(
        seed: u64,
        exact: bool,
        low: bool,
        version2: bool,
        renewal: bool,
        answers in prop::collection::vec((any_error(), any_shown(), any::<u8>(), any_port()), 120),
    ) {
        let first = port(if low { 80 } else { 8080 });
        let external = if exact { External::Exact(first) } else { External::Preferred(first) };
        let version = if version2 { Abilities::Version2 } else { Abilities::Version1 };
        let purpose = if renewal { Purpose::Renewal(first) } else { Purpose::New };
        let mut plan = Plan::new(wanted(external), version, Lessons::default(), purpose, seed);
        let mut asked_for = Vec::new();
        // Ports whose entry may be deleted: there was none when it was looked at last, or it was ours.
        let mut ours = BTreeSet::new();
        for (error, shown, fate, given) in answers {
            match plan.next().clone() {
                Step::Read { external_port } => {
                    let result = if fate < 128 { Ok(shown) } else { Err(error) };
                    let theirs = matches!(&result, Ok(shown) if shown.relation(&plan.wanted) == Relation::OtherHost);
                    if theirs { ours.remove(&external_port) } else { ours.insert(external_port) };
                    plan.read(result);
                }
                Step::Add { external_port, .. } => {
                    asked_for.push(external_port);
                    plan.added(if fate < 128 { Ok(if fate < 16 { given } else { external_port.get() }) } else { Err(error) });
                }
                Step::Search => {
                    let entry = Listed { protocol: Protocol::Tcp, external_port: port(4000), shown };
                    if entry.shown.description == "ours" && !entry.shown.is_somebody_elses(&plan.wanted) {
                        ours.insert(entry.external_port);
                    }
                    plan.searched(if fate < 128 { Ok(vec![entry]) } else { Err(error) });
                }
                Step::Delete { external_port } => {
                    prop_assert!(!asked_for.is_empty(), "deletes before it has made anything");
                    prop_assert!(ours.contains(&external_port), "deletes what it has not seen to be its own");
                    plan.deleted();
                }
                Step::Done(_) | Step::Failed(_) => return Ok(()),
            }
        }
        prop_assert!(false, "the plan does not end");
    }
}
