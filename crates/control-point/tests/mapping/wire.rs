//! Gateways that are picky about what they read, or odd in how they write.

use std::time::Duration;

use portreeve::{Protocol, Verification};
use portreeve_testkit::scripted::{AnswerStyle, Misbehaviour};

use super::{map, only, sent, started, version_1, version_2, with};

/// Mapping works in spite of it, proof included.
async fn works_with(misbehaviour: Misbehaviour) {
    let shown = format!("{misbehaviour:?}");
    for builder in [version_1(), version_2()] {
        let (scripted, gateway) = started(builder.misbehave(misbehaviour.clone())).await;
        let mapping = map(&gateway).await.unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        assert_eq!(mapping.verification(), &Verification::Proven, "{shown}");
        assert_eq!(mapping.lease(), Some(Duration::from_secs(3600)), "{shown}");
        assert_eq!(only(&scripted).external_port, mapping.external_port(), "{shown}");
        mapping.remove().await.unwrap();
        assert!(scripted.mappings().is_empty(), "{shown}");
    }
}

#[tokio::test]
async fn r51_the_protocol_is_in_capitals() {
    works_with(Misbehaviour::RefusesLowerCaseProtocol).await;
    let (scripted, gateway) = with(Misbehaviour::RefusesLowerCaseProtocol).await;
    let protocol: Protocol = "udp".parse().unwrap();
    gateway.map(protocol, 8080).once().await.unwrap();
    assert_eq!(sent(&scripted, "AddPortMapping", "NewProtocol"), ["UDP"]);
    let wildcard = "both".parse::<Protocol>();
    assert!(wildcard.is_err(), "a mapping carries one protocol");
}

#[tokio::test]
async fn r54_no_default_namespace_is_declared() {
    works_with(Misbehaviour::RefusesDefaultNamespace).await;
}

#[tokio::test]
async fn r55_quotation_marks_are_sent_as_they_are() {
    let (scripted, gateway) = with(Misbehaviour::KeepsQuotesEscaped).await;
    let description = "Tom's \"server\" <at> home & away";
    let mapping = gateway
        .map(Protocol::Tcp, 8080)
        .description(description)
        .once()
        .await
        .unwrap();
    let body = String::from_utf8(scripted.calls("AddPortMapping").remove(0).body).unwrap();
    assert!(body.contains(">Tom's \"server\" &lt;at&gt; home &amp; away<"), "{body}");
    // What it makes of them is its own affair: the mapping is told by where it leads.
    assert_eq!(
        (mapping.verification(), mapping.notes()),
        (&Verification::Proven, &[][..])
    );
}

#[tokio::test]
async fn r56_requests_have_a_length() {
    let (scripted, gateway) = started(version_1()).await;
    map(&gateway).await.unwrap();
    let requests = scripted.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(request.header("Content-Length").is_some());
        assert!(request.header("Transfer-Encoding").is_none());
    }
}

#[tokio::test]
async fn r58_answers_of_every_style_are_understood() {
    for style in [
        AnswerStyle::LowerCaseNames,
        AnswerStyle::NoNamespace,
        AnswerStyle::ValueInResponseElement,
        AnswerStyle::SoapEnvPrefix,
    ] {
        works_with(Misbehaviour::Answers(style)).await;
    }
}

#[tokio::test]
async fn r59_answers_of_another_version_are_understood() {
    works_with(Misbehaviour::Answers(AnswerStyle::OtherVersion)).await;
}

#[tokio::test]
async fn r63_requests_come_one_after_the_other() {
    let (scripted, gateway) = started(version_1()).await;
    let requests = (0..20).map(|port| gateway.map(Protocol::Tcp, 8000 + port).once());
    let tasks: Vec<_> = requests.map(tokio::spawn).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(scripted.most_actions_at_once(), 1);
    assert_eq!(scripted.mappings().len(), 20);
}

#[tokio::test]
async fn r63_a_gateway_that_needs_pauses_gets_them() {
    works_with(Misbehaviour::NeedsPauses(Duration::from_millis(200))).await;
}

#[tokio::test]
async fn connections_that_are_closed_after_each_answer_do_no_harm() {
    works_with(Misbehaviour::ClosesUnannounced).await;
    works_with(Misbehaviour::NoContentLength).await;
    works_with(Misbehaviour::AlwaysChunked).await;
    works_with(Misbehaviour::TrailingNuls).await;
}
