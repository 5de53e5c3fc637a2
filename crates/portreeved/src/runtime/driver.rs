//! The engine at work: inputs in groups, each carried out by the kernel and then by the disk before anybody is answered.

mod firewall;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use portreeve_backend::{Backend, BackendError, Reconciled, Refused, Rules};
use portreeve_engine::config::Nat;
use portreeve_engine::link::LinkCommand;
use portreeve_engine::{
    Change, Engine, EntryKey, Event, Flow, Kept, LinkReport, Reply, Request, RequestId, Time, UpstreamCommand,
};
use portreeve_store::LeaseStore;
use portreeve_wire::nat_pmp;
use portreeve_wire::pcp::Operation;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, info, warn};

use crate::upstream::with_outermost_address;

use super::clock::Clock;
use super::{Announce, AtStop, Input, Probe, ReplyTo, Setup, Started, Told};

pub(super) struct Driver {
    clock: Box<dyn Clock>,
    engine: Engine,
    backend: Box<dyn Backend>,
    store: Box<dyn LeaseStore>,
    probe: Box<dyn Probe>,
    announce: Announce,
    link_commands: mpsc::UnboundedSender<LinkCommand>,
    upstream_commands: mpsc::UnboundedSender<UpstreamCommand>,
    waiting: HashMap<RequestId, ReplyTo>,
    answers: Vec<Answer>,
    next_id: u64,
    listening_read_at: Option<Time>,
    neighbours_read_at: Option<Time>,
    /// Set where backend and engine may have come apart: what is in force is compared and mended.
    in_doubt: bool,
    /// What the backend has.
    in_force: InForce,
    /// How often that was necessary.
    repairs: u64,
    /// What clients are told, as the store has it.
    told: Told,
}

/// What the kernel and the disk have, and is yet to be told.
pub(super) struct Answer {
    to: ReplyTo,
    reply: Reply,
}

/// Most inputs in one group.
const GROUP: usize = 64;
/// Beyond the end of any lease.
const NEVER: Time = Time::from_millis(u64::MAX);
/// How soon a repair that failed is tried again.
const REPAIR_RETRY: Duration = Duration::from_millis(200);
/// How long the list of listening ports is taken to be true.
const LISTENING_FRESH: Duration = Duration::from_secs(1);

impl Answer {
    /// Tells whoever waits for it.
    pub(super) fn send(self) {
        (self.to)(self.reply);
    }
}

/// Which entries are the backend's concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InForce {
    mappings: bool,
    pinholes: bool,
}

impl InForce {
    fn of(engine: &Engine) -> Self {
        Self {
            mappings: engine.nat() == Nat::Enabled,
            pinholes: engine.pinholes_in_force(),
        }
    }

    fn has(self, change: &Change) -> bool {
        match change {
            Change::Mapping { .. } | Change::Outbound { .. } => self.mappings,
            Change::Pinhole { .. } => self.pinholes,
        }
    }
}

impl Driver {
    pub(super) fn new(setup: Setup) -> anyhow::Result<(Self, Started)> {
        let Setup {
            clock,
            config,
            link,
            upstream,
            backend,
            mut store,
            probe,
            announce,
            link_commands,
            upstream_commands,
        } = setup;
        let clocks = clock.clocks();
        let stored = store.load(clocks)?;
        let told = Told::recall(&mut *store, clocks)?;
        let (kept, pinholes, expired) = (stored.mappings.len(), stored.pinholes.len(), stored.expired);
        let engine = Engine::new(
            config,
            Kept {
                mappings: stored.mappings,
                system_update_id: stored.system_update_id,
                pinholes: stored.pinholes,
                last_unique_id: stored.last_unique_id,
                epoch: told.epoch,
                external_address: told.external_address,
            },
        );
        let mut driver = Self {
            clock,
            in_force: InForce::of(&engine),
            engine,
            backend,
            store,
            probe,
            announce,
            link_commands,
            upstream_commands,
            waiting: HashMap::new(),
            answers: Vec::new(),
            next_id: 0,
            listening_read_at: None,
            neighbours_read_at: None,
            in_doubt: false,
            repairs: 0,
            told,
        };
        driver.take_link(with_outermost_address(link, &upstream, told.external_address));
        let reconciled = driver.reconcile().context("cannot put the kept mappings into force")?;
        driver.carry_out();
        driver.announce();
        Ok((
            driver,
            Started {
                kept,
                pinholes,
                expired,
                reconciled,
            },
        ))
    }

