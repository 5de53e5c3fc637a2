//! One subscription to the events of one service as a state machine, pure: time and answers are passed in, orders come
//! out (UDA 1.1 section 4.1).
//!
//! Ask [`Subscription::order`] what to do now and [`Subscription::wake_at`] when to ask again; carry one order out at a
//! time and hand its result to the method named with it. Messages go to [`Subscription::received`] whenever they come;
//! [`Subscription::news`] tells what is to be told.

mod backlog;
#[cfg(test)]
mod tests;

use std::time::Duration;

use portreeve_wire::gena::subscriber::{Granted, Message, Property, Sid};
use tokio::time::Instant;

use super::{Means, NoEvents};
use backlog::Backlog;

/// The time that is asked for, and that is assumed where a gateway names none.
pub(crate) const ASKED: Duration = Duration::from_secs(1800);

/// No subscription is renewed more seldom: a gateway that grants years may be another one by then.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Nor more often than twice in this time.
const SHORTEST: Duration = Duration::from_secs(2);

/// By when the first message has come, which is sent at once. If it has not, none will: most likely a firewall of this
/// host drops connections from the gateway.
pub(crate) const FIRST_MESSAGE: Duration = Duration::from_secs(5);

/// A subscription is not replaced sooner than this, whatever the gateway sends.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// Announcements of the gateway, which anybody can send, lead to no more than one renewal in this time.
const CONFIRMED: Duration = Duration::from_secs(10);

/// The largest number of a message. The next one is 1: 0 is the first message of a subscription.
const LAST: u32 = u32::MAX;

/// A service's subscription, kept alive for as long as this exists.
#[derive(Debug)]
pub(crate) struct Subscription {
    state: State,
    /// Replaced, and still to be ended.
    farewells: Vec<Sid>,
    /// Messages that came before the answer that names their subscription (R80).
    backlog: Backlog,
    means: Option<Means>,
    /// How often in a row subscribing led to no message.
    failures: u32,
    news: Vec<News>,
}

#[derive(Debug)]
enum State {
    /// To be asked for at this time.
    Due(Instant),
    /// Asked for, not answered.
    Asked,
    Held(Held),
}

/// A subscription that the gateway has granted.
#[derive(Debug)]
struct Held {
    sid: Sid,
    since: Instant,
    /// When it was asked for last.
    asked: Instant,
    ends: Instant,
    renewal: Renewal,
    next: Next,
    /// When the first message is overdue.
    first_by: Option<Instant>,
    /// When to replace it by another.
    again_at: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Renewal {
    Due(Instant),
    Asked,
}

/// Which message comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The first: 0, or 1 at gateways that begin there.
    First,
    /// This one.
    Number(u32),
    /// Any: the gateway has begun to count anew, or does not number its messages.
    Any,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ask for a new subscription; then [`Subscription::subscribed`].
    Subscribe,
    /// Ask for another while of it; then [`Subscription::renewed`].
    Renew(Sid),
    /// End it. How that goes does not matter.
    Unsubscribe(Sid),
}

/// Why a subscription is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The gateway says no, with this HTTP status.
    Refused(u16),
    /// There was no talking to it.
    Silence,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A message came with these values.
    Values(Vec<Property>),
    /// Changes are learnt in this way from now on.
    Means(Means),
    /// The gateway knows nothing of the subscription any more: most likely it has started anew.
    Lost,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reception {
    /// It is taken, or kept until it is known whose it is.
    Taken,
    /// It belongs to no subscription of ours.
    Unknown,
}

