//! What options say.

use std::net::IpAddr;

/// One FILTER (section 13.3): traffic may come from these addresses, and from this port of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Remote Peer IP Address; an IPv4 address is one.
    pub address: IpAddr,
    /// How many leading bits of the address count, in terms of its own family: at most 32 or 128. None: this option
    /// clears all filters that there are (prefix length 0).
    pub prefix: Option<u8>,
    /// Remote Peer Port; 0: any.
    pub port: u16,
}

/// PORT_SET (RFC 7753 section 4.1): ports side by side, mapped to ports side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSet {
    /// Port Set Size, at least 1.
    pub size: u16,
    /// First Internal Port.
    pub first_internal_port: u16,
    /// Whether the first external port shall be even or odd as the internal one is.
    pub parity: bool,
}
