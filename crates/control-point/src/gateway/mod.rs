//! Gateways that were found, and their connections.

mod connection;
mod found;
mod layout;
mod wan;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use portreeve_wire::description::Device;
use portreeve_wire::{Url, ssdp};
use tokio::sync::OnceCell;

use crate::actions::{LanHostConfigManagement, Layer3Forwarding};
use crate::discovery::{Discovery, Family};
use crate::error::{Error, NoGateway, Unusable};
use crate::http;
use crate::mapping::Memory;
use crate::network::Interface;
use crate::port_control::Carrier;
use crate::raw::Descriptions;
pub use connection::{Connection, StatusSeen};
pub(crate) use found::{Found, Thoroughness};
pub(crate) use layout::OfferedService;
pub use wan::WanConnection;

/// An internet gateway that was found. Cheap to clone; the clones are the same gateway.
///
/// It is known by UPnP, by what it speaks on UDP port 5351 (PCP, NAT-PMP), or by both: see [`carriers`](Self::carriers).
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    upnp: Option<Upnp>,
    /// Its address, with the interface that leads to a link-local one. The port says nothing.
    host: SocketAddr,
    local: IpAddr,
    location: String,
    interface: String,
    http: Arc<http::Client>,
    discovery: Discovery,
    memory: Memory,
    descriptions: Descriptions,
    /// As it is reached in the other family, once that has been found out.
    sibling: OnceCell<Gateway>,
}

/// What is known by UPnP.
struct Upnp {
    found: Found,
    heard: Heard,
}

/// What an answer to a search says about a gateway besides where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// `SERVER`.
    pub(crate) server: Option<String>,
    /// `BOOTID.UPNP.ORG`.
    pub(crate) boot_id: Option<u32>,
}

impl Gateway {
    pub(crate) fn new(found: Found, heard: Heard, interface: String, discovery: Discovery) -> Self {
        let inner = Inner {
            host: found.location.authority(),
            local: found.local,
            location: found.location.to_string(),
            interface,
            http: Arc::clone(&found.http),
            upnp: Some(Upnp { found, heard }),
            discovery,
            memory: Memory::default(),
            descriptions: Descriptions::default(),
            sibling: OnceCell::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The protocols by which mappings can be asked of it, as far as is known, in the order of
    /// [`Discovery::protocol_order`].
    ///
    /// Which was answered first decides how much is known: a gateway that was taken by one protocol is asked for the
    /// others only when that one does not do.
    pub fn carriers(&self) -> Vec<Carrier> {
        let mut order = self.inner.discovery.order().to_vec();
        order.retain(|carrier| self.speaks(*carrier));
        order
    }

    fn speaks(&self, carrier: Carrier) -> bool {
        match carrier {
            Carrier::Igd => self.inner.upnp.is_some(),
            Carrier::Pcp | Carrier::NatPmp => false,
        }
    }

    /// Its name for people (`friendlyName`); what it is, if it does not speak UPnP.
    pub fn name(&self) -> &str {
        let device = self.device();
        device.map_or("gateway without UPnP", |device| &device.friendly_name)
    }

    /// Who made it; empty if it does not tell.
    pub fn manufacturer(&self) -> &str {
        self.device().map_or("", |device| &device.manufacturer)
    }

    /// The model: name and number; empty if it does not tell.
    pub fn model(&self) -> String {
        let Some(device) = self.device() else {
            return String::new();
        };
        match &device.model_number {
            Some(number) if !device.model_name.contains(number) => format!("{} {number}", device.model_name),
            Some(_) | None => device.model_name.clone(),
        }
    }

    /// The unique name of the root device: `uuid:` and a UUID, if the maker kept to the standard; empty if it does not
    /// speak UPnP.
    pub fn udn(&self) -> &str {
        self.device().map_or("", |device| &device.udn)
    }

    /// Where its description is; if it does not speak UPnP, where it takes requests: `pcp://192.168.77.1:5351`.
    pub fn location(&self) -> &str {
        &self.inner.location
    }

    /// Where its description is, with the interface that leads to a link-local address.
    pub(crate) fn url(&self) -> Option<&Url> {
        Some(&self.inner.upnp.as_ref()?.found.location)
    }

    /// Its address, with the interface that leads to a link-local one. The port says nothing.
    pub(crate) fn host(&self) -> SocketAddr {
        self.inner.host
    }

    /// Where it hears searches.
    pub(crate) fn search_address(&self) -> SocketAddr {
        let mut address = self.host();
        address.set_port(ssdp::PORT);
        address
    }

    /// Its address in our network.
    pub fn address(&self) -> IpAddr {
        self.inner.host.ip()
    }

    /// Whether both are the same gateway: of one name, or at one address.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let same_name = !self.udn().is_empty() && self.udn() == other.udn();
        same_name || self.address() == other.address()
    }

    /// Our address as the gateway sees it, which is where mappings lead by default.
    pub fn local_address(&self) -> IpAddr {
        self.inner.local
    }

    /// Our IPv4 address towards it, which is where mappings lead: also where it was found over IPv6.
    pub fn local_ipv4(&self) -> Option<Ipv4Addr> {
        match self.local_address().to_canonical() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => self.on_its_interface(|interface| interface.ipv4().next()),
        }
    }

