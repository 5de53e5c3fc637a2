//! A gateway for tests: the engine, driven by a clock that the test turns, with a backend and a store that only
//! remember.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_engine::link::LinkReport;
use portreeve_engine::{
    Change, Config, Counters, Engine, Event, Kept, Key, Mapping, Outbound, Pinhole, PinholeKey, Refusal, Reply,
    Request, RequestId, Time,
};
use portreeve_wire::service::wan_ip_connection::WAN_IP_CONNECTION;
use portreeve_wire::service::{Direction, Service};
use portreeve_wire::{Call, ErrorCode, Fault, Quirks, Value};

pub(crate) const ALICE: &str = "192.168.77.11";
pub(crate) const BOB: &str = "192.168.77.12";
pub(crate) const EXTERNAL: &str = "11.11.11.2";

pub(crate) struct Gateway {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
    /// What the backend would have in force.
    pub(crate) in_force: BTreeMap<Key, Arc<Mapping>>,
    /// What the backend would do to outbound packets.
    pub(crate) outbound: Vec<Outbound>,
    /// The pinholes that the backend would have in force.
    pub(crate) pinholes: BTreeMap<PinholeKey, Arc<Pinhole>>,
    /// Asked before each change: may refuse it.
    pub(crate) refuse: Refuse,
    /// Whether the store works.
    pub(crate) store_works: bool,
    pub(crate) events: Vec<Event>,
    requests: u64,
}

/// Whether the backend refuses a change.
pub(crate) type Refuse = Box<dyn FnMut(&Change) -> Option<Refusal>>;
pub(crate) type Outputs = BTreeMap<&'static str, Value>;

pub(crate) fn config() -> Config {
    Config {
        lans: vec!["192.168.77.0/24".parse().unwrap()],
        connection_device: "uuid:00000000-0000-5000-8000-000000000003".into(),
        ..Config::default()
    }
}

pub(crate) fn connected() -> LinkReport {
    LinkReport {
        configured: true,
        carrier: true,
        addresses: vec![EXTERNAL.parse().unwrap()],
        bit_rate: Some(10_000_000_000),
        ..LinkReport::default()
    }
}

impl Gateway {
    pub(crate) fn new(config: Config) -> Self {
        Self::restarted(config, Kept::default())
    }

    /// A gateway whose store kept something.
    pub(crate) fn restarted(config: Config, kept: Kept) -> Self {
        let mut engine = Engine::new(config, kept);
        let now = Time::from_millis(1_000_000);
        engine.handle_counters(Some(Counters::default()));
        engine.handle_link(connected(), now);
        engine.settle();
        while engine.poll_event().is_some() {}
        Self {
            in_force: engine
                .desired()
                .mappings
                .into_iter()
                .map(|mapping| (mapping.key, mapping))
                .collect(),
            outbound: engine.desired().outbound,
            pinholes: engine
                .desired()
                .pinholes
                .into_iter()
                .map(|pinhole| (pinhole.key, pinhole))
                .collect(),
            engine,
            now,
            refuse: Box::new(|_| None),
            store_works: true,
            events: Vec::new(),
            requests: 0,
        }
    }

