//! The lab itself: what later suites take for granted.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use portreeve_testkit::{Addresses, Cable, Echo, Lab, reach_tcp, reach_udp, require_root, wait_until};

#[test]
fn lan_reaches_gateway_and_neighbours_on_both_ip_versions() {
    let Some(()) = require_root("LAN connectivity of the lab") else {
        return;
    };
    let lab = Lab::builder().lan_hosts(2).build();
    let _tcp = Echo::tcp(lab.gateway(), 7000);
    let _udp = Echo::udp(lab.lan_host(2), 7001);
    let reply = reach_tcp(lab.lan_host(1), (lab.gateway().ipv4(), 7000)).expect("IPv4 to the gateway");
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("gateway", lab.lan_host(1).ipv4().into())
    );
    reach_tcp(lab.lan_host(1), (lab.gateway().ipv6(), 7000)).expect("IPv6 to the gateway");
    let reply = reach_udp(lab.lan_host(1), (lab.lan_host(2).ipv4(), 7001)).expect("IPv4 to the neighbour");
    assert_eq!(reply.server, "lan2");
    reach_udp(lab.lan_host(1), (lab.lan_host(2).ipv6(), 7001)).expect("IPv6 to the neighbour");
}

#[test]
fn a_redirected_port_shows_the_internet_hosts_address() {
    let Some(()) = require_root("redirection through the lab") else {
        return;
    };
    let lab = Lab::builder().internet_hosts(2).build();
    let _tcp = Echo::tcp(lab.lan_host(1), 7000);
    let _udp = Echo::udp(lab.lan_host(1), 7000);
    let outside = SocketAddr::from((lab.wan_ipv4(), 9000));
    assert!(
        reach_tcp(lab.internet_host(1), outside).is_err(),
        "nothing is open before"
    );
    lab.gateway().nft(
        "table ip lab { chain prerouting { type nat hook prerouting priority dstnat; \
         iifname wan0 meta l4proto { tcp, udp } th dport 9000 dnat to 192.168.77.11:7000; }; }",
    );
    for number in [1, 2] {
        let visitor = lab.internet_host(number);
        let reply = reach_tcp(visitor, outside).expect("TCP is redirected");
        assert_eq!(
            (reply.server.as_str(), reply.seen.ip()),
            ("lan1", visitor.ipv4().into())
        );
        let reply = reach_udp(visitor, outside).expect("UDP is redirected");
        assert_eq!((reply.seen.ip(), reply.from), (visitor.ipv4().into(), outside));
    }
}

#[test]
fn two_lans_are_two_networks() {
    let Some(()) = require_root("a lab with two LANs") else {
        return;
    };
    let lab = Lab::builder().lans(2).build();
    assert_eq!(lab.lan_host(2).ipv4(), Ipv4Addr::new(192, 168, 78, 11));
    let _echo = Echo::tcp(lab.lan_host(2), 7000);
    let reply = reach_tcp(lab.lan_host(1), (lab.lan_host(2).ipv4(), 7000)).expect("routed by the gateway");
    assert_eq!(reply.seen.ip(), lab.lan_host(1).ipv4());
}

#[test]
fn ipv6_is_routed_between_the_internet_and_the_lan() {
    let Some(()) = require_root("IPv6 through the lab") else {
        return;
    };
    let lab = Lab::builder().build();
    let _lan = Echo::tcp(lab.lan_host(1), 7000);
    let _internet = Echo::udp(lab.internet_host(1), 7000);
    let reply = reach_tcp(lab.internet_host(1), (lab.lan_host(1).ipv6(), 7000)).expect("inwards");
    assert_eq!(reply.seen.ip(), lab.internet_host(1).ipv6());
    let reply = reach_udp(lab.lan_host(1), (lab.internet_host(1).ipv6(), 7000)).expect("outwards");
    assert_eq!(reply.seen.ip(), lab.lan_host(1).ipv6());
    let neighbour = lab.gateway().link_local("br0");
    let _gateway = Echo::tcp(lab.gateway(), 7000);
    let mut near = lab.lan_host(1).link_local("eth0");
    near.set_ip(*neighbour.ip());
    near.set_port(7000);
    reach_tcp(lab.lan_host(1), near).expect("the link-local address of the gateway");
}

