//! A pinhole that was opened.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use super::Transport;
use super::wanted::{LeaseSeconds, Wanted};
use super::way::Way;
use crate::error::{Error, Refusal};
use crate::explain::Explanation;
use crate::gateway::Gateway;

/// What came of asking for a pinhole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Opened {
    /// It is open.
    Pinhole(Pinhole),
    /// The firewall is off (FirewallEnabled is 0): what it should lead to is reachable as it is.
    AlreadyReachable(Reachable),
}

/// An address and port of ours that others reach without a pinhole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    wanted: Wanted,
}

impl Opened {
    pub(super) fn reachable(wanted: Wanted) -> Self {
        Self::AlreadyReachable(Reachable { wanted })
    }

    /// The gateway's number of the pinhole, if there is one.
    pub fn id(&self) -> Option<u16> {
        match self {
            Self::Pinhole(pinhole) => Some(pinhole.id()),
            Self::AlreadyReachable(_) => None,
        }
    }

    /// What it carries.
    pub fn transport(&self) -> Transport {
        self.wanted().transport
    }

    /// Where others reach this machine.
    pub fn internal(&self) -> SocketAddrV6 {
        self.wanted().internal()
    }

    /// The lease that was asked for.
    pub fn lease(&self) -> Duration {
        self.wanted().lease.span()
    }

    /// Whether the address can be reached from the internet, as [`Pinhole::is_global`].
    pub fn is_global(&self) -> bool {
        self.wanted().is_global()
    }

    /// Why there is no pinhole, in plain words, if there is none.
    pub fn explanation(&self) -> Option<Explanation> {
        match self {
            Self::Pinhole(_) => None,
            Self::AlreadyReachable(_) => Some(crate::explain::upnp_error("WANIPv6FirewallControl", 702)),
        }
    }

    fn wanted(&self) -> &Wanted {
        match self {
            Self::Pinhole(pinhole) => &pinhole.wanted,
            Self::AlreadyReachable(reachable) => &reachable.wanted,
        }
    }
}

/// A pinhole that the gateway has. Dropping it leaves it there until its lease ends.
#[derive(Clone, Debug)]
pub struct Pinhole {
    way: Way,
    wanted: Wanted,
    id: u16,
}

impl Pinhole {
    pub(super) fn new(way: Way, wanted: Wanted, id: u16) -> Self {
        Self { way, wanted, id }
    }

    /// The gateway that has it, as it was reached: over IPv6 if it wanted to be asked so.
    pub fn gateway(&self) -> &Gateway {
        &self.way.gateway
    }

    /// The gateway's number of it (UniqueID). A gateway that has started anew may give it to another pinhole.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// What it carries.
    pub fn transport(&self) -> Transport {
        self.wanted.transport
    }

    /// Where it leads to, and where others reach it.
    pub fn internal(&self) -> SocketAddrV6 {
        self.wanted.internal()
    }

    /// The only host of the internet that may use it; none if all may.
    pub fn remote_host(&self) -> Option<Ipv6Addr> {
        self.wanted.remote_host
    }

    /// The only port of others that may use it; none if all may.
    pub fn remote_port(&self) -> Option<u16> {
        Some(self.wanted.remote_port).filter(|port| *port != 0)
    }

    /// The lease that was asked for; the gateway does not tell what it granted.
    pub fn lease(&self) -> Duration {
        self.wanted.lease.span()
    }

    /// Whether its address can be reached from the internet. One of a site (RFC 4193) is all that this machine has where
    /// the provider offers no IPv6.
    pub fn is_global(&self) -> bool {
        self.wanted.is_global()
    }

    /// Extends it by a lease from now on.
    pub async fn update(&mut self, lease: Duration) -> Result<(), Error> {
        let lease = LeaseSeconds::new(lease)?;
        self.way.firewall.update_pinhole(self.id, lease.get()).await?;
        self.wanted.lease = lease;
        Ok(())
    }

    /// Closes it. That it is not there any more is no error.
    pub async fn delete(self) -> Result<(), Error> {
        match self.way.firewall.delete_pinhole(self.id).await {
            Err(Error::Refused(Refusal { code: 702 | 704, .. })) => Ok(()),
            result => result,
        }
    }

    /// How many packets came through it.
    pub async fn packets(&self) -> Result<u32, Error> {
        self.way.firewall.get_pinhole_packets(self.id).await
    }
}
