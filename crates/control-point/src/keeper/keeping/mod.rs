//! The keeping of mappings as a state machine, pure: time and results are passed in, orders come out.
//!
//! Ask [`Keeping::order`] what to do now and [`Keeping::wake_at`] when to ask again; carry one order out at a time and
//! hand its result to the method named with it. [`Keeping::changes`] tells what is to be told.

mod epoch;
mod events;
mod presence;
mod renewal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Bound;
use std::time::Duration;

use tokio::time::Instant;

use super::change::{Change, State};
use super::schedule;
use super::timetable::Timetable;
use crate::error::Error;
use crate::mapping::{Asked, Entry, External, Purpose, Random, Wanted};
use crate::port_control::Carrier;
pub(crate) use epoch::Learnt;
use events::Events;
pub(crate) use events::Told;
use presence::Presence;
pub(crate) use presence::{Found, Survey, is_absence, is_elsewhere};

/// A kept mapping, as long as the keeper lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MappingId(pub(crate) u64);

/// All mappings kept on one gateway.
#[derive(Debug)]
pub(crate) struct Keeping {
    mappings: BTreeMap<MappingId, Kept>,
    /// When to renew.
    due: Timetable,
    /// When leases end.
    ends: Timetable,
    presence: Presence,
    gateway: Found,
    last_survey: Option<Survey>,
    external_address: Option<IpAddr>,
    /// Whether an announcement of this gateway has ever come through.
    heard: bool,
    /// Whether an announcement of this gateway's PCP or NAT-PMP server has ever come through.
    hears_epochs: bool,
    /// What the gateway tells by itself.
    events: Events,
    /// How often it was found in a row and then did not answer after all.
    found_in_vain: u32,
    can_check: bool,
    check_at: Instant,
    last_checked: MappingId,
    survey_at: Instant,
    look_home_at: Instant,
    /// Until then announcements do not lead to another search or sweep.
    calm_until: Instant,
    /// To be checked at once, since something about the gateway changed.
    suspect: BTreeSet<MappingId>,
    /// Whether all of them have been suspected, and not all looked at yet.
    sweeping: bool,
    changes: Vec<(MappingId, Change)>,
    random: Random,
}

/// A mapping to be kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) wanted: Wanted,
    /// Whether `InternalClient` is this machine, and so follows its address.
    pub(crate) follows_us: bool,
    /// Where it is on the gateway.
    pub(crate) entry: Entry,
    pub(crate) state: State,
    /// The address that the entry leads to, if that is not the one wanted any more.
    leads_to: Option<Ipv4Addr>,
    next: Next,
    failures: u32,
}

/// How the next renewal is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The entry is there.
    Renew,
    /// The entry has just been seen not to be there.
    Restore,
    /// Nothing is known about the port.
    MakeAnew,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Make or renew the mapping; then [`Keeping::renewed`] or [`Keeping::not_renewed`].
    Renew {
        id: MappingId,
        wanted: Wanted,
        asked: Asked,
        /// Remove this first: it leads to an address that we had.
        replace: Option<(Wanted, Entry)>,
    },
    /// Look whether the entry is there, or where entries are not shown whether the gateway has kept its state; then
    /// [`Keeping::checked`].
    Check {
        id: MappingId,
        wanted: Wanted,
        entry: Entry,
    },
    /// Look at status, uptime and external address, as far as this protocol tells; then [`Keeping::surveyed`].
    Survey(Carrier),
    /// Find the gateway again; then [`Keeping::found`] or [`Keeping::not_found`].
    Search,
}

