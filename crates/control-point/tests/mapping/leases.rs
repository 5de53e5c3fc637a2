//! Gateways that have their own mind about leases.

use std::time::Duration;

use portreeve::{Note, Protocol, Verification};
use portreeve_testkit::scripted::Misbehaviour;

use super::{added, has_note, map, only, started, version_1, version_2, with, words};

#[tokio::test]
async fn r40_only_permanent_leases_are_taken_remembered_and_told() {
    let (scripted, gateway) = with(Misbehaviour::OnlyPermanentLeases).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.lease(), None);
    assert_eq!(mapping.notes(), [Note::PermanentOnly]);
    assert!(words(mapping.notes()).contains("until it is removed"));
    assert_eq!(
        added(&scripted),
        [("8080".into(), "3600".into()), ("8080".into(), "0".into())]
    );

    scripted.forget_requests();
    gateway
        .map(Protocol::Udp, 8080)
        .once()
        .await
        .unwrap()
        .remove()
        .await
        .unwrap();
    assert_eq!(
        added(&scripted),
        [("8080".into(), "0".into())],
        "it is not asked again for what it cannot do"
    );
    mapping.remove().await.unwrap();
    assert!(
        scripted.mappings().is_empty(),
        "what has no lease is deleted at the end"
    );
}

#[tokio::test]
async fn a_gateway_that_makes_a_week_of_a_lease_for_ever_is_not_said_to_keep_it_for_ever() {
    let (scripted, gateway) = started(version_2().misbehave(Misbehaviour::OnlyPermanentLeases)).await;
    let mapping = map(&gateway).await.unwrap();
    let week = Duration::from_secs(604_800);
    assert_eq!(mapping.lease(), Some(week));
    let wanted = Duration::from_secs(3600);
    assert_eq!(mapping.notes(), [Note::AnotherLease { wanted, taken: week }]);
    assert_eq!(only(&scripted).lease, 604_800);
}

#[tokio::test]
async fn r41_invalid_args_for_a_lease_leads_down_the_ladder() {
    let (scripted, gateway) = with(Misbehaviour::InvalidArgsForLease).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.lease(), None);
    let leases: Vec<String> = added(&scripted).into_iter().map(|(_, lease)| lease).collect();
    assert_eq!(leases, ["3600", "604800", "0"]);
}

#[tokio::test]
async fn r65_leases_that_are_listed_as_zero_are_renewed_all_the_same() {
    let (scripted, gateway) = with(Misbehaviour::ListsZeroLeases).await;
    let request = gateway.map(Protocol::Tcp, 8080).lease(Duration::from_secs(2));
    let kept = request.keep().await.unwrap();
    assert_eq!(kept.mapping().lease(), Some(Duration::from_secs(2)));
    assert_eq!(kept.mapping().notes(), [Note::LeaseNotShown]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(added(&scripted).len() >= 3, "{:?}", added(&scripted));
    assert_eq!(only(&scripted).external_port, 8080);
    kept.remove().await.unwrap();
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn a_lease_that_is_ignored_is_told() {
    let (scripted, gateway) = with(Misbehaviour::IgnoresLease).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.notes(), [Note::LeaseNotShown]);
    assert_eq!(mapping.verification(), &Verification::Proven);
    assert_eq!(only(&scripted).lease, 0);
    mapping.remove().await.unwrap();
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn a_lease_that_is_cut_short_is_known_and_renewed_in_time() {
    let (scripted, gateway) = with(Misbehaviour::CapsLeases(120)).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.lease(), Some(Duration::from_secs(120)));
    assert!(has_note(&mapping, "lease-changed"));

    scripted.behave();
    scripted.misbehave(Misbehaviour::CapsLeases(2));
    let kept = gateway.map(Protocol::Udp, 8080).keep().await.unwrap();
    scripted.forget_requests();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(added(&scripted).len() >= 2, "{:?}", added(&scripted));
    kept.remove().await.unwrap();
}

#[tokio::test]
async fn r67_long_leases_of_add_any_port_mapping_are_as_asked() {
    let (scripted, gateway) = started(version_2().misbehave(Misbehaviour::AddAnyKeepsLongLeases)).await;
    let week = Duration::from_secs(604_800);
    let mapping = gateway.map(Protocol::Tcp, 8080).lease(week).once().await.unwrap();
    assert_eq!(mapping.lease(), Some(week));
    assert_eq!(only(&scripted).lease, 604_800);
}

#[tokio::test]
async fn the_lease_is_finite_unless_the_gateway_insists() {
    for builder in [version_1(), version_2()] {
        let (scripted, gateway) = started(builder).await;
        let mapping = map(&gateway).await.unwrap();
        assert_eq!(mapping.lease(), Some(Duration::from_secs(3600)));
        assert_eq!(only(&scripted).lease, 3600);
        assert_eq!(mapping.notes(), []);
    }
}
