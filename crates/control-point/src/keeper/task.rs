//! The task that keeps all mappings of one gateway.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::MappingId;
use super::change::{Change, State};
use super::events::{EventNews, Events};
use super::keeping::{Keeping, Kept, Learnt, Order};
use super::kept::Shared;
use super::perform::{Outcome, found, has_address, perform};
use super::wakefulness::Wakefulness;
use crate::discovery::{Announcement, Announcements};
use crate::error::{Conversation, Error};
use crate::gateway::Gateway;
use crate::mapping::{random_seed, remove};
use crate::network::BoxFuture;
use crate::port_control::{Announced, Carrier, PortAnnouncements};

/// How long taking a mapping away is tried.
const REMOVAL: Duration = Duration::from_secs(2);

/// How long a gateway is not listened to that has no events, or so many that they are of no use.
const ANOTHER_TRY: Duration = Duration::from_secs(3600);

/// The way to the task. The task ends when nobody has one any more.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    commands: mpsc::UnboundedSender<Command>,
}

/// Where a gateway has its keeper, while there is one.
#[derive(Debug, Default)]
pub(crate) struct KeeperSlot(Mutex<Option<mpsc::WeakUnboundedSender<Command>>>);

#[derive(Debug)]
enum Command {
    Keep {
        id: MappingId,
        shared: Arc<Shared>,
        follows_us: bool,
        since: Instant,
    },
    Remove {
        id: MappingId,
        /// Told the result; nobody listens when the mapping was dropped.
        done: oneshot::Sender<Result<(), Error>>,
    },
}

impl Keeper {
    /// The keeper of this gateway, started if there is none.
    pub(super) fn of(gateway: &Gateway, external_address: Option<IpAddr>) -> Self {
        let mut slot = gateway
            .memory()
            .keeper()
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let running = slot.as_ref().and_then(mpsc::WeakUnboundedSender::upgrade);
        // The task of a runtime that has ended is gone, though its channel may have an end here.
        if let Some(commands) = running.filter(|commands| !commands.is_closed()) {
            return Self { commands };
        }
        let (commands, received) = mpsc::unbounded_channel();
        *slot = Some(commands.downgrade());
        tokio::spawn(Task::new(gateway.clone(), external_address, received).run());
        Self { commands }
    }

    pub(super) fn keep(&self, shared: &Arc<Shared>, follows_us: bool, since: Instant) -> MappingId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = MappingId(NEXT.fetch_add(1, Ordering::Relaxed));
        self.send(Command::Keep {
            id,
            shared: Arc::clone(shared),
            follows_us,
            since,
        });
        id
    }

    pub(super) async fn remove(self, id: MappingId) -> Result<(), Error> {
        let (done, result) = oneshot::channel();
        self.send(Command::Remove { id, done });
        result.await.unwrap_or_else(|_| {
            Err(Error::System {
                doing: "removing a mapping",
                reason: "the task that kept it has ended with its runtime".to_owned(),
            })
        })
    }

    pub(super) fn let_go(self, id: MappingId) {
        let (done, _) = oneshot::channel();
        self.send(Command::Remove { id, done });
    }

    fn send(&self, command: Command) {
        // Fails only if the task's runtime has ended; then nothing can be kept or removed.
        let _sent = self.commands.send(command);
    }
}

/// The protocols whose servers have an epoch.
const SERVED: [Carrier; 2] = [Carrier::Pcp, Carrier::NatPmp];

struct Task {
    gateway: Gateway,
    keeping: Keeping,
    shared: BTreeMap<MappingId, Arc<Shared>>,
    commands: mpsc::UnboundedReceiver<Command>,
    announcements: Option<Announcements>,
    /// While there are mappings by PCP or NAT-PMP, and the gateway is there.
    port_announcements: Option<PortAnnouncements>,
    /// Until then, none are listened for.
    deaf_until: Instant,
    /// How often the gateway's servers had lost their state when that was looked at last.
    eras: BTreeMap<Carrier, u64>,
    /// While there are mappings, and the gateway is there and has events.
    events: Option<Events>,
    /// Until then, none are listened for.
    no_events_until: Instant,
    wakefulness: Wakefulness,
}

