//! Our own device tree.

use super::{Description, Device, ServiceEntry};
use crate::resource::Resource;
use crate::service::{LAYER3_FORWARDING, Service, WAN_COMMON_INTERFACE_CONFIG, WAN_IP_CONNECTION};
use crate::uuid::Uuid;
use crate::view::View;

/// What makes one gateway differ from another in its description. Texts beyond the architecture's limits are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The root device's UUID, stable over restarts; those of the embedded devices follow from it.
    pub uuid: Uuid,
    /// Name for people.
    pub friendly_name: String,
    /// Version of the software.
    pub model_number: String,
    /// Serial number, if there is one.
    pub serial_number: Option<String>,
}

/// A device of the tree: its type's name, its services and what is embedded in it.
struct Template {
    name: &'static str,
    suffix: &'static str,
    services: &'static [&'static Service],
    embedded: &'static [Self],
}

static GATEWAY: Template = Template {
    name: "InternetGatewayDevice",
    suffix: "",
    services: &[&LAYER3_FORWARDING],
    embedded: &[Template {
        name: "WANDevice",
        suffix: " WAN",
        services: &[&WAN_COMMON_INTERFACE_CONFIG],
        embedded: &[Template {
            name: "WANConnectionDevice",
            suffix: " connection",
            services: &[&WAN_IP_CONNECTION],
            embedded: &[],
        }],
    }],
};

impl Description {
    /// The gateway's description in a view. It has absolute paths only and no `URLBase`, so that it holds on every
    /// interface.
    pub fn of(identity: &Identity, view: View, config_id: u32) -> Self {
        let mut devices = 0;
        Self {
            spec_version: (1, view.architecture_minor().into()),
            config_id: (view != View::Igd1).then_some(config_id),
            url_base: None,
            device: Device {
                presentation_url: Some(Resource::Presentation.to_string()),
                ..Device::of(&GATEWAY, identity, view, &mut devices)
            },
        }
    }
}

impl Identity {
    /// The UDN of the device that has this service, which other services refer to.
    pub fn udn_of(&self, service: &Service) -> Option<String> {
        let description = Description::of(self, View::Igd2, 0);
        let id = service.service_id();
        let owner = description
            .device
            .with_embedded()
            .find(|device| device.services.iter().any(|entry| entry.service_id == id));
        owner.map(|device| device.udn.clone())
    }
}

impl Device {
    /// `index` counts the devices, the outer before the inner, to give each its own UDN.
    fn of(template: &Template, identity: &Identity, view: View, index: &mut u8) -> Self {
        let uuid = identity.uuid.for_device(*index);
        *index += 1;
        Self {
            device_type: format!(
                "urn:schemas-upnp-org:device:{}:{}",
                template.name,
                view.device_version()
            ),
            friendly_name: below(64 - template.suffix.len(), &identity.friendly_name) + template.suffix,
            manufacturer: "portreeve".to_owned(),
            manufacturer_url: Some(SITE.to_owned()),
            model_description: Some("Internet gateway that opens ports on request".to_owned()),
            model_name: "portreeve".to_owned(),
            model_number: Some(below(32, &identity.model_number)),
            model_url: Some(SITE.to_owned()),
            serial_number: identity.serial_number.as_deref().map(|serial| below(64, serial)),
            udn: format!("uuid:{uuid}"),
            services: template
                .services
                .iter()
                .map(|service| ServiceEntry::of(service, view))
                .collect(),
            devices: template
                .embedded
                .iter()
                .map(|embedded| Self::of(embedded, identity, view, index))
                .collect(),
            presentation_url: None,
        }
    }
}

impl ServiceEntry {
    fn of(service: &'static Service, view: View) -> Self {
        Self {
            service_type: service.urn(view.version_of(service)),
            service_id: service.service_id(),
            scpd_url: Resource::Scpd(service, view).to_string(),
            control_url: Resource::Control(service).to_string(),
            event_sub_url: Resource::Event(service, view).to_string(),
        }
    }
}

const SITE: &str = env!("CARGO_PKG_REPOSITORY");

/// The text cut to fewer characters than `limit`.
fn below(limit: usize, text: &str) -> String {
    text.trim().chars().take(limit - 1).collect()
}
