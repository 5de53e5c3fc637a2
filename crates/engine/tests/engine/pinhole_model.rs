//! Random requests for pinholes, refusals, failures and restarts, against a plain list.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use portreeve_engine::config::Firewall;
use portreeve_engine::{Config, Kept, Refusal, Request, UniqueId};
use portreeve_wire::service::WAN_IPV6_FIREWALL_CONTROL;
use portreeve_wire::{Call, Quirks};
use proptest::prelude::*;

use crate::gateway::{self, Gateway};
use crate::pinholes::config_6;

const CLIENTS: [&str; 3] = ["fd77::11", "fd77::12", "fd77::13"];
const REMOTES: [&str; 2] = ["", "2001:db8:113::7"];
const PROTOCOLS: [&str; 2] = ["6", "132"];
const TABLE: usize = 8;
const QUOTA: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Add(Asked),
    Update {
        client: usize,
        nth: usize,
        lease: u64,
    },
    Delete {
        client: usize,
        nth: usize,
    },
    Pass {
        seconds: u64,
    },
    Restart,
    /// The next this many changes are refused by the backend.
    Refuse {
        changes: u32,
    },
    StoreWorks(bool),
}

#[derive(Clone, Debug)]
struct Asked {
    client: usize,
    for_client: usize,
    five: Five,
    lease: u64,
}

/// What makes a pinhole, but for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Five {
    remote: usize,
    remote_port: u16,
    port: u16,
    protocol: usize,
}

/// A row of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    id: u16,
    client: usize,
    five: Five,
    /// Seconds left.
    lease: u64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let five = (0..2usize, 0..2u16, 1022..1027u16, 0..2usize).prop_map(|(remote, remote_port, port, protocol)| Five {
        remote,
        remote_port,
        port,
        protocol,
    });
    (0..3usize, 0..12usize, five, 1..20u64).prop_map(|(client, other, five, lease)| Asked {
        client,
        // Mostly for itself.
        for_client: if other < 3 { other } else { client },
        five,
        lease,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => asked().prop_map(Step::Add),
        3 => (0..3usize, 0..TABLE, 1..20u64).prop_map(|(client, nth, lease)| Step::Update { client, nth, lease }),
        3 => (0..3usize, 0..TABLE).prop_map(|(client, nth)| Step::Delete { client, nth }),
        2 => (1..6u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
        1 => (1..3u32).prop_map(|changes| Step::Refuse { changes }),
        1 => any::<bool>().prop_map(Step::StoreWorks),
    ]
}

fn arguments(asked: &Asked) -> Vec<(&'static str, String)> {
    let Five {
        remote,
        remote_port,
        port,
        protocol,
    } = asked.five;
    vec![
        ("RemoteHost", REMOTES[remote].to_owned()),
        ("RemotePort", remote_port.to_string()),
        ("InternalClient", CLIENTS[asked.for_client].to_owned()),
        ("InternalPort", port.to_string()),
        ("Protocol", PROTOCOLS[protocol].to_owned()),
        ("LeaseTime", asked.lease.to_string()),
    ]
}

fn call(asked: &Asked) -> Request {
    let arguments = arguments(asked);
    let call = Call::parse(
        &WAN_IPV6_FIREWALL_CONTROL,
        1,
        "AddPinhole",
        &arguments,
        Quirks::default(),
    );
    Request::Call {
        caller: CLIENTS[asked.client].parse().unwrap(),
        call: call.unwrap(),
    }
}

fn add(gateway: &mut Gateway, asked: &Asked) -> Result<u16, u16> {
    let arguments = arguments(asked);
    let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, &**value)).collect();
    gateway.open(CLIENTS[asked.client], &arguments).map(|id| id.0)
}

fn small() -> Config {
    Config {
        firewall: Firewall {
            enabled: true,
            pinholes: TABLE,
            pinholes_per_client: QUOTA,
            ..Firewall::default()
        },
        ..config_6()
    }
}

