//! The tree: types, ids, UDNs.

use std::collections::BTreeSet;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::description::Device;

#[track_caller]
fn ids(device: &Device) -> Vec<(&str, &str)> {
    device
        .services
        .iter()
        .map(|service| {
            let short = service.service_type.strip_prefix("urn:schemas-upnp-org:service:");
            let id = service.service_id.strip_prefix("urn:upnp-org:serviceId:");
            (short.expect("a standard type"), id.expect("a standard id"))
        })
        .collect()
}

#[test]
fn the_root_is_internet_gateway_device_2() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let root = client.root_device();
    assert_eq!(root.device_type, "urn:schemas-upnp-org:device:InternetGatewayDevice:2");
}

#[test]
fn layer3_forwarding_is_in_the_root() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let services = ids(client.root_device())
        .into_iter()
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect::<Vec<_>>();
    let wanted = (String::from("Layer3Forwarding:1"), String::from("L3Forwarding1"));
    assert!(services.contains(&wanted), "{services:?}");
}

#[test]
fn a_wan_device_2_with_wan_common_interface_config_is_in_the_root() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let wan = client
        .root_device()
        .devices
        .iter()
        .find(|device| device.device_type.ends_with(":device:WANDevice:2"));
    let wan = wan.expect("a WANDevice:2");
    assert!(
        ids(wan).contains(&("WANCommonInterfaceConfig:1", "WANCommonIFC1")),
        "{:?}",
        ids(wan)
    );
}

#[test]
fn a_wan_connection_device_2_with_wan_ip_connection_2_is_in_the_wan_device() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let wan = client.root_device().device("WANDevice:2").expect("a WANDevice:2");
    let connection = wan
        .devices
        .iter()
        .find(|device| device.device_type.ends_with(":device:WANConnectionDevice:2"));
    let connection = connection.expect("a WANConnectionDevice:2");
    assert!(
        ids(connection).contains(&("WANIPConnection:2", "WANIPConn1")),
        "{:?}",
        ids(connection)
    );
}

#[test]
fn no_older_version_stands_beside_a_newer_one() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for old in ["InternetGatewayDevice:1", "WANDevice:1", "WANConnectionDevice:1"] {
        assert!(client.root_device().device(old).is_none(), "{old}");
    }
    assert!(client.root_device().service("WANIPConnection:1").is_none());
}

#[test]
fn every_device_has_its_own_udn() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let devices = client.root_device().all();
    let udns: BTreeSet<_> = devices.iter().map(|device| device.udn.as_str()).collect();
    assert_eq!(udns.len(), devices.len(), "{udns:?}");
}

#[test]
fn udns_are_uuids() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for device in client.root_device().all() {
        let uuid = device.udn.strip_prefix("uuid:").expect("the prefix uuid:");
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{uuid}");
    }
}

#[test]
fn udns_are_the_same_after_a_restart() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let udns = |bed: &Bed| -> Vec<String> {
        bed.client(1)
            .root_device()
            .all()
            .iter()
            .map(|device| device.udn.clone())
            .collect()
    };
    let before = udns(&bed);
    bed.subject().stop();
    bed.start();
    assert_eq!(udns(&bed), before);
}

#[test]
fn the_root_has_a_presentation_url() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    // Recommended only, but Windows does not list a gateway without it.
    assert!(!client.root_device().element.text_of("presentationURL").is_empty());
}
