//! What every client test needs.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portreeve_lab::Bed;
use portreeve_lab::upnp::PortMapping;
use portreeve_testkit::{Host, Reply, reach_tcp, reach_udp};

pub(crate) use portreeve_lab::bytes::{Protocol, is_closed, is_open};
pub(crate) use portreeve_lab::programs::require_program;

/// An IPv4 mapping as LAN host 1 sees it over UPnP: `address:port` that it leads to, and seconds that are left.
pub(crate) fn listed(bed: &Bed, protocol: Protocol, external: u16) -> Option<(String, u32)> {
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, external);
    mapping.protocol = protocol.name().to_owned();
    let entry = client.specific(&mapping).ok()?;
    let leads_to = format!("{}:{}", entry.get("NewInternalClient"), entry.get("NewInternalPort"));
    let lease = u32::try_from(entry.number("NewLeaseDuration")).expect("NewLeaseDuration is ui4");
    let all = client.list(external, external, protocol.name(), "0", 0);
    let all = all.expect("what is shown alone is shown in the list");
    assert!(all.contains("192.168.77.11"), "{all}");
    Some((leads_to, lease))
}

/// From an Internet host to a port of a LAN host over IPv6, where nothing is translated.
pub(crate) fn reaches_ipv6(from: &Host, protocol: Protocol, to: SocketAddr) -> bool {
    let reply = match protocol {
        Protocol::Tcp => reach_tcp(from, to),
        Protocol::Udp => reach_udp(from, to),
    };
    reply.is_ok_and(|Reply { server, seen, .. }| server == "lan1" && seen.ip() == from.ipv6())
}

/// The Python of the lab's virtual environment if it has a module; if not, prints what is left out.
pub(crate) fn require_python(module: &str) -> Option<PathBuf> {
    let python = env::var_os("LAB_PYTHON").map_or_else(default_python, PathBuf::from);
    if runs(&python, &format!("import {module}")) {
        return Some(python);
    }
    eprintln!("left out, needs the Python module {module}: `cargo xtask venv` makes it");
    None
}

/// Debian's own Python if it reaches the typelib of a library through GObject introspection; if not, prints what is
/// left out.
pub(crate) fn require_typelib(library: &str, version: &str, package: &str) -> Option<PathBuf> {
    let python = PathBuf::from("/usr/bin/python3");
    if runs(
        &python,
        &format!("import gi; gi.require_version('{library}', '{version}')"),
    ) {
        return Some(python);
    }
    eprintln!("left out, needs {library} {version} from Python (Debian: python3-gi, {package})");
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

fn runs(python: &Path, code: &str) -> bool {
    let status = Command::new(python)
        .args(["-c", code])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn default_python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab-venv/bin/python")
}
