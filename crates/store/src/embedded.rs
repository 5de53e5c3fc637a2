//! The journal on a disk.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read};
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use portreeve_engine::Change;

use crate::journal::{self, CHUNK, Ending, FORMAT, Fault, MARGIN};
use crate::table::{Record, Stamp, Table, records_of};
use crate::{Clocks, LeaseStore, StoreError, Stored};

/// The journal is rewritten when it holds this many superfluous records more than it has leases.
const SLACK: usize = 16 * 1024;
/// Records per frame when the journal is rewritten: bounds the memory that this takes.
const REWRITTEN_AT_ONCE: usize = 1024;

/// Leases in one file, which belongs to this process for as long as the value lives.
///
/// A commit is one write and one `fdatasync`. In proportion to the number of changes, the journal is now and then
/// written anew beside the old one (`.new` appended to the name) and takes its place in one step.
#[derive(Debug)]
pub struct EmbeddedStore {
    path: PathBuf,
    boot_id: String,
    table: Table,
    journal: Journal,
    /// Records and frames that the journal holds beyond what the table needs.
    superfluous: usize,
    /// Whether the table is on the present boot clock.
    advanced: bool,
    /// Whether the journal's end is not to be built upon, so that it is to be rewritten before the next frame.
    spoilt: bool,
    frame: Vec<u8>,
}

/// A journal, open at its end.
#[derive(Debug)]
struct Journal {
    file: Locked,
    salt: u64,
    end: usize,
    size: usize,
}

impl EmbeddedStore {
    /// Opens the store, creating file (mode 0600) and directory (mode 0750) where missing. `boot_id` names the present
    /// boot of the machine, as in `/proc/sys/kernel/random/boot_id`; when it is empty, every start counts as another.
    ///
    /// This changes nothing in a file that exists, whether it succeeds or not.
    pub fn open(path: &Path, boot_id: &str) -> Result<Self, StoreError> {
        let store = |table, journal, superfluous, spoilt| Self {
            path: path.to_owned(),
            boot_id: boot_id.to_owned(),
            table,
            journal,
            superfluous,
            advanced: false,
            spoilt,
            frame: Vec::new(),
        };
        let disk = |error| StoreError::disk(path, &error);
        let Some(file) = lock_existing(path)? else {
            create_directory(path).map_err(disk)?;
            let table = Table {
                boot_id: boot_id.to_owned(),
                ..Table::default()
            };
            let journal = Journal::create(path, &table, Predecessor::None)?;
            sync_directory(path).map_err(disk)?;
            return Ok(store(table, journal, 0, false));
        };
        let mut bytes = Vec::new();
        (&*file).read_to_end(&mut bytes).map_err(disk)?;
        let replayed = journal::replay(&bytes).map_err(|fault| refuse(path, fault))?;
        let journal = Journal {
            file,
            salt: replayed.salt,
            end: replayed.end,
            size: bytes.len(),
        };
        // A journal of an older format is not appended to: whoever reads it by its number is not to meet what he does
        // not know.
        let spoilt = replayed.ending == Ending::Torn || replayed.format != FORMAT;
        Ok(store(replayed.table, journal, replayed.superfluous, spoilt))
    }

    fn append(&mut self, stamp: Stamp, records: &[Record]) -> Result<(), StoreError> {
        if self.spoilt {
            self.rewrite()?;
        }
        self.frame.clear();
        let Journal { salt, end, .. } = self.journal;
        let encoded = journal::frame(&mut self.frame, salt, end, stamp, records.iter().cloned());
        let written = match encoded {
            Some(()) => self.journal.make_room(self.frame.len()),
            None => Err(io::ErrorKind::FileTooLarge.into()),
        };
        written.map_err(|error| StoreError::disk(&self.path, &error))?;
        if let Err(error) = self.journal.append(&self.frame) {
            // Whether the frame is on the disk is unknown now, and its changes are about to be refused.
            self.spoilt = true;
            self.journal.retract();
            return Err(StoreError::disk(&self.path, &error));
        }
        self.frame.shrink_to(CHUNK);
        self.table.stamp = stamp;
        let replaced: usize = records.iter().cloned().map(|record| self.table.apply(record)).sum();
        self.superfluous += 1 + replaced;
        if self.superfluous > self.table.len() + SLACK && self.rewrite().is_err() {
            // What is committed stays good in the longer journal. Try again when as much has been added.
            self.superfluous = 0;
        }
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), StoreError> {
        self.journal = Journal::create(&self.path, &self.table, Predecessor::OwnFile)?;
        // Until the directory is on the disk, a power loss brings back the old journal.
        self.spoilt = true;
        sync_directory(&self.path).map_err(|error| StoreError::disk(&self.path, &error))?;
        self.spoilt = false;
        self.superfluous = 0;
        Ok(())
    }
}

impl LeaseStore for EmbeddedStore {
    fn load(&mut self, clocks: Clocks) -> Result<Stored, StoreError> {
        let restarted = !self.advanced && (self.table.boot_id != self.boot_id || self.boot_id.is_empty());
        let expired = match self.advanced {
            true => self.table.expire(clocks.boot),
            false => self.table.advance(&self.boot_id, clocks),
        };
        self.advanced = true;
        // Leases on the clock of this boot are written down, so that a calendar set later does not move them again.
        self.spoilt |= restarted || expired > 0;
        if self.spoilt {
            self.rewrite()?;
        }
        Ok(self.table.stored(expired))
    }