    /// Our IPv6 address towards it that others can be told of: one that is reached from everywhere, else one that is
    /// reached in the site.
    pub fn local_ipv6(&self) -> Option<Ipv6Addr> {
        self.on_its_interface(|interface| {
            interface
                .ipv6()
                .find(|address| !address.is_unicast_link_local() && !address.is_loopback())
        })
    }

    /// The same gateway as it is reached in the other family, if it is found there. It is searched for once, so that all
    /// that is made there shares one memory and one keeper.
    pub(crate) async fn over_the_other_family(&self) -> Option<&Self> {
        self.inner.sibling.get_or_try_init(|| self.find_sibling()).await.ok()
    }

    async fn find_sibling(&self) -> Result<Self, Error> {
        let family = match Family::of(self.address()) {
            Family::Ipv4 => Family::Ipv6,
            Family::Ipv6 => Family::Ipv4,
        };
        let discovery = self.discovery().of_any_gateway().family(family);
        let is_it = |found: &Self| !self.udn().is_empty() && found.udn() == self.udn();
        let first = discovery.clone().await.ok();
        let found = match first.filter(is_it) {
            Some(found) => found,
            // Where there are several gateways, the best one may be another.
            None => discovery
                .all()
                .await?
                .into_iter()
                .find(is_it)
                .ok_or_else(NoGateway::default)?,
        };
        tracing::debug!(location = found.location(), "reached in another family");
        Ok(found)
    }

    fn on_its_interface<T>(&self, look: impl Fn(&Interface) -> Option<T>) -> Option<T> {
        let interfaces = self.inner.discovery.interfaces().unwrap_or_default();
        let name = self.interface();
        interfaces
            .iter()
            .filter(|interface| name.is_empty() || interface.name == name)
            .find_map(look)
    }

    /// The interface that leads to it; empty if it is behind routers that are not known.
    pub fn interface(&self) -> &str {
        &self.inner.interface
    }

    /// Its software, in its own words.
    pub fn server(&self) -> Option<&str> {
        let Upnp { found, heard } = self.inner.upnp.as_ref()?;
        heard.server.as_deref().or(found.server.as_deref())
    }

    /// `BOOTID.UPNP.ORG`: another value means that it has started anew. Not all gateways have it, and none that was
    /// found without a search.
    pub fn boot_id(&self) -> Option<u32> {
        self.inner.upnp.as_ref()?.heard.boot_id
    }

    /// The version of its InternetGatewayDevice; 1 if it is another device, 0 if it does not speak UPnP.
    pub fn igd_version(&self) -> u8 {
        let Some(device) = self.device() else { return 0 };
        let version = device
            .device_type
            .rsplit(':')
            .next()
            .and_then(|version| version.trim().parse().ok());
        version.unwrap_or(1)
    }

    /// Its ways to the internet, the best first: at least one if it speaks UPnP, else none.
    pub fn connections(&self) -> &[Connection] {
        self.inner.upnp.as_ref().map_or(&[], |upnp| &upnp.found.connections)
    }

    /// The best way to the internet.
    ///
    /// # Errors
    ///
    /// [`Unusable::NoUpnp`] if the gateway is known by PCP or NAT-PMP only.
    pub fn connection(&self) -> Result<&Connection, Unusable> {
        let upnp = self.inner.upnp.as_ref().ok_or(Unusable::NoUpnp)?;
        Ok(upnp.found.best())
    }

    /// The service that knows which connection is the default, if there is one.
    pub fn layer3_forwarding(&self) -> Option<&Layer3Forwarding> {
        self.inner.upnp.as_ref()?.found.layer3_forwarding.as_ref()
    }

    /// The service that knows how hosts of the LAN are set up, if there is one.
    pub fn lan_host_config_management(&self) -> Option<&LanHostConfigManagement> {
        self.inner.upnp.as_ref()?.found.lan_host.as_ref()
    }

    /// Every service of the description whose URLs stay on the gateway.
    pub(crate) fn offered(&self) -> &[OfferedService] {
        self.inner.upnp.as_ref().map_or(&[], |upnp| &upnp.found.services)
    }

    /// Where the events of the best connection are subscribed to, if it has any.
    pub(crate) fn connection_events(&self) -> Option<&Url> {
        let control = self.connection().ok()?.wan().endpoint().control().url();
        let offered = self.offered().iter().find(|offered| offered.control == *control);
        offered?.events.as_ref()
    }

    fn device(&self) -> Option<&Device> {
        Some(&self.inner.upnp.as_ref()?.found.description.device)
    }

    /// What its requests go through.
    pub(crate) fn http(&self) -> &Arc<http::Client> {
        &self.inner.http
    }

    /// What its services have said about themselves.
    pub(crate) fn descriptions(&self) -> &Descriptions {
        &self.inner.descriptions
    }

    /// What it has shown that it cannot do.
    pub(crate) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    /// How to find it again.
    pub(crate) fn discovery(&self) -> Discovery {
        self.inner.discovery.clone()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("name", &self.name())
            .field("location", &self.location())
            .field("udn", &self.udn())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
