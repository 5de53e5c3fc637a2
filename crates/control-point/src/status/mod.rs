//! What a gateway says about its connection to the internet, and whether a mapping on it can work.

mod address;
mod connection_status;
mod read;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

pub use address::AddressKind;
pub use connection_status::ConnectionStatus;
pub(crate) use read::{essential_now, essential_of, firewall, read_address};

use crate::error::{Error, Unusable};
use crate::gateway::Gateway;

/// What a gateway says about itself. `None` is what it does not tell, or not to us.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether the connection is up.
    pub connection_status: ConnectionStatus,
    /// Why it was lost, or could not be made, the last time: `ERROR_NONE` and the like, or a vendor's word.
    pub last_connection_error: String,
    /// How long the connection has been up, in whole seconds.
    pub uptime: Option<Duration>,
    /// The address towards the internet, if the gateway has one.
    pub external_address: Option<IpAddr>,
    /// `ExternalIPAddress` as the gateway says it.
    pub external_address_text: Option<String>,
    /// What kind of address it is.
    pub address_kind: AddressKind,
    /// Whether addresses are translated; if not, there is nothing to map.
    pub nat_enabled: Option<bool>,
    /// The line.
    pub link: Option<LinkStatus>,
    /// How many mappings there are.
    pub port_mapping_entries: Option<u32>,
    /// How many mappings the gateway has room for, as far as we may use it.
    pub capacity: Option<u32>,
    /// The gateway's IPv6 address towards the internet.
    pub external_ipv6: Option<Ipv6Addr>,
    /// The IPv6 firewall.
    pub firewall: Option<FirewallStatus>,
}

/// What a gateway says about its IPv6 firewall (WANIPv6FirewallControl:1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FirewallStatus {
    /// Whether it filters (FirewallEnabled); if not, hosts are reachable as they are.
    pub enabled: bool,
    /// Whether programs may open pinholes (InboundPinholeAllowed).
    pub pinholes_allowed: bool,
}

/// What a gateway says about its line (WANCommonInterfaceConfig:1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStatus {
    /// `DSL`, `POTS`, `Cable`, `Ethernet`, or a vendor's word.
    pub access_type: String,
    /// `Up`, `Down`, `Initializing`, `Unavailable`.
    pub physical_status: String,
    /// Bits per second towards the internet.
    pub upstream_bits_per_second: u32,
    /// Bits per second from the internet.
    pub downstream_bits_per_second: u32,
    /// Bytes sent so far, modulo 2^32.
    pub bytes_sent: Option<u32>,
    /// Bytes received so far, modulo 2^32.
    pub bytes_received: Option<u32>,
    /// Packets sent so far, modulo 2^32.
    pub packets_sent: Option<u32>,
    /// Packets received so far, modulo 2^32.
    pub packets_received: Option<u32>,
}

impl Status {
    /// Whether a mapping can work, or what stands in the way. What the gateway does not tell does not stand in the way.
    pub fn usable(&self) -> Result<(), Unusable> {
        if self.connection_status.passes_packets() == Some(false) {
            return Err(Unusable::NotConnected {
                status: self.connection_status.to_string(),
                last_error: self.last_connection_error.clone(),
            });
        }
        if self.nat_enabled == Some(false) {
            return Err(Unusable::NatOff);
        }
        match (self.address_kind, self.external_address, &self.external_address_text) {
            (AddressKind::None, _, Some(text)) => Err(Unusable::NoExternalAddress(text.clone())),
            (kind, Some(address), _) => kind.usable(address),
            _ => Ok(()),
        }
    }
}

impl Gateway {
    /// Asks the gateway for all that it tells about its connection: some ten requests. PCP and NAT-PMP tell the external
    /// address and nothing else, for which PCP may have to make a mapping for a moment.
    pub async fn status(&self) -> Result<Status, Error> {
        read::all(self).await
    }
}