#[test]
fn a_side_can_do_without_ipv4() {
    let Some(()) = require_root("labs without IPv4") else {
        return;
    };
    let lab = Lab::builder()
        .lan_addresses(Addresses::Ipv6Only)
        .wan_addresses(Addresses::Ipv6Only)
        .build();
    for host in [lab.gateway(), lab.lan_host(1), lab.internet_host(1)] {
        let addresses = host.ip("-4 -o address");
        assert!(addresses.lines().all(|line| line.contains(" lo ")), "{addresses}");
    }
    let _echo = Echo::tcp(lab.lan_host(1), 7000);
    reach_tcp(lab.internet_host(1), (lab.lan_host(1).ipv6(), 7000)).expect("IPv6 is all it takes");
}

#[test]
fn the_wan_cable_takes_the_carrier_and_the_address_can_change() {
    let Some(()) = require_root("WAN link changes in the lab") else {
        return;
    };
    let lab = Lab::builder().build();
    let carrier = || {
        lab.gateway()
            .command("cat", ["/sys/class/net/wan0/carrier"])
            .success()
            .trim()
            == "1"
    };
    assert!(wait_until(Duration::from_secs(2), carrier));
    lab.wan_cable(Cable::Out);
    assert!(wait_until(Duration::from_secs(2), || !carrier()));
    lab.wan_cable(Cable::In);
    let _echo = Echo::tcp(lab.gateway(), 7000);
    lab.set_wan_address(Some(Ipv4Addr::new(11, 11, 11, 3)));
    reach_tcp(lab.internet_host(1), "11.11.11.3:7000").expect("the new address answers");
    assert!(
        reach_tcp(lab.internet_host(1), (lab.wan_ipv4(), 7000)).is_err(),
        "the old one does not"
    );
}

#[test]
fn nothing_remains_after_a_panic() {
    let Some(()) = require_root("clean-up of the lab") else {
        return;
    };
    let (mut namespace, mut pid) = (String::new(), 0);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let lab = Lab::builder().build();
        namespace = lab.gateway().namespace().to_owned();
        let sleeper = lab.gateway().spawn("sleep", ["600"]);
        pid = sleeper.id();
        // Even a process that nobody holds any more.
        std::mem::forget(sleeper);
        panic!("on purpose");
    }));
    assert!(outcome.is_err());
    assert!(!Path::new("/run/netns").join(&namespace).exists());
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_else(|_| String::from(") Z"));
    assert!(state.contains(") Z"), "the process is gone or a zombie: {state}");
}

#[test]
fn labs_of_dead_processes_are_swept() {
    let Some(()) = require_root("sweeping of the lab") else {
        return;
    };
    // A process id that cannot be alive: larger than the kernel's maximum.
    let dead = "pr99999999.0";
    let namespace = format!("{dead}-gateway");
    assert!(
        Command::new("ip")
            .args(["netns", "add", &namespace])
            .status()
            .expect("ip runs")
            .success()
    );
    std::fs::create_dir_all("/run/portreeve-lab").expect("root may write to /run");
    std::fs::write(format!("/run/portreeve-lab/{dead}"), "").expect("root may write to /run");
    let _lab = Lab::builder().build();
    assert!(!Path::new("/run/netns").join(&namespace).exists());
    assert!(!Path::new("/run/portreeve-lab").join(dead).exists());
}

#[test]
fn a_host_has_its_own_names() {
    let Some(()) = require_root("names in the lab") else {
        return;
    };
    let lab = Lab::builder().build();
    lab.gateway().set_hosts(&[(Ipv4Addr::new(192, 168, 77, 11), "console")]);
    let found = lab.gateway().command("getent", ["ahostsv4", "console"]).success();
    assert_eq!(found.split_whitespace().next(), Some("192.168.77.11"));
    assert!(
        !lab.lan_host(1)
            .command("cat", ["/etc/hosts"])
            .success()
            .contains("console")
    );
    let directory = Path::new("/etc/netns").join(lab.gateway().namespace());
    assert!(directory.exists());
    drop(lab);
    assert!(!directory.exists());
}
