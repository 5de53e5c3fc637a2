//! The table together with what has been changed in it since the last settlement, so that all of it can be taken back.

use std::sync::Arc;

use crate::change::{Change, Outbound};
use crate::mapping::table::{Socket, Table};
use crate::mapping::{Key, Mapping};

/// A table whose changes are recorded, each with the input that caused it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    table: Table,
    page: Page,
    cause: usize,
}

/// Changes in their order, and for each the index of the input that caused it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) changes: Vec<Change>,
    pub(crate) causes: Vec<usize>,
}

impl Ledger {
    /// The table as planned.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// What has been changed on the open page.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.page.changes
    }

    /// The input that caused a change of the open page; `None` if there is no such change.
    pub(crate) fn cause_of(&self, change: usize) -> Option<usize> {
        self.page.causes.get(change).copied()
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

    /// Ends the open page and begins a new one.
    pub(crate) fn turn_page(&mut self) -> Page {
        std::mem::take(&mut self.page)
    }

    /// Takes back what is on a page. Pages must be taken back in the opposite order of their making.
    pub(crate) fn take_back(&mut self, page: &Page) {
        for change in page.changes.iter().rev() {
            match change {
                Change::Mapping {
                    before: Some(before), ..
                } => {
                    self.table.replace(before.key, Some(before.clone()));
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
                | Change::Outbound { .. } => {}
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
        self.page.changes.push(change);
        self.page.causes.push(self.cause);
    }
}
