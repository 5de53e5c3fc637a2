//! An opening in the IPv6 firewall and what identifies it (WANIPv6FirewallControl:1).

pub(crate) mod admission;
pub(crate) mod table;

use std::fmt;
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use crate::mapping::Origin;
use crate::time::Time;

/// The transport of a pinhole (`A_ARG_TYPE_Protocol`): one that has ports, by its IANA number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// DCCP.
    Dccp,
    /// SCTP.
    Sctp,
    /// UDP-Lite.
    UdpLite,
}

/// What identifies a pinhole: asking for the same five again means the same pinhole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinholeKey {
    /// The LAN host that receives the traffic (`InternalClient`).
    pub internal_client: Ipv6Addr,
    /// The port on that host (`InternalPort`).
    pub internal_port: NonZeroU16,
    /// Transport.
    pub transport: Transport,
    /// The only host from which traffic is let in (`RemoteHost`); none: from any.
    pub remote_host: Option<Ipv6Addr>,
    /// The only port from which traffic is let in (`RemotePort`); none: from any.
    pub remote_port: Option<NonZeroU16>,
}

/// `A_ARG_TYPE_UniqueID`: by which a control point names the pinhole that it was given. No pinhole has 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(pub u16);

/// An entry of the pinhole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinhole {
    /// Identity.
    pub key: PinholeKey,
    /// Its name among control points.
    pub id: UniqueId,
    /// When it ends by itself.
    pub expiry: Time,
    /// How it came into the table. None is static.
    pub origin: Origin,
}

impl Pinhole {
    /// Whole seconds from `now` until the end, rounded up, so that a pinhole in force never reports 0.
    pub fn remaining_seconds(&self, now: Time) -> u32 {
        u32::try_from(self.expiry.since(now).as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
    }
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Udp, Self::Dccp, Self::Sctp, Self::UdpLite];

    /// IANA protocol number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Dccp => 33,
            Self::Sctp => 132,
            Self::UdpLite => 136,
        }
    }

    /// The transport with this IANA number, if it is one that pinholes can carry.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| u16::from(transport.number()) == number)
    }

    /// The name that people know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Dccp => "DCCP",
            Self::Sctp => "SCTP",
            Self::UdpLite => "UDP-Lite",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PinholeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}]:{}/{}",
            self.internal_client, self.internal_port, self.transport
        )?;
        match (self.remote_host, self.remote_port) {
            (None, None) => Ok(()),
            (Some(host), None) => write!(f, " from {host}"),
            (None, Some(port)) => write!(f, " from port {port}"),
            (Some(host), Some(port)) => write!(f, " from [{host}]:{port}"),
        }
    }
}
