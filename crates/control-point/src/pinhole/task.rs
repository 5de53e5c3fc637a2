//! The task that keeps a pinhole: carries out what the state machine orders.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::keeping::{Found, Keeping, Order, PinholeState, ToDelete};
use super::kept::Shared;
use super::request::{Answer, open};
use super::wanted::Wanted;
use super::way;
use crate::discovery::{Announcement, Announcements};
use crate::error::{Conversation, Error, Refusal};
use crate::gateway::Gateway;
use crate::keeper::{Wakefulness, find_again};
use crate::mapping::random_seed;
use crate::network::BoxFuture;

/// How long deleting a pinhole is tried.
const REMOVAL: Duration = Duration::from_secs(2);

/// What it begins with: a pinhole that has just been asked for.
pub(super) struct Begin {
    pub(super) gateway: Gateway,
    pub(super) wanted: Wanted,
    pub(super) follows_us: bool,
    pub(super) answer: Answer,
    pub(super) since: Instant,
}

pub(super) struct Task {
    gateway: Gateway,
    wanted: Wanted,
    /// Whether InternalClient is this machine, and so follows its address.
    follows_us: bool,
    keeping: Keeping,
    shared: Arc<Shared>,
    end: mpsc::Receiver<oneshot::Sender<Result<(), Error>>>,
    announcements: Option<Announcements>,
    wakefulness: Wakefulness,
}

/// What came of an order.
enum Outcome {
    Added(Result<(Answer, Gateway), Error>, Instant),
    Updated(Result<(), Error>, Instant),
    Checked(Result<(), Error>),
    Searched(Result<Gateway, Error>),
}

/// What ended the wait.
enum Event {
    /// It shall end, and somebody may wait for that.
    End(Option<oneshot::Sender<Result<(), Error>>>),
    Heard(Announcement),
    /// Announcements cannot be heard any more.
    Deaf,
    Done(Outcome),
    Time,
}

impl Task {
    pub(super) fn new(
        begin: Begin,
        shared: Arc<Shared>,
        end: mpsc::Receiver<oneshot::Sender<Result<(), Error>>>,
    ) -> Self {
        let lease = begin.wanted.lease.span();
        Self {
            keeping: Keeping::new(begin.answer, lease, found(&begin.gateway), begin.since, random_seed()),
            announcements: listen(&begin.gateway),
            gateway: begin.gateway,
            wanted: begin.wanted,
            follows_us: begin.follows_us,
            shared,
            end,
            wakefulness: Wakefulness::new(Instant::now(), SystemTime::now()),
        }
    }

    pub(super) async fn run(mut self) {
        let mut work: Option<BoxFuture<'static, Outcome>> = None;
        loop {
            self.publish();
            if self.wakefulness.has_slept(Instant::now(), SystemTime::now()) {
                self.keeping.woke_up(Instant::now());
            }
            if self.keeping.looks_home(Instant::now()) {
                self.keeping.looked_home(self.has_addresses(), Instant::now());
            }
            if work.is_none() {
                let order = self.keeping.order(Instant::now());
                work = order.map(|order| self.carry_out(order));
                self.publish();
            }
            match self.wait(&mut work).await {
                Event::Done(outcome) => {
                    work = None;
                    self.take(outcome);
                }
                Event::Heard(announcement) => self.hear(&announcement),
                Event::Deaf => self.announcements = None,
                Event::Time => {}
                Event::End(done) => return self.finish(work, done).await,
            }
        }
    }

    async fn wait(&mut self, work: &mut Option<BoxFuture<'static, Outcome>>) -> Event {
        let wake_at = self.keeping.wake_at();
        let working = work.is_some();
        let done = async {
            match work {
                Some(work) => work.await,
                None => std::future::pending().await,
            }
        };
        let heard = async {
            match &mut self.announcements {
                Some(announcements) => announcements.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Whoever floods us with announcements must not keep it from going on.
            biased;
            outcome = done => Event::Done(outcome),
            end = self.end.recv() => Event::End(end),
            announcement = heard => announcement.map_or(Event::Deaf, Event::Heard),
            () = sleep_until(wake_at), if !working => Event::Time,
        }
    }

    fn carry_out(&self, order: Order) -> BoxFuture<'static, Outcome> {
        tracing::debug!(?order, "keeping a pinhole");
        let (gateway, wanted, since) = (self.gateway.clone(), self.wanted.clone(), Instant::now());
        let client = Some(wanted.internal_client);
        match order {
            Order::Add => Box::pin(async move {
                let result = open(&gateway, &wanted).await;
                Outcome::Added(result.map(|(answer, way)| (answer, way.gateway)), since)
            }),
            Order::Update(id) => Box::pin(async move {
                let lease = wanted.lease.get();
                let asked = way::ask(&gateway, client, |firewall| async move {
                    firewall.update_pinhole(id, lease).await
                });
                Outcome::Updated(asked.await.map(|_| ()), since)
            }),
            Order::Check(id) => Box::pin(async move {
                let asked = way::ask(&gateway, client, |firewall| async move {
                    firewall.get_pinhole_packets(id).await
                });
                Outcome::Checked(asked.await.map(|_| ()))
            }),
            Order::Search => Box::pin(async move { Outcome::Searched(find_again(gateway).await) }),
        }
    }

