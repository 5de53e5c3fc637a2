//! What follows from what the gateway tells by itself.
//!
//! An event is an occasion to look, sooner than it would be time: what is believed is what the gateway answers.

use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use tokio::time::Instant;

use super::{Keeping, MappingId};
use crate::keeper::schedule;

/// How many entries are looked at when somebody has changed something: if one is gone, the others follow.
const SAMPLE: usize = 4;

/// How long after a request of ours a change is taken for its effect. A check finds later what that hides.
const OWN: Duration = Duration::from_secs(3);

/// Of messages in a row, each counts for so long.
const DRAIN: Duration = Duration::from_secs(2);

/// With more, some may be waiting at the gateway, which spaces them: what it tells may be minutes old.
const BUSY: u32 = 8;

/// With more, hearing of everything costs more than asking for what matters. A thousand mappings made at once, and as
/// many renewed every half an hour, stay below.
const TOO_MANY: u32 = 1200;

/// What the gateway has told by itself.
#[derive(Debug)]
pub(super) struct Events {
    come: bool,
    connected: Option<bool>,
    /// The inner `None` is a gateway without an address.
    external_address: Option<Option<IpAddr>>,
    system_update_id: Option<u32>,
    /// Until then, a change of the table is most likely our own.
    own_until: Instant,
    /// Before then, nothing is looked at because of another event.
    calm_until: Instant,
    /// Messages of late, and since when less of them count.
    messages: u32,
    draining_since: Instant,
}

/// An event; `None` is what it says nothing about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) connected: Option<bool>,
    /// The inner `None` is a gateway without an address.
    pub(crate) external_address: Option<Option<IpAddr>>,
    pub(crate) system_update_id: Option<u32>,
}

impl Events {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            come: false,
            connected: None,
            external_address: None,
            system_update_id: None,
            own_until: now,
            calm_until: now,
            messages: 0,
            draining_since: now,
        }
    }

    /// Whether events come.
    pub(super) fn come(&self) -> bool {
        self.come
    }

    /// Whether they come, but have not told of this address that the gateway has now: a firewall may have closed since, or
    /// the gateway given up.
    pub(super) fn missed(&self, external_address: Option<Option<IpAddr>>) -> bool {
        self.come && self.external_address != external_address
    }

    fn count(&mut self, now: Instant) {
        let drained = now.saturating_duration_since(self.draining_since).as_secs() / DRAIN.as_secs();
        let drained = u32::try_from(drained).unwrap_or(u32::MAX);
        self.draining_since += DRAIN.saturating_mul(drained);
        self.messages = self.messages.saturating_sub(drained).saturating_add(1);
    }

    /// We change something from now on.
    pub(super) fn own_change(&mut self, now: Instant) {
        self.own_until = self.own_until.max(now + OWN);
    }
}

impl Keeping {
    /// We are about to change something at the gateway.
    pub(crate) fn changes_something(&mut self, now: Instant) {
        self.events.own_change(now);
    }

    /// Events come from now on, or do not any more.
    pub(crate) fn events_come(&mut self, come: bool, now: Instant) {
        if self.events.come == come {
            return;
        }
        self.events.come = come;
        (self.events.connected, self.events.system_update_id) = (None, None);
        self.events.external_address = None;
        self.check_at = self.check_at.min(now + self.check_interval());
        let survey_at = now + self.survey_interval();
        self.survey_at = match come {
            true => survey_at,
            false => self.survey_at.min(survey_at),
        };
    }

    /// Whether so much is told that hearing it is not worth while.
    pub(crate) fn is_told_too_much(&self) -> bool {
        self.events.messages > TOO_MANY
    }

    /// An event.
    pub(crate) fn told(&mut self, told: Told, now: Instant) {
        // Those that seemed to have stopped come after all.
        self.events_come(true, now);
        let events = &mut self.events;
        events.external_address = told.external_address.or(events.external_address);
        events.count(now);
        let busy = events.messages > BUSY;
        let connected = events.connected;
        events.connected = told.connected.or(connected);
        let moved = told
            .external_address
            .is_some_and(|address| address != self.external_address);
        let switched = connected.is_some() && told.connected.is_some() && told.connected != connected;
        let before = events.system_update_id;
        events.system_update_id = told.system_update_id.or(before);
        let changed = before.is_some() && told.system_update_id.is_some() && told.system_update_id != before;
        let own = now < events.own_until;
        let due = now.max(events.calm_until);
        if moved || switched {
            events.calm_until = due + schedule::CALM;
            self.survey_at = self.survey_at.min(due);
        }
        if busy {
            self.survey_at = self.survey_at.min(now + schedule::SURVEY);
        } else if changed && !own && self.can_check && self.events.calm_until <= now {
            self.events.calm_until = now + schedule::CALM;
            self.suspect_some();
        }
    }

    /// The gateway has forgotten that it was to tell us, and perhaps all else too.
    pub(crate) fn forgotten(&mut self, now: Instant) {
        if self.events.calm_until <= now {
            self.events.calm_until = now + schedule::CALM;
            self.survey_at = now;
            if self.can_check {
                self.suspect_some();
            } else {
                self.suspect_all(now);
            }
        }
    }

    /// In turns.
    fn suspect_some(&mut self) {
        let after = (Bound::Excluded(self.last_checked), Bound::Unbounded);
        let in_turn = self.mappings.range(after).chain(self.mappings.iter());
        let some: Vec<MappingId> = in_turn.map(|(id, _)| *id).take(SAMPLE).collect();
        self.last_checked = some.last().copied().unwrap_or(self.last_checked);
        self.suspect.extend(some);
    }
}
