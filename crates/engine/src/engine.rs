//! The state machine: inputs are planned in groups, and a group is answered when the world outside has what it says.

mod administration;
mod answers;
mod interworking;
mod observations;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::service::Access;
use portreeve_wire::{ErrorCode, Fault};

use crate::change::{Change, Desired, EntryKey, Refusal};
use crate::config::{Config, Nat};
use crate::context::{Context, Observed, Refused};
use crate::epoch::Epoch;
use crate::event::{Cause, Event, Rejection};
use crate::eventing::Evented;
use crate::igd;
use crate::lan_host::LanHosts;
use crate::ledger::Ledger;
use crate::link::{Counters, DriverReport, Link, LinkCommand, LinkReport};
use crate::mapping::Mapping;
use crate::pinhole::{Pinhole, UniqueId};
use crate::ports::PortSet;
use crate::request::{Reply, Request, Status};
use crate::time::Time;
use crate::upstream::Upstream;

/// The gateway.
///
/// It is driven from outside, and does nothing by itself:
///
/// 1. `handle_*` plans an input on top of what is planned already: requests ([`Engine::handle_request`]), leases and
///    timers that end ([`Engine::handle_timeout`]), what else happened in the world. All that is planned and not yet settled is
///    the open group.
/// 2. [`Engine::changes`] says what must be carried out for the group. Whoever drives the engine carries out all of
///    it in the backend and then commits it to the store.
/// 3. [`Engine::settle`] says that both are done; [`Engine::handle_refused`] that the backend refused one change and
///    so carried out none: the group is planned anew without what was refused, and step 2 follows again;
///    [`Engine::handle_store_failed`] that the store failed: all requests of the group that would change something
///    are refused.
/// 4. [`Engine::poll_reply`] and [`Engine::poll_event`] give out what a settled group answers and what happened,
///    [`Engine::poll_evented`] which state variables differ now, [`Engine::poll_link_command`] what the driver of the
///    link is to do, [`Engine::poll_upstream_command`] what is to be asked of an upstream gateway. A request that waits
///    for that gateway is part of no group until its answer is there.
///    [`Engine::poll_timeout`] says when to come back at the latest.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    link: Link,
    counters: Option<Counters>,
    listening: PortSet,
    observed: Observed,
    lan_hosts: Vec<LanHosts>,
    ledger: Ledger,
    system_update_id: u32,
    group: Group,
    replies: VecDeque<(RequestId, Reply)>,
    events: VecDeque<Event>,
    link_commands: VecDeque<LinkCommand>,
    upstream: Upstream<Planned>,
    /// The evented state variables as they were last given out.
    evented: Vec<Evented>,
    /// Set where they may differ from what they are.
    evented_stale: bool,
    /// After a refused removal, leases that have ended wait until then.
    retry_expiry_at: Option<Time>,
    epoch: Epoch,
    /// The external address of this epoch: another one begins the next.
    told_address: Option<Ipv4Addr>,
}

/// What the store kept of an earlier run, taken to be durable.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Mappings.
    pub mappings: Vec<Arc<Mapping>>,
    /// `SystemUpdateID`.
    pub system_update_id: u32,
    /// Pinholes.
    pub pinholes: Vec<Arc<Pinhole>>,
    /// The `UniqueID` that was given last: those after it are given next.
    pub last_unique_id: UniqueId,
    /// The epoch, and the external address that clients were told in it.
    pub epoch: Epoch,
    /// See there.
    pub external_address: Option<Ipv4Addr>,
}

/// Ties a reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

/// What has been planned since the last settlement, with what it takes to plan it anew.
#[derive(Debug)]
struct Group {
    inputs: Vec<Planned>,
    system_update_id_before: u32,
    config_before: Option<Config>,
    /// The link as it was before the first input that concerns it.
    link_before: Option<Link>,
}

#[derive(Debug)]
struct Planned {
    input: Input,
    now: Time,
    refusals: Vec<Refused>,
    /// Set where the store could not keep what this request would change: it fails, also when planned again.
    failed: Option<Fault>,
    /// Until when it may wait for an upstream gateway, once it has begun to.
    waits_until: Option<Time>,
    reply: Option<Reply>,
    rejection: Option<Rejection>,
}

