//! Debian's miniupnpd, built for nftables.

use std::fs;
use std::path::Path;

use portreeve_testkit::{Host, Lab, Process};

use super::{IgdVersion, Ipv6Firewall, Settings};

/// The chains that it expects to find, as its own init script makes them, but without that script's drop policy: the
/// lab's gateway forwards everything.
const CHAINS: &str = "
table inet miniupnpd {
    chain forward { type filter hook forward priority 0; jump miniupnpd; }
    chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
    chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}
";

/// Without a syslog daemon its log goes to the console as well, which on a virtual machine is a serial line: it takes
/// seconds, and longer when several write. What is mounted here is seen by this program alone, since `ip netns exec`
/// gives it a mount namespace of its own.
const WITHOUT_CONSOLE: &str = "mount --bind /dev/null /dev/console 2>/dev/null; exec miniupnpd \"$@\"";

pub(super) fn write_configuration(lab: &Lab, settings: &Settings, directory: &Path) {
    let listening: String = (0..settings.lans)
        .map(|lan| format!("listening_ip={}\n", lab.lan_interface(lan)))
        .collect();
    let force_v1 = match settings.igd_version {
        IgdVersion::One => "yes",
        IgdVersion::Two => "no",
    };
    let (first, last) = settings.external_ports.unwrap_or((1024, 65_535));
    let text = format!(
        "ext_ifname={wan}\n\
         {listening}\
         port=5000\n\
         enable_upnp=yes\n\
         enable_natpmp=yes\n\
         secure_mode=yes\n\
         force_igd_desc_v1={force_v1}\n\
         uuid=8a3b1c52-5c2e-4a54-9d0f-3f6d6f6d7001\n\
         lease_file={leases}\n\
         upnp_table_name=miniupnpd\n\
         upnp_nat_table_name=miniupnpd\n\
         upnp_forward_chain=miniupnpd\n\
         upnp_nat_chain=prerouting_miniupnpd\n\
         upnp_nat_postrouting_chain=postrouting_miniupnpd\n\
         allow {first}-{last} 192.168.0.0/16 1024-65535\n\
         deny 0-65535 0.0.0.0/0 0-65535\n",
        wan = lab.wan_interface(),
        leases = directory.join("leases").display(),
    );
    let path = directory.join("miniupnpd.conf");
    fs::write(&path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

pub(super) fn spawn(lab: &Lab, host: &Host, settings: &Settings, directory: &Path) -> Process {
    if !host
        .command("nft", ["list", "table", "inet", "miniupnpd"])
        .status
        .success()
    {
        host.nft(CHAINS);
        if settings.ipv6_firewall == Ipv6Firewall::On {
            host.nft(&format!(
                "add rule inet miniupnpd forward iifname {} meta nfproto ipv6 ct state new drop",
                lab.wan_interface()
            ));
        }
    }
    let configuration = directory.join("miniupnpd.conf").display().to_string();
    let pid_file = directory.join("pid").display().to_string();
    host.spawn(
        "sh",
        ["-c", WITHOUT_CONSOLE, "sh", "-d", "-f", &configuration, "-P", &pid_file],
    )
}

/// Removes what outlives the daemon: its leases and its rules.
pub(super) fn forget(host: &Host, directory: &Path) {
    let _ = fs::remove_file(directory.join("leases"));
    super::delete_table(host, "miniupnpd");
}
