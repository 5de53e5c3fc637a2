//! Patients.

use std::net::IpAddr;
use std::time::Duration;

use portreeve::doctor::{Examination, Outcome, Step, Topic, Verdict};
use portreeve::{Discovery, discover};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, Misbehaviour};

/// A gateway on loopback with this connection and these faults.
pub(crate) fn gateway(connection: Connection, faults: impl IntoIterator<Item = Misbehaviour>) -> ScriptedGateway {
    let builder = ScriptedGateway::builder().connection(connection);
    let builder = faults
        .into_iter()
        .fold(builder, |builder, fault| builder.misbehave(fault));
    builder.start_on_loopback()
}

/// A connection that is up, with a public address. Nothing is sent there: our address on loopback cannot leave it.
pub(crate) fn up() -> Connection {
    Connection::ip("11.11.11.1")
}

/// A search for this gateway alone.
pub(crate) fn search(gateway: &ScriptedGateway) -> Discovery {
    named(gateway.address().into())
}

/// A search for the gateway at this address.
pub(crate) fn named(address: IpAddr) -> Discovery {
    let IpAddr::V4(address) = address else {
        panic!("{address} is not IPv4")
    };
    discover()
        .without_cache()
        .gateway(address)
        .timeout(Duration::from_millis(600))
}

/// Examines mapping in general. What it says must be readable, and a trial that was made must be gone.
pub(crate) async fn examine(gateway: &ScriptedGateway) -> Verdict {
    examine_with(gateway, |examination| examination).await
}

/// Examines with more wishes.
pub(crate) async fn examine_with(gateway: &ScriptedGateway, wish: impl FnOnce(Examination) -> Examination) -> Verdict {
    let before = gateway.mappings();
    let verdict = run(wish(Examination::new().discovery(search(gateway)))).await;
    assert_eq!(gateway.mappings(), before, "the trial is still there");
    verdict
}

/// Runs an examination; each step is told once, and everything that is said is readable.
pub(crate) async fn run(examination: Examination) -> Verdict {
    let mut told: Vec<Step> = Vec::new();
    let verdict = examination.run(|step| told.push(step.clone())).await;
    assert_eq!(told, verdict.steps);
    let topics: Vec<Topic> = told.iter().map(|step| step.topic).collect();
    assert_eq!(topics, Topic::ALL, "every step is told once, in order");
    for step in &told {
        assert_readable(&step.finding);
        step.remedy.as_deref().inspect(|remedy| assert_readable(remedy));
        assert!(step.outcome != Outcome::Bad || step.remedy.is_some(), "{step:?}");
    }
    assert_readable(&verdict.problem);
    assert_readable(&verdict.remedy);
    verdict
}

fn assert_readable(text: &str) {
    assert!(
        text.ends_with('.') && !text.contains("..") && !text.contains("  "),
        "{text:?}"
    );
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

/// The verdict has this name, and says this and that.
#[track_caller]
pub(crate) fn assert_verdict(verdict: &Verdict, code: &str, problem: &str, remedy: &str) {
    assert_eq!(verdict.diagnosis.code(), code, "{verdict:#?}");
    assert!(verdict.problem.contains(problem), "{verdict:#?}");
    assert!(verdict.remedy.contains(remedy), "{verdict:#?}");
}

/// A step came out like this, with these words.
#[track_caller]
pub(crate) fn assert_step(verdict: &Verdict, topic: Topic, outcome: Outcome, words: &str) {
    let step = verdict
        .steps
        .iter()
        .find(|step| step.topic == topic)
        .expect("every step is told");
    assert_eq!(step.outcome, outcome, "{step:#?}");
    assert!(step.finding.contains(words), "{step:#?}");
}
