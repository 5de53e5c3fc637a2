use std::net::IpAddr;

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::pcp::{Map, Request, octets, option, result};
use portreeve_lab::subject::Settings;
use portreeve_testkit::Echo;

use super::{client, refused};

#[test]
fn without_the_right_to_map_for_others_the_option_is_not_supported() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 2);
    let other = octets(bed.lan_host(1).ipv4().into());
    let port = bed.port();
    let request = Request::map(client.address(), &Map::new(Protocol::Tcp, port).suggesting(port), 600)
        .option(option::THIRD_PARTY, &other);
    refused(&client, &request, result::UNSUPP_OPTION);
    let _echo = Echo::tcp(bed.lan_host(1), port);
    is_closed(&bed, Protocol::Tcp, port);
}

#[test]
fn the_clients_own_address_is_malformed_request() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let request = Request::map(client.address(), &Map::new(Protocol::Tcp, 7000), 600)
        .option(option::THIRD_PARTY, &octets(client.address()));
    refused(&client, &request, result::MALFORMED_REQUEST);
}

fn permissive() -> Option<Bed> {
    Bed::own(&Settings {
        overrides: vec![String::from("access.own-address-only=false")],
        ..Settings::default()
    })
}

#[test]
fn where_hosts_may_map_for_others_it_is_done() {
    let Some(bed) = permissive() else { return };
    let (client, echo) = (client(&bed, 2), Protocol::Tcp.echo(&bed));
    let other = octets(bed.lan_host(1).ipv4().into());
    let map = Map::new(Protocol::Tcp, echo.port());
    let request = Request::map(client.address(), &map, 600).option(option::THIRD_PARTY, &other);
    let answer = client.ask_pcp(&request);
    let assigned = answer.granted();
    assert_eq!(answer.options(60), [(option::THIRD_PARTY, other.to_vec())]);
    is_open(&bed, Protocol::Tcp, assigned.external_port);
    let deletion = Request::map(client.address(), &map, 0).option(option::THIRD_PARTY, &other);
    assert_eq!(client.ask_pcp(&deletion).result(), result::SUCCESS);
    is_closed(&bed, Protocol::Tcp, assigned.external_port);
}

#[test]
fn nobody_may_map_for_hosts_that_are_not_on_the_lan() {
    let Some(bed) = permissive() else { return };
    let client = client(&bed, 2);
    for other in [bed.internet_host(1).ipv4(), bed.wan_ipv4()] {
        let request = Request::map(client.address(), &Map::new(Protocol::Tcp, 7000), 600)
            .option(option::THIRD_PARTY, &octets(IpAddr::from(other)));
        refused(&client, &request, result::NOT_AUTHORIZED);
    }
}
