use std::fmt::Write;

use super::IgdVersion;
use super::misbehaviour::Misbehaviour;
use super::services::{self, Service, ServiceKind};
use super::soap::escape;
use super::state::State;

/// A device of the tree.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) device_type: String,
    pub(super) udn: String,
    /// Indices into the list of services.
    pub(super) services: Vec<usize>,
    pub(super) children: Vec<Self>,
}

/// The device tree as it is published now.
pub(super) fn tree(state: &State) -> Device {
    let version = match state.plan.igd {
        IgdVersion::V1 => 1,
        IgdVersion::V2 => 2,
    };
    let domain = services::domain(&state.misbehaviours);
    let device_type = |name: &str| format!("urn:{domain}:device:{name}:{version}");
    let wan_devices = state.groups().into_iter().enumerate().map(|(number, group)| {
        let of_group = |kind: fn(ServiceKind) -> bool| {
            state
                .services
                .iter()
                .enumerate()
                .filter(|(_, service)| group.contains(&service.connection) && kind(service.kind))
                .map(|(index, _)| index)
                .collect::<Vec<_>>()
        };
        Device {
            device_type: device_type("WANDevice"),
            udn: state.udn(1 + 2 * number),
            services: of_group(|kind| kind == ServiceKind::CommonInterfaceConfig),
            children: vec![Device {
                device_type: device_type("WANConnectionDevice"),
                udn: state.udn(2 + 2 * number),
                services: of_group(|kind| {
                    !matches!(kind, ServiceKind::CommonInterfaceConfig | ServiceKind::Layer3Forwarding)
                }),
                children: Vec::new(),
            }],
        }
    });
    let mut children: Vec<Device> = wan_devices.collect();
    if state.plays(&Misbehaviour::DslForumTypes) {
        children = vec![Device {
            device_type: "urn:example-com:device:VendorShelf:1".to_owned(),
            udn: state.udn(0xff),
            services: Vec::new(),
            children,
        }];
    }
    Device {
        device_type: device_type("InternetGatewayDevice"),
        udn: state.udn(0),
        services: vec![0],
        children,
    }
}

/// The device description as it is served now.
pub(super) fn description(state: &State) -> String {
    if state.plays(&Misbehaviour::EntityBomb) {
        return entity_bomb(state);
    }
    let mut url_base = String::new();
    if let Some(base) = state.played(|m| match m {
        Misbehaviour::UrlBase(base) => Some(base),
        _ => None,
    }) {
        url_base = format!("<URLBase>{}</URLBase>\n", escape(base));
    }
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\" configId=\"{}\">\n\
         <specVersion><major>1</major><minor>1</minor></specVersion>\n{url_base}",
        state.services.len()
    );
    render(state, &tree(state), &mut text);
    text.push_str("</root>\n");
    if state.plays(&Misbehaviour::SloppyDescription) {
        text = text
            .replace("<friendlyName>", "<friendlyName >")
            .replace("<UDN>", "<UDN>\n\t\t")
            .replace("<serviceType>", "<serviceType>\n\t\t")
            .replace("</serviceType>", "\r\n\t</serviceType >")
            .replace("<controlURL>", "<controlURL>\n\t\t")
            .replace("</controlURL>", "\t\n</controlURL>");
    }
    text
}

/// Description of a service with its actions and state variables.
pub(super) fn scpd(state: &State, service: Service) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<scpd xmlns=\"urn:schemas-upnp-org:service-1-0\">\n\
                    <specVersion><major>1</major><minor>0</minor></specVersion>\n<actionList>\n"
        .to_owned();
    let mut variables: Vec<(&str, &str)> = Vec::new();
    for action in service.kind.actions(state.service_version(service)) {
        let _ = write!(text, "<action><name>{}</name><argumentList>", action.name);
        let directed = [("in", action.inputs), ("out", action.outputs)];
        for (direction, argument) in directed
            .into_iter()
            .flat_map(|(d, names)| names.iter().map(move |n| (d, *n)))
        {
            let (variable, data_type) = services::variable(argument);
            if !variables.contains(&(variable, data_type)) {
                variables.push((variable, data_type));
            }
            let _ = write!(
                text,
                "<argument><name>{argument}</name><direction>{direction}</direction>\
                 <relatedStateVariable>{variable}</relatedStateVariable></argument>"
            );
        }
        text.push_str("</argumentList></action>\n");
    }
    text.push_str("</actionList>\n<serviceStateTable>\n");
    if state.service_version(service) >= 2 {
        variables.push(("SystemUpdateID", "ui4"));
    }
    for (name, data_type) in variables {
        let evented = if EVENTED.contains(&name) { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "<stateVariable sendEvents=\"{evented}\"><name>{name}</name><dataType>{data_type}</dataType></stateVariable>"
        );
    }
    text.push_str("</serviceStateTable>\n</scpd>\n");
    text
}

