//! A port mapping and what identifies it (WANIPConnection:2 sections 2.3 and 2.5.16).

pub(crate) mod table;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use portreeve_wire::pcp::Nonce;

use crate::time::Time;

/// The transport that a mapping carries (`PortMappingProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// From where a mapping accepts traffic (`RemoteHost`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoteHost {
    /// From anywhere: the empty string on the wire.
    Any,
    /// From this address only.
    Host(Ipv4Addr),
}

/// What identifies a mapping: no two entries of the table share it.
///
/// The order of the fields is the order of listings: by external port, then protocol, then remote host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Port on the gateway's external address.
    pub external_port: NonZeroU16,
    /// Transport.
    pub protocol: Protocol,
    /// Source that may use it.
    pub remote_host: RemoteHost,
}

/// An entry of the mapping table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Identity.
    pub key: Key,
    /// The LAN host that receives the traffic; `255.255.255.255` stands for all of them (UDP only).
    pub internal_client: Ipv4Addr,
    /// The port on that host.
    pub internal_port: NonZeroU16,
    /// Whether it is in force. A disabled mapping is kept, and its lease runs on.
    pub enabled: bool,
    /// Free text from whoever made it.
    pub description: Box<str>,
    /// When it ends by itself.
    pub expiry: Expiry,
    /// How it came into the table.
    pub origin: Origin,
}

/// When a mapping ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    /// At this time.
    At(Time),
    /// Never: made by the administrator, or by an IGD:1 client where that is allowed.
    Never,
}

/// How a mapping or a pinhole came into its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Requested over UPnP by the host at this address.
    Upnp(IpAddr),
    /// Requested over NAT-PMP by the host at this address.
    NatPmp(Ipv4Addr),
    /// Requested over PCP.
    Pcp(PcpOrigin),
    /// Written in the configuration file; not kept in the store, not changeable by clients.
    Static,
}

/// Who made an entry over PCP, and what proves it (RFC 6887 section 11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcpOrigin {
    /// The host that asked.
    pub caller: IpAddr,
    /// The nonce that it chose.
    pub nonce: Nonce,
    /// By which opcode: neither manages what the other made.
    pub opcode: PcpOpcode,
}

/// The opcodes that make entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcpOpcode {
    /// MAP.
    Map,
    /// PEER.
    Peer,
}

impl Protocol {
    /// IANA protocol number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// The transport with this IANA number, if it is one that mappings can carry.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            6 => Some(Self::Tcp),
            17 => Some(Self::Udp),
            _ => None,
        }
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

impl RemoteHost {
    /// This address only; none if it is not one that a host can have.
    pub fn host(address: Ipv4Addr) -> Option<Self> {
        let is_host = !(address.is_unspecified() || address.is_broadcast() || address.is_multicast());
        is_host.then_some(Self::Host(address))
    }
}

impl Mapping {
    /// `InternalClient` that stands for every host of the LAN (WANIPConnection:2 section 2.3.19).
    pub const EVERY_CLIENT: Ipv4Addr = Ipv4Addr::BROADCAST;
}

impl Origin {
    /// The host that asked; none: the administrator did.
    pub const fn caller(self) -> Option<IpAddr> {
        match self {
            Self::Upnp(caller) | Self::Pcp(PcpOrigin { caller, .. }) => Some(caller),
            Self::NatPmp(caller) => Some(IpAddr::V4(caller)),
            Self::Static => None,
        }
    }

    /// Whether both came by the same protocol. MAP and PEER count as two, since neither manages what the other made.
    pub(crate) fn is_same_protocol(self, other: Self) -> bool {
        match (self, other) {
            (Self::Upnp(_), Self::Upnp(_)) | (Self::NatPmp(_), Self::NatPmp(_)) | (Self::Static, Self::Static) => true,
            (Self::Pcp(one), Self::Pcp(other)) => one.opcode == other.opcode,
            _ => false,
        }
    }

    /// The name that configuration, lists and logs use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upnp(_) => "upnp",
            Self::NatPmp(_) => "nat-pmp",
            Self::Pcp(_) => "pcp",
            Self::Static => "static",
        }
    }
}

impl Expiry {
    /// Whole seconds from `now` until the end, rounded up, so that a mapping in force never reports 0; `None` for
    /// never.
    pub fn remaining_seconds(self, now: Time) -> Option<u32> {
        match self {
            Self::Never => None,
            Self::At(end) => Some(u32::try_from(end.since(now).as_millis().div_ceil(1000)).unwrap_or(u32::MAX)),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The wire form: empty for anywhere.
impl fmt::Display for RemoteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Host(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.external_port, self.protocol)?;
        match self.remote_host {
            RemoteHost::Any => Ok(()),
            RemoteHost::Host(address) => write!(f, " from {address}"),
        }
    }
}
