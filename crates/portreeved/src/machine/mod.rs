//! Looks at the machine and decides what to serve: which interface is the WAN, which are LANs, what carries the traffic.

mod choose;
#[cfg(test)]
pub(crate) mod fixture;
mod link;
mod watch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portreeve_engine::policy::Network;

pub use choose::{Privilege, admit_relay, survey};
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
    /// The addresses at which it is served. Of each family, and of each scope of IPv6, the one to advertise comes before
    /// the others.
    pub addresses: Vec<LanAddress>,
    /// Every address that it has: these, and those that are not for being called or not usable yet.
    pub own: Vec<IpAddr>,
}

/// Our end of a conversation: an address, and the interface that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// Index of the LAN's interface.
    pub link: u32,
    /// Our address.
    pub address: IpAddr,
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

    /// Whether this is a host on the interface: in one of its networks, whichever of our addresses it speaks to, since
    /// a host of IPv6 has several and takes any of them.
    pub fn is_near(&self, host: SocketAddr) -> bool {
        let known = |own: &LanAddress| own.network.contains(host.ip()) || own.address == host.ip();
        let elsewhere = matches!(host, SocketAddr::V6(host) if host.scope_id() != 0 && host.scope_id() != self.index);
        !elsewhere && self.addresses.iter().any(known)
    }

    /// The same interface with the addresses at which it is served of one family at a time, where it has some, and no
    /// others: neither what changes in the other family nor the coming and going of temporary addresses concerns these
    /// clients.
    pub fn families(&self) -> impl Iterator<Item = Self> {
        [IpAddr::is_ipv4, IpAddr::is_ipv6].into_iter().filter_map(|belongs| {
            let addresses = self.addresses.iter().filter(|own| belongs(&own.address));
            let addresses: Vec<_> = addresses.copied().collect();
            (!addresses.is_empty()).then(|| Self {
                interface: self.interface.clone(),
                index: self.index,
                own: addresses.iter().map(|own| own.address).collect(),
                addresses,
            })
        })
    }

    /// Whether the address is ours on this interface.
    pub fn owns(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lan() -> Lan {
        let own = |address: &str, network: &str| LanAddress {
            address: address.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        let addresses = vec![
            own("192.168.77.1", "192.168.77.0/24"),
            own("fd77::1", "fd77::/64"),
            own("fe80::1", "fe80::/64"),
        ];
        let temporary = "fd77::aaaa".parse().unwrap();
        Lan {
            interface: "lan0".to_owned(),
            index: 3,
            own: addresses.iter().map(|own| own.address).chain([temporary]).collect(),
            addresses,
        }
    }

    #[test]
    fn what_is_served_stays_the_same_while_temporary_addresses_come_and_go() {
        let temporary = "fd77::aaaa".parse().unwrap();
        let mut later = lan();
        assert!(later.owns(temporary));
        later.own.retain(|own| *own != temporary);
        assert_ne!(later, lan());
        assert!(later.families().eq(lan().families()));
        assert!(lan().families().all(|family| !family.owns(temporary)));
    }

    #[test]
    fn hosts_are_near_by_any_address_but_a_link_local_one_only_on_its_link() {
        let lan = lan();
        for near in ["192.168.77.11:9", "[fd77::11]:9", "[fe80::11%3]:9", "[fe80::1%3]:9"] {
            assert!(lan.is_near(near.parse().unwrap()), "{near}");
        }
        for far in [
            "11.11.11.7:9",
            "[2001:db8:113::7]:9",
            "[fe80::11%2]:9",
            "[fd78::11]:9",
            "[::1]:9",
        ] {
            assert!(!lan.is_near(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn each_family_has_its_own_addresses() {
        let families: Vec<Lan> = lan().families().collect();
        assert_eq!(families.len(), 2);
        assert_eq!((families[0].ipv4(), families[0].link_local()), (lan().ipv4(), None));
        assert_eq!(
            (families[1].ipv4(), families[1].link_local()),
            (None, lan().link_local())
        );
        assert_eq!(families[1].families().count(), 1);
    }
}
