//! Asking for a mapping.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::Protocol;
use super::carry_out::{Attempts, carry_out_by, remove};
use super::made::Mapping;
use super::note::Note;
use super::plan::{Made, Purpose};
use super::wanted::{Description, External, LeaseSeconds, Wanted, host, port};
use crate::discovery::Family;
use crate::error::{Error, Unusable};
use crate::gateway::Gateway;
use crate::keeper::KeptMapping;
use crate::port_control::Carrier;
use crate::status::{self, AddressKind};

/// What a mapping shall be. Begun with [`Gateway::map`], ended with [`once`](Self::once) or [`keep`](Self::keep).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `once` or `keep`"]
pub struct MapRequest {
    gateway: Gateway,
    protocol: Protocol,
    internal_port: u16,
    external_port: Choice,
    lease: Duration,
    client: Option<IpAddr>,
    remote_host: Option<IpAddr>,
    description: String,
    status: Attitude,
}

/// Which external port is wanted.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Exactly(u16),
    Preferably(u16),
    Any,
}

/// What to do when the status says that a mapping cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attitude {
    Heed,
    Ignore,
}

impl Gateway {
    /// A mapping from a port of the gateway to this port of this machine.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use portreeve::Protocol;
    ///
    /// # async fn example() -> Result<(), portreeve::Error> {
    /// let gateway = portreeve::discover().await?;
    /// let mapping = gateway.map(Protocol::Tcp, 8080).lease(Duration::from_secs(600)).once().await?;
    /// println!("for ten minutes at {}", mapping.external());
    /// # Ok(())
    /// # }
    /// ```
    pub fn map(&self, protocol: Protocol, internal_port: u16) -> MapRequest {
        MapRequest {
            gateway: self.clone(),
            protocol,
            internal_port,
            external_port: Choice::Preferably(internal_port),
            lease: LeaseSeconds::DEFAULT,
            client: None,
            remote_host: None,
            description: "portreeve".to_owned(),
            status: Attitude::Heed,
        }
    }
}

impl MapRequest {
    /// This external port, or an error.
    pub fn external(mut self, port: u16) -> Self {
        self.external_port = Choice::Exactly(port);
        self
    }

    /// This external port, or another if it cannot be had. The default is to prefer the internal port.
    pub fn prefer(mut self, port: u16) -> Self {
        self.external_port = Choice::Preferably(port);
        self
    }

    /// Any external port.
    pub fn any(mut self) -> Self {
        self.external_port = Choice::Any;
        self
    }

    /// How long the gateway keeps the mapping when nobody renews it: 1 s to a week, in whole seconds. The default is an
    /// hour.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Maps to another host than this one, which many gateways refuse.
    pub fn client(mut self, client: IpAddr) -> Self {
        self.client = Some(client);
        self
    }

    /// Lets only this host of the internet in. Gateways of version 1 may refuse that.
    pub fn remote_host(mut self, host: IpAddr) -> Self {
        self.remote_host = Some(host);
        self
    }

    /// Text that the gateway shows to people: at most 255 bytes. The default is `portreeve`.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Makes the mapping even if the gateway's status says that it cannot work, as behind another NAT: hosts between the
    /// two can still use it.
    pub fn despite_status(mut self) -> Self {
        self.status = Attitude::Ignore;
        self
    }

    /// Makes the mapping and reads it back. It stays until its lease ends or it is removed.
    pub async fn once(self) -> Result<Mapping, Error> {
        let (mapping, _since) = self.make().await?;
        Ok(mapping)
    }

