//! AddPortMapping: what a success means.

use std::net::SocketAddr;

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, reach_tcp, reach_udp};

#[test]
fn tcp_reaches_the_internal_client_with_the_visitors_address() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    assert!(reach_tcp(bed.internet_host(1), outside).is_err(), "closed before");
    let answer = client
        .add(&PortMapping::new(&client, port).to_port(echo.port()))
        .expect("an own mapping");
    assert!(answer.names().is_empty(), "no out-argument: {answer:?}");
    let reply = reach_tcp(bed.internet_host(1), outside).expect("open the moment the answer is there");
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", bed.internet_host(1).ipv4().into())
    );
}

#[test]
fn udp_reaches_the_internal_client_and_is_answered_from_the_external_port() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::udp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    client
        .add(&PortMapping::new(&client, port).udp().to_port(echo.port()))
        .expect("an own mapping");
    let reply = reach_udp(bed.internet_host(1), outside).expect("open the moment the answer is there");
    assert_eq!((reply.server.as_str(), reply.from), ("lan1", outside));
}

#[test]
fn one_protocol_does_not_open_the_other() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let internal = bed.port();
    let _echo = Echo::udp(bed.lan_host(1), internal);
    let port = bed.port();
    client
        .add(&PortMapping::new(&client, port).to_port(internal))
        .expect("an own mapping");
    assert!(reach_udp(bed.internet_host(1), SocketAddr::from((bed.wan_ipv4(), port))).is_err());
}

#[test]
fn both_protocols_of_a_port_may_belong_to_different_clients() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first.add(&PortMapping::new(&first, port)).expect("the port is free");
    second
        .add(&PortMapping::new(&second, port).udp())
        .expect("the other protocol is free");
}

#[test]
fn a_disabled_entry_is_stored_but_not_in_force() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    let mut mapping = PortMapping::new(&client, port).to_port(echo.port());
    mapping.enabled = String::from("0");
    client.add(&mapping).expect("an own mapping");
    client.specific(&mapping).expect("it is stored");
    assert!(reach_tcp(bed.internet_host(1), outside).is_err(), "it is not in force");
    mapping.enabled = String::from("1");
    client.add(&mapping).expect("an own mapping");
    reach_tcp(bed.internet_host(1), outside).expect("enabled now");
}

#[test]
fn disabling_closes_the_port() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    let outside = SocketAddr::from((bed.wan_ipv4(), port));
    let mut mapping = PortMapping::new(&client, port).to_port(echo.port());
    client.add(&mapping).expect("an own mapping");
    reach_tcp(bed.internet_host(1), outside).expect("enabled");
    mapping.enabled = String::from("0");
    client.add(&mapping).expect("an own mapping");
    assert!(reach_tcp(bed.internet_host(1), outside).is_err(), "disabled now");
}

#[test]
fn every_spelling_of_a_boolean_is_accepted_and_a_digit_is_sent() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for (spelling, digit) in [
        ("1", "1"),
        ("true", "1"),
        ("yes", "1"),
        ("0", "0"),
        ("false", "0"),
        ("no", "0"),
    ] {
        let mut mapping = PortMapping::new(&client, bed.port());
        mapping.enabled = spelling.to_owned();
        client
            .add(&mapping)
            .unwrap_or_else(|fault| panic!("{spelling}: {fault}"));
        let answer = client.specific(&mapping).expect("an own mapping");
        assert_eq!(answer.get("NewEnabled"), digit, "{spelling}");
    }
}

#[test]
fn a_description_is_free_text_and_need_not_be_unique() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for text in ["", "Grüße, 世界 🎮", "]]> <b>&amp;</b>", "a  b"] {
        for _ in 0..2 {
            let mapping = PortMapping::new(&client, bed.port()).described(text);
            client.add(&mapping).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
            let answer = client.specific(&mapping).expect("an own mapping");
            assert_eq!(answer.get("NewPortMappingDescription"), text);
        }
    }
}

#[test]
fn a_host_on_the_lan_reaches_the_mapping_at_the_external_address() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let echo = Echo::tcp(bed.lan_host(1), bed.port());
    let port = bed.port();
    client
        .add(&PortMapping::new(&client, port).to_port(echo.port()))
        .expect("an own mapping");
    // RFC 5382 REQ-9 and RFC 4787 REQ-9, which the standard recommends: hairpinning.
    let reply = reach_tcp(bed.lan_host(2), SocketAddr::from((bed.wan_ipv4(), port))).expect("hairpin");
    assert_eq!(reply.server, "lan1");
}

#[test]
fn extra_arguments_are_invalid_or_ignored() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    let mut arguments = mapping.arguments().to_vec();
    arguments.push(("NewColour", "green"));
    if let Err(fault) = client.call("AddPortMapping", &arguments) {
        assert_eq!(fault.code, 402, "{fault}");
        refused(client.specific(&mapping), &[714]);
    }
}

#[test]
fn a_refused_request_changes_nothing() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port());
    client.add(&mapping).expect("an own mapping");
    refused(client.add(&mapping.clone().to_client("192.168.77.12")), &[606, 718]);
    let answer = client.specific(&mapping).expect("still there");
    assert_eq!(answer.get("NewInternalClient"), "192.168.77.11");
}
