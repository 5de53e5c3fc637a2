use std::time::Duration;

use portreeve::events::{Learnt, Means};
use portreeve_testkit::scripted::Misbehaviour;

use super::World;

#[tokio::test]
async fn r80_the_first_event_may_come_before_the_answer() {
    let mut world = World::of([Misbehaviour::EventBeforeAnswer]).await;
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.2").await, Learnt::Event);
    assert_eq!(world.asked("SUBSCRIBE").len(), 1, "nothing is missing");
}

#[tokio::test]
async fn r81_renewals_are_answered_without_sid_or_with_another() {
    for misbehaviour in [Misbehaviour::RenewsWithoutSid, Misbehaviour::RenewsWithNewSid] {
        let told = format!("{misbehaviour:?}");
        let mut world = World::of([Misbehaviour::GrantsSubscriptions(6), misbehaviour]).await;
        assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.2").await, Learnt::Event);
        world.until_asked("SUBSCRIBE", 3).await;
        world.gateway.set_external_address("11.11.11.9");
        assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.9").await, Learnt::Event);
        let renewals = world.asked("SUBSCRIBE").split_off(1);
        assert!(renewals.iter().all(|request| request.header("SID").is_some()), "{told}");
        assert_eq!(world.gateway.subscriptions(), 1, "{told}");
    }
}

#[tokio::test]
async fn r82_renewals_follow_what_is_granted() {
    let mut world = World::of([Misbehaviour::GrantsSubscriptions(3)]).await;
    world.becomes("ExternalIPAddress", "11.11.11.2").await;
    world.until_asked("SUBSCRIBE", 3).await;
    let times: Vec<_> = world.asked("SUBSCRIBE").iter().map(|request| request.at).collect();
    assert!(times[1] - times[0] >= Duration::from_millis(1000), "{times:?}");
    assert!(times[2] - times[1] >= Duration::from_millis(1000), "{times:?}");
    assert_eq!(world.gateway.subscriptions(), 1, "it never ran out");
}

#[tokio::test]
async fn r83_after_a_reboot_it_subscribes_again_and_says_nothing_of_it() {
    let mut world = World::of([Misbehaviour::GrantsSubscriptions(4)]).await;
    assert_eq!(world.means().await, Means::Events);
    world.becomes("ExternalIPAddress", "11.11.11.2").await;
    world.gateway.reboot();
    assert_eq!(world.gateway.subscriptions(), 0);
    // The renewal is refused, and a new subscription is asked for.
    world.until_asked("SUBSCRIBE", 3).await;
    world.gateway.set_external_address("11.11.11.9");
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.9").await, Learnt::Event);
    assert_eq!(world.gateway.subscriptions(), 1);
}

#[tokio::test]
async fn r84_an_address_that_is_none_is_ignored_and_asked_for() {
    let mut world = World::of([Misbehaviour::EventsAddress("(null)")]).await;
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.2").await, Learnt::Poll);
    world.gateway.behave();
    world.gateway.set_external_address("11.11.11.9");
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.9").await, Learnt::Event);
}

#[tokio::test]
async fn r85_the_callback_is_at_the_address_that_the_gateway_sees() {
    let mut world = World::of([Misbehaviour::CallbackMustBeCaller]).await;
    assert_eq!(world.means().await, Means::Events);
    let request = &world.asked("SUBSCRIBE")[0];
    let callback = request.header("CALLBACK").unwrap();
    assert!(
        callback.starts_with(&format!("<http://{}:", request.peer.ip())),
        "{callback}"
    );
    let path = callback.trim_end_matches('>').rsplit('/').next().unwrap();
    assert_eq!(path.len(), 32, "nobody can guess it: {callback}");
}

#[tokio::test]
async fn an_event_that_is_lost_leads_to_a_new_subscription() {
    let mut world = World::of([]).await;
    world.becomes("ExternalIPAddress", "11.11.11.2").await;
    world.gateway.misbehave(Misbehaviour::LosesEvents);
    world.gateway.set_external_address("11.11.11.8");
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.gateway.behave();
    world.gateway.set_status("Disconnected", "ERROR_NO_CARRIER");
    assert_eq!(world.becomes("ConnectionStatus", "Disconnected").await, Learnt::Event);
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.8").await, Learnt::Event);
    world.until_asked("UNSUBSCRIBE", 1).await;
    assert_eq!(world.gateway.subscriptions(), 1);
}
