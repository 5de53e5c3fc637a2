use std::net::IpAddr;

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{MAP, Map, Request, option, result};

use super::{client, granted, outside, refused};

fn insisting(client: IpAddr, map: &Map) -> Request {
    Request::map(client, map, 600).option(option::PREFER_FAILURE, b"")
}

#[test]
fn a_free_port_is_given() {
    let Some(bed) = Bed::shared() else { return };
    let (client, wanted) = (client(&bed, 1), bed.port());
    let map = Map::new(Protocol::Tcp, bed.port()).suggesting(wanted);
    let answer = client.ask_pcp(&insisting(client.address(), &map));
    assert_eq!(answer.granted().external_port, wanted);
    assert_eq!(answer.options(MAP), [(option::PREFER_FAILURE, Vec::new())]);
    // And again, which is a renewal.
    let answer = client.ask_pcp(&insisting(client.address(), &map));
    assert_eq!(answer.granted().external_port, wanted);
}

#[test]
fn a_taken_port_is_cannot_provide_external() {
    let Some(bed) = Bed::shared() else { return };
    let (client, wanted) = (client(&bed, 1), bed.port());
    granted(
        &super::client(&bed, 2),
        &Map::new(Protocol::Tcp, wanted).suggesting(wanted),
        600,
    );
    let map = Map::new(Protocol::Tcp, bed.port()).suggesting(wanted);
    refused(
        &client,
        &insisting(client.address(), &map),
        result::CANNOT_PROVIDE_EXTERNAL,
    );
}

#[test]
fn another_port_than_the_mapping_has_is_cannot_provide_external() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    let (assigned, _) = granted(&client, &map, 600);
    let request = insisting(client.address(), &map.suggesting(bed.port()));
    refused(&client, &request, result::CANNOT_PROVIDE_EXTERNAL);
    assert_eq!(granted(&client, &map, 600).0, assigned);
}

#[test]
fn an_address_that_the_gateway_has_not_is_cannot_provide_external() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map {
        external_address: IpAddr::from([203, 0, 113, 9]),
        ..Map::new(Protocol::Tcp, bed.port()).suggesting(bed.port())
    };
    refused(
        &client,
        &insisting(client.address(), &map),
        result::CANNOT_PROVIDE_EXTERNAL,
    );
    let own = Map {
        external_address: outside(&bed),
        ..map
    };
    client.ask_pcp(&insisting(client.address(), &own)).granted();
}

#[test]
fn without_a_suggested_port_it_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port());
    refused(&client, &insisting(client.address(), &map), result::MALFORMED_OPTION);
}

#[test]
fn in_a_deletion_it_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Tcp, bed.port()).suggesting(bed.port());
    let request = Request {
        lifetime: 0,
        ..insisting(client.address(), &map)
    };
    refused(&client, &request, result::MALFORMED_OPTION);
}
