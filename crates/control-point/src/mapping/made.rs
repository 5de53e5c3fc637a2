//! A mapping that was made.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::Protocol;
use super::carry_out::{Asked, carry_out, remove};
use super::note::{Note, Verification};
use super::plan::{Made, Purpose};
use super::wanted::Wanted;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::port_control::Carrier;

/// A mapping that the gateway has. Dropping it leaves it there until its lease ends.
#[derive(Clone, Debug)]
pub struct Mapping {
    gateway: Gateway,
    wanted: Wanted,
    made: Made,
    external_address: Option<IpAddr>,
}

impl Mapping {
    pub(crate) fn new(gateway: Gateway, wanted: Wanted, made: Made, external_address: Option<IpAddr>) -> Self {
        Self {
            gateway,
            wanted,
            made,
            external_address,
        }
    }

    /// The gateway that has it.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Which protocol it was asked for by, the last time.
    pub fn carrier(&self) -> Carrier {
        self.made.carrier
    }

    /// What it carries.
    pub fn protocol(&self) -> Protocol {
        self.wanted.protocol
    }

    /// Where it is reached from the internet.
    pub fn external(&self) -> External {
        External {
            address: self.external_address,
            port: self.made.external_port.get(),
        }
    }

    /// The port of the gateway.
    pub fn external_port(&self) -> u16 {
        self.made.external_port.get()
    }

    /// The gateway's address towards the internet, if it told.
    pub fn external_address(&self) -> Option<IpAddr> {
        self.external_address
    }

    /// The host that it leads to.
    pub fn internal_client(&self) -> IpAddr {
        self.wanted.internal_client.into()
    }

    /// The port of that host.
    pub fn internal_port(&self) -> u16 {
        self.wanted.internal_port.get()
    }

    /// The only host of the internet that may use it; none if all may.
    pub fn remote_host(&self) -> Option<IpAddr> {
        self.wanted.remote_host.map(IpAddr::V4)
    }

    /// The lease that the gateway granted, as it was read back; none if the mapping stays until it is removed.
    pub fn lease(&self) -> Option<Duration> {
        self.made.lease.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// How far it is proven that the gateway has it.
    pub fn verification(&self) -> &Verification {
        &self.made.verification
    }

    /// What is not as it was asked for, and what had to be done.
    pub fn notes(&self) -> &[Note] {
        &self.made.notes
    }

    /// Renews it for its lease, by the protocol that it was made by, and reads it back; by another one if that is not
    /// answered any more. The port may change if another one was allowed.
    pub async fn renew(&mut self) -> Result<(), Error> {
        let asked = Asked {
            purpose: Purpose::Renewal(self.made.external_port),
            by: Some(self.made.carrier),
        };
        self.made = carry_out(&self.gateway, &self.wanted, asked).await?;
        self.external_address = self.made.external_address.or(self.external_address);
        Ok(())
    }

    /// Removes it. That it is not there any more is no error.
    pub async fn remove(self) -> Result<(), Error> {
        remove(&self.gateway, &self.wanted, &self.made.entry()).await
    }

    /// As it is after it was made again, perhaps on another gateway and for another address of ours.
    pub(crate) fn replace(&mut self, gateway: Gateway, wanted: Wanted, made: Made) {
        self.gateway = gateway;
        self.wanted = wanted;
        self.made = made;
    }

    pub(crate) fn set_external_address(&mut self, address: Option<IpAddr>) {
        self.external_address = address;
    }

    pub(crate) fn parts(self) -> (Gateway, Wanted, Made, Option<IpAddr>) {
        (self.gateway, self.wanted, self.made, self.external_address)
    }
}

/// Address and port towards the internet. Its `Display` form is `11.11.11.1:8080`, or `port 8080` if the address is not
/// known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct External {
    /// The gateway's address, if it told.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => std::net::SocketAddr::new(address, self.port).fmt(f),
            None => write!(f, "port {}", self.port),
        }
    }
}
