//! Stacks that cannot cope with version 2 get version 1.

use portreeve_lab::Bed;
use portreeve_lab::upnp::description::{Device, Scpd};
use portreeve_lab::upnp::{ControlPoint, MICROSOFT, ssdp};

const V1_DEVICES: [&str; 3] = ["InternetGatewayDevice:1", "WANDevice:1", "WANConnectionDevice:1"];

#[track_caller]
fn is_v1(root: &Device) {
    for device in V1_DEVICES {
        assert!(root.device(device).is_some(), "no {device}");
    }
    for device in root.all() {
        assert!(device.device_type.ends_with(":1"), "{}", device.device_type);
        for service in &device.services {
            assert!(service.service_type.ends_with(":1"), "{}", service.service_type);
        }
    }
}

#[track_caller]
fn seen_by(client: &ControlPoint<'_>, user_agent: &str) -> Device {
    client.root_device_as(user_agent)
}

#[test]
fn windows_sees_version_1() {
    let Some(bed) = Bed::shared() else { return };
    is_v1(&seen_by(&bed.client(1), MICROSOFT));
}

#[test]
fn the_name_is_recognised_in_any_case() {
    let Some(bed) = Bed::shared() else { return };
    is_v1(&seen_by(&bed.client(1), "MICROSOFT-WINDOWS/6.1 UPnP/1.0"));
}

#[test]
fn function_discovery_sees_version_1() {
    let Some(bed) = Bed::shared() else { return };
    is_v1(&seen_by(&bed.client(1), "FDSSDP"));
}

#[test]
fn version_1_has_the_same_udns() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let udns = |root: &Device| root.all().iter().map(|device| device.udn.clone()).collect::<Vec<_>>();
    assert_eq!(udns(&seen_by(&client, MICROSOFT)), udns(client.root_device()));
}

#[test]
fn version_1_lists_no_service_of_version_2_only() {
    let Some(bed) = Bed::shared() else { return };
    let root = seen_by(&bed.client(1), MICROSOFT);
    for service in ["DeviceProtection:1", "WANIPv6FirewallControl:1"] {
        assert!(root.service(service).is_none(), "{service}");
    }
}

#[test]
fn version_1_of_the_scpd_has_no_action_of_version_2() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let root = seen_by(&client, MICROSOFT);
    let service = root.service("WANIPConnection:1").expect("it is the main service");
    let scpd = Scpd::read(&client.document(&service.scpd_url, MICROSOFT));
    for action in ["AddAnyPortMapping", "DeletePortMappingRange", "GetListOfPortMappings"] {
        assert!(scpd.action(action).is_none(), "{action}");
    }
}

#[test]
fn the_architecture_version_is_not_2() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), ssdp::IGD_1);
    let server = found.first().expect("an answer").header("SERVER").to_owned();
    assert!(server.contains("UPnP/1."), "{server}");
    let client = bed.client(1);
    let path = client
        .location()
        .splitn(4, '/')
        .nth(3)
        .map(|path| format!("/{path}"))
        .expect("LOCATION has a path");
    let document = client.document(&path, MICROSOFT);
    let version = document.child("specVersion").expect("required").text_of("major");
    assert_eq!(version, "1");
}

#[test]
fn windows_xp_can_query_the_connection_status() {
    let Some(bed) = Bed::shared() else { return };
    assert_eq!(
        bed.client(1).query("WANIPConnection:1", "ConnectionStatus").as_deref(),
        Ok("Connected")
    );
}

#[test]
fn the_calls_of_windows_succeed_in_version_1() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for action in [
        "GetConnectionTypeInfo",
        "GetNATRSIPStatus",
        "GetStatusInfo",
        "GetExternalIPAddress",
    ] {
        client
            .call_v1(action, &[])
            .unwrap_or_else(|fault| panic!("{action}: {fault}"));
    }
    client
        .call_service("WANCommonInterfaceConfig:1", "GetCommonLinkProperties", &[])
        .expect("anybody may read them");
}
