//! Section 2: device and service descriptions.

use std::collections::BTreeSet;

use portreeve_lab::Bed;
use portreeve_lab::upnp::description::Scpd;
use portreeve_lab::upnp::xml::{self, Element};
use portreeve_lab::upnp::{ControlPoint, MICROSOFT};

const DEVICE_NAMESPACE: &str = "urn:schemas-upnp-org:device-1-0";
const SERVICE_NAMESPACE: &str = "urn:schemas-upnp-org:service-1-0";
const USER_AGENT: &str = "Lab/1.0 UPnP/1.1 Test/1.0";

/// Order of the elements of a device.
const DEVICE_ORDER: [&str; 15] = [
    "deviceType",
    "friendlyName",
    "manufacturer",
    "manufacturerURL",
    "modelDescription",
    "modelName",
    "modelNumber",
    "modelURL",
    "serialNumber",
    "UDN",
    "UPC",
    "iconList",
    "serviceList",
    "deviceList",
    "presentationURL",
];

fn path(client: &ControlPoint<'_>) -> String {
    let (_, path) = client
        .location()
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .expect("a path");
    format!("/{path}")
}

fn document(client: &ControlPoint<'_>) -> Element {
    client.document(&path(client), USER_AGENT)
}

/// Every service description of the gateway, by service type.
fn scpds(client: &ControlPoint<'_>) -> Vec<(String, Scpd)> {
    let services = client
        .root_device()
        .all()
        .into_iter()
        .flat_map(|device| &device.services);
    services
        .map(|service| {
            (
                service.service_type.clone(),
                Scpd::read(&client.document(&service.scpd_url, USER_AGENT)),
            )
        })
        .collect()
}

fn all<'a>(element: &'a Element, visit: &mut impl FnMut(&'a Element)) {
    visit(element);
    for child in &element.children {
        all(child, visit);
    }
}

#[test]
fn the_root_element_is_in_its_namespace() {
    let Some(bed) = Bed::shared() else { return };
    let root = document(&bed.client(1));
    assert_eq!(root.name, "root");
    all(&root, &mut |element| {
        assert_eq!(element.namespace, DEVICE_NAMESPACE, "{}", element.name);
    });
}

#[test]
fn spec_version_comes_first_then_the_device() {
    let Some(bed) = Bed::shared() else { return };
    let root = document(&bed.client(1));
    let names = root.child_names();
    assert_eq!(names.first(), Some(&"specVersion"));
    assert_eq!(names.last(), Some(&"device"));
    let version = root.child("specVersion").expect("required");
    assert_eq!(version.text_of("major"), "1");
    assert!(["0", "1"].contains(&version.text_of("minor").as_str()));
}

#[test]
fn there_is_no_url_base() {
    let Some(bed) = Bed::shared() else { return };
    assert!(document(&bed.client(1)).child("URLBase").is_none());
}

#[test]
fn the_content_type_is_xml_in_utf_8() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.get(&path(&client));
    let content_type = response
        .header("Content-Type")
        .unwrap_or_default()
        .to_lowercase()
        .replace(' ', "");
    assert!(content_type.starts_with("text/xml"), "{content_type}");
    assert!(["text/xml", "text/xml;charset=utf-8", "text/xml;charset=\"utf-8\""].contains(&content_type.as_str()));
}

#[test]
fn the_content_length_is_told() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.get(&path(&client));
    assert_eq!(
        response.header("Content-Length"),
        Some(response.body.len().to_string().as_str())
    );
}

#[test]
fn the_elements_of_every_device_are_in_order() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        let names: Vec<_> = device
            .element
            .child_names()
            .into_iter()
            .filter(|name| DEVICE_ORDER.contains(name))
            .collect();
        let mut sorted = names.clone();
        sorted.sort_by_key(|name| DEVICE_ORDER.iter().position(|known| known == name));
        assert_eq!(names, sorted, "{}", device.device_type);
    }
}

#[test]
fn every_device_has_its_required_elements_within_their_limits() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        for (name, limit) in [("friendlyName", 64), ("manufacturer", 64), ("modelName", 32)] {
            let text = device.element.text_of(name);
            assert!(
                !text.is_empty() && text.chars().count() < limit,
                "{}: {name} {text:?}",
                device.device_type
            );
        }
        for (name, limit) in [("modelDescription", 128), ("modelNumber", 32), ("serialNumber", 64)] {
            assert!(
                device.element.text_of(name).chars().count() < limit,
                "{}: {name}",
                device.device_type
            );
        }
    }
}

#[test]
fn empty_elements_are_left_out() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        for child in &device.element.children {
            assert!(
                !child.text.trim().is_empty() || !child.children.is_empty(),
                "{} is empty",
                child.name
            );
        }
    }
}

#[test]
fn a_upc_has_twelve_digits() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        if let Some(upc) = device.element.child("UPC") {
            assert!(
                upc.text.len() == 12 && upc.text.chars().all(|c| c.is_ascii_digit()),
                "{:?}",
                upc.text
            );
        }
    }
}

#[test]
fn every_service_has_its_five_elements() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        let list = device
            .element
            .child("serviceList")
            .map(|list| list.children.clone())
            .unwrap_or_default();
        for service in &list {
            let mut names = service.child_names();
            names.sort_unstable();
            assert_eq!(
                names,
                ["SCPDURL", "controlURL", "eventSubURL", "serviceId", "serviceType"]
            );
        }
    }
}

