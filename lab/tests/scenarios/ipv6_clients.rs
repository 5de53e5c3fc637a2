//! Clients that speak IPv6 to the gateway.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use portreeve_lab::Bed;
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{ControlPoint, refused, ssdp};
use portreeve_testkit::{Echo, Host, reach_tcp};

use crate::support::{bed, fresh, shared, soon};

const CONNECTION: &str = "WANIPConnection:2";

/// A client on LAN host `number` that found the gateway by a group of IPv6.
#[track_caller]
fn found_by(bed: &Bed, number: usize, group: Ipv6Addr) -> ControlPoint<'_> {
    let host = bed.lan_host(number);
    let answers = ssdp::search_ipv6(host, group, ssdp::IGD_2);
    let answer = answers.first().unwrap_or_else(|| panic!("no answer by {group}"));
    ControlPoint::at(host, answer.header("LOCATION"))
}

/// The addresses of a LAN host, on any port: IPv4, unique local, link-local.
fn addresses(host: &Host) -> [SocketAddr; 3] {
    let ipv6 = SocketAddrV6::new(host.ipv6(), 0, 0, 0);
    [(host.ipv4(), 0).into(), ipv6.into(), host.link_local("eth0").into()]
}

/// One client for each way to find the gateway.
fn clients(bed: &Bed) -> [ControlPoint<'_>; 3] {
    [
        found_by(bed, 1, ssdp::LINK_LOCAL_GROUP),
        found_by(bed, 1, ssdp::SITE_LOCAL_GROUP),
        bed.client_ipv6(1),
    ]
}

#[test]
fn the_gateway_is_found_described_and_used_over_ipv6() {
    let Some(bed) = shared() else { return };
    let over_ipv4 = bed.client(1);
    for client in clients(&bed) {
        assert!(client.server().is_ipv6());
        assert_eq!(client.root_device().udn, over_ipv4.root_device().udn);
        let actions = |client: &ControlPoint<'_>| client.scpd(CONNECTION).actions.len();
        assert_eq!(actions(&client), actions(&over_ipv4));
        let answer = client.call("GetExternalIPAddress", &[]).expect("it is only a question");
        assert_eq!(answer.get("NewExternalIPAddress"), bed.wan_ipv4().to_string());
        let answer = client
            .call("X_GetExternalIPv6Address", &[])
            .expect("it is only a question");
        assert_eq!(answer.get("NewExternalIPv6Address"), bed.wan_ipv6().to_string());
    }
}

#[test]
fn events_go_to_any_address_of_a_host_whatever_it_asks_over() {
    let Some(bed) = bed(&[]) else { return };
    let mapper = bed.client(1);
    for client in clients(&bed).into_iter().chain([bed.client(1)]) {
        let listeners = addresses(client.host()).map(|own| Listener::at(client.host(), own));
        for listener in &listeners {
            client.subscribe(CONNECTION, &listener.callback());
            assert_eq!(
                listener.next().header("SEQ"),
                "0",
                "{} to {}",
                client.location(),
                listener.callback()
            );
        }
        mapper.add(&fresh(&bed, &mapper)).expect("a free port");
        for listener in &listeners {
            let told = listener.next().value("PortMappingNumberOfEntries");
            assert!(told.is_some(), "{} to {}", client.location(), listener.callback());
        }
    }
}

#[test]
fn events_may_go_to_another_host_of_the_lan_over_ipv6() {
    let Some(bed) = shared() else { return };
    let client = bed.client_ipv6(1);
    for own in addresses(bed.lan_host(2)) {
        let listener = Listener::at(bed.lan_host(2), own);
        client.subscribe(CONNECTION, &listener.callback());
        assert_eq!(listener.next().header("SEQ"), "0", "{own}");
    }
}

#[test]
fn a_pinhole_may_be_asked_for_by_name() {
    let Some(bed) = bed(&["ipv6.firewall=own"]) else { return };
    let host = bed.lan_host(1);
    // Both addresses are the host's, and only one can have a pinhole.
    let own = [IpAddr::from(host.ipv4()), host.ipv6().into()];
    bed.gateway().set_hosts(&own.map(|address| (address, "console")));
    bed.subject().stop();
    bed.start();
    let arguments = [
        ("RemoteHost", ""),
        ("RemotePort", "0"),
        ("InternalClient", "console"),
        ("InternalPort", "7000"),
        ("Protocol", "6"),
        ("LeaseTime", "600"),
    ];
    let echo = Echo::tcp(host, 7000);
    let inside = SocketAddr::from((host.ipv6(), echo.port()));
    assert!(reach_tcp(bed.internet_host(1), inside).is_err());
    let client = bed.client_ipv6(1);
    client
        .call_service("WANIPv6FirewallControl:1", "AddPinhole", &arguments)
        .expect("a pinhole to itself");
    let reply = reach_tcp(bed.internet_host(1), inside).expect("the pinhole is open");
    assert_eq!(reply.server, "lan1");
}

