//! Reading device descriptions, of which many in the field are sloppy.

use super::{Description, Device, ServiceEntry};
use crate::xml::{self, Ampersands, Element, XmlError};

/// Why a device description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// There is no root element with a device.
    #[error("the document is not a device description")]
    NotDescription,
}

/// Reads a device description, whose size the caller has limited. Elements may come in any order and with white space
/// around their texts; optional ones that are empty count as absent.
pub fn parse(bytes: &[u8]) -> Result<Description, DescriptionError> {
    let text = xml::decode(bytes)?;
    let root = xml::parse(&text, Ampersands::Raw)?;
    let device = if root.name() == "root" {
        root.child("device")
    } else {
        None
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
    let required = |name| device.child_text(name).to_owned();
    let services = device.child("serviceList").into_iter();
    let embedded = device.child("deviceList").into_iter();
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
        services: services
            .flat_map(|list| list.children_named("service"))
            .map(parse_service)
            .collect(),
        devices: embedded
            .flat_map(|list| list.children_named("device"))
            .map(parse_device)
            .collect(),
        presentation_url: optional(device, "presentationURL"),
    }
}

fn parse_service(service: &Element<'_>) -> ServiceEntry {
    let required = |name| service.child_text(name).to_owned();
    ServiceEntry {
        service_type: required("serviceType"),
        service_id: required("serviceId"),
        scpd_url: required("SCPDURL"),
        control_url: required("controlURL"),
        event_sub_url: required("eventSubURL"),
    }
}

fn optional(element: &Element<'_>, name: &str) -> Option<String> {
    let text = element.child_text(name);
    (!text.is_empty()).then(|| text.to_owned())
}
