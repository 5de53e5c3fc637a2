//! What is wrong with mappings, and that trials leave nothing behind.

use std::time::Duration;

use portreeve::doctor::{Diagnosis, Examination, Outcome, Topic};
use portreeve_testkit::scripted::{Misbehaviour, On, ScriptedReply};
use portreeve_testkit::{ScriptedGateway, wait_until};

use crate::world::{assert_step, assert_verdict, examine, gateway, search, up};

#[tokio::test]
async fn a_healthy_gateway_is_fine() {
    let patient = gateway(up(), []);
    let verdict = examine(&patient).await;
    assert_verdict(&verdict, "fine", "maps ports for this computer", "portreeve map 8080");
    assert_step(&verdict, Topic::Search, Outcome::Good, &patient.address().to_string());
    assert_step(
        &verdict,
        Topic::Discovery,
        Outcome::Good,
        &patient.address().to_string(),
    );
    assert_step(&verdict, Topic::Description, Outcome::Good, "WANIPConnection:");
    assert_step(&verdict, Topic::Connection, Outcome::Good, "connected to the internet");
    assert_step(&verdict, Topic::ExternalAddress, Outcome::Good, "11.11.11.1");
    assert_step(&verdict, Topic::Trial, Outcome::Good, "mapped TCP port");
    assert_step(&verdict, Topic::ReadBack, Outcome::Good, "leads to this computer");
    assert_step(&verdict, Topic::LoopBack, Outcome::Unknown, "hairpin");
    assert_step(&verdict, Topic::Removal, Outcome::Good, "removed again");
    let trials = patient.requests();
    let lease = trials
        .iter()
        .find_map(|request| request.argument("NewLeaseDuration").map(str::to_owned));
    assert_eq!(
        lease.as_deref(),
        Some("90"),
        "a trial that is left behind ends by itself"
    );
}

#[tokio::test]
async fn a_refusal_by_policy_is_told() {
    let verdict = examine(&gateway(up(), [Misbehaviour::NotAuthorized])).await;
    assert_verdict(
        &verdict,
        "action-not-authorized",
        "policy does not let this computer",
        "UPnP settings",
    );
    assert!(
        matches!(verdict.diagnosis, Diagnosis::RefusedByPolicy(_)),
        "{verdict:#?}"
    );
    assert_step(&verdict, Topic::Trial, Outcome::Bad, "policy");
    assert_step(&verdict, Topic::ReadBack, Outcome::Skipped, "no mapping");

    let verdict = examine(&gateway(up(), [Misbehaviour::PortSharingOff])).await;
    assert_verdict(
        &verdict,
        "port-sharing-off",
        "open ports by itself",
        "independent port sharing",
    );

    let verdict = examine(&gateway(up(), [Misbehaviour::AlwaysConflict])).await;
    assert_verdict(
        &verdict,
        "every-port-refused",
        "refused every external port",
        "switched off for this computer",
    );
}

#[tokio::test]
async fn silent_success_is_told_from_success() {
    let verdict = examine(&gateway(up(), [Misbehaviour::SilentSuccess])).await;
    assert_verdict(
        &verdict,
        "silent-success",
        "accepts requests and does nothing",
        "firmware update",
    );
    assert_eq!(verdict.diagnosis, Diagnosis::SilentSuccess);
    assert_step(&verdict, Topic::Trial, Outcome::Good, "said yes");
    assert_step(&verdict, Topic::ReadBack, Outcome::Bad, "has no such mapping");
}

#[tokio::test]
async fn quirks_that_can_be_lived_with_are_fine() {
    for (quirk, words) in [
        (Misbehaviour::OnlyPermanentLeases, "took one of 604800 s"),
        (Misbehaviour::SamePortRequired, "mapped TCP port"),
        (Misbehaviour::InvalidArgsForLease, "mapped TCP port"),
    ] {
        let verdict = examine(&gateway(up(), [quirk.clone()])).await;
        assert_eq!(verdict.diagnosis, Diagnosis::Fine, "{quirk:?}: {verdict:#?}");
        assert_step(&verdict, Topic::Trial, Outcome::Good, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_examination_that_is_given_up_leaves_no_mapping() {
    // Given up while the gateway is still making the mapping.
    let slow = |action| Misbehaviour::Slow(On::Action(action), Duration::from_millis(300));
    let patient = gateway(up(), [slow("AddPortMapping"), slow("AddAnyPortMapping")]);
    let examination = Examination::new().discovery(search(&patient));
    let task = tokio::spawn(async move { examination.run(|_| {}).await });
    let asked = || !patient.calls("AddPortMapping").is_empty() || !patient.calls("AddAnyPortMapping").is_empty();
    assert!(tokio::task::block_in_place(|| wait_until(
        Duration::from_secs(10),
        asked
    )));
    task.abort();
    let removed = || !patient.calls("DeletePortMapping").is_empty() && patient.mappings().is_empty();
    assert!(tokio::task::block_in_place(|| wait_until(
        Duration::from_secs(10),
        removed
    )));
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_trial_that_cannot_be_removed_is_told() {
    let patient = ScriptedGateway::builder()
        .connection(up())
        .on_action("DeletePortMapping", |_, _| ScriptedReply::fault(501, "Action Failed"))
        .start_on_loopback();
    let verdict = crate::world::run(Examination::new().discovery(search(&patient))).await;
    assert_step(&verdict, Topic::Removal, Outcome::Unknown, "could not be removed");
}
