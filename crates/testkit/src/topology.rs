//! Names and addresses of the lab, and the `ip -batch` scripts that make it.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

pub(crate) const WAN_INTERFACE: &str = "wan0";
pub(crate) const WAN_GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(11, 11, 11, 2);
pub(crate) const WAN_GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 2);
/// The LAN of an outer gateway, in which the gateway's WAN interface is.
pub(crate) const OUTER_LAN: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(192, 168, 78, 1),
    Ipv6Addr::new(0xfd78, 0, 0, 0, 0, 0, 0, 1),
);
pub(crate) const WAN_BEHIND_OUTER: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(192, 168, 78, 2),
    Ipv6Addr::new(0xfd78, 0, 0, 0, 0, 0, 0, 2),
);
/// Port of the outer gateway's bridge that the gateway's WAN cable is plugged into.
const OUTER_PORT: &str = "port0.1";
/// Port of the provider's switch that the gateway's WAN cable is plugged into.
pub(crate) const PROVIDER_PORT: &str = "gw";

/// Sizes of a lab. LANs are numbered from 0, hosts from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Topology {
    pub(crate) lans: u8,
    pub(crate) lan_hosts: u8,
    pub(crate) internet_hosts: u8,
    pub(crate) lan_addresses: Addresses,
    pub(crate) wan_addresses: Addresses,
    pub(crate) way: Way,
}

/// What is between the gateway and the Internet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// Nothing: the gateway has an address of the Internet.
    #[default]
    Direct,
    /// Another gateway, whose LAN is the gateway's WAN: there are two NATs in a row.
    BehindOuterGateway,
}

/// Which addresses the machines on one side of the gateway have, and the gateway on that side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4 and IPv6.
    #[default]
    Both,
    /// IPv6 alone.
    Ipv6Only,
}

pub(crate) fn bridge(lan: u8) -> String {
    format!("br{lan}")
}

pub(crate) fn lan_v4(lan: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77 + lan, if host == 0 { 1 } else { 10 + host })
}

pub(crate) fn lan_v6(lan: u8, host: u8) -> Ipv6Addr {
    let interface = if host == 0 { 1 } else { 0x10 + u16::from(host) };
    Ipv6Addr::new(0xfd77 + u16::from(lan), 0, 0, 0, 0, 0, 0, interface)
}

pub(crate) fn internet_v4(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(11, 11, 11, 6 + host)
}

pub(crate) fn internet_v6(host: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 6 + u16::from(host))
}

impl Topology {
    /// `(LAN, number on it, name)` of every LAN host, first LAN first.
    pub(crate) fn lan_hosts(self) -> impl Iterator<Item = (u8, u8, String)> {
        (0..self.lans).flat_map(move |lan| {
            (1..=self.lan_hosts).map(move |host| (lan, host, format!("lan{}", lan * self.lan_hosts + host)))
        })
    }

    /// Makes the addresses and routes in the namespaces, and takes everything up.
    pub(crate) fn configure(self, prefix: &str) {
        let namespaces = |name: &str| format!("{prefix}-{name}");
        batch(Some(&namespaces("provider")), &self.provider());
        if self.way == Way::BehindOuterGateway {
            batch(Some(&namespaces("outer")), &self.outer());
        }
        batch(Some(&namespaces("gateway")), &self.gateway());
        for (lan, host, name) in self.lan_hosts() {
            let address = (lan_v4(lan, host), lan_v6(lan, host));
            let script = interface("eth0", self.lan_addresses, address)
                + &default_route(self.lan_addresses, (lan_v4(lan, 0), lan_v6(lan, 0)));
            batch(Some(&namespaces(&name)), &script);
        }
        for host in 1..=self.internet_hosts {
            let script = interface("eth0", self.wan_addresses, (internet_v4(host), internet_v6(host)));
            // IPv6 is not translated, so its answers need a way back.
            let route = format!("route add fd00::/8 via {WAN_GATEWAY_V6}\n");
            batch(Some(&namespaces(&format!("internet{host}"))), &(script + &route));
        }
    }

