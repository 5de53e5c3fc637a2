//! What the scenarios share.

mod bytes;
mod link;
mod many;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use portreeve_lab::Bed;
use portreeve_lab::subject::portreeved::{CONFIGURATION, STATE, binary};
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::upnp::{ControlPoint, PortMapping};
use portreeve_testkit::{Finished, wait_until};

pub(crate) use bytes::{
    Talk, connect_from, external, is_open, is_served_by, refuses_tcp, seen_from, served_tcp, served_udp,
};
pub(crate) use link::{Hooks, becomes, external_address, is_running, link_status, shows};
pub(crate) use many::{NO_LIMITS, NONE, add_all, closed_ports, in_parallel};

/// How long something may take that happens at once, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// The bed that tests share which leave the others alone.
pub(crate) fn shared() -> Option<Arc<Bed>> {
    is_ours().then(Bed::shared)?
}

/// A bed for one test, with these `--set` arguments.
pub(crate) fn bed(overrides: &[&str]) -> Option<Bed> {
    is_ours().then(|| Bed::own(&with(overrides)))?
}

/// As [`bed`], but the daemon is not started yet.
pub(crate) fn idle(overrides: &[&str]) -> Option<Bed> {
    is_ours().then(|| Bed::idle(&with(overrides)))?
}

/// A bed for one test, with these tables in its configuration file.
pub(crate) fn bed_with_tables(tables: &str) -> Option<Bed> {
    let settings = Settings {
        tables: tables.to_owned(),
        ..Settings::default()
    };
    is_ours().then(|| Bed::own(&settings))?
}

/// As [`bed_with_tables`], but the daemon is not started yet.
pub(crate) fn idle_with_tables(tables: &str) -> Option<Bed> {
    let settings = Settings {
        tables: tables.to_owned(),
        ..Settings::default()
    };
    is_ours().then(|| Bed::idle(&settings))?
}

/// Runs `portreeved` with arguments in the gateway's namespace, to its end.
pub(crate) fn portreeved(bed: &Bed, arguments: &[&str]) -> Finished {
    bed.gateway()
        .command(&binary().display().to_string(), arguments.iter().copied())
}

/// Talks to the running daemon: `portreeved <command...> --config <its file>`.
pub(crate) fn control(bed: &Bed, command: &[&str]) -> Finished {
    let file = configuration(bed).display().to_string();
    portreeved(bed, &[command, &["--config", &file]].concat())
}

/// The daemon's configuration file.
pub(crate) fn configuration(bed: &Bed) -> PathBuf {
    bed.subject().directory().join(CONFIGURATION)
}

/// The daemon's state directory.
pub(crate) fn state(bed: &Bed) -> PathBuf {
    bed.subject().directory().join(STATE)
}

/// Replaces text in the configuration file; it must be there once.
#[track_caller]
pub(crate) fn edit_configuration(bed: &Bed, from: &str, to: &str) {
    let path = configuration(bed);
    let text = fs::read_to_string(&path).expect("the configuration file is readable");
    assert_eq!(text.matches(from).count(), 1, "{from:?} in\n{text}");
    fs::write(&path, text.replace(from, to)).expect("the configuration file is writable");
}

/// Adds text at the end of the configuration file.
pub(crate) fn append_configuration(bed: &Bed, text: &str) {
    let path = configuration(bed);
    let before = fs::read_to_string(&path).expect("the configuration file is readable");
    fs::write(&path, before + text).expect("the configuration file is writable");
}

/// What `nft list ruleset` shows in the gateway.
pub(crate) fn ruleset(bed: &Bed) -> String {
    bed.gateway().command("nft", ["list", "ruleset"]).success()
}

/// Waits until it holds.
///
/// # Panics
/// With the daemon's log, if it does not within five seconds.
#[track_caller]
pub(crate) fn soon(bed: &Bed, what: &str, condition: impl FnMut() -> bool) {
    assert!(wait_until(SOON, condition), "not so: {what}\n{}", bed.subject().log());
}

/// The client's mapping for a fresh port of the bed.
pub(crate) fn fresh(bed: &Bed, client: &ControlPoint<'_>) -> PortMapping {
    PortMapping::new(client, bed.port())
}

/// The external port of a mapping.
pub(crate) fn port_of(mapping: &PortMapping) -> u16 {
    mapping.external_port.parse().expect("the tests write port numbers")
}

/// Asserts that the daemon lives, answers a good client within a second, and has not panicked.
#[track_caller]
pub(crate) fn assert_healthy(bed: &Bed) {
    let client = bed.client(2);
    client.root_device();
    let asked = std::time::Instant::now();
    client
        .call("GetExternalIPAddress", &[])
        .expect("the next good client is served");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "served only after {took:?}");
    let log = bed.subject().log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Resident memory of the daemon in KiB.
pub(crate) fn memory_kib(bed: &Bed) -> u64 {
    let id = bed.subject().id().expect("the daemon runs");
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the daemon runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("the kernel tells the memory of a process")
}

/// Lets this process have thousands of sockets.
pub(crate) fn raise_descriptor_limit() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits can be read");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the soft limit may be raised");
}

fn with(overrides: &[&str]) -> Settings {
    Settings {
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        ..Settings::default()
    }
}

fn is_ours() -> bool {
    Kind::from_environment() == Kind::Portreeved
}
