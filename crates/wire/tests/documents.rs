//! Device and service descriptions: letter for letter, and against the tables and the architecture's limits.

mod common;

use common::golden;
use portreeve_wire::description::{self, Description, DescriptionError, Identity};
use portreeve_wire::resource::{self, Resource};
use portreeve_wire::scpd::{self, Scpd, ScpdError};
use portreeve_wire::service::{self, LAYER3_FORWARDING, WAN_IP_CONNECTION};
use portreeve_wire::xml::{self, Ampersands};
use portreeve_wire::{Offer, Uuid, View};

fn identity() -> Identity {
    Identity {
        uuid: Uuid::from_u128(0x6d1d_2b3c_5a10_4f0e_9c3b_0123_4567_89ab),
        friendly_name: "portreeve on attic".to_owned(),
        model_number: "0.1.0".to_owned(),
        serial_number: None,
    }
}

#[test]
fn service_descriptions() {
    for service in service::KNOWN {
        for view in View::ALL.into_iter().filter(|view| view.has(service)) {
            let version = view.device_version();
            let document = Scpd::of(service, view, 7).render();
            golden(&format!("scpd/{}-igd{version}.xml", service.name), &document);
        }
    }
}

#[test]
fn device_descriptions() {
    for view in View::ALL {
        for (offer, name) in [(Offer::default(), ""), (Offer::EVERYTHING, "-everything")] {
            let document = Description::of(&identity(), offer, view, 7).render();
            golden(
                &format!("description/igd{}{name}.xml", view.device_version()),
                &document,
            );
        }
    }
}

#[test]
fn what_is_rendered_is_read_back_the_same() {
    for view in View::ALL {
        let description = Description::of(&identity(), Offer::EVERYTHING, view, 7);
        let document = description.render();
        assert!(xml::parse(&document, Ampersands::Escaped).is_ok());
        assert_eq!(description::parse(document.as_bytes()).as_ref(), Ok(&description));
        for service in service::KNOWN {
            let scpd = Scpd::of(service, view, 7);
            let document = scpd.render();
            assert!(xml::parse(&document, Ampersands::Escaped).is_ok());
            assert_eq!(scpd::parse(document.as_bytes()).as_ref(), Ok(&scpd));
        }
    }
}

#[test]
fn the_service_description_says_what_the_table_says() {
    for service in service::KNOWN {
        for view in View::ALL.into_iter().filter(|view| view.has(service)) {
            let version = view.version_of(service);
            let document = Scpd::of(service, view, 7).render();
            let scpd = scpd::parse(document.as_bytes()).unwrap();
            let actions: Vec<_> = scpd.actions.iter().map(|action| action.name.as_str()).collect();
            let declared: Vec<_> = service.offered_actions(version).map(|action| action.name).collect();
            assert_eq!(actions, declared);
            for (action, declared) in scpd.actions.iter().zip(service.offered_actions(version)) {
                let arguments: Vec<_> = action
                    .arguments
                    .iter()
                    .map(|argument| (argument.name.as_str(), argument.direction, argument.variable.as_str()))
                    .collect();
                let declared: Vec<_> = declared
                    .arguments
                    .iter()
                    .map(|argument| (argument.name, argument.direction, argument.variable))
                    .collect();
                assert_eq!(arguments, declared);
                let known = |name: &str| scpd.variables.iter().any(|variable| variable.name == name);
                assert!(
                    arguments.iter().all(|(_, _, variable)| known(variable)),
                    "{}",
                    action.name
                );
            }
            let evented = scpd.variables.iter().filter(|variable| variable.evented).count();
            let declared = service
                .offered_variables(version)
                .filter(|variable| variable.evented)
                .count();
            assert_eq!(evented, declared);
        }
    }
}

/// Consoles and Windows stop at anything in a version 1 gateway that they do not know (openwrt/packages#14656).
#[test]
fn the_older_view_has_nothing_newer_in_it() {
    let documents = [Description::of(&identity(), Offer::EVERYTHING, View::Igd1, 7).render()]
        .into_iter()
        .chain(
            service::KNOWN
                .iter()
                .filter(|service| View::Igd1.has(service))
                .map(|service| Scpd::of(service, View::Igd1, 7).render()),
        );
    for document in documents {
        for newer in [
            ":2<",
            "X_",
            "AddAny",
            "MappingRange<",
            "ListOf",
            "SystemUpdateID",
            "configId",
            "IPv6",
            "<minor>1",
        ] {
            assert!(!document.contains(newer), "{newer} in {document}");
        }
    }
}

#[test]
fn no_action_without_arguments_has_an_empty_list() {
    let document = Scpd::of(&WAN_IP_CONNECTION, View::Igd2, 7).render();
    assert!(document.contains("<action><name>RequestConnection</name></action>"));
    assert!(!document.contains("<argumentList></argumentList>"));
}

