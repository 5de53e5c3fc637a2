//! The table together with what has been changed in it since the last settlement, so that all of it can be taken back.

use std::sync::Arc;

use crate::change::{Change, Outbound};
use crate::mapping::table::{Socket, Table};
use crate::mapping::{Key, Mapping};

/// A table whose changes are recorded, each with the input that caused it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    table: Table,
    changes: Vec<Change>,
    /// For each change the index of the input that caused it.
    causes: Vec<usize>,
    cause: usize,
}

impl Ledger {
    /// The table as planned.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// What has been changed since the last settlement.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
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

    /// Enters a mapping that is in force and stored already.
    pub(crate) fn restore(&mut self, mapping: Arc<Mapping>) {
        self.table.replace(mapping.key, Some(mapping));
    }

    /// The changes are in force and durable: forgets how to take them back, and returns them with their causes.
    pub(crate) fn settle(&mut self) -> Vec<(usize, Change)> {
        self.causes.drain(..).zip(self.changes.drain(..)).collect()
    }

    /// Takes back everything since the last settlement.
    pub(crate) fn roll_back(&mut self) {
        self.causes.clear();
        for change in std::mem::take(&mut self.changes).into_iter().rev() {
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
                Change::Mapping {
                    before: None,
                    after: None,
                }
                | Change::Outbound { .. }
                | Change::Pinhole { .. } => {}
            }
        }
    }

    fn replace(&mut self, key: Key, after: Option<Arc<Mapping>>) {
        let before = self.table.find(&key).cloned();
        if before == after {
            return;
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

    fn record(&mut self, change: Change) {
        self.changes.push(change);
        self.causes.push(self.cause);
    }
}
