use std::net::SocketAddrV4;

use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, Misbehaviour};

use crate::client::*;

#[test]
fn descriptions_are_served_and_services_declare_their_actions() {
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ppp("11.11.11.2").status("Disconnected", "ERROR_NO_CARRIER"))
        .connection(Connection::ip("11.11.11.3"))
        .connection(Connection::ppp("").beside_previous())
        .ipv6_firewall()
        .start_on_loopback();
    let description = get(&gateway, "/rootDesc.xml");
    assert_eq!(description.matches("device:WANDevice:2<").count(), 2);
    assert_eq!(description.matches("service:WANPPPConnection:1<").count(), 2);
    assert_eq!(description.matches("service:WANIPConnection:2<").count(), 1);
    assert_eq!(description.matches("service:WANIPv6FirewallControl:1<").count(), 2);
    // Layer3Forwarding, then per WANDevice: common, connections, firewall.
    let scpd = get(&gateway, "/scpd/5.xml");
    assert!(scpd.contains("<name>AddAnyPortMapping</name>"));
    assert!(scpd.contains("<stateVariable sendEvents=\"yes\"><name>SystemUpdateID</name>"));
    assert!(!get(&gateway, "/scpd/2.xml").contains("AddAnyPortMapping"));
    assert!(get(&gateway, "/scpd/8.xml").starts_with("HTTP/1.1 404 "));
    let reply = post(&gateway, "/ctl/2", &envelope("urn:x:1", "GetStatusInfo", &[]));
    assert_eq!(element(&reply, "NewLastConnectionError"), Some("ERROR_NO_CARRIER"));
    assert_eq!(element(&reply, "NewUptime"), Some("0"));
    let reply = post(
        &gateway,
        "/ctl/0",
        &envelope("urn:x:1", "GetDefaultConnectionService", &[]),
    );
    assert!(element(&reply, "NewDefaultConnectionService").is_some_and(|name| name.ends_with(":WANPPPConn1")));
}

#[test]
fn description_misbehaviours() {
    let described = |misbehaviour| {
        let gateway = ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
        let path = gateway.description_url();
        let path = path
            .split_once("//")
            .and_then(|(_, rest)| rest.split_once('/'))
            .expect("a path")
            .1;
        get(&gateway, &format!("/{path}"))
    };
    assert!(described(Misbehaviour::OddPaths).contains("<controlURL>/upnphost/udhisapi.dll?content=uuid:"));
    assert!(described(Misbehaviour::SloppyDescription).contains("<friendlyName >Scripted"));
    assert!(described(Misbehaviour::UrlBase(String::new())).contains("<URLBase></URLBase>"));
    assert!(described(Misbehaviour::RelativeUrls).contains("<controlURL>ctl/2</controlURL>"));
    let foreign = Misbehaviour::ForeignControlUrl("203.0.113.9:80".to_owned());
    assert!(described(foreign).contains("<controlURL>http://203.0.113.9:80/ctl/2<"));
    assert!(described(Misbehaviour::DslForumTypes).contains("urn:dslforum-org:service:WANIPConnection:2"));
    assert!(described(Misbehaviour::UnversionedTypes).contains("service:WANIPConnection:<"));
    let mixed = described(Misbehaviour::MixedVersions);
    assert!(mixed.contains("InternetGatewayDevice:2<") && mixed.contains("WANIPConnection:1<"));
    assert!(described(Misbehaviour::MalformedUdn).contains("<UDN>uuid:dead-beef-"));
    assert!(described(Misbehaviour::OddServiceIds).contains("serviceId:WANIPConnection.1<"));
    assert!(described(Misbehaviour::LocalPresentationUrl).contains("<presentationURL>http://127.0.0.1/<"));
    let bomb = described(Misbehaviour::EntityBomb);
    assert!(bomb.contains("<!ENTITY e9 ") && bomb.contains("<friendlyName>&e9;<"));
    assert!(described(Misbehaviour::EmptyDescriptions(1)).ends_with("\r\n\r\n"));
}

#[test]
fn control_can_be_on_another_port() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::ControlOnOtherPort)
        .start_on_loopback();
    let description = get(&gateway, "/rootDesc.xml");
    let url = element(&description, "controlURL").expect("there is a controlURL");
    let (authority, path) = url["http://".len()..].split_once('/').expect("it has a path");
    let address: SocketAddrV4 = authority.parse().expect("it has an address and a port");
    assert_eq!(*address.ip(), gateway.address());
    assert_ne!(address, gateway.http_address());
    let request = post_text(&format!("/{path}"), &envelope("u", "GetDefaultConnectionService", &[]));
    assert!(exchange(address, request.as_bytes()).starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn paths_can_change_with_every_start() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::RandomPaths)
        .start_on_loopback();
    let before = gateway.description_url();
    gateway.reboot();
    assert_ne!(before, gateway.description_url());
}
