//! Who has subscribed to which service, and which message is due to whom (UDA 1.1 section 4).
//!
//! [`Publisher`] is driven from outside, like the engine: what changed and what became of messages goes in, messages
//! come out. A service keeps one list of what changed, and each subscription the place in it up to which it has been
//! told. So a change costs the same for one subscriber and for a thousand, and one that never answers costs no memory.

mod feed;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::service::{Service, StateVariable};
use portreeve_wire::{Url, Uuid, Value};

use self::feed::Feed;
use self::subscription::{After, Slot, Subscription};
use crate::time::Time;

/// A state variable that is evented, and its present value.
#[derive(Clone, Debug)]
pub struct Evented {
    /// The service.
    pub service: &'static Service,
    /// The variable.
    pub variable: &'static StateVariable,
    /// Its value.
    pub value: Value,
}

/// Upper bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Subscriptions in all.
    pub subscriptions: usize,
    /// Subscriptions of one host.
    pub per_client: usize,
}

/// A subscription that is asked for.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// To what.
    pub service: &'static Service,
    /// Which version of it: later ones have variables that are not to be sent.
    pub version: u8,
    /// Source address of the request.
    pub client: IpAddr,
    /// Where messages go; the first that takes one is kept to.
    pub callbacks: Vec<Url>,
    /// For how long.
    pub timeout: Duration,
}

/// A message that is to be sent now.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The subscription.
    pub sid: Uuid,
    /// Number of the message.
    pub seq: u32,
    /// Where it may go, to be tried in turn from the one at `first` on.
    pub callbacks: Arc<[Url]>,
    /// Index of the URL to begin with.
    pub first: usize,
    /// Names and values.
    pub properties: Vec<(&'static str, Value)>,
}

/// What became of a [`Delivery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The callback of this index took it.
    Delivered {
        /// Index into [`Delivery::callbacks`].
        callback: usize,
    },
    /// The receiver does not know the subscription: 412 (UDA 1.1 section 4.3.2).
    Unknown,
    /// No callback took it.
    Failed,
}

/// What became of a subscription with an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Kept,
    /// It has ended.
    Ended,
}

/// The table of subscriptions is full, or the client's share of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are too many subscriptions")]
pub struct Full;

/// There is no such subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such subscription")]
pub struct Unknown;

/// All subscriptions.
#[derive(Debug)]
pub struct Publisher {
    limits: Limits,
    feeds: Vec<Feed>,
    subscriptions: BTreeMap<Uuid, Subscription>,
    in_flight: BTreeMap<Uuid, Slot>,
}

impl PartialEq for Evented {
    fn eq(&self, other: &Self) -> bool {
        let name = |of: &Self| (of.service.name, of.variable.name);
        name(self) == name(other) && self.value == other.value
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions: 1024,
            per_client: 128,
        }
    }
}

impl Publisher {
    /// Most messages that [`Publisher::poll`] gives out at once.
    pub const BATCH: usize = 64;
    /// Shortest time from one message to the next of the same subscription. IGD moderates nothing; this only keeps a
    /// burst of changes from taking the processor away from those who make them.
    pub const SPACING: Duration = Duration::from_millis(20);
    /// The same while the service is still changing: its last change is not longer ago than this.
    pub const SPACING_IN_BURSTS: Duration = Duration::from_millis(200);
    /// From the answer to a SUBSCRIBE to the first message. The answer may have arrived and yet not have been read: GUPnP
    /// 1.6 takes a message that overtakes it, and drops it.
    pub const GRACE: Duration = Duration::from_millis(100);
    /// Changes of a service that are told one by one. Whoever falls behind further is told the newest values only.
    pub const BACKLOG: usize = 1024;
    /// After so many failures in a row a subscription ends.
    pub const FAILURES: u8 = 3;

