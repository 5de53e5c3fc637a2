//! Interfaces and addresses of the gateway that come, go and change while the daemon runs.

use std::net::{Ipv4Addr, SocketAddr};

use portreeve_lab::Bed;
use portreeve_lab::upnp::{ControlPoint, http, refused, ssdp};
use portreeve_testkit::Echo;

use crate::support::{bed, fresh, idle, is_served_by, port_of, soon};

fn status(client: &ControlPoint<'_>) -> String {
    let answer = client.call("GetStatusInfo", &[]).expect("anybody may read the status");
    answer.get("NewConnectionStatus").to_owned()
}

fn external(client: &ControlPoint<'_>) -> String {
    let answer = client
        .call("GetExternalIPAddress", &[])
        .expect("anybody may read the address");
    answer.get("NewExternalIPAddress").to_owned()
}

/// Whether a multicast search of LAN host 1 finds the gateway.
fn is_found(bed: &Bed) -> bool {
    !ssdp::search(bed.lan_host(1), ssdp::IGD_1).is_empty()
}

/// Whether HTTP serves LAN host 1 at that address of the gateway.
fn serves(bed: &Bed, address: Ipv4Addr) -> bool {
    let server = SocketAddr::from((address, 5000));
    http::get(bed.lan_host(1), server, "/igd2.xml", "a control point").is_ok_and(|answer| answer.status == 200)
}

/// Maps a port and waits until it works.
#[track_caller]
fn maps(bed: &Bed) {
    let client = bed.client(1);
    let mapping = fresh(bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    soon(bed, "a mapping is granted", || client.add(&mapping).is_ok());
    soon(bed, "the mapping works", || {
        is_served_by(bed, port_of(&mapping), "lan1")
    });
}

#[test]
fn a_wan_interface_that_goes_away_and_comes_back_is_followed() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    // As when a dial-up session ends: there is no such interface any more.
    let gateway = bed.gateway();
    gateway.ip("link set wan0 down");
    gateway.ip("link set wan0 name gone0");
    soon(&bed, "the link is down", || status(&client) != "Connected");
    gateway.ip("link set gone0 name wan0");
    gateway.ip("link set wan0 up");
    gateway.ip(&format!("route replace default via {}", bed.internet_host(1).ipv4()));
    soon(&bed, "the link is up", || status(&client) == "Connected");
    soon(&bed, "the mapping works again", || {
        is_served_by(&bed, port_of(&mapping), "lan1")
    });
}

#[test]
fn a_wan_address_that_comes_after_the_start_is_used() {
    let Some(bed) = idle(&[]) else { return };
    bed.set_wan_address(None);
    bed.start();
    let client = bed.client(1);
    // Over IPv6 it is connected already.
    assert_eq!(external(&client), "");
    refused(client.add(&fresh(&bed, &client)), &[501]);
    bed.set_wan_address(Some(bed.wan_ipv4()));
    soon(&bed, "the address is told", || {
        external(&client) == bed.wan_ipv4().to_string()
    });
    assert_eq!(status(&client), "Connected");
    maps(&bed);
}

#[test]
fn a_lan_address_that_comes_after_the_start_is_served() {
    let Some(bed) = idle(&[]) else { return };
    let own = bed.gateway().ipv4();
    bed.gateway().ip(&format!("addr del {own}/24 dev br0"));
    bed.start_only();
    assert!(
        bed.subject().wait_for_log("traffic:", crate::support::SOON),
        "{}",
        bed.subject().log()
    );
    bed.gateway().ip(&format!("addr add {own}/24 dev br0"));
    soon(&bed, "HTTP serves", || serves(&bed, own));
    soon(&bed, "it is found", || is_found(&bed));
    maps(&bed);
}

#[test]
fn a_lan_address_that_goes_and_comes_back_is_served_again() {
    let Some(bed) = bed(&[]) else { return };
    let own = bed.gateway().ipv4();
    assert!(is_found(&bed));
    for _ in 0..3 {
        bed.gateway().ip(&format!("addr del {own}/24 dev br0"));
        bed.gateway().ip("link set br0 down");
        bed.gateway().ip("link set br0 up");
        bed.gateway().ip(&format!("addr add {own}/24 dev br0"));
    }
    soon(&bed, "HTTP serves", || serves(&bed, own));
    soon(&bed, "it is found", || is_found(&bed));
    maps(&bed);
}

#[test]
fn a_second_lan_address_is_served_beside_the_first() {
    let Some(bed) = bed(&[]) else { return };
    bed.gateway().ip("addr add 192.168.79.1/24 dev br0");
    bed.lan_host(1).ip("addr add 192.168.79.11/24 dev eth0");
    soon(&bed, "HTTP serves the new address", || {
        serves(&bed, Ipv4Addr::new(192, 168, 79, 1))
    });
    assert!(serves(&bed, bed.gateway().ipv4()));
    maps(&bed);
}

#[test]
fn a_lan_that_moves_to_another_network_is_served_there() {
    let Some(bed) = bed(&[]) else { return };
    let moved = Ipv4Addr::new(192, 168, 79, 1);
    bed.gateway()
        .ip(&format!("addr del {}/24 dev br0", bed.gateway().ipv4()));
    bed.gateway().ip(&format!("addr add {moved}/24 dev br0"));
    let host = bed.lan_host(1);
    host.ip("addr add 192.168.79.11/24 dev eth0");
    host.ip(&format!("route replace default via {moved}"));
    soon(&bed, "HTTP serves the new address", || serves(&bed, moved));
    let client = ControlPoint::at(host, &format!("http://{moved}:5000/igd2.xml"));
    let mapping = fresh(&bed, &client).to_client("192.168.79.11");
    let _echo = Echo::tcp(host, port_of(&mapping));
    soon(&bed, "a mapping is granted", || client.add(&mapping).is_ok());
    soon(&bed, "it works", || is_served_by(&bed, port_of(&mapping), "lan1"));
}
