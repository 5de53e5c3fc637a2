//! SOAP answers and faults, letter for letter.

mod common;

use common::golden;
use portreeve_wire::port_listing::{self, PortMappingEntry};
use portreeve_wire::service::{self, Direction, WAN_IP_CONNECTION};
use portreeve_wire::xml::{self, Ampersands};
use portreeve_wire::{DataType, ErrorCode, Fault, Value, soap};

fn response(version: u8, action: &str, answer: &[Value]) -> String {
    let action = WAN_IP_CONNECTION.action(action, version).expect("in the table");
    soap::response(&WAN_IP_CONNECTION, version, action, answer)
}

#[test]
fn responses() {
    golden("soap/AddPortMapping-1.xml", &response(1, "AddPortMapping", &[]));
    golden(
        "soap/GetExternalIPAddress-2.xml",
        &response(2, "GetExternalIPAddress", &["11.11.11.2".into()]),
    );
    let entry = [
        "198.51.100.7".into(),
        8080u16.into(),
        "TCP".into(),
        80u16.into(),
        "192.168.77.2".into(),
        true.into(),
        "Tom & <Jerry>".into(),
        3600u32.into(),
    ];
    golden(
        "soap/GetGenericPortMappingEntry-2.xml",
        &response(2, "GetGenericPortMappingEntry", &entry),
    );
}

#[test]
fn listing() {
    let entry = |external_port, description: &'static str| PortMappingEntry {
        remote_host: "".into(),
        external_port,
        protocol: "UDP".into(),
        internal_port: 5000,
        internal_client: "192.168.77.3".into(),
        enabled: external_port != 2,
        description: description.into(),
        lease_time: 604800,
    };
    let listing = port_listing::render([entry(1, "plain"), entry(2, "<b>&]]>")]);
    golden("soap/port-listing.xml", &listing);
    let answer = response(2, "GetListOfPortMappings", &[listing.clone().into()]);
    golden("soap/GetListOfPortMappings-2.xml", &answer);

    let envelope = xml::parse(&answer, Ampersands::Escaped).unwrap();
    let response = &envelope.children()[0].children()[0];
    assert_eq!(response.child("NewPortListing").unwrap().text(), listing);
}

#[test]
fn faults() {
    golden(
        "soap/fault-718.xml",
        &soap::fault(&ErrorCode::ConflictInMappingEntry.into()),
    );
    let fault = Fault::because(ErrorCode::InvalidArgs, "<b> & co is no argument of this action");
    golden("soap/fault-402-with-reason.xml", &soap::fault(&fault));
}

#[test]
fn state_variables() {
    golden("soap/query.xml", &soap::variable_response(&"Connected".into()));
}

/// Every action of every service answers with a well-formed document that names all arguments in order.
#[test]
fn every_response_is_well_formed() {
    for service in service::KNOWN {
        for version in 1..=service.version {
            for action in service.actions_of(version) {
                let outputs = || action.arguments(Direction::Out);
                let answer: Vec<Value> = outputs()
                    .map(|argument| match service.variable_of(argument).data_type {
                        DataType::Ui2 => 7u16.into(),
                        DataType::Ui4 => 7u32.into(),
                        DataType::Boolean => true.into(),
                        DataType::String => "<&>\u{1}".into(),
                    })
                    .collect();
                let text = soap::response(service, version, action, &answer);
                let envelope = xml::parse(&text, Ampersands::Escaped).unwrap();
                let response = &envelope.child("Body").unwrap().children()[0];
                assert_eq!(response.name(), format!("{}Response", action.name));
                assert_eq!(response.attribute("xmlns:u"), Some(service.urn(version).into()));
                let names: Vec<_> = response.children().iter().map(|child| child.name()).collect();
                assert_eq!(names, outputs().map(|argument| argument.name).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn every_fault_has_number_and_description() {
    for code in ErrorCode::ALL {
        let text = soap::fault(&(*code).into());
        let envelope = xml::parse(&text, Ampersands::Escaped).unwrap();
        let fault = envelope.child("Body").and_then(|body| body.child("Fault")).unwrap();
        assert_eq!(fault.child_text("faultcode"), "s:Client");
        let error = fault
            .child("detail")
            .and_then(|detail| detail.child("UPnPError"))
            .unwrap();
        assert_eq!(error.child_text("errorCode"), code.number().to_string());
        assert_eq!(error.child_text("errorDescription"), code.description());
        assert!(!code.description().is_empty());
    }
}
