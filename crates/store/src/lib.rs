//! Leases on disk: durable before the answer, crash-safe, one file.
//!
//! [`EmbeddedStore`] keeps them in an append-only journal, [`MemoryStore`] forgets them with the process.

mod embedded;
mod error;
mod journal;
mod memory;
mod table;

use std::sync::Arc;

use portreeve_engine::{Change, Mapping, Pinhole, Time, UniqueId};

pub use embedded::EmbeddedStore;
pub use error::StoreError;
pub use memory::MemoryStore;

/// Keeps mappings and pinholes across restarts of the daemon and of the machine.
pub trait LeaseStore: Send {
    /// What was kept: mappings and pinholes whose lease has not ended, their expiry converted to the present boot clock,
    /// the `SystemUpdateID`, and the `UniqueID` that was given last.
    ///
    /// While the machine runs, leases are measured on the boot clock alone. After a restart of the machine they
    /// are shortened by what the calendar says has passed since the last commit. A calendar that went back or was
    /// lost lengthens none of them beyond what was left of it at that commit.
    fn load(&mut self, clocks: Clocks) -> Result<Stored, StoreError>;

    /// Makes the changes durable, all or none. Returns when they will survive loss of power. Static mappings and
    /// outbound ports are not kept: the first come from the configuration, the second follow from the mappings.
    fn commit(&mut self, changes: &[Change], system_update_id: u32, clocks: Clocks) -> Result<(), StoreError>;

    /// A small text kept under a name (the device's UUID, the boot counter), if it was ever set.
    fn note(&mut self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets a small text, durably.
    fn set_note(&mut self, name: &str, value: &str) -> Result<(), StoreError>;
}

/// The clocks at one instant, read by the caller: leases are kept on the boot clock while the machine runs, and on
/// the calendar across a restart of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// `CLOCK_BOOTTIME`.
    pub boot: Time,
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_millis: u64,
}

/// What a store gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Mappings still within their lease, in the order of their keys. They are shared with the store, which needs
    /// them to rewrite its file.
    pub mappings: Vec<Arc<Mapping>>,
    /// Pinholes still within their lease, in the order of their keys; shared too.
    pub pinholes: Vec<Arc<Pinhole>>,
    /// Mappings and pinholes whose lease ended meanwhile.
    pub expired: usize,
    /// Last committed `SystemUpdateID`.
    pub system_update_id: u32,
    /// The `UniqueID` that was given last, so that those after it are given next.
    pub last_unique_id: UniqueId,
}
