use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::nat_pmp::{self, EXTERNAL_ADDRESS, epoch};
use portreeve_lab::port_control::pcp;

use super::client;

#[test]
fn seconds_are_counted() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let (first, asked) = (epoch(&client.ask(&EXTERNAL_ADDRESS)), Instant::now());
    std::thread::sleep(Duration::from_millis(1100));
    let second = epoch(&client.ask(&EXTERNAL_ADDRESS));
    let at_most = u32::try_from(asked.elapsed().as_secs()).expect("it is short") + 1;
    assert!(
        (first + 1..=first + at_most).contains(&second),
        "{first}, then {second}"
    );
}

#[test]
fn every_answer_of_either_protocol_tells_the_same_epoch() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let epochs = [
        epoch(&client.ask(&EXTERNAL_ADDRESS)),
        epoch(&client.ask(&nat_pmp::map(Protocol::Tcp, bed.port(), 0, 600))),
        epoch(&client.ask(&nat_pmp::map(Protocol::Tcp, bed.port(), 0, 0))),
        client.ask_pcp(&pcp::Request::announce(client.address())).epoch(),
        epoch(&super::client(&bed, 2).ask(&EXTERNAL_ADDRESS)),
    ];
    assert!(epochs.is_sorted() && epochs[4] - epochs[0] <= 2, "{epochs:?}");
}
