//! How one mapping is made and proven: what to ask the gateway next, decided from what it answered. Pure.
//!
//! Ask [`Plan::next`], carry the step out, hand the result to the method of the same name, and so on until the step is
//! [`Step::Done`] or [`Step::Failed`]. Every path ends: the ports to try, the leases to try and the repairs are counted.

mod proof;
mod refused;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::Protocol;
use super::candidates::Candidates;
use super::entry::Shown;
use super::lessons::{LeaseLesson, Lessons};
use super::note::{Note, Verification};
use super::wanted::{External, Wanted};
use crate::error::{Error, Refusal};
use crate::port_control::Carrier;
use crate::silence::is_silence;

/// Making, or renewing, one mapping.
#[derive(Debug)]
pub(crate) struct Plan {
    wanted: Wanted,
    gateway: Abilities,
    lessons: Lessons,
    purpose: Purpose,
    candidates: Candidates,
    way: Way,
    port: NonZeroU16,
    lease: u32,
    /// A lesson that counts once a mapping has been made by it.
    lease_lesson: Option<LeaseLesson>,
    stage: Stage,
    next: Step,
    notes: Vec<Note>,
    /// The answer to the last request did not arrive; reading back tells whether the request did.
    answer_lost: Option<Error>,
    /// Deleted and made again once already on this port.
    repaired: bool,
    /// Looked whether the gateway put the mapping on another port.
    searched: bool,
    /// Ports refused with 606, and with 501.
    unauthorised: u8,
    failed: u8,
    last_refusal: Option<Refusal>,
}

/// What the gateway's version offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abilities {
    /// WANIPConnection:1 or WANPPPConnection:1.
    Version1,
    /// WANIPConnection:2: it has AddAnyPortMapping, and refuses to overwrite another host's mapping.
    Version2,
}

/// Why the mapping is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// There is none.
    New,
    /// It is there, on this port.
    Renewal(NonZeroU16),
    /// It was on this port, and has just been seen not to be there.
    Restoration(NonZeroU16),
}

/// How to ask for a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// AddPortMapping: this port.
    Port,
    /// AddAnyPortMapping: this port, or any other.
    AnyPort,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// GetSpecificPortMappingEntry.
    Read { external_port: NonZeroU16 },
    /// AddPortMapping or AddAnyPortMapping.
    Add {
        way: Way,
        external_port: NonZeroU16,
        lease: u32,
    },
    /// Walk the list for entries of the wanted protocol that lead to our client and internal port.
    Search,
    /// DeletePortMapping.
    Delete { external_port: NonZeroU16 },
    /// The mapping is there.
    Done(Made),
    /// It cannot be had.
    Failed(Error),
}

/// A mapping that the gateway has, as far as it can be made to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) carrier: Carrier,
    pub(crate) external_port: NonZeroU16,
    /// The lease that the gateway grants, in seconds; none if it is for ever.
    pub(crate) lease: Option<u32>,
    /// The lease to reckon with: the shorter of the one asked for and the one shown.
    pub(crate) sure_for: Option<u32>,
    pub(crate) verification: Verification,
    pub(crate) notes: Vec<Note>,
    /// The external address, where it is told with the mapping.
    pub(crate) external_address: Option<IpAddr>,
}

/// Where a mapping is: which one of a gateway's it is, and by which protocol it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) carrier: Carrier,
    pub(crate) external_port: NonZeroU16,
}

impl Made {
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            carrier: self.carrier,
            external_port: self.external_port,
        }
    }
}

/// An entry found in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) protocol: Protocol,
    pub(crate) external_port: NonZeroU16,
    pub(crate) shown: Shown,
}

/// What the step under way is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Reading what is on the port before anything is sent that could overwrite it.
    Looking,
    Adding,
    /// Reading back what was made.
    Proving,
    /// Reading whose mapping is in the way of a renewal.
    Disputing,
    Searching,
    Clearing(Afterwards),
    Over,
}

/// What follows a deletion, whatever comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Afterwards {
    AddAgain,
    TryAnotherPort(Error),
    Fail(Error),
}

impl Plan {
    /// A plan for this mapping on a gateway that has taught these lessons. The seed chooses among ports.
    pub(crate) fn new(wanted: Wanted, gateway: Abilities, lessons: Lessons, purpose: Purpose, seed: u64) -> Self {
        let external = match (purpose, wanted.external) {
            (Purpose::New, external) => external,
            (Purpose::Renewal(port) | Purpose::Restoration(port), External::Exact(_)) => External::Exact(port),
            (Purpose::Renewal(port) | Purpose::Restoration(port), _) => External::Preferred(port),
        };
        let (port, candidates) = Candidates::new(external, seed);
        let any_port = gateway == Abilities::Version2 && !lessons.no_any_port && external.is_flexible();
        let mut plan = Self {
            gateway,
            purpose,
            candidates,
            way: if any_port && purpose == Purpose::New {
                Way::AnyPort
            } else {
                Way::Port
            },
            port,
            lease: lessons.lease_for(wanted.lease.get()),
            lease_lesson: None,
            stage: Stage::Over,
            next: Step::Search,
            notes: Vec::new(),
            answer_lost: None,
            repaired: false,
            searched: false,
            unauthorised: 0,
            failed: 0,
            last_refusal: None,
            wanted,
            lessons,
        };
        plan.start();
        plan
    }

