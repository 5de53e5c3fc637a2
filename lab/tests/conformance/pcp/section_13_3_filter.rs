use std::net::{IpAddr, Ipv4Addr};

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{MAP, Map, Request, option, result};
use portreeve_testkit::{Host, reach_tcp};

use super::{client, end, refused};

/// One host in the 128 bits of an address.
const ONE_HOST: u8 = 128;

fn reaches(bed: &Bed, from: &Host, port: u16) -> bool {
    reach_tcp(from, (bed.wan_ipv4(), port)).is_ok()
}

fn address(host: &Host) -> IpAddr {
    host.ipv4().into()
}

#[test]
fn only_the_host_that_is_named_comes_in() {
    let Some(bed) = Bed::shared() else { return };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let map = Map::new(Protocol::Tcp, echo.port());
    let request = Request::map(client.address(), &map, 600).filter(ONE_HOST, 0, address(bed.internet_host(1)));
    let answer = client.ask_pcp(&request);
    let port = answer.granted().external_port;
    assert_eq!(
        answer.bytes()[MAP..],
        request.bytes()[MAP..],
        "what was processed is returned"
    );
    assert!(reaches(&bed, bed.internet_host(1), port));
    assert!(!reaches(&bed, bed.internet_host(2), port));
    assert_eq!(end(&client, &map).result(), result::SUCCESS);
    assert!(!reaches(&bed, bed.internet_host(1), port));
}

#[test]
fn each_of_several_hosts_comes_in() {
    let Some(bed) = Bed::shared() else { return };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let map = Map::new(Protocol::Tcp, echo.port());
    let request = Request::map(client.address(), &map, 600)
        .filter(ONE_HOST, 0, address(bed.internet_host(1)))
        .filter(ONE_HOST, 0, address(bed.internet_host(2)));
    let port = client.ask_pcp(&request).granted().external_port;
    assert!(reaches(&bed, bed.internet_host(1), port));
    assert!(reaches(&bed, bed.internet_host(2), port));
    // Both go with the mapping.
    assert_eq!(end(&client, &map).result(), result::SUCCESS);
    assert!(!reaches(&bed, bed.internet_host(1), port));
    assert!(!reaches(&bed, bed.internet_host(2), port));
}

#[test]
fn a_prefix_length_of_0_lets_everybody_in_again() {
    let Some(bed) = Bed::shared() else { return };
    let (client, echo) = (client(&bed, 1), Protocol::Tcp.echo(&bed));
    let map = Map::new(Protocol::Tcp, echo.port());
    let ask = || Request::map(client.address(), &map, 600);
    let filtered = ask().filter(ONE_HOST, 0, address(bed.internet_host(2)));
    let port = client.ask_pcp(&filtered).granted().external_port;
    assert!(!reaches(&bed, bed.internet_host(1), port));
    let cleared = ask().filter(0, 0, IpAddr::from([0, 0, 0, 0]));
    assert_eq!(client.ask_pcp(&cleared).granted().external_port, port);
    assert!(reaches(&bed, bed.internet_host(1), port));
}

#[test]
fn what_cannot_be_filtered_is_excessive_remote_peers() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let ask = || Request::map(client.address(), &Map::new(Protocol::Tcp, bed.port()), 600);
    let many = (1..=32).fold(ask(), |request, last| {
        request.filter(ONE_HOST, 0, Ipv4Addr::new(203, 0, 113, last).into())
    });
    refused(&client, &many, result::EXCESSIVE_REMOTE_PEERS);
}

#[test]
fn a_prefix_length_that_its_family_cannot_have_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let remote = address(bed.internet_host(1));
    for prefix in [1, 32, 95, 129, 255] {
        let request = Request::map(client.address(), &Map::new(Protocol::Tcp, bed.port()), 600);
        refused(&client, &request.filter(prefix, 0, remote), result::MALFORMED_OPTION);
    }
}

#[test]
fn in_a_deletion_it_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let request = Request::map(client.address(), &Map::new(Protocol::Tcp, bed.port()), 0);
    let remote = address(bed.internet_host(1));
    refused(&client, &request.filter(ONE_HOST, 0, remote), result::MALFORMED_OPTION);
    let request = Request::map(client.address(), &Map::new(Protocol::Tcp, bed.port()), 0);
    refused(
        &client,
        &request.option(option::FILTER, &[0; 20]),
        result::MALFORMED_OPTION,
    );
}
