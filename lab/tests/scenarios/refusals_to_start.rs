//! What keeps the daemon from starting is said clearly, and costs nothing.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::portreeved::binary;
use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::Finished;

use crate::support::{bed, configuration, fresh, idle, portreeved, state};

/// Usage, data, unavailable service, privilege, configuration: sysexits.h.
const USAGE: i32 = 64;
const DATA: i32 = 65;
const UNAVAILABLE: i32 = 69;
const PERMISSION: i32 = 77;
const CONFIGURATION: i32 = 78;

/// Runs the daemon as the bed does; it has to end by itself soon.
fn run(bed: &Bed) -> Finished {
    run_with(bed, &[])
}

fn run_with(bed: &Bed, more: &[&str]) -> Finished {
    let (file, state) = (
        configuration(bed).display().to_string(),
        state(bed).display().to_string(),
    );
    let arguments = [&["run", "-c", &file, "--state-dir", &state], more].concat();
    bed.gateway()
        .spawn(&binary().display().to_string(), arguments)
        .wait(Duration::from_secs(10))
}

#[track_caller]
fn ends_with(finished: &Finished, status: i32, told: &[&str]) {
    let output = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.status.code(), Some(status), "{output}");
    for words in told {
        assert!(output.contains(words), "{words:?} is not in\n{output}");
    }
    assert!(!output.contains("panicked"), "{output}");
}

/// The one file that holds leases: the largest of the state directory.
fn lease_file(bed: &Bed) -> PathBuf {
    let entries = fs::read_dir(state(bed)).expect("there is a state directory");
    let files = entries
        .map(|entry| entry.expect("it is readable").path())
        .filter(|path| path.is_file());
    files
        .max_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()))
        .expect("there is a lease file")
}

/// A bed whose daemon has stored a mapping and has ended.
fn stopped_with_leases() -> Option<(Bed, PathBuf)> {
    let bed = bed(&[])?;
    let client = bed.client(1);
    client.add(&fresh(&bed, &client)).expect("a free port");
    bed.subject().stop();
    let file = lease_file(&bed);
    Some((bed, file))
}

#[test]
fn a_damaged_lease_file_is_named_with_a_way_out_and_left_alone() {
    let Some((bed, file)) = stopped_with_leases() else {
        return;
    };
    for damaged in [
        &b"this is no lease file at all, and never was one"[..],
        &[0xff; 4096],
        b"x",
    ] {
        fs::write(&file, damaged).expect("it is writable");
        ends_with(&run(&bed), DATA, &[&file.display().to_string(), "mv "]);
        assert_eq!(fs::read(&file).expect("it is still there"), damaged, "it was changed");
    }
    fs::rename(&file, file.with_extension("damaged")).expect("the way out");
    bed.start();
    assert_eq!(bed.client(1).number_of_entries(), 0);
}

/// The check of the file's header: CRC-32 as in gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}

#[test]
fn a_lease_file_of_a_newer_format_is_named_and_left_alone() {
    let Some((bed, file)) = stopped_with_leases() else {
        return;
    };
    let mut newer = fs::read(&file).expect("it is readable");
    // The format follows sixteen bytes by which the file is known; the header's check is its last field.
    newer[16..20].copy_from_slice(&7_u32.to_le_bytes());
    let check = crc32(&newer[..28]);
    newer[28..32].copy_from_slice(&check.to_le_bytes());
    fs::write(&file, &newer).expect("it is writable");
    ends_with(&run(&bed), DATA, &[&file.display().to_string(), "format 7", "newer"]);
    assert_eq!(fs::read(&file).expect("it is still there"), newer, "it was changed");
}

#[test]
fn a_flipped_byte_in_the_middle_is_noticed_or_harmless() {
    let Some((bed, file)) = stopped_with_leases() else {
        return;
    };
    let whole = fs::read(&file).expect("it is readable");
    let content = whole.iter().rposition(|byte| *byte != 0).expect("it holds something");
    for at in (0..content).step_by(content / 12 + 1) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        fs::write(&file, &flipped).expect("it is writable");
        let mut daemon = bed.gateway().spawn(
            &binary().display().to_string(),
            [
                "run",
                "-c",
                &configuration(&bed).display().to_string(),
                "--state-dir",
                &state(&bed).display().to_string(),
            ],
        );
        let ended = portreeve_testkit::wait_until(Duration::from_millis(700), || !daemon.is_running());
        if ended {
            let finished = daemon.wait(Duration::from_secs(1));
            ends_with(&finished, DATA, &[&file.display().to_string()]);
            assert_eq!(
                fs::read(&file).expect("it is still there"),
                flipped,
                "byte {at}: it was changed"
            );
        } else {
            let left = daemon.kill();
            assert!(!(left.stdout + &left.stderr).contains("panicked"), "byte {at}");
        }
    }
}