#[derive(Debug)]
enum Input {
    Request(RequestId, Request),
    LeasesEnd(Vec<EntryKey>),
    Lost(Vec<EntryKey>),
    /// The upstream gateway does not let it in any more.
    Withdrawn(Vec<EntryKey>),
    LinkReport(LinkReport),
    DriverReport(DriverReport),
    LinkTimeout(Option<Counters>),
}

impl Engine {
    /// Most leases that end in one group: a storm of them is worked off in slices, with requests in between.
    pub const EXPIRY_SLICE: usize = 256;
    /// How long after a refused removal it is tried again. The kernel ends the lease in the meantime.
    const EXPIRY_RETRY: Duration = Duration::from_secs(1);

    /// A gateway with what the store kept. Where a kept mapping and one of the configuration claim the same port, the
    /// configuration wins.
    pub fn new(config: Config, kept: Kept) -> Self {
        let Kept {
            mappings,
            system_update_id,
            pinholes,
            last_unique_id,
            epoch,
            external_address,
        } = kept;
        let mut ledger = Ledger::default();
        for mapping in mappings {
            ledger.restore(mapping);
        }
        ledger.restore_pinholes(pinholes, last_unique_id);
        let group = Group {
            inputs: Vec::new(),
            system_update_id_before: system_update_id,
            config_before: None,
            link_before: None,
        };
        let mut engine = Self {
            link: Link::new(&config),
            config,
            counters: None,
            listening: PortSet::default(),
            observed: Observed::default(),
            lan_hosts: Vec::new(),
            ledger,
            system_update_id,
            group,
            replies: VecDeque::new(),
            events: VecDeque::new(),
            link_commands: VecDeque::new(),
            upstream: Upstream::default(),
            evented: Vec::new(),
            evented_stale: true,
            retry_expiry_at: None,
            epoch,
            told_address: external_address,
        };
        let statics = engine.config.statics.clone();
        administration::enter_statics(&mut engine.ledger, &[], &statics);
        // Nothing of this is a change: the backend is reconciled with all of it before the first request.
        engine.ledger.settle();
        engine
    }

    /// Plans a request.
    pub fn handle_request(&mut self, id: RequestId, request: Request, now: Time) {
        self.plan(Planned::new(Input::Request(id, request), now));
    }

