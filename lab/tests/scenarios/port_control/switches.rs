//! Either protocol by itself, or none.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::nat_pmp::{EXTERNAL_ADDRESS, without_epoch};
use portreeve_lab::port_control::pcp::{Map, Request, result};
use portreeve_lab::port_control::{Client, SERVER_PORT};
use portreeve_testkit::wait_until;

use super::{by_nat_pmp, by_pcp, client};
use crate::support::{SOON, append_configuration, bed, control, edit_configuration, soon};

/// Whether the port of the gateway is closed, as the host learns by ICMP.
fn is_closed(bed: &Bed) -> bool {
    let host = bed.lan_host(1);
    let socket = host
        .run(|| UdpSocket::bind((host.ipv4(), 0)))
        .expect("any port will do");
    socket
        .connect((bed.gateway().ipv4(), SERVER_PORT))
        .expect("it is on the LAN");
    let timeout = socket.set_read_timeout(Some(Duration::from_secs(1)));
    timeout.expect("sockets take a read timeout");
    socket.send(&EXTERNAL_ADDRESS).expect("it is on the LAN");
    let error = socket.recv(&mut [0; 64]).expect_err("nobody is there");
    error.kind() == ErrorKind::ConnectionRefused
}

#[test]
fn without_pcp_its_clients_are_told_by_nat_pmps_eight_octets_and_nat_pmp_works() {
    let Some(bed) = bed(&["pcp.enabled=false"]) else { return };
    let first = client(&bed, 1);
    for request in [
        Request::announce(first.address()),
        Request::map(first.address(), &Map::new(Protocol::Tcp, 7000), 600),
    ] {
        let answer = without_epoch(first.ask(&request.bytes()));
        assert_eq!(answer, [0, 0, 0, 1, 0, 0, 0, 0]);
    }
    by_nat_pmp(&first, Protocol::Tcp, 7000, 0);
    let ipv6 = Client::on(bed.lan_host(1), bed.gateway().ipv6());
    ipv6.send(&Request::announce(ipv6.address()).bytes());
    assert_eq!(
        ipv6.receive(Duration::from_millis(300)),
        None,
        "there is nothing over IPv6"
    );
}

#[test]
fn without_nat_pmp_its_clients_are_told_by_pcps_answer_and_pcp_works() {
    let Some(bed) = bed(&["nat-pmp.enabled=false"]) else {
        return;
    };
    let first = client(&bed, 1);
    let answer = first.ask(&EXTERNAL_ADDRESS);
    assert_eq!(answer.len(), 24, "{answer:02x?}");
    assert_eq!(answer[..4], [2, 128, 0, result::UNSUPP_VERSION]);
    by_pcp(&first, &Map::new(Protocol::Tcp, 7000));
}

#[test]
fn without_both_the_port_is_closed() {
    let Some(bed) = bed(&["pcp.enabled=false", "nat-pmp.enabled=false"]) else {
        return;
    };
    assert!(is_closed(&bed));
}

#[test]
fn where_nothing_is_translated_nat_pmp_is_not_there_and_pcp_maps_no_port_of_ipv4() {
    let Some(bed) = bed(&["gateway.nat=false"]) else { return };
    let first = client(&bed, 1);
    first.send(&EXTERNAL_ADDRESS);
    if let Some(answer) = first.receive(Duration::from_millis(300)) {
        assert_ne!(answer[2..4], [0, 0], "{answer:02x?}");
    }
    first.send(&Request::map(first.address(), &Map::new(Protocol::Tcp, 7000), 600).bytes());
    if let Some(answer) = first.receive(Duration::from_millis(300)) {
        assert_ne!(answer[2..4], [0, 0], "{answer:02x?}");
    }
}

#[test]
fn a_reload_switches_without_a_restart() {
    let Some(bed) = bed(&[]) else { return };
    let first = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    let port = by_pcp(&first, &map);
    append_configuration(&bed, "[pcp]\nenabled = false\n");
    control(&bed, &["reload"]).success();
    let refuses = || first.ask(&Request::announce(first.address()).bytes())[..4] == [0, 0, 0, 1];
    assert!(wait_until(SOON, refuses), "{}", bed.subject().log());
    edit_configuration(&bed, "[pcp]\nenabled = false\n", "[pcp]\nenabled = true\n");
    control(&bed, &["reload"]).success();
    soon(&bed, "PCP is back", || {
        first.ask(&Request::announce(first.address()).bytes())[..4] == [2, 128, 0, 0]
    });
    assert_eq!(by_pcp(&first, &map), port);
}