/// What AddPinhole must answer if kernel and disk play along; `None` for success.
fn refusal(model: &[Row], asked: &Asked) -> Option<u16> {
    if asked.client != asked.for_client || asked.five.port < 1024 {
        return Some(606);
    }
    let own = model.iter().filter(|row| row.client == asked.client).count();
    let is_new = find(model, asked).is_none();
    (is_new && (model.len() >= TABLE || own >= QUOTA)).then_some(701)
}

fn find(model: &[Row], asked: &Asked) -> Option<usize> {
    model
        .iter()
        .position(|row| (row.client, row.five) == (asked.for_client, asked.five))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let to_refuse = Rc::new(Cell::new(0u32));
        let refusing = || -> gateway::Refuse {
            let to_refuse = to_refuse.clone();
            Box::new(move |_| {
                let left = to_refuse.get();
                to_refuse.set(left.saturating_sub(1));
                (left > 0).then_some(Refusal::NoRoom)
            })
        };
        let mut gateway = Gateway::new(small());
        gateway.refuse = refusing();
        let mut model: Vec<Row> = Vec::new();
        let mut last_id = 0;
        for step in steps {
            // A world that plays along makes outcomes certain; one that does not may only turn success into refusal.
            let certain = to_refuse.get() == 0 && gateway.store_works;
            match step {
                Step::Add(asked) => match (add(&mut gateway, &asked), refusal(&model, &asked)) {
                    (Ok(id), None) => match find(&model, &asked) {
                        Some(index) => {
                            prop_assert_eq!(id, model[index].id);
                            model[index].lease = asked.lease;
                        }
                        None => {
                            prop_assert_eq!(id, last_id + 1, "what was refused uses up no name");
                            last_id = id;
                            model.push(Row { id, client: asked.client, five: asked.five, lease: asked.lease });
                        }
                    },
                    (Ok(_), Some(expected)) => prop_assert!(false, "expected {}", expected),
                    (Err(code), Some(expected)) => prop_assert_eq!(code, expected),
                    (Err(code), None) => prop_assert!(!certain && (code == 701 || code == 501), "{}", code),
                },
                Step::Update { client, nth, lease } => {
                    let (id, lease_text) = (model.get(nth).map_or(0, |row| row.id).to_string(), lease.to_string());
                    let arguments = [("UniqueID", &*id), ("NewLeaseTime", &*lease_text)];
                    let outcome = gateway.call_6(CLIENTS[client], "UpdatePinhole", &arguments);
                    if managed(&model, client, nth, outcome.map(drop), certain)? {
                        model[nth].lease = lease;
                    }
                }
                Step::Delete { client, nth } => {
                    let id = model.get(nth).map_or(0, |row| row.id).to_string();
                    let outcome = gateway.call_6(CLIENTS[client], "DeletePinhole", &[("UniqueID", &id)]);
                    if managed(&model, client, nth, outcome.map(drop), certain)? {
                        model.remove(nth);
                    }
                }
                Step::Pass { seconds } => {
                    // Leases end only where kernel and disk play along; both are tried again until they do.
                    to_refuse.set(0);
                    gateway.store_works = true;
                    gateway.pass(Duration::from_secs(seconds));
                    gateway.pass(Duration::ZERO);
                    for row in &mut model {
                        row.lease = row.lease.saturating_sub(seconds);
                    }
                    model.retain(|row| row.lease > 0);
                }
                Step::Restart => {
                    let kept = Kept {
                        pinholes: gateway.pinholes.values().cloned().collect(),
                        last_unique_id: UniqueId(last_id),
                        ..Kept::default()
                    };
                    let (now, store_works) = (gateway.now, gateway.store_works);
                    gateway = Gateway::restarted(small(), kept);
                    (gateway.now, gateway.store_works) = (now, store_works);
                    gateway.refuse = refusing();
                }
                Step::Refuse { changes } => to_refuse.set(changes),
                Step::StoreWorks(works) => gateway.store_works = works,
            }
            compare(&gateway, &model)?;
        }
    }
}

