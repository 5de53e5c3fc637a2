//! The keeping of one pinhole as a state machine, pure: time and results are passed in, orders come out.
//!
//! Ask [`Keeping::order`] what to do now and [`Keeping::wake_at`] when to ask again; carry one order out at a time and
//! hand its result to the method named with it. [`Keeping::changes`] tells what is to be told.

mod presence;
#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;
use std::time::Duration;

use tokio::time::Instant;

use super::request::Answer;
use crate::error::{Error, Refusal};
use crate::keeper::{is_absence, schedule};
use crate::mapping::Random;
pub(crate) use presence::Found;
use presence::Presence;

/// Something that happened to a kept pinhole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinholeChange {
    /// Renewed for its lease.
    Renewed,
    /// It could not be renewed or looked at. Its lease still runs, and it is tried again.
    Unconfirmed {
        /// What went wrong.
        why: Error,
    },
    /// It is not open any more. It is being opened again.
    Lost {
        /// How it was lost.
        why: Error,
    },
    /// It is open again, or for the first time.
    Opened,
    /// The firewall is off: the address is reachable as it is.
    NotNeeded,
    /// Our own address changed, and the pinhole leads to the new one: tell those who shall reach you.
    InternalClient {
        /// The address before.
        from: Ipv6Addr,
        /// The address now.
        to: Ipv6Addr,
    },
}

/// How a kept pinhole is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinholeState {
    /// Open, as was seen last.
    Open,
    /// Not needed: the firewall is off.
    NotNeeded,
    /// Open as far as is known: its lease runs, but the gateway could not be asked or refused to renew it.
    Unconfirmed(Error),
    /// Not open. It is being opened again.
    Lost(Error),
    /// Removed: it was given back.
    Removed,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Open it, or extend what is there for the same ends (AddPinhole); then [`Keeping::added`].
    Add,
    /// Extend it (UpdatePinhole); then [`Keeping::updated`].
    Update(u16),
    /// Look whether it is there (GetPinholePackets); then [`Keeping::checked`].
    Check(u16),
    /// Find the gateway again; then [`Keeping::found`] or [`Keeping::not_found`].
    Search,
}

/// Which pinhole is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToDelete {
    /// The one of this number.
    Number(u16),
    /// The one that the gateway gives when it is asked for ours, if it still has it.
    Whatever,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Keeping {
    hold: Hold,
    lease: Duration,
    state: PinholeState,
    /// When to renew, or to open.
    due: Instant,
    /// When the lease ends.
    ends: Option<Instant>,
    failures: u32,
    presence: Presence,
    gateway: Found,
    /// Whether an announcement of this gateway has ever come through.
    heard: bool,
    /// How often it was found in a row and then did not answer after all.
    found_in_vain: u32,
    can_check: bool,
    /// Whether a look at it has ever shown it since it was opened.
    was_seen: bool,
    check_at: Instant,
    look_home_at: Instant,
    /// Until then announcements do not lead to another search.
    calm_until: Instant,
    changes: Vec<PinholeChange>,
    random: Random,
}

/// What the gateway has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// This pinhole is ours.
    Ours(u16),
    /// This one was, before something happened to the gateway: its number may be another's by now.
    Suspect(u16),
    /// None, or none that is known.
    Nothing,
}

impl Keeping {
    /// Keeps what has just been asked for, by a request that was sent at `since`. The seed spreads renewals.
    pub(crate) fn new(answer: Answer, lease: Duration, gateway: Found, since: Instant, seed: u64) -> Self {
        let mut keeping = Self {
            hold: Hold::Nothing,
            lease,
            state: PinholeState::Open,
            due: since,
            ends: None,
            failures: 0,
            presence: Presence::Here,
            gateway,
            heard: false,
            found_in_vain: 0,
            can_check: true,
            was_seen: false,
            check_at: since + schedule::CHECK_UNHEARD,
            look_home_at: since + schedule::LOOK_HOME,
            calm_until: since,
            changes: Vec::new(),
            random: Random(seed),
        };
        match answer {
            Answer::Open(id) => {
                keeping.hold = Hold::Ours(id);
                keeping.granted(since);
            }
            Answer::NotNeeded => {
                keeping.state = PinholeState::NotNeeded;
                keeping.due = since + schedule::SURVEY;
            }
        }
        keeping
    }

