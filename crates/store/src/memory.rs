//! A store that lives as long as its value: for tests, and for running without a state directory.

use crate::table::{Table, records_of};
use crate::{Clocks, LeaseStore, StoreError, Stored};
use portreeve_engine::Change;

/// Keeps leases in memory. A clone taken at some point is what a restart at that point finds.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    table: Table,
    boot_id: String,
    /// Whether the table is on the present boot clock.
    advanced: bool,
}

impl MemoryStore {
    /// An empty store on a machine whose present boot has this id.
    pub fn new(boot_id: &str) -> Self {
        Self {
            table: Table::default(),
            boot_id: boot_id.to_owned(),
            advanced: false,
        }
    }

    /// The same store after the machine was started again.
    #[must_use]
    pub fn rebooted(self, boot_id: &str) -> Self {
        Self {
            boot_id: boot_id.to_owned(),
            advanced: false,
            ..self
        }
    }
}

impl LeaseStore for MemoryStore {
    fn load(&mut self, clocks: Clocks) -> Result<Stored, StoreError> {
        let expired = match self.advanced {
            true => self.table.expire(clocks.boot),
            false => self.table.advance(&self.boot_id, clocks),
        };
        self.advanced = true;
        Ok(self.table.stored(expired))
    }

    fn commit(&mut self, changes: &[Change], system_update_id: u32, clocks: Clocks) -> Result<(), StoreError> {
        if !self.advanced {
            self.load(clocks)?;
        }
        self.table.stamp.clocks = clocks;
        self.table.stamp.system_update_id = system_update_id;
        for record in records_of(changes) {
            self.table.apply(record);
        }
        Ok(())
    }

    fn note(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.table.notes.get(name).cloned())
    }

    fn set_note(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.table.notes.insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}