    /// Calls an action of WANIPConnection.
    pub(crate) fn call(
        &mut self,
        caller: &str,
        version: u8,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Outputs, u16> {
        self.call_service(&WAN_IP_CONNECTION, caller, version, action, arguments)
            .map_err(|fault| fault.code.number())
    }

    pub(crate) fn call_service(
        &mut self,
        service: &'static Service,
        caller: &str,
        version: u8,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Outputs, Fault> {
        let call = Call::parse(service, version, action, arguments, Quirks::default())?;
        let names = call.action.arguments(Direction::Out).map(|argument| argument.name);
        let caller: IpAddr = caller.parse().unwrap();
        match self.ask(Request::Call { caller, call }) {
            Reply::Call(answer) => Ok(names.zip(answer?).collect()),
            other => panic!("{other:?}"),
        }
    }

    /// AddPortMapping or AddAnyPortMapping in version 2; what is not given is a plain TCP mapping of the caller.
    pub(crate) fn add(&mut self, caller: &str, action: &str, given: &[(&str, &str)]) -> Result<Outputs, u16> {
        self.call(caller, 2, action, &mapping(caller, given))
    }

    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        self.ask_together(vec![request]).remove(0)
    }

    /// Plans all requests as one group, carries it out, and returns the replies in the order of the requests.
    pub(crate) fn ask_together(&mut self, requests: Vec<Request>) -> Vec<Reply> {
        let first = self.requests;
        for request in requests {
            self.engine.handle_request(RequestId(self.requests), request, self.now);
            self.requests += 1;
        }
        self.carry_out();
        (first..self.requests)
            .map(|id| {
                let (answered, reply) = self.engine.poll_reply().expect("a settled request is answered");
                assert_eq!(answered, RequestId(id));
                reply
            })
            .collect()
    }

    /// Turns the clock and ends what leases end by then.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        while self.engine.poll_timeout().is_some_and(|at| at <= self.now) {
            self.engine.handle_timeout(self.now);
            self.carry_out();
        }
    }

    /// How many entries of the tables the open group changes.
    pub(crate) fn planned(&self) -> usize {
        let is_entry = |change: &&Change| !matches!(change, Change::Outbound { .. });
        self.engine.changes().iter().filter(is_entry).count()
    }

    /// What a backend and a store do with the open group.
    pub(crate) fn carry_out(&mut self) {
        while !self.engine.changes().is_empty() {
            let refused = self
                .engine
                .changes()
                .iter()
                .enumerate()
                .find_map(|(i, c)| (self.refuse)(c).map(|why| (i, why)));
            if let Some((change, why)) = refused {
                self.engine.handle_refused(change, why);
                continue;
            }
            if !self.store_works {
                self.engine.handle_store_failed("disk full");
                continue;
            }
            for change in self.engine.changes() {
                match change {
                    Change::Mapping { before, after } => {
                        let key = before.as_ref().or(after.as_ref()).unwrap().key;
                        assert_eq!(self.in_force.get(&key), before.as_ref(), "a change starts from what is");
                        match after {
                            Some(after) => self.in_force.insert(key, after.clone()),
                            None => self.in_force.remove(&key),
                        };
                    }
                    Change::Outbound { before, after } => {
                        if let Some(before) = before {
                            let place = self.outbound.iter().position(|outbound| outbound == before);
                            self.outbound.remove(place.expect("a change starts from what is"));
                        }
                        self.outbound.extend(after);
                    }
                    Change::Pinhole { before, after } => {
                        let key = before.as_ref().or(after.as_ref()).unwrap().key;
                        assert_eq!(self.pinholes.get(&key), before.as_ref(), "a change starts from what is");
                        match after {
                            Some(after) => self.pinholes.insert(key, after.clone()),
                            None => self.pinholes.remove(&key),
                        };
                    }
                }
            }
            break;
        }
        self.engine.settle();
        while let Some(event) = self.engine.poll_event() {
            self.events.push(event);
        }
    }

    /// Every mapping, as the administrator sees it.
    pub(crate) fn mappings(&mut self) -> Vec<Arc<Mapping>> {
        match self.ask(Request::Mappings) {
            Reply::Mappings(mappings) => mappings,
            other => panic!("{other:?}"),
        }
    }

    /// The value of a variable of WANIPConnection, as Alice would read it.
    pub(crate) fn variable(&mut self, variable: &str) -> Result<Value, ErrorCode> {
        let caller = ALICE.parse().unwrap();
        match self.ask(Request::Query {
            caller,
            service: &WAN_IP_CONNECTION,
            variable: variable.into(),
        }) {
            Reply::Value(value) => value.map_err(|fault| fault.code),
            other => panic!("{other:?}"),
        }
    }
}

/// The eight arguments of a mapping in the order of the table, with what is given instead of the default.
pub(crate) fn mapping<'a>(caller: &'a str, given: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let defaults = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "18080"),
        ("NewProtocol", "TCP"),
        ("NewInternalPort", "8080"),
        ("NewInternalClient", caller),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", "test"),
        ("NewLeaseDuration", "3600"),
    ];
    let value = |name| given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
    defaults
        .into_iter()
        .map(|(name, default)| (name, value(name).unwrap_or(default)))
        .collect()
}
