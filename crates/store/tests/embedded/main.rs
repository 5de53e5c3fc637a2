//! The embedded store on a real disk: what was acknowledged is there, and what is wrong is said.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod pinholes;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use portreeve_engine::{Change, Expiry, Key, Mapping, Origin, Pinhole, Protocol, RemoteHost, Time, UniqueId};
use portreeve_store::{Clocks, EmbeddedStore, LeaseStore, StoreError, Stored};
use proptest::prelude::*;

use self::pinholes::pinhole;

const BOOT: &str = "0f3a91ce-boot-one";
const NOW: Clocks = Clocks {
    boot: Time::from_millis(5_000_000),
    unix_millis: 1_800_000_000_000,
};
/// Tells a test that is started by another one where to work.
const CHILD: &str = "PORTREEVE_STORE_TEST_CHILD";

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("portreeve-store-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("leases")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path, BOOT).unwrap()
}

fn load(path: &Path) -> Stored {
    open(path).load(NOW).unwrap()
}

fn mapping(port: u16, description: &str) -> Arc<Mapping> {
    Arc::new(Mapping {
        key: Key {
            external_port: NonZeroU16::new(port).unwrap(),
            protocol: Protocol::Udp,
            remote_host: RemoteHost::Any,
        },
        internal_client: Ipv4Addr::new(192, 168, 77, 10),
        internal_port: NonZeroU16::new(port).unwrap(),
        enabled: true,
        description: description.into(),
        expiry: Expiry::At(NOW.boot + Duration::from_secs(3600)),
        origin: Origin::Upnp(Ipv4Addr::new(192, 168, 77, 10).into()),
    })
}

fn put(mapping: &Arc<Mapping>) -> Change {
    Change::Mapping {
        before: None,
        after: Some(Arc::clone(mapping)),
    }
}

/// The leases of port `from` and the `count - 1` after it.
fn puts(from: u16, count: u16, description: &str) -> Vec<Change> {
    (from..from + count)
        .map(|port| put(&mapping(port, description)))
        .collect()
}

fn refusal(path: &Path) -> StoreError {
    EmbeddedStore::open(path, BOOT).expect_err("it is not a store that can be used")
}

#[test]
fn a_new_store_makes_its_directory_and_only_its_owner_reads_the_file() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a/b/leases");
    let mut store = open(&path);
    assert_eq!(store.load(NOW).unwrap(), Stored::default());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(scratch.0.join("a")).unwrap().permissions().mode() & 0o027,
        0
    );
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let scratch = Scratch::new();
    let mut store = open(&scratch.file());
    store.commit(&puts(1000, 3, "three"), 7, NOW).unwrap();
    let gone = Change::Mapping {
        before: Some(mapping(1001, "three")),
        after: None,
    };
    store.commit(&[gone], 8, NOW).unwrap();
    store.set_note("uuid", "f00d").unwrap();
    drop(store);
    let stored = load(&scratch.file());
    assert_eq!(stored.mappings, [mapping(1000, "three"), mapping(1002, "three")]);
    assert_eq!((stored.system_update_id, stored.expired), (8, 0));
    let mut store = open(&scratch.file());
    assert_eq!(store.note("uuid").unwrap().as_deref(), Some("f00d"));
    assert_eq!(store.note("other").unwrap(), None);
}

#[test]
fn a_file_of_the_first_format_is_taken_over_and_tells_older_versions_so() {
    let scratch = Scratch::new();
    open(&scratch.file()).commit(&puts(1000, 2, "old"), 7, NOW).unwrap();
    let mut bytes = fs::read(scratch.file()).unwrap();
    bytes[16] = 1;
    let check = crc32(&bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&check);
    fs::write(scratch.file(), &bytes).unwrap();
    let mut store = open(&scratch.file());
    assert_eq!(fs::read(scratch.file()).unwrap(), bytes, "opening changes nothing");
    let stored = store.load(NOW).unwrap();
    assert_eq!((stored.mappings.len(), stored.system_update_id), (2, 7));
    assert_eq!((stored.pinholes, stored.last_unique_id), (vec![], UniqueId(0)));
    assert_eq!(fs::read(scratch.file()).unwrap()[16], 2);
    drop(store);
    assert_eq!(load(&scratch.file()).mappings.len(), 2);
}

