use portreeve::events::{Learnt, Means, News};
use portreeve_testkit::scripted::{Misbehaviour, PortMapping};

use super::World;

#[tokio::test]
async fn the_state_is_told_first_and_then_each_change_in_order() {
    let mut world = World::of([]).await;
    assert_eq!(world.means().await, Means::Events);
    assert_eq!(world.becomes("ConnectionStatus", "Connected").await, Learnt::Event);
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.2").await, Learnt::Event);
    assert_eq!(world.becomes("PortMappingNumberOfEntries", "0").await, Learnt::Event);
    for count in 1..=5_u16 {
        world
            .gateway
            .add_foreign_mapping(PortMapping::new("TCP", 8000 + count, "192.168.77.9", 80));
        let learnt = world.becomes("PortMappingNumberOfEntries", &count.to_string()).await;
        assert_eq!(learnt, Learnt::Event);
    }
    world.gateway.set_external_address("11.11.11.9");
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.9").await, Learnt::Event);
    assert!(world.gateway.calls("GetStatusInfo").len() <= 1, "events tell all of it");
}

#[tokio::test]
async fn ended_or_dropped_it_unsubscribes() {
    let mut world = World::of([]).await;
    world.becomes("ConnectionStatus", "Connected").await;
    assert_eq!(world.gateway.subscriptions(), 1);
    let World { watch, gateway, .. } = world;
    watch.end().await;
    assert_eq!(gateway.subscriptions(), 0);

    let mut world = World::of([]).await;
    world.becomes("ConnectionStatus", "Connected").await;
    let World { watch, gateway, began } = world;
    drop(watch);
    while gateway.subscriptions() > 0 {
        assert!(began.elapsed() < super::LIMIT);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_is_searched_and_what_has_changed_is_told_when_it_is_back() {
    // Without events it is asked all the time, so that this does not take a minute.
    let mut world = World::of([Misbehaviour::RefusesSubscriptions("503 Service Unavailable")]).await;
    world.becomes("ExternalIPAddress", "11.11.11.2").await;
    world.gateway.go_silent();
    world.gateway.set_external_address("11.11.11.7");
    world
        .until(|news| matches!(news, News::Unreachable { .. }).then_some(()))
        .await;
    world.gateway.behave();
    world.gateway.resume();
    world.until(|news| (*news == News::Back).then_some(())).await;
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.7").await, Learnt::Event);
    assert_eq!(world.gateway.subscriptions(), 1);
}

#[tokio::test]
async fn several_services_are_watched_at_once_and_only_what_there_is() {
    let gateway = portreeve_testkit::ScriptedGateway::builder().start_on_loopback();
    let found = portreeve::discover().gateway(gateway.address()).without_cache();
    let found = found.await.unwrap();
    assert!(found.watch().service("Toaster").start().is_err());
    let mut watch = found.watch().start().unwrap();
    let mut services = std::collections::BTreeSet::new();
    while services.len() < 3 {
        let next = tokio::time::timeout(super::LIMIT, watch.next()).await;
        if let News::Means { service, .. } = next.unwrap().unwrap() {
            services.insert(service.to_string());
        }
    }
    assert!(
        services.iter().any(|name| name.starts_with("WANIPConnection:")),
        "{services:?}"
    );
    watch.end().await;
    assert_eq!(gateway.subscriptions(), 0);
}
