//! Lists mappings one by one (GetGenericPortMappingEntry, WANIPConnection:2 section 2.5.14), without I/O.
//!
//! The gateway's array has no gaps and shifts when mappings come and go, so a walk shows what there was only if nothing
//! changed meanwhile; who drives it has to find that out. Its end is where the gateway says so, and how it says so
//! differs.

use super::entry::{Entry, Found};
use crate::error::Error;

/// How many indices in a row may bring nothing new, if it is not known how many mappings there are.
const PATIENCE: u32 = 1000;

/// The least of it, however few mappings there are said to be.
const LEAST_PATIENCE: u32 = 16;

/// What is at an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A mapping.
    Entry(Entry),
    /// Something that is no mapping.
    Garbage,
    /// A mapping that the gateway does not show to us (606).
    Hidden,
    /// The array ends before it.
    End,
    /// The gateway refused with something else.
    Refused(Error),
}

/// Asks for one index after the other: [`next`](Self::next) tells which, [`feed`](Self::feed) takes what came, until there
/// is nothing to ask for. It comes to an end whatever the gateway does.
#[derive(Debug)]
pub(super) struct Walk {
    next: Option<u16>,
    total: Option<u32>,
    patience: u32,
    /// Indices in a row that brought nothing new.
    barren: u32,
    /// Whether one of them hid something.
    barren_hid: bool,
    walked: Walked,
}

/// All that the array held.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) found: Found,
    pub(super) requests: u32,
    /// Mappings that are hidden or garbled.
    pub(super) skipped: usize,
    /// Whether the end was reached.
    pub(super) complete: bool,
    /// Why it was not.
    pub(super) refusal: Option<Error>,
}

impl Walk {
    /// Of an array that is said to have so many mappings.
    pub(super) fn new(total: Option<u32>) -> Self {
        Self {
            next: Some(0),
            total,
            patience: total.map_or(PATIENCE, |total| total.clamp(LEAST_PATIENCE, PATIENCE)),
            barren: 0,
            barren_hid: false,
            walked: Walked {
                found: Found::default(),
                requests: 0,
                skipped: 0,
                complete: false,
                refusal: None,
            },
        }
    }

    /// The index to ask for; nothing at the end.
    pub(super) fn next(&self) -> Option<u16> {
        self.next
    }

    /// Takes what came for [`next`](Self::next).
    pub(super) fn feed(&mut self, slot: Slot) {
        let Some(index) = self.next else {
            return;
        };
        self.walked.requests += 1;
        match slot {
            Slot::Entry(entry) => {
                let new = self.walked.found.enter(entry);
                self.go_on(index, new);
            }
            Slot::Hidden | Slot::Garbage => {
                self.walked.skipped += 1;
                self.barren_hid = true;
                self.go_on(index, false);
            }
            Slot::End => self.end(true),
            Slot::Refused(error) => {
                self.walked.refusal = Some(error);
                self.end(false);
            }
        }
    }

    /// What was found.
    pub(super) fn finish(self) -> Walked {
        self.walked
    }

    fn go_on(&mut self, index: u16, new: bool) {
        if new {
            (self.barren, self.barren_hid) = (0, false);
        } else {
            self.barren += 1;
        }
        self.next = index.checked_add(1);
        if self.next.is_none() {
            self.end(true);
        } else if self.barren >= self.patience {
            // A gateway whose array never ends shows mappings again. One that hides mappings may have more of them,
            // unless there are no more than it says.
            let past_total = self.total.is_some_and(|total| u32::from(index) >= total);
            self.end(!self.barren_hid || past_total);
        }
    }

    fn end(&mut self, complete: bool) {
        self.next = None;
        self.walked.complete = complete;
    }
}
