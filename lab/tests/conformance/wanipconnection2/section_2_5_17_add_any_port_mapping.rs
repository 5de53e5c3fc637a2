//! AddAnyPortMapping; its comparison table is in `section_2_5_16_overwrite`.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, reach_tcp};

#[test]
fn a_free_port_is_reserved_as_asked_and_open() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    assert_eq!(
        client.add_any(&PortMapping::new(&client, port).to_port(echo.port())),
        Ok(port)
    );
    let reply = reach_tcp(bed.internet_host(1), SocketAddr::from((bed.wan_ipv4(), port))).expect("it is open");
    assert_eq!(reply.server, "lan1");
}

#[test]
fn a_substituted_port_is_open_and_the_other_client_is_undisturbed() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let (echo1, echo2) = (
        Echo::tcp(bed.lan_host(1), bed.port()),
        Echo::tcp(bed.lan_host(2), bed.port()),
    );
    let port = bed.port();
    first
        .add(&PortMapping::new(&first, port).to_port(echo1.port()))
        .expect("the port is free");
    let reserved = second
        .add_any(&PortMapping::new(&second, port).to_port(echo2.port()))
        .expect("any port will do");
    for (external, server) in [(port, "lan1"), (reserved, "lan2")] {
        let reply = reach_tcp(bed.internet_host(1), SocketAddr::from((bed.wan_ipv4(), external))).expect("open");
        assert_eq!(reply.server, server);
    }
}

#[test]
fn external_port_zero_gets_a_port_that_is_free() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.external_port = String::from("0");
    let reserved = client.add_any(&mapping).expect("any port will do");
    assert!(reserved >= 1024, "{reserved}");
    client
        .specific(&PortMapping::new(&client, reserved))
        .expect("it is mapped");
}

#[test]
fn a_port_of_another_mechanism_is_not_handed_out() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Echo::tcp(bed.gateway(), bed.port());
    // A daemon may look what else listens once a second only.
    thread::sleep(Duration::from_millis(1500));
    match client.add_any(&PortMapping::new(&client, listener.port())) {
        Ok(reserved) => assert_ne!(reserved, listener.port()),
        Err(fault) => assert_eq!(fault.code, 729, "{fault}"),
    }
}

#[test]
fn a_missing_argument_is_invalid() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    let without: Vec<_> = mapping
        .arguments()
        .into_iter()
        .filter(|(name, _)| *name != "NewExternalPort")
        .collect();
    refused(client.call("AddAnyPortMapping", &without), &[402]);
}
