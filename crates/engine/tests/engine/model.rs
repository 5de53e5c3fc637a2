//! Random requests of fighting clients, refusals and failures, against a model that is a plain list and the standard's
//! sentences written down one after the other.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use portreeve_engine::config::Limits;
use portreeve_engine::{Change, Config, Expiry, Refusal, RemoteHost, Request};
use portreeve_wire::service::wan_ip_connection::WAN_IP_CONNECTION;
use portreeve_wire::{Call, Quirks, Value};
use proptest::prelude::*;

use crate::gateway::{self, Gateway, config, mapping};

const CLIENTS: [&str; 3] = ["192.168.77.11", "192.168.77.12", "192.168.77.13"];
const REMOTES: [&str; 3] = ["", "11.11.11.7", "11.11.11.8"];
const PROTOCOLS: [&str; 2] = ["TCP", "UDP"];
const TABLE: usize = 12;
const QUOTA: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Add {
        request: Asked,
        any: bool,
    },
    Delete {
        client: usize,
        remote: usize,
        port: u16,
        protocol: usize,
    },
    DeleteRange {
        client: usize,
        start: u16,
        end: u16,
        protocol: usize,
    },
    Pass {
        seconds: u64,
    },
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
    remote: usize,
    port: u16,
    protocol: usize,
    internal_port: u16,
    enabled: bool,
    lease: u32,
}

