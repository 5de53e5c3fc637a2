//! What this machine has, and how to give it what it lacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::report::Report;

/// Debian packages of the lab.
///
/// `miniupnpd-nftables` holds only the program; the package `miniupnpd`, which makes it a service, is not installed.
/// `gcc` and `python3-dev` build one of the Python clients; `gir1.2-gupnp-1.6` and `python3-gi` are one that runs on
/// Debian's own Python, and `gupnp-tools` has the search of the same project. `dnsmasq-base` and `udhcpc` are the
/// provider and the client of links with DHCP.
const PACKAGES: [&str; 14] = [
    "conntrack",
    "dnsmasq-base",
    "gcc",
    "gir1.2-gupnp-1.6",
    "gupnp-tools",
    "iproute2",
    "miniupnpc",
    "miniupnpd-nftables",
    "natpmpc",
    "nftables",
    "python3-dev",
    "python3-gi",
    "python3-venv",
    "udhcpc",
];

/// Without these there is no lab.
const REQUIRED: [&str; 2] = ["ip", "nft"];

/// Without one of these the lab leaves out the tests that run it, which then count as passed.
pub(crate) const OF_SINGLE_TESTS: [&str; 6] = ["upnpc", "natpmpc", "gssdp-discover", "dnsmasq", "udhcpc", "miniupnpd"];

/// `cargo`, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// Root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let members = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    members.expect("xtask lies in the workspace").to_path_buf()
}

/// The target directory.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

pub(crate) fn has_nextest() -> bool {
    succeeds(cargo().args(["nextest", "--version"]))
}

pub(crate) fn has_program(program: &str) -> bool {
    succeeds(Command::new("sh").args(["-c", &format!("command -v {program}")]))
}

/// Whether Debian's own Python reaches the typelib of a library, as the lab's client tests ask for it.
pub(crate) fn has_typelib(library: &str, version: &str) -> bool {
    let code = format!("import gi; gi.require_version('{library}', '{version}')");
    succeeds(Command::new("/usr/bin/python3").args(["-c", &code]))
}

/// Programs that the lab cannot do without and that are not there.
pub(crate) fn missing_programs() -> Vec<&'static str> {
    REQUIRED.into_iter().filter(|program| !has_program(program)).collect()
}

/// On Debian as root, installs the packages of the lab that are missing; elsewhere does nothing.
pub(crate) fn install_packages(report: &mut Report) {
    if !is_root() || !is_debian() {
        return;
    }
    let missing: Vec<_> = PACKAGES.into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return;
    }
    println!("=== packages: installing {}", missing.join(" "));
    let apt = |arguments: &[&str]| {
        succeeds_loudly(
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    let install = |packages: &[&str]| {
        let options = ["install", "--yes", "--quiet", "--no-install-recommends"];
        apt(&[&options, packages].concat())
    };
    if apt(&["update", "--quiet"]) && install(&missing) {
        return;
    }
    // A release may lack one of them, which is no reason to go without the others.
    for package in missing {
        if !install(&[package]) {
            report.left_out("what needs a package", &format!("apt-get could not install {package}"));
        }
    }
}

/// Unpacks Debian's sample configuration of miniupnpd, without installing the package, which is a service. Where that
/// fails, the test that needs it says so.
pub(crate) fn fetch_sample() {
    let directory = target().join("lab-debian");
    if !is_root() || !is_debian() || directory.join("usr/share/miniupnpd").exists() {
        return;
    }
    let fetch = "apt-get download --quiet miniupnpd && dpkg --extract miniupnpd_*.deb . && rm miniupnpd_*.deb";
    if fs::create_dir_all(&directory).is_ok() {
        succeeds_loudly(Command::new("sh").args(["-c", fetch]).current_dir(directory));
    }
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| {
        text.lines()
            .any(|line| line == "ID=debian" || line.starts_with("ID_LIKE=") && line.contains("debian"))
    })
}

fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Status}", package])
        .output();
    output.is_ok_and(|output| output.stdout == b"install ok installed")
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn succeeds_loudly(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