    /// Plans the end of leases, at most [`Engine::EXPIRY_SLICE`] of them, and what the link's timers demand. Where
    /// [`Engine::wants_counters`] says so, the totals are to be handed in before.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.link.poll_timeout().is_some_and(|at| at <= now) {
            self.plan(Planned::new(Input::LinkTimeout(self.counters), now));
        }
        self.handle_upstream_timeout(now);
        if self.retry_expiry_at.is_some_and(|retry| now < retry) {
            return;
        }
        self.retry_expiry_at = None;
        let mappings = self.ledger.table().expired(now).map(EntryKey::Mapping);
        let pinholes = self.ledger.pinholes().expired(now).map(EntryKey::Pinhole);
        let keys: Vec<EntryKey> = mappings.chain(pinholes).take(Self::EXPIRY_SLICE).collect();
        if !keys.is_empty() {
            self.plan(Planned::new(Input::LeasesEnd(keys), now));
        }
    }

    /// Plans the removal of mappings and pinholes that the backend could not bring back into force.
    pub fn handle_lost(&mut self, keys: Vec<EntryKey>, now: Time) {
        self.plan(Planned::new(Input::Lost(keys), now));
    }

    /// Plans what follows from what became of the WAN interface.
    pub fn handle_link(&mut self, report: LinkReport, now: Time) {
        self.plan(Planned::new(Input::LinkReport(report), now));
    }

    /// Plans what follows from what the driver of a controlled link tells. Of a watched link it says nothing.
    pub fn handle_link_driver(&mut self, said: DriverReport, now: Time) {
        self.plan(Planned::new(Input::DriverReport(said), now));
    }

    /// Whether the totals of the WAN interface are to be read now, because IdleDisconnectTime runs.
    pub fn wants_counters(&self, now: Time) -> bool {
        self.link.counters_due().is_some_and(|due| due <= now)
    }

    /// Takes in the totals of the WAN interface; `None` if they cannot be read, while which IdleDisconnectTime ends nothing.
    pub fn handle_counters(&mut self, counters: Option<Counters>) {
        self.counters = counters;
    }

    /// Takes in the external ports on which programs of the gateway itself listen.
    pub fn handle_listening(&mut self, ports: PortSet) {
        self.listening = ports;
    }

    /// Takes in how hosts of the LANs are set up, the LANs in the order of the configuration.
    pub fn handle_lan_hosts(&mut self, lans: Vec<LanHosts>) {
        self.lan_hosts = lans;
    }

    /// What must be carried out for the open group, in order: all of it by the store, and by the backend what is in
    /// force ([`Engine::nat`], [`Engine::pinholes_in_force`]).
    pub fn changes(&self) -> &[Change] {
        self.ledger.changes()
    }

    /// `SystemUpdateID` as of the open group, to be committed with its changes.
    pub fn system_update_id(&self) -> u32 {
        self.system_update_id
    }

    /// The backend refused a change, by its index in [`Engine::changes`], and carried out none.
    pub fn handle_refused(&mut self, change: usize, why: Refusal) {
        let refused = self.ledger.changes().get(change).and_then(Change::place);
        let Some((cause, place)) = self.ledger.cause_of(change).zip(refused) else {
            return;
        };
        let mut inputs = self.take_back();
        let planned = &mut inputs[cause];
        match planned.input {
            Input::Request(..) => planned.refusals.push(Refused { place, why }),
            Input::LeasesEnd(_) | Input::Lost(_) | Input::Withdrawn(_) => {
                self.retry_expiry_at = Some(planned.now + Self::EXPIRY_RETRY);
                inputs.remove(cause);
            }
            // The link changes no entries.
            Input::LinkReport(_) | Input::DriverReport(_) | Input::LinkTimeout(_) => {}
        }
        inputs.into_iter().for_each(|planned| self.plan(planned));
    }

    /// The store failed, and what the backend had carried out is undone: all inputs that change something fail.
    pub fn handle_store_failed(&mut self, why: &str) {
        let changing: Vec<usize> = (0..self.ledger.changes().len())
            .filter_map(|change| self.ledger.cause_of(change))
            .collect();
        let fault = Fault::because(ErrorCode::ActionFailed, format!("the lease could not be stored: {why}"));
        for (index, mut planned) in self.take_back().into_iter().enumerate() {
            if changing.contains(&index) {
                if let Input::LeasesEnd(_) | Input::Lost(_) | Input::Withdrawn(_) = planned.input {
                    self.retry_expiry_at = Some(planned.now + Self::EXPIRY_RETRY);
                    continue;
                }
                planned.failed = Some(fault.clone());
            }
            self.plan(planned);
        }
    }

    /// The open group is in force and durable: its replies and events may go out.
    pub fn settle(&mut self) {
        self.evented_stale |= self.group.system_update_id_before != self.system_update_id
            || self.group.config_before.is_some()
            || self.group.link_before.is_some()
            || !self.ledger.changes().is_empty();
        for (cause, change) in self.ledger.settle() {
            self.note_for_upstream(&change, cause);
            if let Change::Pinhole {
                before: Some(gone),
                after: None,
            } = &change
            {
                self.observed.packets.remove(&gone.id);
            }
            let cause = self.group.inputs.get(cause).and_then(|planned| planned.input.cause());
            if let Some(cause) = cause {
                self.events.extend(Event::of(change, cause));
            }
        }
        self.settle_upstream();
        for planned in self.group.inputs.drain(..) {
            let (Input::Request(id, request), Some(reply)) = (planned.input, planned.reply) else {
                continue;
            };
            if let (Some((caller, action)), Some(rejection)) = (request.asked(), planned.rejection) {
                self.events.push_back(Event::Refused {
                    caller,
                    action,
                    rejection,
                });
            }
            self.replies.push_back((id, reply));
        }
        if self.group.link_before.take().is_some() {
            let outbox = self.link.take_outbox();
            self.events.extend(outbox.events);
            self.link_commands.extend(outbox.commands);
        }
        // What waits for an upstream gateway still needs what it asked about.
        if self.upstream.parked() == 0 {
            self.observed.flows.clear();
        }
        self.group.system_update_id_before = self.system_update_id;
        self.group.config_before = None;
    }

    /// The next reply of a settled group.
    pub fn poll_reply(&mut self) -> Option<(RequestId, Reply)> {
        self.replies.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next thing that the link's driver is to do.
    pub fn poll_link_command(&mut self) -> Option<LinkCommand> {
        self.link_commands.pop_front()
    }

    /// Evented state variables whose values differ from those given out before; at first, all of them. To be asked for
    /// between groups, when everything is settled.
    pub fn poll_evented(&mut self) -> Vec<Evented> {
        if !std::mem::take(&mut self.evented_stale) {
            return Vec::new();
        }
        // None of the evented variables depends on who asks and when.
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let now = igd::evented(&self.context(nobody, &[], Time::default()));
        let changed = now
            .iter()
            .filter(|evented| !self.evented.contains(evented))
            .cloned()
            .collect();
        self.evented = now;
        changed
    }

    /// When [`Engine::handle_timeout`] must be called at the latest.
    pub fn poll_timeout(&self) -> Option<Time> {
        let ends = [self.ledger.table().next_expiry(), self.ledger.pinholes().next_expiry()];
        let lease_end = ends.into_iter().flatten().min().max(self.retry_expiry_at);
        let others = self.link.poll_timeout().into_iter().chain(self.upstream.poll_timeout());
        lease_end.into_iter().chain(others).min()
    }

    /// The present epoch, for answers that need nothing else of the engine, and to be kept over a restart.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The external address that clients of PCP and NAT-PMP are told in this epoch, to be kept with it.
    pub fn told_address(&self) -> Option<Ipv4Addr> {
        self.told_address
    }

    /// Everything that should be in force.
    pub fn desired(&self) -> Desired {
        let mappings = match self.config.nat {
            Nat::Enabled => self.ledger.table().desired(),
            Nat::Disabled => Desired::default(),
        };
        let pinholes = match self.pinholes_in_force() {
            true => self.ledger.pinholes().iter().cloned().collect(),
            false => Vec::new(),
        };
        Desired { pinholes, ..mappings }
    }

    /// Every mapping of the table, in the order of the keys, whether or not it is in force.
    pub fn mappings(&self) -> impl Iterator<Item = &Arc<Mapping>> {
        self.ledger.table().iter()
    }

    /// Every pinhole, in the order of the keys, whether or not it is in force.
    pub fn pinholes(&self) -> impl Iterator<Item = &Arc<Pinhole>> {
        self.ledger.pinholes().iter()
    }

    /// Whether pinholes are in force, as [`Engine::nat`] tells of mappings: those that the store kept are not where nobody
    /// may open any.
    pub fn pinholes_in_force(&self) -> bool {
        self.config.firewall.pinholes_allowed
    }

    /// Whether mappings are in force. While they are not, they are kept, their leases run on, and changes of them are
    /// not the backend's concern. After a request that switches it ([`Request::Reconfigure`]) the backend must be made
    /// equal to [`Engine::desired`].
    pub fn nat(&self) -> Nat {
        self.config.nat
    }

    fn plan(&mut self, mut planned: Planned) {
        self.ledger.blame(self.group.inputs.len());
        let (mark, system_update_id) = (self.ledger.mark(), self.system_update_id);
        if planned.input.concerns_link() {
            self.group.link_before.get_or_insert_with(|| self.link.clone());
        }
        planned.reply = match &planned.input {
            Input::Request(_, request) => {
                let (reply, rejection) = match &planned.failed {
                    Some(fault) => self.failure(request, fault.clone(), planned.now),
                    None => self.carry_out(request, &planned.refusals, planned.now),
                };
                planned.rejection = rejection;
                Some(reply)
            }
            Input::LeasesEnd(keys) | Input::Lost(keys) | Input::Withdrawn(keys) => {
                for key in keys {
                    self.remove(*key);
                }
                None
            }
            Input::LinkReport(report) => {
                self.link.handle_report(report.clone(), planned.now);
                None
            }
            Input::DriverReport(said) => {
                self.link.handle_driver(*said, planned.now);
                None
            }
            Input::LinkTimeout(counters) => {
                self.link.handle_timeout(*counters, planned.now);
                None
            }
        };
        let unopened = self.unopened(&planned, &mark);
        if !unopened.is_empty() {
            self.ledger.roll_back_to(mark);
            self.system_update_id = system_update_id;
            return self.park(planned, unopened);
        }
        if planned.input.concerns_link() {
            self.follow_address(planned.now);
        }
        self.group.inputs.push(planned);
    }

    /// Another external address than clients were told begins an epoch (RFC 6887 section 8.5, RFC 6886 section 3.6); none at
    /// all does not, since the one that comes back may be the same. Planning the same again changes nothing of it.
    fn follow_address(&mut self, now: Time) {
        let Some(address) = self.link.external_address() else {
            return;
        };
        if self.told_address.is_some_and(|told| told != address) {
            self.epoch = Epoch::begin(now);
        }
        self.told_address = Some(address);
    }

    fn context<'a>(&'a mut self, caller: IpAddr, refusals: &'a [Refused], now: Time) -> Context<'a> {
        Context {
            config: &self.config,
            link: &mut self.link,
            counters: self.counters,
            listening: &self.listening,
            observed: &self.observed,
            lan_hosts: &self.lan_hosts,
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
            pinholes: self.ledger.pinholes().len(),
            pinhole_capacity: self.config.firewall.capacity(),
            system_update_id: self.system_update_id,
            link: self.link.metrics(now),
        }
    }

    fn remove(&mut self, key: EntryKey) {
        match key {
            EntryKey::Mapping(key) if self.ledger.table().find(&key).is_some() => {
                self.ledger.remove(key);
                self.system_update_id = self.system_update_id.wrapping_add(1);
            }
            EntryKey::Mapping(_) => {}
            EntryKey::Pinhole(key) => self.ledger.remove_pinhole(key),
        }
    }

    /// Takes back all that the open group planned, and returns its inputs.
    fn take_back(&mut self) -> Vec<Planned> {
        self.ledger.roll_back();
        self.system_update_id = self.group.system_update_id_before;
        if let Some(config) = self.group.config_before.take() {
            self.config = config;
        }
        if let Some(link) = self.group.link_before.take() {
            self.link = link;
        }
        std::mem::take(&mut self.group.inputs)
    }
}

