use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::host::Host;
use crate::sweep::{self, Claim};
use crate::topology::{self, Addresses, PROVIDER_PORT, Topology, WAN_INTERFACE, Way};
use crate::wait::wait_until;

/// How long an interface may take until it is ready.
const READY: Duration = Duration::from_secs(10);

/// A gateway with a LAN on one side and the Internet on the other.
///
/// | Machine | Interface | Addresses |
/// | --- | --- | --- |
/// | gateway | `br0` (LAN; a second LAN: `br1`, 192.168.78.1, fd78::1) | 192.168.77.1/24, fd77::1/64 |
/// | | `wan0` | 11.11.11.2/24, 2001:db8:113::2/64, default route to internet1 |
/// | lan1, lan2, ... | `eth0` | 192.168.77.11, .12, ...; fd77::11, ::12, ... |
/// | internet1, internet2, ... | `eth0` | 11.11.11.7, .8, ...; 2001:db8:113::7, ::8, ... |
///
/// With [`Way::BehindOuterGateway`], another gateway has that WAN interface and those addresses, and `br0` with
/// 192.168.78.1/24, fd78::1/64 beside it. The gateway's `wan0` is in that LAN: 192.168.78.2, fd78::2.
///
/// All interfaces have a link-local IPv6 address besides. The gateway forwards and has no nftables rule. Internet hosts
/// have no IPv4 route to the LAN, as in life, but one to its IPv6 addresses.
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: handles first, then the namespaces.
    gateway: Host,
    outer: Option<Outer>,
    provider: Host,
    lan_hosts: Vec<Host>,
    internet_hosts: Vec<Host>,
    namespaces: Namespaces,
}

/// The gateway between the machine under test and the Internet.
#[derive(Debug)]
struct Outer {
    gateway: Host,
    /// The machine under test, as a host of the outer gateway's LAN.
    lan_host: Host,
}

/// Sizes of a [`Lab`] to be built: one LAN with one host and one Internet host unless said otherwise.
#[derive(Debug, Clone, Copy)]
pub struct LabBuilder(Topology);

/// State of the cable between the gateway's WAN interface and the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cable {
    /// The interface has a carrier.
    In,
    /// The interface is up but has no carrier.
    Out,
}

impl Lab {
    /// A lab with one LAN host and one Internet host; the builder makes it larger.
    pub fn builder() -> LabBuilder {
        LabBuilder(Topology {
            lans: 1,
            lan_hosts: 1,
            internet_hosts: 1,
            lan_addresses: Addresses::Both,
            wan_addresses: Addresses::Both,
            way: Way::Direct,
        })
    }

    /// On a busy machine an interface may take a second until it answers for its IPv6 addresses.
    fn await_ipv6(&self, lans: u8) {
        let hosts = self.lan_hosts.iter().chain(&self.internet_hosts);
        let hosts = hosts.map(|host| (host, "eth0".to_owned()));
        // A bridge without a host has no carrier.
        let lans = if self.lan_hosts.is_empty() { 0 } else { lans };
        let bridges = (0..lans).map(|lan| (&self.gateway, topology::bridge(lan)));
        let wan = (&self.gateway, WAN_INTERFACE.to_owned());
        let outer = self.outer.iter();
        let outer =
            outer.flat_map(|outer| [topology::bridge(0), WAN_INTERFACE.to_owned()].map(|name| (&outer.gateway, name)));
        for (host, interface) in hosts.chain(bridges).chain([wan]).chain(outer) {
            let is_ready = || host.find_link_local(&interface).is_some();
            assert!(
                wait_until(READY, is_ready),
                "{interface} of {host:?} is not ready for IPv6"
            );
        }
    }

    /// The machine under test.
    pub fn gateway(&self) -> &Host {
        &self.gateway
    }

    /// The gateway between the machine under test and the Internet.
    ///
    /// # Panics
    /// If there is none.
    pub fn outer_gateway(&self) -> &Host {
        &self.outer().gateway
    }

    /// The machine under test, as the host of the outer gateway's LAN that it is.
    ///
    /// # Panics
    /// If there is no outer gateway.
    pub fn outer_lan_host(&self) -> &Host {
        &self.outer().lan_host
    }

    fn outer(&self) -> &Outer {
        self.outer.as_ref().expect("the lab was built with an outer gateway")
    }

    /// Host `number` on the LAN, counted from 1; on several LANs the count goes on.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn lan_host(&self, number: usize) -> &Host {
        &self.lan_hosts[number - 1]
    }

    /// Host `number` on the Internet, counted from 1.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn internet_host(&self, number: usize) -> &Host {
        &self.internet_hosts[number - 1]
    }

    /// All LAN hosts.
    pub fn lan_hosts(&self) -> &[Host] {
        &self.lan_hosts
    }

    /// Name of the gateway's interface on LAN `index`, counted from 0.
    pub fn lan_interface(&self, index: u8) -> String {
        topology::bridge(index)
    }

    /// Name of the gateway's WAN interface.
    pub fn wan_interface(&self) -> &'static str {
        WAN_INTERFACE
    }

    /// The gateway's first WAN address.
    pub fn wan_ipv4(&self) -> Ipv4Addr {
        match self.outer {
            None => topology::WAN_GATEWAY_V4,
            Some(_) => topology::WAN_BEHIND_OUTER.0,
        }
    }

    /// The address of the Internet behind which everything is: the gateway's, or that of the outer one.
    pub fn outermost_ipv4(&self) -> Ipv4Addr {
        topology::WAN_GATEWAY_V4
    }

    /// The gateway's global IPv6 address on the WAN.
    pub fn wan_ipv6(&self) -> Ipv6Addr {
        topology::WAN_GATEWAY_V6
    }

    /// Plugs the WAN cable in or out: the gateway's interface stays up and gets or loses its carrier.
    pub fn wan_cable(&self, cable: Cable) {
        let state = match cable {
            Cable::In => "up",
            Cable::Out => "down",
        };
        self.provider.ip(&format!("link set {PROVIDER_PORT} {state}"));
    }

    /// Replaces the gateway's IPv4 address on the WAN, as a provider does with a new DHCP lease; `None` leaves it
    /// without one.
    pub fn set_wan_address(&self, address: Option<Ipv4Addr>) {
        self.gateway.ip(&format!("-4 addr flush dev {WAN_INTERFACE}"));
        if let Some(address) = address {
            self.gateway.ip(&format!("addr add {address}/24 dev {WAN_INTERFACE}"));
            self.gateway
                .ip(&format!("route replace default via {}", topology::internet_v4(1)));
        }
    }
}