const EVENTED: &[&str] = &[
    "PossibleConnectionTypes",
    "ConnectionStatus",
    "ExternalIPAddress",
    "PortMappingNumberOfEntries",
    "SystemUpdateID",
    "DefaultConnectionService",
    "PhysicalLinkStatus",
    "EnabledForInternet",
    "FirewallEnabled",
    "InboundPinholeAllowed",
];

fn render(state: &State, device: &Device, text: &mut String) {
    let presentation = if state.plays(&Misbehaviour::LocalPresentationUrl) {
        "http://127.0.0.1/".to_owned()
    } else {
        format!("http://{}:{}/", state.address, state.http_port)
    };
    let _ = write!(
        text,
        "<device>\n<deviceType>{}</deviceType>\n<friendlyName>{}</friendlyName>\n\
         <manufacturer>portreeve tests</manufacturer>\n<modelName>Scripted gateway</modelName>\n<UDN>{}</UDN>\n",
        device.device_type,
        escape(&state.plan.friendly_name),
        device.udn
    );
    if !device.services.is_empty() {
        text.push_str("<serviceList>\n");
        for &index in &device.services {
            text.push_str(&service_entry(state, index));
        }
        text.push_str("</serviceList>\n");
    }
    if !device.children.is_empty() {
        text.push_str("<deviceList>\n");
        for child in &device.children {
            render(state, child, text);
        }
        text.push_str("</deviceList>\n");
    }
    let _ = write!(text, "<presentationURL>{presentation}</presentationURL>\n</device>\n");
}

fn service_entry(state: &State, index: usize) -> String {
    let service = state.services[index];
    let base = if state.plays(&Misbehaviour::RelativeUrls) {
        String::new()
    } else {
        format!("{}/", state.prefix())
    };
    let foreign = state.played(|m| match m {
        Misbehaviour::ForeignControlUrl(authority) => Some(authority.clone()),
        Misbehaviour::ControlOnOtherPort => state.control_port.map(|port| format!("{}:{port}", state.address)),
        _ => None,
    });
    let control = match foreign {
        Some(authority) => format!("http://{authority}{}/ctl/{index}", state.prefix()),
        None => format!("{base}ctl/{index}"),
    };
    let scpd = format!("<SCPDURL>{base}scpd/{index}.xml</SCPDURL>");
    let control = format!("<controlURL>{control}</controlURL><eventSubURL>{base}evt/{index}</eventSubURL>");
    let urls = if state.plays(&Misbehaviour::SloppyDescription) {
        control + &scpd
    } else {
        scpd + &control
    };
    format!(
        "<service><serviceType>{}</serviceType><serviceId>{}</serviceId>{urls}</service>\n",
        state.service_type(service),
        service.kind.id(&state.misbehaviours)
    )
}

/// A description whose name unfolds to 10^9 words for a parser that lets it.
fn entity_bomb(state: &State) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<!DOCTYPE root [\n<!ENTITY e0 \"boom\">\n".to_owned();
    for level in 1..=9 {
        let references = format!("&e{};", level - 1).repeat(10);
        let _ = writeln!(text, "<!ENTITY e{level} \"{references}\">");
    }
    text.push_str("]>\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\">\n");
    render(state, &tree(state), &mut text);
    text.push_str("</root>\n");
    text.replace(
        &format!("<friendlyName>{}", escape(&state.plan.friendly_name)),
        "<friendlyName>&e9;",
    )
}
