//! Which interfaces Linux has. Another system needs another [`interfaces`] and [`system_version`]; all else is portable.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use portreeve_netlink::route::{DefaultRoute, Link, RouteFamily, Snapshot};

use super::Interface;

/// The interfaces that are up, run and have an IPv4 address: those with a default route first, the route that the
/// kernel prefers before the others, loopback last.
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
            let route = best_route(snapshot, link);
            let order = (
                link.flags.is_loopback(),
                route.map_or(u64::MAX, |route| route.metric.into()),
                link.index,
            );
            Some((order, interface(snapshot, link, route)?))
        })
        .collect();
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, interface)| interface).collect()
}

fn interface(snapshot: &Snapshot, link: &Link, route: Option<&DefaultRoute>) -> Option<Interface> {
    let mut addresses = Vec::new();
    for address in snapshot.addresses_of(link.index) {
        if let IpAddr::V4(ip) = address.address
            && !address.flags.is_tentative()
        {
            addresses.push((ip, address.prefix_len));
        }
    }
    Some(Interface {
        name: link.name.clone(),
        loopback: link.flags.is_loopback(),
        multicast: link.flags.is_multicast(),
        gateway: route.and_then(gateway),
        addresses: (!addresses.is_empty()).then_some(addresses)?,
    })
}

fn best_route<'a>(snapshot: &'a Snapshot, link: &Link) -> Option<&'a DefaultRoute> {
    let routes = snapshot.default_routes.iter();
    routes
        .filter(|route| route.link == link.index && route.family == RouteFamily::Ipv4)
        .min_by_key(|route| route.metric)
}

fn gateway(route: &DefaultRoute) -> Option<Ipv4Addr> {
    match route.gateway {
        Some(IpAddr::V4(gateway)) => Some(gateway),
        Some(IpAddr::V6(_)) | None => None,
    }
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
            addresses: vec![
                (Ipv4Addr::new(192, 168, 77, 10), 24),
                (Ipv4Addr::new(192, 168, 77, 11), 24),
            ],
            gateway: Some(Ipv4Addr::new(192, 168, 77, 1)),
            loopback: false,
            multicast: true,
        };
        assert_eq!(found[0], eth0);
        assert!(found[3].loopback && !found[3].multicast && found[3].gateway.is_none());
    }

    #[test]
    fn interfaces_that_carry_nothing_are_left_out() {
        let snapshot = Snapshot {
            links: vec![
                link(2, "off", 0x1000, OperState::Down),
                link(3, "unplugged", 0x1001, OperState::Down),
                link(4, "without-address", RUNNING, OperState::Up),
                link(5, "ipv6-only", RUNNING, OperState::Up),
                link(6, "tentative", RUNNING, OperState::Up),
            ],
            addresses: vec![
                address(2, "192.168.77.10", 24, 0),
                address(3, "192.168.77.11", 24, 0),
                address(5, "fd77::5", 64, 0),
                address(6, "192.168.77.12", 24, 0x40),
            ],
            default_routes: Vec::new(),
        };
        assert_eq!(usable(&snapshot), []);
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
        DefaultRoute {
            family: RouteFamily::Ipv4,
            link,
            gateway: Some(gateway.parse().unwrap()),
            metric,
        }
    }
}
