//! Whatever happens in whatever order.

use std::collections::BTreeSet;

use portreeve_engine::{Engine, Refusal};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Add {
        bob: bool,
        any: bool,
        port: u16,
        udp: bool,
        lease: u32,
    },
    Delete {
        bob: bool,
        port: u16,
    },
    Grant,
    Taken(Option<u16>),
    Unavailable,
    /// One that is open is not so any more.
    Withdraw,
    Pass(u64),
    Found,
    Gone,
    StoreWorks(bool),
    BackendRefuses(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let port = 2000..2005u16;
    prop_oneof![
        8 => (any::<bool>(), any::<bool>(), port.clone(), any::<bool>(), 1..20u32)
            .prop_map(|(bob, any, port, udp, lease)| Step::Add { bob, any, port, udp, lease }),
        3 => (any::<bool>(), port.clone()).prop_map(|(bob, port)| Step::Delete { bob, port }),
        8 => Just(Step::Grant),
        2 => prop::option::of(port).prop_map(Step::Taken),
        1 => Just(Step::Unavailable),
        1 => Just(Step::Withdraw),
        4 => (0..8u64).prop_map(Step::Pass),
        1 => Just(Step::Found),
        1 => Just(Step::Gone),
        1 => any::<bool>().prop_map(Step::StoreWorks),
        1 => any::<bool>().prop_map(Step::BackendRefuses),
    ]
}

proptest! {
    /// Whatever happens in whatever order: each request is answered once and in time, and success means that the port is
    /// open upstream; once all is answered, open there is what is mapped here.
    #[test]
    fn open_upstream_is_what_is_mapped_here(steps in prop::collection::vec(step(), 1..60)) {
        let mut behind = Behind::new();
        let mut there_is_one = true;
        let mut begun: BTreeMap<u64, Duration> = BTreeMap::new();
        let mut passed = Duration::ZERO;
        for step in steps {
            match step {
                Step::Add { bob, any, port, udp, lease } => {
                    let caller = if bob { BOB } else { ALICE };
                    let (port, lease) = (port.to_string(), lease.to_string());
                    let given = [
                        ("NewExternalPort", port.as_str()),
                        ("NewProtocol", if udp { "UDP" } else { "TCP" }),
                        ("NewLeaseDuration", &lease),
                    ];
                    let action = if any { "AddAnyPortMapping" } else { "AddPortMapping" };
                    begun.insert(behind.add(caller, action, &given), passed);
                }
                Step::Delete { bob, port } => {
                    let caller = if bob { BOB } else { ALICE };
                    begun.insert(behind.delete(caller, &port.to_string()), passed);
                }
                Step::Grant if !behind.asked.is_empty() => behind.grant(),
                Step::Taken(offered) if !behind.asked.is_empty() => behind.taken(offered),
                Step::Unavailable if !behind.asked.is_empty() => {
                    behind.refuse(UpstreamRefusal::Unavailable("it restarts".into()));
                }
                Step::Withdraw if behind.gateway.store_works => {
                    if let Some((ticket, _)) = behind.open.pop_first() {
                        let why = UpstreamRefusal::PortTaken { offered: None };
                        behind.report(UpstreamReport::Refused { ticket, why });
                    }
                }
                Step::Pass(seconds) => {
                    passed += Duration::from_secs(seconds);
                    behind.pass(Duration::from_secs(seconds));
                }
                Step::Found | Step::Gone => {
                    there_is_one = matches!(step, Step::Found);
                    behind.report(if there_is_one { UpstreamReport::Found } else { UpstreamReport::Gone });
                }
                Step::StoreWorks(works) => behind.gateway.store_works = works,
                Step::BackendRefuses(refuses) => {
                    behind.gateway.refuse = Box::new(move |_| refuses.then_some(Refusal::PortTaken));
                }
                Step::Grant | Step::Taken(_) | Step::Unavailable | Step::Withdraw => {}
            }
            begun.retain(|id, _| behind.reply(*id).is_none());
            for since in begun.values() {
                prop_assert!(passed - *since < Engine::UPSTREAM_PATIENCE, "a request waits too long");
            }
            if !there_is_one {
                prop_assert!(begun.is_empty() && behind.asked.is_empty() && behind.open.is_empty());
            }
        }
        behind.gateway.store_works = true;
        behind.gateway.refuse = Box::new(|_| None);
        if !there_is_one {
            behind.report(UpstreamReport::Found);
        }
        // Everything that was refused for now is asked for again, and granted; leases may end meanwhile.
        for _ in 0..3 {
            while !behind.asked.is_empty() {
                behind.grant();
            }
            behind.pass(Duration::from_secs(0));
        }
        begun.retain(|id, _| behind.reply(*id).is_none());
        prop_assert!(begun.is_empty(), "{begun:?}");
        let mapped: BTreeSet<OuterPort> = behind.gateway.engine.mappings().map(|row| row.key.into()).collect();
        let open: BTreeSet<OuterPort> = behind.open.values().copied().collect();
        prop_assert!(open.is_subset(&mapped), "open {open:?}, mapped {mapped:?}");
        behind.pass(Duration::from_secs(60));
        prop_assert_eq!(behind.gateway.engine.mappings().count(), 0);
        prop_assert!(behind.open.is_empty() && behind.asked.is_empty());
        prop_assert_eq!(behind.gateway.engine.poll_timeout(), None);
    }
}
