//! Why a claim on the mapping table is not granted.

use std::net::Ipv4Addr;

use crate::change::Refusal;
use crate::link::LastConnectionError;

/// Why nothing was granted. Each front end has its own codes for it; the text is for the log and for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// The administrator's rules, or whose mapping it is to be.
    #[error("the rules do not allow it")]
    Policy,
    /// The mapping is to lead to where no LAN host is.
    #[error("{0} is not an address of the LAN")]
    NotOnLan(Ipv4Addr),
    /// Mappings are of no use.
    #[error("NAT is off: hosts are reachable without a mapping")]
    NatOff,
    /// The link is up without an IPv4 address.
    #[error("the WAN link has no IPv4 address")]
    NoAddress,
    /// The link is not up.
    #[error("the WAN link is not connected ({})", .0.name())]
    LinkDown(LastConnectionError),
    /// Another host has the external port.
    #[error("the external port is another host's")]
    AnotherHosts,
    /// The host itself has the external port by another protocol, for something else.
    #[error("the host has the external port already by another protocol, for something else")]
    AnotherProtocols,
    /// The gateway needs the external port, by configuration or because a program of its own listens there.
    #[error("the gateway itself needs the external port")]
    Gateways,
    /// The rules leave no external port to this mapping.
    #[error("the rules leave no external port")]
    NoPortAllowed,
    /// Every external port that the rules leave is taken.
    #[error("no external port is free")]
    NoPortFree,
    /// There are as many mappings as there may be.
    #[error("the gateway's table is full")]
    TableFull,
    /// The host has as many as it may have.
    #[error("{client} has {most} mappings, as many as one host may have")]
    Quota {
        /// The host.
        client: Ipv4Addr,
        /// How many that is.
        most: usize,
    },
    /// The backend could not carry it out.
    #[error("{0}")]
    Backend(Refusal),
}
