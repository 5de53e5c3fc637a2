//! Services that a gateway has only if its configuration says so: WANPPPConnection and LANHostConfigManagement.

use std::collections::BTreeSet;

use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{ControlPoint, refused, ssdp};
use portreeve_testkit::Echo;

use crate::support::{bed, idle, is_served_by, port_of, shared};

const PPP: &str = "WANPPPConnection:1";
const LAN: &str = "LANHostConfigManagement:1";

/// The targets that a search for everything finds, which are those of the description and no others.
#[track_caller]
fn advertised(client: &ControlPoint<'_>) -> BTreeSet<String> {
    let heard = ssdp::search(client.host(), "ssdp:all");
    let heard: BTreeSet<_> = heard.iter().map(|answer| answer.header("ST").to_owned()).collect();
    let devices = client.root_device().all();
    let described = devices.iter().flat_map(|device| {
        let services = device.services.iter().map(|service| service.service_type.clone());
        services.chain([device.udn.clone(), device.device_type.clone()])
    });
    let described: BTreeSet<_> = described.chain(["upnp:rootdevice".to_owned()]).collect();
    assert_eq!(heard, described);
    heard
}

#[test]
fn neither_is_there_by_default() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    for service in [PPP, LAN] {
        assert!(client.root_device().service(service).is_none(), "{service}");
    }
    assert!(client.root_device().device("LANDevice:1").is_none());
    assert!(
        !advertised(&client)
            .iter()
            .any(|st| st.contains("PPP") || st.contains("LAN"))
    );
    for path in [
        "/ctl/PPPConn",
        "/scpd/PPPConn.xml",
        "/evt/PPPConn",
        "/ctl/LANHostCfg",
        "/scpd/LANHostCfg.xml",
    ] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_ppp_connection_is_another_view_of_the_same_mappings() {
    let Some(bed) = bed(&["gateway.ppp-connection=true"]) else {
        return;
    };
    let client = bed.client(1);
    assert!(advertised(&client).contains(&format!("urn:schemas-upnp-org:service:{PPP}")));
    let scpd = client.scpd(PPP);
    for secret in ["GetPassword", "GetUserName"] {
        assert!(scpd.action(secret).is_none(), "{secret}");
        refused(client.call_service(PPP, secret, &[]), &[401]);
    }
    let listener = Listener::on(client.host());
    client.subscribe(PPP, &listener.callback());
    let first = listener.next();
    assert_eq!(first.value("ConnectionStatus").as_deref(), Some("Connected"));
    assert_eq!(first.value("SystemUpdateID"), None);

    let mapping = portreeve_lab::upnp::PortMapping::new(&client, bed.port());
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client
        .call_service(PPP, "AddPortMapping", &mapping.arguments())
        .expect("as in any connection");
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
    listener.until("PortMappingNumberOfEntries", "1");
    client.specific(&mapping).expect("the other view has it too");
    client.delete(&mapping).expect("and may remove it");
    listener.until("PortMappingNumberOfEntries", "0");
    refused(
        client.call_service(PPP, "GetSpecificPortMappingEntry", &mapping.key()),
        &[714],
    );
    let address = client.call_service(PPP, "GetExternalIPAddress", &[]).expect("known");
    assert_eq!(address.get("NewExternalIPAddress"), "11.11.11.2");
}

#[test]
fn hosts_are_told_how_their_lan_is_set_up_and_change_nothing() {
    let Some(bed) = idle(&["gateway.lan-host-config=true"]) else {
        return;
    };
    bed.gateway()
        .set_etc("resolv.conf", "nameserver 11.11.11.53\nsearch attic.example\n");
    bed.start();
    let client = bed.client(1);
    assert!(client.root_device().device("LANDevice:1").is_some());
    let advertised = advertised(&client);
    for there in [
        "urn:schemas-upnp-org:device:LANDevice:1",
        "urn:schemas-upnp-org:service:LANHostConfigManagement:1",
    ] {
        assert!(advertised.contains(there), "{there} is not in {advertised:?}");
    }
    let service = client.service(LAN);
    assert_eq!(service.event_sub_url, "", "it has no events");
    let told = |action: &str| {
        let answer = client
            .call_service(LAN, action, &[])
            .unwrap_or_else(|e| panic!("{action}: {e}"));
        let values: Vec<_> = answer.0.into_iter().map(|(_, value)| value).collect();
        values.join(" ")
    };
    assert_eq!(told("GetSubnetMask"), "255.255.255.0");
    assert_eq!(told("GetIPRoutersList"), "192.168.77.1");
    assert_eq!(told("GetDNSServers"), "11.11.11.53");
    assert_eq!(told("GetDomainName"), "attic.example");
    assert_eq!(told("GetDHCPServerConfigurable"), "0");
    assert_eq!(client.query(LAN, "SubnetMask").as_deref(), Ok("255.255.255.0"));
    refused(client.call_service(LAN, "GetAddressRange", &[]), &[501]);
    for (action, argument) in [
        ("SetDNSServer", "NewDNSServers"),
        ("SetIPRouter", "NewIPRouters"),
        ("SetSubnetMask", "NewSubnetMask"),
        ("DeleteIPRouter", "NewIPRouters"),
    ] {
        refused(client.call_service(LAN, action, &[(argument, "192.168.77.66")]), &[606]);
    }
    assert_eq!(told("GetIPRoutersList"), "192.168.77.1");
}