impl Subscription {
    /// To be asked for now.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: State::Due(now),
            farewells: Vec::new(),
            backlog: Backlog::default(),
            means: None,
            failures: 0,
            news: Vec::new(),
        }
    }

    /// What to do now.
    pub(crate) fn order(&mut self, now: Instant) -> Option<Order> {
        self.pass_time(now);
        if let Some(sid) = self.farewells.pop() {
            return Some(Order::Unsubscribe(sid));
        }
        match &mut self.state {
            State::Due(at) if *at <= now => {
                self.state = State::Asked;
                self.backlog.clear();
                Some(Order::Subscribe)
            }
            State::Held(held) if matches!(held.renewal, Renewal::Due(at) if at <= now) => {
                held.renewal = Renewal::Asked;
                held.asked = now;
                Some(Order::Renew(held.sid.clone()))
            }
            State::Due(_) | State::Asked | State::Held(_) => None,
        }
    }

    /// When [`Self::order`] has something to say, if nothing comes in between.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        match &self.state {
            State::Due(at) => Some(*at),
            State::Asked => None,
            State::Held(held) => {
                let renewal = match held.renewal {
                    Renewal::Due(at) => Some(at),
                    Renewal::Asked => None,
                };
                [renewal, held.first_by, held.again_at, Some(held.ends)]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }

    /// The answer to a request for a new subscription that was sent at `since`.
    pub(crate) fn subscribed(&mut self, result: Result<Granted, Failure>, since: Instant, now: Instant) {
        match result {
            Ok(Granted {
                sid: Some(sid),
                timeout,
            }) => {
                let (renew_at, ends) = times(timeout, since);
                self.state = State::Held(Held {
                    sid,
                    since,
                    asked: since,
                    ends,
                    renewal: Renewal::Due(renew_at),
                    next: Next::First,
                    first_by: Some(now + FIRST_MESSAGE),
                    again_at: None,
                });
                self.take_backlog(now);
            }
            // A subscription without a name can be neither renewed nor ended.
            Ok(Granted { sid: None, .. }) => self.fail(&Failure::Refused(200), now),
            Err(failure) => self.fail(&failure, now),
        }
    }

    /// The answer to a request for another while, which was sent at `since`.
    pub(crate) fn renewed(&mut self, result: Result<Granted, Failure>, since: Instant, now: Instant) {
        let State::Held(held) = &mut self.state else {
            return;
        };
        match result {
            Ok(Granted { sid, timeout }) => {
                let (renew_at, ends) = times(timeout, since);
                held.renewal = Renewal::Due(renew_at);
                held.ends = ends;
                // R81: no identifier means the one there was; another one is the new one.
                if let Some(sid) = sid.filter(|sid| *sid != held.sid) {
                    held.sid = sid;
                    held.next = Next::Any;
                }
                self.take_backlog(now);
            }
            // R83: it has started anew and knows nothing of us.
            Err(Failure::Refused(_)) => {
                self.state = State::Due(now);
                self.news.push(News::Lost);
            }
            Err(Failure::Silence) => {
                let left = held.ends.saturating_duration_since(now);
                held.renewal = Renewal::Due(now + (left / 4).clamp(SHORTEST, Duration::from_secs(60)));
            }
        }
    }

    /// An event message with its values.
    pub(crate) fn received(&mut self, message: Message, properties: Vec<Property>, now: Instant) -> Reception {
        match &self.state {
            State::Held(held) if held.sid == message.sid => {
                self.take(message.seq, properties, now);
                Reception::Taken
            }
            State::Held(held) if held.renewal != Renewal::Asked => Reception::Unknown,
            State::Due(_) => Reception::Unknown,
            State::Asked | State::Held(_) => self.backlog.keep(message, properties),
        }
    }

    /// The gateway has been seen in a state that it had to send a message about, and none came.
    pub(crate) fn doubt(&mut self, now: Instant) {
        if let State::Held(held) = &mut self.state {
            held.replace(now);
        }
    }

    /// The gateway may have started anew: renewing the subscription shows whether it still has it.
    pub(crate) fn confirm(&mut self, now: Instant) {
        if let State::Held(held) = &mut self.state
            && let Renewal::Due(at) = held.renewal
        {
            held.renewal = Renewal::Due(at.min(now.max(held.asked + CONFIRMED)));
        }
    }

    /// What is still to be ended when nobody wants events any more.
    pub(crate) fn leave(self) -> Vec<Sid> {
        let mut sids = self.farewells;
        if let State::Held(held) = self.state {
            sids.push(held.sid);
        }
        sids
    }

    /// What has happened since this was asked before, in order.
    pub(crate) fn news(&mut self) -> std::vec::Drain<'_, News> {
        self.news.drain(..)
    }

    fn pass_time(&mut self, now: Instant) {
        let State::Held(held) = &mut self.state else {
            return;
        };
        if held.ends <= now && held.renewal != Renewal::Asked {
            self.state = State::Due(now);
        } else if held.again_at.is_some_and(|at| at <= now) && held.renewal != Renewal::Asked {
            self.farewells.push(held.sid.clone());
            self.state = State::Due(now);
        } else if held.first_by.is_some_and(|by| by <= now) {
            held.first_by = None;
            self.failures += 1;
            // Meanwhile it stays: if a message does come, all is well.
            held.again_at = Some(now + retry_after(&Failure::Refused(0), self.failures));
            self.learn_by(Means::Polling(NoEvents::NothingArrives));
        }
    }

    fn fail(&mut self, failure: &Failure, now: Instant) {
        self.failures += 1;
        self.state = State::Due(now + retry_after(failure, self.failures));
        self.learn_by(Means::Polling(match failure {
            Failure::Refused(status) => NoEvents::Refused { status: *status },
            Failure::Silence => NoEvents::Unanswered,
        }));
    }

    fn take_backlog(&mut self, now: Instant) {
        let State::Held(held) = &self.state else {
            return;
        };
        for (seq, properties) in self.backlog.take(&held.sid) {
            self.take(seq, properties, now);
        }
    }

    fn take(&mut self, seq: Option<u32>, properties: Vec<Property>, now: Instant) {
        let State::Held(held) = &mut self.state else {
            return;
        };
        (held.first_by, held.again_at) = (None, None);
        if held.next.misses(seq) {
            held.replace(now);
        }
        held.next = seq.map_or(Next::Any, |seq| Next::Number(after(seq)));
        self.failures = 0;
        self.learn_by(Means::Events);
        self.news.push(News::Values(properties));
    }

    fn learn_by(&mut self, means: Means) {
        if self.means.as_ref() != Some(&means) {
            self.means = Some(means.clone());
            self.news.push(News::Means(means));
        }
    }
}

