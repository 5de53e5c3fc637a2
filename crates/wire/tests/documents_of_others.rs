//! Descriptions as the field's gateways write them. The documents under `tests/field` are written after what was seen,
//! none is a copy.

use portreeve_wire::description::{self, Description, DescriptionError};
use portreeve_wire::scpd::{self, ScpdError};
use portreeve_wire::service::{self, Direction};
use portreeve_wire::{Url, UrlError};

fn description_of(bytes: &[u8]) -> Description {
    description::parse(bytes).unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii()))
}

/// Name and version of the services that a control point knows, with the UDNs of the WANDevice and the device.
fn known(description: &Description) -> Vec<(&str, Option<u8>, Option<&str>, &str)> {
    let services = description.services().filter_map(|placed| {
        let (service, version) = service::by_urn(&placed.entry.service_type)?;
        let wan_device = placed.wan_device.map(|device| device.udn.as_str());
        Some((service.name, version, wan_device, placed.device.udn.as_str()))
    });
    services.collect()
}

/// Empty URLBase, white space in tags and around texts, elements in another order, an unversioned type, other service
/// ids, malformed UDNs, raw ampersands, NULs at the end (R8, R10, R14, R16, R17).
#[test]
fn a_loose_description() {
    let description = description_of(include_bytes!("field/description/loose.xml"));
    assert_eq!(description.url_base, None);
    assert_eq!(description.device.friendly_name, "R&D router");
    assert_eq!(description.device.udn, "uuid:dead-beef-NewMedia-NET");
    let wan = "uuid:01234567-89ab-cdef-0123-456789abcde";
    assert_eq!(
        known(&description),
        [
            ("WANCommonInterfaceConfig", Some(1), Some(wan), wan),
            ("WANIPConnection", None, Some(wan), ""),
        ]
    );

    let location = Url::parse("http://192.168.77.1:49152/69692b70/gatedesc0b.xml").unwrap();
    let base = description.base(&location);
    assert_eq!(base, location);
    let urls: Vec<_> = description
        .services()
        .flat_map(|placed| [&placed.entry.control_url, &placed.entry.scpd_url])
        .map(|url| base.resolve(url).unwrap().path().to_owned())
        .collect();
    assert_eq!(
        urls,
        [
            "/69692b70/ctl/CmnIfc",
            "/69692b70/cif.xml",
            "/ctl/IPConn",
            "/69692b70/ipc.xml?a=1&b=2"
        ]
    );
    let events = &description.services().next().unwrap().entry.event_sub_url;
    assert_eq!(base.resolve(events), Err(UrlError::Empty));
}

/// Several WANDevices, IP and PPP beside each other, versions mixed, a second list of services (R18, R19).
#[test]
fn services_are_found_in_order_with_their_wan_device() {
    let description = description_of(include_bytes!("field/description/several-uplinks.xml"));
    let (wan1, wan2) = (Some("uuid:wan1"), Some("uuid:wan2"));
    assert_eq!(
        known(&description),
        [
            ("Layer3Forwarding", Some(1), None, "uuid:r"),
            ("WANCommonInterfaceConfig", Some(1), wan1, "uuid:wan1"),
            ("WANPPPConnection", Some(1), wan1, "uuid:con1"),
            ("WANIPConnection", Some(1), wan1, "uuid:con1"),
            ("LANHostConfigManagement", Some(1), None, "uuid:lan"),
            ("WANCommonInterfaceConfig", Some(1), wan2, "uuid:wan2"),
            ("WANIPConnection", Some(2), wan2, "uuid:con2"),
            ("WANIPv6FirewallControl", Some(1), wan2, "uuid:con2"),
        ]
    );
    assert_eq!(description.services().count(), 8);
}

/// The DSL Forum's types, a vendor's device in between, prefixes, other letter case, Latin-1, a URLBase with a name,
/// a control URL on another host (R11, R15).
#[test]
fn a_description_from_before_the_standard() {
    let description = description_of(include_bytes!("field/description/before-the-standard.xml"));
    assert_eq!(description.device.friendly_name, "Tür");
    assert!(description.device.is_a("InternetGatewayDevice"));
    assert_eq!(known(&description), [("WANPPPConnection", Some(1), Some(""), "")]);
    let placed = description.services().next().unwrap();
    assert!(placed.wan_device.is_some_and(|device| device.is_a("WANDevice")));
    assert!(placed.device.is_a("WANConnectionDevice"));

    let location = Url::parse("http://192.168.77.1:5431/dyndev/uuid:0000").unwrap();
    let base = description.base(&location);
    assert_eq!(base, location);
    let control = base.resolve(&placed.entry.control_url).unwrap();
    assert!(!control.same_host(&location));
}

#[test]
fn a_base_counts_only_on_the_same_host() {
    let location = Url::parse("http://192.168.77.1:5000/a/d.xml").unwrap();
    let control = |base: &str| {
        let url_base = Some(base.to_owned());
        let description = Description {
            url_base,
            ..Description::default()
        };
        description.base(&location).resolve("ctl").unwrap().to_string()
    };
    assert_eq!(control("http://192.168.77.1:6000/b/"), "http://192.168.77.1:6000/b/ctl");
    assert_eq!(control("/b/"), "http://192.168.77.1:5000/b/ctl");
    for wrong in [
        "http://192.168.77.2/b/",
        "http://127.0.0.1/",
        "http://router.lan/",
        "https://192.168.77.1/",
        "??\0",
        "\r\n",
    ] {
        assert_eq!(
            control(wrong).split_once("/a/ctl"),
            Some(("http://192.168.77.1:5000", "")),
            "{wrong}"
        );
    }
}

#[test]
fn encodings_that_nothing_declares() {
    let document = b"<root><device><friendlyName>T\xfcr</friendlyName></device></root>";
    assert_eq!(description_of(document).device.friendly_name, "Tür");
}

/// Some devices need to be asked again (R20), which the caller can tell from documents that will never do.
#[test]
fn empty_documents_are_told_apart() {
    for empty in [&b""[..], b"\r\n \0\0", b"\xef\xbb\xbf"] {
        assert_eq!(description::parse(empty), Err(DescriptionError::Empty));
        assert_eq!(scpd::parse(empty), Err(ScpdError::Empty));
    }
    let cut_off = b"<root><device><friendlyName>x</friendlyName>";
    assert!(matches!(description::parse(cut_off), Err(DescriptionError::Xml(_))));
    assert_eq!(description::parse(b"<html/>"), Err(DescriptionError::NotDescription));
}

#[test]
fn a_loose_service_description() {
    let scpd = scpd::parse(include_bytes!("field/scpd/loose.xml")).unwrap();
    let actions: Vec<_> = scpd
        .actions
        .iter()
        .map(|action| (action.name.as_str(), action.arguments.len()))
        .collect();
    assert_eq!(actions, [("GetPort", 1), ("Nothing", 0)]);
    let argument = &scpd.actions[0].arguments[0];
    assert_eq!(
        (argument.name.as_str(), argument.direction),
        ("NewPort", Direction::Out)
    );
    let variable = |name: &str| scpd.variables.iter().find(|variable| variable.name == name).unwrap();
    let port = variable(&argument.variable);
    assert_eq!((port.data_type.as_str(), port.evented), ("ui2", false));
    assert!(variable("Status").evented);
    assert_eq!(variable("Status").allowed_values, ["Up", "R&D"]);
}
