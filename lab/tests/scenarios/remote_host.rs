//! Mappings for one remote host.

use portreeve_lab::Bed;
use portreeve_lab::upnp::refused;
use portreeve_testkit::{Echo, reach_tcp, reach_udp};

use crate::support::{Talk, bed, external, fresh, port_of, shared};

/// Which TCP server Internet host `number` reaches.
fn reached(bed: &Bed, number: usize, port: u16) -> Option<String> {
    reach_tcp(bed.internet_host(number), external(bed, port))
        .ok()
        .map(|reply| reply.server)
}

#[test]
fn only_the_named_remote_host_gets_through() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).from_host(&bed.internet_host(2).ipv4().to_string());
    let port = port_of(&mapping);
    let _echoes = (Echo::tcp(client.host(), port), Echo::udp(client.host(), port));
    client.add(&mapping).expect("a free port");
    client.add(&mapping.clone().udp()).expect("a free port");
    assert_eq!(reached(&bed, 1, port), None);
    assert_eq!(reached(&bed, 2, port).as_deref(), Some("lan1"));
    assert!(reach_udp(bed.internet_host(1), external(&bed, port)).is_err());
    assert!(reach_udp(bed.internet_host(2), external(&bed, port)).is_ok());
}

#[test]
fn two_remote_hosts_of_one_port_reach_their_own_service_each() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let (one, two) = (
        bed.internet_host(1).ipv4().to_string(),
        bed.internet_host(2).ipv4().to_string(),
    );
    let port = bed.port();
    let echoes = [Echo::tcp(client.host(), 0), Echo::tcp(client.host(), 0)];
    let mapping = portreeve_lab::upnp::PortMapping::new(&client, port);
    client
        .add(&mapping.clone().from_host(&one).to_port(echoes[0].port()))
        .expect("a free port");
    client
        .add(&mapping.clone().from_host(&two).to_port(echoes[1].port()))
        .expect("the same client");
    assert!(reached(&bed, 1, port).is_some() && reached(&bed, 2, port).is_some());
    drop(echoes);
    // Only the second is served again, so only it is reached.
    let entry = client
        .specific(&mapping.clone().from_host(&two))
        .expect("its own entry");
    let internal = u16::try_from(entry.number("NewInternalPort")).expect("a port");
    let _echo = Echo::tcp(client.host(), internal);
    assert_eq!(
        (reached(&bed, 1, port), reached(&bed, 2, port).as_deref()),
        (None, Some("lan1"))
    );
    client.delete(&mapping.from_host(&one)).expect("one of the two");
    assert_eq!(reached(&bed, 2, port).as_deref(), Some("lan1"), "the other stays");
}

#[test]
fn another_client_does_not_get_the_port_for_another_remote_host() {
    let Some(bed) = shared() else { return };
    let (client, other) = (bed.client(1), bed.client(2));
    let mapping = fresh(&bed, &client).from_host("11.11.11.7");
    client.add(&mapping).expect("a free port");
    refused(
        other.add(&mapping.to_client(&other.address()).from_host("11.11.11.8")),
        &[718],
    );
}

#[test]
fn a_mapping_for_a_remote_host_is_renewed_in_place() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client)
        .from_host(&bed.internet_host(1).ipv4().to_string())
        .lease(100);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    let talk = Talk::open(bed.internet_host(1), external(&bed, port));
    client
        .add(&mapping.clone().lease(1000))
        .expect("the same client renews");
    assert_eq!(
        client.add_any(&mapping.clone().lease(1000)).expect("also by AddAny"),
        port
    );
    let left = client.specific(&mapping).expect("one entry").number("NewLeaseDuration");
    assert!((990..=1000).contains(&left), "{left}");
    assert!(talk.is_alive());
    assert_eq!(reached(&bed, 2, port), None, "it still is for that host only");
}

#[test]
fn the_filter_survives_a_restart() {
    let Some(bed) = bed(&[]) else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client).from_host(&bed.internet_host(2).ipv4().to_string());
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");
    bed.subject().kill();
    bed.gateway()
        .command("nft", ["delete", "table", "inet", "portreeve"])
        .success();
    bed.start();
    assert_eq!(
        (reached(&bed, 1, port), reached(&bed, 2, port).as_deref()),
        (None, Some("lan1"))
    );
}
