//! Machines for tests.

use std::net::IpAddr;

use portreeve_netlink::route::{
    Address, AddressFlags, DefaultRoute, Link, LinkFlags, OperState, RouteFamily, Scope, Snapshot,
};

/// Flags of an interface that is up, has carrier and multicast.
pub(crate) const UP: u32 = 0x1 | 0x1_0000 | 0x1000;
/// Flag of an interface with one peer.
pub(crate) const POINT_TO_POINT: u32 = 0x10;
/// Flag of a temporary IPv6 address.
pub(crate) const TEMPORARY: u32 = 0x1;

/// What every machine has.
pub(crate) const LO: (&str, u32, &str) = ("lo", UP | 0x8, "127.0.0.1");

/// A machine with these interfaces (name, flags, address) and its default route through one of them.
pub(crate) fn machine(links: &[(&str, u32, &str)], default: Option<&str>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (position, (name, flags, address)) in links.iter().enumerate() {
        let index = position as u32 + 1;
        snapshot.links.push(Link {
            index,
            name: (*name).to_owned(),
            flags: LinkFlags(*flags),
            oper_state: OperState::Up,
            mtu: 1500,
        });
        add_address(&mut snapshot, index, address, 0);
        if default == Some(*name) {
            default_route(&mut snapshot, index, RouteFamily::Ipv4, 0);
        }
    }
    snapshot
}

/// Makes a default route lead through an interface.
pub(crate) fn default_route(snapshot: &mut Snapshot, link: u32, family: RouteFamily, metric: u32) {
    snapshot.default_routes.push(DefaultRoute {
        family,
        link,
        gateway: None,
        metric,
    });
}

/// Gives an interface another address, if that is one.
pub(crate) fn add_address(snapshot: &mut Snapshot, link: u32, address: &str, flags: u32) {
    if let Ok(address) = address.parse::<IpAddr>() {
        snapshot.addresses.push(Address {
            link,
            address,
            prefix_len: if address.is_ipv6() { 64 } else { 24 },
            broadcast: None,
            scope: Scope::Global,
            flags: AddressFlags(flags),
        });
    }
}
