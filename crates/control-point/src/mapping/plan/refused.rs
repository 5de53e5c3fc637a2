//! From a refusal to another request, or to the end.

use super::{LOWEST_FREE_PORT, Plan, Purpose, Stage, Step, Way};
use crate::error::{Error, PortsRefused, Refusal};
use crate::mapping::entry::Shown;
use crate::mapping::lessons::LeaseLesson;
use crate::mapping::note::Note;

/// How many ports are tried against 501, which usually means no, and sometimes a conflict (libtorrent).
const TRIES_AGAINST_ACTION_FAILED: u8 = 3;

/// How many ports are tried against 606: policies go by port, but rarely by more than low and high (miniupnp#392).
const TRIES_AGAINST_NOT_AUTHORISED: u8 = 2;

impl Plan {
    pub(super) fn refused(&mut self, refusal: Refusal) {
        let renewal = matches!(self.purpose, Purpose::Renewal(port) if port == self.port);
        match refusal.code {
            401 | 602 if self.way == Way::AnyPort => {
                self.lessons.no_any_port = true;
                self.way = Way::Port;
                self.aim(self.port);
            }
            // It chooses a port itself, so these mean something else than a conflict: ask the older way.
            501 | 718 | 729 if self.way == Way::AnyPort => {
                self.way = Way::Port;
                self.aim(self.port);
            }
            725 if self.lease != 0 => self.lease_refused(0),
            402 if self.lease != 0 => self.lease_refused(self.lower_rung()),
            724 => {
                self.lessons.same_ports = true;
                self.only_same_port(refusal);
            }
            726 => {
                self.lessons.wildcard_remote_host = true;
                self.fail(refusal.into());
            }
            718 if renewal && !self.repaired && !self.lessons.no_read_back => self.dispute(refusal),
            718 | 729 => self.conflict(refusal),
            // What is there stays there; a gateway that cannot renew it now may be able to later.
            501 | 606 if renewal => self.fail(refusal.into()),
            501 => self.conflict(refusal),
            606 => self.not_authorised(refusal),
            // What is left says no for a reason that another port does not cure, or one that nobody knows.
            _ => self.fail(refusal.into()),
        }
    }

    /// 402 says that something about the arguments is wrong; where everything else is right it is the lease
    /// (tailscale#15223: for ever only; n0-computer/net-tools#52: a week only).
    fn lower_rung(&self) -> u32 {
        let ladder = [self.wanted.lease.get(), 3600, 604_800, 0];
        let tried = self.lease_lesson.map(|lesson| lesson.instead);
        let position = tried
            .and_then(|tried| ladder.iter().rposition(|&lease| lease == tried))
            .unwrap_or(0);
        let rest = ladder[position + 1..].iter();
        rest.copied()
            .find(|&lease| lease != self.lease && lease != ladder[0])
            .unwrap_or(0)
    }

    fn lease_refused(&mut self, instead: u32) {
        let refused = self
            .lease_lesson
            .map_or(self.lease, |lesson| lesson.refused.min(self.lease));
        self.lease_lesson = Some(LeaseLesson {
            refused: if instead == 0 { 1 } else { refused },
            instead,
        });
        self.lease = instead;
        self.add();
    }

    pub(super) fn only_same_port(&mut self, refusal: Refusal) {
        if self.port == self.wanted.internal_port || !self.wanted.external.is_flexible() {
            return self.fail(refusal.into());
        }
        self.notes.push(Note::SamePortOnly);
        self.candidates.pin(self.wanted.internal_port);
        self.aim(self.wanted.internal_port);
    }

    /// Some refuse to renew what they have; then it is taken away first. Whose it is must be known for that.
    fn dispute(&mut self, refusal: Refusal) {
        self.last_refusal = Some(refusal);
        self.stage = Stage::Disputing;
        self.next = Step::Read {
            external_port: self.port,
        };
    }

    pub(super) fn disputed(&mut self, result: Result<Shown, Error>) {
        let ours = result.is_ok_and(|shown| shown.may_be_overwritten(&self.wanted));
        if ours {
            self.repair();
        } else if let Some(refusal) = self.last_refusal.take() {
            self.conflict(refusal);
        }
    }

    /// The port is taken, or so it seems.
    pub(super) fn conflict(&mut self, refusal: Refusal) {
        if refusal.code == 501 {
            self.failed += 1;
            if self.failed >= TRIES_AGAINST_ACTION_FAILED {
                return self.fail_refused(refusal);
            }
        }
        self.note_low_port();
        self.another_port(refusal.into());
    }

    fn not_authorised(&mut self, refusal: Refusal) {
        self.unauthorised += 1;
        if self.unauthorised >= TRIES_AGAINST_NOT_AUTHORISED {
            return self.fail_refused(refusal);
        }
        self.note_low_port();
        self.another_port(refusal.into());
    }

    fn note_low_port(&mut self) {
        if self.stage == Stage::Adding && self.port.get() < LOWEST_FREE_PORT {
            self.notes.push(Note::LowPortRefused(self.port.get()));
        }
    }

    pub(super) fn another_port(&mut self, error: Error) {
        match self.candidates.next() {
            Some(port) => self.aim(port),
            None => match error {
                Error::Refused(refusal) => self.fail_refused(refusal),
                error => self.fail(error),
            },
        }
    }

    fn fail_refused(&mut self, last: Refusal) {
        let ports: Vec<u16> = self.candidates.tried().collect();
        self.fail(match ports.len() {
            0 | 1 => last.into(),
            _ => PortsRefused { ports, last }.into(),
        });
    }
}
