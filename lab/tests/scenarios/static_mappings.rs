//! Mappings of the configuration file.

use std::net::SocketAddr;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, reach_udp};

use crate::support::{bed_with_tables, external, is_served_by, seen_from, served_udp};

const TABLES: &str = "
[[static]]
external-port = 443
protocol = \"tcp\"
client = \"192.168.77.12\"
internal-port = 8443
description = \"web server\"

[[static]]
external-port = 3074
protocol = \"udp\"
client = \"192.168.77.12\"

[[rule]]
action = \"allow\"
";

/// A bed with both, and what they lead to: a web server and a game.
fn bed_with_statics() -> Option<(Bed, Echo, Echo)> {
    let bed = bed_with_tables(TABLES)?;
    let (web, game) = (Echo::tcp(bed.lan_host(2), 8443), Echo::udp(bed.lan_host(2), 3074));
    Some((bed, web, game))
}

#[test]
fn they_forward_from_the_start_and_after_every_restart() {
    let Some((bed, _web, _game)) = bed_with_statics() else {
        return;
    };
    assert!(is_served_by(&bed, 443, "lan2"));
    assert_eq!(served_udp(&bed, 3074).as_deref(), Some("lan2"));
    bed.subject().kill();
    assert!(is_served_by(&bed, 443, "lan2"), "also without the daemon");
    bed.start();
    assert!(is_served_by(&bed, 443, "lan2"));
    bed.subject().stop();
    bed.start();
    assert!(is_served_by(&bed, 443, "lan2"));
    assert_eq!(bed.client(1).number_of_entries(), 2, "a restart makes no duplicates");
}

#[test]
fn they_are_listed_without_a_lease() {
    let Some((bed, _web, _game)) = bed_with_statics() else {
        return;
    };
    let client = bed.client(2);
    let web = client
        .specific(&PortMapping::new(&client, 443))
        .expect("it leads to the caller");
    assert_eq!(web.get("NewInternalClient"), "192.168.77.12");
    assert_eq!(web.get("NewInternalPort"), "8443");
    assert_eq!(web.get("NewPortMappingDescription"), "web server");
    assert_eq!(web.get("NewLeaseDuration"), "0");
    assert_eq!(web.get("NewEnabled"), "1");
}

#[test]
fn no_client_gets_their_port() {
    let Some((bed, _web, _game)) = bed_with_statics() else {
        return;
    };
    for host in [1, 2] {
        let client = bed.client(host);
        refused(client.add(&PortMapping::new(&client, 443)), &[729]);
        let for_one = PortMapping::new(&client, 443).from_host("11.11.11.7");
        refused(client.add(&for_one), &[729]);
        // Version 1 has no 729, and its clients try another port only on 718.
        refused(client.add_v1(&PortMapping::new(&client, 443)), &[718]);
        let got = client.add_any(&PortMapping::new(&client, 443)).expect("another port");
        assert_ne!(got, 443);
    }
    assert!(is_served_by(&bed, 443, "lan2"));
}

#[test]
fn no_client_removes_them() {
    let Some((bed, _web, _game)) = bed_with_statics() else {
        return;
    };
    for host in [1, 2] {
        let client = bed.client(host);
        refused(client.delete(&PortMapping::new(&client, 443)), &[606]);
        refused(client.delete_range(1, 65535, "TCP", "1"), &[730]);
        refused(client.delete_range(1, 65535, "UDP", "0"), &[730]);
    }
    assert!(is_served_by(&bed, 443, "lan2"));
    assert_eq!(served_udp(&bed, 3074).as_deref(), Some("lan2"));
}

#[test]
fn a_static_udp_mapping_is_symmetric_too() {
    let Some((bed, _web, game)) = bed_with_statics() else {
        return;
    };
    drop(game);
    let server = Echo::udp(bed.internet_host(1), 0);
    let to = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    assert_eq!(seen_from(bed.lan_host(2), 3074, to), Some(external(&bed, 3074)));
    assert!(
        reach_udp(bed.internet_host(1), external(&bed, 3074)).is_err(),
        "nobody listens now"
    );
}
