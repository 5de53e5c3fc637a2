use std::process::Command;
use std::time::Duration;

use super::*;

#[test]
fn loopback_is_there_with_its_counters() {
    let snapshot = Snapshot::read().unwrap();
    let link = snapshot.links.iter().find(|link| link.flags.is_loopback()).unwrap();
    assert_eq!((link.index, link.name.as_str()), (1, "lo"));
    assert!(counters(link.index).unwrap().is_some());
    assert_eq!(counters(u32::MAX >> 1).unwrap(), None);
}

#[test]
fn a_network_is_seen_as_it_changes() {
    if !nix::unistd::geteuid().is_root() {
        println!("left out, needs root: a_network_is_seen_as_it_changes");
        return;
    }
    // In a thread, because a network namespace of one's own is a property of the thread and ends with it.
    std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let mut monitor = Monitor::open().unwrap();
        assert!(!monitor.wait(Duration::ZERO).unwrap());

        ip("link add wan0 mtu 1400 type veth peer name far0");
        ip("address add 11.11.11.2/24 broadcast 11.11.11.255 dev wan0");
        ip("link set wan0 up");
        assert!(monitor.wait(Duration::from_secs(1)).unwrap());
        let snapshot = Snapshot::read().unwrap();
        let wan = snapshot.link_named("wan0").unwrap();
        assert!(wan.flags.is_up() && !wan.flags.has_carrier() && !wan.is_usable());
        assert_eq!(wan.mtu, 1400);
        assert_eq!(snapshot.default_route(RouteFamily::Ipv4), None);

        let is_up = || Snapshot::read().unwrap().link_named("wan0").unwrap().flags.is_up();
        set_admin_state(wan.index, AdminState::Down).unwrap();
        assert!(!is_up());
        set_admin_state(wan.index, AdminState::Up).unwrap();
        assert!(is_up());
        let gone = set_admin_state(u32::MAX >> 1, AdminState::Up).unwrap_err();
        assert_eq!(gone.errno(), Some(crate::Errno::ENODEV));

        ip("link set far0 up");
        ip("route add default via 11.11.11.1 dev wan0 metric 70");
        ip("route add default via 11.11.11.9 dev wan0 metric 90");
        ip("-6 address add 2001:db8:113::2/64 dev wan0 nodad");
        ip("-6 route add default via 2001:db8:113::1 dev wan0");
        assert!(monitor.wait(Duration::from_secs(1)).unwrap());
        let snapshot = Snapshot::read().unwrap();
        let wan = snapshot.link_named("wan0").unwrap();
        assert!(wan.is_usable());
        let v4 = snapshot.default_route(RouteFamily::Ipv4).unwrap();
        assert_eq!((v4.link, v4.metric), (wan.index, 70));
        assert_eq!(v4.gateway, Some("11.11.11.1".parse().unwrap()));
        let v6 = snapshot.default_route(RouteFamily::Ipv6).unwrap();
        assert_eq!(
            (v6.link, v6.gateway),
            (wan.index, Some("2001:db8:113::1".parse().unwrap()))
        );
        let address = snapshot.addresses_of(wan.index).find(|a| a.address.is_ipv4()).unwrap();
        assert_eq!(address.address, "11.11.11.2".parse::<std::net::IpAddr>().unwrap());
        assert_eq!((address.prefix_len, address.scope), (24, Scope::Global));
        assert_eq!(address.broadcast, Some("11.11.11.255".parse().unwrap()));
        assert!(snapshot.addresses_of(wan.index).any(|a| a.scope == Scope::Link));

        // A route that is no default route wakes nobody, and the addresses' own events are past by now.
        while monitor.wait(Duration::from_millis(100)).unwrap() {}
        ip("route add 11.11.12.0/24 via 11.11.11.1");
        assert!(!monitor.wait(Duration::from_millis(100)).unwrap());

        ip("route del default metric 70");
        ip("route del default metric 90");
        ip("route add default nexthop via 11.11.11.7 dev wan0 nexthop via 11.11.11.8 dev wan0");
        assert!(monitor.wait(Duration::from_secs(1)).unwrap());
        let snapshot = Snapshot::read().unwrap();
        let hops: Vec<_> = snapshot
            .default_routes
            .iter()
            .filter(|r| r.family == RouteFamily::Ipv4)
            .collect();
        assert_eq!(hops.len(), 2);
        assert_eq!(hops[1].gateway, Some("11.11.11.8".parse().unwrap()));
    })
    .join()
    .unwrap();
}

#[test]
fn hosts_on_the_links_are_known_by_their_link_layer_addresses() {
    if !nix::unistd::geteuid().is_root() {
        println!("left out, needs root: hosts_on_the_links_are_known_by_their_link_layer_addresses");
        return;
    }
    std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        assert_eq!(neighbours().unwrap(), []);
        ip("link add lan0 type veth peer name far0");
        ip("link set lan0 up");
        ip("link set far0 up");
        ip("address add 192.168.77.1/24 dev lan0");
        ip("-6 address add fd77::1/64 dev lan0 nodad");
        ip("neighbour add 192.168.77.10 lladdr 02:00:00:00:00:0a dev lan0 nud permanent");
        ip("neighbour add fd77::10 lladdr 02:00:00:00:00:0a dev lan0 nud stale");
        ip("neighbour add fd77::11 lladdr 02:00:00:00:00:0b dev lan0 nud failed");
        let link = Snapshot::read().unwrap().link_named("lan0").unwrap().index;
        let mut found = neighbours().unwrap();
        // What the two ends of the cable learn of each other does not matter here.
        found.retain(|neighbour| neighbour.link_layer.starts_with(&[2, 0, 0, 0, 0]));
        found.sort_by_key(|neighbour| neighbour.address);
        let expected = ["192.168.77.10", "fd77::10"].map(|address| Neighbour {
            link,
            address: address.parse().unwrap(),
            link_layer: Box::new([2, 0, 0, 0, 0, 10]),
        });
        assert_eq!(found, expected);
    })
    .join()
    .unwrap();
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