#[test]
fn ended_leases_are_dropped_and_counted_once() {
    let scratch = Scratch::new();
    open(&scratch.file()).commit(&puts(1000, 3, ""), 1, NOW).unwrap();
    let later = Clocks {
        boot: NOW.boot + Duration::from_secs(3600),
        ..NOW
    };
    let mut store = open(&scratch.file());
    assert_eq!(store.load(later).unwrap().expired, 3);
    drop(store);
    assert_eq!(
        load(&scratch.file()),
        Stored {
            system_update_id: 1,
            ..Stored::default()
        }
    );
}

#[test]
fn a_restart_of_the_machine_converts_leases_once_whatever_the_calendar_does_later() {
    let scratch = Scratch::new();
    open(&scratch.file()).commit(&puts(1000, 1, ""), 1, NOW).unwrap();
    let after_boot = Clocks {
        boot: Time::from_millis(20_000),
        unix_millis: NOW.unix_millis + 600_000,
    };
    let ends = Expiry::At(Time::from_millis(20_000 + 3_000_000));
    let mut store = EmbeddedStore::open(&scratch.file(), "boot-two").unwrap();
    assert_eq!(store.load(after_boot).unwrap().mappings[0].expiry, ends);
    drop(store);
    let calendar_set = Clocks {
        boot: Time::from_millis(30_000),
        unix_millis: NOW.unix_millis + 900_000_000,
    };
    let mut store = EmbeddedStore::open(&scratch.file(), "boot-two").unwrap();
    assert_eq!(store.load(calendar_set).unwrap().mappings[0].expiry, ends);
}

#[test]
fn the_file_stays_in_proportion_to_the_table() {
    let scratch = Scratch::new();
    let mut store = open(&scratch.file());
    store.set_note("uuid", "f00d").unwrap();
    for round in 0..150_u32 {
        store.commit(&puts(1000, 500, &format!("{round}")), round, NOW).unwrap();
    }
    // 75,000 leases of some 60 bytes were written; 500 are left, and some 17,000 superfluous ones are tolerated.
    let size = fs::metadata(scratch.file()).unwrap().len();
    assert!(size < 2_000_000, "{size} bytes");
    drop(store);
    let stored = load(&scratch.file());
    assert_eq!((stored.mappings.len(), stored.system_update_id), (500, 149));
    assert!(stored.mappings.iter().all(|mapping| &*mapping.description == "149"));
    assert_eq!(open(&scratch.file()).note("uuid").unwrap().as_deref(), Some("f00d"));
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn a_rewritten_journal_is_still_locked() {
    let scratch = Scratch::new();
    let mut store = open(&scratch.file());
    let inode = || fs::metadata(scratch.file()).unwrap().ino();
    let before = inode();
    for _ in 0..40 {
        store.commit(&puts(1000, 500, ""), 1, NOW).unwrap();
    }
    assert_ne!(inode(), before);
    assert!(matches!(refusal(&scratch.file()), StoreError::InUse { .. }));
}

#[test]
fn a_store_in_use_is_left_alone() {
    let scratch = Scratch::new();
    let store = open(&scratch.file());
    let error = refusal(&scratch.file());
    assert!(matches!(error, StoreError::InUse { .. }));
    assert!(
        error.to_string().contains(&scratch.file().display().to_string()),
        "{error}"
    );
    drop(store);
    open(&scratch.file());
}

#[test]
fn files_that_are_no_store_are_refused_and_left_as_they_are() {
    let scratch = Scratch::new();
    let cases: [(&[u8], &str); 3] = [
        (b"", "it is empty"),
        (b"# /etc/hosts\n127.0.0.1 localhost\n", "not a store"),
        (b"portreeve leases", "cut off"),
    ];
    for (bytes, cause) in cases {
        fs::write(scratch.file(), bytes).unwrap();
        let error = refusal(&scratch.file());
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(cause) && text.contains("Move it aside"), "{text}");
        assert_eq!(fs::read(scratch.file()).unwrap(), bytes);
    }
}

