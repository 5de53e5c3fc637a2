//! What is remembered of a server between requests: its epoch, its address, what it refused. No clock: times count from
//! when it was found.

use std::net::IpAddr;
use std::time::Duration;

use portreeve_wire::pcp::client::{Continuity, Observed};

use super::Carrier;
use super::message::{LeftOut, Message, continuity};
use crate::error::PortControlRefusal;

/// Most refusals that are remembered; the oldest is forgotten for the next.
const REFUSALS: usize = 64;

/// One server, by the protocol that it is talked to.
#[derive(Debug, Default)]
pub(super) struct Memory {
    heard: Option<Observed>,
    era: u64,
    external_address: Option<IpAddr>,
    left_out: LeftOut,
    refusals: Vec<Remembered>,
}

/// A request that was refused, and until when the same gets the same answer.
#[derive(Debug)]
struct Remembered {
    message: Message,
    until: Duration,
    refusal: PortControlRefusal,
}

impl Memory {
    /// Judges an epoch that was heard at `now`, and takes it for the next judgement. With a lost epoch goes all that was
    /// known: another firmware may have started.
    pub(super) fn hear(&mut self, carrier: Carrier, epoch: u32, now: Duration) -> Continuity {
        let observed = Observed {
            epoch,
            at: now.as_secs(),
        };
        let continuity = continuity(carrier, self.heard.replace(observed), observed);
        if continuity == Continuity::Lost {
            self.era += 1;
            self.external_address = None;
            self.left_out = LeftOut::default();
            self.refusals.clear();
        }
        continuity
    }

    /// How often the epoch was lost.
    pub(super) fn era(&self) -> u64 {
        self.era
    }

    /// The external address that was told last in this epoch.
    pub(super) fn external_address(&self) -> Option<IpAddr> {
        self.external_address
    }

    /// Takes the external address that was told; tells whether it is another one than before.
    pub(super) fn set_external_address(&mut self, address: Option<IpAddr>) -> bool {
        std::mem::replace(&mut self.external_address, address) != address
    }

    /// What requests are made without.
    pub(super) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// A request without these was granted.
    pub(super) fn set_left_out(&mut self, left_out: LeftOut) {
        self.left_out = left_out;
    }

    /// The refusal that this request still gets, so that it need not be sent (RFC 6887 section 7.2, Lifetime).
    pub(super) fn refusal(&self, message: &Message, now: Duration) -> Option<&PortControlRefusal> {
        let same = |known: &&Remembered| known.until > now && known.message == *message;
        self.refusals.iter().find(same).map(|known| &known.refusal)
    }

    /// A request was refused.
    pub(super) fn remember(&mut self, message: &Message, refusal: &PortControlRefusal, now: Duration) {
        self.refusals
            .retain(|known| known.until > now && known.message != *message);
        if refusal.lifetime.is_zero() {
            return;
        }
        if self.refusals.len() == REFUSALS {
            self.refusals.remove(0);
        }
        self.refusals.push(Remembered {
            message: message.clone(),
            until: now + refusal.lifetime,
            refusal: refusal.clone(),
        });
    }
}
