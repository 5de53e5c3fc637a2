//! Whether there can be a gateway upstream, and whether one that was found is it.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_engine::policy::Network;
use portreeve_netlink::route::{Link, RouteFamily, Snapshot};

use crate::config::UpstreamUse;

/// Where the WAN interface is in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Our address there.
    pub(super) own: Ipv4Addr,
    /// The router through which everything leaves.
    pub(super) router: IpAddr,
}

impl Place {
    /// Where the WAN interface is now; none while an upstream gateway is of no use.
    pub(super) fn of(wan: &str, used: UpstreamUse, snapshot: &Snapshot) -> Option<Self> {
        let link = snapshot.link_named(wan).filter(|link| Link::is_usable(link))?;
        let mut addresses = snapshot
            .addresses_of(link.index)
            .filter(|address| !address.flags.is_tentative());
        let own = addresses.find_map(|address| match address.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })?;
        let routes = snapshot.default_routes.iter();
        let routes = routes.filter(|route| route.family == RouteFamily::Ipv4 && route.link == link.index);
        let router = routes.min_by_key(|route| route.metric)?.gateway?;
        let needed = match used {
            UpstreamUse::Off => false,
            UpstreamUse::Auto => is_behind_nat(own),
            UpstreamUse::On => true,
        };
        needed.then_some(Self { own, router })
    }

    /// Whether a gateway at this address is the one through which everything leaves. What another one maps leads
    /// nowhere, and it may be anybody's. Nor is it ever one of our own addresses, or we asked ourselves for ever.
    pub(super) fn is_upstream(self, gateway: IpAddr, snapshot: &Snapshot) -> bool {
        gateway == self.router && !snapshot.addresses.iter().any(|own| own.address == gateway)
    }
}

/// Whether an address is not of the Internet (RFC 1918), or one that providers share out among customers (RFC 6598).
pub(crate) fn is_behind_nat(address: Ipv4Addr) -> bool {
    let shared = Network::new(Ipv4Addr::new(100, 64, 0, 0), 10);
    address.is_private() || shared.is_some_and(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::fixture::{LO, UP, machine};

    const NO_CARRIER: u32 = 0x1;

    /// A machine with this WAN interface, behind a router.
    fn behind(flags: u32, address: &str) -> Snapshot {
        let mut snapshot = machine(&[LO, ("wan0", flags, address)], Some("wan0"));
        snapshot.default_routes[0].gateway = Some("10.0.0.1".parse().unwrap());
        snapshot
    }

    fn place(used: UpstreamUse, flags: u32, address: &str) -> Option<Place> {
        Place::of("wan0", used, &behind(flags, address))
    }

    #[test]
    fn private_and_shared_addresses_are_behind_another_nat() {
        for (address, behind) in [
            ("192.168.1.2", true),
            ("10.0.0.1", true),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("11.11.11.2", false),
        ] {
            assert_eq!(is_behind_nat(address.parse().unwrap()), behind, "{address}");
            assert_eq!(place(UpstreamUse::Auto, UP, address).is_some(), behind, "{address}");
            assert!(place(UpstreamUse::On, UP, address).is_some());
            assert!(place(UpstreamUse::Off, UP, address).is_none());
        }
    }

    #[test]
    fn without_a_carrier_or_a_route_there_is_nobody_to_ask() {
        assert_eq!(place(UpstreamUse::On, NO_CARRIER, "10.0.0.2"), None);
        for route in [None, Some("wan0")] {
            let nobody = machine(&[LO, ("wan0", UP, "10.0.0.2")], route);
            assert_eq!(Place::of("wan0", UpstreamUse::On, &nobody), None);
        }
        assert_eq!(Place::of("wan1", UpstreamUse::On, &behind(UP, "10.0.0.2")), None);
    }

    #[test]
    fn only_the_router_is_upstream_and_we_are_not() {
        let snapshot = behind(UP, "10.0.0.2");
        let place = Place::of("wan0", UpstreamUse::Auto, &snapshot).unwrap();
        assert!(place.is_upstream(place.router, &snapshot));
        assert!(!place.is_upstream("10.0.0.77".parse().unwrap(), &snapshot));
        let ourselves = Place {
            router: place.own.into(),
            ..place
        };
        assert!(!ourselves.is_upstream(place.own.into(), &snapshot));
    }
}