    /// How it is.
    pub(crate) fn state(&self) -> &PinholeState {
        &self.state
    }

    /// The gateway's number of it, as far as is known.
    pub(crate) fn id(&self) -> Option<u16> {
        match self.hold {
            Hold::Ours(id) | Hold::Suspect(id) => Some(id),
            Hold::Nothing => None,
        }
    }

    /// What there is to delete when it shall not be kept any more.
    pub(crate) fn to_delete(&self) -> Option<ToDelete> {
        match self.hold {
            Hold::Ours(id) => Some(ToDelete::Number(id)),
            Hold::Suspect(_) => Some(ToDelete::Whatever),
            Hold::Nothing => None,
        }
    }

    /// What to do now.
    pub(crate) fn order(&mut self, now: Instant) -> Option<Order> {
        self.end_lease(now);
        if let Presence::Away { search_at, .. } = self.presence {
            return (search_at <= now).then_some(Order::Search);
        }
        if self.due <= now {
            return Some(match self.hold {
                Hold::Ours(id) => Order::Update(id),
                Hold::Suspect(_) | Hold::Nothing => Order::Add,
            });
        }
        match self.hold {
            Hold::Ours(id) if self.can_check && self.check_at <= now => {
                self.check_at = now + self.check_interval();
                Some(Order::Check(id))
            }
            _ => None,
        }
    }

    /// Whether it is time to look whether we still have our address; then [`Keeping::looked_home`].
    pub(crate) fn looks_home(&mut self, now: Instant) -> bool {
        let looks = self.look_home_at <= now && matches!(self.presence, Presence::Here);
        if looks {
            self.look_home_at = now + schedule::LOOK_HOME;
        }
        looks
    }

    /// When [`Self::order`] or [`Self::looks_home`] has something to say, if nothing comes in between.
    pub(crate) fn wake_at(&self) -> Instant {
        let work = match self.presence {
            Presence::Away { search_at, .. } => search_at,
            Presence::Here => {
                let checks = matches!(self.hold, Hold::Ours(_)) && self.can_check;
                let next = self.due.min(self.look_home_at);
                if checks { next.min(self.check_at) } else { next }
            }
        };
        self.ends.map_or(work, |ends| ends.min(work))
    }

