//! What can go wrong, as types. What to tell a person about it is in [`explain`](crate::explain).

use std::net::IpAddr;
use std::time::Duration;

use crate::explain::length;
use crate::mapping::Protocol;
use crate::port_control::Carrier;

/// Why something did not work. [`Error::explanation`] says it in plain words, with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No gateway answered.
    #[error("no gateway was found")]
    NoGateway(#[from] NoGateway),
    /// There is a gateway, but a mapping on it could not work now.
    #[error("the gateway cannot be used: {0}")]
    Unusable(#[from] Unusable),
    /// The gateway refused an action with a UPnP error code.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The gateway refused every external port that was tried.
    #[error(transparent)]
    PortsRefused(#[from] PortsRefused),
    /// The gateway refused what it was asked for by PCP or NAT-PMP.
    #[error(transparent)]
    PortControl(#[from] PortControlRefusal),
    /// The gateway said yes, and reading back showed that it is not so.
    #[error(transparent)]
    Untrue(#[from] Untrue),
    /// The gateway could not be talked to.
    #[error(transparent)]
    Conversation(#[from] Conversation),
    /// What was asked for makes no sense, found before anything was sent.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The operating system refused something that the library needs.
    #[error("{doing}: {reason}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// The system's words.
        reason: String,
    },
}

/// No gateway answered, and what was seen while searching.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("no gateway answered within {}", length(*waited))]
#[non_exhaustive]
pub struct NoGateway {
    /// How long was waited.
    pub waited: Duration,
    /// The interfaces that were searched, by name; none if there was none to search.
    pub interfaces: Vec<String>,
    /// The default gateway, if there is a default route.
    pub default_gateway: Option<IpAddr>,
    /// Where the caller said that the gateway is, if it was asked for by name.
    pub named: Option<String>,
    /// What answered but is no gateway, or is one that could not be used, with the reason.
    pub rejected: Vec<Rejected>,
}

/// Something that answered a search and was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// Where its description is, as it said.
    pub location: String,
    /// Why it was not taken.
    pub why: Conversation,
}

/// Why a mapping on a gateway could not work, as its status shows before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// The WAN connection is not up.
    #[error("its connection is {status} ({last_error})")]
    NotConnected {
        /// `ConnectionStatus` as the gateway says it.
        status: String,
        /// `LastConnectionError` as the gateway says it.
        last_error: String,
    },
    /// Network address translation is off: nothing to map, hosts are reachable as they are.
    #[error("network address translation is off")]
    NatOff,
    /// The external address is private: another router is in front of this one.
    #[error("its external address {0} is private")]
    DoubleNat(IpAddr),
    /// The external address is of the range that carriers share among customers (RFC 6598).
    #[error("its external address {0} is shared by the provider")]
    CarrierGradeNat(IpAddr),
    /// The gateway has no external address, or none that is one.
    #[error("it has no external address (it says {0:?})")]
    NoExternalAddress(String),
    /// This computer has no IPv4 address towards the gateway, and mappings are for IPv4.
    #[error("this computer has no IPv4 address in the gateway's network")]
    NoIpv4,
    /// This computer has no IPv6 address that others could reach, and pinholes are for IPv6.
    #[error("this computer has no IPv6 address in the gateway's network that reaches further than the link")]
    NoIpv6,
    /// The gateway has no service that opens pinholes (WANIPv6FirewallControl:1).
    #[error("it offers no service that opens pinholes")]
    NoFirewallControl,
    /// The gateway's IPv6 firewall lets nobody open pinholes (InboundPinholeAllowed is 0).
    #[error("its IPv6 firewall allows no pinholes")]
    PinholesNotAllowed,
    /// The gateway is known by PCP or NAT-PMP only, and this is offered by UPnP alone.
    #[error("it does not speak UPnP")]
    NoUpnp,
    /// There is a gateway, but it has no connection service that maps ports.
    #[error("it offers no service that maps ports")]
    NoConnectionService,
}

/// A refusal by the gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway refused {action} with error {code} ({description})")]
#[non_exhaustive]
pub struct Refusal {
    /// The action.
    pub action: String,
    /// The UPnP error code; 0 if the gateway sent a fault without one.
    pub code: u16,
    /// The gateway's words.
    pub description: String,
}

/// Refusals of one external port after another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway refused all of {} external ports; {last}", ports.len())]
#[non_exhaustive]
pub struct PortsRefused {
    /// The ports that were tried, in order.
    pub ports: Vec<u16>,
    /// The refusal of the last one.
    pub last: Refusal,
}

/// A refusal by a gateway that was asked by PCP (RFC 6887 section 7.4) or NAT-PMP (RFC 6886 section 3.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway refused by {carrier} with result {code} ({name})")]
#[non_exhaustive]
pub struct PortControlRefusal {
    /// The protocol.
    pub carrier: Carrier,
    /// Its Result Code; 0 if the gateway granted another port than the only one that was wished for, which was given
    /// back.
    pub code: u16,
    /// The standard's name of the code.
    pub name: &'static str,
    /// For how long asking for the same is of no use, as the gateway says: at most half an hour.
    pub lifetime: Duration,
}

/// What reading back a mapping showed after the gateway had said yes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrue {
    /// The mapping is not there.
    #[error("the gateway said yes to {protocol} port {external_port}, but has no such mapping")]
    NotThere {
        /// The port that it said yes to.
        external_port: u16,
        /// Its protocol.
        protocol: Protocol,
    },
    /// The mapping leads somewhere else.
    #[error("the gateway maps {protocol} port {external_port} to {found} instead of {wanted}")]
    Elsewhere {
        /// The port that it said yes to.
        external_port: u16,
        /// Its protocol.
        protocol: Protocol,
        /// What it should lead to: client and port.
        wanted: String,
        /// What it leads to: client and port.
        found: String,
    },
    /// The mapping is there, but not in force.
    #[error("the gateway has the mapping of {protocol} port {external_port}, but it is not enabled")]
    Disabled {
        /// The port.
        external_port: u16,
        /// Its protocol.
        protocol: Protocol,
    },
}

/// Why the gateway could not be talked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conversation {
    /// The connection could not be opened, or broke.
    #[error("{address}: {reason}")]
    Unreachable {
        /// Where to.
        address: String,
        /// The system's words.
        reason: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {}", length(*waited))]
    Timeout {
        /// Where to.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// An HTTP status that is neither success nor a fault.
    #[error("{url} answered with HTTP status {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// More bytes than any gateway needs to send.
    #[error("{url} sent more than {limit} bytes")]
    TooLarge {
        /// What was asked.
        url: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// What came is not what was asked for.
    #[error("{url} sent something else than {expected}: {problem}")]
    Malformed {
        /// What was asked.
        url: String,
        /// What it should have been.
        expected: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A description, redirect or control URL that leads away from the gateway, which is not followed.
    #[error("{from} refers to {to}, which is another host; it is not followed")]
    LeadsAway {
        /// Who refers.
        from: String,
        /// Where to.
        to: String,
    },
    /// The gateway does not have this service or action.
    #[error("the gateway has no {0}")]
    NotOffered(String),
}

/// What was asked for makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// Port 0.
    #[error("{0} must be within 1 and 65535")]
    Port(&'static str),
    /// A lease that the protocol cannot carry.
    #[error("a lease lasts between 1 second and 604800 seconds (a week), not {} seconds", .0.as_secs())]
    Lease(Duration),
    /// A lease that pinholes cannot have.
    #[error("the lease of a pinhole lasts between 1 second and 86400 seconds (a day), not {} seconds", .0.as_secs())]
    PinholeLease(Duration),
    /// A protocol other than TCP and UDP.
    #[error("{0:?} is no protocol of a mapping: TCP or UDP")]
    Protocol(String),
    /// An argument that the action does not have, or whose value is not of its type.
    #[error("{argument}: {problem}")]
    Argument {
        /// The argument.
        argument: String,
        /// What is wrong.
        problem: String,
    },
    /// An address, URL or interface that is none.
    #[error("{what} {value:?}: {problem}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// What was given.
        value: String,
        /// What is wrong.
        problem: String,
    },
}
