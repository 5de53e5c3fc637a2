//! Looks at the machine and decides what to serve: which interface is the WAN, which are LANs, what carries the traffic.

mod choose;
#[cfg(test)]
mod fixture;
mod link;
mod watch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// Its addresses. Of each family, and of each scope of IPv6, the one to advertise comes before the others.
    pub addresses: Vec<LanAddress>,
}

/// An address of a LAN interface and the network that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanAddress {
    /// Our address, which may be one that means something on this interface only ([`Self::is_link_local`]).
    pub address: IpAddr,
    /// The network of the clients.
    pub network: Network,
}

impl Lan {
    /// Our address in the network of this host, if it is in one.
    pub fn address_towards(&self, host: IpAddr) -> Option<IpAddr> {
        let near = self.addresses.iter().find(|own| own.network.contains(host));
        near.map(|own| own.address)
    }

    /// Whether the address is ours on this interface.
    pub fn owns(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }

    /// The IPv4 address to advertise.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        self.addresses.iter().find_map(|own| match own.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
    }

    /// The link-local IPv6 address to advertise.
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        self.ipv6().find(Ipv6Addr::is_unicast_link_local)
    }

    /// The IPv6 address to advertise beyond the link: a unique local or a global one.
    pub fn beyond_link(&self) -> Option<Ipv6Addr> {
        self.ipv6()
            .find(|address| !address.is_unicast_link_local() && !address.is_loopback())
    }

    fn ipv6(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.addresses.iter().filter_map(|own| match own.address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        })
    }
}

impl LanAddress {
    /// Whether it is an IPv6 address of the interface alone: other interfaces may have the same one and mean another
    /// machine.
    pub const fn is_link_local(&self) -> bool {
        matches!(self.address, IpAddr::V6(address) if address.is_unicast_link_local())
    }
}
