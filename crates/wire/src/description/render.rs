//! Rendering of device descriptions, with elements in the architecture's order.

use super::{Description, Device, ServiceEntry};
use crate::xml::XmlWriter;

impl Description {
    /// The document.
    pub fn render(&self) -> String {
        let mut xml = XmlWriter::document(8 * 1024);
        xml.root(
            "root",
            "urn:schemas-upnp-org:device-1-0",
            self.config_id,
            self.spec_version,
        );
        optional(&mut xml, "URLBase", self.url_base.as_deref());
        render_device(&mut xml, &self.device);
        xml.close("root");
        xml.finish()
    }
}

fn render_device(xml: &mut XmlWriter, device: &Device) {
    xml.markup("\n");
    xml.open("device");
    xml.leaf("deviceType", &device.device_type);
    xml.leaf("friendlyName", &device.friendly_name);
    xml.leaf("manufacturer", &device.manufacturer);
    optional(xml, "manufacturerURL", device.manufacturer_url.as_deref());
    optional(xml, "modelDescription", device.model_description.as_deref());
    xml.leaf("modelName", &device.model_name);
    optional(xml, "modelNumber", device.model_number.as_deref());
    optional(xml, "modelURL", device.model_url.as_deref());
    optional(xml, "serialNumber", device.serial_number.as_deref());
    xml.leaf("UDN", &device.udn);
    if !device.services.is_empty() {
        xml.open("serviceList");
        for service in &device.services {
            render_service(xml, service);
        }
        xml.close("serviceList");
    }
    if !device.devices.is_empty() {
        xml.open("deviceList");
        for embedded in &device.devices {
            render_device(xml, embedded);
        }
        xml.close("deviceList");
    }
    optional(xml, "presentationURL", device.presentation_url.as_deref());
    xml.close("device");
}

fn render_service(xml: &mut XmlWriter, service: &ServiceEntry) {
    xml.markup("\n");
    xml.open("service");
    xml.leaf("serviceType", &service.service_type);
    xml.leaf("serviceId", &service.service_id);
    xml.leaf("SCPDURL", &service.scpd_url);
    xml.leaf("controlURL", &service.control_url);
    xml.leaf("eventSubURL", &service.event_sub_url);
    xml.close("service");
}

fn optional(xml: &mut XmlWriter, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        xml.leaf(name, text);
    }
}