impl Held {
    fn replace(&mut self, now: Instant) {
        let at = now.max(self.since + SHORTEST_LIFE);
        self.again_at = Some(self.again_at.map_or(at, |before| before.min(at)));
    }
}

impl Next {
    /// Whether messages before this one are missing. The same once more is one whose answer was lost.
    fn misses(self, seq: Option<u32>) -> bool {
        match (self, seq) {
            (Self::First, Some(seq)) => seq > 1,
            (Self::Number(next), Some(seq)) => seq != next && after(seq) != next,
            (Self::Any, _) | (_, None) => false,
        }
    }
}

/// The number of the message that follows this one (UDA 1.1 section 4.3.2).
fn after(seq: u32) -> u32 {
    if seq == LAST { 1 } else { seq + 1 }
}

/// When to renew, at half of the time granted (R82: whatever was asked), and when it ends. Both count from when it was
/// asked for: the gateway cannot have granted it earlier.
fn times(granted: Option<Duration>, since: Instant) -> (Instant, Instant) {
    let granted = granted.unwrap_or(ASKED).clamp(SHORTEST, LONGEST);
    (since + granted / 2, since + granted)
}

/// A gateway that refuses, or whose messages do not come through, will most likely do so in a minute too. So will one that
/// does not answer this and all else, and meanwhile keeps other requests waiting; but once that may be chance.
fn retry_after(failure: &Failure, failures: u32) -> Duration {
    const CHANCE: Duration = Duration::from_secs(5);
    const FIRST: Duration = Duration::from_secs(60);
    const MOST: Duration = Duration::from_secs(1800);
    if *failure == Failure::Silence && failures == 1 {
        return CHANCE;
    }
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST.saturating_mul(factor).min(MOST)
}
