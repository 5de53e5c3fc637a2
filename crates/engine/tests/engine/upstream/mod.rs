//! Behind another gateway: what waits for it, what it is asked for, and what becomes of mappings that it refuses.

mod model;
mod port_control;
mod requests;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_engine::upstream::{OuterPort, Ticket, UpstreamCommand, UpstreamRefusal, UpstreamReport};
use portreeve_engine::{Reply, Request, RequestId};
use portreeve_wire::service::wan_ip_connection::WAN_IP_CONNECTION;
use portreeve_wire::{Call, Quirks, Value};

use crate::gateway::{ALICE, BOB, Gateway, config, mapping};

/// A gateway behind another one, whose part the test plays.
struct Behind {
    gateway: Gateway,
    next_id: u64,
    /// What was asked for and is not answered.
    asked: Vec<(Ticket, OuterPort)>,
    /// What is open there.
    open: BTreeMap<Ticket, OuterPort>,
    replies: BTreeMap<u64, Reply>,
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
            assert!(self.replies.insert(id, reply).is_none(), "a request is answered once");
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

    /// What an action was answered, if it was.
    fn reply(&self, id: u64) -> Option<Result<Vec<Value>, u16>> {
        match self.replies.get(&id)? {
            Reply::Call(answer) => Some(answer.clone().map_err(|fault| fault.code.number())),
            other => panic!("{other:?}"),
        }
    }

    /// The answer to AddPortMapping and the like: nothing, or a fault.
    fn outcome(&self, id: u64) -> Option<Result<(), u16>> {
        self.reply(id).map(|reply| reply.map(|_| ()))
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
