//! Debian's miniupnpd, built for nftables.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;
use portreeve_testkit::{Lab, wait_until};

pub(super) const PROGRAM: &str = "/usr/sbin/miniupnpd";
pub(super) const CONTROL_PATH: &str = "/ctl/IPConn";

/// The chains in which it keeps its rules. Nothing is dropped: the lab's gateway forwards everything.
const CHAINS: &str = "
table inet miniupnpd {
    chain forward { type filter hook forward priority filter; jump miniupnpd; }
    chain prerouting { type nat hook prerouting priority dstnat; jump prerouting_miniupnpd; }
    chain postrouting { type nat hook postrouting priority srcnat; jump postrouting_miniupnpd; }
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}
";

/// Starts it as its service does: in the background, and logging nothing but what matters.
pub(super) fn start(lab: &Lab, directory: &Path) -> Pid {
    let gateway = lab.gateway();
    if !gateway
        .command("nft", ["list", "table", "inet", "miniupnpd"])
        .status
        .success()
    {
        gateway.nft(CHAINS);
    }
    let path = directory.join("miniupnpd.conf");
    let pid_file = directory.join("pid");
    let _ = fs::remove_file(&pid_file);
    let text = configuration(lab, directory);
    fs::write(&path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    let arguments = ["-f", &path.display().to_string(), "-P", &pid_file.display().to_string()];
    gateway.command(PROGRAM, arguments).success();
    let mut pid = None;
    wait_until(Duration::from_secs(10), || {
        pid = fs::read_to_string(&pid_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        pid.is_some()
    });
    Pid::from_raw(pid.unwrap_or_else(|| panic!("miniupnpd wrote no {}", pid_file.display())))
}

fn configuration(lab: &Lab, directory: &Path) -> String {
    format!(
        "ext_ifname={wan}\n\
         listening_ip={lan}\n\
         port=5000\n\
         enable_upnp=yes\n\
         enable_natpmp=yes\n\
         secure_mode=yes\n\
         force_igd_desc_v1=no\n\
         uuid=8a3b1c52-5c2e-4a54-9d0f-3f6d6f6d7001\n\
         lease_file={leases}\n\
         upnp_table_name=miniupnpd\n\
         upnp_nat_table_name=miniupnpd\n\
         upnp_forward_chain=miniupnpd\n\
         upnp_nat_chain=prerouting_miniupnpd\n\
         upnp_nat_postrouting_chain=postrouting_miniupnpd\n\
         allow 1024-65535 192.168.0.0/16 1024-65535\n\
         deny 0-65535 0.0.0.0/0 0-65535\n",
        wan = lab.wan_interface(),
        lan = lab.lan_interface(0),
        leases = directory.join("leases").display(),
    )
}
