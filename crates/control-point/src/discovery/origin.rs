//! Where searches leave from, and which addresses are near.

use std::net::Ipv4Addr;

use crate::network::Interface;

/// Most places to search from: more interfaces than that belong to containers.
const MOST: usize = 16;

/// An address of ours, and the network that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The interface's name.
    pub(crate) interface: String,
    /// Our address.
    pub(crate) address: Ipv4Addr,
    /// Length of the network's prefix in bits.
    pub(crate) prefix_len: u8,
    /// The gateway of the default route by this way.
    pub(crate) gateway: Option<Ipv4Addr>,
    /// Whether it is loopback.
    pub(crate) loopback: bool,
    /// Whether multicast can leave by it.
    pub(crate) multicast: bool,
}

impl Origin {
    /// One for each network of each interface, in the interfaces' order.
    pub(crate) fn of(interfaces: &[Interface]) -> Vec<Self> {
        let mut origins: Vec<Self> = interfaces.iter().flat_map(Self::of_interface).collect();
        origins.truncate(MOST);
        origins
    }

    fn of_interface(interface: &Interface) -> Vec<Self> {
        let mut origins: Vec<Self> = Vec::new();
        for (address, prefix_len) in &interface.addresses {
            if !origins.iter().any(|known| known.covers(*address)) {
                origins.push(Self {
                    interface: interface.name.clone(),
                    address: *address,
                    prefix_len: *prefix_len,
                    gateway: None,
                    loopback: interface.loopback,
                    multicast: interface.multicast,
                });
            }
        }
        if let Some(gateway) = interface.gateway {
            let near = origins.iter().position(|origin| origin.covers(gateway));
            if let Some(origin) = origins.get_mut(near.unwrap_or(0)) {
                origin.gateway = Some(gateway);
            }
        }
        origins
    }

    /// Whether the address is in this network, whoever has it.
    pub(crate) fn covers(&self, address: Ipv4Addr) -> bool {
        let differ = self.address.to_bits() ^ address.to_bits();
        differ.leading_zeros() >= u32::from(self.prefix_len)
    }
}

/// The origin to reach this address from: the one in its network, else the one whose gateway it is, else that of the
/// best default route. None if only loopback is left for an address that is not.
pub(crate) fn towards(origins: &[Origin], address: Ipv4Addr) -> Option<usize> {
    let near = origins.iter().position(|origin| origin.covers(address));
    let gateway = || origins.iter().position(|origin| origin.gateway == Some(address));
    let routed = || origins.iter().position(|origin| !origin.loopback);
    near.or_else(gateway).or_else(routed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, addresses: &[([u8; 4], u8)], gateway: Option<[u8; 4]>) -> Interface {
        Interface {
            name: name.to_owned(),
            addresses: addresses
                .iter()
                .map(|(address, len)| ((*address).into(), *len))
                .collect(),
            gateway: gateway.map(Ipv4Addr::from),
            loopback: name == "lo",
            multicast: name != "lo",
        }
    }

    #[test]
    fn every_network_is_searched_once() {
        let eth0 = interface(
            "eth0",
            &[([10, 9, 0, 5], 16), ([192, 168, 77, 10], 24), ([192, 168, 77, 11], 24)],
            Some([192, 168, 77, 1]),
        );
        let origins = Origin::of(&[eth0, interface("lo", &[([127, 0, 0, 1], 8)], None)]);
        let found: Vec<_> = origins.iter().map(|origin| (origin.address, origin.gateway)).collect();
        assert_eq!(
            found,
            [
                (Ipv4Addr::new(10, 9, 0, 5), None),
                (Ipv4Addr::new(192, 168, 77, 10), Some(Ipv4Addr::new(192, 168, 77, 1))),
                (Ipv4Addr::LOCALHOST, None),
            ]
        );
        assert_eq!(towards(&origins, [192, 168, 77, 200].into()), Some(1));
        assert_eq!(towards(&origins, [127, 7, 7, 7].into()), Some(2));
        assert_eq!(towards(&origins, [8, 8, 8, 8].into()), Some(0));
    }

    #[test]
    fn a_gateway_outside_of_every_network_is_still_searched() {
        let ppp0 = interface("ppp0", &[([10, 64, 0, 2], 32)], Some([10, 64, 0, 1]));
        let origins = Origin::of(&[ppp0]);
        assert_eq!(origins[0].gateway, Some(Ipv4Addr::new(10, 64, 0, 1)));
        assert_eq!(towards(&origins, [10, 64, 0, 1].into()), Some(0));
        let lo = Origin::of(&[interface("lo", &[([127, 0, 0, 1], 8)], None)]);
        assert_eq!(towards(&lo, [192, 168, 77, 1].into()), None);
    }

    #[test]
    fn the_default_route_covers_everything_and_a_host_route_itself() {
        let origins = Origin::of(&[
            interface("a", &[([1, 2, 3, 4], 0)], None),
            interface("b", &[([1, 2, 3, 4], 32)], None),
        ]);
        assert!(origins[0].covers(Ipv4Addr::BROADCAST));
        assert!(origins[1].covers([1, 2, 3, 4].into()) && !origins[1].covers([1, 2, 3, 5].into()));
    }
}
