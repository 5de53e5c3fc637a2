//! Moving from miniupnpd: its configuration and its running leases.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::programs::require_program;
use portreeve_lab::subject::portreeved::binary;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_testkit::{Echo, Finished, TempDir, reach_tcp, wait_until};

/// From Debian's package `miniupnpd`, which `cargo xtask test` unpacks here without installing it.
const SAMPLE: &str = "../target/lab-debian/usr/share/miniupnpd/miniupnpd.conf";

fn portreeved(bed: &Bed, arguments: &[&str]) -> Finished {
    bed.gateway().command(&binary().display().to_string(), arguments)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Whether bytes from the Internet arrive at the echo server behind an external port.
fn is_open(bed: &Bed, port: u16) -> bool {
    reach_tcp(bed.internet_host(1), (bed.wan_ipv4(), port)).is_ok()
}

#[test]
fn what_clients_mapped_with_miniupnpd_stays_open_with_portreeved() {
    if require_program("miniupnpd", "miniupnpd-nftables").is_none() || require_program("upnpc", "miniupnpc").is_none() {
        return;
    }
    let Some(bed) = Bed::of(Kind::Miniupnpd, &Settings::default()) else {
        return;
    };
    let (client, gateway) = (bed.lan_host(1), bed.gateway());
    let address = client.ipv4().to_string();
    let ports: [u16; 3] = [20_080, 20_081, 20_082];
    let _echoes = ports.map(|port| Echo::tcp(client, port));
    let root = format!("http://{}:5000/rootDesc.xml", gateway.ipv4());
    for (port, lease) in ports.into_iter().zip(["0", "3600", "90000"]) {
        let port = port.to_string();
        let arguments = ["-u", &root, "-e", "a: game", "-a", &address, &port, &port, "TCP", lease];
        client.command("upnpc", arguments).success();
    }
    let old = bed.subject().directory();
    let leases = fs::read_to_string(old.join("leases")).expect("miniupnpd keeps its leases");
    assert_eq!(leases.lines().count(), 3, "{leases}");
    bed.subject().stop();
    gateway.nft("delete table inet miniupnpd");
    assert!(!is_open(&bed, ports[0]), "only what portreeved opens is open");

    let new = TempDir::new();
    let (file, state) = (new.path().join("portreeved.toml"), new.path().join("state"));
    let importing = [
        "import-miniupnpd",
        &text(&old.join("miniupnpd.conf")),
        "--leases",
        &text(&old.join("leases")),
        "--output",
        &text(&file),
        "--state-dir",
        &text(&state),
    ];
    let told = portreeved(&bed, &importing);
    assert!(told.stderr.contains("took over 3 leases"), "{}", told.stderr);
    told.success();
    let again = portreeved(&bed, &importing);
    assert_eq!(
        again.status.code(),
        Some(73),
        "a file that exists is not written over: {}",
        again.stderr
    );
    portreeved(&bed, &["check", "-c", &text(&file)]).success();

    let running = ["run", "-c", &text(&file), "--state-dir", &text(&state)];
    let mut daemon = gateway.spawn(&binary().display().to_string(), running);
    let all_open = || ports.into_iter().all(|port| is_open(&bed, port));
    let opened = wait_until(Duration::from_secs(10), all_open);
    assert!(opened && daemon.is_running(), "{}{}", daemon.stdout(), daemon.stderr());

    // What goes on is the lease that there was, and the client renews it and sees its own.
    let listing = portreeved(&bed, &["mappings", "--json", "--state-dir", &text(&state)]).success();
    let value: serde_json::Value = serde_json::from_str(&listing).expect("JSON");
    let mut left: Vec<_> = value["mappings"]
        .as_array()
        .or(value.as_array())
        .expect("a list")
        .iter()
        .map(|mapping| {
            assert_eq!(mapping["description"], "a: game", "{mapping}");
            (
                mapping["external-port"].as_u64(),
                mapping["lease-seconds"].as_u64().unwrap_or(0),
            )
        })
        .collect();
    left.sort_unstable();
    for ((port, left), (expected, lease)) in left
        .into_iter()
        .zip([(20_080, 604_800), (20_081, 3600), (20_082, 90_000)])
    {
        assert_eq!(port, Some(expected));
        assert!((lease - 60..=lease).contains(&left), "{left} of {lease}");
    }
    let in_use = portreeved(&bed, &[&importing[..], &["--force"]].concat());
    assert_eq!(
        in_use.status.code(),
        Some(69),
        "the daemon has the store: {}",
        in_use.stderr
    );
    daemon.stop();
}

#[test]
fn the_sample_that_debian_ships_becomes_a_configuration() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(SAMPLE);
    if !sample.exists() {
        eprintln!(
            "left out, needs {}: `cargo xtask test` as root on Debian fetches it",
            sample.display()
        );
        return;
    }
    let Some(bed) = Bed::idle(&Settings::default()) else {
        return;
    };
    let directory = TempDir::new();
    let file = directory.path().join("portreeved.toml");
    portreeved(&bed, &["import-miniupnpd", &text(&sample), "-o", &text(&file)]).success();
    portreeved(&bed, &["check", "-c", &text(&file)]).success();
    let imported = fs::read_to_string(&file).expect("it was written");
    let written = fs::read_to_string(&sample).expect("it is readable");
    for (index, line) in written.lines().enumerate() {
        if !line.trim().is_empty() && !line.starts_with('#') {
            let told = format!("# line {}: {line}", index + 1);
            assert!(imported.contains(&told), "{told:?} is not in\n{imported}");
        }
    }
}
