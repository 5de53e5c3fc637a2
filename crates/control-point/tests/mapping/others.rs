//! What belongs to others stays.

use portreeve::{Error, Protocol, Refusal};
use portreeve_testkit::scripted::{Misbehaviour, PortMapping, ScriptedReply};

use super::{map, sent, started, version_1, version_2};

#[tokio::test]
async fn r69_only_our_own_mappings_are_deleted() {
    for builder in [version_1(), version_2()] {
        let foreign = [8001, 8002].map(|port| PortMapping::new("TCP", port, "192.168.77.9", 80));
        let builder = foreign
            .into_iter()
            .fold(builder, |builder, mapping| builder.mapping(mapping));
        let (scripted, gateway) = started(builder).await;
        for port in [8000, 8003, 9000] {
            gateway.map(Protocol::Tcp, port).once().await.unwrap();
        }
        assert_eq!(gateway.unmap_range(Protocol::Tcp, 8000..=8100).await, Ok(2));
        let left: Vec<u16> = scripted
            .mappings()
            .iter()
            .map(|mapping| mapping.external_port)
            .collect();
        assert_eq!(left, [8001, 8002, 9000]);
        assert!(
            scripted.calls("DeletePortMappingRange").is_empty(),
            "it could take others' with it"
        );
    }
}

#[tokio::test]
async fn r69_a_refusal_to_delete_is_told() {
    let foreign = PortMapping::new("TCP", 8001, "192.168.77.9", 80);
    let builder = version_1()
        .misbehave(Misbehaviour::RefusesOtherClients(606))
        .mapping(foreign);
    let (scripted, gateway) = started(builder).await;
    let result = gateway.unmap(Protocol::Tcp, 8001).await;
    assert!(
        matches!(result, Err(Error::Refused(Refusal { code: 606, .. }))),
        "{result:?}"
    );
    map(&gateway).await.unwrap().remove().await.unwrap();
    assert_eq!(scripted.mappings().len(), 1);
}

#[tokio::test]
async fn what_the_user_names_is_removed_whoever_made_it() {
    let (scripted, gateway) = started(version_1().mapping(PortMapping::new("UDP", 8001, "192.168.77.9", 80))).await;
    assert_eq!(gateway.unmap(Protocol::Tcp, 8001).await, Ok(false));
    assert_eq!(gateway.unmap(Protocol::Udp, 8001).await, Ok(true));
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn a_gateway_that_deletes_what_is_not_there_is_not_believed() {
    let builder = version_1().on_action("DeletePortMapping", |_, _| ScriptedReply::answer([]));
    let (_scripted, gateway) = started(builder).await;
    assert_eq!(gateway.unmap(Protocol::Tcp, 8001).await, Ok(false));
}

#[tokio::test]
async fn a_range_that_is_all_ours_is_removed_at_once() {
    let (scripted, gateway) = started(version_2()).await;
    for port in 8000..8010 {
        gateway.map(Protocol::Tcp, port).once().await.unwrap();
    }
    assert_eq!(gateway.unmap_range(Protocol::Tcp, 8000..=8100).await, Ok(10));
    assert_eq!(sent(&scripted, "DeletePortMappingRange", "NewEndPort"), ["8100"]);
    assert!(scripted.calls("DeletePortMapping").is_empty());
    assert!(scripted.mappings().is_empty());
}

#[tokio::test]
async fn nothing_is_deleted_when_a_mapping_is_refused() {
    for misbehaviour in [
        Misbehaviour::AlwaysConflict,
        Misbehaviour::AlwaysOtherMechanism,
        Misbehaviour::NotAuthorized,
        Misbehaviour::PortSharingOff,
    ] {
        let (scripted, gateway) = super::with(misbehaviour).await;
        assert!(map(&gateway).await.is_err());
        assert!(scripted.calls("DeletePortMapping").is_empty());
    }
}
