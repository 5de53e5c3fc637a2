use std::net::IpAddr;

use portreeve_lab::Bed;
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::pcp::{Request, octets, result};

use super::client;

#[test]
fn twenty_four_octets_are_answered_with_twenty_four() {
    let Some(bed) = Bed::shared() else { return };
    let mut request = vec![2, 0, 0, 0, 0, 0, 0, 0];
    request.extend(octets(IpAddr::from([192, 168, 77, 11])));
    let mut answer = client(&bed, 1).ask(&request);
    answer[8..12].fill(0);
    let mut expected = [0; 24];
    expected[..2].copy_from_slice(&[2, 0x80]);
    assert_eq!(answer, expected);
}

#[test]
fn over_ipv6_it_is_answered_alike() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let client = Client::on(bed.lan_host(1), bed.gateway().ipv6());
    let answer = client.ask_pcp(&Request::announce(client.address()));
    assert_eq!((answer.result(), answer.lifetime()), (result::SUCCESS, 0));
    assert_eq!(answer.bytes().len(), 24);
}

#[test]
fn between_link_local_addresses_it_is_answered_alike() {
    let Some(bed) = Bed::shared_behind_firewall() else {
        return;
    };
    let own = bed.lan_host(1).link_local("eth0");
    let mut server = bed.gateway().link_local("br0");
    server.set_port(portreeve_lab::port_control::SERVER_PORT);
    server.set_scope_id(own.scope_id());
    let client = Client::between(bed.lan_host(1), (*own.ip()).into(), server.into());
    let answer = client.ask_pcp(&Request::announce(client.address()));
    assert_eq!(answer.result(), result::SUCCESS);
}

#[test]
fn options_that_must_be_understood_are_none_of_it() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let answer = client.ask_pcp(&Request::announce(client.address()).option(127, b""));
    assert_eq!(answer.result(), result::UNSUPP_OPTION);
    let answer = client.ask_pcp(&Request::announce(client.address()).option(224, b""));
    assert_eq!((answer.result(), answer.bytes().len()), (result::SUCCESS, 24));
}
