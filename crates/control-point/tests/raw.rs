//! Calls by name, through a gateway that was found.

use portreeve::{Error, Gateway, GatewayAddress, InvalidRequest};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, IgdVersion, Misbehaviour, On};

async fn found(gateway: &ScriptedGateway) -> Gateway {
    let address: GatewayAddress = gateway.description_url().parse().expect("a URL");
    let found = portreeve::discover().gateway(address).without_cache().await;
    found.expect("it answers")
}

#[tokio::test]
async fn a_mapping_can_be_made_and_read_by_hand() {
    let scripted = ScriptedGateway::builder().start_on_loopback();
    let gateway = found(&scripted).await;
    let key = [("RemoteHost", ""), ("ExternalPort", "18080"), ("Protocol", "tcp")];
    let arguments = [
        ("NewLeaseDuration", "600"),
        ("NewPortMappingDescription", "Tom & Jerry <1>"),
        ("NewEnabled", "yes"),
        ("NewInternalClient", "192.168.77.2"),
        ("NewInternalPort", "8080"),
        key[0],
        key[1],
        key[2],
    ];
    assert_eq!(
        gateway.call("WANIPConnection", "AddPortMapping", &arguments).await,
        Ok(Vec::new())
    );
    assert_eq!(scripted.mappings()[0].description, "Tom & Jerry <1>");

    let answer = gateway
        .call("WANIPConn1", "GetSpecificPortMappingEntry", &key)
        .await
        .unwrap();
    let names: Vec<&str> = answer.iter().map(|(name, _)| name.as_str()).collect();
    let standard = [
        "NewInternalPort",
        "NewInternalClient",
        "NewEnabled",
        "NewPortMappingDescription",
        "NewLeaseDuration",
    ];
    assert_eq!(names, standard);
    assert_eq!(answer[0].1, "8080");

    let error = gateway
        .call("WANIPConnection", "DeletePortMapping", &[])
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Invalid(InvalidRequest::Argument { .. })),
        "{error:?}"
    );
    assert!(scripted.calls("DeletePortMapping").is_empty());
}

#[tokio::test]
async fn of_two_connections_the_one_that_works_is_meant() {
    let scripted = ScriptedGateway::builder()
        .igd(IgdVersion::V1)
        .connection(Connection::ip("").status("Disconnected", "ERROR_NO_CARRIER"))
        .connection(Connection::ip("11.11.11.7"))
        .start_on_loopback();
    let gateway = found(&scripted).await;
    let answer = gateway
        .call("WANIPConnection", "GetExternalIPAddress", &[])
        .await
        .unwrap();
    assert_eq!(answer, [("NewExternalIPAddress".to_owned(), "11.11.11.7".to_owned())]);
}

#[tokio::test]
async fn all_services_are_listed_with_their_actions() {
    let scripted = ScriptedGateway::builder().ipv6_firewall().start_on_loopback();
    let services = found(&scripted).await.services().await;
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    for name in [
        "Layer3Forwarding",
        "WANCommonInterfaceConfig",
        "WANIPConnection",
        "WANIPv6FirewallControl",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for service in &services {
        assert_eq!(service.problem, None, "{}", service.name);
        assert!(!service.actions.is_empty(), "{}", service.name);
    }
}

#[tokio::test]
async fn a_gateway_without_service_descriptions_is_called_by_the_standards() {
    let scripted = ScriptedGateway::builder()
        .misbehave(Misbehaviour::Status(On::Scpd, "404 Not Found"))
        .start_on_loopback();
    let gateway = found(&scripted).await;
    let answer = gateway
        .call("WANIPConnection", "GetExternalIPAddress", &[])
        .await
        .unwrap();
    assert_eq!(answer, [("NewExternalIPAddress".to_owned(), "11.11.11.2".to_owned())]);
}
