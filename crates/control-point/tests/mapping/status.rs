//! Gateways on which a mapping cannot work, which is found out before anything is changed.

use portreeve::status::AddressKind;
use portreeve::{Error, Protocol, Unusable};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, IgdVersion, Misbehaviour, Nat, ScriptedGatewayBuilder};

use super::{code, map, only, started, version_1};

fn behind(address: &str) -> ScriptedGatewayBuilder {
    version_1().connection(Connection::ip(address))
}

/// Why a mapping cannot work; nothing was sent to make one.
async fn unusable(builder: ScriptedGatewayBuilder) -> Unusable {
    let (scripted, gateway) = started(builder).await;
    let result = map(&gateway).await;
    assert!(scripted.calls("AddPortMapping").is_empty());
    match result {
        Err(Error::Unusable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn r60_an_address_that_is_not_public_is_told_apart() {
    let private = "192.168.1.2".parse().unwrap();
    assert_eq!(unusable(behind("192.168.1.2")).await, Unusable::DoubleNat(private));
    let shared = "100.64.0.2".parse().unwrap();
    assert_eq!(unusable(behind("100.64.0.2")).await, Unusable::CarrierGradeNat(shared));
    for text in ["", "0.0.0.0"] {
        assert_eq!(
            unusable(behind(text)).await,
            Unusable::NoExternalAddress(text.to_owned())
        );
    }
}

#[tokio::test]
async fn r60_who_insists_is_mapped_behind_another_router() {
    let (scripted, gateway) = started(behind("192.168.1.2")).await;
    let mapping = gateway.map(Protocol::Tcp, 8080).despite_status().once().await.unwrap();
    assert_eq!(mapping.external().to_string(), "192.168.1.2:8080");
    assert_eq!(only(&scripted).external_port, 8080);
}

#[tokio::test]
async fn r61_up_is_connected() {
    let builder = version_1().connection(Connection::ip("11.11.11.2").status("Up", "ERROR_NONE"));
    let (scripted, gateway) = started(builder).await;
    map(&gateway).await.unwrap();
    assert_eq!(only(&scripted).external_port, 8080);
}

#[tokio::test]
async fn a_line_that_is_down_is_told_with_its_reason() {
    for error in ["ERROR_NO_CARRIER", "ERROR_ISP_DISCONNECT", "ERROR_X_VENDOR"] {
        let builder = version_1().connection(Connection::ip("").status("Disconnected", error));
        let expected = Unusable::NotConnected {
            status: "Disconnected".to_owned(),
            last_error: error.to_owned(),
        };
        assert_eq!(unusable(builder).await, expected);
    }
}

#[tokio::test]
async fn nat_that_is_off_is_told() {
    assert_eq!(
        unusable(version_1().connection(Connection::ip("11.11.11.2").nat(Nat::Off))).await,
        Unusable::NatOff
    );
}

#[tokio::test]
async fn r64_counters_that_are_odd_do_not_hide_the_status() {
    for reading in ["-294967296", "18446744073709551615", "none"] {
        let (_scripted, gateway) = started(version_1().misbehave(Misbehaviour::CountersRead(reading))).await;
        let status = gateway.status().await.unwrap();
        assert_eq!(status.usable(), Ok(()));
        assert_eq!(status.address_kind, AddressKind::Public);
        assert_eq!(status.link.unwrap().physical_status, "Up");
    }
}

#[tokio::test]
async fn r68_a_gateway_that_refuses_behind_a_private_address_is_explained_by_it() {
    let refusing = || behind("10.0.0.2").misbehave(Misbehaviour::RefusesBehindPrivateWan);
    // It shows an empty address then.
    assert_eq!(unusable(refusing()).await, Unusable::NoExternalAddress(String::new()));
    let (scripted, gateway) = started(refusing()).await;
    let result = gateway.map(Protocol::Tcp, 8080).despite_status().once().await;
    assert_eq!(code(&result), Some(501));
    assert!(scripted.calls("AddPortMapping").len() <= 3);
}

#[tokio::test]
async fn the_status_is_read_in_full_from_either_version() {
    for version in [IgdVersion::V1, IgdVersion::V2] {
        let (_scripted, gateway) = started(ScriptedGateway::builder().igd(version)).await;
        map(&gateway).await.unwrap();
        let status = gateway.status().await.unwrap();
        assert_eq!(status.external_address, Some("11.11.11.2".parse().unwrap()));
        assert_eq!((status.nat_enabled, status.port_mapping_entries), (Some(true), Some(1)));
        assert!(status.uptime.is_some() && status.link.is_some());
    }
}
