//! Gateways that are odd when they are read.

use portreeve::{Note, Protocol, Verification};
use portreeve_testkit::scripted::{Misbehaviour, PortMapping};

use super::{added, has_note, map, only, started, version_1, version_2, with};

#[tokio::test]
async fn r48_any_end_of_the_list_is_one() {
    for code in [402, 501, 713, 714] {
        let builder = version_1().misbehave(Misbehaviour::EndOfList(code));
        let (scripted, gateway) = started(builder.misbehave(Misbehaviour::StoresOtherPort)).await;
        let mapping = map(&gateway).await.unwrap();
        assert_eq!(
            mapping.external_port(),
            8081,
            "the list is read to find it, and ends with {code}"
        );
        assert_eq!(only(&scripted).external_port, 8081);
    }
}

#[tokio::test]
async fn r49_garbage_beside_the_answer_is_not_looked_at() {
    let (_scripted, gateway) = with(Misbehaviour::GarbledSpecific).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(
        (mapping.external_port(), mapping.verification()),
        (8080, &Verification::Proven)
    );
    assert_eq!(mapping.notes(), []);
}

#[tokio::test]
async fn r50_clients_that_are_listed_by_name_or_not_at_all_are_believed() {
    let (_scripted, gateway) = with(Misbehaviour::ListsClientsAs("laptop.lan")).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.notes(), [Note::ClientNamed("laptop.lan".to_owned())]);
    let (_scripted, gateway) = with(Misbehaviour::ListsClientsAs("")).await;
    assert_eq!(map(&gateway).await.unwrap().notes(), []);
}

#[tokio::test]
async fn r66_a_mapping_of_another_host_is_seen_before_it_is_overwritten() {
    let foreign = PortMapping::new("TCP", 8080, "192.168.77.9", 80);
    let builder = version_1().misbehave(Misbehaviour::OverwritesOthers).mapping(foreign);
    let (scripted, gateway) = started(builder).await;
    let exact = gateway.map(Protocol::Tcp, 8080).external(8080).once().await;
    assert_eq!(super::code(&exact), Some(718));
    assert!(exact.unwrap_err().to_string().contains("192.168.77.9:80"));
    assert_eq!(added(&scripted), [], "nothing is sent that could overwrite it");

    let mapping = map(&gateway).await.unwrap();
    assert_ne!(mapping.external_port(), 8080);
    let clients: Vec<String> = scripted
        .mappings()
        .into_iter()
        .map(|mapping| mapping.internal_client)
        .collect();
    assert_eq!(clients[0], "192.168.77.9");
}

#[tokio::test]
async fn r66_another_program_on_this_host_keeps_its_mapping() {
    let (scripted, gateway) = started(version_2()).await;
    gateway.map(Protocol::Tcp, 80).external(9000).once().await.unwrap();
    let other = gateway.map(Protocol::Tcp, 8080).external(9000).once().await;
    assert_eq!(super::code(&other), Some(718));
    assert_eq!(only(&scripted).internal_port, 80);
}

#[tokio::test]
async fn r67_an_update_id_that_never_moves_and_an_empty_listing_do_no_harm() {
    let builder = version_2()
        .misbehave(Misbehaviour::EmptyListing)
        .misbehave(Misbehaviour::ConstantUpdateId);
    let (scripted, gateway) = started(builder).await;
    let mapping = map(&gateway).await.unwrap();
    assert_eq!(mapping.notes(), []);
    assert_eq!(gateway.unmap_range(Protocol::Udp, 1..=65535).await, Ok(0));
    assert_eq!(gateway.unmap_range(Protocol::Tcp, 8000..=8100).await, Ok(1));
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn a_gateway_that_cannot_be_read_is_believed_and_that_is_told() {
    let (scripted, gateway) = with(Misbehaviour::ActionMissing("GetSpecificPortMappingEntry")).await;
    let mapping = map(&gateway).await.unwrap();
    assert!(matches!(mapping.verification(), Verification::Impossible(_)));
    gateway.map(Protocol::Udp, 8080).once().await.unwrap();
    assert_eq!(scripted.calls("GetSpecificPortMappingEntry").len(), 1, "once is enough");
}

#[tokio::test]
async fn renewing_by_hand_is_one_more_request_and_changes_nothing() {
    let (scripted, gateway) = started(version_2()).await;
    let mut mapping = map(&gateway).await.unwrap();
    mapping.renew().await.unwrap();
    assert_eq!(mapping.external_port(), 8080);
    assert!(!has_note(&mapping, "another-port"));
    assert_eq!(added(&scripted).len(), 1);
    assert_eq!(only(&scripted).lease, 3600);
}
