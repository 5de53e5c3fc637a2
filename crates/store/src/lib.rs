//! Leases on disk: durable before the answer, crash-safe, one file.

use std::path::PathBuf;

use portreeve_engine::{Change, Mapping};

/// The clocks at one instant, read by the caller: leases are kept on the boot clock while the machine runs, and on
/// the calendar across a restart of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// `CLOCK_BOOTTIME`.
    pub boot: portreeve_engine::Time,
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_millis: u64,
}

/// Keeps mappings across restarts of the daemon and of the machine.
pub trait LeaseStore: Send {
    /// What was kept: mappings whose lease has not ended, their expiry converted to the present boot clock, and the
    /// service's `SystemUpdateID`.
    fn load(&mut self, clocks: Clocks) -> Result<Stored, StoreError>;

    /// Makes the changes durable, all or none. Returns when they will survive loss of power. Static mappings and
    /// outbound ports are not kept: the first come from the configuration, the second follow from the mappings.
    fn commit(&mut self, changes: &[Change], system_update_id: u32, clocks: Clocks) -> Result<(), StoreError>;

    /// A small text kept under a name (the device's UUID, the boot counter), if it was ever set.
    fn note(&mut self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets a small text, durably.
    fn set_note(&mut self, name: &str, value: &str) -> Result<(), StoreError>;
}

/// What a store gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Mappings still within their lease.
    pub mappings: Vec<Mapping>,
    /// Mappings whose lease ended meanwhile.
    pub expired: usize,
    /// Last committed `SystemUpdateID`.
    pub system_update_id: u32,
}

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is not a store, or is damaged.
    #[error(
        "{path}: {cause}; nothing in it was changed. Move it aside to start with an empty table: mv {path} {path}.damaged"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The file was written by a newer portreeved.
    #[error(
        "{path}: written in format {found}, this portreeved knows up to {known}; install the newer version again, or move the file aside to start with an empty table"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that this program knows.
        known: u64,
    },
    /// Another process has it open.
    #[error("{path}: in use by another portreeved")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("{path}: {cause}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: String,
    },
}
