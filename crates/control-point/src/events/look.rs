//! Asks a service for what its events tell elsewhere.

use portreeve_wire::gena::subscriber::Property;

use crate::actions::{Layer3Forwarding, WanCommonInterfaceConfig, WanIpv6FirewallControl};
use crate::error::{Conversation, Error};
use crate::gateway::{Gateway, OfferedService, WanConnection};
use crate::mapping::unhurried;
use crate::silence::told;

/// A service that can be asked.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Wan(WanConnection),
    Common(WanCommonInterfaceConfig),
    Firewall(WanIpv6FirewallControl),
    Layer3(Layer3Forwarding),
}

/// How much to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// What shows that the gateway is there and as it was: two requests.
    Pulse,
    /// All that events tell.
    All,
}

/// What a look showed; the variables that the gateway did not refuse to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) properties: Vec<Property>,
    /// `Uptime`, in seconds.
    pub(super) uptime: Option<u32>,
    /// Variables that it does not tell, and need not be asked for again.
    pub(super) untold: Vec<&'static str>,
}

/// The service behind an entry of the description, if it is one that can be asked.
pub(super) fn asked(gateway: &Gateway, offered: &OfferedService) -> Option<Asked> {
    let is_it = |url: &portreeve_wire::Url| *url == offered.control;
    for connection in gateway.connections() {
        if is_it(connection.wan().endpoint().control().url()) {
            return Some(Asked::Wan(connection.wan().clone()));
        }
        if let Some(common) = connection
            .common()
            .filter(|common| is_it(common.endpoint().control().url()))
        {
            return Some(Asked::Common(common.clone()));
        }
        let mut firewall = connection.firewall().into_iter();
        if let Some(firewall) = firewall.find(|firewall| is_it(firewall.endpoint().control().url())) {
            return Some(Asked::Firewall(firewall.clone()));
        }
    }
    let layer3 = gateway.layer3_forwarding()?;
    is_it(layer3.endpoint().control().url()).then(|| Asked::Layer3(layer3.clone()))
}

/// Asks. An error means that there was no talking to the gateway; what it refuses, it does not tell.
pub(super) async fn look(asked: Asked, depth: Depth, untold: Vec<&'static str>) -> Result<Seen, Error> {
    let mut seen = Seen {
        untold,
        ..Seen::default()
    };
    match asked {
        Asked::Wan(wan) => {
            if let Some(info) = here(unhurried(|| wan.get_status_info()).await)? {
                seen.has("ConnectionStatus", info.connection_status);
                seen.uptime = Some(info.uptime);
            }
            if let Some(address) = told(unhurried(|| wan.get_external_ip_address()).await)? {
                seen.has("ExternalIPAddress", address);
            }
            let counted = ["PortMappingNumberOfEntries", "SystemUpdateID"];
            let exist = counted.into_iter().take(if wan.is_ip2() { 2 } else { 1 });
            for name in exist.filter(|_| depth == Depth::All) {
                if !seen.untold.contains(&name) {
                    match told(wan.query_state_variable(name).await)? {
                        Some(value) => seen.has(name, value),
                        None => seen.untold.push(name),
                    }
                }
            }
        }
        Asked::Common(common) => {
            if let Some(link) = told(common.get_common_link_properties().await)? {
                seen.has("PhysicalLinkStatus", link.physical_link_status);
            }
        }
        Asked::Firewall(firewall) => {
            if let Some(status) = told(firewall.get_firewall_status().await)? {
                seen.has("FirewallEnabled", u8::from(status.firewall_enabled).to_string());
                let allowed = u8::from(status.inbound_pinhole_allowed);
                seen.has("InboundPinholeAllowed", allowed.to_string());
            }
        }
        Asked::Layer3(layer3) => {
            if let Some(default) = told(layer3.get_default_connection_service().await)? {
                seen.has("DefaultConnectionService", default);
            }
        }
    }
    Ok(seen)
}

impl Seen {
    fn has(&mut self, name: &str, value: String) {
        let name = name.to_owned();
        self.properties.push(Property { name, value });
    }
}

/// As [`told`], and neither is a gateway here that answers with an error of HTTP: its URLs may be others since its last
/// start (MikroTik).
fn here<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error @ Error::Conversation(Conversation::Status { .. })) => Err(error),
        result => told(result),
    }
}
