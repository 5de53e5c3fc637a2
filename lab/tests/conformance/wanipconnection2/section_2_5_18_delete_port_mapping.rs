//! DeletePortMapping.

use std::net::SocketAddr;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, reach_tcp, reach_udp};

#[test]
fn the_entry_is_gone_and_the_tcp_port_closed() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    let mapping = PortMapping::new(&client, port).to_port(echo.port());
    client.add(&mapping).expect("an own mapping");
    reach_tcp(bed.internet_host(1), outside).expect("open");
    assert!(client.delete(&mapping).expect("an own mapping").names().is_empty());
    refused(client.specific(&mapping), &[714]);
    assert!(
        reach_tcp(bed.internet_host(1), outside).is_err(),
        "closed the moment the answer is there"
    );
}

#[test]
fn the_udp_port_is_closed_too() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::udp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    let mapping = PortMapping::new(&client, port).udp().to_port(echo.port());
    client.add(&mapping).expect("an own mapping");
    reach_udp(bed.internet_host(1), outside).expect("open");
    client.delete(&mapping).expect("an own mapping");
    assert!(
        reach_udp(bed.internet_host(1), outside).is_err(),
        "closed the moment the answer is there"
    );
}

#[test]
fn deleting_twice_is_714() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    client.add(&mapping).expect("an own mapping");
    client.delete(&mapping).expect("an own mapping");
    refused(client.delete(&mapping), &[714]);
}

#[test]
fn only_the_named_protocol_is_deleted() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    client.add(&mapping).expect("an own mapping");
    client.add(&mapping.clone().udp()).expect("an own mapping");
    client.delete(&mapping).expect("an own mapping");
    client.specific(&mapping.udp()).expect("the other one stays");
}

#[test]
fn only_the_named_remote_host_is_deleted() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).from_host("11.11.11.7");
    client.add(&mapping).expect("an own mapping");
    refused(client.delete(&mapping.clone().from_host("")), &[714]);
    refused(client.delete(&mapping.clone().from_host("11.11.11.8")), &[714]);
    client.delete(&mapping).expect("an own mapping");
}

#[test]
fn ports_with_the_same_first_digits_stay() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let longer = [13_370, 13_371];
    for port in longer {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
    }
    let short = PortMapping::new(&client, 1337);
    client.add(&short).expect("an own mapping");
    client.delete(&short).expect("an own mapping");
    for port in longer {
        client.specific(&PortMapping::new(&client, port)).expect("untouched");
    }
}

#[test]
fn a_protocol_outside_the_list_is_601() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut mapping = PortMapping::new(&client, bed.port());
    mapping.protocol = String::from("SCTP");
    refused(client.delete(&mapping), &[601]);
}
