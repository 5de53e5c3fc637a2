use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::pcp::{Answer, MAP, Map, Request, option, result};
use portreeve_lab::subject::Settings;
use portreeve_testkit::Echo;

use super::{client, end, granted, refused};

/// Size and first internal port of the set that was granted.
#[track_caller]
fn set(answer: &Answer) -> (u16, u16) {
    let options = answer.options(MAP);
    let [(option::PORT_SET, data)] = &options[..] else {
        panic!("no set: {:02x?}", answer.bytes());
    };
    assert_eq!(data.len(), 5);
    (
        u16::from_be_bytes([data[0], data[1]]),
        u16::from_be_bytes([data[2], data[3]]),
    )
}

#[test]
fn ports_side_by_side_are_mapped_to_ports_side_by_side() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = client(&bed, 1);
    let echoes: Vec<Echo> = (7000..7004).map(|port| Echo::tcp(bed.lan_host(1), port)).collect();
    let map = Map::new(Protocol::Tcp, 7000).suggesting(9000);
    let request = Request::map(client.address(), &map, 600).port_set(4, 7000);
    let answer = client.ask_pcp(&request);
    let assigned = answer.granted();
    assert_eq!((assigned.external_port, set(&answer)), (9000, (4, 7000)));
    for port in 9000..9004 {
        is_open(&bed, Protocol::Tcp, port);
    }
    is_closed(&bed, Protocol::Tcp, 9004);
    // The whole set again, which is a renewal.
    let answer = client.ask_pcp(&request);
    assert_eq!((answer.granted(), set(&answer)), (assigned, (4, 7000)));
    let deletion = Request::map(client.address(), &map.suggesting(0), 0).port_set(4, 7000);
    assert_eq!(client.ask_pcp(&deletion).result(), result::SUCCESS);
    for port in 9000..9004 {
        is_closed(&bed, Protocol::Tcp, port);
    }
    drop(echoes);
}

#[test]
fn a_smaller_set_may_be_granted_which_is_told() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Udp, 10_000).suggesting(10_000);
    let answer = client.ask_pcp(&Request::map(client.address(), &map, 600).port_set(u16::MAX, 10_000));
    answer.granted();
    let (size, first) = set(&answer);
    assert!((1..=1024).contains(&size), "{size}");
    assert_eq!(first, 10_000);
}

#[test]
fn ports_of_others_are_no_part_of_a_set() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let taken = Map::new(Protocol::Udp, 9002).suggesting(9002);
    assert_eq!(granted(&client(&bed, 2), &taken, 600).0.external_port, 9002);
    let client = client(&bed, 1);
    let map = Map::new(Protocol::Udp, 7000).suggesting(9000);
    let answer = client.ask_pcp(&Request::map(client.address(), &map, 600).port_set(4, 7000));
    let first = answer.granted().external_port;
    let (size, _) = match answer.options(MAP).is_empty() {
        true => (1, 7000),
        false => set(&answer),
    };
    assert!(!(first..first + size).contains(&9002), "{first}, {size} ports");
    assert_eq!(end(&super::client(&bed, 2), &taken).result(), result::SUCCESS);
}

#[test]
fn a_set_of_none_or_of_other_ports_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let port = bed.port();
    for (size, first) in [(0, port), (2, port + 1)] {
        let request = Request::map(client.address(), &Map::new(Protocol::Tcp, port), 600).port_set(size, first);
        refused(&client, &request, result::MALFORMED_OPTION);
    }
}
