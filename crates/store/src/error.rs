//! Why a store cannot be used, and what its owner can do about it.

use std::io;
use std::path::{Path, PathBuf};

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
    #[error("{path}: in use by another portreeved; stop that one, or give this one its own --state-dir")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("{path}: {cause}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's answer, and what to do about it.
        cause: String,
    },
}

impl StoreError {
    /// The system refused something with this file.
    pub(crate) fn disk(path: &Path, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on that file system",
            io::ErrorKind::ReadOnlyFilesystem => "make that file system writable, or choose another --state-dir",
            io::ErrorKind::PermissionDenied => {
                "give it to the user that portreeved runs as, or choose another --state-dir"
            }
            io::ErrorKind::IsADirectory => "move that directory away, or choose another --state-dir",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a part of the path is not a directory; choose another --state-dir"
            }
            _ => "check the disk, or choose another --state-dir",
        };
        Self::Disk {
            path: path.to_owned(),
            cause: format!("{error}; {remedy}"),
        }
    }
}
