use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{has, keep};
use crate::network::simulated::Simulated;
use crate::{Change, Protocol};

/// Who has the only port that is mapped.
fn owner(network: &Simulated) -> String {
    let mappings = network.gateway().mappings();
    assert_eq!(mappings.len(), 1, "{mappings:?}");
    mappings.into_iter().next().unwrap().2
}

#[tokio::test(start_paused = true)]
async fn whoever_has_the_port_by_now_keeps_it() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    let kept = gateway.map(Protocol::Udp, 4000).external(4000).keep().await.unwrap();
    let once = kept.mapping();
    let mut changes = kept.changes();
    network.gateway().give_away(4000);
    assert!(matches!(changes.next().await, Some(Change::Lost { .. })));
    kept.remove().await.unwrap();
    assert_eq!(owner(&network), "192.168.77.66");
    once.remove().await.unwrap();
    assert_eq!(owner(&network), "192.168.77.66");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_the_port_when_we_come_back_with_another_address_keeps_it() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    let mut changes = kept.changes();
    network.gateway().give_away(4000);
    network.move_to(Ipv4Addr::new(192, 168, 77, 99));
    let moved = async { while !matches!(changes.next().await, Some(Change::ExternalPort { from: 4000, .. })) {} };
    timeout(Duration::from_secs(60), moved).await.expect("it moves");
    let mappings = network.gateway().mappings();
    assert!(
        mappings.contains(&("UDP".to_owned(), 4000, "192.168.77.66".to_owned())),
        "{mappings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_while_it_is_being_made_again_does_not_come_back() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    let mut changes = kept.changes();
    network.hold_back("AddPortMapping", Duration::from_millis(400));
    network.gateway().forget_all();
    assert!(matches!(changes.next().await, Some(Change::Lost { .. })));
    sleep(Duration::from_millis(100)).await;
    kept.remove().await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert!(!has(&network, 4000));
}

#[tokio::test(start_paused = true)]
async fn what_two_keep_stays_until_the_second_lets_it_go() {
    let network = Simulated::new();
    let gateway = network.discover().await.unwrap();
    let one = gateway.map(Protocol::Udp, 4000).keep().await.unwrap();
    let two = gateway.map(Protocol::Udp, 4000).keep().await.unwrap();
    one.remove().await.unwrap();
    assert!(has(&network, 4000));
    two.remove().await.unwrap();
    assert!(!has(&network, 4000));
}
