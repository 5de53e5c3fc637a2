//! What goes into a search, and what comes out of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use portreeve_wire::Url;

use super::super::origin::Origin;
use super::super::rank::Standing;
use crate::port_control::Carrier;

/// What to search.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where from, the best default route first.
    pub(crate) origins: Vec<Origin>,
    /// What for.
    pub(crate) wanted: Wanted,
    /// By which protocols, the preferred one first.
    pub(crate) order: Vec<Carrier>,
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

/// Names a gateway that is asked for PCP and NAT-PMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServerId(pub(super) usize);

/// A gateway that was found, in one way or in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// By its description.
    pub(crate) lead: Option<LeadId>,
    /// By what it speaks on port 5351.
    pub(crate) server: Option<ServerId>,
}

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
    /// Ask whether PCP or NAT-PMP is spoken there.
    Ask {
        /// For the report.
        id: ServerId,
        /// Where.
        server: SocketAddr,
        /// Our address to come from.
        from: IpAddr,
        /// For how long.
        patience: Duration,
    },
}

impl Plan {
    /// Whether UPnP may be used.
    pub(super) fn by_upnp(&self) -> bool {
        self.order.contains(&Carrier::Igd)
    }

    /// Whether UPnP may be used, and rather than this.
    pub(super) fn prefers_upnp_to(&self, other: Carrier) -> bool {
        let position = |wanted| self.order.iter().position(|carrier| *carrier == wanted);
        match (position(Carrier::Igd), position(other)) {
            (Some(upnp), Some(other)) => upnp < other,
            (upnp, _) => upnp.is_some(),
        }
    }
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
