//! What goes into a search, and what comes out of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use portreeve_wire::Url;

use super::super::origin::Origin;
use super::super::rank::Standing;

/// What to search.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where from, the best default route first.
    pub(crate) origins: Vec<Origin>,
    /// What for.
    pub(crate) wanted: Wanted,
    /// Gateways that were taken in this network before.
    pub(crate) remembered: Vec<Remembered>,
    /// After this time, nobody who has not answered will.
    pub(crate) timeout: Duration,
    /// When to end.
    pub(crate) until: Until,
    /// How we name ourselves.
    pub(crate) user_agent: String,
}

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any gateway.
    Any,
    /// The one that is searched at this address and port.
    At(SocketAddr),
    /// The one with this description.
    Described(Url),
}

/// When a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// As soon as no better gateway is to be expected.
    Certain,
    /// When the time is over.
    TimeOver,
}

/// A gateway that was taken before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Where its description was.
    pub(crate) location: Url,
    /// Which gateway it was.
    pub(crate) udn: String,
}

/// Names a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LeadId(pub(super) usize);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Send this from that origin.
    Send {
        /// Position of the origin in the plan.
        origin: usize,
        /// Where to.
        to: SocketAddr,
        /// What.
        datagram: String,
    },
    /// Fetch a description, and ask its connections for their status.
    Examine {
        /// For the report.
        id: LeadId,
        /// Where the description is.
        location: Url,
        /// Our address to come from; the system's choice if there is none.
        from: Option<IpAddr>,
    },
}

/// What an examination showed of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Findings {
    /// The standing of its best connection.
    pub(crate) standing: Standing,
    /// The version of that connection's service.
    pub(crate) version: u8,
    /// UDN of the root device.
    pub(crate) udn: String,
}
