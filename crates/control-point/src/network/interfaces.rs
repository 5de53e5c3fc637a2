//! Which interfaces Linux has. Another system needs another [`interfaces`] and [`system_version`]; all else is portable.

use std::io;
use std::net::IpAddr;

use portreeve_netlink::route::{Address, DefaultRoute, Link, RouteFamily, Snapshot};

use super::Interface;

/// The interfaces that are up, run and have an address: those with a default route first, the route that the kernel
/// prefers before the others (IPv4 before IPv6), loopback last. What has no address but a link-local one, as each end of
/// a container's cable, counts only where there is nothing else.
pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    Snapshot::read().map(|snapshot| usable(&snapshot)).map_err(|error| {
        let kind = error.errno().map(|errno| io::Error::from(errno).kind());
        io::Error::new(kind.unwrap_or(io::ErrorKind::Other), error)
    })
}

/// The version of the running kernel, if it tells.
pub(super) fn system_version() -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

fn usable(snapshot: &Snapshot) -> Vec<Interface> {
    let mut found: Vec<_> = snapshot
        .links
        .iter()
        .filter(|link| link.is_usable())
        .filter_map(|link| {
            let metric = |family| best_route(snapshot, link, family).map_or(u64::MAX, |route| route.metric.into());
            let order = (
                link.flags.is_loopback(),
                metric(RouteFamily::Ipv4),
                metric(RouteFamily::Ipv6),
                link.index,
            );
            Some((order, interface(snapshot, link)?))
        })
        .collect();
    if found.iter().any(|(_, interface)| is_network(interface)) {
        found.retain(|(_, interface)| interface.loopback || is_network(interface));
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, interface)| interface).collect()
}

fn interface(snapshot: &Snapshot, link: &Link) -> Option<Interface> {
    let usable = |address: &&Address| !address.flags.is_tentative();
    let mut addresses: Vec<&Address> = snapshot.addresses_of(link.index).filter(usable).collect();
    // Stable, so that the primary address stays before the secondary ones.
    addresses.sort_by_key(|address| standing(address));
    let addresses: Vec<_> = addresses
        .iter()
        .map(|address| (address.address, address.prefix_len))
        .collect();
    let routes = [RouteFamily::Ipv4, RouteFamily::Ipv6].map(|family| best_route(snapshot, link, family));
    Some(Interface {
        name: link.name.clone(),
        index: link.index,
        loopback: link.flags.is_loopback(),
        multicast: link.flags.is_multicast(),
        gateways: routes.into_iter().flatten().filter_map(|route| route.gateway).collect(),
        addresses: (!addresses.is_empty()).then_some(addresses)?,
    })
}

/// IPv4 first; of IPv6 what lasts before what is given up soon or made for privacy (RFC 6724 section 5 rule 3, RFC 8981),
/// and what reaches further before what reaches less far.
fn standing(address: &Address) -> (bool, bool, bool, u8) {
    match address.address {
        IpAddr::V4(_) => (false, false, false, 0),
        IpAddr::V6(ip) => {
            let reach = match ip {
                ip if ip.is_unicast_link_local() => 2,
                ip if ip.is_unique_local() => 1,
                _ => 0,
            };
            // What is called secondary of IPv4 is temporary of IPv6.
            let (deprecated, temporary) = (address.flags.is_deprecated(), address.flags.is_secondary());
            (true, deprecated, temporary, reach)
        }
    }
}

/// Whether it leads anywhere but to its own link.
fn is_network(interface: &Interface) -> bool {
    let routed = |address: &IpAddr| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    let mut addresses = interface.addresses.iter().map(|(address, _)| address);
    !interface.loopback && (!interface.gateways.is_empty() || addresses.any(routed))
}

fn best_route<'a>(snapshot: &'a Snapshot, link: &Link, family: RouteFamily) -> Option<&'a DefaultRoute> {
    let routes = snapshot.default_routes.iter();
    routes
        .filter(|route| route.link == link.index && route.family == family)
        .min_by_key(|route| route.metric)
}

#[cfg(test)]
mod tests {
    use portreeve_netlink::route::{Address, AddressFlags, LinkFlags, OperState, Scope};

    use super::*;

    const RUNNING: u32 = 0x1 | 0x1_0000 | 0x1000;
    const LOOPBACK: u32 = 0x1 | 0x1_0000 | 0x8;

