//! Whether the gateway is there, and whether it is the same as before.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portreeve_wire::Url;
use tokio::time::Instant;

use super::{Keeping, MappingId, Next};
use crate::error::{Conversation, Error};
use crate::keeper::change::Change;
use crate::keeper::schedule;
use crate::silence::is_silence;

/// Whether the gateway is there.
#[derive(Debug)]
pub(super) enum Presence {
    Here,
    /// It is not, or not where it was.
    Away {
        since: Instant,
        searches: u32,
        search_at: Instant,
        why: Option<Error>,
    },
}

/// What identifies a run of a gateway and our way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its `UDN`: whether it is the same gateway; empty where it does not speak UPnP.
    pub(crate) udn: String,
    /// Its address, which tells the same where one has no `UDN`.
    pub(crate) host: IpAddr,
    /// `BOOTID.UPNP.ORG` (UDA 1.1 section 1.2).
    pub(crate) boot_id: Option<u32>,
    /// The URL of its description.
    pub(crate) location: String,
    /// Our address towards it.
    pub(crate) local: Ipv4Addr,
}

/// What a look at the gateway shows; `None` is what it would not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) connected: Option<bool>,
    /// Seconds.
    pub(crate) uptime: Option<u32>,
    /// The inner `None` is a gateway without an address.
    pub(crate) external_address: Option<Option<IpAddr>>,
    pub(crate) system_update_id: Option<u32>,
}

impl Found {
    fn is_another_than(&self, before: &Self) -> bool {
        match self.udn.is_empty() || before.udn.is_empty() {
            true => self.host != before.host,
            false => self.udn != before.udn,
        }
    }
}

