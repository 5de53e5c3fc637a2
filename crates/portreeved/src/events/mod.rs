//! Events to subscribers (UDA 1.1 section 4): the engine's [`Publisher`] decides what is due to whom, and here it is sent.

mod reach;
mod send;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use portreeve_engine::Evented;
use portreeve_engine::eventing::{Delivery, Fate, Full, Limits, Outcome, Publisher, Subscriber, Unknown};
use portreeve_wire::Uuid;
use portreeve_wire::gena::Notify as Message;
use tokio::sync::Notify;
use tracing::debug;

use self::reach::Reach;
use crate::machine::{Door, Lan};
use crate::runtime::clock;

/// Longest sleep: after the machine was suspended, the timer of a sleep is late by the time it slept.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The subscriptions to our services.
#[derive(Debug)]
pub struct Events {
    publisher: Mutex<Publisher>,
    lans: RwLock<Arc<[Lan]>>,
    http_port: u16,
    news: Notify,
}

/// Why there is no new subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// None of the delivery URLs leads to a host of the LAN on which it was asked.
    #[error("no URL of CALLBACK leads to a host of this LAN")]
    OffLink,
    /// The table is full, or the client's share of it.
    #[error(transparent)]
    Full(#[from] Full),
}

/// A subscription whose first message waits for the answer to the SUBSCRIBE; it is sent once this is dropped.
#[derive(Debug)]
pub struct Held {
    events: Arc<Events>,
    /// The subscription.
    pub sid: Uuid,
}

impl Events {
    /// No subscriptions yet. `http_port` is our own, to which no message ever goes.
    pub fn new(limits: Limits, http_port: u16) -> Arc<Self> {
        Arc::new(Self {
            publisher: Mutex::new(Publisher::new(limits)),
            lans: RwLock::new(Arc::default()),
            http_port,
            news: Notify::new(),
        })
    }

    /// Takes other limits into use.
    pub fn set_limits(&self, limits: Limits) {
        self.publisher().set_limits(limits);
    }

    /// Tells which LANs are served: messages go nowhere else, from now on.
    pub fn set_lans(&self, lans: &[Lan]) {
        *self.lans.write().unwrap_or_else(PoisonError::into_inner) = lans.into();
    }

    /// How many subscriptions there are.
    pub fn count(&self) -> usize {
        self.publisher().len()
    }

    /// Takes in what changed together. It is quick, whoever has subscribed.
    pub fn announce(&self, changes: Vec<Evented>) {
        let mut publisher = self.publisher();
        publisher.publish(changes, clock::now());
        if !publisher.is_empty() {
            self.news.notify_one();
        }
    }

    /// Enters a subscription that was asked for at this door of ours, with those of its delivery URLs that lead to hosts of
    /// the same LAN (CVE-2020-12695, UDA 2.0 section 4.1.1). They may be of the other address family: Windows asks over
    /// IPv6 for messages to IPv4 (miniupnp issue 459).
    pub fn subscribe(
        self: &Arc<Self>,
        sid: Uuid,
        mut subscriber: Subscriber,
        door: Door,
    ) -> Result<Arc<Held>, Refused> {
        let client = subscriber.client;
        let reach = self.reach();
        let callbacks = subscriber.callbacks.into_iter();
        subscriber.callbacks = callbacks
            .filter_map(|callback| reach.admit(callback, client, door))
            .collect();
        if subscriber.callbacks.is_empty() {
            return Err(Refused::OffLink);
        }
        let service = subscriber.service.name;
        self.publisher().subscribe(sid, subscriber, clock::now())?;
        debug!(%client, service, %sid, "subscribed");
        Ok(Arc::new(Held {
            events: Arc::clone(self),
            sid,
        }))
    }

    /// Prolongs a subscription.
    pub fn renew(&self, sid: Uuid, timeout: Duration) -> Result<(), Unknown> {
        self.publisher().renew(sid, timeout, clock::now())?;
        self.news.notify_one();
        Ok(())
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, sid: Uuid) -> Result<(), Unknown> {
        self.publisher().unsubscribe(sid, clock::now())
    }

    /// Sends what is due, for ever.
    pub async fn run(self: Arc<Self>) {
        loop {
            let (due, next) = {
                let mut publisher = self.publisher();
                (publisher.poll(clock::now()), publisher.poll_timeout())
            };
            for delivery in due {
                tokio::spawn(Arc::clone(&self).deliver(delivery));
            }
            let wait = next.map_or(LONGEST_WAIT, |next| next.since(clock::now()).min(LONGEST_WAIT));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.news.notified() => {}
            }
        }
    }

    async fn deliver(self: Arc<Self>, delivery: Delivery) {
        let sid = delivery.sid;
        let outcome = self.try_callbacks(&delivery).await;
        let fate = self.publisher().handle_outcome(sid, outcome, clock::now());
        if outcome != Outcome::Unknown && fate == Fate::Ended {
            debug!(%sid, "a subscription ended, since its host takes no messages");
        }
        self.news.notify_one();
    }

    async fn try_callbacks(&self, delivery: &Delivery) -> Outcome {
        let callbacks = &delivery.callbacks;
        for attempt in 0..callbacks.len() {
            let index = (delivery.first + attempt) % callbacks.len();
            let callback = &callbacks[index];
            // The LANs may be others than at the time of the subscription.
            let Some(way) = self.reach().way(callback) else {
                continue;
            };
            let message = Message {
                callback,
                sid: delivery.sid,
                seq: delivery.seq,
                properties: &delivery.properties,
            };
            match send::send(callback, &way, message.render().as_bytes()).await {
                Ok(200..=299) => return Outcome::Delivered { callback: index },
                Ok(412) => return Outcome::Unknown,
                Ok(status) => debug!(%callback, status, "an event message was refused"),
                Err(error) => debug!(%callback, %error, "an event message could not be delivered"),
            }
        }
        Outcome::Failed
    }

    fn reach(&self) -> Reach {
        let lans = self.lans.read().unwrap_or_else(PoisonError::into_inner);
        Reach::new(Arc::clone(&lans), self.http_port)
    }

    fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.events.publisher().release(self.sid, clock::now());
        self.events.news.notify_one();
    }
}