#[test]
fn the_state_of_another_running_daemon_is_not_touched() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    client.add(&mapping).expect("a free port");
    let second = run_with(
        &bed,
        &[
            "--http-port",
            "5001",
            "--set",
            "admin.socket=/tmp/portreeve-lab-second.sock",
        ],
    );
    ends_with(&second, UNAVAILABLE, &["in use", "--state-dir"]);
    client.specific(&mapping).expect("the first goes on");
    let rules = bed
        .gateway()
        .command("nft", ["list", "map", "inet", "portreeve", "any_host"])
        .success();
    assert!(rules.contains(&format!("tcp . {}", mapping.external_port)), "{rules}");
}

#[test]
fn a_taken_control_port_is_named_with_a_way_out() {
    let Some(bed) = idle(&[]) else { return };
    let other = bed
        .gateway()
        .run(|| TcpListener::bind((bed.gateway().ipv4(), 5000)))
        .expect("a free port");
    ends_with(&run(&bed), UNAVAILABLE, &["5000", "--http-port"]);
    drop(other);
    bed.start();
    let client = bed.client(1);
    client.add(&PortMapping::new(&client, bed.port())).expect("a free port");
}

#[test]
fn a_taken_ssdp_port_is_named() {
    let Some(bed) = idle(&[]) else { return };
    let _other = bed
        .gateway()
        .run(|| std::net::UdpSocket::bind(("0.0.0.0", 1900)))
        .expect("a free port");
    ends_with(&run(&bed), UNAVAILABLE, &["1900"]);
}

#[test]
fn a_taken_port_of_pcp_is_named_with_a_way_out() {
    let Some(bed) = idle(&[]) else { return };
    let _other = bed
        .gateway()
        .run(|| std::net::UdpSocket::bind((bed.gateway().ipv4(), 5351)))
        .expect("a free port");
    ends_with(&run(&bed), UNAVAILABLE, &["5351", "ss -lunp", "pcp.enabled=false"]);
}

#[test]
fn a_bad_command_line_is_a_matter_of_usage() {
    let Some(bed) = idle(&[]) else { return };
    for arguments in [
        &["--no-such-flag"][..],
        &["no-such-command"],
        &["run", "--http-port", "x"],
        &["revoke"],
    ] {
        ends_with(&portreeved(&bed, arguments), USAGE, &["error", "--help"]);
    }
    for arguments in [&["--help"][..], &["--version"]] {
        assert!(portreeved(&bed, arguments).status.success());
    }
}

#[test]
fn a_bad_configuration_is_named_by_file_line_and_key() {
    let Some(bed) = idle(&[]) else { return };
    let file = configuration(&bed).display().to_string();
    let good = fs::read_to_string(&file).expect("it is readable");
    let line = good.lines().count() + 2;
    fs::write(&file, good + "[limits]\nmapings = 7\n").expect("it is writable");
    let place = format!("{file}:{line}");
    ends_with(&run(&bed), CONFIGURATION, &[&place, "limits.mapings"]);
    ends_with(
        &portreeved(&bed, &["check", "-c", &file]),
        CONFIGURATION,
        &[&place, "limits.mapings"],
    );
    ends_with(
        &portreeved(&bed, &["--set", "limits.mappings=many"]),
        CONFIGURATION,
        &["limits.mappings"],
    );
    ends_with(
        &portreeved(&bed, &["-c", "/nonexistent/file"]),
        CONFIGURATION,
        &["/nonexistent/file"],
    );
    ends_with(
        &portreeved(&bed, &["--lan", "nosuch0"]),
        CONFIGURATION,
        &["nosuch0", "br0"],
    );
}

#[test]
fn nftables_without_the_privilege_is_a_matter_of_permission() {
    let Some(bed) = idle(&[]) else { return };
    let copy = bed.subject().directory().join("copy-of-portreeved");
    fs::copy(binary(), &copy).expect("there is room for a copy");
    let copy = copy.display().to_string();
    let unprivileged = |arguments: &[&str]| {
        let drop = ["--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i", &copy];
        bed.gateway().command("setpriv", [&drop, arguments].concat())
    };
    let nftables = unprivileged(&["--backend", "nftables"]);
    ends_with(&nftables, PERMISSION, &["CAP_NET_ADMIN", "--backend relay"]);
    let link = [
        "--wan",
        "wan0",
        "--backend",
        "relay",
        "--set",
        "link.set-interface=true",
        "--set",
        "link.control=lan",
    ];
    let set_interface = unprivileged(&link);
    ends_with(&set_interface, PERMISSION, &["link.set-interface needs CAP_NET_ADMIN"]);
}

#[test]
fn commands_without_a_daemon_say_so() {
    let Some(bed) = idle(&[]) else { return };
    for command in ["status", "mappings", "clients", "link status", "reload", "stop"] {
        let file = configuration(&bed).display().to_string();
        ends_with(
            &portreeved(&bed, &command.split(' ').chain(["-c", &file]).collect::<Vec<_>>()),
            UNAVAILABLE,
            &["control.sock"],
        );
    }
}
