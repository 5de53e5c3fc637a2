//! What the administrator decides: one TOML file, overridden by the command line.
//!
//! `keys` declares every key once; reading, `--set`, `check`, the difference that a reload makes and the test of the
//! documented sample all follow from that table.

mod derive;
mod document;
mod item;
mod keys;
mod link;
mod lists;
mod load;
mod print;
mod problem;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use portreeve::Carrier;
use portreeve_engine::config::{Firewall, Leases, Nat, NatPmp, Pcp, WhenDisconnected};
use portreeve_engine::policy::Policy;
use portreeve_engine::ports::PortRange;
use portreeve_engine::{Protocol, RemoteHost};
use portreeve_wire::Quirks;

pub use derive::{Own, OwnLink, Pinholes, engine_config, offer};
pub use link::{Hook, LinkDriver, LinkSettings};
pub(crate) use load::check_text;
pub use load::{DEFAULT_FILE, Override, Source};
pub use print::{Changed, Effect, changes, to_toml};
pub(crate) use print::{quoted, quoted_list};
pub use problem::{Problem, Problems};

/// Every setting, with the defaults of the documented sample.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `[network]`.
    pub network: NetworkSettings,
    /// `[gateway]`.
    pub gateway: GatewaySettings,
    /// `[link]`.
    pub link: LinkSettings,
    /// `[upstream]`.
    pub upstream: UpstreamSettings,
    /// `[leases]`.
    pub leases: Leases,
    /// `[limits]`.
    pub limits: LimitSettings,
    /// `[[rule]]` and `[access]`.
    pub policy: Policy,
    /// `[[static]]`.
    pub statics: Vec<StaticMapping>,
    /// `[ipv6]`.
    pub ipv6: Ipv6Settings,
    /// `[pcp]`.
    pub pcp: Pcp,
    /// `[nat-pmp]`.
    pub nat_pmp: NatPmp,
    /// `[admin]`.
    pub admin: AdminSettings,
    /// `[nftables]`.
    pub nftables: NftablesSettings,
    /// `[relay]`.
    pub relay: RelaySettings,
    /// `[quirks]`.
    pub quirks: Quirks,
}

/// `[network]`.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// LAN interfaces; empty: chosen by looking at the machine.
    pub lan: Vec<String>,
    /// WAN interface; none: that of the default route.
    pub wan: Option<String>,
    /// What `ExternalIPAddress` tells.
    pub external_ip: ExternalIp,
}

/// What `ExternalIPAddress` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExternalIp {
    /// The address of the WAN interface.
    #[default]
    Auto,
    /// This address.
    Fixed(Ipv4Addr),
}

/// `[upstream]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Whether a gateway in front of this one is asked to map too.
    pub used: UpstreamUse,
    /// By which protocols it is looked for and asked, the preferred one first.
    pub protocol_order: Vec<Carrier>,
}

/// Whether a gateway in front of this one is asked to map too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamUse {
    /// Where our WAN address says that there is one.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Wherever one answers.
    On,
}

/// `[gateway]`.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// `friendlyName`.
    pub name: String,
    /// What carries the traffic.
    pub backend: Backend,
    /// TCP port of description and control.
    pub http_port: u16,
    /// Whether addresses are translated.
    pub nat: Nat,
    /// Which device the gateway shows itself as.
    pub igd_version: IgdVersion,
    /// What becomes of requests while the link is down.
    pub when_disconnected: WhenDisconnected,
    /// Identity of the root device; none: made at first start and kept in the state directory.
    pub uuid: Option<String>,
    /// External ports that no client gets.
    pub reserved_ports: Vec<ReservedPorts>,
    /// Whether the connection is shown as WANPPPConnection too.
    pub ppp_connection: bool,
    /// Whether LANHostConfigManagement is offered.
    pub lan_host_config: bool,
}

/// What carries the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// nftables where that is possible, else the relay.
    #[default]
    Auto,
    /// The kernel.
    Nftables,
    /// This process.
    Relay,
}

/// Which device the gateway shows itself as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IgdVersion {
    /// InternetGatewayDevice:1 to everyone.
    One,
    /// InternetGatewayDevice:2, except to clients known to need :1.
    #[default]
    Two,
}

/// A range of external ports that no client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedPorts {
    /// The ports.
    pub ports: PortRange,
    /// Of this transport; none: both.
    pub protocol: Option<Protocol>,
}

