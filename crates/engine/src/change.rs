//! What the engine asks of the world outside: rows that differ before and after.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::sync::Arc;

use crate::mapping::{Expiry, Mapping};

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
    /// The external port from which a LAN socket's own outbound UDP packets must leave, so that peers see the mapped
    /// port. Where both are present they are of the same socket.
    Outbound {
        /// As it was.
        before: Option<Outbound>,
        /// As it is to be.
        after: Option<Outbound>,
    },
}

/// Outbound UDP packets of one LAN socket leave from this external port (RFC 4787 REQ-1, WANIPConnection:2 section
/// 2.5.16: a mapping is also used for traffic that the client starts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Address of the LAN host.
    pub client: Ipv4Addr,
    /// Port of its socket.
    pub port: NonZeroU16,
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
}

impl Change {
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
        }
    }
}
