use portreeve::events::{Learnt, Means, NoEvents};
use portreeve_testkit::scripted::{Misbehaviour, PortMapping};

use super::World;

#[tokio::test]
async fn a_gateway_that_refuses_is_asked_instead() {
    for (answer, status) in [
        ("501 Not Implemented", 501),
        ("412 Precondition Failed", 412),
        ("503 Service Unavailable", 503),
    ] {
        let mut world = World::of([Misbehaviour::RefusesSubscriptions(answer)]).await;
        let refused = Means::Polling(NoEvents::Refused { status });
        assert_eq!(world.means().await, refused);
        assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.2").await, Learnt::Poll);
        world.gateway.set_external_address("11.11.11.9");
        assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.9").await, Learnt::Poll);
        let mapping = PortMapping::new("TCP", 8000, "192.168.77.9", 80);
        world.gateway.add_foreign_mapping(mapping);
        assert_eq!(world.becomes("PortMappingNumberOfEntries", "1").await, Learnt::Poll);
    }
}

#[tokio::test]
async fn where_nothing_arrives_the_gateway_is_asked_until_something_does() {
    let mut world = World::of([Misbehaviour::LosesEvents]).await;
    assert_eq!(world.means().await, Means::Polling(NoEvents::NothingArrives));
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.2").await, Learnt::Poll);
    world.gateway.set_external_address("11.11.11.8");
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.8").await, Learnt::Poll);
    world.gateway.behave();
    world.gateway.set_external_address("11.11.11.9");
    assert_eq!(world.means().await, Means::Events);
}