/// What ended the wait.
enum Event {
    Command(Command),
    /// Nobody has the keeper any more.
    End,
    Heard(Announcement),
    /// Announcements cannot be heard any more.
    Deaf,
    Announced(Announced),
    /// Those of PCP and NAT-PMP cannot.
    DeafToServers,
    Told(EventNews),
    Done(Outcome),
    Time,
}

impl Task {
    fn new(gateway: Gateway, external_address: Option<IpAddr>, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        Self {
            keeping: Keeping::new(found(&gateway), external_address, Instant::now(), random_seed()),
            shared: BTreeMap::new(),
            announcements: listen(&gateway),
            port_announcements: None,
            deaf_until: Instant::now(),
            eras: BTreeMap::new(),
            events: None,
            no_events_until: Instant::now(),
            commands,
            gateway,
            wakefulness: Wakefulness::new(Instant::now(), SystemTime::now()),
        }
    }

    async fn run(mut self) {
        loop {
            self.look_at_epochs(Learnt::Alone);
            self.publish();
            self.hear_events();
            self.hear_servers();
            if self.wakefulness.has_slept(Instant::now(), SystemTime::now()) {
                self.keeping.woke_up(Instant::now());
            }
            if self.keeping.looks_home(Instant::now()) {
                self.keeping.looked_home(has_address(&self.gateway), Instant::now());
            }
            match self.keeping.order(Instant::now()) {
                Some(order) => {
                    tracing::debug!(?order, "keeping");
                    let subject = subject(&order);
                    let mut work: BoxFuture<'static, Outcome> = Box::pin(perform(self.gateway.clone(), order));
                    loop {
                        let event = tokio::select! {
                            // Whoever floods us with announcements must not keep it from going on.
                            biased;
                            outcome = &mut work => Event::Done(outcome),
                            event = next_event(&mut self.commands, &mut self.announcements, &mut self.port_announcements, &mut self.events) => event,
                        };
                        match event {
                            Event::Done(outcome) => {
                                self.take(outcome);
                                break;
                            }
                            Event::End => return,
                            Event::Command(Command::Remove { id, done }) if subject == Some(id) => {
                                self.remove(id, Some(work), done);
                                break;
                            }
                            event => self.handle(event),
                        }
                        self.publish();
                    }
                }
                None => {
                    let wake_at = self.keeping.wake_at();
                    let event = tokio::select! {
                        biased;
                        event = next_event(&mut self.commands, &mut self.announcements, &mut self.port_announcements, &mut self.events) => event,
                        () = until(wake_at) => Event::Time,
                    };
                    if matches!(event, Event::End) {
                        return;
                    }
                    self.handle(event);
                }
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Command(Command::Keep {
                id,
                shared,
                follows_us,
                since,
            }) => {
                let (_, wanted, made, _) = shared.lock().0.clone().parts();
                let sure_for = made.sure_for.map(|seconds| Duration::from_secs(seconds.into()));
                self.shared.insert(id, shared);
                self.keeping
                    .keep(id, Kept::new(wanted, follows_us, made.entry()), sure_for, since);
            }
            Event::Command(Command::Remove { id, done }) => self.remove(id, None, done),
            Event::Heard(announcement) => self.hear(&announcement),
            Event::Deaf => self.announcements = None,
            Event::Announced(announced) => {
                self.look_at_epochs(Learnt::WithOthers);
                if announced.external_address.is_some() {
                    self.keeping.address_announced(Instant::now());
                }
            }
            Event::DeafToServers => {
                self.port_announcements = None;
                self.deaf_until = Instant::now() + ANOTHER_TRY;
            }
            Event::Told(EventNews::Come(come)) => self.keeping.events_come(come, Instant::now()),
            Event::Told(EventNews::Forgotten) => self.keeping.forgotten(Instant::now()),
            Event::Told(EventNews::Told(told)) => {
                let now = Instant::now();
                self.keeping.told(told, now);
                if self.keeping.is_told_too_much() {
                    self.hear_no_events(now);
                    self.no_events_until = now + ANOTHER_TRY;
                }
            }
            Event::Done(outcome) => self.take(outcome),
            Event::End | Event::Time => {}
        }
    }

    fn hear(&mut self, announcement: &Announcement) {
        let now = Instant::now();
        match announcement {
            Announcement::Alive { boot_id, location } => {
                self.keeping.heard_alive(*boot_id, location.as_deref(), now);
                if let Some(events) = &self.events {
                    // There are gateways whose BOOTID is always the same.
                    events.confirm();
                }
            }
            Announcement::Byebye => self.keeping.heard_byebye(now),
            Announcement::Update { next_boot_id } => self.keeping.heard_update(*next_boot_id, now),
        }
    }

    fn take(&mut self, outcome: Outcome) {
        let now = Instant::now();
        match outcome {
            Outcome::Renewed { id, result, since } => match result {
                Ok(made) => {
                    self.keeping.renewed(id, &made, since);
                    if let (Some(shared), Some(kept)) = (self.shared.get(&id), self.keeping.get(id)) {
                        let mapping = &mut shared.lock().0;
                        mapping.replace(self.gateway.clone(), kept.wanted.clone(), made);
                    }
                }
                Err(error) => self.keeping.not_renewed(id, error, now),
            },
            Outcome::Checked { id, result } => self.keeping.checked(id, result, now),
            Outcome::Surveyed(result) => self.keeping.surveyed(result, now),
            Outcome::Searched(Ok(gateway)) => self.found(gateway, now),
            Outcome::Searched(Err(error)) => self.keeping.not_found(error, now),
        }
        if !self.keeping.is_here() {
            // What it asks in vain only keeps other requests waiting. If the gateway is back, it may have forgotten us.
            self.hear_no_events(now);
        }
    }

    /// Listens for events if that is not done and of use.
    fn hear_events(&mut self) {
        let now = Instant::now();
        let of_use = !self.shared.is_empty() && self.keeping.is_here();
        if self.events.is_none() && of_use && self.no_events_until <= now {
            self.events = Events::of(&self.gateway);
            if self.events.is_none() {
                self.no_events_until = now + ANOTHER_TRY;
            }
        }
    }

    /// Listens for what servers announce if there are mappings by them.
    fn hear_servers(&mut self) {
        let now = Instant::now();
        if self.port_announcements.is_some() || now < self.deaf_until || !self.keeping.is_here() {
            return;
        }
        let mut servers = SERVED.iter().filter(|carrier| self.keeping.keeps_by(**carrier));
        let server = servers.find_map(|carrier| self.gateway.known_port_server(*carrier));
        if let Some(server) = server {
            match PortAnnouncements::of(server) {
                Ok(announcements) => self.port_announcements = Some(announcements),
                Err(error) => {
                    tracing::debug!(%error, "announcements of servers cannot be heard");
                    self.deaf_until = now + ANOTHER_TRY;
                }
            }
        }
    }

    /// Whoever asked it has learnt by the answer if the gateway has lost its state.
    fn look_at_epochs(&mut self, learnt: Learnt) {
        let mut lost = false;
        for carrier in SERVED {
            if let Some(server) = self.gateway.known_port_server(carrier) {
                let before = self.eras.insert(carrier, server.era());
                lost |= before.is_some_and(|before| before != server.era());
            }
        }
        if lost {
            self.keeping.epoch_lost(learnt, Instant::now());
        }
    }

    fn hear_no_events(&mut self, now: Instant) {
        self.events = None;
        self.keeping.events_come(false, now);
    }

    fn found(&mut self, gateway: Gateway, now: Instant) {
        if gateway.is(&self.gateway) {
            gateway.memory().learn(&self.gateway.memory().lessons());
        }
        if gateway.local_address() != self.gateway.local_address() || !gateway.is(&self.gateway) {
            self.announcements = listen(&gateway);
        }
        self.port_announcements = None;
        self.eras.clear();
        self.keeping.found(found(&gateway), now);
        self.hear_no_events(now);
        self.no_events_until = now;
        self.gateway = gateway;
    }

    /// Deletes it beside other work, which may be waiting for a gateway that does not answer. `under_way` is what is
    /// being done with it at this moment.
    fn remove(
        &mut self,
        id: MappingId,
        under_way: Option<BoxFuture<'static, Outcome>>,
        done: oneshot::Sender<Result<(), Error>>,
    ) {
        let kept = self.keeping.forget(id);
        self.keeping.changes_something(Instant::now());
        if let Some(shared) = self.shared.remove(&id) {
            shared.lock().1 = State::Removed;
        }
        let Some(kept) = kept else {
            return;
        };
        if self.keeping.keeps_as_well(&kept) {
            // Nobody listens when it was dropped.
            let _told = done.send(Ok(()));
            return;
        }
        let gateway = self.gateway.clone();
        // With the last mapping there is nothing left to hear of.
        let events = self.events.take_if(|_| self.shared.is_empty());
        if events.is_some() {
            self.keeping.events_come(false, Instant::now());
        }
        tokio::spawn(async move {
            let result = take_away(&gateway, &kept, under_way).await;
            if let Some(events) = events {
                // Whoever waits for the removal may end its runtime afterwards.
                events.end().await;
            }
            if let Err(error) = &result {
                tracing::debug!(%error, port = kept.entry.external_port, "a mapping could not be removed");
            }
            // Nobody listens when it was dropped.
            let _told = done.send(result);
        });
    }

    fn publish(&mut self) {
        let external_address = self.keeping.external_address();
        let changes: Vec<(MappingId, Change)> = self.keeping.changes().collect();
        for (id, change) in changes {
            let (Some(shared), Some(kept)) = (self.shared.get(&id), self.keeping.get(id)) else {
                continue;
            };
            {
                let (mapping, state) = &mut *shared.lock();
                *state = kept.state.clone();
                mapping.set_external_address(external_address);
            }
            shared.tell(change);
        }
    }
}

/// Announcements are a help, not a need: another program may have the port, and a firewall may drop them.
fn listen(gateway: &Gateway) -> Option<Announcements> {
    match Announcements::of(gateway) {
        Ok(announcements) => Some(announcements),
        Err(error) => {
            tracing::debug!(%error, "announcements cannot be heard");
            None
        }
    }
}

fn subject(order: &Order) -> Option<MappingId> {
    match order {
        Order::Renew { id, .. } | Order::Check { id, .. } => Some(*id),
        Order::Survey(_) | Order::Search => None,
    }
}

async fn next_event(
    commands: &mut mpsc::UnboundedReceiver<Command>,
    announcements: &mut Option<Announcements>,
    port_announcements: &mut Option<PortAnnouncements>,
    events: &mut Option<Events>,
) -> Event {
    let heard = async {
        match announcements {
            Some(announcements) => announcements.next().await,
            None => std::future::pending().await,
        }
    };
    let announced = async {
        match port_announcements {
            Some(announcements) => announcements.next().await,
            None => std::future::pending().await,
        }
    };
    let told = async {
        match events {
            Some(events) => events.next().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        command = commands.recv() => command.map_or(Event::End, Event::Command),
        news = told => Event::Told(news),
        announced = announced => announced.map_or(Event::DeafToServers, Event::Announced),
        announcement = heard => announcement.map_or(Event::Deaf, Event::Heard),
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Lets what is under way come to its end first: what the gateway has been asked for it may still grant after a deletion,
/// and on another port.
async fn take_away(
    gateway: &Gateway,
    kept: &Kept,
    under_way: Option<BoxFuture<'static, Outcome>>,
) -> Result<(), Error> {
    let removal = async {
        let mut entry = kept.entry;
        if let Some(work) = under_way
            && let Ok(Outcome::Renewed { result: Ok(made), .. }) = timeout(REMOVAL / 2, work).await
        {
            entry = made.entry();
        }
        remove(gateway, &kept.wanted, &entry).await
    };
    timeout(REMOVAL, removal).await.unwrap_or_else(|_| {
        let address = gateway.address().to_string();
        Err(Conversation::Timeout {
            address,
            waited: REMOVAL,
        }
        .into())
    })
}
