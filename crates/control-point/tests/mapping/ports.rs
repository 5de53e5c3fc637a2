//! Gateways that do not give the port that was asked for.

use portreeve::{Error, Note, Protocol, Untrue, Verification};
use portreeve_testkit::scripted::{Misbehaviour, PortMapping};

use super::{added, code, has_note, map, only, sent, started, version_1, version_2, with};

const OTHER_HOST: &str = "192.168.77.9";

fn foreign(port: u16) -> PortMapping {
    PortMapping::new("TCP", port, OTHER_HOST, 80)
}

#[tokio::test]
async fn r42_the_same_port_is_used_where_it_must_be() {
    let (scripted, gateway) = with(Misbehaviour::SamePortRequired).await;
    let mapping = gateway.map(Protocol::Tcp, 8080).prefer(9000).once().await.unwrap();
    assert_eq!(mapping.external_port(), 8080);
    assert!(has_note(&mapping, "same-port-only"));

    scripted.forget_requests();
    let exact = gateway.map(Protocol::Udp, 8080).external(9000).once().await;
    assert_eq!(code(&exact), Some(724));
    assert_eq!(added(&scripted), [], "it is known already");
}

#[tokio::test]
async fn r43_action_failed_is_a_conflict_that_another_port_solves() {
    let builder = version_1()
        .misbehave(Misbehaviour::ConflictIsActionFailed)
        .mapping(foreign(8080));
    // A client that looks first sees the other host's mapping; here it cannot.
    let (scripted, gateway) =
        started(builder.misbehave(Misbehaviour::ActionMissing("GetSpecificPortMappingEntry"))).await;
    let mapping = map(&gateway).await.unwrap();
    assert_ne!(mapping.external_port(), 8080);
    assert_eq!(scripted.mappings().len(), 2);
    assert!(matches!(mapping.verification(), Verification::Impossible(_)));
}

#[tokio::test]
async fn r44_conflicts_on_every_port_are_given_up_after_a_few() {
    let (scripted, gateway) = with(Misbehaviour::AlwaysConflict).await;
    let result = map(&gateway).await;
    assert_eq!(code(&result), Some(718));
    let ports = sent(&scripted, "AddPortMapping", "NewExternalPort");
    assert_eq!(ports.len(), 8);
    let Err(error @ Error::PortsRefused(_)) = result else {
        panic!()
    };
    assert!(!error.explanation().remedy.is_empty());
}

#[tokio::test]
async fn r44_a_hidden_rule_is_evaded() {
    let (scripted, gateway) = with(Misbehaviour::HiddenRules(vec![8080])).await;
    let mapping = map(&gateway).await.unwrap();
    let given = mapping.external_port();
    assert!(given >= 49_152);
    assert_eq!(mapping.notes(), [Note::AnotherPort { wanted: 8080, given }]);
    assert_eq!(only(&scripted).external_port, given);
    let exact = gateway.map(Protocol::Tcp, 80).external(8080).once().await;
    assert_eq!(code(&exact), Some(718));
}

#[tokio::test]
async fn r45_a_port_that_is_not_authorised_is_replaced_once() {
    let (scripted, gateway) = with(Misbehaviour::RefusesEvenPorts).await;
    let result = map(&gateway).await;
    let ports = sent(&scripted, "AddPortMapping", "NewExternalPort");
    assert_eq!(ports.len(), 2);
    let second: u16 = ports[1].parse().unwrap();
    if second % 2 == 1 {
        assert_eq!(result.unwrap().external_port(), second);
    } else {
        assert_eq!(code(&result), Some(606));
    }
}

#[tokio::test]
async fn r47_other_mechanisms_on_every_port_are_given_up_after_a_few() {
    let (scripted, gateway) = with(Misbehaviour::AlwaysOtherMechanism).await;
    assert_eq!(code(&map(&gateway).await), Some(729));
    assert_eq!(added(&scripted).len(), 8);
}

#[tokio::test]
async fn r52_a_low_port_that_is_refused_is_replaced_by_a_high_one_and_told() {
    let (scripted, gateway) = with(Misbehaviour::RefusesLowPorts).await;
    let mapping = gateway.map(Protocol::Tcp, 80).once().await.unwrap();
    assert!(mapping.external_port() >= 1024);
    assert!(has_note(&mapping, "low-port-refused"));
    assert_eq!(only(&scripted).internal_port, 80);
    assert_eq!(
        code(&gateway.map(Protocol::Tcp, 80).external(80).once().await),
        Some(606)
    );
}