/// A row of the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    port: u16,
    protocol: usize,
    remote: usize,
    client: usize,
    internal_port: u16,
    enabled: bool,
    /// Seconds left.
    lease: u64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let parts = (
        0..3usize,
        0..8usize,
        0..3usize,
        1020..1030u16,
        0..2usize,
        1022..1027u16,
        any::<bool>(),
        1..20u32,
    );
    parts.prop_map(
        |(client, other, remote, port, protocol, internal_port, enabled, lease)| Asked {
            client,
            // Mostly for itself.
            for_client: if other < 3 { other } else { client },
            remote,
            port,
            protocol,
            internal_port,
            enabled,
            lease,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (asked(), any::<bool>()).prop_map(|(request, any)| Step::Add { request, any }),
        3 => (0..3usize, 0..3usize, 1020..1030u16, 0..2usize)
            .prop_map(|(client, remote, port, protocol)| Step::Delete { client, remote, port, protocol }),
        1 => (0..3usize, 1023..1030u16, 1023..1030u16, 0..2usize)
            .prop_map(|(client, start, end, protocol)| Step::DeleteRange { client, start, end, protocol }),
        2 => (1..6u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => (1..3u32).prop_map(|changes| Step::Refuse { changes }),
        1 => any::<bool>().prop_map(Step::StoreWorks),
    ]
}

#[derive(Debug, Default)]
struct Model(Vec<Row>);

impl Model {
    fn find(&self, port: u16, protocol: usize, remote: usize) -> Option<usize> {
        self.0
            .iter()
            .position(|row| (row.port, row.protocol, row.remote) == (port, protocol, remote))
    }

    /// What AddPortMapping must answer if kernel and disk play along; `None` for success.
    fn refusal(&self, request: &Asked) -> Option<u16> {
        let Asked {
            client,
            for_client,
            remote,
            port,
            protocol,
            internal_port,
            ..
        } = *request;
        if client != for_client || port < 1024 || internal_port < 1024 {
            return Some(606);
        }
        if self
            .0
            .iter()
            .any(|row| row.port == port && row.protocol == protocol && row.client != client)
        {
            return Some(718);
        }
        let is_new = self.find(port, protocol, remote).is_none();
        let own = self.0.iter().filter(|row| row.client == client).count();
        (is_new && (self.0.len() >= TABLE || own >= QUOTA)).then_some(728)
    }

    fn put(&mut self, request: &Asked, port: u16) {
        if let Some(index) = self.find(port, request.protocol, request.remote) {
            self.0.remove(index);
        }
        self.0.push(Row {
            port,
            protocol: request.protocol,
            remote: request.remote,
            client: request.client,
            internal_port: request.internal_port,
            enabled: request.enabled,
            lease: request.lease.into(),
        });
    }
}

fn add(gateway: &mut Gateway, request: &Asked, action: &str) -> Result<gateway::Outputs, u16> {
    with_arguments(request, |arguments| {
        gateway.call(CLIENTS[request.client], 2, action, arguments)
    })
}

fn call(request: &Asked, action: &str) -> Request {
    let call = with_arguments(request, |arguments| {
        Call::parse(&WAN_IP_CONNECTION, 2, action, arguments, Quirks::default()).unwrap()
    });
    Request::Call {
        caller: CLIENTS[request.client].parse().unwrap(),
        call,
    }
}

fn with_arguments<T>(request: &Asked, use_them: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    let (port, internal, lease) = (
        request.port.to_string(),
        request.internal_port.to_string(),
        request.lease.to_string(),
    );
    let given = [
        ("NewRemoteHost", REMOTES[request.remote]),
        ("NewExternalPort", &port),
        ("NewProtocol", PROTOCOLS[request.protocol]),
        ("NewInternalPort", &internal),
        ("NewInternalClient", CLIENTS[request.for_client]),
        ("NewEnabled", if request.enabled { "1" } else { "0" }),
        ("NewLeaseDuration", &lease),
    ];
    use_them(&mapping("", &given))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let limits = Limits { mappings: TABLE, mappings_per_client: QUOTA, ..Limits::default() };
        let mut gateway = Gateway::new(Config { limits, ..config() });
        let to_refuse = Rc::new(Cell::new(0u32));
        let refusing = to_refuse.clone();
        gateway.refuse = Box::new(move |_| {
            let left = refusing.get();
            refusing.set(left.saturating_sub(1));
            (left > 0).then_some(Refusal::PortTaken)
        });
        let mut model = Model::default();
        for step in steps {
            // A world that plays along makes outcomes certain; one that does not may only turn success into refusal.
            let certain = to_refuse.get() == 0 && gateway.store_works;
            match step {
                Step::Add { request, any: false } => match add(&mut gateway, &request, "AddPortMapping") {
                    Ok(_) => {
                        prop_assert_eq!(model.refusal(&request), None);
                        model.put(&request, request.port);
                    }
                    Err(code) => match model.refusal(&request) {
                        Some(expected) => prop_assert_eq!(code, expected),
                        None => prop_assert!(!certain && (code == 729 || code == 501), "{}", code),
                    },
                },
                Step::Add { request, any: true } => match add(&mut gateway, &request, "AddAnyPortMapping") {
                    Ok(outputs) => {
                        let Value::Ui2(port) = outputs["NewReservedPort"] else { panic!("{outputs:?}") };
                        let granted = Asked { port, ..request.clone() };
                        prop_assert_eq!(model.refusal(&granted), None);
                        let wish_was_free = model.refusal(&request).is_none();
                        prop_assert!(port == request.port || !wish_was_free || !certain);
                        model.put(&granted, port);
                    }
                    Err(606) => prop_assert_eq!(model.refusal(&request), Some(606)),
                    Err(code) => {
                        let own = model.0.iter().filter(|row| row.client == request.client).count();
                        let full = model.0.len() >= TABLE || own >= QUOTA;
                        prop_assert!(full && code == 728 || !certain, "{}", code);
                    }
                },
                Step::Delete { client, remote, port, protocol } => {
                    let number = port.to_string();
                    let key = [
                        ("NewRemoteHost", REMOTES[remote]),
                        ("NewExternalPort", number.as_str()),
                        ("NewProtocol", PROTOCOLS[protocol]),
                    ];
                    let outcome = gateway.call(CLIENTS[client], 2, "DeletePortMapping", &key);
                    let expected = match model.find(port, protocol, remote) {
                        _ if port < 1024 => Err(606),
                        None => Err(714),
                        Some(index) if model.0[index].client != client => Err(606),
                        Some(index) => Ok(index),
                    };
                    match (outcome, expected) {
                        (Ok(_), Ok(index)) => { model.0.remove(index); }
                        (Err(code), Err(expected)) => prop_assert_eq!(code, expected),
                        (Err(code), Ok(_)) => prop_assert!(!certain, "{}", code),
                        (Ok(_), Err(expected)) => prop_assert!(false, "expected {}", expected),
                    }
                }
                Step::DeleteRange { client, start, end, protocol } => {
                    let (first, last) = (start.to_string(), end.to_string());
                    let range = [
                        ("NewStartPort", first.as_str()),
                        ("NewEndPort", last.as_str()),
                        ("NewProtocol", PROTOCOLS[protocol]),
                        ("NewManage", "1"),
                    ];
                    let outcome = gateway.call(CLIENTS[client], 2, "DeletePortMappingRange", &range);
                    let hit = |row: &Row| {
                        row.client == client && row.protocol == protocol && (start..=end).contains(&row.port)
                    };
                    let expected = match () {
                        () if start > end => Some(733),
                        () if start < 1024 || end < 1024 => Some(606),
                        () if !model.0.iter().any(hit) => Some(730),
                        () => None,
                    };
                    match (outcome, expected) {
                        (Ok(_), None) => model.0.retain(|row| !hit(row)),
                        (Err(code), Some(expected)) => prop_assert_eq!(code, expected),
                        (Err(code), None) => prop_assert!(!certain, "{}", code),
                        (Ok(_), Some(expected)) => prop_assert!(false, "expected {}", expected),
                    }
                }
                Step::Pass { seconds } => {
                    // Leases end only where kernel and disk play along; both are tried again until they do.
                    to_refuse.set(0);
                    gateway.store_works = true;
                    gateway.pass(Duration::from_secs(seconds));
                    gateway.pass(Duration::ZERO);
                    for row in &mut model.0 {
                        row.lease = row.lease.saturating_sub(seconds);
                    }
                    model.0.retain(|row| row.lease > 0);
                }
                Step::Refuse { changes } => to_refuse.set(changes),
                Step::StoreWorks(works) => gateway.store_works = works,
            }
            compare(&mut gateway, &mut model)?;
        }
    }
}