impl Keeping {
    /// Whether the gateway is there, as far as is known.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.presence, Presence::Here)
    }

    /// The result of a survey.
    pub(crate) fn surveyed(&mut self, result: Result<Survey, Error>, now: Instant) {
        let survey = match result {
            Ok(survey) => survey,
            Err(why) => return self.gone_away(why, now),
        };
        self.found_in_vain = 0;
        let before = self.last_survey.replace(survey.clone()).unwrap_or_default();
        // Both only ever grow while a gateway runs; SystemUpdateID wraps once in a lifetime.
        let restarted =
            went_back(before.uptime, survey.uptime) || went_back(before.system_update_id, survey.system_update_id);
        let moved = survey.external_address.is_some_and(|address| self.moved_to(address));
        if restarted || moved {
            self.suspect_all(now);
        }
        if moved && self.events.missed(survey.external_address) {
            self.events_come(false, now);
        }
        if before.connected == Some(false) && survey.connected == Some(true) {
            self.retry_failed(now);
        }
    }

    /// The gateway was found, there or elsewhere, or another one in its place.
    pub(crate) fn found(&mut self, mut found: Found, now: Instant) {
        self.presence = Presence::Here;
        self.found_in_vain += 1;
        // Not every way of finding it tells.
        found.boot_id = found.boot_id.or(self.gateway.boot_id);
        let before = std::mem::replace(&mut self.gateway, found);
        if before.local != self.gateway.local {
            self.follow(before.local, now);
        }
        if self.gateway.is_another_than(&before) {
            self.start_over(now);
        } else if self.gateway.udn.is_empty() {
            self.gateway.udn = before.udn;
        }
        // What was not there before may be somebody else's by now.
        for kept in self.mappings.values_mut().filter(|kept| kept.next == Next::Restore) {
            kept.next = Next::MakeAnew;
        }
        // Even if it seems to be the same run, it was away for a reason. What is there is only looked at.
        self.suspect_all(now);
        self.retry_failed(now);
        self.survey_at = now;
        self.calm_until = now + schedule::CALM;
    }

    /// The gateway was not found.
    pub(crate) fn not_found(&mut self, error: Error, now: Instant) {
        let Presence::Away {
            since,
            ref mut searches,
            ref mut search_at,
            ref mut why,
        } = self.presence
        else {
            return;
        };
        *searches += 1;
        *search_at = now + schedule::search_after(now.saturating_duration_since(since), *searches);
        let why = why.take().unwrap_or(error);
        let ids: Vec<MappingId> = self.mappings.keys().copied().collect();
        for id in ids {
            self.unconfirmed(id, why.clone());
        }
    }

    /// `ssdp:alive` of this gateway.
    pub(crate) fn heard_alive(&mut self, boot_id: Option<u32>, location: Option<&str>, now: Instant) {
        self.heard = true;
        let another_run = boot_id.is_some() && self.gateway.boot_id.is_some() && boot_id != self.gateway.boot_id;
        // Descriptions of several versions may be announced, but they are all in one place.
        let elsewhere = location.is_some_and(|location| is_elsewhere(location, &self.gateway.location));
        if another_run || elsewhere {
            location.unwrap_or_default().clone_into(&mut self.gateway.location);
        }
        // Also where the search does not tell, the same announcement leads to no further search. Nor does every way of
        // finding a gateway tell: without this, none of its restarts would be noticed.
        self.gateway.boot_id = boot_id.or(self.gateway.boot_id);
        if matches!(self.presence, Presence::Away { .. }) {
            self.search_at(now);
        } else if another_run || elsewhere {
            self.search_unless_calm(now);
        }
    }

    /// `ssdp:byebye` of this gateway: either its end, or the first word of its next run.
    pub(crate) fn heard_byebye(&mut self, now: Instant) {
        self.heard = true;
        if matches!(self.presence, Presence::Here) {
            self.search_unless_calm(now);
        }
    }

    /// `ssdp:update` of this gateway: its interfaces changed.
    pub(crate) fn heard_update(&mut self, next_boot_id: Option<u32>, now: Instant) {
        self.heard = true;
        self.gateway.boot_id = next_boot_id.or(self.gateway.boot_id);
        if now < self.calm_until {
            self.check_at = self.check_at.min(self.calm_until);
        } else {
            self.suspect_all(now);
            self.calm_until = now + schedule::CALM;
        }
    }

    /// The machine was asleep, and leases have run on: nobody knows how far.
    pub(crate) fn woke_up(&mut self, now: Instant) {
        let ids: Vec<MappingId> = self.mappings.keys().copied().collect();
        for id in ids {
            self.due.set(id, Some(now));
        }
        self.look_home_at = now;
        self.survey_at = now;
        if matches!(self.presence, Presence::Away { .. }) {
            self.search_at(now);
        }
    }

    /// Whether we still have the address that the gateway knows us by.
    pub(crate) fn looked_home(&mut self, has_address: bool, now: Instant) {
        if !has_address {
            self.search_at(now);
        }
    }

    /// It does not answer. Some are found and do not answer all the same, and are not searched for without end.
    pub(super) fn gone_away(&mut self, error: Error, now: Instant) {
        self.search_at(now + schedule::pause_after(self.found_in_vain));
        if let Presence::Away { why, .. } = &mut self.presence {
            why.get_or_insert(error);
        }
    }

    /// Anybody can announce anything, as often as they like, and neither we nor the gateway shall be kept busy by that:
    /// if it has just been found, asking it how it is must do.
    fn search_unless_calm(&mut self, now: Instant) {
        if now < self.calm_until {
            self.survey_at = self.survey_at.min(self.calm_until);
        } else {
            self.search_at(now);
        }
    }

    fn search_at(&mut self, time: Instant) {
        match &mut self.presence {
            Presence::Away { search_at, .. } => *search_at = time,
            Presence::Here => {
                self.presence = Presence::Away {
                    since: time,
                    searches: 0,
                    search_at: time,
                    why: None,
                }
            }
        }
    }

    /// Our address is another one: the mappings that lead to us have to lead there.
    fn follow(&mut self, before: Ipv4Addr, now: Instant) {
        let ours: Vec<MappingId> = self
            .mappings
            .iter()
            .filter(|(_, kept)| kept.follows_us)
            .map(|(id, _)| *id)
            .collect();
        for id in ours {
            let Some(kept) = self.mappings.get_mut(&id) else {
                continue;
            };
            kept.wanted.internal_client = self.gateway.local;
            kept.leads_to = kept.leads_to.or(Some(before)).filter(|&old| old != self.gateway.local);
            kept.next = Next::MakeAnew;
            kept.failures = 0;
            self.due.set(id, Some(now));
        }
    }

    /// Another gateway has none of our mappings, and what it has on their ports is not ours.
    fn start_over(&mut self, now: Instant) {
        self.can_check = true;
        self.last_survey = None;
        let ids: Vec<MappingId> = self.mappings.keys().copied().collect();
        for id in ids {
            if let Some(kept) = self.mappings.get_mut(&id) {
                kept.leads_to = None;
                kept.next = Next::MakeAnew;
            }
            self.due.set(id, Some(now));
        }
    }

    pub(super) fn moved_to(&mut self, address: Option<IpAddr>) -> bool {
        let from = std::mem::replace(&mut self.external_address, address);
        if from == address {
            return false;
        }
        let ids: Vec<MappingId> = self.mappings.keys().copied().collect();
        for id in ids {
            self.tell(id, Change::ExternalAddress { from, to: address });
        }
        true
    }

    /// Looks at all entries, or writes them again if they cannot be looked at.
    pub(super) fn suspect_all(&mut self, now: Instant) {
        let granted = self.mappings.iter().filter(|(_, kept)| !kept.is_shown());
        let granted: Vec<MappingId> = granted.map(|(id, _)| *id).collect();
        for id in granted {
            self.due.set(id, Some(now));
        }
        self.suspect_shown(now);
    }

    /// The same for those that can be shown.
    pub(super) fn suspect_shown(&mut self, now: Instant) {
        let shown = self.mappings.iter().filter(|(_, kept)| kept.is_shown());
        let shown: Vec<MappingId> = shown.map(|(id, _)| *id).collect();
        if shown.is_empty() {
            return;
        }
        if self.can_check {
            self.sweeping = true;
            // What is about to be written anyway needs no look.
            let not_due = |id: &MappingId| self.due.get(*id).is_none_or(|due| due > now);
            self.suspect = shown.into_iter().filter(not_due).collect();
            return;
        }
        for id in shown {
            self.due.set(id, Some(now));
        }
    }

    fn retry_failed(&mut self, now: Instant) {
        let failed: Vec<MappingId> = self
            .mappings
            .iter()
            .filter(|(_, kept)| kept.failures > 0)
            .map(|(id, _)| *id)
            .collect();
        for id in failed {
            self.due.set(id, Some(now));
        }
    }
}

fn went_back(before: Option<u32>, now: Option<u32>) -> bool {
    matches!((before, now), (Some(before), Some(now)) if now < before)
}

/// Whether a gateway that was at one of these URLs and announces the other has moved. Over IPv6 it announces one for each
/// of its addresses, and that of another family says nothing about this one.
pub(crate) fn is_elsewhere(announced: &str, known: &str) -> bool {
    let authority = |url: &str| Url::parse(url).map(|url| url.authority());
    match (authority(announced), authority(known)) {
        (Ok(SocketAddr::V4(announced)), Ok(SocketAddr::V4(known))) => announced != known,
        (Ok(SocketAddr::V6(announced)), Ok(SocketAddr::V6(known))) => announced.port() != known.port(),
        (Ok(_), Ok(_)) => false,
        _ => announced != known,
    }
}

/// Whether the error can mean that the gateway is not there, or not under these URLs any more: they may change with every
/// start (MikroTik), and the old ones are answered with 404.
pub(crate) fn is_absence(error: &Error) -> bool {
    is_silence(error) || matches!(error, Error::Conversation(Conversation::Status { .. }))
}
