//! Which of the services that the standard leaves to the gateway it offers.

use crate::service::{
    self, KNOWN, LAN_HOST_CONFIG_MANAGEMENT, LAYER3_FORWARDING, Service, WAN_COMMON_INTERFACE_CONFIG,
    WAN_IP_CONNECTION, WAN_IPV6_FIREWALL_CONTROL, WAN_PPP_CONNECTION,
};
use crate::view::View;

/// The services that a gateway offers: those that every gateway has, and these. The default is none of these.
///
/// Descriptions, advertisements, URLs, dispatching and events all follow from it, so that none of them can name a
/// service that the others do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offer {
    /// WANIPv6FirewallControl, which the older view never has.
    pub pinholes: bool,
    /// WANPPPConnection, another view of the connection.
    pub ppp: bool,
    /// LANHostConfigManagement, read-only, in a LANDevice of its own.
    pub lan_host: bool,
}

impl Offer {
    /// Every service that we know.
    pub const EVERYTHING: Self = Self {
        pinholes: true,
        ppp: true,
        lan_host: true,
    };

    /// Whether the service is offered, at least in the newest view.
    pub fn has(self, service: &Service) -> bool {
        let is = |other: &Service| std::ptr::eq(service, other);
        is(&LAYER3_FORWARDING)
            || is(&WAN_COMMON_INTERFACE_CONFIG)
            || is(&WAN_IP_CONNECTION)
            || (self.ppp && is(&WAN_PPP_CONNECTION))
            || (self.pinholes && is(&WAN_IPV6_FIREWALL_CONTROL))
            || (self.lan_host && is(&LAN_HOST_CONFIG_MANAGEMENT))
    }

    /// Whether the service is offered in a view.
    pub fn shows(self, service: &Service, view: View) -> bool {
        self.has(service) && view.has(service)
    }

    /// The services offered, in the order of the device tree.
    pub fn services(self) -> impl Iterator<Item = &'static Service> {
        KNOWN.iter().copied().filter(move |service| self.has(service))
    }

    /// The service offered that a type URN names, and the version that the URN asks for: `None` if the URN ends without
    /// a number, as some clients write it. The version may be one that we do not serve.
    pub fn by_urn(self, urn: &str) -> Option<(&'static Service, Option<u8>)> {
        service::by_exact_urn(urn).filter(|(service, _)| self.has(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(offer: Offer, view: View) -> Vec<&'static str> {
        let services = offer.services().filter(|service| offer.shows(service, view));
        services.map(|service| service.name).collect()
    }

    #[test]
    fn everything_is_everything() {
        assert_eq!(Offer::EVERYTHING.services().count(), KNOWN.len());
    }

    #[test]
    fn each_switch_is_about_one_service() {
        let basic = ["Layer3Forwarding", "WANCommonInterfaceConfig", "WANIPConnection"];
        let none = Offer::default();
        for view in View::ALL {
            assert_eq!(names(none, view), basic);
            let ppp = names(Offer { ppp: true, ..none }, view);
            assert_eq!(ppp, [&basic[..], &["WANPPPConnection"]].concat());
            let lan_host = names(Offer { lan_host: true, ..none }, view);
            assert_eq!(lan_host, [&basic[..], &["LANHostConfigManagement"]].concat());
        }
        let pinholes = Offer { pinholes: true, ..none };
        assert_eq!(names(pinholes, View::Igd1), basic);
        let of_igd2 = [&basic[..], &["WANIPv6FirewallControl"]].concat();
        assert_eq!(names(pinholes, View::Igd2), of_igd2);
    }
}
