//! Our own device tree.

use super::{Description, Device, ServiceEntry};
use crate::offer::Offer;
use crate::resource::Resource;
use crate::service::{
    LAN_HOST_CONFIG_MANAGEMENT, LAYER3_FORWARDING, Service, WAN_COMMON_INTERFACE_CONFIG, WAN_IP_CONNECTION,
    WAN_IPV6_FIREWALL_CONTROL, WAN_PPP_CONNECTION,
};
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

/// A device of the tree: its type's name, the services that it may have and what is embedded in it.
struct Template {
    name: &'static str,
    suffix: &'static str,
    /// Which of the devices of the gateway it is, from which its UDN follows, whatever else is in the tree.
    index: u8,
    /// Its highest version.
    version: u8,
    services: &'static [&'static Service],
    embedded: &'static [Self],
}

static GATEWAY: Template = Template {
    name: "InternetGatewayDevice",
    suffix: "",
    index: 0,
    version: 2,
    services: &[&LAYER3_FORWARDING],
    embedded: &[WAN, LAN],
};

const WAN: Template = Template {
    name: "WANDevice",
    suffix: " WAN",
    index: 1,
    version: 2,
    services: &[&WAN_COMMON_INTERFACE_CONFIG],
    embedded: &[Template {
        name: "WANConnectionDevice",
        suffix: " connection",
        index: 2,
        version: 2,
        // Clients that use only the first connection get the one with all actions.
        services: &[&WAN_IP_CONNECTION, &WAN_PPP_CONNECTION, &WAN_IPV6_FIREWALL_CONTROL],
        embedded: &[],
    }],
};

const LAN: Template = Template {
    name: "LANDevice",
    suffix: " LAN",
    index: 3,
    version: 1,
    services: &[&LAN_HOST_CONFIG_MANAGEMENT],
    embedded: &[],
};

impl Template {
    /// A device without any services has nothing to be there for.
    fn is_shown(&self, offer: Offer, view: View) -> bool {
        self.services.iter().any(|service| offer.shows(service, view))
    }
}

impl Description {
    /// The description, in a view, of a gateway that offers this. It has absolute paths only and no `URLBase`, so that it holds on every
    /// interface.
    pub fn of(identity: &Identity, offer: Offer, view: View, config_id: u32) -> Self {
        Self {
            spec_version: (1, view.architecture_minor().into()),
            config_id: (view != View::Igd1).then_some(config_id),
            url_base: None,
            device: Device {
                presentation_url: Some(Resource::Presentation.to_string()),
                ..Device::of(&GATEWAY, identity, offer, view)
            },
        }
    }
}

impl Identity {
    /// The UDN of the device that has this service, which other services refer to.
    pub fn udn_of(&self, service: &Service) -> Option<String> {
        let description = Description::of(self, Offer::EVERYTHING, View::Igd2, 0);
        let id = service.service_id();
        let owner = description
            .device
            .with_embedded()
            .find(|device| device.services.iter().any(|entry| entry.service_id == id));
        owner.map(|device| device.udn.clone())
    }
}

impl Device {
    fn of(template: &Template, identity: &Identity, offer: Offer, view: View) -> Self {
        let uuid = identity.uuid.for_device(template.index);
        let services = template.services.iter().filter(|service| offer.shows(service, view));
        Self {
            device_type: format!(
                "urn:schemas-upnp-org:device:{}:{}",
                template.name,
                template.version.min(view.device_version())
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
            services: services.map(|service| ServiceEntry::of(service, view)).collect(),
            devices: template
                .embedded
                .iter()
                .filter(|embedded| embedded.is_shown(offer, view))
                .map(|embedded| Self::of(embedded, identity, offer, view))
                .collect(),
            presentation_url: None,
        }
    }
}

impl ServiceEntry {
    fn of(service: &'static Service, view: View) -> Self {
        let event = Resource::Event(service, view);
        Self {
            service_type: service.urn(view.version_of(service)),
            service_id: service.service_id(),
            scpd_url: Resource::Scpd(service, view).to_string(),
            control_url: Resource::Control(service).to_string(),
            event_sub_url: event.if_there().map(|event| event.to_string()).unwrap_or_default(),
        }
    }
}

const SITE: &str = env!("CARGO_PKG_REPOSITORY");

/// The text cut to fewer characters than `limit`.
fn below(limit: usize, text: &str) -> String {
    text.trim().chars().take(limit - 1).collect()
}
