//! `portreeved import-miniupnpd`: moving from miniupnpd, with its configuration and its running leases.
//!
//! `file` and `leases` read what miniupnpd has written, `options` and `permissions` say what it means here, `document`
//! composes our configuration; none of them touches the machine.

mod document;
mod file;
mod leases;
mod options;
mod permissions;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use portreeve_engine::config::Leases;
use portreeve_engine::{Change, Mapping};
use portreeve_store::{EmbeddedStore, LeaseStore};

use self::document::Context;
use self::leases::Lease;
use crate::args::ImportMiniupnpd;
use crate::exit::{Failure, Status};
use crate::machine::snapshot;
use crate::paths::{Paths, Surroundings};
use crate::runtime::clock::clocks;

/// Reads miniupnpd's files, writes ours, and tells on standard error what it did.
pub fn run(options: &ImportMiniupnpd) -> Result<(), Failure> {
    let text = read(&options.configuration)?;
    let leases = match &options.leases {
        Some(path) => leases::read(&read(path)?),
        None => leases::Found::default(),
    };
    let snapshot = snapshot()?;
    let context = Context {
        name: &options.configuration.display().to_string(),
        interface_with: &|network| {
            let holder = snapshot.addresses.iter().find(|own| network.contains(own.address))?;
            let link = snapshot.links.iter().find(|link| link.index == holder.link)?;
            Some(link.name.clone())
        },
        leases: &leases.leases,
    };
    let file = file::File::read(&text);
    let document = document::compose(&file, &context);
    for problem in &leases.problems {
        eprintln!("portreeved: {problem}");
    }
    match &options.output {
        Some(path) => {
            write(path, &document, options.force)?;
            eprintln!(
                "portreeved: wrote {}; see what it says of what has no equivalent",
                path.display()
            );
        }
        None => crate::tell(&document),
    }
    match options.leases {
        Some(_) => take_over(&leases.leases, options),
        None => {
            if let Some(path) = file.value("lease_file") {
                eprintln!("portreeved: to take over the running leases too, add `--leases {path}`");
            }
            Ok(())
        }
    }
}

/// Enters leases into the store of a daemon that does not run.
fn take_over(leases: &[Lease], options: &ImportMiniupnpd) -> Result<(), Failure> {
    let settings = crate::config::Settings::default();
    let paths = Paths::of(&settings, options.state_dir.as_deref(), &Surroundings::own());
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut store = EmbeddedStore::open(&paths.leases(), boot.trim())?;
    let clocks = clocks();
    let stored = store.load(clocks)?;
    let known = |mapping: &Mapping| stored.mappings.iter().any(|kept| kept.key == mapping.key);
    let now: Vec<_> = leases
        .iter()
        .filter_map(|lease| lease.mapping(clocks, Leases::WEEK))
        .collect();
    let ended = leases.len() - now.len();
    let (kept, new): (Vec<_>, Vec<_>) = now.into_iter().partition(known);
    let changes: Vec<Change> = new
        .into_iter()
        .map(|mapping| Change::Mapping {
            before: None,
            after: Some(mapping.into()),
        })
        .collect();
    if !changes.is_empty() {
        store.commit(&changes, stored.system_update_id.wrapping_add(1), clocks)?;
    }
    eprintln!(
        "portreeved: took over {} leases into {}; {ended} had ended, {} were there already. Stop miniupnpd and start \
         portreeved to have them in force",
        changes.len(),
        paths.leases().display(),
        kept.len(),
    );
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes =
        fs::read(path).map_err(|error| Failure::system(format_args!("cannot read {}", path.display()), &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(path: &PathBuf, text: &str, force: bool) -> Result<(), Failure> {
    let mut opening = OpenOptions::new();
    opening.write(true).mode(0o644);
    match force {
        true => opening.create(true).truncate(true),
        false => opening.create_new(true),
    };
    let written = opening.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(
            Status::CannotCreate,
            format!("{} exists already; write it over with `--force`", path.display()),
        ),
        _ => Failure::system(format_args!("cannot write {}", path.display()), &error),
    })
}
