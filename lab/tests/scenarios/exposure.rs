//! Nothing of the gateway's own is reachable from outside.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{http, ssdp};

use crate::support::{connect_from, external, refuses_tcp, shared};

/// Whether a server answers anything to a request for its description.
fn serves(from: &portreeve_testkit::Host, to: SocketAddr) -> bool {
    http::get(from, to, "/igd2.xml", "an intruder").is_ok()
}

/// Sends a search from an address of a LAN host and tells whether anything comes back.
fn is_answered(bed: &Bed, host: usize, source: Ipv4Addr, to: SocketAddr) -> bool {
    let socket = bed
        .lan_host(host)
        .run(|| UdpSocket::bind((source, 0)))
        .expect("the host has the address");
    socket
        .set_read_timeout(Some(Duration::from_millis(1500)))
        .expect("sockets take a read timeout");
    let request = ssdp::request(to, "ssdp:all", Some(1));
    socket.send_to(request.as_bytes(), to).expect("the LAN is connected");
    socket.recv_from(&mut [0; 2048]).is_ok()
}

#[test]
fn the_internet_reaches_neither_http_nor_control_nor_ssdp() {
    let Some(bed) = shared() else { return };
    let port = bed.client(1).server().port();
    let internet = bed.internet_host(1);
    assert!(refuses_tcp(internet, external(&bed, port)));
    let search = SocketAddr::from((bed.wan_ipv4(), ssdp::PORT));
    assert!(ssdp::ask_once(internet, search, "ssdp:all", Duration::from_millis(700)).is_none());
    assert!(ssdp::search(internet, "ssdp:all").is_empty());
}

#[test]
fn the_internet_reaches_nothing_at_the_lan_address_either() {
    let Some(bed) = shared() else { return };
    let internet = bed.internet_host(2);
    let lan = bed.gateway().ipv4();
    internet.ip(&format!("route replace {lan}/32 via {}", bed.wan_ipv4()));
    let server = bed.client(1).server();
    assert!(!serves(internet, server));
    let search = SocketAddr::from((lan, ssdp::PORT));
    assert!(ssdp::ask_once(internet, search, "ssdp:all", Duration::from_millis(700)).is_none());
}

#[test]
fn the_lan_does_not_reach_control_through_the_external_address() {
    let Some(bed) = shared() else { return };
    let port = bed.client(1).server().port();
    assert!(refuses_tcp(bed.lan_host(1), external(&bed, port)));
    let search = SocketAddr::from((bed.wan_ipv4(), ssdp::PORT));
    assert!(ssdp::ask_once(bed.lan_host(1), search, "ssdp:all", Duration::from_millis(700)).is_none());
}

#[test]
fn a_search_from_an_address_that_is_not_on_the_link_is_not_answered() {
    let Some(bed) = shared() else { return };
    let foreign = Ipv4Addr::new(203, 0, 113, 5);
    let host = bed.lan_host(3);
    host.ip(&format!("addr replace {foreign}/32 dev eth0"));
    // The answer would find its way.
    bed.gateway()
        .ip(&format!("route replace {foreign}/32 dev {}", bed.lan_interface(0)));
    host.ip("route replace 239.255.255.250/32 dev eth0");
    let unicast = SocketAddr::from((bed.gateway().ipv4(), ssdp::PORT));
    for to in [unicast, ssdp::group()] {
        assert!(!is_answered(&bed, 3, foreign, to), "{to}");
        assert!(
            is_answered(&bed, 3, host.ipv4(), to),
            "{to}: its own address is on the link"
        );
    }
    assert!(!serves_from(&bed, foreign), "nor does HTTP");
    assert!(serves_from(&bed, host.ipv4()));
}

/// Whether HTTP serves a connection from that address of LAN host 3.
fn serves_from(bed: &Bed, source: Ipv4Addr) -> bool {
    let request = format!("GET /igd2.xml HTTP/1.0\r\nHost: {}\r\n\r\n", bed.gateway().ipv4());
    let server = bed.client(3).server();
    let ask = || -> io::Result<String> {
        let mut stream = connect_from(bed.lan_host(3), source, server)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("200 OK"))
}
