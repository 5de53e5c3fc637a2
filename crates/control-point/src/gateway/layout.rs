//! What a description offers: its services, found by their types, with URLs that stay on the gateway.

use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::Url;
use portreeve_wire::description::{Description, Device, PlacedService};
use portreeve_wire::service::{self, Service};
use portreeve_wire::url::UrlError;

use super::connection::{Connection, ConnectionName};
use super::wan::WanConnection;
use crate::actions::{
    LanHostConfigManagement, Layer3Forwarding, WanCommonInterfaceConfig, WanIpConnection, WanIpv6FirewallControl,
    WanPppConnection,
};
use crate::endpoint::Endpoint;
use crate::error::Conversation;
use crate::http;

/// More services than any gateway has.
const SERVICES: usize = 64;

/// More ways to the internet than any gateway has.
const CONNECTIONS: usize = 16;

/// What a gateway offers.
#[derive(Debug)]
pub(super) struct Layout {
    /// Its connections in the order of the description; at least one.
    pub(super) connections: Vec<Connection>,
    /// The service that knows which connection is the default.
    pub(super) layer3_forwarding: Option<Layer3Forwarding>,
    /// The service that knows how hosts of the LAN are set up.
    pub(super) lan_host: Option<LanHostConfigManagement>,
    /// Every service, for calls by name.
    pub(super) services: Vec<OfferedService>,
}

/// A service of a gateway, known to us or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferedService {
    /// Type URN as the description spells it.
    pub(crate) service_type: String,
    /// Identifier URN as the description spells it.
    pub(crate) service_id: String,
    /// Where it is controlled.
    pub(crate) control: Url,
    /// Where its own description is; that of the gateway if it has none on this host.
    pub(crate) scpd: Url,
    /// Where its events are subscribed to, if it has any on this host.
    pub(crate) events: Option<Url>,
}

/// Reads where everything is. A service whose control URL leads to another host is left out, and if none that maps
/// ports is left, that is the error.
pub(super) fn read(
    description: &Description,
    location: &Url,
    http: &Arc<http::Client>,
    local: IpAddr,
) -> Result<Layout, Conversation> {
    let base = description.base(location);
    let reader = Reader {
        location,
        base,
        http,
        local,
    };
    let (mut services, mut known, mut led_away) = (Vec::new(), Vec::new(), None);
    for placed in description.services().take(SERVICES) {
        match reader.locate(&placed) {
            Ok(offered) => {
                known.extend(Known::of(placed, &offered));
                services.push(offered);
            }
            Err(why) if maps_ports(&placed) => led_away = Some(why),
            Err(_) => {}
        }
    }
    let connections: Vec<_> = reader.connections(&known).take(CONNECTIONS).collect();
    if connections.is_empty() {
        return Err(led_away.unwrap_or_else(|| no_gateway(location, &description.device)));
    }
    let first = |service| {
        known
            .iter()
            .find(|known| known.is(service))
            .map(|known| reader.endpoint(known))
    };
    Ok(Layout {
        connections,
        layer3_forwarding: first(&service::LAYER3_FORWARDING).map(Layer3Forwarding::new),
        lan_host: first(&service::LAN_HOST_CONFIG_MANAGEMENT).map(LanHostConfigManagement::new),
        services,
    })
}

/// A service whose table we have.
struct Known<'a> {
    placed: PlacedService<'a>,
    service: &'static Service,
    version: u8,
    control: Url,
}

impl<'a> Known<'a> {
    fn of(placed: PlacedService<'a>, offered: &OfferedService) -> Option<Self> {
        let (service, version) = service::by_urn(&placed.entry.service_type)?;
        Some(Self {
            placed,
            service,
            // A type that ends without a version is taken for the oldest that there is.
            version: version.unwrap_or(1),
            control: offered.control.clone(),
        })
    }

    fn is(&self, service: &'static Service) -> bool {
        std::ptr::eq(self.service, service)
    }

