//! The engine's configuration from the settings and from what is known only at run time.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve_engine::config::{Firewall, LinkKind, LinkTimeouts};
use portreeve_engine::policy::Network;
use portreeve_engine::ports::PortSet;
use portreeve_engine::{Config, Expiry, Key, Mapping, Origin, Protocol};
use portreeve_wire::{Offer, pcp};

use super::{IgdVersion, LinkSettings, ReservedPorts, Settings, StaticMapping};

/// What the gateway knows about itself only at run time.
#[derive(Clone, Debug)]
pub struct Own {
    /// The networks served.
    pub lans: Vec<Network>,
    /// Our addresses on their interfaces.
    pub addresses: Vec<IpAddr>,
    /// UDN (`uuid:…`) of the WANConnectionDevice.
    pub connection_device: String,
    /// The services offered, which stay what they were at start.
    pub offer: Offer,
    /// Whether pinholes have an effect.
    pub pinholes: Pinholes,
    /// Whether there is a driver of the link, which stays what it was at start.
    pub link: OwnLink,
}

/// The driver of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnLink {
    /// Whether there is one.
    pub kind: LinkKind,
    /// How long it may take.
    pub timeouts: LinkTimeouts,
}

/// Whether pinholes have an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinholes {
    /// They let packets through a firewall.
    Effective,
    /// There is no firewall: every host can be reached without.
    Needless,
    /// What carries the traffic cannot make them.
    Impossible,
}

/// The services that the settings ask for.
pub fn offer(settings: &Settings) -> Offer {
    Offer {
        pinholes: settings.ipv6.pinholes && settings.gateway.igd_version == IgdVersion::Two,
        ppp: settings.gateway.ppp_connection,
        lan_host: settings.gateway.lan_host_config,
    }
}

/// The engine's configuration. Static mappings and the ports that the gateway itself listens on are kept from clients.
pub fn engine_config(settings: &Settings, own: &Own) -> Config {
    Config {
        nat: settings.gateway.nat,
        when_disconnected: settings.gateway.when_disconnected,
        leases: settings.leases,
        limits: settings.limits.engine,
        policy: settings.policy.clone(),
        lans: own.lans.clone(),
        own_addresses: own.addresses.clone(),
        reserved: reserved(settings),
        statics: settings
            .statics
            .iter()
            .map(|mapping| Arc::new(mapping.into()))
            .collect(),
        connection_device: own.connection_device.clone(),
        offer: own.offer,
        firewall: firewall(settings, own),
        link_control: settings.link.control,
        link_kind: own.link.kind,
        link_timeouts: own.link.timeouts,
        pcp: settings.pcp,
        nat_pmp: settings.nat_pmp,
        quirks: settings.quirks,
    }
}

/// Where pinholes are not possible, or not offered, there counts as a firewall what nobody may open.
fn firewall(settings: &Settings, own: &Own) -> Firewall {
    Firewall {
        enabled: own.pinholes != Pinholes::Needless,
        pinholes_allowed: own.pinholes != Pinholes::Impossible && own.offer.pinholes,
        pinholes: settings.limits.pinholes,
        pinholes_per_client: settings.limits.pinholes_per_client,
    }
}

/// UDP port of SSDP.
const SSDP_PORT: NonZeroU16 = NonZeroU16::new(1900).expect("1900 is not 0");
/// UDP port of PCP and NAT-PMP.
const PORT_CONTROL_PORT: NonZeroU16 = NonZeroU16::new(pcp::SERVER_PORT).expect("5351 is not 0");

fn reserved(settings: &Settings) -> PortSet {
    let mut set = PortSet::default();
    for ReservedPorts { ports, protocol } in &settings.gateway.reserved_ports {
        let both = [Protocol::Tcp, Protocol::Udp];
        for transport in both
            .into_iter()
            .filter(|transport| protocol.is_none_or(|only| only == *transport))
        {
            set.insert_range(transport, *ports);
        }
    }
    set.insert(Protocol::Udp, SSDP_PORT);
    set.insert(Protocol::Udp, PORT_CONTROL_PORT);
    set
}

impl From<&LinkSettings> for OwnLink {
    fn from(link: &LinkSettings) -> Self {
        Self {
            kind: link.engine_kind(),
            timeouts: link.engine_timeouts(),
        }
    }
}

impl From<&StaticMapping> for Mapping {
    fn from(mapping: &StaticMapping) -> Self {
        Self {
            key: Key {
                external_port: mapping.external_port,
                protocol: mapping.protocol,
                remote_host: mapping.remote_host,
            },
            internal_client: mapping.client,
            internal_port: mapping.internal_port(),
            enabled: true,
            description: mapping.description.as_str().into(),
            expiry: Expiry::Never,
            origin: Origin::Static,
        }
    }
}

impl std::fmt::Display for ReservedPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.ports.fmt(f)?;
        match self.protocol {
            None => Ok(()),
            Some(Protocol::Tcp) => f.write_str("/tcp"),
            Some(Protocol::Udp) => f.write_str("/udp"),
        }
    }
}
