//! Finding one's way in the device tree of another gateway.

use super::{Description, Device, ServiceEntry};
use crate::url::Url;

/// A service and where in the tree it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedService<'a> {
    /// The WANDevice that it belongs to: services of one WANDevice are about the same way to the Internet.
    pub wan_device: Option<&'a Device>,
    /// The device that has it.
    pub device: &'a Device,
    /// The service.
    pub entry: &'a ServiceEntry,
}

impl Description {
    /// Every service of every device in the order of the document.
    pub fn services(&self) -> impl Iterator<Item = PlacedService<'_>> {
        let mut pending = vec![(None, &self.device)];
        let devices = std::iter::from_fn(move || {
            let (outer, device) = pending.pop()?;
            let wan_device = if device.is_a("WANDevice") { Some(device) } else { outer };
            pending.extend(device.devices.iter().rev().map(|embedded| (wan_device, embedded)));
            Some((wan_device, device))
        });
        devices.flat_map(|(wan_device, device)| {
            device.services.iter().map(move |entry| PlacedService {
                wan_device,
                device,
                entry,
            })
        })
    }

    /// What the URLs of this description are relative to: its own URL, unless it names a base on the same host. A base
    /// that is empty, broken or on another host is taken for the mistake that it mostly is.
    pub fn base(&self, location: &Url) -> Url {
        let base = self.url_base.as_deref().and_then(|base| location.resolve(base).ok());
        base.filter(|base| base.same_host(location))
            .unwrap_or_else(|| location.clone())
    }
}

impl Device {
    /// Whether its type has this name, in any version and of any domain.
    pub fn is_a(&self, name: &str) -> bool {
        let mut parts = self.device_type.split(':').map(str::trim).skip(2);
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("device"))
            && parts.next().is_some_and(|found| found.eq_ignore_ascii_case(name))
    }
}
