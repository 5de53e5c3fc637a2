//! GetStatusInfo.

use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;

#[test]
fn the_arguments_come_in_order() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetStatusInfo", &[])
        .expect("anybody may read the status");
    assert_eq!(
        answer.names(),
        ["NewConnectionStatus", "NewLastConnectionError", "NewUptime"]
    );
}

#[test]
fn a_connection_that_never_failed_has_no_error() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetStatusInfo", &[])
        .expect("anybody may read the status");
    assert_eq!(answer.get("NewLastConnectionError"), "ERROR_NONE");
}

#[test]
fn uptime_counts_seconds() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let uptime = || {
        client
            .call("GetStatusInfo", &[])
            .expect("anybody may read the status")
            .number("NewUptime")
    };
    let before = uptime();
    thread::sleep(Duration::from_millis(2100));
    let passed = uptime() - before;
    assert!((1..=10).contains(&passed), "{passed}");
}
