//! Sections 1.2 and 2.1: LAN only; byebye before the first alive.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::http::Connection;
use portreeve_lab::upnp::ssdp::{self, Listener};

#[test]
fn byebye_comes_before_the_first_alive() {
    let Some(bed) = Bed::idle(&Settings::default()) else {
        return;
    };
    let listener = Listener::join(bed.lan_host(1));
    bed.start_only();
    let heard = listener.hear_until(Duration::from_secs(10), |heard| {
        heard.iter().any(|message| message.header("NTS") == "ssdp:alive")
    });
    let kinds: Vec<_> = heard.iter().map(|message| message.header("NTS")).collect();
    assert_eq!(kinds.first(), Some(&"ssdp:byebye"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"ssdp:alive"), "no alive within ten seconds");
}

#[test]
fn every_alive_has_had_its_byebye_at_startup() {
    let Some(bed) = Bed::idle(&Settings::default()) else {
        return;
    };
    let listener = Listener::join(bed.lan_host(1));
    bed.start();
    let heard = listener.hear(Duration::from_secs(2));
    let first_alive = heard
        .iter()
        .position(|message| message.header("NTS") == "ssdp:alive")
        .expect("it says alive");
    let gone: Vec<_> = heard[..first_alive]
        .iter()
        .map(|message| message.header("USN"))
        .collect();
    for alive in heard.iter().filter(|message| message.header("NTS") == "ssdp:alive") {
        assert!(
            gone.contains(&alive.header("USN")),
            "no byebye for {}",
            alive.header("USN")
        );
    }
}

#[test]
fn the_wan_side_gets_no_connection() {
    let Some(bed) = Bed::shared() else { return };
    let port = bed.client(1).server().port();
    let internet = bed.internet_host(1);
    assert!(Connection::open(internet, SocketAddr::from((bed.wan_ipv4(), port))).is_err());
}

#[test]
fn the_wan_side_gets_no_answer_to_a_search() {
    let Some(bed) = Bed::shared() else { return };
    let internet = bed.internet_host(1);
    let to = SocketAddr::from((bed.wan_ipv4(), ssdp::PORT));
    assert!(ssdp::ask_once(internet, to, "ssdp:all", Duration::from_secs(1)).is_none());
    assert!(ssdp::search(internet, "ssdp:all").is_empty());
}

#[test]
fn the_wan_side_gets_nothing_at_the_lan_address_either() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let internet = bed.internet_host(1);
    internet.ip("route add 192.168.77.0/24 via 11.11.11.2");
    let port = bed.client(1).server().port();
    let lan_address = bed.gateway().ipv4();
    let served = Connection::open(internet, SocketAddr::from((lan_address, port))).and_then(|mut connection| {
        connection.send(format!("GET / HTTP/1.1\r\nHost: {lan_address}:{port}\r\n\r\n"))?;
        connection.response()
    });
    assert!(served.is_err(), "{served:?}");
    let to = SocketAddr::from((lan_address, ssdp::PORT));
    assert!(ssdp::ask_once(internet, to, "ssdp:all", Duration::from_secs(1)).is_none());
}

#[test]
fn nothing_is_advertised_on_the_wan() {
    let Some(bed) = Bed::idle(&Settings::default()) else {
        return;
    };
    let listener = Listener::join(bed.internet_host(1));
    bed.start();
    assert!(listener.hear(Duration::from_secs(2)).is_empty());
}