impl Keeping {
    /// Nothing yet. The seed spreads renewals.
    pub(crate) fn new(gateway: Found, external_address: Option<IpAddr>, now: Instant, seed: u64) -> Self {
        Self {
            mappings: BTreeMap::new(),
            due: Timetable::default(),
            ends: Timetable::default(),
            presence: Presence::Here,
            gateway,
            last_survey: None,
            external_address,
            heard: false,
            hears_epochs: false,
            events: Events::new(now),
            found_in_vain: 0,
            can_check: true,
            check_at: now + schedule::CHECK_UNHEARD,
            last_checked: MappingId(0),
            survey_at: now + schedule::SURVEY,
            look_home_at: now + schedule::LOOK_HOME,
            calm_until: now,
            suspect: BTreeSet::new(),
            sweeping: false,
            changes: Vec::new(),
            random: Random(seed),
        }
    }

    /// Keeps a mapping that has just been made, by a request sent at `since`, for this long at least.
    pub(crate) fn keep(&mut self, id: MappingId, kept: Kept, lease: Option<Duration>, since: Instant) {
        self.mappings.insert(id, kept);
        self.events.own_change(since);
        self.granted(id, lease, since);
    }

    /// Does not keep it any longer. Gives what it was.
    pub(crate) fn forget(&mut self, id: MappingId) -> Option<Kept> {
        self.due.set(id, None);
        self.ends.set(id, None);
        self.suspect.remove(&id);
        self.mappings.remove(&id)
    }

    /// Whether the same entry of the gateway is kept for somebody else too.
    pub(crate) fn keeps_as_well(&self, kept: &Kept) -> bool {
        let entry = |kept: &Kept| (kept.wanted.protocol, kept.wanted.remote_host, kept.entry.external_port);
        self.mappings.values().any(|other| entry(other) == entry(kept))
    }

    /// Whether any is kept by this protocol.
    pub(crate) fn keeps_by(&self, carrier: Carrier) -> bool {
        self.mappings.values().any(|kept| kept.entry.carrier == carrier)
    }

    /// A kept mapping.
    pub(crate) fn get(&self, id: MappingId) -> Option<&Kept> {
        self.mappings.get(&id)
    }

    /// The external address, as was seen last.
    pub(crate) fn external_address(&self) -> Option<IpAddr> {
        self.external_address
    }

    /// What to do now, the most urgent first.
    pub(crate) fn order(&mut self, now: Instant) -> Option<Order> {
        self.end_leases(now);
        if self.mappings.is_empty() {
            return None;
        }
        if let Presence::Away { search_at, .. } = self.presence {
            return (search_at <= now).then_some(Order::Search);
        }
        if let Some((due, id)) = self.due.first()
            && due <= now
        {
            self.events.own_change(now);
            return Some(self.renewal(id));
        }
        if let Some(id) = self.suspect.pop_first() {
            return Some(self.check(id));
        }
        self.sweeping = false;
        if self.check_at <= now {
            self.check_at = now + self.check_interval();
            if let Some(id) = self.next_to_check() {
                return Some(self.check(id));
            }
        }
        if self.survey_at <= now {
            self.survey_at = now + self.survey_interval();
            return Some(Order::Survey(self.surveyed_by()));
        }
        None
    }

    /// Whether it is time to look whether we still have the address that the gateway knows us by; then
    /// [`Keeping::looked_home`].
    pub(crate) fn looks_home(&mut self, now: Instant) -> bool {
        let looks = self.look_home_at <= now && matches!(self.presence, Presence::Here) && !self.mappings.is_empty();
        if looks {
            self.look_home_at = now + schedule::LOOK_HOME;
        }
        looks
    }