impl Planned {
    fn new(input: Input, now: Time) -> Self {
        Self {
            input,
            now,
            refusals: Vec::new(),
            failed: None,
            waits_until: None,
            reply: None,
            rejection: None,
        }
    }
}

impl Input {
    /// On whose behalf entries change; the link changes none.
    fn cause(&self) -> Option<Cause> {
        Some(match self {
            Self::Request(_, Request::Call { caller, .. } | Request::Query { caller, .. }) => Cause::Caller(*caller),
            Self::Request(_, Request::Pcp { caller, .. }) => Cause::Caller(*caller),
            Self::Request(_, Request::NatPmp { caller, .. }) => Cause::Caller((*caller).into()),
            Self::Request(..) => Cause::Administrator,
            Self::LeasesEnd(_) => Cause::LeaseEnd,
            Self::Lost(_) => Cause::Lost,
            Self::Withdrawn(_) => Cause::Upstream,
            Self::LinkReport(_) | Self::DriverReport(_) | Self::LinkTimeout(_) => return None,
        })
    }

    /// Whether the link may differ after it.
    fn concerns_link(&self) -> bool {
        match self {
            Self::Request(_, Request::Call { call, .. }) => call.action.access == Access::LinkControl,
            Self::Request(_, Request::Reconfigure(_) | Request::Link(_)) => true,
            Self::LinkReport(_) | Self::DriverReport(_) | Self::LinkTimeout(_) => true,
            Self::Request(..) | Self::LeasesEnd(_) | Self::Lost(_) | Self::Withdrawn(_) => false,
        }
    }
}
