//! The two faces of the gateway.

use crate::service::Service;

/// As which generation of the standard the gateway shows itself. Both are the same devices, with the same UDNs; the
/// older one is for control points that drop what they do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// InternetGatewayDevice:1, without anything that version 2 added.
    Igd1,
    /// InternetGatewayDevice:2.
    Igd2,
}

impl View {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Igd1, Self::Igd2];

    /// The version of the devices in this view.
    pub const fn device_version(self) -> u8 {
        match self {
            Self::Igd1 => 1,
            Self::Igd2 => 2,
        }
    }

    /// Whether a service belongs into this view.
    pub const fn has(self, service: &Service) -> bool {
        service.since <= self.device_version()
    }

    /// The version of a service in this view.
    pub fn version_of(self, service: &Service) -> u8 {
        self.device_version().min(service.version)
    }

    /// The minor number of the architecture version 1.x that the documents of this view follow. Never 2.x: consoles
    /// and Windows 10 ignore such a gateway (openwrt/routing#172).
    pub const fn architecture_minor(self) -> u8 {
        match self {
            Self::Igd1 => 0,
            Self::Igd2 => 1,
        }
    }
}