    /// When [`Self::order`] or [`Self::looks_home`] has something to say, if nothing comes in between.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        if self.mappings.is_empty() {
            return None;
        }
        let ends = self.ends.first().map(|(at, _)| at);
        let work = match self.presence {
            Presence::Away { search_at, .. } => search_at,
            Presence::Here => {
                let due = self.due.first().map(|(at, _)| at);
                let checks = self.look_home_at.min(self.check_at).min(self.survey_at);
                due.map_or(checks, |due| due.min(checks))
            }
        };
        Some(ends.map_or(work, |ends| ends.min(work)))
    }

    /// What has happened since this was asked before, in order.
    pub(crate) fn changes(&mut self) -> std::vec::Drain<'_, (MappingId, Change)> {
        self.changes.drain(..)
    }

    fn renewal(&self, id: MappingId) -> Order {
        let kept = &self.mappings[&id];
        let mut wanted = kept.wanted.clone();
        let purpose = match kept.next {
            Next::Renew => Purpose::Renewal(kept.entry.external_port),
            Next::Restore => Purpose::Restoration(kept.entry.external_port),
            Next::MakeAnew => {
                wanted.external = match wanted.external {
                    External::Exact(_) => External::Exact(kept.entry.external_port),
                    External::Preferred(_) | External::Any => External::Preferred(kept.entry.external_port),
                };
                Purpose::New
            }
        };
        Order::Renew {
            id,
            wanted,
            asked: Asked {
                purpose,
                by: Some(kept.entry.carrier),
            },
            // PCP and NAT-PMP let nobody remove what leads to another address.
            replace: kept.leads_to.filter(|_| kept.is_shown()).map(|internal_client| {
                let wanted = kept.wanted.clone();
                (
                    Wanted {
                        internal_client,
                        ..wanted
                    },
                    kept.entry,
                )
            }),
        }
    }

    fn check(&mut self, id: MappingId) -> Order {
        self.last_checked = id;
        let kept = &self.mappings[&id];
        Order::Check {
            id,
            wanted: kept.wanted.clone(),
            entry: kept.entry,
        }
    }

    /// In turns, those that can be looked at.
    fn next_to_check(&self) -> Option<MappingId> {
        let after = (Bound::Excluded(self.last_checked), Bound::Unbounded);
        let mut in_turn = self.mappings.range(after).chain(self.mappings.iter());
        let next = in_turn.find(|(_, kept)| self.can_check || !kept.is_shown());
        next.map(|(id, _)| *id)
    }

    /// By UPnP, which tells the most, if that carries any.
    fn surveyed_by(&self) -> Carrier {
        let mut carriers = self.mappings.values().map(|kept| kept.entry.carrier);
        carriers
            .clone()
            .find(|carrier| *carrier == Carrier::Igd)
            .or_else(|| carriers.next())
            .unwrap_or(Carrier::Igd)
    }

    fn check_interval(&self) -> Duration {
        let unheard = |kept: &Kept| !kept.is_shown() && !self.hears_epochs;
        if self.mappings.values().any(unheard) {
            return schedule::CHECK_UNHEARD;
        }
        match (self.heard, self.events.come()) {
            (true, false) => schedule::CHECK_HEARD,
            (true, true) => schedule::CHECK_WITH_EVENTS,
            // No event tells that the gateway has started anew.
            (false, _) => schedule::CHECK_UNHEARD,
        }
    }

    fn survey_interval(&self) -> Duration {
        // Somebody has to notice when it is gone.
        match self.events.come() && self.can_check {
            true => schedule::SURVEY_WITH_EVENTS,
            false => schedule::SURVEY,
        }
    }

    fn tell(&mut self, id: MappingId, change: Change) {
        self.changes.push((id, change));
    }
}

impl Kept {
    /// A mapping that is in force.
    pub(crate) fn new(wanted: Wanted, follows_us: bool, entry: Entry) -> Self {
        Self {
            wanted,
            follows_us,
            entry,
            state: State::InForce,
            leads_to: None,
            next: Next::Renew,
            failures: 0,
        }
    }
}

impl Kept {
    /// Whether its entry can be looked at. PCP and NAT-PMP show none: what they have granted is there until the gateway
    /// loses its state, which their epoch shows.
    fn is_shown(&self) -> bool {
        self.entry.carrier == Carrier::Igd
    }
}

/// What a look at an entry shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It is there and as it should be.
    There,
    /// It is not, and this is the error that it makes.
    Gone(Error),
    /// This gateway cannot be looked at in this way.
    Impossible,
    /// The gateway does not speak the protocol any more that the mapping was made by.
    NotSpoken,
    /// The gateway did not answer, or refused for another reason.
    Unknown(Error),
}