    /// What to do.
    pub(crate) fn next(&self) -> &Step {
        &self.next
    }

    /// What the gateway is known to be unable to do, by now.
    pub(crate) fn lessons(&self) -> &Lessons {
        &self.lessons
    }

    /// The result of [`Step::Read`].
    pub(crate) fn read(&mut self, result: Result<Shown, Error>) {
        if let Err(Error::Refused(Refusal { code: 401 | 602, .. })) = &result {
            self.lessons.no_read_back = true;
        }
        match self.stage {
            Stage::Looking => self.looked(result),
            Stage::Disputing => self.disputed(result),
            _ => self.proved(result),
        }
    }

    /// The result of [`Step::Add`]: the port that the gateway says yes to.
    pub(crate) fn added(&mut self, result: Result<u16, Error>) {
        match result {
            Ok(port) => match NonZeroU16::new(port) {
                Some(port) => self.prove(port),
                // It does not tell which; what cannot be found is not there.
                None if self.lessons.no_read_back => self.fail(self.not_there()),
                None => self.prove(self.port),
            },
            Err(Error::Refused(refusal)) => self.refused(refusal),
            Err(error @ Error::Conversation(_)) => {
                self.answer_lost = Some(error);
                self.prove(self.port);
            }
            Err(error) => self.fail(error),
        }
    }

    /// The result of [`Step::Search`].
    pub(crate) fn searched(&mut self, result: Result<Vec<Listed>, Error>) {
        let found = result
            .unwrap_or_default()
            .into_iter()
            .find(|entry| self.is_moved(entry));
        let Some(found) = found else {
            return self.missing();
        };
        if self.wanted.external.is_flexible() {
            self.notes.push(Note::PortMoved {
                asked: self.port.get(),
                found: found.external_port.get(),
            });
            self.port = found.external_port;
            return self.done(Some(&found.shown), Verification::Proven);
        }
        let error = self.not_there();
        // Only what is surely of this very request is taken away: it still has all of its lease.
        if found.shown.lease == 0 || found.shown.lease.saturating_add(FRESH) < self.lease {
            return self.fail(error);
        }
        self.stage = Stage::Clearing(Afterwards::Fail(error));
        self.next = Step::Delete {
            external_port: found.external_port,
        };
    }

    /// [`Step::Delete`] has been tried. Whether it worked makes no difference: what was in the way shows itself again.
    pub(crate) fn deleted(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Clearing(Afterwards::TryAnotherPort(error)) => self.another_port(error),
            Stage::Clearing(Afterwards::Fail(error)) => self.fail(error),
            _ => self.add(),
        }
    }
}

/// From the start to the request.
impl Plan {
    fn start(&mut self) {
        if self.lessons.wildcard_remote_host && self.wanted.remote_host.is_some() {
            return self.fail(known_refusal(ADD, 726, "RemoteHostOnlySupportsWildcard").into());
        }
        if self.lessons.same_ports && self.port != self.wanted.internal_port {
            return self.only_same_port(known_refusal(ADD, 724, "SamePortValuesRequired"));
        }
        self.aim(self.port);
    }

    fn aim(&mut self, port: NonZeroU16) {
        self.port = port;
        self.repaired = false;
        self.searched = false;
        self.notes.retain(|note| *note != Note::MadeAgain);
        if self.looks_first() {
            self.stage = Stage::Looking;
            self.next = Step::Read { external_port: port };
        } else {
            self.add();
        }
    }

    /// Version 1 overwrites another host's mapping without a word (Mono.Nat#33), and every version overwrites that of
    /// another program on this host.
    fn looks_first(&self) -> bool {
        let could_overwrite = match self.purpose {
            Purpose::New => true,
            Purpose::Renewal(_) => self.gateway == Abilities::Version1,
            Purpose::Restoration(port) => port != self.port,
        };
        self.way == Way::Port && could_overwrite && !self.lessons.no_read_back
    }

    fn looked(&mut self, result: Result<Shown, Error>) {
        match result {
            Ok(shown) if !shown.may_be_overwritten(&self.wanted) => {
                let description = format!("{} is mapped to {} already", self.port, shown.target());
                self.conflict(known_refusal(ADD, 718, &description));
            }
            Err(error @ Error::Conversation(_)) if is_silence(&error) => self.fail(error),
            _ => self.add(),
        }
    }

    fn add(&mut self) {
        self.stage = Stage::Adding;
        self.answer_lost = None;
        self.next = Step::Add {
            way: self.way,
            external_port: self.port,
            lease: self.lease,
        };
    }
}

const ADD: &str = "AddPortMapping";

/// How much of a lease, in seconds, may have passed between asking and reading back.
const FRESH: u32 = 10;

/// Below it are the ports that need privileges, which many gateways do not map (WANIPConnection:2 section 2.5.16).
const LOWEST_FREE_PORT: u16 = 1024;

/// The refusal that the gateway is known to answer with, without asking for it.
fn known_refusal(action: &str, code: u16, description: &str) -> Refusal {
    Refusal {
        action: action.to_owned(),
        code,
        description: description.to_owned(),
    }
}
