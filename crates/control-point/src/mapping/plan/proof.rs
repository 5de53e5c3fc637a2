//! From the gateway's yes to the proof.

use std::num::NonZeroU16;
use std::time::Duration;

use super::{Afterwards, FRESH, LOWEST_FREE_PORT, Listed, Made, Plan, Stage, Step, known_refusal};
use crate::error::{Error, Refusal, Untrue};
use crate::mapping::entry::{Relation, Shown};
use crate::mapping::note::{Note, Verification};
use crate::mapping::wanted::External;
use crate::port_control::Carrier;

impl Plan {
    pub(super) fn prove(&mut self, port: NonZeroU16) {
        self.port = port;
        if self.lessons.no_read_back {
            let error = match self.answer_lost.take() {
                Some(lost) => return self.fail(lost),
                None => Error::from(known_refusal("GetSpecificPortMappingEntry", 401, "Invalid Action")),
            };
            return self.done(None, Verification::Impossible(Box::new(error)));
        }
        self.stage = Stage::Proving;
        self.next = Step::Read { external_port: port };
    }

    pub(super) fn proved(&mut self, result: Result<Shown, Error>) {
        match result {
            Ok(shown) => match shown.relation(&self.wanted) {
                Relation::Same => self.done(Some(&shown), Verification::Proven),
                Relation::Disabled => self.repair_or(Untrue::Disabled {
                    external_port: self.port.get(),
                    protocol: self.wanted.protocol,
                }),
                Relation::OtherPort => self.repair_or(self.elsewhere(&shown)),
                // It is not ours, so it is left alone.
                Relation::OtherHost | Relation::Absent => {
                    let error = self.elsewhere(&shown);
                    self.another_port(error.into());
                }
            },
            Err(Error::Refused(Refusal { code: 713 | 714, .. })) => self.search(),
            Err(error) => match self.answer_lost.take() {
                Some(lost) => self.fail(lost),
                None => self.done(None, Verification::Impossible(Box::new(error))),
            },
        }
    }

    pub(super) fn search(&mut self) {
        if self.searched {
            return self.missing();
        }
        self.searched = true;
        self.stage = Stage::Searching;
        self.next = Step::Search;
    }

    pub(super) fn is_moved(&self, entry: &Listed) -> bool {
        entry.protocol == self.wanted.protocol
            && entry.external_port != self.port
            && entry.shown.relation(&self.wanted) == Relation::Same
            && entry.shown.client_name().is_none()
            && entry.shown.description.trim() == self.wanted.description.as_str().trim()
    }

    pub(super) fn missing(&mut self) {
        if let Some(lost) = self.answer_lost.take() {
            return self.fail(lost);
        }
        if !self.repaired {
            return self.repair();
        }
        let error = self.not_there();
        if self.port.get() < LOWEST_FREE_PORT && self.wanted.external.is_flexible() {
            self.notes.push(Note::LowPortIgnored(self.port.get()));
            return self.clear(Afterwards::TryAnotherPort(error));
        }
        self.clear(Afterwards::Fail(error));
    }

    fn repair_or(&mut self, untrue: Untrue) {
        if self.repaired {
            self.clear(Afterwards::Fail(untrue.into()));
        } else {
            self.repair();
        }
    }

    pub(super) fn repair(&mut self) {
        self.repaired = true;
        self.notes.push(Note::MadeAgain);
        self.clear(Afterwards::AddAgain);
    }

    fn clear(&mut self, afterwards: Afterwards) {
        self.stage = Stage::Clearing(afterwards);
        self.next = Step::Delete {
            external_port: self.port,
        };
    }

    pub(super) fn not_there(&self) -> Error {
        Untrue::NotThere {
            external_port: self.port.get(),
            protocol: self.wanted.protocol,
        }
        .into()
    }

    fn elsewhere(&self, shown: &Shown) -> Untrue {
        Untrue::Elsewhere {
            external_port: self.port.get(),
            protocol: self.wanted.protocol,
            wanted: format!("{}:{}", self.wanted.internal_client, self.wanted.internal_port),
            found: shown.target(),
        }
    }
}

impl Plan {
    pub(super) fn fail(&mut self, error: Error) {
        self.stage = Stage::Over;
        self.next = Step::Failed(error);
    }

    pub(super) fn done(&mut self, shown: Option<&Shown>, verification: Verification) {
        let mut notes = std::mem::take(&mut self.notes);
        if let External::Exact(wanted) | External::Preferred(wanted) = self.wanted.external
            && wanted != self.port
            && !notes.iter().any(|note| matches!(note, Note::PortMoved { .. }))
        {
            notes.push(Note::AnotherPort {
                wanted: wanted.get(),
                given: self.port.get(),
            });
        }
        let granted = Granted::of(self.lease, shown.map(|shown| shown.lease));
        let taken = match self.lease {
            // WANIPConnection:2 makes a week of it.
            0 => granted.lease,
            asked => Some(asked),
        };
        match taken {
            None => notes.push(Note::PermanentOnly),
            Some(taken) if taken != self.wanted.lease.get() => notes.push(Note::AnotherLease {
                wanted: seconds(self.wanted.lease.get()),
                taken: seconds(taken),
            }),
            Some(_) => {}
        }
        if let Some(name) = shown.and_then(Shown::client_name) {
            notes.push(Note::ClientNamed(name.to_owned()));
        }
        notes.extend(self.answer_lost.take().map(|error| Note::AnswerLost(Box::new(error))));
        notes.extend(granted.note);
        if let Some(lesson) = self.lease_lesson {
            self.lessons.lease = Some(lesson);
        }
        self.stage = Stage::Over;
        self.next = Step::Done(Made {
            carrier: Carrier::Igd,
            external_port: self.port,
            lease: granted.lease,
            sure_for: granted.sure_for,
            verification,
            notes,
            external_address: None,
        });
    }
}

/// What the lease that a gateway shows says about the lease that it was asked for.
pub(super) struct Granted {
    pub(super) lease: Option<u32>,
    pub(super) sure_for: Option<u32>,
    pub(super) note: Option<Note>,
}

impl Granted {
    pub(super) fn of(asked: u32, shown: Option<u32>) -> Self {
        let as_asked = Self {
            lease: (asked != 0).then_some(asked),
            sure_for: (asked != 0).then_some(asked),
            note: None,
        };
        match (asked, shown) {
            (_, None) | (0, Some(0)) => as_asked,
            (0, Some(shown)) => Self {
                lease: Some(shown),
                sure_for: Some(shown),
                note: None,
            },
            (_, Some(0)) => Self {
                note: Some(Note::LeaseNotShown),
                ..as_asked
            },
            (asked, Some(shown)) if shown <= asked && shown + FRESH >= asked => as_asked,
            (asked, Some(shown)) => Self {
                lease: Some(shown),
                sure_for: Some(shown.min(asked)),
                note: Some(Note::LeaseChanged {
                    asked: seconds(asked),
                    shown: seconds(shown),
                }),
            },
        }
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
