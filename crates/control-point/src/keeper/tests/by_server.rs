//! Keeping by PCP and NAT-PMP.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{has, until_in_force, until_mapped};
use crate::network::simulated::{Announced, Simulated, Speaks};
use crate::{Carrier, Change, KeptMapping, Protocol, State};

const MINUTE: Duration = Duration::from_secs(60);

/// A network whose gateway speaks no UPnP, but this.
fn without_upnp(speaks: Speaks) -> Simulated {
    let network = with_both(speaks);
    network.gateway().igd = false;
    network
}

fn with_both(speaks: Speaks) -> Simulated {
    let network = Simulated::new();
    network.gateway().port_server.speaks = speaks;
    network
}

async fn keep(network: &Simulated, carrier: Carrier) -> KeptMapping {
    let gateway = network.discover().await.unwrap();
    let kept = gateway.map(Protocol::Udp, 4000).keep().await.unwrap();
    assert_eq!(kept.mapping().carrier(), carrier);
    kept
}

const EACH: [(Speaks, Carrier); 2] = [(Speaks::Pcp, Carrier::Pcp), (Speaks::NatPmp, Carrier::NatPmp)];

#[tokio::test(start_paused = true)]
async fn after_a_restart_it_is_back_within_five_seconds_twice_announced_or_not() {
    for (speaks, carrier) in EACH {
        for announced in [Announced::Yes, Announced::No] {
            for away in [0, 5, 55] {
                let network = without_upnp(speaks);
                let kept = keep(&network, carrier).await;
                for _ in 0..2 {
                    sleep(3 * MINUTE + Duration::from_millis(777)).await;
                    network.kill();
                    sleep(Duration::from_secs(away)).await;
                    network.restart(announced);
                    let took = until_mapped(&network, 4000).await;
                    let limit = Duration::from_secs(5);
                    assert!(took < limit, "{carrier}, {announced:?}, away {away} s: {took:?}");
                    until_in_force(&kept).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_announced_is_told_and_healed() {
    let network = without_upnp(Speaks::Both);
    let kept = keep(&network, Carrier::Pcp).await;
    let mut changes = kept.changes();
    sleep(MINUTE).await;
    network.restart(Announced::Yes);
    let start = Instant::now();
    assert!(matches!(changes.next().await, Some(Change::Lost { .. })));
    assert!(start.elapsed() < Duration::from_millis(100));
    assert_eq!(changes.next().await, Some(Change::Restored));
    assert!(start.elapsed() < Duration::from_millis(2100), "{:?}", start.elapsed());
    assert_eq!(kept.external().to_string(), "11.11.11.1:4000");
}

#[tokio::test(start_paused = true)]
async fn a_lease_never_runs_out_in_a_day_though_datagrams_are_lost() {
    for (speaks, carrier) in EACH {
        let network = without_upnp(speaks);
        let kept = keep(&network, carrier).await;
        network.announce_ports();
        let end = Instant::now() + 24 * 60 * MINUTE;
        while Instant::now() < end {
            sleep(10 * MINUTE).await;
            network.gateway().port_server.loses = 1;
            assert!(has(&network, 4000) && !matches!(kept.state(), State::Lost(_)));
        }
        assert_eq!(network.gateway().expired, 0);
        kept.remove().await.unwrap();
        assert!(!has(&network, 4000));
    }
}

#[tokio::test(start_paused = true)]
async fn where_upnp_is_preferred_it_keeps_the_mapping_and_the_other_takes_over_when_it_is_gone() {
    for (speaks, carrier) in EACH {
        let network = with_both(speaks);
        let kept = keep(&network, Carrier::Igd).await;
        sleep(MINUTE).await;
        assert_eq!(kept.mapping().carrier(), Carrier::Igd);
        network.gateway().igd = false;
        until(|| kept.mapping().carrier() == carrier).await;
        until_in_force(&kept).await;
        // The table is the same.
        assert_eq!(network.gateway().mappings().len(), 1);
        // It stays by it while that works.
        network.gateway().igd = true;
        sleep(60 * MINUTE).await;
        assert_eq!(kept.mapping().carrier(), carrier);
        assert_eq!(kept.state(), State::InForce);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_switched_off_is_followed_by_upnp() {
    let network = with_both(Speaks::Pcp);
    let order = [Carrier::Pcp, Carrier::Igd];
    let gateway = network.discover().protocol_order(&order).await.unwrap();
    let kept = gateway.map(Protocol::Udp, 4000).keep().await.unwrap();
    assert_eq!(kept.mapping().carrier(), Carrier::Pcp);
    sleep(MINUTE).await;
    network.gateway().port_server.speaks = Speaks::Nothing;
    until(|| kept.mapping().carrier() == Carrier::Igd).await;
    until_in_force(&kept).await;
    let client = network.gateway().mappings();
    assert_eq!(client, [("UDP".to_owned(), 4000, "192.168.77.2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_new_external_address_is_told() {
    for (speaks, carrier) in EACH {
        let network = without_upnp(speaks);
        let kept = keep(&network, carrier).await;
        assert_eq!(kept.external().to_string(), "11.11.11.1:4000", "{carrier}");
        let mut changes = kept.changes();
        network.gateway().external_address = "11.11.11.9".to_owned();
        // RFC 6887 section 8.5 begins a new epoch with a new address; RFC 6886 announces it.
        network.gateway().port_server.begin_epoch();
        network.announce_ports();
        let (from, to) = ("11.11.11.1".parse().ok(), "11.11.11.9".parse().ok());
        let expected = Change::ExternalAddress { from, to };
        while changes.next().await != Some(expected.clone()) {}
        assert_eq!(kept.external().to_string(), "11.11.11.9:4000", "{carrier}");
    }
}

#[tokio::test(start_paused = true)]
async fn our_new_address_is_mapped() {
    let network = without_upnp(Speaks::Both);
    let kept = keep(&network, Carrier::Pcp).await;
    let to = std::net::Ipv4Addr::new(192, 168, 77, 99);
    network.move_to(to);
    until(|| kept.mapping().internal_client() == to).await;
    let mappings = network.gateway().mappings();
    assert!(
        mappings.iter().any(|(_, _, client)| *client == to.to_string()),
        "{mappings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hundred_mappings_come_back_together() {
    let network = without_upnp(Speaks::Both);
    let gateway = network.discover().await.unwrap();
    let mut kept = Vec::new();
    for port in 5000..5100 {
        kept.push(gateway.map(Protocol::Udp, port).keep().await.unwrap());
    }
    sleep(MINUTE).await;
    network.restart(Announced::Yes);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(network.gateway().mappings().len(), 100);
    assert!(kept.iter().all(|kept| kept.state() == State::InForce));
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come about");
}