#[test]
fn a_damaged_store_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    let mut store = open(&scratch.file());
    for group in 0..50 {
        store
            .commit(&puts(1000 + group * 10, 10, "lease"), group.into(), NOW)
            .unwrap();
    }
    drop(store);
    let good = fs::read(scratch.file()).unwrap();
    let end = good.iter().rposition(|&byte| byte != 0).unwrap();
    for at in (32..end).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        fs::write(scratch.file(), &bytes).unwrap();
        assert!(
            matches!(refusal(&scratch.file()), StoreError::Damaged { .. }),
            "byte {at}"
        );
        assert_eq!(fs::read(scratch.file()).unwrap(), bytes);
        fs::write(scratch.file(), &good[..at]).unwrap();
        assert!(
            matches!(refusal(&scratch.file()), StoreError::Damaged { .. }),
            "cut at {at}"
        );
        assert_eq!(fs::read(scratch.file()).unwrap(), &good[..at]);
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let scratch = Scratch::new();
    drop(open(&scratch.file()));
    let mut head = fs::read(scratch.file()).unwrap();
    head[16] = 9;
    let check = crc32(&head[..28]).to_le_bytes();
    head[28..32].copy_from_slice(&check);
    fs::write(scratch.file(), &head).unwrap();
    let error = refusal(&scratch.file());
    assert!(
        matches!(error, StoreError::Newer { found: 9, known: 2, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(fs::read(scratch.file()).unwrap(), head);
}

/// Bit by bit, so that the table in the crate is checked by something else.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[test]
fn an_interrupted_commit_is_forgotten_and_the_next_one_is_kept() {
    let scratch = Scratch::new();
    let mut store = open(&scratch.file());
    store.commit(&puts(1000, 2, "kept"), 1, NOW).unwrap();
    let before = fs::read(scratch.file()).unwrap();
    store.commit(&puts(2000, 40, "interrupted"), 2, NOW).unwrap();
    drop(store);
    let after = fs::read(scratch.file()).unwrap();
    let differ: Vec<usize> = (0..after.len()).filter(|&at| before.get(at) != after.get(at)).collect();
    let (first, last) = (differ[0], differ[differ.len() - 1]);
    for cut in [first + 1, first + 9, (first + last) / 2, last] {
        fs::write(scratch.file(), &after).unwrap();
        let file = fs::OpenOptions::new().write(true).open(scratch.file()).unwrap();
        file.write_all_at(&vec![0; last + 1 - cut], cut as u64).unwrap();
        drop(file);
        let mut store = open(&scratch.file());
        assert_eq!(store.load(NOW).unwrap().mappings.len(), 2, "cut at {cut}");
        store.commit(&puts(3000, 1, "next"), 3, NOW).unwrap();
        drop(store);
        let stored = load(&scratch.file());
        assert_eq!((stored.mappings.len(), stored.system_update_id), (3, 3));
    }
}

#[test]
fn a_directory_in_place_of_the_file_is_an_error_that_says_so() {
    let scratch = Scratch::new();
    let error = refusal(&scratch.0);
    assert!(matches!(error, StoreError::Disk { .. }), "{error:?}");
    assert!(error.to_string().contains("move that directory away"), "{error}");
    fs::write(scratch.file(), "x").unwrap();
    let error = refusal(&scratch.file().join("leases"));
    assert!(error.to_string().contains("not a directory"), "{error}");
}

#[derive(Clone, Debug)]
enum Step {
    Change { port: u16, to: Option<(u16, u8)> },
    Pinhole { port: u16, id: Option<u16> },
    Note(String),
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..30_u16, prop::option::of((1..=u16::MAX, any::<u8>()))).prop_map(|(port, to)| Step::Change { port, to }),
        4 => (1..10_u16, prop::option::of(1..=u16::MAX)).prop_map(|(port, id)| Step::Pinhole { port, id }),
        1 => ".{0,30}".prop_map(Step::Note),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_what_a_plain_map_is(steps in prop::collection::vec(any_step(), 1..80)) {
        let scratch = Scratch::new();
        let mut store = open(&scratch.file());
        let (mut model, mut note, mut update_id) = (BTreeMap::<u16, Arc<Mapping>>::new(), None, 0);
        let (mut pinholes, mut last_id) = (BTreeMap::<u16, Arc<Pinhole>>::new(), UniqueId(0));
        for step in steps {
            match step {
                Step::Change { port, to } => {
                    let after = to.map(|(target, text)| {
                        let mut mapping = Arc::unwrap_or_clone(mapping(port, &"é".repeat(text.into())));
                        mapping.internal_port = NonZeroU16::new(target).unwrap();
                        mapping.enabled = text % 2 == 0;
                        Arc::new(mapping)
                    });
                    let before = model.remove(&port);
                    model.extend(after.clone().map(|after| (port, after)));
                    update_id += 1;
                    store.commit(&[Change::Mapping { before, after }], update_id, NOW).unwrap();
                }
                Step::Pinhole { port, id } => {
                    let after = id.map(|id| pinhole(port, id));
                    let before = pinholes.remove(&port);
                    if let (None, Some(opened)) = (&before, &after) {
                        last_id = opened.id;
                    }
                    pinholes.extend(after.clone().map(|after| (port, after)));
                    store.commit(&[Change::Pinhole { before, after }], update_id, NOW).unwrap();
                }
                Step::Note(text) => {
                    store.set_note("name", &text).unwrap();
                    note = Some(text);
                }
                Step::Reopen => {
                    drop(store);
                    store = open(&scratch.file());
                }
            }
            let stored = store.load(NOW).unwrap();
            prop_assert!(stored.mappings.iter().eq(model.values()));
            prop_assert!(stored.pinholes.iter().eq(pinholes.values()));
            prop_assert_eq!((stored.system_update_id, stored.last_unique_id), (update_id, last_id));
            prop_assert_eq!(store.note("name").unwrap(), note.clone());
        }
    }
}

/// Starts one of the tests below in a process of its own, behind the words of `wrapper`.
fn child(wrapper: &[&OsStr], name: &str, path: &Path) -> Command {
    let test = std::env::current_exe().unwrap();
    let mut words = wrapper.iter().copied().chain([test.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--ignored", "--exact", "--nocapture", name]);
    command.env(CHILD, path);
    command
}

fn succeeded(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn given_path() -> PathBuf {
    std::env::var_os(CHILD)
        .expect("this test is started by another one")
        .into()
}

const GROUP: u16 = 64;

/// The first port of a group: groups overwrite those before, in turn.
fn group_start(group: u32) -> u16 {
    u16::try_from(group % 32).unwrap() * GROUP + 1
}

#[test]
fn what_was_acknowledged_survives_being_killed_at_any_moment() {
    let scratch = Scratch::new();
    let mut acknowledged = 0;
    for round in 0..30 {
        let mut process = child(&[], "commit_until_killed", &scratch.file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut numbers = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("ack ")?.parse::<u32>().ok());
        // It goes on committing until the signal arrives.
        let seen = numbers.by_ref().take(10 + 13 * round % 40).last();
        std::thread::sleep(Duration::from_micros(37 * round as u64 % 500));
        process.kill().unwrap();
        process.wait().unwrap();
        acknowledged = numbers.last().or(seen).unwrap();
        let stored = load(&scratch.file());
        let last = stored.system_update_id;
        assert!(
            (acknowledged..=acknowledged + 1).contains(&last),
            "{last} after {acknowledged}"
        );
        let mut model = BTreeMap::new();
        for group in (1..=last).rev().take(32) {
            for port in group_start(group)..group_start(group) + GROUP {
                model.insert(port, mapping(port, &group.to_string()));
            }
        }
        assert!(stored.mappings.iter().eq(model.values()), "round {round}, group {last}");
        acknowledged = last;
    }
    assert!(
        acknowledged > 600,
        "after {acknowledged} commits the journal has not been rewritten"
    );
}

#[test]
#[ignore = "part of what_was_acknowledged_survives_being_killed_at_any_moment"]
fn commit_until_killed() {
    let mut store = open(&given_path());
    let mut group = store.load(NOW).unwrap().system_update_id;
    loop {
        group += 1;
        store
            .commit(&puts(group_start(group), GROUP, &group.to_string()), group, NOW)
            .unwrap();
        println!("ack {group}");
        std::io::stdout().flush().unwrap();
    }
}

/// Runs a test in a mount namespace that has a file system of 640 KiB at the directory, if this is root.
fn on_small_disk(directory: &Path, options: &str, name: &str) {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped, needs root: {name}");
        return;
    }
    let script = format!(
        "mount -t tmpfs -o size=640k,{options} tmpfs '{}' && exec \"$0\" \"$@\"",
        directory.display()
    );
    let wrapper = ["unshare", "--mount", "sh", "-c", &script].map(OsStr::new);
    succeeded(&child(&wrapper, name, &directory.join("leases")).output().unwrap());
}

#[test]
fn a_full_disk_refuses_the_commit_and_keeps_what_was_acknowledged() {
    on_small_disk(&Scratch::new().0, "mode=755", "commit_until_the_disk_is_full");
}

#[test]
#[ignore = "part of a_full_disk_refuses_the_commit_and_keeps_what_was_acknowledged"]
fn commit_until_the_disk_is_full() {
    let path = given_path();
    let mut store = open(&path);
    let filler = path.with_file_name("filler");
    fs::write(&filler, vec![1; 250 * 1024]).unwrap();
    let (mut port, text) = (1, "x".repeat(200));
    let error = loop {
        match store.commit(&puts(port, 50, &text), u32::from(port), NOW) {
            Ok(()) => port += 50,
            Err(error) => break error,
        }
    };
    let message = error.to_string();
    assert!(
        message.contains("No space left") && message.contains("make room"),
        "{message}"
    );
    assert!(message.contains(&path.display().to_string()), "{message}");
    let acknowledged = usize::from(port - 1);
    assert_eq!(store.load(NOW).unwrap().mappings.len(), acknowledged);
    drop(store);
    assert_eq!(load(&path).mappings.len(), acknowledged);
    let mut store = open(&path);
    store
        .commit(&puts(port, 50, &text), 1, NOW)
        .expect_err("the disk is still full");
    fs::remove_file(filler).unwrap();
    store
        .commit(&puts(port, 50, &text), 1, NOW)
        .expect("there is room again");
    drop(store);
    assert_eq!(load(&path).mappings.len(), acknowledged + 50);
}

#[test]
fn a_read_only_disk_is_an_error_that_says_so() {
    on_small_disk(&Scratch::new().0, "ro", "open_on_a_read_only_disk");
}

#[test]
#[ignore = "part of a_read_only_disk_is_an_error_that_says_so"]
fn open_on_a_read_only_disk() {
    let message = refusal(&given_path()).to_string();
    assert!(
        message.contains("Read-only") && message.contains("writable"),
        "{message}"
    );
}

#[test]
fn a_forbidden_directory_is_an_error_that_says_so() {
    let scratch = Scratch::new();
    let directory = scratch.0.join("private");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o000)).unwrap();
    let mut process = child(&[], "open_in_a_forbidden_directory", &directory.join("leases"));
    if nix::unistd::geteuid().is_root() {
        process.uid(65534).current_dir("/");
    }
    let output = process.output();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            println!("skipped, nobody else may run this test's program: open_in_a_forbidden_directory");
        }
        output => succeeded(&output.unwrap()),
    }
}

#[test]
#[ignore = "part of a_forbidden_directory_is_an_error_that_says_so"]
fn open_in_a_forbidden_directory() {
    let message = refusal(&given_path()).to_string();
    assert!(
        message.contains("Permission denied") && message.contains("--state-dir"),
        "{message}"
    );
}
