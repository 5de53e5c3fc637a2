//! Whether the gateway is there, and whether it is the same as before.

use std::net::Ipv6Addr;

use tokio::time::Instant;

use super::{Hold, Keeping, PinholeChange};
use crate::error::Error;
use crate::keeper::{is_elsewhere, schedule};

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

/// What identifies a run of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// `BOOTID.UPNP.ORG` (UDA 1.1 section 1.2).
    pub(crate) boot_id: Option<u32>,
    /// The URL of its description.
    pub(crate) location: String,
}

impl Keeping {
    /// The gateway was found, there or elsewhere, or another one in its place. What it has is not known: asking for the
    /// pinhole extends it if it is there.
    pub(crate) fn found(&mut self, found: Found, now: Instant) {
        self.presence = Presence::Here;
        self.found_in_vain += 1;
        // Not every way of finding it tells.
        let boot_id = found.boot_id.or(self.gateway.boot_id);
        self.gateway = Found { boot_id, ..found };
        self.can_check = true;
        self.suspect(now);
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
        self.unconfirmed(why);
    }

    /// `ssdp:alive` of this gateway.
    pub(crate) fn heard_alive(&mut self, boot_id: Option<u32>, location: Option<&str>, now: Instant) {
        self.heard = true;
        let another_run = boot_id.is_some() && self.gateway.boot_id.is_some() && boot_id != self.gateway.boot_id;
        let elsewhere = location.is_some_and(|location| is_elsewhere(location, &self.gateway.location));
        if another_run || elsewhere {
            location.unwrap_or_default().clone_into(&mut self.gateway.location);
        }
        // The same announcement leads to no further search.
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
        self.check_at = self.check_at.min(now.max(self.calm_until));
    }

    /// The machine was asleep, and the lease has run on: nobody knows how far.
    pub(crate) fn woke_up(&mut self, now: Instant) {
        self.suspect(now);
        self.look_home_at = now;
        if matches!(self.presence, Presence::Away { .. }) {
            self.search_at(now);
        }
    }

    /// Whether we still have the addresses by which we talk to the gateway and are reached.
    pub(crate) fn looked_home(&mut self, has_addresses: bool, now: Instant) {
        if !has_addresses {
            self.search_at(now);
        }
    }

    /// The pinhole has to lead to another address of ours.
    pub(crate) fn follow(&mut self, from: Ipv6Addr, to: Ipv6Addr, now: Instant) {
        self.hold = Hold::Nothing;
        self.ends = None;
        self.due = now;
        self.changes.push(PinholeChange::InternalClient { from, to });
    }

    /// It does not answer. Some are found and do not answer all the same, and are not searched for without end.
    pub(super) fn gone_away(&mut self, error: Error, now: Instant) {
        self.search_at(now + schedule::pause_after(self.found_in_vain));
        if let Presence::Away { why, .. } = &mut self.presence {
            why.get_or_insert(error);
        }
    }

    /// Anybody can announce anything, as often as they like, and neither we nor the gateway shall be kept busy by that.
    fn search_unless_calm(&mut self, now: Instant) {
        if now < self.calm_until {
            self.check_at = self.check_at.min(self.calm_until);
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
}
