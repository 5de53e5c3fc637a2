//! Watching over the whole stack against a simulated gateway on paused time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::network::simulated::{Announced, Simulated};

const HOUR: Duration = Duration::from_secs(3600);

async fn watch(network: &Simulated) -> Watch {
    let gateway = network.discover().await.unwrap();
    gateway.watch().service("WANIPConnection").start().unwrap()
}

/// Skips news until a variable has this value, and tells how long that took and how it was learnt.
async fn until(watch: &mut Watch, value: &str) -> (Duration, Learnt) {
    let start = Instant::now();
    let search = async {
        loop {
            if let Some(News::Change(change)) = watch.next().await
                && change.variable.value() == value
            {
                return (start.elapsed(), change.learnt);
            }
        }
    };
    timeout(4 * HOUR, search).await.expect("it is told")
}

async fn means(watch: &mut Watch) -> Means {
    loop {
        if let Some(News::Means { means, .. }) = watch.next().await {
            return means;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_events_costs_a_look_a_minute_and_two_renewals_each() {
    let network = Simulated::new();
    let mut watch = watch(&network).await;
    until(&mut watch, "11.11.11.1").await;
    let before = network.gateway().calls("GetStatusInfo");
    sleep(HOUR).await;
    let looks = network.gateway().calls("GetStatusInfo") - before;
    assert!((58..=61).contains(&looks), "{looks}");
    let subscriptions = network.gateway().calls("SUBSCRIBE");
    assert!((4..=6).contains(&subscriptions), "{subscriptions}");
    network.set_external_address("11.11.11.9");
    let (took, learnt) = until(&mut watch, "11.11.11.9").await;
    assert!(took < Duration::from_secs(1) && learnt == Learnt::Event, "{took:?}");
    watch.end().await;
    assert_eq!(network.gateway().subscriptions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_nobody_announced_is_told_within_two_minutes() {
    let network = Simulated::new();
    let mut watch = watch(&network).await;
    until(&mut watch, "11.11.11.1").await;
    sleep(HOUR).await;
    network.kill();
    network.gateway().external_address = "11.11.11.7".to_owned();
    network.restart(Announced::No);
    let (took, _) = until(&mut watch, "11.11.11.7").await;
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert_eq!(network.gateway().subscriptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_announced_is_told_at_once() {
    let network = Simulated::new();
    let mut watch = watch(&network).await;
    until(&mut watch, "11.11.11.1").await;
    network.kill();
    sleep(Duration::from_secs(5)).await;
    network.gateway().external_address = "11.11.11.7".to_owned();
    network.restart(Announced::Yes);
    let (took, learnt) = until(&mut watch, "11.11.11.7").await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(learnt, Learnt::Event);
}

#[tokio::test(start_paused = true)]
async fn behind_a_firewall_the_gateway_is_asked_and_events_are_used_once_they_come() {
    let network = Simulated::new();
    network.set_firewall(true);
    let mut watch = watch(&network).await;
    assert_eq!(means(&mut watch).await, Means::Polling(NoEvents::NothingArrives));
    assert_eq!(until(&mut watch, "11.11.11.1").await.1, Learnt::Poll);
    network.set_external_address("11.11.11.2");
    let (took, learnt) = until(&mut watch, "11.11.11.2").await;
    assert!(took <= Duration::from_secs(6) && learnt == Learnt::Poll, "{took:?}");
    sleep(HOUR).await;
    network.set_firewall(false);
    assert_eq!(means(&mut watch).await, Means::Events);
    network.set_external_address("11.11.11.3");
    assert_eq!(until(&mut watch, "11.11.11.3").await.1, Learnt::Event);
}

#[tokio::test(start_paused = true)]
async fn a_firewall_that_is_put_up_later_is_found_out() {
    let network = Simulated::new();
    let mut watch = watch(&network).await;
    assert_eq!(means(&mut watch).await, Means::Events);
    until(&mut watch, "11.11.11.1").await;
    network.set_firewall(true);
    network.set_external_address("11.11.11.2");
    let (took, learnt) = until(&mut watch, "11.11.11.2").await;
    assert!(took < Duration::from_secs(70) && learnt == Learnt::Poll, "{took:?}");
    assert_eq!(means(&mut watch).await, Means::Polling(NoEvents::NothingArrives));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_events_is_asked() {
    let network = Simulated::new();
    network.gateway().refuse_subscriptions();
    let mut watch = watch(&network).await;
    assert_eq!(
        means(&mut watch).await,
        Means::Polling(NoEvents::Refused { status: 501 })
    );
    assert_eq!(until(&mut watch, "11.11.11.1").await.1, Learnt::Poll);
    let asked = network.gateway().calls("SUBSCRIBE");
    sleep(10 * HOUR).await;
    let asked = network.gateway().calls("SUBSCRIBE") - asked;
    assert!(asked < 30, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_a_gateway_whose_boot_id_never_changes_is_told_at_once() {
    let network = Simulated::new();
    network.gateway().unchanging = true;
    let mut watch = watch(&network).await;
    until(&mut watch, "11.11.11.1").await;
    sleep(HOUR).await;
    network.kill();
    network.gateway().external_address = "11.11.11.7".to_owned();
    network.restart(Announced::Yes);
    let (took, learnt) = until(&mut watch, "11.11.11.7").await;
    assert!(took < Duration::from_secs(2) && learnt == Learnt::Event, "{took:?}");
}
