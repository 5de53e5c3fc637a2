use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::port_control::nat_pmp::{EXTERNAL_ADDRESS, without_epoch};
use portreeve_lab::subject::Settings;
use portreeve_testkit::wait_until;

use super::client;

#[test]
fn two_octets_are_answered_with_twelve() {
    let Some(bed) = Bed::shared() else { return };
    let answer = without_epoch(client(&bed, 1).ask(&EXTERNAL_ADDRESS));
    assert_eq!(answer, [0, 128, 0, 0, 0, 0, 0, 0, 11, 11, 11, 2]);
}

#[test]
fn every_host_hears_the_same_address() {
    let Some(bed) = Bed::shared() else { return };
    let answers = [1, 2, 3].map(|host| without_epoch(client(&bed, host).ask(&EXTERNAL_ADDRESS)));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:02x?}");
}

#[test]
fn without_an_address_the_result_is_network_failure_and_the_address_is_zero() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    bed.set_wan_address(None);
    let client = client(&bed, 1);
    let mut answer = Vec::new();
    let fails = || {
        answer = without_epoch(client.ask(&EXTERNAL_ADDRESS));
        answer == [0, 128, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]
    };
    let failed = wait_until(Duration::from_secs(5), fails);
    assert!(failed, "{answer:02x?}");
}

#[test]
fn a_new_address_is_told() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let client = client(&bed, 1);
    client.ask(&EXTERNAL_ADDRESS);
    bed.set_wan_address(Some([11, 11, 11, 77].into()));
    let told = || without_epoch(client.ask(&EXTERNAL_ADDRESS)) == [0, 128, 0, 0, 0, 0, 0, 0, 11, 11, 11, 77];
    assert!(wait_until(Duration::from_secs(5), told));
}