/// `[ipv6]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Settings {
    /// Whether hosts may open pinholes in the firewall.
    pub pinholes: bool,
    /// Who keeps unsolicited packets from the LAN.
    pub firewall: FirewallChoice,
    /// The bit of a connection's mark that says that it came through a pinhole.
    pub mark: u32,
}

/// Who keeps unsolicited IPv6 packets from the LAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirewallChoice {
    /// Whoever does at the start.
    #[default]
    Auto,
    /// Our own table.
    Own,
    /// Another firewall of this machine.
    Other,
    /// Nobody.
    None,
}

/// `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Those that the engine holds.
    pub engine: portreeve_engine::config::Limits,
    /// Pinholes in all.
    pub pinholes: usize,
    /// Pinholes that lead to one host.
    pub pinholes_per_client: usize,
    /// Requests per second that one client may make in the long run.
    pub requests_per_second_per_client: u32,
    /// HTTP connections in all.
    pub connections: usize,
    /// HTTP connections of one client, from which on its own idle ones make room for its new ones.
    pub connections_per_client: usize,
    /// Event subscriptions.
    pub events: portreeve_engine::eventing::Limits,
}

/// A mapping that the administrator wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticMapping {
    /// Port on the external address.
    pub external_port: NonZeroU16,
    /// Transport.
    pub protocol: Protocol,
    /// The LAN host.
    pub client: Ipv4Addr,
    /// Its port; the same as the external one if not written.
    pub internal_port: Option<NonZeroU16>,
    /// Free text.
    pub description: String,
    /// Who may use it.
    pub remote_host: RemoteHost,
}

/// `[admin]`.
#[derive(Clone, Debug, Default)]
pub struct AdminSettings {
    /// Control socket; none: chosen by who runs the daemon.
    pub socket: Option<PathBuf>,
}

/// `[nftables]`.
#[derive(Clone, Debug)]
pub struct NftablesSettings {
    /// Name of our table.
    pub table: String,
    /// Whether the table is owned by the process where the kernel can.
    pub own_table: bool,
    /// Whether traffic of the LAN is masqueraded.
    pub masquerade: bool,
    /// Whether the connections of a mapping end with it.
    pub cut_connections: bool,
}

/// `[relay]`.
#[derive(Clone, Copy, Debug)]
pub struct RelaySettings {
    /// TCP connections that one mapping may have.
    pub connections_per_mapping: usize,
    /// UDP flows that one mapping may have.
    pub flows_per_mapping: usize,
    /// Connections and flows in all.
    pub connections: usize,
    /// How long a UDP flow may be silent.
    pub udp_idle: Duration,
}

impl Default for UpstreamSettings {
    /// PCP first: it says of each mapping what is granted, and tells when that is lost.
    fn default() -> Self {
        Self {
            used: UpstreamUse::default(),
            protocol_order: vec![Carrier::Pcp, Carrier::NatPmp, Carrier::Igd],
        }
    }
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            name: "portreeve".to_owned(),
            backend: Backend::Auto,
            http_port: 5000,
            nat: Nat::Enabled,
            igd_version: IgdVersion::Two,
            when_disconnected: WhenDisconnected::Reject,
            uuid: None,
            reserved_ports: Vec::new(),
            ppp_connection: false,
            lan_host_config: false,
        }
    }
}

impl Default for Ipv6Settings {
    fn default() -> Self {
        Self {
            pinholes: true,
            firewall: FirewallChoice::Auto,
            mark: 0x1000_0000,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let firewall = Firewall::default();
        Self {
            engine: portreeve_engine::config::Limits::default(),
            pinholes: firewall.pinholes,
            pinholes_per_client: firewall.pinholes_per_client,
            requests_per_second_per_client: 200,
            connections: 4096,
            connections_per_client: 1024,
            events: portreeve_engine::eventing::Limits::default(),
        }
    }
}

impl Default for NftablesSettings {
    fn default() -> Self {
        Self {
            table: "portreeve".to_owned(),
            own_table: true,
            masquerade: false,
            cut_connections: true,
        }
    }
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            connections_per_mapping: 1024,
            flows_per_mapping: 1024,
            connections: 8192,
            udp_idle: Duration::from_secs(120),
        }
    }
}

impl StaticMapping {
    /// The port on the LAN host.
    pub fn internal_port(&self) -> NonZeroU16 {
        self.internal_port.unwrap_or(self.external_port)
    }
}
