//! What the administrator decides about the engine's behaviour.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::{Offer, Quirks};

use crate::mapping::Mapping;
use crate::policy::{Network, Policy};
use crate::ports::PortSet;

/// The engine's settings; replaced as a whole on reload.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whether this gateway translates addresses. Where it only routes, mappings make no sense and are refused.
    pub nat: Nat,
    /// Whether mappings may be made while the link is not Connected.
    pub when_disconnected: WhenDisconnected,
    /// How long mappings live.
    pub leases: Leases,
    /// How many there may be.
    pub limits: Limits,
    /// Who may map what.
    pub policy: Policy,
    /// The networks in which InternalClients live.
    pub lans: Vec<Network>,
    /// The gateway's own addresses in them, to which no pinhole leads.
    pub own_addresses: Vec<IpAddr>,
    /// External ports that no client gets.
    pub reserved: PortSet,
    /// Mappings that the administrator wrote down.
    pub statics: Vec<Arc<Mapping>>,
    /// UDN (`uuid:…`) of the WANConnectionDevice that holds the WANIPConnection.
    pub connection_device: String,
    /// Which services there are.
    pub offer: Offer,
    /// The firewall for IPv6.
    pub firewall: Firewall,
    /// Who may connect, disconnect and set up the link.
    pub link_control: LinkControl,
    /// Whether the link can be connected and disconnected at all.
    pub link_kind: LinkKind,
    /// How long the link may take.
    pub link_timeouts: LinkTimeouts,
    /// The Port Control Protocol.
    pub pcp: Pcp,
    /// The NAT Port Mapping Protocol.
    pub nat_pmp: NatPmp,
    /// Which deviations of clients are tolerated here: [`portreeve_wire::Quirk::PcpFreshNonce`]. The others are matters of
    /// the wire.
    pub quirks: Quirks,
}

/// The Port Control Protocol (RFC 6887).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pcp {
    /// Whether it is spoken at all.
    pub enabled: bool,
    /// The shortest lifetime that is granted, in seconds (section 15: at least 120). [`Leases::maximum`] comes first.
    pub minimum_lifetime: u32,
    /// The longest, in seconds (section 15: a day).
    pub maximum_lifetime: u32,
}

/// The NAT Port Mapping Protocol (RFC 6886).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatPmp {
    /// Whether it is spoken at all.
    pub enabled: bool,
}

/// What WANIPv6FirewallControl tells of the firewall for IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// `FirewallEnabled`: whether unsolicited packets from the Internet are kept from LAN hosts at all.
    pub enabled: bool,
    /// `InboundPinholeAllowed`: whether control points may open it.
    pub pinholes_allowed: bool,
    /// How many pinholes there may be; no more than there are values of `A_ARG_TYPE_UniqueID`.
    pub pinholes: usize,
    /// How many may lead to one host, whose addresses count together as far as they are known to be of one device.
    pub pinholes_per_client: usize,
}

/// Who may use RequestConnection, ForceTermination and the like (WANIPConnection:2 section 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkControl {
    /// Nobody: the link is only watched.
    #[default]
    Nobody,
    /// The administrator, by the control socket.
    Admin,
    /// Every control point of the LAN too.
    Lan,
}

/// Whether there is a driver that sets the link up and tears it down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// There is none: the state of the link is that of its interface.
    #[default]
    Watched,
    /// There is one: the link is Connected when the driver says so and the interface is up and has an address.
    Controlled,
}

/// After how long a driver that does not end what it was asked for is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTimeouts {
    /// From Connecting to Disconnected (WANIPConnection:2 section 2.6.2, a time of the vendor's choice).
    pub connecting: Duration,
    /// From Disconnecting to Disconnected.
    pub disconnecting: Duration,
}

/// `NATEnabled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nat {
    /// Addresses are translated.
    #[default]
    Enabled,
    /// Pure routing.
    Disabled,
}

/// What becomes of a request for a mapping while the link is not Connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenDisconnected {
    /// 501 with the reason.
    #[default]
    Reject,
    /// Stored, and of use when the link returns.
    Accept,
}

/// Rules of `NewLeaseDuration` (WANIPConnection:2 section 2.3.14), in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leases {
    /// The longest lease granted, at most a week.
    pub maximum: u32,
    /// What 0 means when an IGD:1 client asks; `None` keeps IGD:1's permanent mappings.
    pub v1_default: Option<u32>,
}

/// Upper bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Mappings in all.
    pub mappings: usize,
    /// Mappings that lead to one InternalClient.
    pub mappings_per_client: usize,
    /// Entries in one answer of GetListOfPortMappings.
    pub page_size: u16,
}

impl Firewall {
    /// How many pinholes there may be at present.
    pub(crate) fn capacity(&self) -> usize {
        match self.enabled && self.pinholes_allowed {
            true => self.pinholes.min(u16::MAX.into()),
            false => 0,
        }
    }
}

impl Default for Firewall {
    /// None, so that there is nothing to open.
    fn default() -> Self {
        Self {
            enabled: false,
            pinholes_allowed: true,
            pinholes: 4096,
            pinholes_per_client: 64,
        }
    }
}

impl Default for LinkTimeouts {
    fn default() -> Self {
        Self {
            connecting: Duration::from_secs(60),
            disconnecting: Duration::from_secs(30),
        }
    }
}

impl Leases {
    /// One week: the longest lease that WANIPConnection:2 knows, and what 0 means there.
    pub const WEEK: u32 = 604_800;
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            maximum: Self::WEEK,
            v1_default: Some(3600),
        }
    }
}

impl Default for Pcp {
    fn default() -> Self {
        Self {
            enabled: true,
            minimum_lifetime: 120,
            maximum_lifetime: 86_400,
        }
    }
}

impl Default for NatPmp {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mappings: 65_536,
            mappings_per_client: 256,
            page_size: 100,
        }
    }
}
