//! Ours.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use portreeve_testkit::{Host, Lab, Process};

use super::{IgdVersion, Ipv6Firewall, Settings};
use crate::programs;

/// Name of the configuration file in the subject's directory.
pub const CONFIGURATION: &str = "portreeved.toml";
/// Name of the state directory there.
pub const STATE: &str = "state";

pub(super) fn write_configuration(lab: &Lab, settings: &Settings, directory: &Path) {
    let mut lans = String::new();
    for lan in 0..settings.lans {
        let separator = if lan == 0 { "" } else { ", " };
        let _ = write!(lans, "{separator}\"{}\"", lab.lan_interface(lan));
    }
    let version = match settings.igd_version {
        IgdVersion::One => 1,
        IgdVersion::Two => 2,
    };
    let ipv6 = match settings.ipv6_firewall {
        Ipv6Firewall::None => "",
        Ipv6Firewall::On => "[ipv6]\nfirewall = \"own\"\n",
    };
    let rules = settings.external_ports.map(rules).unwrap_or_default();
    let text = format!(
        "[network]\n\
         lan = [{lans}]\n\
         wan = \"{}\"\n\
         [gateway]\n\
         backend = \"nftables\"\n\
         igd-version = {version}\n\
         [admin]\n\
         socket = \"{}\"\n\
         {ipv6}{rules}{}",
        lab.wan_interface(),
        directory.join("control.sock").display(),
        settings.tables,
    );
    let path = directory.join(CONFIGURATION);
    fs::write(&path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

/// One rule that allows these external ports, and one that denies the others.
fn rules((first, last): (u16, u16)) -> String {
    format!(
        "[[rule]]\n\
         action = \"allow\"\n\
         external-ports = \"{first}-{last}\"\n\
         [[rule]]\n\
         action = \"deny\"\n"
    )
}

pub(super) fn spawn(host: &Host, settings: &Settings, directory: &Path) -> Process {
    let binary = binary();
    let configuration = directory.join(CONFIGURATION);
    let state = directory.join(STATE);
    let mut arguments = vec![
        String::from("run"),
        String::from("-c"),
        configuration.display().to_string(),
        String::from("--state-dir"),
        state.display().to_string(),
    ];
    for setting in &settings.overrides {
        arguments.extend([String::from("--set"), setting.clone()]);
    }
    host.spawn(&binary.display().to_string(), arguments)
}

/// Removes what outlives the daemon: its state and its table in the kernel.
pub(super) fn forget(host: &Host, directory: &Path) {
    let _ = fs::remove_dir_all(directory.join(STATE));
    super::delete_table(host, "portreeve");
}

/// `$PORTREEVED`, or the binary of the same build as this test.
///
/// # Panics
/// If it has not been built.
pub fn binary() -> PathBuf {
    programs::built("portreeved", "PORTREEVED")
}