#[test]
fn a_host_opens_pinholes_to_all_its_addresses_whichever_it_asks_from() {
    let Some(bed) = bed(&["ipv6.firewall=own"]) else { return };
    let host = bed.lan_host(1);
    // Addresses from which it has never spoken, so that the gateway knows of none.
    let own = ["fd77::a1", "fd77::a2", "fd77::a3", "fd77::a4"];
    for address in own {
        host.ip(&format!("addr add {address}/64 dev eth0 nodad"));
    }
    let open = |client: &ControlPoint<'_>, to: &str| {
        let arguments = [
            ("RemoteHost", ""),
            ("RemotePort", "0"),
            ("InternalClient", to),
            ("InternalPort", "7000"),
            ("Protocol", "6"),
            ("LeaseTime", "600"),
        ];
        client.call_service("WANIPv6FirewallControl:1", "AddPinhole", &arguments)
    };
    let _echo = Echo::tcp(host, 7000);
    for (client, to) in clients(&bed).into_iter().chain([bed.client(1)]).zip(own) {
        open(&client, to).unwrap_or_else(|fault| panic!("{to} by {}: {fault:?}", client.location()));
        let reply = reach_tcp(bed.internet_host(1), (to.parse::<Ipv6Addr>().unwrap(), 7000));
        assert_eq!(reply.expect("the pinhole is open").server, "lan1");
        for foreign in [bed.lan_host(2).ipv6().to_string(), String::from("fd77::dead")] {
            refused(open(&client, &foreign), &[606]);
        }
    }
}

#[test]
fn two_lans_with_the_same_link_local_addresses_are_told_apart() {
    let settings = portreeve_lab::subject::Settings {
        lans: 2,
        ..Default::default()
    };
    let Some(bed) = Bed::idle(&settings) else { return };
    // What many routers do, and what hosts may do that have nothing to do with each other.
    for interface in [bed.lan_interface(0), bed.lan_interface(1)] {
        bed.gateway().ip(&format!("addr add fe80::1/64 dev {interface}"));
    }
    let hosts = [bed.lan_host(1), bed.lan_host(4)];
    for host in hosts {
        host.ip("addr add fe80::11/64 dev eth0");
    }
    bed.start();
    let clients = hosts.map(|host| ControlPoint::at(host, "http://[fe80::1]:5000/igd2.xml"));
    let listeners = hosts.map(|host| {
        let index = host.link_local("eth0").scope_id();
        Listener::at(host, SocketAddrV6::new("fe80::11".parse().unwrap(), 0, 0, index).into())
    });
    for (client, listener) in clients.iter().zip(&listeners) {
        client.subscribe(CONNECTION, &listener.callback());
        assert_eq!(listener.next().header("SEQ"), "0");
    }
    let mapper = bed.client(1);
    mapper.add(&fresh(&bed, &mapper)).expect("a free port");
    for listener in &listeners {
        assert!(listener.next().value("PortMappingNumberOfEntries").is_some());
    }
}

#[test]
fn a_new_ipv6_address_is_served_and_who_subscribed_over_ipv4_stays() {
    let Some(bed) = bed(&[]) else { return };
    let host = bed.lan_host(1);
    let listener = Listener::on(host);
    bed.client(1).subscribe(CONNECTION, &listener.callback());
    assert_eq!(listener.next().header("SEQ"), "0");
    bed.gateway().ip("addr add 2001:db8:77::1/64 dev br0");
    host.ip("addr add 2001:db8:77::11/64 dev eth0");
    soon(&bed, "HTTP serves the new address", || {
        let to = SocketAddr::new("2001:db8:77::1".parse().unwrap(), 5000);
        portreeve_lab::upnp::http::get(host, to, "/igd2.xml", "test").is_ok_and(|answer| answer.status == 200)
    });
    let client = ControlPoint::at(host, "http://[2001:db8:77::1]:5000/igd2.xml");
    client.call("GetExternalIPAddress", &[]).expect("it is only a question");
    let mapper = bed.client(1);
    mapper.add(&fresh(&bed, &mapper)).expect("a free port");
    assert!(listener.next().value("PortMappingNumberOfEntries").is_some());
}