    /// Takes what waits, up to a group, and carries it out; the answers are then to be taken and sent. Returns the order
    /// to stop if that was among it.
    pub(super) fn carry_out_group(
        &mut self,
        mut next: impl FnMut() -> Option<Input>,
    ) -> Option<(AtStop, oneshot::Sender<()>)> {
        for _ in 0..GROUP {
            // Where the processors are busy with other requests, giving way lets those come in too, and one wait for the
            // disk serves them all. Where they are idle, giving way costs nothing.
            let input = next().or_else(|| {
                std::thread::yield_now();
                next()
            });
            match input {
                Some(Input::Request(request @ Request::Reconfigure(_), answer)) => {
                    // It is a group of its own, so that what is planned before and after goes to the backend as it is then.
                    self.carry_out();
                    self.take_request(request, answer);
                    self.carry_out();
                    self.follow_switches();
                }
                Some(Input::Request(request, answer)) => self.take_request(request, answer),
                Some(Input::Link(report)) => self.take_link(report),
                Some(Input::LinkDriver(said)) => self.engine.handle_link_driver(said, self.clock.now()),
                Some(Input::Upstream(report)) => {
                    // What it does not give makes another port necessary.
                    self.refresh_listening(self.clock.now());
                    self.engine.handle_upstream(report, self.clock.now());
                }
                Some(Input::ForeignChange) => self.in_doubt = true,
                Some(Input::Stop(what, done)) => {
                    self.carry_out();
                    self.announce();
                    return Some((what, done));
                }
                None => break,
            }
        }
        let now = self.clock.now();
        if self.engine.wants_counters(now) {
            self.engine.handle_counters(self.probe.counters());
        }
        self.engine.handle_timeout(now);
        self.carry_out();
        self.mend();
        self.announce();
        None
    }

    /// What clients of PCP and NAT-PMP are told.
    pub(super) fn told(&self) -> Told {
        self.told
    }

    /// Tells subscribers what the group changed. It happens in the seat, so that changes are told in their order, and
    /// before the answers are sent.
    fn announce(&mut self) {
        self.note_told();
        let changes = self.engine.poll_evented();
        if !changes.is_empty() {
            (self.announce)(changes);
        }
    }

    /// Keeps what clients are told, where that has changed. If the disk fails, the next run goes on from what was kept
    /// before; clients have heard of the change from this one.
    fn note_told(&mut self) {
        let told = Told::by(&self.engine);
        if told == self.told {
            return;
        }
        self.told = told;
        if let Err(error) = told.keep(&mut *self.store, self.clock.clocks()) {
            error!(%error, "the epoch could not be stored");
        }
    }

    /// When the engine must be driven at the latest.
    pub(super) fn deadline(&self) -> Time {
        let retry = self.in_doubt.then(|| self.clock.now() + REPAIR_RETRY);
        self.engine
            .poll_timeout()
            .into_iter()
            .chain(retry)
            .min()
            .unwrap_or(NEVER)
    }

    fn take_request(&mut self, request: Request, answer: ReplyTo) {
        let now = self.clock.now();
        let asked = match &request {
            Request::Call { call, .. } => Some((call.service.name, call.action.name)),
            Request::Query { service, variable, .. } => Some((service.name, variable.as_str())),
            _ => None,
        };
        if let Request::Call { caller, call } = &request
            && call.service.name == "WANIPv6FirewallControl"
        {
            self.look_at_firewall(*caller, call, now);
        }
        if let Request::Pcp { request, .. } = &request
            && let Some(flow) = Flow::of(request)
        {
            self.look_up(flow);
        }
        if is_for_port(&request) {
            self.refresh_listening(now);
        }
        if let Some(asked) = asked {
            match asked {
                (_, "AddPortMapping" | "AddAnyPortMapping" | "X_GetPossiblePortMappingNumberOfEntries") => {
                    self.refresh_listening(now);
                }
                ("WANCommonInterfaceConfig", _) => self.engine.handle_counters(self.probe.counters()),
                ("LANHostConfigManagement", _) => self.engine.handle_lan_hosts(self.probe.lan_hosts()),
                _ => {}
            }
        }
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.waiting.insert(id, answer);
        self.engine.handle_request(id, request, now);
    }

    /// Reads which port the outside sees of a flow that a client asks about, and hands it to the engine. A backend that
    /// cannot tell has no say in it.
    fn look_up(&mut self, flow: Flow) {
        match self.backend.external_port(&flow) {
            Ok(external_port) => self.engine.handle_flow(flow, external_port),
            Err(BackendError::Unsupported { .. }) => {}
            Err(error) => {
                debug!(%error, "cannot look up a flow");
                self.engine.handle_flow(flow, None);
            }
        }
    }

    fn take_link(&mut self, report: LinkReport) {
        let mut external = report.addresses.clone();
        external.extend(
            report
                .reported_address
                .filter(|address| !report.addresses.contains(address)),
        );
        if let Err(error) = self.backend.set_external(&external) {
            error!(%error, "cannot tell the backend the external addresses");
            self.in_doubt = true;
        }
        self.listening_read_at = None;
        self.engine.handle_link(report, self.clock.now());
    }

    fn refresh_listening(&mut self, now: Time) {
        if self
            .listening_read_at
            .is_none_or(|read| now.since(read) >= LISTENING_FRESH)
        {
            self.engine.handle_listening(self.probe.listening());
            self.listening_read_at = Some(now);
        }
    }

