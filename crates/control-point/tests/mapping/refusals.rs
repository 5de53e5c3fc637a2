//! Gateways that say no.

use std::net::IpAddr;

use portreeve::{Error, Protocol, Refusal};
use portreeve_testkit::scripted::{FaultStyle, Misbehaviour};

use super::{added, code, map, sent, started, version_1, with};

#[tokio::test]
async fn r46_a_code_that_nobody_knows_is_told_and_not_tried_again() {
    let (scripted, gateway) = with(Misbehaviour::PortSharingOff).await;
    let Err(error) = map(&gateway).await else { panic!() };
    let Error::Refused(Refusal {
        code: 403, description, ..
    }) = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(description, "Not available Action");
    assert!(!error.explanation().remedy.is_empty());
    assert_eq!(added(&scripted).len(), 1);
}

#[tokio::test]
async fn a_refusal_by_policy_is_given_up_after_one_other_port() {
    let (scripted, gateway) = with(Misbehaviour::NotAuthorized).await;
    assert_eq!(code(&map(&gateway).await), Some(606));
    assert_eq!(added(&scripted).len(), 2);
}

#[tokio::test]
async fn a_remote_host_that_is_refused_is_not_left_out() {
    let (scripted, gateway) = with(Misbehaviour::OnlyWildcardRemoteHost).await;
    let remote: IpAddr = "11.11.11.7".parse().unwrap();
    for _ in 0..2 {
        let result = gateway.map(Protocol::Tcp, 8080).remote_host(remote).once().await;
        assert_eq!(code(&result), Some(726));
    }
    assert_eq!(
        sent(&scripted, "AddPortMapping", "NewRemoteHost"),
        ["11.11.11.7"],
        "once is enough"
    );
    map(&gateway).await.unwrap();
    assert_eq!(sent(&scripted, "AddPortMapping", "NewRemoteHost"), ["11.11.11.7", ""]);
}

#[tokio::test]
async fn a_gateway_that_maps_all_ports_only_is_not_used() {
    let (scripted, gateway) = with(Misbehaviour::OnlyWildcardExternalPort).await;
    let result = map(&gateway).await;
    assert_eq!(code(&result), Some(727));
    assert!(!result.unwrap_err().explanation().remedy.is_empty());
    assert_eq!(added(&scripted).len(), 1);
}

#[tokio::test]
async fn a_table_that_is_full_is_told() {
    let (scripted, gateway) = started(version_1().capacity(0)).await;
    assert_eq!(code(&map(&gateway).await), Some(728));
    assert_eq!(added(&scripted).len(), 1);
}

#[tokio::test]
async fn r57_faults_of_every_style_are_understood() {
    for style in [
        FaultStyle::Capitals,
        FaultStyle::NoDescription,
        FaultStyle::NoNamespace,
        FaultStyle::Http200,
    ] {
        let builder = version_1()
            .misbehave(Misbehaviour::Faults(style))
            .misbehave(Misbehaviour::OnlyPermanentLeases);
        let (_scripted, gateway) = started(builder).await;
        assert_eq!(map(&gateway).await.unwrap().lease(), None, "{style:?}");
    }
}

#[tokio::test]
async fn r62_mappings_are_for_the_address_that_asks() {
    let (scripted, gateway) = with(Misbehaviour::RefusesOtherClients(718)).await;
    let mapping = map(&gateway).await.unwrap();
    let add = &scripted.calls("AddPortMapping")[0];
    assert_eq!(
        add.argument("NewInternalClient"),
        Some(add.peer.ip().to_string().as_str())
    );
    assert_eq!(mapping.internal_client(), add.peer.ip());

    let other: IpAddr = "192.168.77.9".parse().unwrap();
    let result = gateway
        .map(Protocol::Udp, 8080)
        .external(9000)
        .client(other)
        .once()
        .await;
    assert_eq!(code(&result), Some(718));
    scripted.behave();
    let mapping = gateway.map(Protocol::Udp, 8080).client(other).once().await.unwrap();
    assert!(super::has_note(&mapping, "for-another-host"));
}

#[tokio::test]
async fn what_makes_no_sense_is_not_sent() {
    let (scripted, gateway) = started(version_1()).await;
    let request = || gateway.map(Protocol::Tcp, 8080);
    let requests = [
        gateway.map(Protocol::Tcp, 0),
        request().prefer(0),
        request().lease(std::time::Duration::ZERO),
        request().lease(std::time::Duration::from_secs(604_801)),
        request().description("two\nlines"),
        request().description("x".repeat(256)),
        request().client("fd77::1".parse().unwrap()),
        request().client("0.0.0.0".parse().unwrap()),
        request().remote_host("2001:db8:113::7".parse().unwrap()),
    ];
    for request in requests {
        let result = request.once().await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
    }
    assert!(scripted.requests().is_empty());
}
