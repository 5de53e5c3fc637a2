use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::sleep;

use super::{has, keep, until_in_force, until_mapped};
use crate::network::simulated::{Announced, Simulated};
use crate::{Change, State};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn after_a_restart_with_an_empty_table_it_is_back_within_five_seconds_twice() {
    for announced in [Announced::Yes, Announced::No] {
        for away in [0, 5, 55] {
            let network = Simulated::new();
            let kept = keep(&network, 4000).await;
            for _ in 0..2 {
                sleep(3 * MINUTE + Duration::from_millis(777)).await;
                network.kill();
                sleep(Duration::from_secs(away)).await;
                network.restart(announced);
                let took = until_mapped(&network, 4000).await;
                assert!(took <= Duration::from_secs(5), "{announced:?}, away {away} s: {took:?}");
                until_in_force(&kept).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_announcement_after_hours_away_is_enough() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    network.kill();
    sleep(600 * MINUTE).await;
    assert!(matches!(kept.state(), State::Lost(_)));
    network.restart(Announced::Yes);
    assert!(until_mapped(&network, 4000).await <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_vanishes_is_made_again() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    let mut changes = kept.changes();
    network.gateway().forget_all();
    assert!(until_mapped(&network, 4000).await <= Duration::from_secs(5));
    assert!(matches!(changes.next().await, Some(Change::Lost { .. })));
    assert_eq!(changes.next().await, Some(Change::Restored));
    assert_eq!(kept.state(), State::InForce);
}

#[tokio::test(start_paused = true)]
async fn our_new_address_is_mapped_and_the_old_entry_replaced() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    let mut changes = kept.changes();
    let (from, to) = (Ipv4Addr::new(192, 168, 77, 2), Ipv4Addr::new(192, 168, 77, 99));
    network.move_to(to);
    assert_eq!(changes.next().await, Some(Change::InternalClient { from, to }));
    let mappings = network.gateway().mappings();
    assert_eq!(mappings, [("UDP".to_owned(), 4000, to.to_string())]);
    assert_eq!(kept.mapping().internal_client(), to);
}

#[tokio::test(start_paused = true)]
async fn a_new_external_address_is_told() {
    let network = Simulated::new();
    let kept = keep(&network, 4000).await;
    assert_eq!(kept.external().to_string(), "11.11.11.1:4000");
    let mut changes = kept.changes();
    network.gateway().external_address = "11.11.11.9".to_owned();
    let change = changes.next().await;
    let (from, to) = ("11.11.11.1".parse().ok(), "11.11.11.9".parse().ok());
    assert_eq!(change, Some(Change::ExternalAddress { from, to }));
    assert_eq!(kept.external().to_string(), "11.11.11.9:4000");
    assert!(has(&network, 4000));
}

#[tokio::test(start_paused = true)]
async fn a_patient_search_at_first_does_not_make_a_slow_return() {
    let network = Simulated::new();
    let gateway = network.discover().timeout(Duration::MAX).await.unwrap();
    let _kept = gateway.map(crate::Protocol::Udp, 4000).keep().await.unwrap();
    sleep(MINUTE).await;
    network.kill();
    sleep(Duration::from_secs(50)).await;
    network.restart(Announced::No);
    assert!(until_mapped(&network, 4000).await <= Duration::from_secs(5));
}
