//! What follows from the epoch of PCP and NAT-PMP (RFC 6887 section 8.5, RFC 6886 section 3.6).

use std::time::Duration;

use tokio::time::Instant;

use super::{Keeping, MappingId};
use crate::error::Untrue;

/// How the loss of an epoch was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learnt {
    /// By an answer to us.
    Alone,
    /// With everybody else, by an announcement.
    WithOthers,
}

/// How long whoever hears an announcement may wait before it asks for its mappings again. The standard spreads clients
/// over 5 seconds, for the networks of providers; in a home there are a few, which a gateway serves within milliseconds,
/// and a mapping shall be back within 5 seconds of the restart.
const SPREAD: Duration = Duration::from_secs(2);

impl Keeping {
    /// The gateway has lost its state: what it had granted by PCP and NAT-PMP is not there any more, and other entries are
    /// looked at.
    pub(crate) fn epoch_lost(&mut self, learnt: Learnt, now: Instant) {
        self.hears_epochs |= learnt == Learnt::WithOthers;
        let later = match learnt {
            Learnt::Alone => Duration::ZERO,
            Learnt::WithOthers => SPREAD.mul_f64(f64::midpoint(1.0, self.random.jitter())),
        };
        let granted = self.mappings.iter().filter(|(_, kept)| !kept.is_shown());
        let granted: Vec<MappingId> = granted.map(|(id, _)| *id).collect();
        for id in granted {
            let Some(kept) = self.mappings.get_mut(&id) else {
                continue;
            };
            kept.failures = 0;
            let why = Untrue::NotThere {
                external_port: kept.entry.external_port.get(),
                protocol: kept.wanted.protocol,
            };
            self.lost(id, why.into());
            self.due.set(id, Some(now + later));
        }
        self.suspect_shown(now);
    }

    /// The gateway has announced another external address than it had: it is asked for it.
    pub(crate) fn address_announced(&mut self, now: Instant) {
        self.hears_epochs = true;
        self.survey_at = now;
    }
}
