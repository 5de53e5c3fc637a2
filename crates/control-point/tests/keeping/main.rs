//! Keeping mappings on a gateway that comes and goes, on real time.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::{Duration, Instant};

use portreeve::{Change, Changes, Gateway, KeptMapping, Protocol, State, discover};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{IgdVersion, Misbehaviour};
use tokio::time::{sleep, timeout};

/// What the keeper promises after a gateway's return.
const BACK_WITHIN: Duration = Duration::from_secs(5);

async fn started(version: IgdVersion) -> (ScriptedGateway, Gateway) {
    let scripted = ScriptedGateway::builder().igd(version).start_on_loopback();
    let gateway = discover().gateway(scripted.address()).without_cache().await.unwrap();
    (scripted, gateway)
}

async fn keep(gateway: &Gateway, port: u16) -> KeptMapping {
    gateway.map(Protocol::Tcp, port).keep().await.unwrap()
}

/// Waits until the gateway has so many mappings, and tells how long that took.
async fn until(scripted: &ScriptedGateway, mappings: usize) -> Duration {
    let start = Instant::now();
    while scripted.mappings().len() != mappings {
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", scripted.mappings());
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

/// Skips changes until one is like this.
async fn wait_for(changes: &mut Changes, like: impl Fn(&Change) -> bool) -> Change {
    let search = async {
        loop {
            let change = changes.next().await.expect("it is kept");
            if like(&change) {
                return change;
            }
        }
    };
    timeout(Duration::from_secs(30), search).await.expect("it comes")
}

#[tokio::test]
async fn a_gateway_that_restarts_empty_has_the_mappings_back_in_time_twice() {
    for version in [IgdVersion::V1, IgdVersion::V2] {
        let (scripted, gateway) = started(version).await;
        let kept = [keep(&gateway, 8080).await, keep(&gateway, 8081).await];
        let mut changes = kept[0].changes();
        for _ in 0..2 {
            scripted.go_silent();
            wait_for(&mut changes, |change| matches!(change, Change::Unconfirmed { .. })).await;
            scripted.come_back();
            let took = until(&scripted, 2).await;
            assert!(took <= BACK_WITHIN, "{took:?}");
            wait_for(&mut changes, |change| *change == Change::Restored).await;
        }
        assert_eq!(kept[0].state(), State::InForce);
    }
}

#[tokio::test]
async fn a_restart_that_nobody_notices_is_found_out() {
    let (scripted, gateway) = started(IgdVersion::V1).await;
    let _kept = keep(&gateway, 8080).await;
    scripted.reboot();
    assert!(until(&scripted, 1).await <= BACK_WITHIN);
}

#[tokio::test]
async fn r9_control_urls_that_change_with_the_restart_are_found_again() {
    let builder = ScriptedGateway::builder().misbehave(Misbehaviour::RandomPaths);
    let scripted = builder.start_on_loopback();
    let gateway = discover().gateway(scripted.address()).without_cache().await.unwrap();
    let _kept = keep(&gateway, 8080).await;
    scripted.reboot();
    assert!(until(&scripted, 1).await <= BACK_WITHIN);
    scripted.change_http_port();
    scripted.forget_mapping("TCP", 8080);
    assert!(until(&scripted, 1).await <= BACK_WITHIN);
}

#[tokio::test]
async fn a_cable_that_was_out_costs_nothing() {
    let (scripted, gateway) = started(IgdVersion::V2).await;
    let kept = keep(&gateway, 8080).await;
    let mut changes = kept.changes();
    scripted.go_silent();
    wait_for(&mut changes, |change| matches!(change, Change::Unconfirmed { .. })).await;
    scripted.forget_requests();
    scripted.resume();
    wait_for(&mut changes, |change| *change == Change::Restored).await;
    assert!(
        scripted.calls("AddPortMapping").is_empty(),
        "what is there is only looked at"
    );
}

#[tokio::test]
async fn a_port_that_is_lost_to_another_host_is_replaced() {
    let (scripted, gateway) = started(IgdVersion::V1).await;
    let kept = keep(&gateway, 8080).await;
    let mut changes = kept.changes();
    scripted.forget_mapping("TCP", 8080);
    let thief = portreeve_testkit::scripted::PortMapping::new("TCP", 8080, "192.168.77.9", 80);
    scripted.add_foreign_mapping(thief);
    wait_for(&mut changes, |change| matches!(change, Change::Lost { .. })).await;
    wait_for(&mut changes, |change| {
        matches!(change, Change::ExternalPort { from: 8080, .. })
    })
    .await;
    assert_ne!(kept.external().port, 8080);
    kept.remove().await.unwrap();
    let left = scripted.mappings();
    assert_eq!((left.len(), left[0].internal_client.as_str()), (1, "192.168.77.9"));
}

#[tokio::test]
async fn a_dropped_mapping_is_removed() {
    let (scripted, gateway) = started(IgdVersion::V1).await;
    let kept = keep(&gateway, 8080).await;
    let other = keep(&gateway, 8081).await;
    drop(kept);
    until(&scripted, 1).await;
    drop(other);
    until(&scripted, 0).await;
}

#[tokio::test]
async fn removal_takes_no_longer_than_promised_when_the_gateway_is_mute() {
    let (scripted, gateway) = started(IgdVersion::V1).await;
    let kept = keep(&gateway, 8080).await;
    scripted.misbehave(Misbehaviour::NeverAnswers(portreeve_testkit::scripted::On::Control));
    let start = Instant::now();
    assert!(kept.remove().await.is_err());
    assert!(start.elapsed() < Duration::from_secs(3));
}