    fn commit(&mut self, changes: &[Change], system_update_id: u32, clocks: Clocks) -> Result<(), StoreError> {
        if !self.advanced {
            self.load(clocks)?;
        }
        let records: Vec<Record> = records_of(changes).collect();
        if records.is_empty() && system_update_id == self.table.stamp.system_update_id {
            return Ok(());
        }
        let stamp = Stamp {
            clocks,
            system_update_id,
        };
        self.append(stamp, &records)
    }

    fn note(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.table.notes.get(name).cloned())
    }

    fn set_note(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        let note = Record::Note {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        self.append(self.table.stamp, &[note])
    }
}

/// What a new journal takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Predecessor {
    /// The journal that this process has open.
    OwnFile,
    /// Nothing: there was no file a moment ago.
    None,
}

impl Journal {
    /// Writes a journal of this table and puts it in place, the name not yet durable.
    fn create(path: &Path, table: &Table, predecessor: Predecessor) -> Result<Self, StoreError> {
        let disk = |error: io::Error| StoreError::disk(path, &error);
        let mut new_path = path.as_os_str().to_owned();
        new_path.push(".new");
        let new_path = PathBuf::from(new_path);
        let mut options = OpenOptions::new();
        // Not truncated before the lock is held: it may be what another process is about to put in place.
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&new_path).map_err(disk)?;
        let file = Locked::new(file, path)?;
        if predecessor == Predecessor::None && fs::symlink_metadata(path).is_ok() {
            return Err(StoreError::InUse { path: path.to_owned() });
        }
        let written = Self::write(file, table).and_then(|journal| {
            fs::rename(&new_path, path)?;
            Ok(journal)
        });
        written.map_err(|error| {
            // Left behind, it takes up room and is overwritten the next time.
            let _ = fs::remove_file(&new_path);
            disk(error)
        })
    }

    fn write(file: Locked, table: &Table) -> io::Result<Self> {
        file.set_len(0)?;
        // Random without a dependency: the keys with which the standard library protects its hash tables.
        let salt = RandomState::new().build_hasher().finish();
        let mut journal = Self {
            file,
            salt,
            end: 0,
            size: 0,
        };
        journal.put(&journal::header(salt))?;
        let mut records = table.records().peekable();
        let mut frame = Vec::new();
        while records.peek().is_some() {
            frame.clear();
            let some = records.by_ref().take(REWRITTEN_AT_ONCE);
            journal::frame(&mut frame, salt, journal.end, table.stamp, some).ok_or(io::ErrorKind::FileTooLarge)?;
            journal.put(&frame)?;
        }
        journal.size = journal.end;
        journal.make_room(0)?;
        journal.file.sync_all()?;
        Ok(journal)
    }

    /// Makes sure that a frame of this length can be written without the file growing.
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        let needed = self.end + length + MARGIN;
        if needed <= self.size {
            return Ok(());
        }
        let size = needed.next_multiple_of(CHUNK);
        // The size is set in one step, so that it is a multiple of the chunk at any moment.
        let grown = self.file.set_len(size as u64).and_then(|()| {
            let zeros = vec![0; CHUNK];
            for at in (self.size..size).step_by(CHUNK) {
                self.file.write_all_at(&zeros[..CHUNK.min(size - at)], at as u64)?;
            }
            self.file.sync_data()
        });
        match grown {
            Ok(()) => self.size = size,
            // If this fails too, the file is longer than needed, which harms nobody.
            Err(_) => drop(self.file.set_len(self.size as u64)),
        }
        grown
    }

    /// Writes a frame where there is room for it, durably.
    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frame, self.end as u64)?;
        self.file.sync_data()?;
        self.end += frame.len();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end as u64)?;
        self.end += bytes.len();
        Ok(())
    }

    /// Takes back a frame whose append failed, as far as the disk still obeys.
    fn retract(&self) {
        let _ = self.file.write_all_at(&[0; 8], self.end as u64);
        let _ = self.file.sync_data();
    }
}

/// Opens and locks the file, if there is one.
fn lock_existing(path: &Path) -> Result<Option<Locked>, StoreError> {
    let disk = |error: io::Error| StoreError::disk(path, &error);
    loop {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(disk)?,
        };
        let opened = file.metadata().map_err(disk)?;
        if !opened.is_file() {
            return Err(refuse(path, Fault::Damaged("it is not a regular file".into())));
        }
        let file = Locked::new(file, path)?;
        // Between the two calls its owner may have put a rewritten journal in its place.
        match fs::metadata(path) {
            Ok(present) if (present.dev(), present.ino()) == (opened.dev(), opened.ino()) => return Ok(Some(file)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(error)),
            _ => {}
        }
    }
}

/// A file that belongs to this process alone.
#[derive(Debug)]
struct Locked(File);

impl Locked {
    /// Locks the file, which is an error if another process has done so.
    fn new(file: File, path: &Path) -> Result<Self, StoreError> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::disk(path, &error)),
        }
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing is not enough: a child between fork and exec has the file open too, and with it the lock.
        let _ = self.0.unlock();
    }
}

fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(directory(path))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

fn refuse(path: &Path, fault: Fault) -> StoreError {
    let path = path.to_owned();
    match fault {
        Fault::Damaged(cause) => StoreError::Damaged { path, cause },
        Fault::Newer(found) => StoreError::Newer {
            path,
            found: found.into(),
            known: FORMAT.into(),
        },
    }
}
