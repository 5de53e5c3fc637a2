//! What the engine asks of the upstream gateway, and what becomes of it.

use std::fmt;
use std::num::NonZeroU16;

use crate::mapping::{Key, Protocol};

/// An external port of the upstream gateway, and the same port of our WAN address, to which it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OuterPort {
    /// The port.
    pub port: NonZeroU16,
    /// Transport.
    pub protocol: Protocol,
}

/// Ties what becomes of a port to the command that asked for it: a port may be opened, closed and opened again before the
/// first answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What is to be asked of the upstream gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamCommand {
    /// Open a port, and keep it open until it is closed. Answered with [`UpstreamReport::Opened`] or
    /// [`UpstreamReport::Refused`].
    Open {
        /// Under this name.
        ticket: Ticket,
        /// Which.
        port: OuterPort,
    },
    /// Close what was opened by this ticket, or stop opening it. Of what was refused there is nothing to close.
    Close(Ticket),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamReport {
    /// There is an upstream gateway that can be asked, of which nothing is opened yet.
    Found,
    /// There is none any more, and so nothing opened: mappings are made without it.
    Gone,
    /// The port is open.
    Opened(Ticket),
    /// The port could not be opened, or was and is so no longer. It is not tried again without another command.
    Refused {
        /// Which.
        ticket: Ticket,
        /// Why.
        why: UpstreamRefusal,
    },
}

/// Why the upstream gateway does not open a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamRefusal {
    /// The port is taken there (CANNOT_PROVIDE_EXTERNAL; 718 of UPnP).
    #[error("the upstream gateway does not give this external port")]
    PortTaken {
        /// The port that it gave instead, and that is free again.
        offered: Option<NonZeroU16>,
    },
    /// We may not (NOT_AUTHORIZED; 606 of UPnP).
    #[error("the upstream gateway does not permit it")]
    NotAuthorized,
    /// It has no room, or we have had our share (NO_RESOURCES, USER_EX_QUOTA; 728 of UPnP).
    #[error("the upstream gateway has no room for another mapping")]
    NoRoom,
    /// It is silent, or has no connection itself (NETWORK_FAILURE).
    #[error("the upstream gateway cannot do it now: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("the upstream gateway refuses: {0}")]
    Failed(String),
}

impl UpstreamRefusal {
    /// Whether the port stays refused, so that mappings of it have no future.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::PortTaken { .. } | Self::NotAuthorized)
    }
}

impl From<Key> for OuterPort {
    fn from(key: Key) -> Self {
        Self {
            port: key.external_port,
            protocol: key.protocol,
        }
    }
}

impl fmt::Display for OuterPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.protocol)
    }
}
