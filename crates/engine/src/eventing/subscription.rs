//! One subscription: what it has been told, and when it is to be told more.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::{Url, Uuid};

use super::feed::{Feed, Properties};
use super::{Delivery, Outcome, Publisher, Subscriber};
use crate::time::Time;

#[derive(Debug)]
pub(super) struct Subscription {
    /// Index of the service's feed.
    pub(super) feed: usize,
    pub(super) client: IpAddr,
    pub(super) expires: Time,
    /// When the next message may be sent.
    pub(super) ready_at: Time,
    /// Whether the answer to the SUBSCRIBE has yet to be sent.
    pub(super) held: bool,
    /// Ended by its subscriber before the first message.
    pub(super) cancelled: bool,
    version: u8,
    callbacks: Arc<[Url]>,
    /// Index of the callback that took the last message.
    preferred: usize,
    next_seq: u32,
    /// All variables as they were at the SUBSCRIBE, until they have been told.
    first: Properties,
    /// Number of the last change that is in them.
    first_up_to: u64,
    told: Told,
    /// As it was before the message that is on its way.
    told_before: Told,
    failures: u8,
    proven: bool,
}

/// What the subscriber knows.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// Nothing yet.
    Nothing,
    /// Every change up to the one of this number.
    UpTo(u64),
    /// Some message was lost: what changed since is to be told in one.
    LostAfter(u64),
}

/// Messages on their way are counted in two classes, so that those who have never answered, or did not answer last
/// time, cannot take the places of those who do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The last message was taken.
    Proven,
    /// It was not, or there was none.
    Unproven,
}

/// What becomes of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Stays,
    Goes,
}

/// How long a subscription rests after its first failure, and after further ones.
const RESTS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

impl Slot {
    /// How many messages of the class may be on their way.
    pub(super) const fn count(self) -> usize {
        match self {
            Self::Proven | Self::Unproven => 128,
        }
    }
}

impl Subscription {
    /// To the feed with this index.
    pub(super) fn new(subscriber: Subscriber, index: usize, feed: &Feed, now: Time) -> Self {
        Self {
            feed: index,
            client: subscriber.client,
            expires: now + subscriber.timeout,
            ready_at: now,
            held: true,
            cancelled: false,
            version: subscriber.version,
            callbacks: subscriber.callbacks.into(),
            preferred: 0,
            next_seq: 0,
            first: feed.all(subscriber.version),
            first_up_to: feed.end,
            told: Told::Nothing,
            told_before: Told::Nothing,
            failures: 0,
            proven: false,
        }
    }

    /// Whether its subscriber may still speak of it.
    pub(super) fn is_live(&self, now: Time) -> bool {
        self.expires > now && !self.cancelled
    }

    /// Whether its first message has been sent.
    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.told, Told::Nothing)
    }

    pub(super) fn renew(&mut self, timeout: Duration, now: Time) {
        self.expires = now + timeout;
        if self.failures > 0 {
            self.failures = 0;
            self.ready_at = now;
        }
    }

    /// Whether there is something to tell, and it may be told.
    pub(super) const fn wants(&self, feed: &Feed) -> bool {
        let is_news = match self.told {
            Told::Nothing => true,
            Told::UpTo(number) | Told::LostAfter(number) => number < feed.end,
        };
        is_news && !self.held
    }

    pub(super) const fn slot(&self) -> Slot {
        match self.proven {
            true => Slot::Proven,
            false => Slot::Unproven,
        }
    }

    /// The message that is due; none if all that changed is not for this version's eyes.
    pub(super) fn next_message(&mut self, sid: Uuid, feed: &Feed, now: Time) -> Option<Delivery> {
        self.told_before = self.told;
        let properties = loop {
            let (properties, told) = match self.told {
                Told::Nothing => (std::mem::take(&mut self.first), self.first_up_to),
                Told::LostAfter(number) => (feed.changed_since(number, self.version), feed.end),
                Told::UpTo(number) if number == feed.end => return None,
                Told::UpTo(number) => match feed.after(number, self.version) {
                    Some(properties) => (properties, number + 1),
                    None => (feed.changed_since(number, self.version), feed.end),
                },
            };
            self.told = Told::UpTo(told);
            if !properties.is_empty() {
                break properties;
            }
        };
        let seq = self.next_seq;
        // 0 is the first message's alone (UDA 1.1 section 4.3.2).
        self.next_seq = seq.checked_add(1).unwrap_or(1);
        self.ready_at = now + feed.spacing(now);
        Some(Delivery {
            sid,
            seq,
            callbacks: Arc::clone(&self.callbacks),
            first: self.preferred,
            properties,
        })
    }

    /// Takes in what became of the message. What was lost is told again, under a new number, with what changed since:
    /// the gap tells the subscriber that it missed something.
    pub(super) fn after(&mut self, outcome: Outcome, now: Time) -> After {
        match outcome {
            _ if self.cancelled => After::Goes,
            Outcome::Delivered { callback } => {
                self.preferred = callback;
                self.failures = 0;
                self.proven = true;
                After::Stays
            }
            Outcome::Unknown => After::Goes,
            Outcome::Failed => {
                self.told = match self.told_before {
                    Told::Nothing => Told::LostAfter(0),
                    Told::UpTo(number) | Told::LostAfter(number) => Told::LostAfter(number),
                };
                self.proven = false;
                self.failures += 1;
                if self.failures >= Publisher::FAILURES {
                    return After::Goes;
                }
                let rest = RESTS[usize::from(self.failures - 1).min(RESTS.len() - 1)];
                self.ready_at = now + rest;
                After::Stays
            }
        }
    }

    #[cfg(test)]
    pub(super) const fn set_next_seq(&mut self, seq: u32) {
        self.next_seq = seq;
    }
}
