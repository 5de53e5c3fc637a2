//! What hosts of a LAN are set up with, as far as the gateway knows it (LANHostConfigManagement:1).

use std::net::{IpAddr, Ipv4Addr};

use crate::policy::Network;

/// How hosts of one LAN are set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanHosts {
    /// The LAN.
    pub network: Network,
    /// Its mask (`SubnetMask`).
    pub mask: Ipv4Addr,
    /// Our address on it (`IPRouters`).
    pub router: Ipv4Addr,
    /// `DNSServers`.
    pub dns_servers: Vec<IpAddr>,
    /// `DomainName`; empty if there is none.
    pub domain: String,
    /// What its DHCP server hands out; none if it has no server that we know of.
    pub dhcp: Option<Dhcp>,
}

/// What a DHCP server hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp {
    /// The lowest address (`MinAddress`).
    pub first: Ipv4Addr,
    /// The highest address (`MaxAddress`).
    pub last: Ipv4Addr,
    /// Addresses that are kept for certain hosts (`ReservedAddresses`).
    pub reserved: Vec<Ipv4Addr>,
}