#[test]
fn both_views_are_the_same_devices() {
    let udns = |view| -> Vec<String> {
        let description = Description::of(&identity(), Offer::EVERYTHING, view, 7);
        description
            .device
            .with_embedded()
            .map(|device| device.udn.clone())
            .collect()
    };
    let of_igd2 = udns(View::Igd2);
    assert_eq!(of_igd2, udns(View::Igd1));
    assert_eq!(
        of_igd2,
        [
            "uuid:6d1d2b3c-5a10-4f0e-9c3b-0123456789ab",
            "uuid:6d1d2b3c-5a10-4f0e-9c3b-0123456789ac",
            "uuid:6d1d2b3c-5a10-4f0e-9c3b-0123456789ad",
            "uuid:6d1d2b3c-5a10-4f0e-9c3b-0123456789ae",
        ]
    );
    assert_eq!(identity().udn_of(&WAN_IP_CONNECTION).as_ref(), Some(&of_igd2[2]));
    assert_eq!(identity().udn_of(&LAYER3_FORWARDING).as_ref(), Some(&of_igd2[0]));
}

#[test]
fn every_url_of_a_description_leads_to_its_resource() {
    let find = |path: &str| resource::find(Offer::EVERYTHING, path);
    for view in View::ALL {
        let description = Description::of(&identity(), Offer::EVERYTHING, view, 7);
        let mut services = 0;
        for entry in description.device.with_embedded().flat_map(|device| &device.services) {
            let (service, version) = service::by_urn(&entry.service_type).unwrap();
            assert_eq!(version, Some(view.version_of(service)));
            assert_eq!(find(&entry.scpd_url), Some(Resource::Scpd(service, view)));
            assert_eq!(find(&entry.control_url), Some(Resource::Control(service)));
            let events = service.has_events(view.version_of(service));
            assert_eq!(entry.event_sub_url.is_empty(), !events);
            let event = Resource::Event(service, view);
            assert_eq!(find(&entry.event_sub_url), events.then_some(event));
            services += 1;
        }
        assert_eq!(
            services,
            service::KNOWN.iter().filter(|service| view.has(service)).count()
        );
        let page = description.device.presentation_url.unwrap();
        assert_eq!(find(&page), Some(Resource::Presentation));
    }
}

#[test]
fn texts_are_cut_to_the_architectures_limits() {
    let long = Identity {
        friendly_name: "ü".repeat(100),
        model_number: "9".repeat(100),
        serial_number: Some("s".repeat(100)),
        ..identity()
    };
    for device in Description::of(&long, Offer::EVERYTHING, View::Igd2, 7)
        .device
        .with_embedded()
    {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
        assert!((1..64).contains(&device.friendly_name.chars().count()));
        assert!((1..64).contains(&device.manufacturer.len()));
        assert!((1..32).contains(&device.model_name.len()));
        assert!((1..128).contains(&length(&device.model_description)));
        assert!((1..32).contains(&length(&device.model_number)));
        assert!((1..64).contains(&length(&device.serial_number)));
    }
}

#[test]
fn sloppy_descriptions_are_read() {
    let text = "\u{feff}\n<?xml version='1.0'?><root xmlns='urn:schemas-upnp-org:device-1-0'><URLBase/>\
        <device><UDN>\n\tuuid:dead-beef\n</UDN><friendlyName >R&D router</friendlyName >\
        <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><UPC/>\
        <serviceList><service><eventSubURL/><controlURL> /c </controlURL><SCPDURL>/s</SCPDURL>\
        <serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType></service></serviceList>\
        <deviceList><device/></deviceList></device></root>\0\0";
    let description = description::parse(text.as_bytes()).unwrap();
    assert_eq!(description.spec_version, (1, 0));
    assert_eq!(description.url_base, None);
    assert_eq!(description.device.udn, "uuid:dead-beef");
    assert_eq!(description.device.friendly_name, "R&D router");
    assert_eq!(description.device.services[0].control_url, "/c");
    assert_eq!(description.device.services[0].event_sub_url, "");
    assert_eq!(description.device.devices, [description::Device::default()]);
}

#[test]
fn other_documents_are_refused() {
    let wrong = "<html><device/></html>".as_bytes();
    assert_eq!(description::parse(wrong), Err(DescriptionError::NotDescription));
    assert_eq!(description::parse(b"<root/>"), Err(DescriptionError::NotDescription));
    assert_eq!(scpd::parse(wrong), Err(ScpdError::NotScpd));
    assert!(matches!(scpd::parse(b"\xff"), Err(ScpdError::Xml(_))));
}

#[test]
fn sloppy_service_descriptions_are_read() {
    let text = "<scpd><actionList><action><name> Go\n</name><argumentList><argument><name>A</name>\
        <direction>OUT</direction></argument><argument/></argumentList></action><action/></actionList>\
        <serviceStateTable><stateVariable><name>V</name><dataType>i4</dataType><allowedValueRange><minimum>-1\
        </minimum><maximum>5</maximum></allowedValueRange></stateVariable></serviceStateTable></scpd>";
    let scpd = scpd::parse(text.as_bytes()).unwrap();
    assert_eq!(scpd.actions.len(), 1);
    assert_eq!(scpd.actions[0].name, "Go");
    assert_eq!(scpd.actions[0].arguments[0].direction, service::Direction::Out);
    assert!(scpd.variables[0].evented, "absent sendEvents means yes");
    assert_eq!(scpd.variables[0].allowed_range.as_ref().unwrap().minimum, "-1");
    assert_eq!(scpd.variables[0].allowed_range.as_ref().unwrap().step, None);
}
