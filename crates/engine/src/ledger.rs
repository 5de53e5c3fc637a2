//! The tables together with what has been changed in them since the last settlement, so that all of it can be taken
//! back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::{Change, Outbound};
use crate::claim::lease::Lease;
use crate::mapping::table::{Socket, Table};
use crate::mapping::{Key, Mapping};
use crate::pinhole::{self, Pinhole, PinholeKey, UniqueId};

/// Mappings and pinholes, whose changes are recorded, each with the input that caused it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    table: Table,
    pinholes: pinhole::table::Table,
    /// Who has been promised what of the rows that several protocols share.
    leases: BTreeMap<Key, Vec<Lease>>,
    /// What has been changed in them since the last settlement, in order, each as it was.
    leases_before: Vec<(Key, Vec<Lease>)>,
    /// The `UniqueID` given last, now and at the last settlement.
    last_id: UniqueId,
    settled_id: UniqueId,
    changes: Vec<Change>,
    /// For each change the index of the input that caused it.
    causes: Vec<usize>,
    cause: usize,
}

/// A moment since the last settlement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    changes: usize,
    leases: usize,
    last_id: UniqueId,
}

impl Ledger {
    /// The table of mappings as planned.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The table of pinholes as planned.
    pub(crate) fn pinholes(&self) -> &pinhole::table::Table {
        &self.pinholes
    }

    /// What has been changed since the last settlement.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// This moment.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            changes: self.changes.len(),
            leases: self.leases_before.len(),
            last_id: self.last_id,
        }
    }

    /// What has been changed since then.
    pub(crate) fn changes_since(&self, mark: &Mark) -> &[Change] {
        self.changes.get(mark.changes..).unwrap_or_default()
    }

    /// The input that caused a change; `None` if there is no such change.
    pub(crate) fn cause_of(&self, change: usize) -> Option<usize> {
        self.causes.get(change).copied()
    }

    /// From here on, changes are caused by the input with this index.
    pub(crate) fn blame(&mut self, input: usize) {
        self.cause = input;
    }

    /// Inserts a mapping, or replaces the one with its key.
    pub(crate) fn put(&mut self, mapping: Mapping) {
        let mapping = Arc::new(mapping);
        self.replace(mapping.key, Some(mapping));
    }

    /// Removes the mapping with this key, if there is one.
    pub(crate) fn remove(&mut self, key: Key) {
        self.replace(key, None);
    }

    /// Whether several protocols share the mapping with this key.
    pub(crate) fn is_shared(&self, key: &Key) -> bool {
        self.leases.contains_key(key)
    }

    /// The leases of those who share the mapping with this key; none where it has but one.
    pub(crate) fn leases(&self, key: &Key) -> &[Lease] {
        self.leases.get(key).map_or(&[], Vec::as_slice)
    }

    /// Replaces the leases of those who share a mapping. They end with it.
    pub(crate) fn set_leases(&mut self, key: Key, leases: Vec<Lease>) {
        let before = self.replace_leases(key, leases);
        self.leases_before.push((key, before));
    }

    /// Enters a mapping that is in force and stored already.
    pub(crate) fn restore(&mut self, mapping: Arc<Mapping>) {
        self.table.replace(mapping.key, Some(mapping));
    }

    /// A `UniqueID` for a new pinhole; `None` if all are in use.
    pub(crate) fn allocate_id(&mut self) -> Option<UniqueId> {
        let id = self.pinholes.free_id(self.last_id)?;
        self.last_id = id;
        Some(id)
    }

    /// Inserts a pinhole, or replaces the one with its key.
    pub(crate) fn put_pinhole(&mut self, pinhole: Pinhole) {
        let pinhole = Arc::new(pinhole);
        self.replace_pinhole(pinhole.key, Some(pinhole));
    }

    /// Removes the pinhole with this key, if there is one.
    pub(crate) fn remove_pinhole(&mut self, key: PinholeKey) {
        self.replace_pinhole(key, None);
    }

    /// Enters pinholes that are in force and stored already, and the `UniqueID` given last.
    pub(crate) fn restore_pinholes(&mut self, pinholes: Vec<Arc<Pinhole>>, last_id: UniqueId) {
        for pinhole in pinholes {
            self.pinholes.replace(pinhole.key, Some(pinhole));
        }
        (self.last_id, self.settled_id) = (last_id, last_id);
    }

    /// The changes are in force and durable: forgets how to take them back, and returns them with their causes.
    pub(crate) fn settle(&mut self) -> Vec<(usize, Change)> {
        self.settled_id = self.last_id;
        self.leases_before.clear();
        self.causes.drain(..).zip(self.changes.drain(..)).collect()
    }

    /// Takes back everything since the last settlement.
    pub(crate) fn roll_back(&mut self) {
        self.roll_back_to(Mark {
            changes: 0,
            last_id: self.settled_id,
            leases: 0,
        });
    }

    /// Takes back everything since then.
    pub(crate) fn roll_back_to(&mut self, mark: Mark) {
        self.causes.truncate(mark.changes);
        self.last_id = mark.last_id;
        let leases = self.leases_before.split_off(mark.leases.min(self.leases_before.len()));
        for (key, before) in leases.into_iter().rev() {
            self.replace_leases(key, before);
        }
        let taken_back = self.changes.split_off(mark.changes.min(self.changes.len()));
        for change in taken_back.into_iter().rev() {
            match change {
                Change::Mapping {
                    before: Some(before), ..
                } => {
                    self.table.replace(before.key, Some(before));
                }
                Change::Mapping {
                    before: None,
                    after: Some(after),
                } => {
                    self.table.replace(after.key, None);
                }
                Change::Pinhole { before, after } => {
                    if let Some(key) = before.as_ref().or(after.as_ref()).map(|pinhole| pinhole.key) {
                        self.pinholes.replace(key, before);
                    }
                }
                // Outbound ports follow from the mappings.
                Change::Mapping {
                    before: None,
                    after: None,
                }
                | Change::Outbound { .. } => {}
            }
        }
    }

    fn replace(&mut self, key: Key, after: Option<Arc<Mapping>>) {
        let before = self.table.find(&key).cloned();
        if before == after {
            return;
        }
        if after.is_none() && self.is_shared(&key) {
            self.set_leases(key, Vec::new());
        }
        // The sockets whose outbound port may now be another one.
        let mut sockets: Vec<(Socket, Option<Outbound>)> = [&before, &after]
            .into_iter()
            .flatten()
            .map(|mapping| (mapping.socket(), self.table.outbound(mapping.socket())))
            .collect();
        sockets.dedup();
        self.table.replace(key, after.clone());
        self.record(Change::Mapping { before, after });
        for (socket, before) in sockets {
            let after = self.table.outbound(socket);
            if before != after {
                self.record(Change::Outbound { before, after });
            }
        }
    }

    fn replace_pinhole(&mut self, key: PinholeKey, after: Option<Arc<Pinhole>>) {
        let before = self.pinholes.find(&key).cloned();
        if before != after {
            self.pinholes.replace(key, after.clone());
            self.record(Change::Pinhole { before, after });
        }
    }

    fn replace_leases(&mut self, key: Key, leases: Vec<Lease>) -> Vec<Lease> {
        let before = match leases.is_empty() {
            true => self.leases.remove(&key),
            false => self.leases.insert(key, leases),
        };
        before.unwrap_or_default()
    }

    fn record(&mut self, change: Change) {
        self.changes.push(change);
        self.causes.push(self.cause);
    }
}