    /// Makes the namespaces and the cables between them, with nothing taken up yet.
    pub(crate) fn create_namespaces(self, prefix: &str) {
        let mut script = format!("netns add {prefix}-gateway\nnetns add {prefix}-provider\n");
        let outermost = match self.way {
            Way::Direct => "gateway",
            Way::BehindOuterGateway => {
                script += &format!(
                    "netns add {prefix}-outer\n\
                     link add {WAN_INTERFACE} netns {prefix}-gateway type veth peer name {OUTER_PORT} netns {prefix}-outer\n"
                );
                "outer"
            }
        };
        script += &format!(
            "link add {WAN_INTERFACE} netns {prefix}-{outermost} type veth peer name {PROVIDER_PORT} netns {prefix}-provider\n"
        );
        for (lan, host, name) in self.lan_hosts() {
            script += &format!(
                "netns add {prefix}-{name}\n\
                 link add eth0 netns {prefix}-{name} type veth peer name port{lan}.{host} netns {prefix}-gateway\n"
            );
        }
        for host in 1..=self.internet_hosts {
            script += &format!(
                "netns add {prefix}-internet{host}\n\
                 link add eth0 netns {prefix}-internet{host} type veth peer name i{host} netns {prefix}-provider\n"
            );
        }
        batch(None, &script);
    }

    fn provider(self) -> String {
        let mut script = bridge_with("switch", std::iter::once(PROVIDER_PORT.to_owned()));
        for host in 1..=self.internet_hosts {
            script += &format!("link set i{host} master switch up\n");
        }
        script
    }

    fn outer(self) -> String {
        let (name, own) = (bridge(0), OUTER_LAN);
        interface(WAN_INTERFACE, self.wan_addresses, (WAN_GATEWAY_V4, WAN_GATEWAY_V6))
            + &default_route(self.wan_addresses, (internet_v4(1), internet_v6(1)))
            + &bridge_with(&name, std::iter::once(OUTER_PORT.to_owned()))
            + &addresses(&name, Addresses::Both, own)
    }

    fn gateway(self) -> String {
        let (own, router) = match self.way {
            Way::Direct => ((WAN_GATEWAY_V4, WAN_GATEWAY_V6), (internet_v4(1), internet_v6(1))),
            Way::BehindOuterGateway => (WAN_BEHIND_OUTER, OUTER_LAN),
        };
        let mut script = interface(WAN_INTERFACE, self.wan_addresses, own);
        script += &default_route(self.wan_addresses, router);
        for lan in 0..self.lans {
            let name = bridge(lan);
            script += &bridge_with(&name, (1..=self.lan_hosts).map(|host| format!("port{lan}.{host}")));
            script += &addresses(&name, self.lan_addresses, (lan_v4(lan, 0), lan_v6(lan, 0)));
        }
        script
    }
}

fn bridge_with(name: &str, ports: impl Iterator<Item = String>) -> String {
    // Without snooping, multicast reaches every port at once; a real home switch does the same.
    let mut script =
        format!("link set lo up\nlink add {name} type bridge mcast_snooping 0 forward_delay 0\nlink set {name} up\n");
    for port in ports {
        script += &format!("link set {port} master {name} up\n");
    }
    script
}

fn interface(name: &str, which: Addresses, own: (Ipv4Addr, Ipv6Addr)) -> String {
    format!("link set lo up\nlink set {name} up\n") + &addresses(name, which, own)
}

fn addresses(name: &str, which: Addresses, (ipv4, ipv6): (Ipv4Addr, Ipv6Addr)) -> String {
    let mut script = format!("addr add {ipv6}/64 dev {name}\n");
    if which == Addresses::Both {
        script += &format!("addr add {ipv4}/24 dev {name}\n");
    }
    script
}

fn default_route(which: Addresses, (ipv4, ipv6): (Ipv4Addr, Ipv6Addr)) -> String {
    let mut script = format!("route add default via {ipv6}\n");
    if which == Addresses::Both {
        script += &format!("route add default via {ipv4}\n");
    }
    script
}

/// Runs a script of `ip` commands in a namespace, or in the host's for the commands that make namespaces.
fn batch(namespace: Option<&str>, script: &str) {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    let mut child = command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start ip: {e}"));
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let _ = stdin.write_all(script.as_bytes());
    drop(stdin);
    let output = child
        .wait_with_output()
        .unwrap_or_else(|e| panic!("cannot wait for ip: {e}"));
    assert!(
        output.status.success(),
        "ip -batch failed: {}\n{script}",
        String::from_utf8_lossy(&output.stderr)
    );
}
