//! A mapping that was made.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use super::Protocol;
use super::carry_out::{carry_out, delete, read};
use super::note::{Note, Verification};
use super::plan::{Made, Purpose};
use super::wanted::Wanted;
use crate::error::{Error, Refusal};
use crate::gateway::Gateway;
use crate::port_control::Carrier;
use crate::silence::is_silence;

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

    /// Renews it for its lease, and reads it back. The port may change if another one was allowed.
    pub async fn renew(&mut self) -> Result<(), Error> {
        let purpose = Purpose::Renewal(self.made.external_port);
        self.made = carry_out(&self.gateway, &self.wanted, purpose).await?;
        Ok(())
    }

    /// Removes it. That it is not there any more is no error.
    pub async fn remove(self) -> Result<(), Error> {
        remove(&self.gateway, &self.wanted, self.made.external_port).await
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

/// Deletes a mapping of ours; one that is gone already is deleted. Whoever has the port now, after its lease has ended or
/// the gateway has restarted, keeps it: many gateways let anybody delete anything.
pub(crate) async fn remove(gateway: &Gateway, wanted: &Wanted, external_port: NonZeroU16) -> Result<(), Error> {
    let wan = gateway.connection()?.wan();
    if !gateway.memory().lessons().no_read_back {
        match read(wan, wanted, external_port).await {
            Ok(shown) if shown.is_somebody_elses(wanted) => return Ok(()),
            Err(error) if is_silence(&error) => return Err(error),
            _ => {}
        }
    }
    match delete(wan, wanted, external_port).await {
        Err(Error::Refused(Refusal { code: 714, .. })) => Ok(()),
        result => result,
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
