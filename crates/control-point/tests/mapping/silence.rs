//! Gateways that say yes and do nothing, or do something and say nothing.

use std::time::Duration;

use portreeve::{Conversation, Error, Protocol, Untrue};
use portreeve_testkit::scripted::{Misbehaviour, On, ScriptedReply};

use super::{added, has_note, map, only, sent, started, version_1, version_2, with};

#[tokio::test]
async fn silent_success_is_found_out() {
    for builder in [version_1(), version_2()] {
        let (scripted, gateway) = started(builder.misbehave(Misbehaviour::SilentSuccess)).await;
        let result = map(&gateway).await;
        assert!(
            matches!(
                result,
                Err(Error::Untrue(Untrue::NotThere {
                    external_port: 8080,
                    ..
                }))
            ),
            "{result:?}"
        );
        let asked = scripted.calls("AddPortMapping").len() + scripted.calls("AddAnyPortMapping").len();
        assert_eq!(asked, 2, "it is given a second chance");
        assert!(
            sent(&scripted, "DeletePortMapping", "NewExternalPort")
                .iter()
                .all(|port| port == "8080")
        );
    }
}

#[tokio::test]
async fn a_gateway_that_does_nothing_the_first_time_is_mended() {
    let asked = std::sync::atomic::AtomicU32::new(0);
    let builder = version_1().on_action("AddPortMapping", move |_call, _table| {
        match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => ScriptedReply::answer([]),
            _ => ScriptedReply::Pass,
        }
    });
    let (scripted, gateway) = started(builder).await;
    let mapping = map(&gateway).await.unwrap();
    assert!(has_note(&mapping, "made-again"));
    assert_eq!(only(&scripted).external_port, 8080);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_does_not_lose_the_mapping() {
    for misbehaviour in [
        Misbehaviour::Truncated(On::Action("AddPortMapping")),
        Misbehaviour::Garbage(On::Action("AddPortMapping")),
    ] {
        let (scripted, gateway) = with(misbehaviour).await;
        let mapping = map(&gateway).await.unwrap();
        assert_eq!(only(&scripted).external_port, mapping.external_port());
    }
}

#[tokio::test]
async fn a_gateway_that_never_answers_is_given_up_in_time() {
    let (scripted, gateway) = started(version_1()).await;
    scripted.misbehave(Misbehaviour::NeverAnswers(On::Control));
    let before = std::time::Instant::now();
    let result = map(&gateway).await;
    assert!(
        matches!(result, Err(Error::Conversation(Conversation::Timeout { .. }))),
        "{result:?}"
    );
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_is_kept_and_vanishes_is_made_again() {
    let (scripted, gateway) = started(version_1()).await;
    let kept = gateway.map(Protocol::Tcp, 8080).keep().await.unwrap();
    scripted.forget_requests();
    assert!(scripted.forget_mapping("TCP", 8080));
    tokio::time::sleep(Duration::from_millis(5500)).await;
    assert_eq!(only(&scripted).external_port, 8080);
    assert_eq!(added(&scripted).len(), 1);
    kept.remove().await.unwrap();
}