    fn take(&mut self, outcome: Outcome) {
        let now = Instant::now();
        match outcome {
            Outcome::Added(Ok((answer, gateway)), since) => {
                self.reach(gateway);
                self.keeping.added(Ok(answer), since, now);
            }
            Outcome::Added(Err(error), since) => self.keeping.added(Err(error), since, now),
            Outcome::Updated(result, since) => self.keeping.updated(result, since, now),
            Outcome::Checked(result) => self.keeping.checked(result, now),
            Outcome::Searched(Ok(gateway)) => {
                self.reach(gateway);
                self.keeping.found(found(&self.gateway), now);
                self.follow(now);
            }
            Outcome::Searched(Err(error)) => self.keeping.not_found(error, now),
        }
    }

    /// Talks to the gateway as it was reached last.
    fn reach(&mut self, gateway: Gateway) {
        if (gateway.host(), gateway.location()) != (self.gateway.host(), self.gateway.location())
            || gateway.interface() != self.gateway.interface()
        {
            self.announcements = listen(&gateway);
        }
        self.gateway = gateway;
    }

    /// Leads to our address of now, if the one before is not ours any more.
    fn follow(&mut self, now: Instant) {
        let before = self.wanted.internal_client;
        if !self.follows_us || self.gateway.discovery().is_ours(before.into()) != Some(false) {
            return;
        }
        if let Some(client) = self.gateway.local_ipv6() {
            // The one before ends with its lease: nobody deletes what is for an address that he has not.
            self.wanted.internal_client = client;
            self.keeping.follow(before, client, now);
        }
    }

    fn has_addresses(&self) -> bool {
        let discovery = self.gateway.discovery();
        let may_be_ours = |address| discovery.is_ours(address) != Some(false);
        let reached = !self.follows_us || may_be_ours(self.wanted.internal_client.into());
        reached && may_be_ours(self.gateway.local_address())
    }

    fn hear(&mut self, announcement: &Announcement) {
        let now = Instant::now();
        match announcement {
            Announcement::Alive { boot_id, location } => {
                self.keeping.heard_alive(*boot_id, location.as_deref(), now);
            }
            Announcement::Byebye => self.keeping.heard_byebye(now),
            Announcement::Update { next_boot_id } => self.keeping.heard_update(*next_boot_id, now),
        }
    }

    fn publish(&mut self) {
        {
            let mut now = self.shared.lock();
            now.wanted = self.wanted.clone();
            now.id = self.keeping.id();
            now.state = self.keeping.state().clone();
        }
        for change in self.keeping.changes() {
            self.shared.tell(change);
        }
    }

    /// Lets what is under way come to its end first: what the gateway has been asked for it may still open after a
    /// deletion.
    async fn finish(
        mut self,
        under_way: Option<BoxFuture<'static, Outcome>>,
        done: Option<oneshot::Sender<Result<(), Error>>>,
    ) {
        self.shared.lock().state = PinholeState::Removed;
        let address = self.gateway.address().to_string();
        let removal = async {
            if let Some(work) = under_way
                && let Ok(outcome) = timeout(REMOVAL / 2, work).await
            {
                self.take(outcome);
            }
            match self.keeping.to_delete() {
                Some(ToDelete::Number(id)) => delete(&self.gateway, &self.wanted, id).await,
                // Whoever has the number now shall not lose it: asked for again, ours tells its own.
                Some(ToDelete::Whatever) => match open(&self.gateway, &self.wanted).await? {
                    (Answer::Open(id), way) => delete(&way.gateway, &self.wanted, id).await,
                    (Answer::NotNeeded, _) => Ok(()),
                },
                None => Ok(()),
            }
        };
        let late = Conversation::Timeout {
            address,
            waited: REMOVAL,
        };
        let deletion = timeout(REMOVAL, removal).await.unwrap_or_else(|_| Err(late.into()));
        if let Err(error) = &deletion {
            tracing::debug!(%error, "a pinhole could not be deleted");
        }
        if let Some(done) = done {
            // Nobody listens when it was dropped.
            let _told = done.send(deletion);
        }
    }
}

/// Deletes a pinhole; one that is gone already is deleted.
async fn delete(gateway: &Gateway, wanted: &Wanted, id: u16) -> Result<(), Error> {
    let asked = way::ask(gateway, Some(wanted.internal_client), |firewall| async move {
        firewall.delete_pinhole(id).await
    });
    match asked.await {
        Ok(_) | Err(Error::Refused(Refusal { code: 702 | 704, .. })) => Ok(()),
        Err(error) => Err(error),
    }
}

fn found(gateway: &Gateway) -> Found {
    Found {
        boot_id: gateway.boot_id(),
        location: gateway.location().to_owned(),
    }
}

/// Announcements are a help, not a need: another program may have the port, and a firewall may drop them.
fn listen(gateway: &Gateway) -> Option<Announcements> {
    let listening = Announcements::of(gateway);
    listening
        .inspect_err(|error| tracing::debug!(%error, "announcements cannot be heard"))
        .ok()
}
