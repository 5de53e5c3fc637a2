//! Namespaces of test processes that were killed before they could clean up.
//!
//! Every lab holds an exclusive lock on a file named after it. A lock that can be taken belongs to a dead process,
//! whatever process carries that id today.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

const ETC: &str = "/etc/netns";
const LOCKS: &str = "/run/portreeve-lab";

/// Shows that the process owning a lab is alive; the file goes away with the value.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Claim {
    pub(crate) fn new(prefix: &str) -> Self {
        fs::create_dir_all(LOCKS).unwrap_or_else(|e| panic!("cannot make {LOCKS}: {e}"));
        let path = Path::new(LOCKS).join(prefix);
        // Locked under a hidden name first: a sweep that runs right now must not find it unlocked.
        let hidden = Path::new(LOCKS).join(format!(".{prefix}"));
        let lock = lock(&hidden).unwrap_or_else(|| panic!("{} is locked by somebody else", hidden.display()));
        fs::rename(&hidden, &path).unwrap_or_else(|e| panic!("cannot rename {}: {e}", hidden.display()));
        Self { path, _lock: lock }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the labs of dead processes.
pub(crate) fn sweep() {
    let Ok(entries) = fs::read_dir(LOCKS) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let Some(_held) = lock(&path) else { continue };
        remove_namespaces(&entry.file_name().to_string_lossy());
        let _ = fs::remove_file(&path);
    }
}

/// Kills what still runs in the namespaces `<prefix>-*` and deletes them.
pub(crate) fn remove_namespaces(prefix: &str) {
    let mine = format!("{prefix}-");
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    for name in entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
    {
        if name.starts_with(&mine) {
            kill_inhabitants(&name);
            let _ = ip(&["netns", "delete", &name]);
            // What `Host::set_hosts` made; the directory above goes with the last of them.
            let _ = fs::remove_dir_all(Path::new(ETC).join(&name));
            let _ = fs::remove_dir(ETC);
        }
    }
}

fn kill_inhabitants(namespace: &str) {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let pids = inhabitants(namespace);
        if pids.is_empty() {
            return;
        }
        for pid in pids {
            let _ = signal::kill(pid, signal);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn inhabitants(namespace: &str) -> Vec<Pid> {
    // The test process itself may have a thread in there; it is not what is meant.
    let own = std::process::id().to_string();
    let listing = ip(&["netns", "pids", namespace]);
    listing
        .lines()
        .filter(|pid| *pid != own)
        .filter_map(|pid| pid.parse().ok())
        .map(Pid::from_raw)
        .collect()
}

fn lock(path: &Path) -> Option<Flock<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .ok()?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}
