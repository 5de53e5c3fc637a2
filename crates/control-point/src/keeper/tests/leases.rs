use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{has, keep};
use crate::network::simulated::Simulated;
use crate::{Change, Protocol, State};

const DAY: Duration = Duration::from_secs(86_400);

async fn thirty_days(network: &Simulated) {
    let kept = keep(network, 4000).await;
    network.announce_alive();
    let end = Instant::now() + 30 * DAY;
    while Instant::now() < end {
        sleep(Duration::from_secs(600)).await;
        assert!(has(network, 4000), "not there");
        assert!(!matches!(kept.state(), State::Lost(_)));
    }
    assert_eq!(network.gateway().expired, 0);
    kept.remove().await.unwrap();
    assert!(!has(network, 4000));
}

#[tokio::test(start_paused = true)]
async fn a_lease_never_runs_out_in_thirty_days() {
    let network = Simulated::new();
    thirty_days(&network).await;
    let renewals = network.gateway().calls("AddPortMapping");
    assert!((1420..1480).contains(&renewals), "{renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_never_runs_out_though_connections_fail() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    let kept = gateway.map(Protocol::Udp, 4000).keep().await.unwrap();
    network.announce_alive();
    network.trouble(200, 200);
    for _ in 0..3 * 144 {
        sleep(Duration::from_secs(600)).await;
        assert!(has(&network, 4000));
    }
    assert_eq!(network.gateway().expired, 0);
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn a_short_lease_is_kept_too() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    let kept = gateway
        .map(Protocol::Tcp, 80)
        .lease(Duration::from_secs(2))
        .keep()
        .await
        .unwrap();
    let mut changes = kept.changes();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(network.gateway().expired, 0);
    let lease = Some(Duration::from_secs(2));
    assert!(matches!(changes.next().await, Some(Change::Renewed { lease: granted }) if granted <= lease));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_is_told() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    let mut changes = kept.changes();
    network.kill();
    let why = match changes.next().await {
        Some(Change::Unconfirmed { why }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(kept.state(), State::Unconfirmed(why));
    assert!(matches!(changes.next().await, Some(Change::Lost { .. })));
    assert!(matches!(kept.state(), State::Lost(_)));
}
