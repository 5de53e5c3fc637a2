//! The state machine: inputs are planned in groups, and a group is answered when the world outside has what it says.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::{ErrorCode, Fault};

use crate::change::{Change, Desired, Refusal};
use crate::config::Config;
use crate::event::{Cause, Event};
use crate::igd::{self, Context, PortRefusal};
use crate::ledger::{Ledger, Page};
use crate::link::{Counters, Link, LinkReport};
use crate::mapping::{Key, Mapping, Origin};
use crate::ports::PortSet;
use crate::request::{Reply, Request, Status};
use crate::time::Time;

/// The gateway.
///
/// It is driven from outside, and does nothing by itself:
///
/// 1. `handle_*` plans an input on top of what is planned already: requests ([`Engine::handle_request`]), leases that
///    end ([`Engine::handle_timeout`]), what else happened in the world. All that is planned and not yet sealed is
///    the open group.
/// 2. [`Engine::changes`] says what the backend must carry out for the open group. If it refuses one change it carries
///    out none, and [`Engine::handle_refused`] plans the group anew without what was refused.
/// 3. [`Engine::seal`] says that the backend has carried out the open group, and hands out what the store must commit. The
///    next group may be planned and carried out while the store works on this one.
/// 4. [`Engine::settle`] says that the oldest sealed group is durable, and [`Engine::handle_store_failed`] that it is
///    not: all that was sealed is taken back, and the requests in it are refused.
/// 5. [`Engine::poll_reply`] and [`Engine::poll_event`] give out what settled groups answer and what happened.
///    [`Engine::poll_timeout`] says when to come back at the latest.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    link: Link,
    counters: Counters,
    listening: PortSet,
    ledger: Ledger,
    system_update_id: u32,
    open: Group,
    sealed: VecDeque<Sealed>,
    replies: VecDeque<(RequestId, Reply)>,
    events: VecDeque<Event>,
    /// After a refused removal, leases that have ended wait until then.
    retry_expiry_at: Option<Time>,
}

/// Ties a reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

/// What has been planned, with what it takes to plan it anew or never to have planned it.
#[derive(Debug)]
struct Group {
    inputs: Vec<Planned>,
    system_update_id_before: u32,
    config_before: Option<Config>,
}

/// A group that is in force and not yet known to be durable.
#[derive(Debug)]
struct Sealed {
    group: Group,
    page: Page,
}

#[derive(Debug)]
struct Planned {
    input: Input,
    now: Time,
    refusals: Vec<PortRefusal>,
    reply: Option<Reply>,
}

#[derive(Debug)]
enum Input {
    Request(RequestId, Request),
    LeasesEnd(Vec<Key>),
    Lost(Vec<Key>),
}

impl Engine {
    /// Most leases that end in one group: a storm of them is worked off in slices, with requests in between.
    pub const EXPIRY_SLICE: usize = 256;
    /// How long after a refused removal it is tried again. The kernel ends the lease in the meantime.
    const EXPIRY_RETRY: Duration = Duration::from_secs(1);

    /// A gateway with what the store kept: the mappings, which are taken to be durable, and the SystemUpdateID.
    /// Where a kept mapping and one of the configuration claim the same port, the configuration wins.
    pub fn new(config: Config, kept: Vec<Arc<Mapping>>, system_update_id: u32) -> Self {
        let mut ledger = Ledger::default();
        for mapping in kept {
            ledger.restore(mapping);
        }
        let mut engine = Self {
            config,
            link: Link::default(),
            counters: Counters::default(),
            listening: PortSet::default(),
            ledger,
            system_update_id,
            open: Group::new(system_update_id),
            sealed: VecDeque::new(),
            replies: VecDeque::new(),
            events: VecDeque::new(),
            retry_expiry_at: None,
        };
        let statics = engine.config.statics.clone();
        enter_statics(&mut engine.ledger, &[], &statics);
        // Nothing of this is a change: the backend is reconciled with all of it before the first request.
        engine.ledger.turn_page();
        engine
    }

    /// Plans a request.
    pub fn handle_request(&mut self, id: RequestId, request: Request, now: Time) {
        self.plan(Planned::new(Input::Request(id, request), now));
    }