/// Whether an action on the `nth` pinhole succeeded, and rightly so.
fn managed(
    model: &[Row],
    client: usize,
    nth: usize,
    outcome: Result<(), u16>,
    certain: bool,
) -> Result<bool, TestCaseError> {
    let expected = match model.get(nth) {
        None => Err(704),
        Some(row) if row.client != client => Err(606),
        Some(_) => Ok(()),
    };
    match (outcome, expected) {
        (Err(501), Ok(())) => prop_assert!(!certain),
        (outcome, expected) => prop_assert_eq!(outcome, expected),
    }
    Ok(outcome.is_ok())
}

proptest! {
    /// Requests that are planned together get the answers that they would get one after the other, also where the
    /// backend refuses some of them and the group is planned again.
    #[test]
    fn a_group_is_its_requests_one_by_one(
        groups in prop::collection::vec(prop::collection::vec(asked(), 1..12), 1..6),
        refused_port in 1024..1027u16,
    ) {
        let refusing_gateway = || {
            let mut gateway = Gateway::new(small());
            gateway.refuse = Box::new(move |change| match change {
                portreeve_engine::Change::Pinhole { after: Some(after), .. }
                    if after.key.internal_port.get() == refused_port => Some(Refusal::NoRoom),
                _ => None,
            });
            gateway
        };
        let (mut together, mut one_by_one) = (refusing_gateway(), refusing_gateway());
        for group in groups {
            let requests: Vec<Request> = group.iter().map(call).collect();
            let expected: Vec<String> =
                requests.iter().map(|request| format!("{:?}", one_by_one.ask(request.clone()))).collect();
            let replies: Vec<String> =
                together.ask_together(requests).iter().map(|reply| format!("{reply:?}")).collect();
            prop_assert_eq!(replies, expected);
            prop_assert_eq!(&together.pinholes, &one_by_one.pinholes);
            prop_assert!(together.pinholes.values().eq(together.engine.desired().pinholes.iter()));
        }
    }

    /// A group whose changes cannot be stored leaves nothing behind, not even a name that is used up.
    #[test]
    fn a_group_that_is_not_stored_never_was(requests in prop::collection::vec(asked(), 1..12)) {
        let (mut gateway, mut undisturbed) = (Gateway::new(small()), Gateway::new(small()));
        let (before, group) = requests.split_at(requests.len() / 2);
        for asked in before {
            prop_assert_eq!(add(&mut gateway, asked), add(&mut undisturbed, asked));
        }
        gateway.store_works = false;
        gateway.ask_together(group.iter().map(call).collect());
        gateway.store_works = true;
        prop_assert_eq!(&gateway.pinholes, &undisturbed.pinholes);
        prop_assert_eq!(gateway.engine.desired().pinholes, undisturbed.engine.desired().pinholes);
        prop_assert_eq!(gateway.engine.poll_timeout(), undisturbed.engine.poll_timeout());
        for asked in group {
            prop_assert_eq!(add(&mut gateway, asked), add(&mut undisturbed, asked));
        }
    }
}

/// Table, kernel and model tell the same, and no two pinholes have one name.
fn compare(gateway: &Gateway, model: &[Row]) -> Result<(), TestCaseError> {
    let desired = gateway.engine.desired().pinholes;
    prop_assert!(gateway.pinholes.values().eq(desired.iter()));
    let number = |texts: &[&str], text: String| texts.iter().position(|known| *known == text).unwrap();
    let mut rows: Vec<Row> = desired
        .iter()
        .map(|pinhole| Row {
            id: pinhole.id.0,
            client: number(&CLIENTS, pinhole.key.internal_client.to_string()),
            five: Five {
                remote: usize::from(pinhole.key.remote_host.is_some()),
                remote_port: pinhole.key.remote_port.map_or(0, Into::into),
                port: pinhole.key.internal_port.get(),
                protocol: number(&PROTOCOLS, pinhole.key.transport.number().to_string()),
            },
            lease: pinhole.expiry.since(gateway.now).as_secs(),
        })
        .collect();
    rows.sort_by_key(|row| row.id);
    let mut expected = model.to_vec();
    expected.sort_by_key(|row| row.id);
    prop_assert_eq!(&rows, &expected);
    let ids: BTreeSet<u16> = rows.iter().map(|row| row.id).collect();
    prop_assert!(ids.len() == rows.len() && !ids.contains(&0));
    Ok(())
}
