//! Looks at the machine and decides what to serve: which interface is the WAN, which are LANs, what carries the traffic.

mod choose;
#[cfg(test)]
mod fixture;
mod link;
mod watch;

use std::net::Ipv4Addr;

use portreeve_engine::policy::Network;

pub use choose::{Privilege, survey};
pub use link::link_report;
pub use watch::{snapshot, watch};

/// What was found and chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Name of the WAN interface.
    pub wan: Option<String>,
    /// Names of the LAN interfaces.
    pub lans: Vec<String>,
    /// What carries the traffic.
    pub carrier: Carrier,
    /// Whether this is the real thing.
    pub mode: Mode,
    /// Sentences that tell a person what was found and chosen.
    pub story: Vec<String>,
}

/// What carries the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The kernel.
    Nftables,
    /// This process.
    Relay,
}

/// Whether this is the real thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A gateway for a LAN.
    Gateway,
    /// There is no LAN: served on loopback, to try things out.
    Trial,
}

/// A LAN interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lan {
    /// Name of the interface.
    pub interface: String,
    /// Its index.
    pub index: u32,
    /// Its IPv4 addresses, the one to advertise first.
    pub addresses: Vec<LanAddress>,
}

/// An address of a LAN interface and the network that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanAddress {
    /// Our address.
    pub address: Ipv4Addr,
    /// The network of the clients.
    pub network: Network,
}

impl Lan {
    /// Our address in the network of this host, if it is in one.
    pub fn address_towards(&self, host: Ipv4Addr) -> Option<Ipv4Addr> {
        let near = self.addresses.iter().find(|own| own.network.contains(host));
        near.map(|own| own.address)
    }
}
