//! Behind another gateway: what waits for it, what it is asked for, and what becomes of mappings that it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_engine::upstream::{OuterPort, Ticket, UpstreamCommand, UpstreamRefusal, UpstreamReport};
use portreeve_engine::{Cause, Engine, Event, Protocol, Refusal, Reply, Request, RequestId};
use portreeve_wire::service::wan_ip_connection::WAN_IP_CONNECTION;
use portreeve_wire::{Call, Quirks, Value};
use proptest::prelude::*;

use crate::gateway::{ALICE, BOB, Gateway, config, mapping};

const PORT: &str = "18080";

/// A gateway behind another one, whose part the test plays.
struct Behind {
    gateway: Gateway,
    next_id: u64,
    /// What was asked for and is not answered.
    asked: Vec<(Ticket, OuterPort)>,
    /// What is open there.
    open: BTreeMap<Ticket, OuterPort>,
    replies: BTreeMap<u64, Result<Vec<Value>, u16>>,
}

impl Behind {
    fn new() -> Self {
        let mut behind = Self {
            gateway: Gateway::new(config()),
            next_id: 1_000_000,
            asked: Vec::new(),
            open: BTreeMap::new(),
            replies: BTreeMap::new(),
        };
        behind.report(UpstreamReport::Found);
        behind
    }

    fn report(&mut self, report: UpstreamReport) {
        if matches!(report, UpstreamReport::Found | UpstreamReport::Gone) {
            self.asked.clear();
            self.open.clear();
        }
        self.gateway.engine.handle_upstream(report, self.gateway.now);
        self.settle();
    }

    /// Begins an action; its answer may come later.
    fn begin(&mut self, caller: &str, version: u8, action: &str, arguments: &[(&str, &str)]) -> u64 {
        let call = Call::parse(&WAN_IP_CONNECTION, version, action, arguments, Quirks::default()).unwrap();
        let request = Request::Call {
            caller: caller.parse().unwrap(),
            call,
        };
        let id = self.plan(request);
        self.settle();
        id
    }

    /// Plans a request without ending the group.
    fn plan(&mut self, request: Request) -> u64 {
        self.next_id += 1;
        let (id, now) = (RequestId(self.next_id), self.gateway.now);
        self.gateway.engine.handle_request(id, request, now);
        self.next_id
    }

    fn add(&mut self, caller: &str, action: &str, given: &[(&str, &str)]) -> u64 {
        self.begin(caller, 2, action, &mapping(caller, given))
    }

    fn delete(&mut self, caller: &str, port: &str) -> u64 {
        let key = [("NewRemoteHost", ""), ("NewExternalPort", port), ("NewProtocol", "TCP")];
        self.begin(caller, 2, "DeletePortMapping", &key)
    }

    fn pass(&mut self, time: Duration) {
        self.gateway.pass(time);
        self.settle();
    }

    /// Carries out the group, and takes what comes out.
    fn settle(&mut self) {
        self.gateway.carry_out();
        while let Some((RequestId(id), reply)) = self.gateway.engine.poll_reply() {
            let Reply::Call(answer) = reply else {
                panic!("{reply:?}")
            };
            let answer = answer.map_err(|fault| fault.code.number());
            assert_eq!(self.replies.insert(id, answer), None, "a request is answered once");
        }
        while let Some(command) = self.gateway.engine.poll_upstream_command() {
            match command {
                UpstreamCommand::Open { ticket, port } => {
                    let twice = self.asked.iter().map(|(_, port)| port).chain(self.open.values());
                    assert_eq!(
                        twice.filter(|known| **known == port).count(),
                        0,
                        "{port} is asked for once"
                    );
                    self.asked.push((ticket, port));
                }
                UpstreamCommand::Close(ticket) => {
                    self.asked.retain(|(asked, _)| *asked != ticket);
                    self.open.remove(&ticket);
                }
            }
        }
    }

    fn reply(&self, id: u64) -> Option<&Result<Vec<Value>, u16>> {
        self.replies.get(&id)
    }

    /// The answer to AddPortMapping and the like: nothing, or a fault.
    fn outcome(&self, id: u64) -> Option<Result<(), u16>> {
        self.reply(id)
            .map(|reply| reply.as_ref().map(|_| ()).map_err(|code| *code))
    }

    fn asked_ports(&self) -> Vec<u16> {
        self.asked.iter().map(|(_, outer)| outer.port.get()).collect()
    }

    fn open_ports(&self) -> Vec<u16> {
        self.open.values().map(|outer| outer.port.get()).collect()
    }

    /// Grants what was asked for first.
    fn grant(&mut self) {
        let (ticket, port) = self.asked.remove(0);
        self.open.insert(ticket, port);
        self.report(UpstreamReport::Opened(ticket));
    }

    /// Refuses what was asked for first.
    fn refuse(&mut self, why: UpstreamRefusal) {
        let (ticket, _) = self.asked.remove(0);
        self.report(UpstreamReport::Refused { ticket, why });
    }

    fn taken(&mut self, offered: Option<u16>) {
        let offered = offered.and_then(NonZeroU16::new);
        self.refuse(UpstreamRefusal::PortTaken { offered });
    }

    fn ports(&mut self) -> Vec<u16> {
        let mappings = self.gateway.engine.mappings();
        mappings.map(|mapping| mapping.key.external_port.get()).collect()
    }
}

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
    assert_eq!(behind.reply(id), Some(&Ok(vec![Value::Ui2(40_000)])));
    assert_eq!((behind.ports(), behind.open_ports()), (vec![40_000], vec![40_000]));
}

#[test]
fn without_an_offer_it_gets_the_next_port_and_a_port_forbidden_thrice_is_606() {
    let mut behind = Behind::new();
    let id = behind.add(ALICE, "AddAnyPortMapping", &[]);
    behind.taken(None);
    assert_eq!(behind.asked_ports(), [18081]);
    behind.grant();
    assert_eq!(behind.reply(id), Some(&Ok(vec![Value::Ui2(18081)])));

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
    assert_eq!(behind.reply(any), Some(&Ok(vec![Value::Ui2(18081)])));
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
