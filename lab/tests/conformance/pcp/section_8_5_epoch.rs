use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{Map, Request};

use super::{client, end};

#[test]
fn seconds_are_counted() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let announce = Request::announce(client.address());
    let (first, asked) = (client.ask_pcp(&announce).epoch(), Instant::now());
    std::thread::sleep(Duration::from_millis(1100));
    let second = client.ask_pcp(&announce).epoch();
    let at_most = u32::try_from(asked.elapsed().as_secs()).expect("it is short") + 1;
    assert!(
        (first + 1..=first + at_most).contains(&second),
        "{first}, then {second}"
    );
}

#[test]
fn every_answer_tells_it_errors_too() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let (address, map) = (client.address(), Map::new(Protocol::Tcp, bed.port()));
    let mut other_version = Request::announce(address);
    other_version.version = 9;
    let epochs = [
        client.ask_pcp(&Request::announce(address)),
        client.ask_pcp(&Request::map(address, &map, 600)),
        end(&client, &map),
        client.ask_pcp(&Request::map(address, &map, 600).option(127, b"")),
        client.ask_pcp(&other_version),
        super::client(&bed, 2).ask_pcp(&Request::announce(bed.lan_host(2).ipv4().into())),
    ]
    .map(|answer| answer.epoch());
    assert!(epochs.is_sorted() && epochs[5] - epochs[0] <= 2, "{epochs:?}");
}