    /// What has happened since this was asked before, in order.
    pub(crate) fn changes(&mut self) -> std::vec::Drain<'_, PinholeChange> {
        self.changes.drain(..)
    }

    /// The result of [`Order::Add`], which was sent at `since`.
    pub(crate) fn added(&mut self, result: Result<Answer, Error>, since: Instant, now: Instant) {
        match result {
            Ok(Answer::Open(id)) => {
                self.hold = Hold::Ours(id);
                self.in_force(since);
            }
            Ok(Answer::NotNeeded) => self.not_needed(now),
            Err(error) => self.not_renewed(error, now),
        }
    }

    /// The result of [`Order::Update`], which was sent at `since`.
    pub(crate) fn updated(&mut self, result: Result<(), Error>, since: Instant, now: Instant) {
        match result {
            Ok(()) => self.in_force(since),
            Err(error) => match refusal(&error) {
                Some(702) => self.not_needed(now),
                Some(704) => self.gone(error, now),
                // It may still be extended by asking for it anew.
                Some(_) => self.suspect(now),
                None => self.not_renewed(error, now),
            },
        }
    }

    /// The result of [`Order::Check`].
    pub(crate) fn checked(&mut self, result: Result<(), Error>, now: Instant) {
        let Err(error) = result else {
            self.found_in_vain = 0;
            self.was_seen = true;
            if self.failures == 0 && matches!(self.state, PinholeState::Unconfirmed(_)) {
                self.become_state(PinholeState::Open, PinholeChange::Opened);
            }
            return;
        };
        match refusal(&error) {
            Some(702) => self.not_needed(now),
            Some(704) => self.gone(error, now),
            // Some refuse in other words what they have not (miniupnpd: 402), and others refuse the question as such.
            Some(_) if std::mem::take(&mut self.was_seen) => self.suspect(now),
            Some(_) => self.can_check = false,
            None if is_absence(&error) => self.gone_away(error, now),
            None => {}
        }
    }

    fn in_force(&mut self, since: Instant) {
        self.failures = 0;
        self.found_in_vain = 0;
        let change = match self.state {
            PinholeState::Open => PinholeChange::Renewed,
            _ => PinholeChange::Opened,
        };
        self.become_state(PinholeState::Open, change);
        self.granted(since);
    }

    /// The lease runs from when it was asked for: the gateway cannot have granted it earlier.
    fn granted(&mut self, since: Instant) {
        self.due = since + schedule::renewal_after(Some(self.lease), self.random.jitter());
        self.ends = Some(since + self.lease);
        self.check_at = since + self.check_interval();
    }

    fn not_needed(&mut self, now: Instant) {
        self.hold = Hold::Nothing;
        self.ends = None;
        self.failures = 0;
        self.found_in_vain = 0;
        self.due = now + schedule::SURVEY;
        if self.state != PinholeState::NotNeeded {
            self.become_state(PinholeState::NotNeeded, PinholeChange::NotNeeded);
        }
    }

    fn not_renewed(&mut self, error: Error, now: Instant) {
        self.failures += 1;
        let left = self.ends.map(|ends| ends.saturating_duration_since(now));
        self.due = now + schedule::retry_after(self.failures, left);
        if is_absence(&error) {
            self.gone_away(error, now);
        } else if self.ends.is_some() {
            self.unconfirmed(error);
        } else {
            self.lost(error);
        }
    }

    /// The gateway says that it has none of this number.
    fn gone(&mut self, why: Error, now: Instant) {
        self.hold = Hold::Nothing;
        self.ends = None;
        self.due = now;
        self.lost(why);
    }

    fn suspect(&mut self, now: Instant) {
        if let Hold::Ours(id) = self.hold {
            self.hold = Hold::Suspect(id);
        }
        self.due = now;
    }

    fn end_lease(&mut self, now: Instant) {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.ends = None;
            self.hold = Hold::Nothing;
            let why = match &self.state {
                PinholeState::Unconfirmed(why) => why.clone(),
                _ => no_such_entry(),
            };
            self.lost(why);
        }
    }

    fn unconfirmed(&mut self, why: Error) {
        match &mut self.state {
            PinholeState::Unconfirmed(before) | PinholeState::Lost(before) => *before = why,
            PinholeState::Open | PinholeState::NotNeeded => {
                let change = PinholeChange::Unconfirmed { why: why.clone() };
                self.become_state(PinholeState::Unconfirmed(why), change);
            }
            PinholeState::Removed => {}
        }
    }

    fn lost(&mut self, why: Error) {
        match &mut self.state {
            PinholeState::Lost(before) => *before = why,
            _ => {
                let change = PinholeChange::Lost { why: why.clone() };
                self.become_state(PinholeState::Lost(why), change);
            }
        }
    }

    fn become_state(&mut self, state: PinholeState, change: PinholeChange) {
        self.state = state;
        self.changes.push(change);
    }

    fn check_interval(&self) -> Duration {
        match self.heard {
            true => schedule::CHECK_HEARD,
            false => schedule::CHECK_UNHEARD,
        }
    }
}

/// The code of a refusal.
fn refusal(error: &Error) -> Option<u16> {
    match error {
        Error::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

/// What the gateway answers when it is asked for a pinhole that has ended.
fn no_such_entry() -> Error {
    Refusal {
        action: "UpdatePinhole".to_owned(),
        code: 704,
        description: "NoSuchEntry".to_owned(),
    }
    .into()
}
