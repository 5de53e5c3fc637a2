//! What the engine thread reads of the machine.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::path::Path;
use std::time::{Duration, Instant};

use portreeve_engine::lan_host::LanHosts;
use portreeve_engine::ports::PortSet;
use portreeve_engine::{Counters, Neighbours, Protocol, Station, Transport};
use portreeve_netlink::diag::{self, Listener, listeners};
use portreeve_netlink::route::{Snapshot, counters, neighbours};
use tokio::sync::watch;
use tracing::debug;

use crate::lan_host::{self, DhcpServer};
use crate::machine::{Carrier, Findings, Lan};
use crate::runtime::Probe;

/// The machine, as far as it concerns the WAN.
pub(super) struct Machine {
    wan: Option<String>,
    carrier: Carrier,
    network: watch::Receiver<Snapshot>,
    lans: Vec<String>,
    lan_hosts: Option<(Instant, Vec<LanHosts>)>,
}

/// How long what the files say is taken to be true, so that asking often does not mean reading often.
const LAN_HOSTS_FRESH: Duration = Duration::from_secs(2);
/// UDP port of DHCP servers.
const DHCP: u16 = 67;

impl Machine {
    pub(super) fn new(findings: &Findings, network: watch::Receiver<Snapshot>) -> Self {
        Self {
            wan: findings.wan.clone(),
            carrier: findings.carrier,
            network,
            lans: findings.lans.clone(),
            lan_hosts: None,
        }
    }

    fn wan_index(&self) -> Option<u32> {
        let wan = self.wan.as_deref()?;
        self.network.borrow().link_named(wan).map(|link| link.index)
    }

    fn wan_addresses(&self, index: u32) -> Vec<Ipv4Addr> {
        let snapshot = self.network.borrow();
        let addresses = snapshot
            .addresses_of(index)
            .filter_map(|address| match address.address {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            });
        addresses.collect()
    }
}

impl Probe for Machine {
    fn listening(&mut self) -> PortSet {
        let mut set = PortSet::default();
        // The relay asks the operating system for each port, which knows better.
        let Some(wan) = self.wan_index().filter(|_| self.carrier == Carrier::Nftables) else {
            return set;
        };
        let addresses = self.wan_addresses(wan);
        let on_wan = |listener: &Listener| {
            let by_link = listener.link.is_none_or(|link| link == wan);
            by_link && addresses.iter().any(|address| listener.covers(*address))
        };
        match listeners() {
            Ok(found) => {
                for listener in found.iter().filter(|listener| on_wan(listener)) {
                    let protocol = match listener.transport {
                        diag::Transport::Tcp => Protocol::Tcp,
                        diag::Transport::Udp => Protocol::Udp,
                    };
                    if let Some(port) = NonZeroU16::new(listener.port) {
                        set.insert(protocol, port);
                    }
                }
            }
            Err(error) => debug!(%error, "cannot see which ports are in use"),
        }
        set
    }

    fn counters(&mut self) -> Option<Counters> {
        let found = counters(self.wan_index()?).unwrap_or_else(|error| {
            debug!(%error, "cannot read the totals of the WAN interface");
            None
        })?;
        Some(Counters {
            bytes_sent: found.sent_bytes,
            bytes_received: found.received_bytes,
            packets_sent: found.sent_packets,
            packets_received: found.received_packets,
        })
    }

    fn neighbours(&mut self) -> Neighbours {
        let found = neighbours().unwrap_or_else(|error| {
            debug!(%error, "cannot see which hosts are on the links");
            Vec::new()
        });
        let stations = found.into_iter().map(|neighbour| {
            let station = Station {
                link: neighbour.link,
                address: neighbour.link_layer,
            };
            (neighbour.address, station)
        });
        stations.collect()
    }

    fn outbound_timeout(&mut self, transport: Transport) -> Option<u32> {
        // The relay does not know what the kernel forwards besides it.
        if self.carrier != Carrier::Nftables {
            return None;
        }
        let name = match transport {
            Transport::Tcp => "tcp_timeout_established",
            // That of a connection without an answer: the shortest after which a packet from outside is unsolicited.
            Transport::Udp | Transport::UdpLite => "udp_timeout",
            Transport::Sctp => "sctp_timeout_established",
            Transport::Dccp => "dccp_timeout_open",
        };
        let text = std::fs::read_to_string(format!("/proc/sys/net/netfilter/nf_conntrack_{name}")).ok()?;
        text.trim().parse().ok()
    }

    fn lan_hosts(&mut self) -> Vec<LanHosts> {
        if let Some((read, found)) = &self.lan_hosts
            && read.elapsed() < LAN_HOSTS_FRESH
        {
            return found.clone();
        }
        let serves = |listener: &Listener| listener.transport == diag::Transport::Udp && listener.port == DHCP;
        let server = match listeners() {
            Ok(found) if found.iter().any(serves) => DhcpServer::Running,
            Ok(_) => DhcpServer::Absent,
            Err(error) => {
                debug!(%error, "cannot see whether a DHCP server runs");
                DhcpServer::Absent
            }
        };
        let lans = Lan::present(&self.lans, &self.network.borrow());
        let found = lan_host::survey(Path::new("/"), &lans, server);
        self.lan_hosts = Some((Instant::now(), found.clone()));
        found
    }
}