proptest! {
    /// Requests that are planned together get the answers that they would get one after the other, also where the
    /// backend refuses some of them and the group is planned again.
    #[test]
    fn a_group_is_its_requests_one_by_one(
        groups in prop::collection::vec(prop::collection::vec((asked(), any::<bool>()), 1..12), 1..6),
        refused_port in 1024..1030u16,
        refused_internal_port in 1024..1027u16,
    ) {
        let refusing_gateway = || {
            let mut gateway = Gateway::new(config());
            gateway.refuse = Box::new(move |change| match change {
                Change::Mapping { after: Some(after), .. }
                    if after.key.external_port.get() == refused_port
                        || after.internal_port.get() == refused_internal_port =>
                {
                    Some(Refusal::PortTaken)
                }
                _ => None,
            });
            gateway
        };
        let (mut together, mut one_by_one) = (refusing_gateway(), refusing_gateway());
        for group in groups {
            let requests: Vec<Request> = group
                .iter()
                .map(|(request, any)| call(request, if *any { "AddAnyPortMapping" } else { "AddPortMapping" }))
                .collect();
            let expected: Vec<String> =
                requests.iter().map(|request| format!("{:?}", one_by_one.ask(request.clone()))).collect();
            let replies: Vec<String> =
                together.ask_together(requests).iter().map(|reply| format!("{reply:?}")).collect();
            prop_assert_eq!(replies, expected);
            prop_assert_eq!(&together.in_force, &one_by_one.in_force);
            prop_assert_eq!(together.variable("SystemUpdateID"), one_by_one.variable("SystemUpdateID"));
            prop_assert!(together.in_force.values().eq(together.engine.desired().mappings.iter()));
        }
    }

    /// A group whose changes cannot be stored leaves nothing behind.
    #[test]
    fn a_group_that_is_not_stored_never_was(requests in prop::collection::vec(asked(), 1..12)) {
        let mut gateway = Gateway::new(config());
        for request in &requests[..requests.len() / 2] {
            let _ = add(&mut gateway, request, "AddPortMapping");
        }
        let before = (gateway.in_force.clone(), gateway.engine.desired(), gateway.variable("SystemUpdateID"));
        gateway.store_works = false;
        let group = requests[requests.len() / 2..].iter().map(|request| call(request, "AddPortMapping"));
        gateway.ask_together(group.collect());
        prop_assert_eq!(&gateway.in_force, &before.0);
        prop_assert_eq!(gateway.engine.desired().mappings, before.1.mappings);
        prop_assert_eq!(gateway.variable("SystemUpdateID"), before.2);
    }
}

/// Table, kernel and model tell the same.
fn compare(gateway: &mut Gateway, model: &mut Model) -> Result<(), TestCaseError> {
    let now = gateway.now;
    let number = |texts: &[&str], text: String| texts.iter().position(|known| *known == text).unwrap();
    let mut rows: Vec<Row> = gateway
        .mappings()
        .iter()
        .map(|mapping| Row {
            port: mapping.key.external_port.get(),
            protocol: number(&PROTOCOLS, mapping.key.protocol.to_string()),
            remote: match mapping.key.remote_host {
                RemoteHost::Any => 0,
                RemoteHost::Host(address) => number(&REMOTES, address.to_string()),
            },
            client: number(&CLIENTS, mapping.internal_client.to_string()),
            internal_port: mapping.internal_port.get(),
            enabled: mapping.enabled,
            lease: match mapping.expiry {
                Expiry::At(end) => end.since(now).as_secs(),
                Expiry::Never => panic!("every lease is finite here"),
            },
        })
        .collect();
    rows.sort();
    model.0.sort();
    prop_assert_eq!(&rows, &model.0);
    let desired = gateway.engine.desired();
    prop_assert!(gateway.in_force.values().eq(desired.mappings.iter()));
    let sorted = |mut outbound: Vec<portreeve_engine::Outbound>| {
        outbound.sort_by_key(|outbound| (outbound.client, outbound.port, outbound.protocol));
        outbound
    };
    prop_assert_eq!(sorted(gateway.outbound.clone()), sorted(desired.outbound));
    Ok(())
}