#[tokio::test]
async fn r52_a_low_port_that_is_ignored_is_found_out_and_replaced() {
    let (scripted, gateway) = with(Misbehaviour::IgnoresLowPorts).await;
    let mapping = gateway.map(Protocol::Tcp, 80).once().await.unwrap();
    assert!(mapping.external_port() >= 1024);
    assert!(has_note(&mapping, "low-port-ignored"));
    assert_eq!(only(&scripted).external_port, mapping.external_port());

    let exact = gateway.map(Protocol::Udp, 80).external(80).once().await;
    let not_there = Untrue::NotThere {
        external_port: 80,
        protocol: Protocol::Udp,
    };
    assert_eq!(exact.unwrap_err(), not_there.into());
}

#[tokio::test]
async fn r52_a_low_port_that_is_lifted_to_1024_is_found_there() {
    let (scripted, gateway) = with(Misbehaviour::LiftsLowPorts).await;
    let exact = gateway.map(Protocol::Tcp, 80).external(80).once().await;
    assert!(
        matches!(exact, Err(Error::Untrue(Untrue::NotThere { external_port: 80, .. }))),
        "{exact:?}"
    );
    assert!(scripted.mappings().is_empty(), "what was put elsewhere is taken away");
    let mapping = gateway.map(Protocol::Tcp, 80).once().await.unwrap();
    assert_eq!(mapping.notes(), [Note::PortMoved { asked: 80, found: 1024 }]);
    assert_eq!(only(&scripted).external_port, 1024);
}

#[tokio::test]
async fn r53_port_0_is_never_asked_for() {
    for (builder, action) in [(version_1(), "AddPortMapping"), (version_2(), "AddAnyPortMapping")] {
        let (scripted, gateway) = started(builder.misbehave(Misbehaviour::OpensAllPorts)).await;
        let mapping = gateway.map(Protocol::Tcp, 8080).any().once().await.unwrap();
        assert!(mapping.external_port() >= 49_152);
        assert_eq!(
            sent(&scripted, action, "NewExternalPort"),
            [mapping.external_port().to_string()]
        );
        assert!(matches!(
            gateway.map(Protocol::Tcp, 8080).external(0).once().await,
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            gateway.map(Protocol::Tcp, 0).once().await,
            Err(Error::Invalid(_))
        ));
        assert_eq!(scripted.calls(action).len(), 1);
    }
}

#[tokio::test]
async fn a_mapping_that_was_put_on_another_port_is_taken_if_any_will_do() {
    let (scripted, gateway) = with(Misbehaviour::StoresOtherPort).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.external_port(), 8081);
    assert_eq!(
        mapping.notes(),
        [Note::PortMoved {
            asked: 8080,
            found: 8081
        }]
    );
    mapping.remove().await.unwrap();
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn a_mapping_that_was_put_on_another_port_is_taken_away_if_only_one_will_do() {
    let (scripted, gateway) = with(Misbehaviour::StoresOtherPort).await;
    let result = gateway.map(Protocol::Tcp, 8080).external(8080).once().await;
    assert!(
        matches!(result, Err(Error::Untrue(Untrue::NotThere { .. }))),
        "{result:?}"
    );
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn version_2_finds_another_port_by_itself() {
    let (scripted, gateway) = started(version_2().mapping(foreign(8080))).await;
    let mapping = map(&gateway).await.unwrap();
    assert!(has_note(&mapping, "another-port"));
    assert_eq!(sent(&scripted, "AddAnyPortMapping", "NewExternalPort"), ["8080"]);
    assert_eq!(added(&scripted), []);
}

#[tokio::test]
async fn add_any_port_mapping_that_is_missing_is_done_without() {
    let builder = version_2().misbehave(Misbehaviour::ActionMissing("AddAnyPortMapping"));
    let (scripted, gateway) = started(builder).await;
    assert_eq!(map(&gateway).await.unwrap().external_port(), 8080);
    gateway.map(Protocol::Udp, 8080).once().await.unwrap();
    assert_eq!(scripted.calls("AddAnyPortMapping").len(), 1);
    assert_eq!(added(&scripted).len(), 2);
}
