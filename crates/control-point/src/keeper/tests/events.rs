use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{has, keep, until_in_force, until_mapped};
use crate::network::simulated::{Announced, Simulated};
use crate::{Change, KeptMapping};

const HOUR: Duration = Duration::from_secs(3600);

/// Requests within an hour in which nothing happens, without renewals of mappings.
async fn requests_in_an_hour(network: &Simulated) -> u64 {
    let looks = |network: &Simulated| {
        let gateway = network.gateway();
        let of = [
            "GetStatusInfo",
            "GetExternalIPAddress",
            "GetSpecificPortMappingEntry",
            "SUBSCRIBE",
        ];
        let renewals = gateway.calls("AddPortMapping");
        // A renewal is read back.
        of.iter().map(|action| gateway.calls(action)).sum::<u64>() - renewals
    };
    let before = looks(network);
    sleep(HOUR).await;
    looks(network) - before
}

async fn until_moved(kept: &KeptMapping, to: &str) -> Duration {
    let start = Instant::now();
    let mut changes = kept.changes();
    loop {
        if let Some(Change::ExternalAddress { to: Some(address), .. }) = changes.next().await
            && address.to_string() == to
        {
            return start.elapsed();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_about_the_address_is_told_at_once() {
    for announced in [true, false] {
        let network = Simulated::new();
        let kept = keep(&network, 4000).await;
        if announced {
            network.announce_alive();
        }
        sleep(HOUR).await;
        let moves = async {
            sleep(Duration::from_millis(10)).await;
            network.set_external_address("11.11.11.9");
        };
        let (took, ()) = tokio::join!(until_moved(&kept, "11.11.11.9"), moves);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_events_the_address_is_told_within_a_minute() {
    let network = Simulated::new();
    network.gateway().refuse_subscriptions();
    let kept = keep(&network, 4000).await;
    sleep(HOUR).await;
    let moves = async { network.set_external_address("11.11.11.9") };
    let (took, ()) = tokio::join!(until_moved(&kept, "11.11.11.9"), moves);
    assert!(took <= Duration::from_secs(61), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn with_events_and_announcements_half_of_the_requests_do() {
    let mut asked = Vec::new();
    for events in [true, false] {
        let network = Simulated::new();
        if !events {
            network.gateway().refuse_subscriptions();
        }
        let _kept = keep(&network, 4000).await;
        network.announce_alive();
        sleep(HOUR).await;
        asked.push(requests_in_an_hour(&network).await);
    }
    assert!(asked[0] <= 80 && asked[1] >= 145, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_somebody_removes_is_made_again_at_once() {
    let network = Simulated::new();
    let _kept = keep(&network, 4000).await;
    network.announce_alive();
    sleep(Duration::from_secs(90)).await;
    network.gateway().remove_one(4000);
    network.tell();
    assert!(!has(&network, 4000));
    let took = until_mapped(&network, 4000).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_within_a_minute_though_events_come() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    network.announce_alive();
    sleep(HOUR).await;
    let mut changes = kept.changes();
    network.kill();
    let start = Instant::now();
    while !matches!(changes.next().await, Some(Change::Unconfirmed { .. })) {}
    assert!(start.elapsed() <= Duration::from_secs(65), "{:?}", start.elapsed());
    network.restart(Announced::Yes);
    until_in_force(&kept).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(network.gateway().subscriptions(), 1, "it is subscribed to again");
}

#[tokio::test(start_paused = true)]
async fn with_the_last_mapping_the_subscription_ends() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    let one = gateway.map(crate::Protocol::Udp, 4000).keep().await.unwrap();
    let two = gateway.map(crate::Protocol::Udp, 4001).keep().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(network.gateway().subscriptions(), 1);
    one.remove().await.unwrap();
    assert_eq!(network.gateway().subscriptions(), 1);
    two.remove().await.unwrap();
    assert_eq!(network.gateway().subscriptions(), 0);
    let three = gateway.map(crate::Protocol::Udp, 4002).keep().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(network.gateway().subscriptions(), 1);
    drop(three);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(network.gateway().subscriptions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_only_the_subscription_tells_of_is_mended_at_once() {
    let network = Simulated::new();
    network.gateway().unchanging = true;
    let _kept = keep(&network, 4000).await;
    network.announce_alive();
    sleep(HOUR + Duration::from_secs(77)).await;
    network.kill();
    network.restart(Announced::Yes);
    let took = until_mapped(&network, 4000).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}
