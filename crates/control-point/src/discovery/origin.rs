//! Where searches leave from, and which addresses are near.

use std::net::{IpAddr, SocketAddr};

use crate::network::{Interface, scoped};

/// Most places to search from in one family: more interfaces than that belong to containers.
const MOST: usize = 16;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// The family of an address; one that stands for an IPv4 address is of IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// An address of ours, and the network that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The interface's name.
    pub(crate) interface: String,
    /// The interface's number.
    pub(crate) index: u32,
    /// Our address.
    pub(crate) address: IpAddr,
    /// Length of the network's prefix in bits.
    pub(crate) prefix_len: u8,
    /// The gateway of the default route by this way.
    pub(crate) gateway: Option<IpAddr>,
    /// Whether it is loopback.
    pub(crate) loopback: bool,
    /// Whether multicast can, and should, leave by it.
    pub(crate) multicast: bool,
}

impl Origin {
    /// One for each network of each interface, in the interfaces' order: IPv4, then IPv6, then loopback.
    pub(crate) fn of(interfaces: &[Interface]) -> Vec<Self> {
        let of = |family: Family, loopback: bool| {
            let interfaces = interfaces
                .iter()
                .filter(move |interface| interface.loopback == loopback);
            interfaces
                .flat_map(move |interface| Self::of_interface(interface, family))
                .take(MOST)
        };
        let groups = [
            (Family::Ipv4, false),
            (Family::Ipv6, false),
            (Family::Ipv4, true),
            (Family::Ipv6, true),
        ];
        groups
            .into_iter()
            .flat_map(|(family, loopback)| of(family, loopback))
            .collect()
    }

    fn of_interface(interface: &Interface, family: Family) -> Vec<Self> {
        let mut addresses = interface.addresses.clone();
        addresses.retain(|(address, _)| Family::of(*address) == family);
        // Routers are asked from the link, where their addresses are.
        addresses.sort_by_key(|(address, _)| !is_link_local(*address));
        let mut origins: Vec<Self> = Vec::new();
        for (address, prefix_len) in addresses {
            if !origins.iter().any(|known| known.covers(address)) {
                origins.push(Self {
                    interface: interface.name.clone(),
                    index: interface.index,
                    address,
                    prefix_len,
                    gateway: None,
                    loopback: interface.loopback,
                    multicast: interface.multicast && is_searched(interface, family),
                });
            }
        }
        if let Some(gateway) = interface
            .gateways
            .iter()
            .find(|gateway| Family::of(**gateway) == family)
        {
            let near = origins.iter().position(|origin| origin.covers(*gateway));
            if let Some(origin) = origins.get_mut(near.unwrap_or(0)) {
                origin.gateway = Some(*gateway);
            }
        }
        only_one_asks_the_site(&mut origins);
        origins
    }

    /// Whether the address is in this network, whoever has it.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        let differ = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => (ours.to_bits() ^ theirs.to_bits()).leading_zeros(),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits() ^ theirs.to_bits()).leading_zeros(),
            _ => return false,
        };
        differ >= u32::from(self.prefix_len)
    }

    /// Whether it is in this network; what is on a link is so on its own link only.
    pub(crate) fn reaches(&self, to: SocketAddr) -> bool {
        self.covers(to.ip()) && self.may_be_on_link(to)
    }

    /// Whether this is the default gateway of this way.
    pub(crate) fn leads_to(&self, to: SocketAddr) -> bool {
        self.gateway == Some(to.ip()) && self.may_be_on_link(to)
    }

    /// The family of its network.
    pub(crate) fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// Whether its network is one link and nothing more. What answers to such an address is on that link itself, since no
    /// router forwards it (RFC 4291 section 2.5.6).
    pub(crate) fn is_link_local(&self) -> bool {
        is_link_local(self.address)
    }

    /// An address and port as it is reached from here.
    pub(crate) fn socket(&self, address: IpAddr, port: u16) -> SocketAddr {
        scoped(address, port, self.index)
    }

    fn may_be_on_link(&self, to: SocketAddr) -> bool {
        match to {
            SocketAddr::V6(to) if to.ip().is_unicast_link_local() => to.scope_id() == 0 || to.scope_id() == self.index,
            _ => true,
        }
    }
}

/// The origin to reach this address from: the one in its network, else the one whose gateway it is, else that of the
/// best default route of its family. None if only loopback is left for an address that is not.
pub(crate) fn towards(origins: &[Origin], to: SocketAddr) -> Option<usize> {
    let routed = |origin: &Origin| !origin.loopback && origin.family() == Family::of(to.ip());
    near(origins, to).or_else(|| origins.iter().position(routed))
}

/// The origin in the network of this address, else the one whose gateway it is.
pub(crate) fn near(origins: &[Origin], to: SocketAddr) -> Option<usize> {
    let near = origins.iter().position(|origin| origin.reaches(to));
    near.or_else(|| origins.iter().position(|origin| origin.leads_to(to)))
}

/// Whether anybody is searched there. A link-local IPv6 address is everywhere, and says nothing about an IPv4 network.
fn is_searched(interface: &Interface, family: Family) -> bool {
    let mut addresses = interface.addresses.iter().map(|(address, _)| *address);
    match family {
        Family::Ipv4 => true,
        Family::Ipv6 => {
            let only_link = addresses.all(|address| address.is_ipv4() || is_link_local(address));
            let routed = interface.gateways.iter().any(IpAddr::is_ipv6);
            !only_link || routed || interface.ipv4().next().is_none()
        }
    }
}

