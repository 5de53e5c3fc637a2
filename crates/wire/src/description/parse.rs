//! Reading device descriptions, of which many in the field are sloppy.

use super::{Description, Device, ServiceEntry};
use crate::xml::{self, Ampersands, Element, XmlError};

/// Why a device description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// There is nothing, as some devices answer when they are asked too early: worth another try.
    #[error("the document is empty")]
    Empty,
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// There is no root element with a device.
    #[error("the document is not a device description")]
    NotDescription,
}

/// Reads a device description, whose size the caller has limited. Elements may come in any order, letter case and
/// namespace and with white space around their texts; optional ones that are empty count as absent.
pub fn parse(bytes: &[u8]) -> Result<Description, DescriptionError> {
    let text = xml::decode_leniently(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err(DescriptionError::Empty);
    }
    let root = xml::parse(text, Ampersands::Raw)?;
    let device = match root.is_named("root") {
        true => root.child_in_any_case("device"),
        false => None,
    };
    Ok(Description {
        spec_version: root.spec_version(),
        config_id: root.config_id(),
        url_base: optional(&root, "URLBase"),
        device: parse_device(device.ok_or(DescriptionError::NotDescription)?),
    })
}

/// Recursion is bounded by the depth that the XML reader accepts.
fn parse_device(device: &Element<'_>) -> Device {
    let required = |name| text(device, name).to_owned();
    Device {
        device_type: required("deviceType"),
        friendly_name: required("friendlyName"),
        manufacturer: required("manufacturer"),
        manufacturer_url: optional(device, "manufacturerURL"),
        model_description: optional(device, "modelDescription"),
        model_name: required("modelName"),
        model_number: optional(device, "modelNumber"),
        model_url: optional(device, "modelURL"),
        serial_number: optional(device, "serialNumber"),
        udn: required("UDN"),
        services: listed(device, "serviceList", "service").map(parse_service).collect(),
        devices: listed(device, "deviceList", "device").map(parse_device).collect(),
        presentation_url: optional(device, "presentationURL"),
    }
}

fn parse_service(service: &Element<'_>) -> ServiceEntry {
    let required = |name| text(service, name).to_owned();
    ServiceEntry {
        service_type: required("serviceType"),
        service_id: required("serviceId"),
        scpd_url: required("SCPDURL"),
        control_url: required("controlURL"),
        event_sub_url: required("eventSubURL"),
    }
}

/// The items of all lists of a name, since some devices start a list for each item.
fn listed<'e, 'a>(
    device: &'e Element<'a>,
    list: &'static str,
    item: &'static str,
) -> impl Iterator<Item = &'e Element<'a>> {
    let named = |element: &'e Element<'a>, name: &'static str| {
        let children = element.children().iter();
        children.filter(move |child| child.is_named(name))
    };
    named(device, list).flat_map(move |list| named(list, item))
}

fn text<'e>(element: &'e Element<'_>, name: &str) -> &'e str {
    let text = element.child_in_any_case(name).map_or("", Element::text);
    text.trim_matches(|c: char| c.is_whitespace() || c == '\0')
}

fn optional(element: &Element<'_>, name: &str) -> Option<String> {
    let text = text(element, name);
    (!text.is_empty()).then(|| text.to_owned())
}
