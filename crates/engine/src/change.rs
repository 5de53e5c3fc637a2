//! What the engine asks of the world outside: rows that differ before and after.

use std::fmt;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::sync::Arc;

use crate::mapping::{Expiry, Key, Mapping, Protocol};
use crate::pinhole::{Pinhole, PinholeKey};
use crate::upstream::UpstreamRefusal;

/// One step from the state before to the state after. Backend and store carry out the same changes; swapping before
/// and after undoes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A row of the mapping table was inserted (no `before`), replaced, or removed (no `after`). Where both are
    /// present they have the same key.
    Mapping {
        /// The row as it was.
        before: Option<Arc<Mapping>>,
        /// The row as it is to be.
        after: Option<Arc<Mapping>>,
    },
    /// The external port from which what a LAN socket itself begins must leave, so that peers see the mapped port. Where
    /// both are present they are of the same socket.
    Outbound {
        /// As it was.
        before: Option<Outbound>,
        /// As it is to be.
        after: Option<Outbound>,
    },
    /// A pinhole in the IPv6 firewall was opened (no `before`), prolonged, or closed (no `after`). Where both are present
    /// they have the same key.
    Pinhole {
        /// As it was.
        before: Option<Arc<Pinhole>>,
        /// As it is to be.
        after: Option<Arc<Pinhole>>,
    },
}

/// What a backend puts into force under a name of its own: a mapping or a pinhole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKey {
    /// A mapping.
    Mapping(Key),
    /// A pinhole.
    Pinhole(PinholeKey),
}

/// What one LAN socket itself begins leaves from this external port (RFC 4787 REQ-1 for UDP, RFC 5382 REQ-1 for TCP;
/// WANIPConnection:2 section 2.5.16 and RFC 6886 section 3.9: a mapping is also used for traffic that the client starts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Address of the LAN host.
    pub client: Ipv4Addr,
    /// Port of its socket.
    pub port: NonZeroU16,
    /// Transport of its socket.
    pub protocol: Protocol,
    /// Port that the outside sees.
    pub external_port: NonZeroU16,
    /// When the mapping behind it ends.
    pub expiry: Expiry,
}

/// Everything that should be in force: what a backend is reconciled with at start and after somebody else touched its
/// rules.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// Every mapping of the table, disabled ones included.
    pub mappings: Vec<Arc<Mapping>>,
    /// Every outbound port.
    pub outbound: Vec<Outbound>,
    /// Every pinhole.
    pub pinholes: Vec<Arc<Pinhole>>,
}

/// Why the world outside could not carry out a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another program uses the external port.
    #[error("the external port is in use by another program")]
    PortTaken,
    /// The operating system does not let this process use the external port.
    #[error("the operating system does not permit this external port")]
    PortForbidden,
    /// The kernel or the process has no room for another mapping.
    #[error("no room for another mapping")]
    NoRoom,
    /// The upstream gateway does not let it in.
    #[error(transparent)]
    Upstream(#[from] UpstreamRefusal),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl Refusal {
    /// Whether the upstream gateway says that we may not.
    pub(crate) fn is_forbidden_upstream(&self) -> bool {
        matches!(self, Self::Upstream(UpstreamRefusal::NotAuthorized))
    }

    /// The port that the upstream gateway would give.
    pub(crate) fn offered_upstream(&self) -> Option<NonZeroU16> {
        match self {
            Self::Upstream(UpstreamRefusal::PortTaken { offered }) => *offered,
            _ => None,
        }
    }
}

/// What a change is about, as far as a refusal of it concerns other changes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An external port, on which there may be several mappings.
    Port(NonZeroU16, Protocol),
    /// A pinhole.
    Pinhole(PinholeKey),
}

impl Change {
    /// What the change is about; `None` for a change of nothing.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Mapping { before, after } => {
                let mapping = after.as_ref().or(before.as_ref())?;
                Some(Place::Port(mapping.key.external_port, mapping.key.protocol))
            }
            Self::Outbound { before, after } => {
                let outbound = after.or(*before)?;
                Some(Place::Port(outbound.external_port, outbound.protocol))
            }
            Self::Pinhole { before, after } => after.as_ref().or(before.as_ref()).map(|row| Place::Pinhole(row.key)),
        }
    }

    /// The change that takes this one back.
    pub fn inverse(&self) -> Self {
        match self.clone() {
            Self::Mapping { before, after } => Self::Mapping {
                before: after,
                after: before,
            },
            Self::Outbound { before, after } => Self::Outbound {
                before: after,
                after: before,
            },
            Self::Pinhole { before, after } => Self::Pinhole {
                before: after,
                after: before,
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port, protocol) => write!(f, "{port}/{protocol}"),
            Self::Pinhole(key) => key.fmt(f),
        }
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapping(key) => key.fmt(f),
            Self::Pinhole(key) => key.fmt(f),
        }
    }
}