    /// No subscriptions, to nothing yet.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            feeds: Vec::new(),
            subscriptions: BTreeMap::new(),
            in_flight: BTreeMap::new(),
        }
    }

    /// Takes other limits into use; what there is stays.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// Takes in what changed together: those of one service become one message.
    pub fn publish(&mut self, changes: Vec<Evented>, now: Time) {
        let mut rest = changes;
        while let Some(service) = rest.first().map(|evented| evented.service) {
            let (own, others): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|evented| evented.service.name == service.name);
            let index = self.feed(service);
            let is_heard = self
                .subscriptions
                .values()
                .any(|subscription| subscription.feed == index);
            self.feeds[index].publish(own, is_heard, now);
            rest = others;
        }
    }

    /// Enters a subscription. Its first message waits until [`Publisher::release`] says that the subscriber has got its
    /// answer: many drop messages of subscriptions that they do not know yet.
    pub fn subscribe(&mut self, sid: Uuid, subscriber: Subscriber, now: Time) -> Result<(), Full> {
        self.forget_expired(now);
        let mut own = self.subscriptions.values();
        let own = own.by_ref().filter(|other| other.client == subscriber.client).count();
        if self.subscriptions.len() >= self.limits.subscriptions || own >= self.limits.per_client {
            return Err(Full);
        }
        let feed = self.feed(subscriber.service);
        let subscription = Subscription::new(subscriber, feed, &self.feeds[feed], now);
        self.subscriptions.insert(sid, subscription);
        Ok(())
    }

    /// The answer to the SUBSCRIBE has been sent.
    pub fn release(&mut self, sid: Uuid, now: Time) {
        if let Some(subscription) = self.subscriptions.get_mut(&sid) {
            subscription.held = false;
            subscription.ready_at = now + Self::GRACE;
        }
    }

    /// Prolongs a subscription. It is a sign of life, too: failures are forgotten.
    pub fn renew(&mut self, sid: Uuid, timeout: Duration, now: Time) -> Result<(), Unknown> {
        let found = self.subscriptions.get_mut(&sid);
        let live = found.filter(|subscription| subscription.is_live(now)).ok_or(Unknown)?;
        live.renew(timeout, now);
        Ok(())
    }

    /// Ends a subscription. A first message that has not been sent yet is sent all the same, as UDA 1.1 section 4.1
    /// wants it.
    pub fn unsubscribe(&mut self, sid: Uuid, now: Time) -> Result<(), Unknown> {
        let found = self.subscriptions.get_mut(&sid);
        let live = found.filter(|subscription| subscription.is_live(now)).ok_or(Unknown)?;
        match live.has_begun() {
            true => drop(self.subscriptions.remove(&sid)),
            false => live.cancelled = true,
        }
        Ok(())
    }

    /// Messages that are to be sent now, those first that have waited longest. Each must be answered with
    /// [`Publisher::handle_outcome`]; until then its subscription gets no other.
    pub fn poll(&mut self, now: Time) -> Vec<Delivery> {
        self.forget_expired(now);
        let waiting = self.subscriptions.iter().filter(|(sid, subscription)| {
            subscription.ready_at <= now
                && subscription.wants(&self.feeds[subscription.feed])
                && !self.in_flight.contains_key(sid)
        });
        let mut waiting: Vec<(Time, Uuid)> = waiting.map(|(sid, waiting)| (waiting.ready_at, *sid)).collect();
        waiting.sort_unstable();
        let mut deliveries = Vec::new();
        for (_, sid) in waiting {
            if deliveries.len() == Self::BATCH {
                break;
            }
            let Some(subscription) = self.subscriptions.get_mut(&sid) else {
                continue;
            };
            let slot = subscription.slot();
            if self.in_flight.values().filter(|taken| **taken == slot).count() >= slot.count() {
                continue;
            }
            let feed = &self.feeds[subscription.feed];
            if let Some(delivery) = subscription.next_message(sid, feed, now) {
                self.in_flight.insert(sid, slot);
                deliveries.push(delivery);
            }
        }
        deliveries
    }

    /// When [`Publisher::poll`] must be called at the latest, unless something is handed in before.
    pub fn poll_timeout(&self) -> Option<Time> {
        let free = |slot: Slot| self.in_flight.values().filter(|taken| **taken == slot).count() < slot.count();
        let (proven, unproven) = (free(Slot::Proven), free(Slot::Unproven));
        let times = self.subscriptions.iter().map(|(sid, subscription)| {
            let has_room = match subscription.slot() {
                Slot::Proven => proven,
                Slot::Unproven => unproven,
            };
            let is_waiting =
                has_room && subscription.wants(&self.feeds[subscription.feed]) && !self.in_flight.contains_key(sid);
            match is_waiting {
                true => subscription.ready_at.min(subscription.expires),
                false => subscription.expires,
            }
        });
        times.min()
    }

    /// Takes in what became of a message.
    pub fn handle_outcome(&mut self, sid: Uuid, outcome: Outcome, now: Time) -> Fate {
        self.in_flight.remove(&sid);
        let Some(subscription) = self.subscriptions.get_mut(&sid) else {
            return Fate::Ended;
        };
        match subscription.after(outcome, now) {
            After::Goes => {
                self.subscriptions.remove(&sid);
                Fate::Ended
            }
            After::Stays => Fate::Kept,
        }
    }

    fn feed(&mut self, service: &'static Service) -> usize {
        let known = self.feeds.iter().position(|feed| feed.service.name == service.name);
        known.unwrap_or_else(|| {
            self.feeds.push(Feed::new(service));
            self.feeds.len() - 1
        })
    }

    fn forget_expired(&mut self, now: Time) {
        self.subscriptions.retain(|_, subscription| subscription.expires > now);
    }
}