    #[test]
    fn the_best_default_route_comes_first_and_loopback_last() {
        let snapshot = Snapshot {
            links: vec![
                link(1, "lo", LOOPBACK, OperState::Unknown),
                link(2, "wlan0", RUNNING, OperState::Up),
                link(3, "eth0", RUNNING, OperState::Up),
                link(4, "br0", RUNNING, OperState::Unknown),
            ],
            addresses: vec![
                address(1, "127.0.0.1", 8, 0),
                address(2, "192.168.78.5", 24, 0),
                address(3, "192.168.77.10", 24, 0),
                address(3, "192.168.77.11", 24, 1),
                address(4, "172.17.0.1", 16, 0),
            ],
            default_routes: vec![route(2, "192.168.78.1", 600), route(3, "192.168.77.1", 100)],
        };
        let found = usable(&snapshot);
        let names: Vec<_> = found.iter().map(|interface| interface.name.as_str()).collect();
        assert_eq!(names, ["eth0", "wlan0", "br0", "lo"]);
        let eth0 = Interface {
            name: "eth0".to_owned(),
            index: 3,
            addresses: vec![
                (IpAddr::from([192, 168, 77, 10]), 24),
                (IpAddr::from([192, 168, 77, 11]), 24),
            ],
            gateways: vec![[192, 168, 77, 1].into()],
            loopback: false,
            multicast: true,
        };
        assert_eq!(found[0], eth0);
        assert!(found[3].loopback && !found[3].multicast && found[3].gateways.is_empty());
    }

    #[test]
    fn interfaces_that_carry_nothing_are_left_out() {
        let snapshot = Snapshot {
            links: vec![
                link(2, "off", 0x1000, OperState::Down),
                link(3, "unplugged", 0x1001, OperState::Down),
                link(4, "without-address", RUNNING, OperState::Up),
                link(6, "tentative", RUNNING, OperState::Up),
                link(7, "duplicate", RUNNING, OperState::Up),
            ],
            addresses: vec![
                address(2, "192.168.77.10", 24, 0),
                address(3, "192.168.77.11", 24, 0),
                address(6, "192.168.77.12", 24, 0x40),
                address(7, "fd77::7", 64, 0x08),
            ],
            default_routes: Vec::new(),
        };
        assert_eq!(usable(&snapshot), []);
    }

    #[test]
    fn of_ipv6_the_address_that_lasts_and_reaches_furthest_comes_first() {
        let snapshot = Snapshot {
            links: vec![link(2, "eth0", RUNNING, OperState::Up)],
            addresses: vec![
                address(2, "fe80::10", 64, 0x80),
                address(2, "2001:db8:77::dead", 64, 0x01),
                address(2, "2001:db8:78::10", 64, 0x20),
                address(2, "fd77::10", 64, 0),
                address(2, "2001:db8:77::10", 64, 0),
                address(2, "192.168.77.10", 24, 0),
            ],
            default_routes: vec![route(2, "fe80::1", 1024), route(2, "192.168.77.1", 100)],
        };
        let eth0 = &usable(&snapshot)[0];
        let addresses: Vec<_> = eth0.addresses.iter().map(|(address, _)| address.to_string()).collect();
        assert_eq!(
            addresses,
            [
                "192.168.77.10",
                "2001:db8:77::10",
                "fd77::10",
                "fe80::10",
                "2001:db8:77::dead",
                "2001:db8:78::10"
            ]
        );
        let gateways: Vec<_> = eth0.gateways.iter().map(IpAddr::to_string).collect();
        assert_eq!(gateways, ["192.168.77.1", "fe80::1"]);
    }

    #[test]
    fn a_link_without_network_counts_only_where_there_is_nothing_else() {
        let cable = link(2, "veth0", RUNNING, OperState::Up);
        let mut snapshot = Snapshot {
            links: vec![cable],
            addresses: vec![address(2, "fe80::2", 64, 0)],
            default_routes: Vec::new(),
        };
        assert_eq!(usable(&snapshot).len(), 1);
        snapshot.links.push(link(3, "eth0", RUNNING, OperState::Up));
        snapshot.addresses.push(address(3, "fe80::3", 64, 0));
        snapshot.default_routes.push(route(3, "fe80::1", 1024));
        let names: Vec<_> = usable(&snapshot).into_iter().map(|interface| interface.name).collect();
        assert_eq!(names, ["eth0"]);
    }

    fn link(index: u32, name: &str, flags: u32, oper_state: OperState) -> Link {
        Link {
            index,
            name: name.to_owned(),
            flags: LinkFlags(flags),
            oper_state,
            mtu: 1500,
        }
    }

    fn address(link: u32, address: &str, prefix_len: u8, flags: u32) -> Address {
        Address {
            link,
            address: address.parse().unwrap(),
            prefix_len,
            broadcast: None,
            scope: Scope::Global,
            flags: AddressFlags(flags),
        }
    }

    fn route(link: u32, gateway: &str, metric: u32) -> DefaultRoute {
        let gateway: IpAddr = gateway.parse().unwrap();
        DefaultRoute {
            family: if gateway.is_ipv4() {
                RouteFamily::Ipv4
            } else {
                RouteFamily::Ipv6
            },
            link,
            gateway: Some(gateway),
            metric,
        }
    }
}
