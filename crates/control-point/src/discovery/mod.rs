//! Finding the gateway.
//!
//! ```no_run
//! # async fn example() -> Result<(), portreeve::Error> {
//! let gateway = portreeve::discover().await?;
//! println!("{} at {}", gateway.name(), gateway.address());
//! # Ok(())
//! # }
//! ```
//!
//! Whoever was taken in this network before is asked first, then the default gateway, then everybody on all interfaces
//! at once, over IPv6 where nothing is found over IPv4. The first gateway on which mappings work is taken, unless a
//! better one is about to come.

mod address;
mod announcements;
mod cache;
mod examine;
mod guess;
mod origin;
pub(crate) mod rank;
mod run;
mod search;
mod target;

use std::future::IntoFuture;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::gateway::Gateway;
use crate::network::{BoxFuture, Interface, Network, System};
use crate::port_control::Carrier;
pub use address::GatewayAddress;
pub use announcements::{Announcement, Announcements};
pub use origin::Family;
pub(crate) use origin::{Origin, near};
use search::Until;
pub(crate) use target::{everyone_from, group_at};

/// How long to search, unless said otherwise: as long as answers may take that were asked for within a second.
const TIMEOUT: Duration = Duration::from_secs(1);

const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// The order of protocols, unless said otherwise.
const ORDER: [Carrier; 3] = [Carrier::Igd, Carrier::Pcp, Carrier::NatPmp];

/// Finds the internet gateway. Await it, after changing what should be different.
pub fn discover() -> Discovery {
    Discovery {
        timeout: TIMEOUT,
        gateway: None,
        interface: None,
        family: None,
        order: ORDER.to_vec(),
        cache: CacheChoice::Default,
        network: Arc::new(System),
    }
}

/// A search to be. Awaiting it gives the best gateway.
#[derive(Clone, Debug)]
#[must_use = "nothing is searched before this is awaited"]
pub struct Discovery {
    timeout: Duration,
    gateway: Option<GatewayAddress>,
    interface: Option<String>,
    family: Option<Family>,
    /// Each at most once.
    order: Vec<Carrier>,
    cache: CacheChoice,
    network: Arc<dyn Network>,
}

#[derive(Clone, Debug)]
enum CacheChoice {
    Default,
    At(PathBuf),
    Nowhere,
}

/// Where gateways are remembered.
enum Cached {
    At(PathBuf),
    Nowhere,
}

impl Discovery {
    /// How long to wait for answers: 1 second by default, an hour at most. A gateway that has answered by then may take
    /// 2 seconds more to tell about itself.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// Takes this gateway and no other.
    pub fn gateway(mut self, gateway: impl Into<GatewayAddress>) -> Self {
        self.gateway = Some(gateway.into());
        self
    }

    /// Searches only on the interface of this name.
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// Searches in this family only. By default IPv4 is searched first, and IPv6 where nothing good is found soon.
    pub fn family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    /// Which protocols to find and use gateways by, the preferred one first. The default is UPnP, then PCP, then NAT-PMP;
    /// what is not named is not used.
    ///
    /// UPnP comes first since it shows what it has done: mappings are read back and listed, also those of other programs.
    pub fn protocol_order(mut self, order: &[Carrier]) -> Self {
        self.order.clear();
        for carrier in order {
            if !self.order.contains(carrier) {
                self.order.push(*carrier);
            }
        }
        self
    }

    /// Remembers gateways in this file, by default `$XDG_CACHE_HOME/portreeve/gateways.json`. They are asked first the
    /// next time, and never taken without having been asked. What is wrong with the file does not matter.
    pub fn cache(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache = CacheChoice::At(path.into());
        self
    }

    /// Remembers no gateways, and writes no file.
    pub fn without_cache(mut self) -> Self {
        self.cache = CacheChoice::Nowhere;
        self
    }

    /// As it is, but not longer than this.
    pub(crate) fn no_longer_than(mut self, most: Duration) -> Self {
        self.timeout = self.timeout.min(most);
        self
    }

    /// Of any gateway, also where one was named, and nothing remembered.
    pub(crate) fn of_any_gateway(mut self) -> Self {
        self.gateway = None;
        self.without_cache()
    }

    /// The same without UPnP.
    pub(crate) fn port_protocols(&self) -> Vec<Carrier> {
        let mut order = self.order.clone();
        order.retain(|carrier| *carrier != Carrier::Igd);
        order
    }

    /// The protocols to use, the preferred one first.
    pub(crate) fn order(&self) -> &[Carrier] {
        &self.order
    }

    /// The gateway that the caller named.
    pub(crate) fn named(&self) -> Option<&GatewayAddress> {
        self.gateway.as_ref()
    }

    /// The name of the only interface to search on.
    pub(crate) fn interface_named(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// The network that is searched.
    pub(crate) fn network_searched(&self) -> Arc<dyn Network> {
        Arc::clone(&self.network)
    }

    /// All gateways that are to be found, the best first and at least one. This waits until the time is over, and asks
    /// every connection of every gateway for its state.
    ///
    /// # Errors
    ///
    /// As awaiting the search.
    pub async fn all(self) -> Result<Vec<Gateway>, Error> {
        run::run(&self, Until::TimeOver).await
    }

    /// Searches another network than the system's.
    #[cfg(test)]
    pub(crate) fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.network = network;
        self
    }

    /// Where it searches from.
    pub(crate) fn origins(&self) -> io::Result<Vec<Origin>> {
        let mut interfaces = self.network.interfaces()?;
        interfaces.retain(|interface| self.interface.as_ref().is_none_or(|name| *name == interface.name));
        let mut origins = Origin::of(&interfaces);
        origins.retain(|origin| self.family.is_none_or(|family| family == origin.family()));
        Ok(origins)
    }

    /// The interfaces of the network that it searches.
    pub(crate) fn interfaces(&self) -> io::Result<Vec<Interface>> {
        self.network.interfaces()
    }

    /// Whether this machine has the address on an interface that is up, if the system tells.
    pub(crate) fn is_ours(&self, address: IpAddr) -> Option<bool> {
        let interfaces = self.interfaces().ok()?;
        let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
        Some(addresses.any(|(ours, _)| *ours == address.to_canonical()))
    }

    fn cached(&self) -> Cached {
        match &self.cache {
            CacheChoice::At(path) => Cached::At(path.clone()),
            CacheChoice::Default => cache::default_path().map_or(Cached::Nowhere, Cached::At),
            CacheChoice::Nowhere => Cached::Nowhere,
        }
    }
}

impl IntoFuture for Discovery {
    type Output = Result<Gateway, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Searches. Fails with [`Error::NoGateway`] if nobody answered who could be talked to, with
    /// [`Error::Unusable`] if the only gateway does not map ports at all, with [`Error::Invalid`] if there is no such
    /// interface, and with [`Error::System`] if the system does not tell its interfaces.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let gateways = run::run(&self, Until::Certain).await?;
            Ok(gateways
                .into_iter()
                .next()
                .expect("a search without a gateway is an error"))
        })
    }
}
