//! What every client test needs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use portreeve_lab::Bed;
use portreeve_testkit::{Echo, Reply, reach_tcp, reach_udp};

/// Transport protocol of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// As the standard spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// An echo server on LAN host 1.
    pub(crate) fn echo(self, bed: &Bed) -> Echo {
        match self {
            Self::Tcp => Echo::tcp(bed.lan_host(1), bed.port()),
            Self::Udp => Echo::udp(bed.lan_host(1), bed.port()),
        }
    }

    /// From the Internet to an external port.
    pub(crate) fn reach(self, bed: &Bed, port: u16) -> io::Result<Reply> {
        let outside = SocketAddr::from((bed.wan_ipv4(), port));
        match self {
            Self::Tcp => reach_tcp(bed.internet_host(1), outside),
            Self::Udp => reach_udp(bed.internet_host(1), outside),
        }
    }
}

/// Asserts that bytes from the Internet arrive at LAN host 1 and are answered.
#[track_caller]
pub(crate) fn is_open(bed: &Bed, protocol: Protocol, port: u16) {
    let reply = protocol
        .reach(bed, port)
        .unwrap_or_else(|e| panic!("{} {port} is closed: {e}", protocol.name()));
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", bed.internet_host(1).ipv4().into())
    );
}

/// Asserts that nobody answers at an external port.
#[track_caller]
pub(crate) fn is_closed(bed: &Bed, protocol: Protocol, port: u16) {
    let reply = protocol.reach(bed, port);
    assert!(reply.is_err(), "{} {port} is open: {reply:?}", protocol.name());
}

/// Whether a program is installed; if not, prints what is left out.
pub(crate) fn require_program(program: &str, package: &str) -> Option<()> {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(());
    }
    eprintln!("left out, needs {program} (Debian: {package})");
    None
}

/// The Python of the lab's virtual environment if it has a module; if not, prints what is left out.
pub(crate) fn require_python(module: &str) -> Option<PathBuf> {
    let python = env::var_os("LAB_PYTHON").map_or_else(default_python, PathBuf::from);
    let found = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    eprintln!("left out, needs the Python module {module}: `cargo xtask venv` makes it");
    None
}

/// Path of a script of this suite.
pub(crate) fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/python")
        .join(name)
        .display()
        .to_string()
}

fn default_python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab-venv/bin/python")
}
