//! What a server is asked for, and what it grants.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_wire::pcp::Nonce;
use portreeve_wire::pcp::client::Continuity;

use crate::pinhole::Transport;
use crate::random::unguessable;

/// A mapping (IPv4) or a pinhole (IPv6) of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// What it carries; NAT-PMP knows TCP and UDP.
    pub(crate) transport: Transport,
    /// Our port; 0 for all, which NAT-PMP does not have.
    pub(crate) internal_port: u16,
    /// The port outside.
    pub(crate) external_port: ExternalPort,
    /// The external address that it had before: a server that has lost its state can give it again.
    pub(crate) external_address: Option<IpAddr>,
    /// For how long, in whole seconds.
    pub(crate) lease: Duration,
    /// By which PCP knows it as ours: the same to renew and to delete it.
    pub(crate) nonce: Nonce,
    /// The only host that may come, and its port (0: any); none if all may. Needs PCP.
    pub(crate) remote: Option<(IpAddr, u16)>,
    /// For people; told to servers that take it.
    pub(crate) description: String,
}

/// Which external port is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExternalPort {
    /// Whichever the server likes.
    Any,
    /// This one if it is free, else another.
    Rather(NonZeroU16),
    /// This one or none.
    Only(NonZeroU16),
}

impl ExternalPort {
    /// The number on the wire.
    pub(crate) fn suggested(self) -> u16 {
        match self {
            Self::Any => 0,
            Self::Rather(port) | Self::Only(port) => port.get(),
        }
    }
}

/// What was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The port outside; 0 where all ports are meant.
    pub(crate) external_port: u16,
    /// The address outside, if the server told.
    pub(crate) external_address: Option<IpAddr>,
    /// For how long.
    pub(crate) lease: Duration,
    /// Whether the server still knew what it knew before. Each loss is told once, to whoever hears of it first;
    /// [`PortServer::era`](super::PortServer::era) counts them for all.
    pub(crate) epoch: Continuity,
}

/// What a server says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether it still knows what it knew before, as in [`Granted::epoch`].
    pub(crate) epoch: Continuity,
    /// The external address, if it is known: NAT-PMP tells it; PCP has told it with the last mapping, and begins a new
    /// epoch when it changes.
    pub(crate) external_address: Option<IpAddr>,
}

/// A nonce for a new mapping.
pub(crate) fn nonce() -> Nonce {
    Nonce(unguessable())
}
