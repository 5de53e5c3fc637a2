use std::time::Duration;

use tokio::time::sleep;

use super::{has, keep, until_mapped};
use crate::network::simulated::{Announced, Simulated};
use crate::{Change, Protocol};

#[tokio::test(start_paused = true)]
async fn a_thousand_mappings_share_one_task_and_little_traffic() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    network.announce_alive();
    let mut kept = Vec::new();
    for port in 2000..3000 {
        kept.push(gateway.map(Protocol::Tcp, port).keep().await.unwrap());
    }
    network.announce_alive();
    sleep(Duration::from_secs(3 * 3600)).await;
    network.gateway().calls.clear();
    network.gateway().http_connections = 0;
    sleep(Duration::from_secs(3600)).await;
    let (requests, connections) = {
        let gateway = network.gateway();
        (gateway.calls.values().sum::<u64>(), gateway.http_connections)
    };
    // Each is written and read back twice an hour; the rest is a look at the gateway every minute.
    assert!((3800..4500).contains(&requests), "{requests} requests");
    assert!(
        connections <= requests / 2,
        "{connections} connections for {requests} requests"
    );
    assert_eq!(network.gateway().expired, 0);

    network.kill();
    sleep(Duration::from_secs(10)).await;
    network.restart(Announced::Yes);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(network.gateway().mappings().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_dropped_is_removed_and_others_stay() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    let one = gateway.map(Protocol::Tcp, 2000).keep().await.unwrap();
    let other = gateway.map(Protocol::Tcp, 2001).keep().await.unwrap();
    let mut changes = one.changes();
    drop(one);
    assert_eq!(changes.next().await, None);
    sleep(Duration::from_secs(1)).await;
    assert!(!has(&network, 2000) && has(&network, 2001));
    other.remove().await.unwrap();
    assert!(!has(&network, 2001));
    assert_eq!(network.gateway().calls("DeletePortMapping"), 2);
}

#[tokio::test(start_paused = true)]
async fn removal_from_a_gateway_that_is_gone_does_not_take_long() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    network.trouble(0, 1000);
    sleep(Duration::from_secs(10)).await;
    let before = tokio::time::Instant::now();
    assert!(kept.remove().await.is_err());
    assert!(before.elapsed() <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn another_mapping_is_kept_after_the_first_keeper_has_ended() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    gateway
        .map(Protocol::Tcp, 2000)
        .keep()
        .await
        .unwrap()
        .remove()
        .await
        .unwrap();
    sleep(Duration::from_secs(1)).await;
    let kept = gateway.map(Protocol::Tcp, 2001).keep().await.unwrap();
    network.gateway().forget_all();
    assert!(until_mapped(&network, 2001).await <= Duration::from_secs(5));
    let mut changes = kept.changes();
    sleep(Duration::from_secs(3600)).await;
    assert!(matches!(
        changes.next().await,
        Some(Change::Restored | Change::Renewed { .. })
    ));
}
