//! What a store holds, as a value: the same for every store, without a disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portreeve_engine::{Change, Expiry, Key, Mapping, Origin, Pinhole, PinholeKey, Time, UniqueId};

use crate::{Clocks, Stored};

/// One step from a table to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// This mapping is in the table.
    Put(Arc<Mapping>),
    /// No mapping has this key.
    Remove(Key),
    /// This pinhole is in the table.
    PutPinhole(Arc<Pinhole>),
    /// No pinhole has this key.
    RemovePinhole(PinholeKey),
    /// This `UniqueID` was given last.
    LastUniqueId(UniqueId),
    /// This text is kept under this name.
    Note { name: String, value: String },
    /// Boot-clock times in the table are of the boot with this id.
    Boot(String),
}

/// When something was written, and the `SystemUpdateID` from then on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) clocks: Clocks,
    pub(crate) system_update_id: u32,
}

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) mappings: BTreeMap<Key, Arc<Mapping>>,
    pub(crate) pinholes: BTreeMap<PinholeKey, Arc<Pinhole>>,
    /// None: no pinhole was ever opened.
    pub(crate) last_unique_id: Option<UniqueId>,
    pub(crate) notes: BTreeMap<String, String>,
    pub(crate) boot_id: String,
    /// The last one. It ties the boot clock of the leases to the calendar.
    pub(crate) stamp: Stamp,
}

impl Table {
    /// Carries out a record and tells how many earlier ones a journal of this table no longer needs.
    pub(crate) fn apply(&mut self, record: Record) -> usize {
        match record {
            Record::Put(mapping) => usize::from(self.mappings.insert(mapping.key, mapping).is_some()),
            // The removal itself is as superfluous as what it removes.
            Record::Remove(key) => 1 + usize::from(self.mappings.remove(&key).is_some()),
            Record::PutPinhole(pinhole) => usize::from(self.pinholes.insert(pinhole.key, pinhole).is_some()),
            Record::RemovePinhole(key) => 1 + usize::from(self.pinholes.remove(&key).is_some()),
            Record::LastUniqueId(id) => usize::from(self.last_unique_id.replace(id).is_some()),
            Record::Note { name, value } => usize::from(self.notes.insert(name, value).is_some()),
            Record::Boot(boot_id) => {
                self.boot_id = boot_id;
                0
            }
        }
    }

    /// The table as the shortest list of records.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> {
        let notes = self.notes.iter().map(|(name, value)| Record::Note {
            name: name.clone(),
            value: value.clone(),
        });
        let mappings = self.mappings.values().cloned().map(Record::Put);
        let pinholes = self.pinholes.values().cloned().map(Record::PutPinhole);
        std::iter::once(Record::Boot(self.boot_id.clone()))
            .chain(notes)
            .chain(mappings)
            .chain(pinholes)
            .chain(self.last_unique_id.map(Record::LastUniqueId))
    }

    /// How many leases there are.
    pub(crate) fn len(&self) -> usize {
        self.mappings.len() + self.pinholes.len()
    }

    /// Moves the table to the clock of the present boot, once after reading it: leases written in another boot are
    /// converted. Drops those that have ended and returns how many. An empty `boot_id` equals none, not even itself.
    pub(crate) fn advance(&mut self, boot_id: &str, now: Clocks) -> usize {
        if self.boot_id == boot_id && !boot_id.is_empty() {
            return self.expire(now.boot);
        }
        let written = std::mem::replace(&mut self.stamp.clocks, now);
        boot_id.clone_into(&mut self.boot_id);
        // A calendar that went back counts as if no time had passed.
        let passed = Duration::from_millis(now.unix_millis.saturating_sub(written.unix_millis));
        let converted = |end: Time| now.boot + end.since(written.boot).saturating_sub(passed);
        for mapping in self.mappings.values_mut() {
            if let Expiry::At(end) = mapping.expiry {
                Arc::make_mut(mapping).expiry = Expiry::At(converted(end));
            }
        }
        for pinhole in self.pinholes.values_mut() {
            Arc::make_mut(pinhole).expiry = converted(pinhole.expiry);
        }
        self.expire(now.boot)
    }

    /// Drops mappings and pinholes whose lease has ended on the clock of the table's boot, and returns how many.
    pub(crate) fn expire(&mut self, now: Time) -> usize {
        let before = self.len();
        self.mappings.retain(|_, mapping| match mapping.expiry {
            Expiry::Never => true,
            Expiry::At(end) => end > now,
        });
        self.pinholes.retain(|_, pinhole| pinhole.expiry > now);
        before - self.len()
    }

    /// The table as its owner gets it.
    pub(crate) fn stored(&self, expired: usize) -> Stored {
        Stored {
            mappings: self.mappings.values().cloned().collect(),
            pinholes: self.pinholes.values().cloned().collect(),
            expired,
            system_update_id: self.stamp.system_update_id,
            last_unique_id: self.last_unique_id.unwrap_or_default(),
        }
    }
}

/// The records that keep these changes.
pub(crate) fn records_of(changes: &[Change]) -> impl Iterator<Item = Record> {
    let last_unique_id = changes.iter().rev().find_map(|change| match change {
        Change::Pinhole {
            before: None,
            after: Some(opened),
        } => Some(Record::LastUniqueId(opened.id)),
        _ => None,
    });
    changes.iter().filter_map(record_of).chain(last_unique_id)
}