    /// Plans the end of leases, at most [`Engine::EXPIRY_SLICE`] of them.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.retry_expiry_at.is_some_and(|retry| now < retry) {
            return;
        }
        self.retry_expiry_at = None;
        let keys: Vec<Key> = self.ledger.table().expired(now).take(Self::EXPIRY_SLICE).collect();
        if !keys.is_empty() {
            self.plan(Planned::new(Input::LeasesEnd(keys), now));
        }
    }

    /// Plans the removal of mappings that the backend could not bring back into force.
    pub fn handle_lost(&mut self, keys: Vec<Key>, now: Time) {
        self.plan(Planned::new(Input::Lost(keys), now));
    }

    /// Takes in what became of the WAN link.
    pub fn handle_link(&mut self, report: LinkReport, now: Time) {
        let shown = |link: &Link| (link.status(), link.last_error(), link.external_address());
        let before = shown(&self.link);
        self.link.update(report, now);
        if shown(&self.link) != before {
            self.events.push_back(Event::Link {
                status: self.link.status(),
                error: self.link.last_error(),
                external_address: self.link.external_address().map(|a| a.to_string()).unwrap_or_default(),
            });
        }
    }

    /// Takes in the totals of the WAN interface.
    pub fn handle_counters(&mut self, counters: Counters) {
        self.counters = counters;
    }

    /// Takes in the external ports on which programs of the gateway itself listen.
    pub fn handle_listening(&mut self, ports: PortSet) {
        self.listening = ports;
    }

    /// What the backend must carry out for the open group, in order.
    pub fn changes(&self) -> &[Change] {
        self.ledger.changes()
    }

    /// The backend refused a change, by its index in [`Engine::changes`], and carried out none.
    pub fn handle_refused(&mut self, change: usize, why: Refusal) {
        let refused = self.ledger.changes().get(change).and_then(Change::port);
        let Some((cause, (port, protocol))) = self.ledger.cause_of(change).zip(refused) else {
            return;
        };
        let mut inputs = self.take_back_open();
        let planned = &mut inputs[cause];
        match planned.input {
            Input::Request(..) => planned.refusals.push(PortRefusal { port, protocol, why }),
            Input::LeasesEnd(_) | Input::Lost(_) => {
                self.retry_expiry_at = Some(planned.now + Self::EXPIRY_RETRY);
                inputs.remove(cause);
            }
        }
        inputs.into_iter().for_each(|planned| self.plan(planned));
    }

    /// The backend has carried out the open group. Returns what the store must commit for it: the changes, and the
    /// `SystemUpdateID` after them.
    pub fn seal(&mut self) -> (Vec<Change>, u32) {
        let group = std::mem::replace(&mut self.open, Group::new(self.system_update_id));
        let page = self.ledger.turn_page();
        let changes = page.changes.clone();
        self.sealed.push_back(Sealed { group, page });
        (changes, self.system_update_id)
    }

    /// The oldest sealed group is durable: its replies and events may go out.
    pub fn settle(&mut self) {
        let Some(Sealed { group, page }) = self.sealed.pop_front() else {
            return;
        };
        for (cause, change) in page.causes.into_iter().zip(page.changes) {
            let (Some(planned), Change::Mapping { before, after }) = (group.inputs.get(cause), change) else {
                continue;
            };
            let cause = planned.input.cause();
            match (before, after) {
                (before, Some(mapping)) => self.events.push_back(Event::Mapped { before, mapping, cause }),
                (Some(mapping), None) => self.events.push_back(Event::Unmapped { mapping, cause }),
                (None, None) => {}
            }
        }
        for planned in group.inputs {
            if let (Input::Request(id, request), Some(reply)) = (planned.input, planned.reply) {
                self.answer(id, &request, reply);
            }
        }
    }

    /// The store failed on the oldest sealed group. Every sealed group is taken back, since the later ones build upon
    /// it. The requests that changed something are refused; the others are planned anew, in the open group. Returns what
    /// the backend must carry out to take the groups back too.
    pub fn handle_store_failed(&mut self, why: &str) -> Vec<Change> {
        let planned_on_top = self.take_back_open();
        let sealed = std::mem::take(&mut self.sealed);
        let mut undo = Vec::new();
        for Sealed { page, .. } in sealed.iter().rev() {
            self.ledger.take_back(page);
            undo.extend(page.changes.iter().rev().map(Change::inverse));
        }
        let fault = Fault::because(ErrorCode::ActionFailed, format!("the lease could not be stored: {why}"));
        let mut again = Vec::new();
        for Sealed { group, page } in sealed.into_iter().rev() {
            self.system_update_id = group.system_update_id_before;
            if let Some(config) = group.config_before {
                self.config = config;
            }
            for (index, planned) in group.inputs.into_iter().enumerate().rev() {
                match planned.input {
                    _ if !page.causes.contains(&index) => again.push(planned),
                    Input::Request(id, request) => {
                        let reply = failure(&request, fault.clone());
                        self.answer(id, &request, reply);
                    }
                    Input::LeasesEnd(_) | Input::Lost(_) => {
                        self.retry_expiry_at = Some(planned.now + Self::EXPIRY_RETRY);
                    }
                }
            }
        }
        self.open.system_update_id_before = self.system_update_id;
        again
            .into_iter()
            .rev()
            .chain(planned_on_top)
            .for_each(|planned| self.plan(planned));
        undo
    }

    /// The next reply of a settled group.
    pub fn poll_reply(&mut self) -> Option<(RequestId, Reply)> {
        self.replies.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Engine::handle_timeout`] must be called at the latest.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.ledger.table().next_expiry().max(self.retry_expiry_at)
    }

    /// Everything that should be in force.
    pub fn desired(&self) -> Desired {
        self.ledger.table().desired()
    }

    /// The link as last reported.
    pub fn link(&self) -> &Link {
        &self.link
    }

    fn plan(&mut self, mut planned: Planned) {
        self.ledger.blame(self.open.inputs.len());
        planned.reply = match &planned.input {
            Input::Request(_, request) => Some(self.carry_out(request, &planned.refusals, planned.now)),
            Input::LeasesEnd(keys) | Input::Lost(keys) => {
                for key in keys {
                    self.remove(*key);
                }
                None
            }
        };
        self.open.inputs.push(planned);
    }

    fn carry_out(&mut self, request: &Request, refusals: &[PortRefusal], now: Time) -> Reply {
        match request {
            Request::Call { caller, call } => {
                let mut context = self.context(*caller, refusals, now);
                Reply::Call(igd::call(&mut context, call))
            }
            Request::Query {
                caller,
                service,
                variable,
            } => {
                let context = self.context(*caller, refusals, now);
                Reply::Value(igd::query(&context, service, variable))
            }
            Request::Status => Reply::Status(Box::new(self.status(now))),
            Request::Mappings => Reply::Mappings(self.ledger.table().iter().cloned().collect()),
            Request::Revoke(keys) => Reply::Revoked(self.revoke(keys, refusals)),
            Request::Reconfigure(config) => Reply::Reconfigured(self.reconfigure(config, refusals)),
        }
    }

    fn context<'a>(&'a mut self, caller: IpAddr, refusals: &'a [PortRefusal], now: Time) -> Context<'a> {
        Context {
            config: &self.config,
            link: &self.link,
            counters: self.counters,
            listening: &self.listening,
            ledger: &mut self.ledger,
            system_update_id: &mut self.system_update_id,
            refusals,
            caller,
            now,
        }
    }

    fn status(&self, now: Time) -> Status {
        Status {
            connection: self.link.status(),
            last_error: self.link.last_error(),
            uptime: self.link.uptime(now),
            external_address: self
                .link
                .external_address()
                .map(|address| address.to_string())
                .unwrap_or_default(),
            mappings: self.ledger.table().len(),
            capacity: self.config.limits.mappings,
            system_update_id: self.system_update_id,
        }
    }

    fn revoke(&mut self, keys: &[Key], refusals: &[PortRefusal]) -> Result<Vec<Arc<Mapping>>, Fault> {
        if let Some(PortRefusal { why, .. }) = refusals.first() {
            return Err(Fault::because(ErrorCode::ActionFailed, why.to_string()));
        }
        let found: Vec<_> = keys
            .iter()
            .filter_map(|key| self.ledger.table().find(key).cloned())
            .collect();
        if let Some(fixed) = found.iter().find(|mapping| mapping.origin == Origin::Static) {
            let reason = format!(
                "{} is written in the configuration; remove it there and reload",
                fixed.key
            );
            return Err(Fault::because(ErrorCode::ActionNotAuthorized, reason));
        }
        for mapping in &found {
            self.remove(mapping.key);
        }
        Ok(found)
    }

    fn reconfigure(&mut self, config: &Config, refusals: &[PortRefusal]) -> Result<(), Fault> {
        if let Some(PortRefusal { port, protocol, why }) = refusals.first() {
            return Err(Fault::because(
                ErrorCode::ActionFailed,
                format!("static mapping {port}/{protocol}: {why}"),
            ));
        }
        enter_statics(&mut self.ledger, &self.config.statics, &config.statics);
        let before = std::mem::replace(&mut self.config, config.clone());
        self.open.config_before.get_or_insert(before);
        Ok(())
    }

    fn remove(&mut self, key: Key) {
        if self.ledger.table().find(&key).is_some() {
            self.ledger.remove(key);
            self.system_update_id = self.system_update_id.wrapping_add(1);
        }
    }

    fn answer(&mut self, id: RequestId, request: &Request, reply: Reply) {
        if let (Request::Call { caller, call }, Reply::Call(Err(fault))) = (request, &reply) {
            let (caller, action) = (*caller, call.action.name);
            self.events.push_back(Event::Refused {
                caller,
                action,
                fault: fault.clone(),
            });
        }
        self.replies.push_back((id, reply));
    }

    /// Takes back all that the open group planned, and returns its inputs.
    fn take_back_open(&mut self) -> Vec<Planned> {
        let page = self.ledger.turn_page();
        self.ledger.take_back(&page);
        self.system_update_id = self.open.system_update_id_before;
        if let Some(config) = self.open.config_before.take() {
            self.config = config;
        }
        std::mem::take(&mut self.open.inputs)
    }
}

impl Group {
    fn new(system_update_id: u32) -> Self {
        Self {
            inputs: Vec::new(),
            system_update_id_before: system_update_id,
            config_before: None,
        }
    }
}

impl Planned {
    fn new(input: Input, now: Time) -> Self {
        Self {
            input,
            now,
            refusals: Vec::new(),
            reply: None,
        }
    }
}

impl Input {
    fn cause(&self) -> Cause {
        match self {
            Self::Request(_, Request::Call { caller, .. } | Request::Query { caller, .. }) => Cause::Caller(*caller),
            Self::Request(..) => Cause::Administrator,
            Self::LeasesEnd(_) => Cause::LeaseEnd,
            Self::Lost(_) => Cause::Lost,
        }
    }
}

/// Replaces the administrator's mappings by others. Mappings of clients that stand in the way of a new one go.
fn enter_statics(ledger: &mut Ledger, before: &[Arc<Mapping>], after: &[Arc<Mapping>]) {
    for gone in before.iter().filter(|mapping| !after.contains(mapping)) {
        ledger.remove(gone.key);
    }
    for mapping in after {
        let Key {
            external_port,
            protocol,
            ..
        } = mapping.key;
        let in_the_way: Vec<Key> = ledger
            .table()
            .at_port(external_port, protocol)
            .filter(|row| row.origin != Origin::Static)
            .map(|row| row.key)
            .collect();
        in_the_way.into_iter().for_each(|key| ledger.remove(key));
        ledger.put(Mapping::clone(mapping));
    }
}

/// The reply to a request that would have changed something, and failed for a reason outside of it.
fn failure(request: &Request, fault: Fault) -> Reply {
    match request {
        Request::Call { .. } => Reply::Call(Err(fault)),
        Request::Query { .. } => Reply::Value(Err(fault)),
        Request::Reconfigure(_) => Reply::Reconfigured(Err(fault)),
        Request::Revoke(_) | Request::Status | Request::Mappings => Reply::Revoked(Err(fault)),
    }
}