    /// Carries out what the open group plans, until all of it is in force and durable, and has the answers ready.
    fn carry_out(&mut self) {
        while !self.engine.changes().is_empty() {
            if let Err(refused) = apply(
                &mut *self.backend,
                self.in_force,
                self.engine.changes(),
                self.clock.now(),
            ) {
                self.engine.handle_refused(refused.change, refused.why);
                continue;
            }
            let committed = self.store.commit(
                self.engine.changes(),
                self.engine.system_update_id(),
                self.clock.clocks(),
            );
            let Err(error) = committed else { break };
            error!(%error, "a change could not be stored and is taken back");
            let undo: Vec<Change> = self.engine.changes().iter().rev().map(Change::inverse).collect();
            if let Err(refused) = apply(&mut *self.backend, self.in_force, &undo, self.clock.now()) {
                error!(%refused, "a change could not be taken back");
                self.in_doubt = true;
            }
            self.engine.handle_store_failed(&error.to_string());
        }
        self.engine.settle();
        while let Some((id, reply)) = self.engine.poll_reply() {
            if let Some(to) = self.waiting.remove(&id) {
                self.answers.push(Answer { to, reply });
            }
        }
        while let Some(command) = self.engine.poll_link_command() {
            // A link that is only watched has no driver.
            let _ = self.link_commands.send(command);
        }
        while let Some(command) = self.engine.poll_upstream_command() {
            // Nobody takes it where there is no WAN interface.
            let _ = self.upstream_commands.send(command);
        }
    }

    /// Puts all mappings, or all pinholes, into force or out of it, if that has been switched.
    fn follow_switches(&mut self) {
        let in_force = InForce::of(&self.engine);
        if in_force == self.in_force {
            return;
        }
        self.in_force = in_force;
        match self.reconcile() {
            Ok(Reconciled { added, removed, .. }) => info!(?in_force, added, removed, "switched what is in force"),
            Err(error) => {
                error!(%error, ?in_force, "what is in force could not be switched now");
                self.in_doubt = true;
            }
        }
        self.carry_out();
    }

    /// What can be answered now.
    pub(super) fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// What happened since this was last asked, for the log.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    /// After somebody else's hands were in our rules: compares and mends.
    fn mend(&mut self) {
        if !std::mem::take(&mut self.in_doubt) {
            return;
        }
        match self.reconcile() {
            Ok(Reconciled {
                rules: Rules::Right,
                added: 0,
                changed: 0,
                removed: 0,
                ..
            }) => {}
            Ok(Reconciled {
                rules,
                kept,
                added,
                changed,
                removed,
                ..
            }) => {
                self.repairs += 1;
                warn!(
                    repairs = self.repairs,
                    ?rules,
                    kept,
                    added,
                    changed,
                    removed,
                    "somebody else changed our rules; they are repaired"
                );
            }
            Err(error) => {
                error!(%error, "our rules are not as they should be, and cannot be repaired now");
                self.in_doubt = true;
            }
        }
        self.carry_out();
    }

    fn reconcile(&mut self) -> Result<Reconciled, portreeve_backend::BackendError> {
        let now = self.clock.now();
        let reconciled = self.backend.reconcile(&self.engine.desired(), now)?;
        if !reconciled.refused.is_empty() {
            for (key, why) in &reconciled.refused {
                warn!(entry = %key, %why, "it could not be put into force and is removed");
            }
            self.engine
                .handle_lost(reconciled.refused.iter().map(|(key, _)| *key).collect(), now);
        }
        Ok(reconciled)
    }

    /// Ends mappings and pinholes if that is wanted; nothing is to be asked afterwards.
    pub(super) fn end(&mut self, what: AtStop) {
        if what == AtStop::Flush {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let mappings = self.engine.mappings().map(|mapping| EntryKey::Mapping(mapping.key));
        let pinholes = self.engine.pinholes().map(|pinhole| EntryKey::Pinhole(pinhole.key));
        let keys = mappings.chain(pinholes).collect();
        self.engine.handle_lost(keys, self.clock.now());
        self.carry_out();
        if let Err(error) = Told::forget(&mut *self.store) {
            error!(%error, "clients will not be told to ask again at the next start");
        }
        match self.backend.flush() {
            Ok(()) => info!("all mappings and pinholes ended"),
            Err(error) => error!(%error, "mappings could not be ended; their leases end by themselves"),
        }
    }
}

/// Whether a client of PCP or NAT-PMP wants an external port, and so one on which nobody listens.
fn is_for_port(request: &Request) -> bool {
    match request {
        Request::Pcp { request, .. } => request.lifetime > 0 && request.operation != Operation::Announce,
        Request::NatPmp { request, .. } => matches!(request, nat_pmp::Request::Map { lifetime: 1.., .. }),
        _ => false,
    }
}

/// Hands the backend what of the changes is in force.
fn apply(backend: &mut dyn Backend, in_force: InForce, changes: &[Change], now: Time) -> Result<(), Refused> {
    if changes.iter().all(|change| in_force.has(change)) {
        return backend.apply(changes, now);
    }
    let concerned = changes.iter().enumerate().filter(|(_, change)| in_force.has(change));
    let (positions, concerned): (Vec<usize>, Vec<Change>) = concerned.map(|(at, change)| (at, change.clone())).unzip();
    backend.apply(&concerned, now).map_err(|refused| Refused {
        change: positions.get(refused.change).copied().unwrap_or_default(),
        ..refused
    })
}
