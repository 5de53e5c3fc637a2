//! Asking for a pinhole.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use tokio::time::Instant;

use super::Transport;
use super::kept::KeptPinhole;
use super::made::{Opened, Pinhole};
use super::wanted::{LeaseSeconds, Wanted, host};
use super::way::{self, Way};
use crate::actions::WanIpv6FirewallControl;
use crate::error::{Error, Refusal, Unusable};
use crate::gateway::Gateway;
use crate::silence::is_silence;

/// What a pinhole shall be. Begun with [`Gateway::pinhole`], ended with [`add`](Self::add) or [`keep`](Self::keep).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `add` or `keep`"]
pub struct PinholeRequest {
    gateway: Gateway,
    transport: Transport,
    internal_port: u16,
    client: Option<Ipv6Addr>,
    remote_host: Option<Ipv6Addr>,
    remote_port: u16,
    lease: Duration,
}

impl Gateway {
    /// A pinhole in the gateway's IPv6 firewall to this port of this machine; 0 for all ports, which many gateways refuse.
    pub fn pinhole(&self, protocol: impl Into<Transport>, internal_port: u16) -> PinholeRequest {
        PinholeRequest {
            gateway: self.clone(),
            transport: protocol.into(),
            internal_port,
            client: None,
            remote_host: None,
            remote_port: 0,
            lease: LeaseSeconds::DEFAULT,
        }
    }
}

impl PinholeRequest {
    /// Leads to this address instead of our own ([`Gateway::local_ipv6`]). Gateways open no other hosts' addresses.
    pub fn client(mut self, client: Ipv6Addr) -> Self {
        self.client = Some(client);
        self
    }

    /// Lets only this host of the internet in.
    pub fn remote_host(mut self, host: Ipv6Addr) -> Self {
        self.remote_host = Some(host);
        self
    }

    /// Lets only what comes from this port in; 0 for all.
    pub fn remote_port(mut self, port: u16) -> Self {
        self.remote_port = port;
        self
    }

    /// How long the gateway keeps the pinhole when nobody renews it: 1 s to a day, in whole seconds. The default is an
    /// hour.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Opens the pinhole. It stays until its lease ends or it is deleted. Where the firewall is off, there is nothing to
    /// open, which is a success.
    ///
    /// # Errors
    ///
    /// [`Unusable::NoIpv6`], [`Unusable::NoFirewallControl`] and [`Unusable::PinholesNotAllowed`], or [`Error::Refused`]
    /// with 606 or 701 to 708, besides what every request may end with.
    pub async fn add(self) -> Result<Opened, Error> {
        let wanted = self.check()?;
        let (answer, way) = open(&self.gateway, &wanted).await?;
        Ok(match answer {
            Answer::Open(id) => Opened::Pinhole(Pinhole::new(way, wanted, id)),
            Answer::NotNeeded => Opened::reachable(wanted),
        })
    }

    /// Opens the pinhole, and keeps it open until it is dropped or removed: it is renewed in time, opened again when the
    /// gateway has forgotten it, and follows our address. Where the firewall is off, it is opened once the firewall is on.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub async fn keep(self) -> Result<KeptPinhole, Error> {
        let wanted = self.check()?;
        let since = Instant::now();
        let (answer, way) = open(&self.gateway, &wanted).await?;
        Ok(KeptPinhole::new(
            way.gateway,
            wanted,
            self.client.is_none(),
            answer,
            since,
        ))
    }

    fn check(&self) -> Result<Wanted, Error> {
        let client = match self.client {
            Some(client) => client,
            None => self.gateway.local_ipv6().ok_or(Unusable::NoIpv6)?,
        };
        Ok(Wanted {
            transport: self.transport,
            internal_client: host("the internal client", client)?,
            internal_port: self.internal_port,
            remote_host: self
                .remote_host
                .map(|address| host("the remote host", address))
                .transpose()?,
            remote_port: self.remote_port,
            lease: LeaseSeconds::new(self.lease)?,
        })
    }
}

impl Wanted {
    /// The end inside, which is also the one that others see.
    pub(super) fn internal(&self) -> SocketAddrV6 {
        SocketAddrV6::new(self.internal_client, self.internal_port, 0, 0)
    }
}

/// What came of asking for a pinhole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is open: UniqueID.
    Open(u16),
    /// The firewall is off.
    NotNeeded,
}

/// Opens a pinhole, or extends it if there is one for the same ends.
pub(super) async fn open(gateway: &Gateway, wanted: &Wanted) -> Result<(Answer, Way), Error> {
    let arguments = wanted.arguments();
    way::ask(gateway, Some(wanted.internal_client), |firewall| {
        let arguments = arguments.clone();
        async move {
            if status(&firewall).await? == Some(false) {
                return Ok(Answer::NotNeeded);
            }
            match firewall.add_pinhole(&arguments).await {
                Ok(id) => Ok(Answer::Open(id)),
                Err(Error::Refused(Refusal { code: 702, .. })) => Ok(Answer::NotNeeded),
                Err(error) => Err(error),
            }
        }
    })
    .await
}

/// Whether the firewall is on, if it tells. An error if it is and lets nobody in.
async fn status(firewall: &WanIpv6FirewallControl) -> Result<Option<bool>, Error> {
    match firewall.get_firewall_status().await {
        Ok(status) if status.firewall_enabled && !status.inbound_pinhole_allowed => {
            Err(Unusable::PinholesNotAllowed.into())
        }
        Ok(status) => Ok(Some(status.firewall_enabled)),
        Err(error) if is_silence(&error) => Err(error),
        // What it refuses to tell shows itself when it is asked for the pinhole.
        Err(_) => Ok(None),
    }
}