fn record_of(change: &Change) -> Option<Record> {
    match change {
        Change::Mapping { before, after } => match (before, after) {
            (_, Some(after)) if is_kept(after) => Some(Record::Put(Arc::clone(after))),
            (Some(before), _) if is_kept(before) => Some(Record::Remove(before.key)),
            _ => None,
        },
        Change::Pinhole { before, after } => match (before, after) {
            (_, Some(after)) => Some(Record::PutPinhole(Arc::clone(after))),
            (Some(before), None) => Some(Record::RemovePinhole(before.key)),
            (None, None) => None,
        },
        Change::Outbound { .. } => None,
    }
}

fn is_kept(mapping: &Mapping) -> bool {
    mapping.origin != Origin::Static
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{mapping, pinhole};

    fn clocks(boot: u64, unix_millis: u64) -> Clocks {
        Clocks {
            boot: Time::from_millis(boot),
            unix_millis,
        }
    }

    /// A table written at boot clock 1,000 s and calendar 50,000 s, holding a mapping and a pinhole that end at `end`
    /// seconds.
    fn written(end: u64) -> Table {
        let mut table = Table {
            boot_id: "one".into(),
            ..Table::default()
        };
        table.stamp.clocks = clocks(1_000_000, 50_000_000);
        let lease = Mapping {
            expiry: Expiry::At(Time::from_millis(end * 1000)),
            ..mapping(80)
        };
        table.apply(Record::Put(Arc::new(lease)));
        let opening = Pinhole {
            expiry: Time::from_millis(end * 1000),
            ..pinhole(80)
        };
        table.apply(Record::PutPinhole(Arc::new(opening)));
        table
    }

    /// When the mapping and the pinhole end.
    fn ends(table: &Table) -> [Expiry; 2] {
        let (mapping, pinhole) = (table.mappings.values().next(), table.pinholes.values().next());
        [mapping.unwrap().expiry, Expiry::At(pinhole.unwrap().expiry)]
    }

    fn both_at(millis: u64) -> [Expiry; 2] {
        [Expiry::At(Time::from_millis(millis)); 2]
    }

    #[test]
    fn the_boot_clock_counts_within_one_boot_whatever_the_calendar_says() {
        let mut table = written(1_600);
        assert_eq!(table.advance("one", clocks(1_599_999, 900_000_000)), 0);
        assert_eq!(ends(&table), both_at(1_600_000));
        assert_eq!(table.advance("one", clocks(1_600_000, 0)), 2);
    }

    #[test]
    fn the_calendar_counts_after_a_restart_of_the_machine() {
        let mut table = written(1_600);
        assert_eq!(table.advance("two", clocks(7_000, 50_100_000)), 0);
        assert_eq!(ends(&table), both_at(507_000));
        assert_eq!(table.boot_id, "two");
        assert_eq!(written(1_600).advance("two", clocks(7_000, 50_600_000)), 2);
    }

    #[test]
    fn a_calendar_that_went_back_never_lengthens_a_lease() {
        let mut table = written(1_600);
        assert_eq!(table.advance("two", clocks(7_000, 0)), 0);
        assert_eq!(ends(&table), both_at(607_000));
    }

    #[test]
    fn an_unknown_boot_is_never_the_same() {
        let mut table = written(1_600);
        table.advance("", clocks(7_000, 50_100_000));
        table.advance("", clocks(5_000, 50_200_000));
        assert_eq!(ends(&table), both_at(405_000));
    }

    #[test]
    fn the_name_given_last_is_kept_when_its_pinhole_is_not() {
        let change = |before: Option<Pinhole>, after: Option<Pinhole>| Change::Pinhole {
            before: before.map(Arc::new),
            after: after.map(Arc::new),
        };
        let prolonged = Pinhole {
            expiry: Time::from_millis(7_200_000),
            ..pinhole(1)
        };
        let changes = [
            change(None, Some(pinhole(1))),
            change(None, Some(pinhole(2))),
            change(Some(pinhole(2)), None),
            change(Some(pinhole(1)), Some(prolonged.clone())),
        ];
        let mut table = Table::default();
        for record in records_of(&changes) {
            table.apply(record);
        }
        let stored = table.stored(0);
        assert_eq!(
            (&*stored.pinholes, stored.last_unique_id),
            (&[Arc::new(prolonged)][..], UniqueId(2))
        );
        let mut rewritten = Table::default();
        for record in table.records() {
            rewritten.apply(record);
        }
        assert_eq!(rewritten, table);
        assert_eq!(records_of(&changes[3..]).count(), 1, "no name was given");
    }

    #[test]
    fn permanent_mappings_survive_everything_and_static_ones_are_not_kept() {
        let permanent = Arc::new(Mapping {
            expiry: Expiry::Never,
            ..mapping(80)
        });
        let fixed = Arc::new(Mapping {
            origin: Origin::Static,
            ..mapping(80)
        });
        let put = |before: Option<&Arc<Mapping>>, after: Option<&Arc<Mapping>>| {
            let change = Change::Mapping {
                before: before.cloned(),
                after: after.cloned(),
            };
            records_of(&[change]).collect::<Vec<_>>()
        };
        assert_eq!(put(None, Some(&fixed)), []);
        assert_eq!(put(Some(&permanent), Some(&fixed)), [Record::Remove(permanent.key)]);
        assert_eq!(
            put(Some(&fixed), Some(&permanent)),
            [Record::Put(Arc::clone(&permanent))]
        );
        let mut table = Table::default();
        table.apply(Record::Put(permanent));
        assert_eq!(table.advance("two", clocks(0, u64::MAX)), 0);
    }
}
