//! Watching a gateway that loses its connection, its power and its port.

use std::time::Duration;

use portreeve::discover;
use portreeve::stability::{Observations, Report, Seen, Watch};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::Connection;

/// A gateway, and who watches it as often as possible.
async fn watched() -> (ScriptedGateway, Watch) {
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ip("11.11.11.1"))
        .start_on_loopback();
    let search = discover()
        .without_cache()
        .gateway(gateway.address())
        .timeout(Duration::from_millis(300));
    let found = search.await.expect("the gateway is there");
    (gateway, found.watch_status(Duration::from_millis(100)))
}

async fn record(observations: &mut Observations, watch: &mut Watch, samples: usize) -> Seen {
    let mut last = Seen::Unreachable;
    for _ in 0..samples {
        let sample = watch.next().await;
        observations.record(&sample);
        last = sample.seen;
    }
    last
}

fn is_up(seen: &Seen) -> bool {
    matches!(seen, Seen::Up { uptime: Some(_) })
}

#[tokio::test]
async fn a_connection_that_is_lost_and_comes_back_is_one_drop() {
    let (gateway, mut watch) = watched().await;
    let mut observations = Observations::new();
    gateway.advance(Duration::from_secs(5000));
    assert!(is_up(&record(&mut observations, &mut watch, 2).await));
    gateway.set_status("Disconnected", "ERROR_NO_CARRIER");
    let down = record(&mut observations, &mut watch, 2).await;
    assert!(
        matches!(down, Seen::Down { ref last_error, .. } if last_error == "ERROR_NO_CARRIER"),
        "{down:?}"
    );
    gateway.set_status("Connected", "ERROR_NONE");
    assert!(is_up(&record(&mut observations, &mut watch, 2).await));
    let Report {
        drops,
        outages,
        up_before,
        ..
    } = observations.report();
    assert_eq!((drops, outages.len()), (1, 1));
    assert_eq!(outages[0].last_error, "ERROR_NO_CARRIER");
    assert!(outages[0].until.is_some());
    assert!(up_before >= Some(Duration::from_secs(4990)), "{up_before:?}");
}

#[tokio::test]
async fn a_reconnect_that_no_sample_saw_shows_in_uptime() {
    let (gateway, mut watch) = watched().await;
    let mut observations = Observations::new();
    gateway.advance(Duration::from_secs(5000));
    record(&mut observations, &mut watch, 2).await;
    gateway.set_status("Disconnected", "ERROR_ISP_DISCONNECT");
    gateway.set_status("Connected", "ERROR_NONE");
    record(&mut observations, &mut watch, 2).await;
    assert_eq!(observations.report().drops, 1);
}

#[tokio::test]
async fn a_gateway_that_is_silent_for_a_while_has_not_lost_its_connection() {
    let (gateway, mut watch) = watched().await;
    let mut observations = Observations::new();
    record(&mut observations, &mut watch, 2).await;
    gateway.go_silent();
    assert_eq!(record(&mut observations, &mut watch, 2).await, Seen::Unreachable);
    gateway.resume();
    assert!(is_up(&record(&mut observations, &mut watch, 2).await));
    let report = observations.report();
    assert_eq!((report.drops, report.unanswered), (0, 2));
    assert!(report.longest_unreachable > Duration::ZERO);
    assert_eq!(report.availability, Some(1.0));
}

#[tokio::test]
async fn a_gateway_that_moved_to_another_port_is_found_again() {
    let (gateway, mut watch) = watched().await;
    assert!(is_up(&watch.next().await.seen));
    gateway.change_http_port();
    assert!(is_up(&watch.next().await.seen));
    let requests = gateway.calls("GetStatusInfo").len();
    assert!(is_up(&watch.next().await.seen));
    assert_eq!(
        gateway.calls("GetStatusInfo").len(),
        requests + 1,
        "it is not searched every time"
    );
}