    /// Makes the mapping, reads it back, and renews it until it is dropped or removed.
    ///
    /// ```no_run
    /// use portreeve::{Change, Protocol};
    ///
    /// # async fn example() -> Result<(), portreeve::Error> {
    /// let gateway = portreeve::discover().await?;
    /// let kept = gateway.map(Protocol::Udp, 4000).any().keep().await?;
    /// println!("reachable at {}", kept.external());
    /// let mut changes = kept.changes();
    /// while let Some(change) = changes.next().await {
    ///     match change {
    ///         Change::ExternalAddress { .. } | Change::ExternalPort { .. } => println!("now at {}", kept.external()),
    ///         Change::Lost { why } => println!("unreachable: {}", why.explanation().problem),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn keep(self) -> Result<KeptMapping, Error> {
        let follows_us = self.client.is_none();
        let (mapping, since) = self.make().await?;
        Ok(KeptMapping::new(mapping, follows_us, since))
    }

    /// The mapping, and when it was asked for.
    async fn make(self) -> Result<(Mapping, Instant), Error> {
        let wanted = self.check()?;
        // Gateways compare the address that asks with InternalClient.
        let over_ipv4 = match Family::of(self.gateway.address()) {
            Family::Ipv4 => None,
            Family::Ipv6 => self.gateway.over_the_other_family().await.cloned(),
        };
        let gateway = over_ipv4.unwrap_or(self.gateway);
        let (mut made, external_address, since) = make_by_any(&gateway, &wanted, self.status).await?;
        if Some(wanted.internal_client) != gateway.local_ipv4() {
            made.notes.push(Note::ForAnotherHost);
        }
        Ok((Mapping::new(gateway, wanted, made, external_address), since))
    }

    fn check(&self) -> Result<Wanted, Error> {
        let external_port = |number| port("the external port", number);
        let client = match self.client {
            Some(client) => host("the internal client", client)?,
            None => self.gateway.local_ipv4().ok_or(Unusable::NoIpv4)?,
        };
        Ok(Wanted {
            protocol: self.protocol,
            external: match self.external_port {
                Choice::Exactly(port) => External::Exact(external_port(port)?),
                Choice::Preferably(port) => External::Preferred(external_port(port)?),
                Choice::Any => External::Any,
            },
            internal_client: client,
            internal_port: port("the internal port", self.internal_port)?,
            lease: LeaseSeconds::new(self.lease)?,
            remote_host: self
                .remote_host
                .map(|address| host("the remote host", address))
                .transpose()?,
            description: Description::new(&self.description)?,
        })
    }
}

/// What was made, the external address, and when it was asked for.
type Begun = (Made, Option<IpAddr>, Instant);

async fn make_by_any(gateway: &Gateway, wanted: &Wanted, attitude: Attitude) -> Result<Begun, Error> {
    let mut attempts = Attempts::at(gateway, None);
    while let Some(carrier) = attempts.next() {
        let begun = match carrier {
            Carrier::Igd => make_by_upnp(gateway, wanted, attitude).await,
            Carrier::Pcp | Carrier::NatPmp => make_by_port_control(gateway, carrier, wanted, attitude).await,
        };
        match begun {
            Ok(begun) => return Ok(begun),
            Err(error) => attempts.failed(carrier, error),
        }
    }
    Err(attempts.error())
}

/// Looks at the status first, and makes the mapping.
async fn make_by_upnp(gateway: &Gateway, wanted: &Wanted, attitude: Attitude) -> Result<Begun, Error> {
    let status = status::essential_now(gateway.look_for_upnp().await?).await?;
    if attitude == Attitude::Heed {
        status.usable()?;
    }
    let since = Instant::now();
    let made = carry_out_by(gateway, wanted, Purpose::New, Carrier::Igd).await?;
    Ok((made, status.external_address, since))
}

/// Makes the mapping, which shows the external address; of no use, it is removed again.
async fn make_by_port_control(
    gateway: &Gateway,
    carrier: Carrier,
    wanted: &Wanted,
    attitude: Attitude,
) -> Result<Begun, Error> {
    let since = Instant::now();
    let made = carry_out_by(gateway, wanted, Purpose::New, carrier).await?;
    let address = match made.external_address {
        Some(address) => Some(address),
        // That it does not tell does not stand in the way.
        None => gateway
            .port_server(carrier)
            .await?
            .external_address()
            .await
            .ok()
            .flatten(),
    };
    if let (Attitude::Heed, Some(address)) = (attitude, address)
        && let Err(unusable) = AddressKind::of(address).usable(address)
    {
        // If it cannot be removed, it ends with its lease.
        let _removed = remove(gateway, wanted, &made.entry()).await;
        return Err(unusable.into());
    }
    Ok((made, address, since))
}
