//! Nothing of the gateway's own is reachable over IPv6 from outside, nor for who is not on the link.

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{http, ssdp};
use portreeve_testkit::Host;

use crate::support::{bed, fresh, shared};

const PORT: u16 = 5000;
const PATIENCE: Duration = Duration::from_millis(1500);

/// Whether HTTP serves the description there.
fn serves(from: &Host, to: SocketAddr) -> bool {
    http::get(from, to, "/igd2.xml", "an intruder").is_ok()
}

/// An address of the gateway as a neighbour on that side writes it.
fn neighbour(bed: &Bed, interface: &str, from: &Host) -> SocketAddrV6 {
    let mut address = from.link_local("eth0");
    address.set_ip(*bed.gateway().link_local(interface).ip());
    address.set_port(PORT);
    address
}

#[test]
fn the_internet_reaches_neither_http_nor_ssdp_over_ipv6() {
    let Some(bed) = shared() else { return };
    let internet = bed.internet_host(1);
    let near = neighbour(&bed, bed.wan_interface(), internet);
    // It has a route to the LAN's addresses, as IPv6 hosts do.
    let addresses: [SocketAddr; 3] = [
        (bed.wan_ipv6(), PORT).into(),
        (bed.gateway().ipv6(), PORT).into(),
        near.into(),
    ];
    for mut to in addresses {
        assert!(!serves(internet, to), "{to}");
        to.set_port(ssdp::PORT);
        let answer = ssdp::ask_once(internet, to, "ssdp:all", Duration::from_millis(700));
        assert!(answer.is_none(), "{to}: {answer:?}");
    }
    for group in [ssdp::LINK_LOCAL_GROUP, ssdp::SITE_LOCAL_GROUP] {
        assert!(ssdp::search_ipv6(internet, group, "ssdp:all").is_empty(), "{group}");
    }
    let own = bed.lan_host(1);
    let lan = bed.lan_interface(0);
    assert!(serves(own, neighbour(&bed, &lan, own).into()), "the LAN does reach it");
}

#[test]
fn nothing_is_announced_on_the_wan_over_ipv6() {
    let Some(bed) = crate::support::idle(&[]) else { return };
    let groups = [ssdp::LINK_LOCAL_GROUP, ssdp::SITE_LOCAL_GROUP];
    let outside = groups.map(|group| ssdp::Listener::join_ipv6(bed.internet_host(1), group));
    let inside = groups.map(|group| ssdp::Listener::join_ipv6(bed.lan_host(1), group));
    bed.start();
    for ears in inside {
        assert!(
            !ears
                .hear_until(Duration::from_secs(5), |heard| !heard.is_empty())
                .is_empty()
        );
    }
    for ears in outside {
        assert!(ears.hear(Duration::from_millis(500)).is_empty());
    }
}

#[test]
fn the_lan_does_not_reach_http_through_the_external_ipv6_address() {
    let Some(bed) = shared() else { return };
    let to = SocketAddr::from((bed.wan_ipv6(), PORT));
    assert!(!serves(bed.lan_host(1), to));
    let search = SocketAddr::from((bed.wan_ipv6(), ssdp::PORT));
    assert!(ssdp::ask_once(bed.lan_host(1), search, "ssdp:all", Duration::from_millis(700)).is_none());
}

#[test]
fn who_is_on_the_wire_but_not_on_the_link_gets_nothing() {
    let Some(bed) = shared() else { return };
    let foreign: Ipv6Addr = "2001:db8:5::5".parse().unwrap();
    let host = bed.lan_host(3);
    host.ip(&format!("addr replace {foreign}/128 dev eth0"));
    // The answer would find its way.
    bed.gateway()
        .ip(&format!("route replace {foreign}/128 dev {}", bed.lan_interface(0)));
    let gateway = bed.gateway().ipv6();
    let (unicast, group) = (
        (gateway, ssdp::PORT).into(),
        (ssdp::SITE_LOCAL_GROUP, ssdp::PORT).into(),
    );
    for to in [unicast, group] {
        assert!(!is_answered(host, foreign, to), "{to}");
        assert!(
            is_answered(host, host.ipv6(), to),
            "{to}: its own address is on the link"
        );
    }
    let server = SocketAddr::from((gateway, PORT));
    assert!(!serves_from(host, foreign, server), "nor does HTTP");
    assert!(serves_from(host, host.ipv6(), server));
}

#[test]
fn no_callback_leaves_the_lan_over_ipv6() {
    let Some(bed) = bed(&[]) else { return };
    let internet = bed.internet_host(1);
    let listener = Listener::at(internet, (internet.ipv6(), 0).into());
    let port = listener.address().port();
    // Whatever the gateway itself sends that way, neighbour discovery aside, and look-ups of names wherever they go.
    bed.gateway().nft(
        "table inet watch { chain out { type filter hook output priority 0; \
         oifname \"wan0\" meta l4proto { tcp, udp } counter; meta l4proto { tcp, udp } th dport 53 counter; }; }",
    );
    let on_wan = internet.link_local("eth0");
    for client in [bed.client(1), bed.client_ipv6(1)] {
        for callback in [
            listener.callback(),
            format!("<http://[{}]:{port}/>", on_wan.ip()),
            format!("<http://[{}]:{PORT}/>", bed.gateway().ipv6()),
            format!("<http://[{}]:{port}/>", bed.wan_ipv6()),
            String::from("<http://[::1]:5000/>"),
            String::from("<http://[fd77::]:4004/>"),
            String::from("<http://[fd78::11]:4004/>"),
            String::from("<http://[ff02::1]:4004/>"),
            String::from("<http://[::]:4004/>"),
            String::from("<http://events.example/>"),
        ] {
            let fields = format!("CALLBACK: {callback}\r\nNT: upnp:event\r\n");
            let answer = client.gena("SUBSCRIBE", "WANIPConnection:2", &fields).status;
            // A link-local address names a host of the link on which it was said, and of no other.
            let expected = if callback.contains(&on_wan.ip().to_string()) {
                200
            } else {
                412
            };
            assert_eq!(answer, expected, "{callback}");
        }
    }
    let mapper = bed.client(1);
    mapper.add(&fresh(&bed, &mapper)).expect("a free port");
    assert!(listener.next_within(PATIENCE).is_none());
    let counted = bed
        .gateway()
        .command("nft", ["list", "table", "inet", "watch"])
        .success();
    assert_eq!(counted.matches("packets 0 ").count(), 2, "{counted}");
}

/// Sends a search from an address of a host and tells whether anything comes back.
fn is_answered(host: &Host, source: Ipv6Addr, to: SocketAddr) -> bool {
    let socket = host
        .run(|| UdpSocket::bind((source, 0)))
        .expect("the host has the address");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("sockets take a read timeout");
    let request = ssdp::request(to, "ssdp:all", Some(1));
    socket.send_to(request.as_bytes(), to).expect("the LAN is connected");
    socket.recv_from(&mut [0; 2048]).is_ok()
}

/// Whether HTTP serves a connection from that address.
fn serves_from(host: &Host, source: Ipv6Addr, server: SocketAddr) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream: TcpStream = crate::support::connect_from(host, source, server)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(format!("GET /igd2.xml HTTP/1.0\r\nHost: [{}]\r\n\r\n", server.ip()).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("200 OK"))
}
