//! Device descriptions (UDA 1.1 section 2.3): ours and those of other gateways.

mod gateway;
mod parse;
mod render;
mod services;

pub use gateway::Identity;
pub use parse::{DescriptionError, parse};
pub use services::PlacedService;

/// A device description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The architecture version that it follows, major and minor.
    pub spec_version: (u32, u32),
    /// Number that changes with the content; since version 1.1 of the architecture.
    pub config_id: Option<u32>,
    /// The base of relative URLs, if it is not the description's own URL. Only in old descriptions.
    pub url_base: Option<String>,
    /// The root device.
    pub device: Device,
}

/// A device. What the standard requires is text, empty where a sloppy description lacks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Type URN.
    pub device_type: String,
    /// Short name for people, below 64 characters.
    pub friendly_name: String,
    /// Manufacturer's name, below 64 characters.
    pub manufacturer: String,
    /// Manufacturer's site.
    pub manufacturer_url: Option<String>,
    /// Longer description for people, below 128 characters.
    pub model_description: Option<String>,
    /// Model, below 32 characters.
    pub model_name: String,
    /// Model number, below 32 characters.
    pub model_number: Option<String>,
    /// Model's site.
    pub model_url: Option<String>,
    /// Serial number, below 64 characters.
    pub serial_number: Option<String>,
    /// Unique device name, `uuid:` and a UUID. An opaque text, since there are gateways with malformed ones.
    pub udn: String,
    /// The services.
    pub services: Vec<ServiceEntry>,
    /// The embedded devices.
    pub devices: Vec<Self>,
    /// A page for people.
    pub presentation_url: Option<String>,
}

/// A service of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Type URN.
    pub service_type: String,
    /// Identifier URN.
    pub service_id: String,
    /// Where its description is.
    pub scpd_url: String,
    /// Where it is controlled.
    pub control_url: String,
    /// Where its events are subscribed to; empty if there are none.
    pub event_sub_url: String,
}

impl Device {
    /// This device and all that are embedded in it, the outer before the inner.
    pub fn with_embedded(&self) -> impl Iterator<Item = &Self> {
        let mut pending = vec![self];
        std::iter::from_fn(move || {
            let device = pending.pop()?;
            pending.extend(device.devices.iter().rev());
            Some(device)
        })
    }
}
