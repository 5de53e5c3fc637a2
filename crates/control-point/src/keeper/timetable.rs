//! Which of many things comes next.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::MappingId;

/// At most one time for each mapping, in order.
#[derive(Debug, Default)]
pub(crate) struct Timetable {
    times: BTreeMap<MappingId, Instant>,
    order: BTreeSet<(Instant, MappingId)>,
}

impl Timetable {
    /// Sets, moves or removes the time of a mapping.
    pub(crate) fn set(&mut self, id: MappingId, time: Option<Instant>) {
        let before = match time {
            Some(time) => self.times.insert(id, time),
            None => self.times.remove(&id),
        };
        if let Some(before) = before {
            self.order.remove(&(before, id));
        }
        if let Some(time) = time {
            self.order.insert((time, id));
        }
    }

    /// The time of a mapping.
    pub(crate) fn get(&self, id: MappingId) -> Option<Instant> {
        self.times.get(&id).copied()
    }

    /// The earliest.
    pub(crate) fn first(&self) -> Option<(Instant, MappingId)> {
        self.order.first().copied()
    }
}
