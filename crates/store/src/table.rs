//! What a store holds, as a value: the same for every store, without a disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portreeve_engine::{Change, Expiry, Key, Mapping, Origin, Time};

use crate::{Clocks, Stored};

/// One step from a table to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// This mapping is in the table.
    Put(Arc<Mapping>),
    /// No mapping has this key.
    Remove(Key),
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
    pub(crate) notes: BTreeMap<String, String>,
    pub(crate) boot_id: String,
    /// The last one. It ties the boot clock of the mappings to the calendar.
    pub(crate) stamp: Stamp,
}

impl Table {
    /// Carries out a record and tells how many earlier ones a journal of this table no longer needs.
    pub(crate) fn apply(&mut self, record: Record) -> usize {
        match record {
            Record::Put(mapping) => usize::from(self.mappings.insert(mapping.key, mapping).is_some()),
            // The removal itself is as superfluous as what it removes.
            Record::Remove(key) => 1 + usize::from(self.mappings.remove(&key).is_some()),
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
        std::iter::once(Record::Boot(self.boot_id.clone()))
            .chain(notes)
            .chain(mappings)
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
        for mapping in self.mappings.values_mut() {
            if let Expiry::At(end) = mapping.expiry {
                let left = end.since(written.boot).saturating_sub(passed);
                Arc::make_mut(mapping).expiry = Expiry::At(now.boot + left);
            }
        }
        self.expire(now.boot)
    }

    /// Drops mappings whose lease has ended on the clock of the table's boot, and returns how many.
    pub(crate) fn expire(&mut self, now: Time) -> usize {
        let before = self.mappings.len();
        self.mappings.retain(|_, mapping| match mapping.expiry {
            Expiry::Never => true,
            Expiry::At(end) => end > now,
        });
        before - self.mappings.len()
    }

    /// The table as its owner gets it.
    pub(crate) fn stored(&self, expired: usize) -> Stored {
        Stored {
            mappings: self.mappings.values().cloned().collect(),
            expired,
            system_update_id: self.stamp.system_update_id,
        }
    }
}

/// The records that keep these changes.
pub(crate) fn records_of(changes: &[Change]) -> impl Iterator<Item = Record> {
    changes.iter().filter_map(|change| match change {
        Change::Mapping { before, after } => match (before, after) {
            (_, Some(after)) if is_kept(after) => Some(Record::Put(Arc::clone(after))),
            (Some(before), _) if is_kept(before) => Some(Record::Remove(before.key)),
            _ => None,
        },
        Change::Outbound { .. } | Change::Pinhole { .. } => None,
    })
}

fn is_kept(mapping: &Mapping) -> bool {
    match mapping.origin {
        Origin::Upnp(_) => true,
        Origin::Static => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::mapping;

    fn clocks(boot: u64, unix_millis: u64) -> Clocks {
        Clocks {
            boot: Time::from_millis(boot),
            unix_millis,
        }
    }

    /// A table written at boot clock 1,000 s and calendar 50,000 s, holding one lease that ends at `end` seconds.
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
        table
    }

    fn ends(table: &Table) -> Vec<Expiry> {
        table.mappings.values().map(|mapping| mapping.expiry).collect()
    }

    #[test]
    fn the_boot_clock_counts_within_one_boot_whatever_the_calendar_says() {
        let mut table = written(1_600);
        assert_eq!(table.advance("one", clocks(1_599_999, 900_000_000)), 0);
        assert_eq!(ends(&table), [Expiry::At(Time::from_millis(1_600_000))]);
        assert_eq!(table.advance("one", clocks(1_600_000, 0)), 1);
    }

    #[test]
    fn the_calendar_counts_after_a_restart_of_the_machine() {
        let mut table = written(1_600);
        assert_eq!(table.advance("two", clocks(7_000, 50_100_000)), 0);
        assert_eq!(ends(&table), [Expiry::At(Time::from_millis(507_000))]);
        assert_eq!(table.boot_id, "two");
        assert_eq!(written(1_600).advance("two", clocks(7_000, 50_600_000)), 1);
    }

    #[test]
    fn a_calendar_that_went_back_never_lengthens_a_lease() {
        let mut table = written(1_600);
        assert_eq!(table.advance("two", clocks(7_000, 0)), 0);
        assert_eq!(ends(&table), [Expiry::At(Time::from_millis(607_000))]);
    }

    #[test]
    fn an_unknown_boot_is_never_the_same() {
        let mut table = written(1_600);
        table.advance("", clocks(7_000, 50_100_000));
        table.advance("", clocks(5_000, 50_200_000));
        assert_eq!(ends(&table), [Expiry::At(Time::from_millis(405_000))]);
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