    /// Whether both are about the same way to the internet. Where there is no WANDevice, there is only one.
    fn belongs_to(&self, other: &Self) -> bool {
        match (self.placed.wan_device, other.placed.wan_device) {
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            (None, _) | (_, None) => true,
        }
    }
}

struct Reader<'a> {
    location: &'a Url,
    base: Url,
    http: &'a Arc<http::Client>,
    local: IpAddr,
}

impl Reader<'_> {
    fn locate(&self, placed: &PlacedService<'_>) -> Result<OfferedService, Conversation> {
        let entry = placed.entry;
        Ok(OfferedService {
            service_type: entry.service_type.clone(),
            service_id: entry.service_id.clone(),
            control: self.resolve(&entry.control_url)?,
            scpd: self.resolve(&entry.scpd_url).unwrap_or_else(|_| self.location.clone()),
            events: self.resolve(&entry.event_sub_url).ok(),
        })
    }

    /// What a URL of the description means; only the host that gave the description is a place to go to.
    fn resolve(&self, reference: &str) -> Result<Url, Conversation> {
        let leads_away = |to: String| Conversation::LeadsAway {
            from: self.location.to_string(),
            to,
        };
        match self.base.resolve(reference) {
            Ok(found) if found.same_host(self.location) => Ok(found),
            Ok(found) => Err(leads_away(found.to_string())),
            Err(UrlError::HostName | UrlError::Scheme) => Err(leads_away(reference.to_owned())),
            Err(error) => Err(Conversation::Malformed {
                url: self.location.to_string(),
                expected: "URLs of services",
                problem: format!("{reference:?}: {error}"),
            }),
        }
    }

    fn connections<'k>(&self, known: &'k [Known<'k>]) -> impl Iterator<Item = Connection> {
        let wans = known
            .iter()
            .filter_map(|known| Some((known, self.wan_connection(known)?)));
        wans.enumerate().map(|(position, (known_wan, wan))| {
            let beside = |service: &'static Service| {
                let mut others = known.iter().filter(|other| other.is(service));
                others
                    .find(|other| other.belongs_to(known_wan))
                    .map(|other| self.endpoint(other))
            };
            Connection {
                wan,
                common: beside(&service::WAN_COMMON_INTERFACE_CONFIG).map(WanCommonInterfaceConfig::new),
                firewall: beside(&service::WAN_IPV6_FIREWALL_CONTROL).map(WanIpv6FirewallControl::new),
                name: ConnectionName {
                    udn: known_wan.placed.device.udn.clone(),
                    service_id: known_wan.placed.entry.service_id.clone(),
                },
                position,
                seen: None,
                seen_at: None,
            }
        })
    }

    fn wan_connection(&self, known: &Known<'_>) -> Option<WanConnection> {
        if known.is(&service::WAN_IP_CONNECTION) {
            Some(WanConnection::Ip(WanIpConnection::new(self.endpoint(known))))
        } else if known.is(&service::WAN_PPP_CONNECTION) {
            Some(WanConnection::Ppp(WanPppConnection::new(self.endpoint(known))))
        } else {
            None
        }
    }

    fn endpoint(&self, known: &Known<'_>) -> Endpoint {
        Endpoint::new(
            known.service,
            known.placed.entry.service_type.clone(),
            known.version,
            known.control.clone(),
            Arc::clone(self.http),
            self.local,
        )
    }
}

fn maps_ports(placed: &PlacedService<'_>) -> bool {
    let both = [&service::WAN_IP_CONNECTION, &service::WAN_PPP_CONNECTION];
    let found = service::by_urn(&placed.entry.service_type);
    found.is_some_and(|(found, _)| both.into_iter().any(|service| std::ptr::eq(found, service)))
}

fn no_gateway(location: &Url, device: &Device) -> Conversation {
    if device.is_a("InternetGatewayDevice") {
        return Conversation::NotOffered("service that maps ports".to_owned());
    }
    Conversation::Malformed {
        url: location.to_string(),
        expected: "the description of an internet gateway",
        problem: format!("it is that of a {:?}", device.device_type),
    }
}