impl LabBuilder {
    /// Number of hosts on each LAN (at most 200).
    pub fn lan_hosts(mut self, count: u8) -> Self {
        self.0.lan_hosts = count;
        self
    }

    /// Number of hosts on the Internet.
    pub fn internet_hosts(mut self, count: u8) -> Self {
        self.0.internet_hosts = count;
        self
    }

    /// Number of LANs.
    pub fn lans(mut self, count: u8) -> Self {
        self.0.lans = count;
        self
    }

    /// Which addresses there are on the LANs.
    pub fn lan_addresses(mut self, addresses: Addresses) -> Self {
        self.0.lan_addresses = addresses;
        self
    }

    /// Which addresses there are on the WAN, Internet hosts included.
    pub fn wan_addresses(mut self, addresses: Addresses) -> Self {
        self.0.wan_addresses = addresses;
        self
    }

    /// What is between the gateway and the Internet.
    pub fn way(mut self, way: Way) -> Self {
        self.0.way = way;
        self
    }

    /// Makes the namespaces; needs root.
    ///
    /// # Panics
    /// If a namespace, cable or address cannot be made. What was made until then is removed.
    pub fn build(self) -> Lab {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let topology = self.0;
        sweep::sweep();
        let namespaces = Namespaces::claim(format!(
            "pr{}.{}",
            process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        topology.create_namespaces(&namespaces.prefix);
        let open = |name: &str, ipv4, ipv6| Host::open(name, &format!("{}-{name}", namespaces.prefix), ipv4, ipv6);
        let lab = Lab {
            gateway: open("gateway", topology::lan_v4(0, 0), topology::lan_v6(0, 0)),
            outer: (topology.way == Way::BehindOuterGateway).then(|| Outer {
                gateway: open("outer", topology::OUTER_LAN.0, topology::OUTER_LAN.1),
                lan_host: open("gateway", topology::WAN_BEHIND_OUTER.0, topology::WAN_BEHIND_OUTER.1),
            }),
            provider: open("provider", Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
            lan_hosts: topology
                .lan_hosts()
                .map(|(lan, host, name)| open(&name, topology::lan_v4(lan, host), topology::lan_v6(lan, host)))
                .collect(),
            internet_hosts: (1..=topology.internet_hosts)
                .map(|host| {
                    open(
                        &format!("internet{host}"),
                        topology::internet_v4(host),
                        topology::internet_v6(host),
                    )
                })
                .collect(),
            namespaces,
        };
        let gateways: Vec<&Host> = std::iter::once(&lab.gateway)
            .chain(lab.outer.iter().map(|outer| &outer.gateway))
            .collect();
        let ends = gateways.iter().copied().chain([&lab.provider]);
        for host in ends.chain(&lab.lan_hosts).chain(&lab.internet_hosts) {
            host.run(skip_duplicate_detection);
        }
        topology.configure(&lab.namespaces.prefix);
        for gateway in gateways {
            gateway.run(|| {
                enable_forwarding();
                let_bridges_be_switches();
            });
        }
        lab.await_ipv6(topology.lans);
        lab
    }
}

/// The namespaces of one lab, deleted on drop together with what still runs in them.
#[derive(Debug)]
struct Namespaces {
    prefix: String,
    _claim: Claim,
}

impl Namespaces {
    fn claim(prefix: String) -> Self {
        // A dead process with the same id may have left some; their claim has just been taken over.
        let claim = Claim::new(&prefix);
        sweep::remove_namespaces(&prefix);
        Self { prefix, _claim: claim }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        sweep::remove_namespaces(&self.prefix);
    }
}

/// `/proc/sys/net` shows the namespace of the thread that opens it.
fn enable_forwarding() {
    for key in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        let path = format!("/proc/sys/net/{key}");
        fs::write(&path, "1").unwrap_or_else(|e| panic!("cannot write {path}: {e}"));
    }
}

/// Without it an IPv6 address cannot be used for the first second or two, and a link-local one appears only then. Nobody
/// here has another one's address.
fn skip_duplicate_detection() {
    // A kernel without IPv6 has no such folder.
    let interfaces = fs::read_dir("/proc/sys/net/ipv6/conf").into_iter().flatten();
    for interface in interfaces.flatten() {
        let path = interface.path().join("accept_dad");
        fs::write(&path, "0").unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    }
}

/// Where br_netfilter is loaded (Docker does that), IP rules apply to what a bridge only switches, and a host cannot be led back to
/// itself. Home routers have no such module.
fn let_bridges_be_switches() {
    // Without the module there is no such file.
    let _ = fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
}