#[test]
fn the_urls_of_every_service_are_short_absolute_paths() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        for service in &device.services {
            for url in [&service.scpd_url, &service.control_url] {
                // Clients join them to the server by hand, in buffers of 128 octets.
                assert!(url.starts_with('/') && !url.contains("..") && url.len() < 64, "{url:?}");
            }
        }
    }
}

#[test]
fn control_and_event_urls_are_unique() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let services: Vec<_> = client
        .root_device()
        .all()
        .into_iter()
        .flat_map(|device| &device.services)
        .collect();
    let control: BTreeSet<_> = services.iter().map(|service| &service.control_url).collect();
    assert_eq!(control.len(), services.len());
    let events: Vec<_> = services
        .iter()
        .map(|service| &service.event_sub_url)
        .filter(|url| !url.is_empty())
        .collect();
    assert_eq!(events.iter().collect::<BTreeSet<_>>().len(), events.len());
}

#[test]
fn service_ids_are_unique_within_their_device() {
    let Some(bed) = Bed::shared() else { return };
    for device in bed.client(1).root_device().all() {
        let ids: BTreeSet<_> = device.services.iter().map(|service| &service.service_id).collect();
        assert_eq!(ids.len(), device.services.len(), "{}", device.device_type);
    }
}

#[test]
fn every_scpd_is_served_in_its_namespace() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        assert_eq!(scpd.element.name, "scpd", "{service}");
        all(&scpd.element, &mut |e| {
            assert_eq!(e.namespace, SERVICE_NAMESPACE, "{service}: {}", e.name);
        });
        assert_eq!(
            scpd.element.child_names(),
            ["specVersion", "actionList", "serviceStateTable"],
            "{service}"
        );
    }
}

#[test]
fn in_arguments_come_before_out_arguments() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        for action in scpd.actions {
            let directions: Vec<_> = action.arguments.iter().map(|a| a.direction.as_str()).collect();
            let mut sorted = directions.clone();
            sorted.sort_unstable();
            assert_eq!(directions, sorted, "{service} {}", action.name);
            assert!(
                directions.iter().all(|d| ["in", "out"].contains(d)),
                "{service} {}",
                action.name
            );
        }
    }
}

#[test]
fn an_action_without_arguments_has_no_empty_argument_list() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        all(&scpd.element, &mut |element| {
            let empty =
                ["argumentList", "allowedValueList"].contains(&element.name.as_str()) && element.children.is_empty();
            assert!(!empty, "{service}: an empty {}", element.name);
        });
    }
}

#[test]
fn every_argument_is_related_to_a_declared_variable() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        for action in &scpd.actions {
            for argument in &action.arguments {
                assert!(
                    scpd.variable(&argument.related).is_some(),
                    "{service} {} {}",
                    action.name,
                    argument.name
                );
            }
        }
    }
}

#[test]
fn names_are_short_and_without_hyphen() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        // The length is a recommendation; a vendor's own actions may have reasons.
        let standard = scpd.actions.iter().filter(|action| !action.name.starts_with("X_"));
        let names = standard.flat_map(|a| a.arguments.iter().map(|x| &x.name).chain([&a.name]));
        for name in names {
            assert!(name.len() < 32 && !name.contains('-'), "{service}: {name}");
        }
    }
}

#[test]
fn data_types_and_event_flags_are_known() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        for variable in &scpd.variables {
            let known = ["ui1", "ui2", "ui4", "string", "boolean", "bin.base64"];
            assert!(
                known.contains(&variable.data_type.as_str()),
                "{service} {}: {}",
                variable.name,
                variable.data_type
            );
            assert!(
                ["yes", "no"].contains(&variable.send_events.as_str()),
                "{service} {}",
                variable.name
            );
        }
    }
}

#[test]
fn a_default_value_is_an_allowed_value() {
    let Some(bed) = Bed::shared() else { return };
    for (service, scpd) in scpds(&bed.client(1)) {
        for variable in &scpd.variables {
            if let (Some(default), false) = (&variable.default, variable.allowed.is_empty()) {
                assert!(
                    variable.allowed.contains(default),
                    "{service} {}: {default}",
                    variable.name
                );
            }
        }
    }
}

#[test]
fn white_space_does_not_surround_values() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    // Some clients take the text of a leaf as it is.
    let mut documents = vec![document(&client)];
    documents.extend(scpds(&client).into_iter().map(|(_, scpd)| scpd.element));
    for document in &documents {
        all(document, &mut |element| {
            if element.children.is_empty() {
                assert_eq!(element.text, element.text.trim(), "{}", element.name);
            }
        });
    }
}

#[test]
fn paths_are_found_whatever_their_case() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    assert_eq!(client.get(&path(&client).to_uppercase()).status, 200);
    assert_eq!(client.get(&path(&client).to_lowercase()).status, 200);
}

#[test]
fn both_views_are_well_formed() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for user_agent in [USER_AGENT, MICROSOFT] {
        for device in client.root_device_as(user_agent).all() {
            for service in &device.services {
                client.document(&service.scpd_url, user_agent);
            }
        }
    }
}

#[test]
fn documents_begin_with_an_xml_declaration() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.get(&path(&client));
    assert!(
        response.body.starts_with("<?xml version=\"1.0\""),
        "{:.60}",
        response.body
    );
    xml::parse(&response.body).expect("well-formed");
}
