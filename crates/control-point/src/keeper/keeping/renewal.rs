//! What follows from the result of a renewal or a check.

use std::time::Duration;

use tokio::time::Instant;

use super::presence::is_absence;
use super::{Checked, Keeping, MappingId, Next};
use crate::error::{Error, Untrue};
use crate::keeper::change::{Change, State};
use crate::keeper::schedule;
use crate::mapping::Made;

impl Keeping {
    /// The mapping is there, by a request that was sent at `since`.
    pub(crate) fn renewed(&mut self, id: MappingId, made: &Made, since: Instant) {
        self.found_in_vain = 0;
        let Some(kept) = self.mappings.get_mut(&id) else {
            return;
        };
        let old_port = std::mem::replace(&mut kept.entry, made.entry()).external_port;
        let old_client = kept.leads_to.take();
        let client = kept.wanted.internal_client;
        let before = std::mem::replace(&mut kept.state, State::InForce);
        kept.next = Next::Renew;
        kept.failures = 0;

        if let Some(from) = old_client {
            self.tell(id, Change::InternalClient { from, to: client });
        }
        if old_port != made.external_port {
            let (from, to) = (old_port.get(), made.external_port.get());
            self.tell(id, Change::ExternalPort { from, to });
        }
        let lease = made.lease.map(|seconds| Duration::from_secs(seconds.into()));
        self.tell(
            id,
            match before {
                State::InForce => Change::Renewed { lease },
                _ => Change::Restored,
            },
        );
        if made.external_address.is_some() {
            self.moved_to(made.external_address);
        }
        let sure_for = made.sure_for.map(|seconds| Duration::from_secs(seconds.into()));
        self.granted(id, sure_for, since);
    }

    /// The mapping could not be renewed.
    pub(crate) fn not_renewed(&mut self, id: MappingId, error: Error, now: Instant) {
        let left = self.ends.get(id).map(|end| end.saturating_duration_since(now));
        let Some(kept) = self.mappings.get_mut(&id) else {
            return;
        };
        kept.failures += 1;
        // What was known about the port is not sure any more.
        if kept.next == Next::Restore {
            kept.next = Next::MakeAnew;
        }
        let retry = schedule::retry_after(kept.failures, left);
        self.due.set(id, Some(now + retry));
        if is_absence(&error) {
            self.gone_away(error, now);
        } else if matches!(error, Error::Untrue(_)) || is_taken(&error) {
            self.lost(id, error);
        } else {
            self.unconfirmed(id, error);
        }
    }

    /// A look at the entry.
    pub(crate) fn checked(&mut self, id: MappingId, result: Checked, now: Instant) {
        match result {
            Checked::There => {
                self.found_in_vain = 0;
                let Some(kept) = self.mappings.get_mut(&id) else {
                    return;
                };
                // What could not be renewed is not restored by being there.
                if kept.failures == 0 && matches!(kept.state, State::Unconfirmed(_)) {
                    kept.state = State::InForce;
                    self.tell(id, Change::Restored);
                }
            }
            Checked::Gone(error) => {
                let Some(kept) = self.mappings.get_mut(&id) else {
                    return;
                };
                let was_there = !matches!(kept.state, State::Lost(_));
                kept.next = match error {
                    Error::Untrue(Untrue::NotThere { .. }) => Next::Restore,
                    _ => Next::MakeAnew,
                };
                if was_there {
                    self.due.set(id, Some(now));
                    self.lost(id, error);
                    // Where one entry is gone, all may be: a restart, a reset, a firewall that was reloaded.
                    if !self.sweeping {
                        self.suspect_all(now);
                        self.suspect.remove(&id);
                        // Nor need the external address be what it was.
                        self.survey_at = now;
                    }
                }
            }
            Checked::Impossible => {
                self.can_check = false;
                // From now on, nothing else shows whether it is there.
                self.survey_at = self.survey_at.min(now + schedule::SURVEY);
                self.suspect.clear();
            }
            Checked::NotSpoken => {
                // Another one may keep it. What has failed already is tried again at its time.
                if self.mappings.get(&id).is_some_and(|kept| kept.failures == 0) {
                    self.due.set(id, Some(now));
                }
            }
            Checked::Unknown(error) if is_absence(&error) => self.gone_away(error, now),
            Checked::Unknown(_) => {}
        }
    }

    /// The lease runs from when it was asked for: the gateway cannot have granted it earlier.
    pub(super) fn granted(&mut self, id: MappingId, sure_for: Option<Duration>, since: Instant) {
        let renew_after = schedule::renewal_after(sure_for, self.random.jitter());
        self.due.set(id, Some(since + renew_after));
        self.ends.set(id, sure_for.map(|lease| since + lease));
    }

    pub(super) fn end_leases(&mut self, now: Instant) {
        while let Some((end, id)) = self.ends.first()
            && end <= now
        {
            let kept = &self.mappings[&id];
            let why = match &kept.state {
                State::Unconfirmed(why) => why.clone(),
                _ => Untrue::NotThere {
                    external_port: kept.entry.external_port.get(),
                    protocol: kept.wanted.protocol,
                }
                .into(),
            };
            self.lost(id, why);
        }
    }

    pub(super) fn unconfirmed(&mut self, id: MappingId, why: Error) {
        let Some(kept) = self.mappings.get_mut(&id) else {
            return;
        };
        match kept.state {
            State::InForce => {
                kept.state = State::Unconfirmed(why.clone());
                self.tell(id, Change::Unconfirmed { why });
            }
            State::Unconfirmed(ref mut before) | State::Lost(ref mut before) => *before = why,
            State::Removed => {}
        }
    }

    pub(super) fn lost(&mut self, id: MappingId, why: Error) {
        self.ends.set(id, None);
        let Some(kept) = self.mappings.get_mut(&id) else {
            return;
        };
        if kept.next == Next::Renew {
            kept.next = Next::MakeAnew;
        }
        if !matches!(
            std::mem::replace(&mut kept.state, State::Lost(why.clone())),
            State::Lost(_)
        ) {
            self.tell(id, Change::Lost { why });
        }
    }
}

/// Whether somebody else has the port.
fn is_taken(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => refusal.code == 718,
        Error::PortsRefused(refused) => refused.last.code == 718,
        _ => false,
    }
}