/// The group of the site reaches the same hosts from every address that reaches further than the link.
fn only_one_asks_the_site(origins: &mut [Origin]) {
    let further = origins
        .iter_mut()
        .filter(|origin| origin.family() == Family::Ipv6 && !origin.is_link_local());
    for origin in further.skip(1) {
        origin.multicast = false;
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `addresses` as `192.168.77.10/24`.
    fn interface(name: &str, addresses: &[&str], gateways: &[&str]) -> Interface {
        let address = |text: &&str| {
            let (address, len) = text.split_once('/').unwrap();
            (address.parse().unwrap(), len.parse().unwrap())
        };
        Interface {
            name: name.to_owned(),
            index: 3,
            addresses: addresses.iter().map(address).collect(),
            gateways: gateways.iter().map(|gateway| ip(gateway)).collect(),
            loopback: name == "lo",
            multicast: name != "lo",
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn to(text: &str) -> SocketAddr {
        SocketAddr::new(ip(text), 1900)
    }

    fn lo() -> Interface {
        interface("lo", &["127.0.0.1/8", "::1/128"], &[])
    }

    /// Address, gateway and whether multicast leaves.
    fn shown(origins: &[Origin]) -> Vec<(String, Option<String>, bool)> {
        let shown = origins.iter().map(|origin| {
            let gateway = origin.gateway.map(|gateway| gateway.to_string());
            (origin.address.to_string(), gateway, origin.multicast)
        });
        shown.collect()
    }

    fn row(address: &str, gateway: Option<&str>, multicast: bool) -> (String, Option<String>, bool) {
        (address.to_owned(), gateway.map(str::to_owned), multicast)
    }

    #[test]
    fn every_network_is_searched_once() {
        let eth0 = interface(
            "eth0",
            &["10.9.0.5/16", "192.168.77.10/24", "192.168.77.11/24"],
            &["192.168.77.1"],
        );
        let origins = Origin::of(&[eth0, lo()]);
        assert_eq!(
            shown(&origins),
            [
                row("10.9.0.5", None, true),
                row("192.168.77.10", Some("192.168.77.1"), true),
                row("127.0.0.1", None, false),
                row("::1", None, false),
            ]
        );
        assert_eq!(towards(&origins, to("192.168.77.200")), Some(1));
        assert_eq!(towards(&origins, to("127.7.7.7")), Some(2));
        assert_eq!(towards(&origins, to("::1")), Some(3));
        assert_eq!(towards(&origins, to("8.8.8.8")), Some(0));
        assert_eq!(towards(&origins, to("fd77::1")), None, "there is no way for IPv6");
    }

    #[test]
    fn ipv6_networks_come_after_ipv4_networks_and_the_link_before_the_site() {
        let eth0 = interface(
            "eth0",
            &["192.168.77.10/24", "2001:db8:77::10/64", "fd77::10/64", "fe80::10/64"],
            &["192.168.77.1", "fe80::1"],
        );
        let wlan0 = interface("wlan0", &["10.0.0.10/24"], &[]);
        let origins = Origin::of(&[lo(), eth0, wlan0]);
        assert_eq!(
            shown(&origins[..5]),
            [
                row("192.168.77.10", Some("192.168.77.1"), true),
                row("10.0.0.10", None, true),
                row("fe80::10", Some("fe80::1"), true),
                row("2001:db8:77::10", None, true),
                row("fd77::10", None, false),
            ]
        );
        assert_eq!(towards(&origins, to("fd77::1")), Some(4));
        assert_eq!(towards(&origins, to("fe80::1")), Some(2));
        assert_eq!(towards(&origins, to("2a00::1")), Some(2));
    }

    #[test]
    fn a_link_local_address_beside_ipv4_makes_no_noise() {
        let quiet = Origin::of(&[interface(
            "eth0",
            &["192.168.77.10/24", "fe80::10/64"],
            &["192.168.77.1"],
        )]);
        assert_eq!(
            quiet[1],
            Origin {
                multicast: false,
                ..quiet[1].clone()
            }
        );
        assert_eq!(
            towards(&quiet, to("fe80::1")),
            Some(1),
            "it is there for whoever names one"
        );
        let alone = Origin::of(&[interface("eth0", &["fe80::10/64"], &[])]);
        assert!(alone[0].multicast);
    }

    #[test]
    fn a_link_local_address_is_on_its_own_link_only() {
        let origins = Origin::of(&[interface("eth0", &["fe80::10/64"], &["fe80::1"])]);
        for (scope, reached) in [(0, true), (3, true), (4, false)] {
            let to = scoped(ip("fe80::1"), 1900, scope);
            assert_eq!(
                (origins[0].reaches(to), origins[0].leads_to(to)),
                (reached, reached),
                "{scope}"
            );
        }
    }

    #[test]
    fn a_gateway_outside_of_every_network_is_still_searched() {
        let ppp0 = interface("ppp0", &["10.64.0.2/32"], &["10.64.0.1"]);
        let origins = Origin::of(&[ppp0]);
        assert_eq!(origins[0].gateway, Some(ip("10.64.0.1")));
        assert_eq!(towards(&origins, to("10.64.0.1")), Some(0));
        let lo = Origin::of(&[lo()]);
        assert_eq!(towards(&lo, to("192.168.77.1")), None);
    }

    #[test]
    fn the_default_route_covers_everything_and_a_host_route_itself() {
        let origins = Origin::of(&[
            interface("a", &["1.2.3.4/0"], &[]),
            interface("b", &["1.2.3.4/32", "fd77::1/128"], &[]),
        ]);
        assert!(origins[0].covers(ip("255.255.255.255")) && !origins[0].covers(ip("fd77::1")));
        assert!(origins[1].covers(ip("1.2.3.4")) && !origins[1].covers(ip("1.2.3.5")));
        assert!(origins[2].covers(ip("fd77::1")) && !origins[2].covers(ip("fd77::2")));
    }
}
