//! What an examination sees. Gathering it is the shell's work; what follows from it is told elsewhere.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::error::Error;
use crate::mapping::Protocol;
use crate::port_control::Carrier;
use crate::status::{ConnectionStatus, FirewallStatus};
use crate::stun::StunError;

/// Everything that was seen so far; `None` is what was not looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The interfaces that are up and have an address, without loopback, or why they could not be read.
    pub(super) interfaces: Option<Result<Vec<Link>, String>>,
    /// Where the user said that the gateway is.
    pub(super) named: Option<String>,
    pub(super) search: Option<Search>,
    /// The same once more, after the gateway was found and had not answered.
    pub(super) searched_again: Option<Search>,
    pub(super) found: Option<Result<Found, Error>>,
    /// After a search without a result.
    pub(super) knock: Option<Knock>,
    pub(super) connection: Option<Result<Connection, Error>>,
    /// What the gateway tells by PCP and NAT-PMP, as far as it speaks them.
    pub(super) servers: Option<Vec<Server>>,
    pub(super) stun: Option<Result<SocketAddr, StunError>>,
    pub(super) firewall: Option<Firewall>,
    pub(super) trial: Option<Trial>,
    pub(super) loop_back: Option<LoopBack>,
    pub(super) own: Option<OwnPort>,
}

impl Evidence {
    /// What the gateway said about its connection, if it said something.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()?.as_ref().ok()
    }

    /// The gateway's own external address.
    pub(super) fn external_address(&self) -> Option<IpAddr> {
        self.connection()?.address
    }

    /// Whether the gateway is there, although its answers to searches do not arrive.
    pub(super) fn is_deaf(&self) -> bool {
        let (Some(Ok(found)), Some(search)) = (&self.found, &self.search) else {
            return false;
        };
        let heard = |search: &Search| search.heard.contains(&found.address);
        if !found.speaks_upnp() {
            return false;
        }
        search.asked.contains(&found.address) && !heard(search) && !self.searched_again.as_ref().is_some_and(heard)
    }

    /// Whether the gateway answered the second search only.
    pub(super) fn is_hard_of_hearing(&self) -> bool {
        self.searched_again.is_some() && !self.is_deaf()
    }

    /// Whether searches heard nothing at all, so that answers may be kept back on the way.
    pub(super) fn is_quiet(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.heard.is_empty())
    }
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) address: IpAddr,
    pub(super) prefix: u8,
    /// The gateway of the default route of the address's family.
    pub(super) gateway: Option<IpAddr>,
}

/// A search for anything at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// The routers that were asked besides, each by itself.
    pub(super) asked: Vec<IpAddr>,
    /// On which interfaces it was sent to everybody.
    pub(super) sent: Vec<String>,
    /// On which it could not be sent, and why.
    pub(super) failed: Vec<(String, String)>,
    /// Who answered, without repetitions.
    pub(super) heard: Vec<IpAddr>,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) address: IpAddr,
    pub(super) location: String,
    /// 0 without UPnP.
    pub(super) igd_version: u8,
    /// The chosen connection, for instance `WANIPConnection:2`; without UPnP, the protocols that it speaks.
    pub(super) service: String,
    /// How many connections it has.
    pub(super) connections: usize,
    pub(super) took: Duration,
}

impl Found {
    pub(super) fn speaks_upnp(&self) -> bool {
        self.igd_version != 0
    }
}

/// What the gateway tells by PCP or NAT-PMP.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) carrier: Carrier,
    /// The external address; `None` if there is none at present.
    pub(super) address: Result<Option<IpAddr>, Error>,
}

/// What the router does when it is asked directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Knock {
    /// The router: the one that the user named, else the one of the default route.
    pub(super) router: IpAddr,
    /// Whether it takes or refuses connections, that is, whether it is there.
    pub(super) alive: bool,
}

/// What the gateway says about its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) status: ConnectionStatus,
    /// LastConnectionError.
    pub(super) last_error: String,
    pub(super) uptime: Option<Duration>,
    /// NATEnabled.
    pub(super) nat: Option<bool>,
    pub(super) address: Option<IpAddr>,
    /// ExternalIPAddress as it came.
    pub(super) address_text: String,
}

/// The way in over IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Firewall {
    /// Our address that others could reach.
    pub(super) local: Option<Ipv6Addr>,
    /// What the gateway tells about its firewall.
    pub(super) status: Option<FirewallStatus>,
}

/// A mapping, made to see whether it can be made.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) protocol: Protocol,
    pub(super) asked: u16,
    /// By which protocol it was made.
    pub(super) carrier: Option<Carrier>,
    /// The external port, and what the gateway did differently from what was asked, in sentences.
    pub(super) made: Result<(u16, Vec<String>), Error>,
}

/// A connection through the trial mapping, from this computer to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoopBack {
    /// It arrived.
    Arrived(SocketAddr),
    /// It did not.
    Lost(SocketAddr),
    /// Something else answered there.
    Stranger(SocketAddr),
    /// Not tried, for this reason.
    NotTried(&'static str),
}

/// The port that the user asks about.
#[derive(Clone, Debug)]
pub(super) struct OwnPort {
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    /// Our address in the gateway's network.
    pub(super) local: Option<IpAddr>,
    /// On which addresses programs listen on it; `None` if the system does not tell.
    pub(super) listening: Option<Vec<IpAddr>>,
    /// What the gateway does with it.
    pub(super) at_gateway: Option<AtGateway>,
}

/// What the gateway does with the user's port.
#[derive(Clone, Debug)]
pub(super) enum AtGateway {
    /// It leads there: client and port.
    Mapped(String, u16),
    /// It was free, and mapping it succeeded; the mapping is removed again.
    Free,
    /// It was free, and mapping it failed.
    Refused(Error),
    /// It was free and is a low one, and so is the internal port. Mapping it failed, also to a high external port.
    RefusedInside(Error),
    /// It could not be read.
    Unreadable(Error),
}
