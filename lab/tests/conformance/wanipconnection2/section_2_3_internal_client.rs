//! InternalClient: an address or a name of a LAN host.

use std::net::SocketAddr;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, reach_tcp};

/// A bed whose gateway knows LAN host 1 as `console` and LAN host 2 as `printer`.
fn with_names() -> Option<Bed> {
    let bed = Bed::idle(&Settings::default())?;
    bed.gateway()
        .set_hosts(&[(bed.lan_host(1).ipv4(), "console"), (bed.lan_host(2).ipv4(), "printer")]);
    bed.start();
    Some(bed)
}

#[test]
fn a_name_is_resolved_by_the_gateway() {
    let Some(bed) = with_names() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), 7000);
    client
        .add(
            &PortMapping::new(&client, 9000)
                .to_port(echo.port())
                .to_client("console"),
        )
        .expect("its own name");
    let reply = reach_tcp(bed.internet_host(1), SocketAddr::from((bed.wan_ipv4(), 9000))).expect("it is open");
    assert_eq!(reply.server, "lan1");
}

#[test]
fn the_address_behind_a_name_is_what_access_control_compares() {
    let Some(bed) = with_names() else { return };
    let client = bed.client(1);
    refused(
        client.add(&PortMapping::new(&client, 9000).to_client("printer")),
        &[606],
    );
    refused(
        client.add(&PortMapping::new(&client, 9000).to_client("localhost")),
        &[402, 501, 600, 606],
    );
}

#[test]
fn a_name_that_nobody_knows_is_refused() {
    let Some(bed) = with_names() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, 9000).to_client("nobody.invalid");
    refused(client.add(&mapping), &[402, 501, 600, 606]);
    refused(client.specific(&mapping), &[714]);
}

#[test]
fn what_is_neither_address_nor_name_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for wrong in [
        "192.168.77",
        "192.168.77.999",
        "-",
        "a b",
        "<x>",
        "192.168.77.11;reboot",
    ] {
        refused(
            client.add(&PortMapping::new(&client, bed.port()).to_client(wrong)),
            &[402, 501, 600, 606],
        );
    }
}

#[test]
fn special_addresses_are_no_clients() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for wrong in ["127.0.0.1", "224.0.0.1", "192.168.77.255", "192.168.77.0"] {
        refused(
            client.add(&PortMapping::new(&client, bed.port()).to_client(wrong)),
            &[402, 501, 600, 606],
        );
    }
}
