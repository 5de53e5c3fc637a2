//! Gateways that were found, and their connections.

mod connection;
mod found;
mod layout;
mod ports;
mod wan;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use portreeve_wire::description::Device;
use portreeve_wire::{Url, ssdp};
use tokio::sync::OnceCell;

use crate::actions::{LanHostConfigManagement, Layer3Forwarding};
use crate::discovery::{Discovery, Family};
use crate::error::{Conversation, Error, NoGateway, Unusable};
use crate::http;
use crate::mapping::Memory;
use crate::network::Interface;
use crate::port_control::{Carrier, PortServer};
use crate::raw::Descriptions;
pub use connection::{Connection, StatusSeen};
pub(crate) use found::{Found, Thoroughness};
pub(crate) use layout::OfferedService;
use ports::Ports;
pub use wan::WanConnection;

/// An internet gateway that was found. Cheap to clone; the clones are the same gateway.
///
/// It is known by UPnP, by what it speaks on UDP port 5351 (PCP, NAT-PMP), or by both: see [`carriers`](Self::carriers).
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    /// Once that has been found out; the inner `None`: it does not speak UPnP.
    upnp: OnceCell<Option<Arc<Upnp>>>,
    ports: Ports,
    /// Its address, with the interface that leads to a link-local one. The port says nothing.
    host: SocketAddr,
    local: IpAddr,
    /// Where it was found.
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

/// How a gateway was found.
pub(crate) struct Known {
    /// By UPnP.
    pub(crate) upnp: Option<(Found, Heard)>,
    /// By PCP or NAT-PMP. The outer `None`: it has not said whether it speaks them; the inner one: it does not.
    pub(crate) server: Option<Option<PortServer>>,
}

/// What an answer to a search says about a gateway besides where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// `SERVER`.
    pub(crate) server: Option<String>,
    /// `BOOTID.UPNP.ORG`.
    pub(crate) boot_id: Option<u32>,
}

impl Known {
    /// Our address towards it, and its address; `None` if nothing was found.
    pub(crate) fn way(&self) -> Option<(IpAddr, SocketAddr)> {
        let upnp = self
            .upnp
            .as_ref()
            .map(|(found, _)| (found.local, found.location.authority()));
        upnp.or_else(|| {
            self.server
                .as_ref()?
                .as_ref()
                .map(|server| (server.local(), server.server()))
        })
    }
}

impl Gateway {
    /// What was found in one way or in both; `None` if in none.
    pub(crate) fn new(known: Known, interface: String, discovery: Discovery, http: &Arc<http::Client>) -> Option<Self> {
        let (local, host) = known.way()?;
        let Known { upnp, server } = known;
        let location = match (&upnp, &server) {
            (Some((found, _)), _) => found.location.to_string(),
            (None, server) => location(server.as_ref()?.as_ref()?),
        };
        let upnp = upnp.map(|(found, heard)| Arc::new(Upnp { found, heard }));
        let inner = Inner {
            // Where it was not found by UPnP, nobody may have waited for that.
            upnp: upnp.map_or_else(OnceCell::new, |upnp| OnceCell::new_with(Some(Some(upnp)))),
            ports: Ports::new(server),
            host,
            local,
            location,
            interface,
            http: Arc::clone(http),
            discovery,
            memory: Memory::default(),
            descriptions: Descriptions::default(),
            sibling: OnceCell::new(),
        };
        Some(Self { inner: Arc::new(inner) })
    }

    /// The protocols by which mappings can be asked of it, as far as is known, in the order of
    /// [`Discovery::protocol_order`].
    ///
    /// Which was answered first decides how much is known: a gateway that was taken by one protocol is asked for the
    /// others only when that one does not do.
    pub fn carriers(&self) -> Vec<Carrier> {
        let mut order = self.inner.discovery.order().to_vec();
        order.retain(|carrier| match carrier {
            Carrier::Igd => self.upnp().is_some(),
            Carrier::Pcp | Carrier::NatPmp => self.inner.ports.known(*carrier).is_some(),
        });
        order
    }

    /// Finds out whether it speaks UPnP, unless that is known. That may take a second.
    pub(crate) async fn look_for_upnp(&self) -> Result<&Connection, Unusable> {
        if !self.inner.discovery.order().contains(&Carrier::Igd) {
            return self.connection();
        }
        let look = || async {
            let discovery = self.discovery().of_any_gateway().gateway(self.search_address());
            let found = discovery.protocol_order(&[Carrier::Igd]).await.ok()?;
            found.inner.upnp.get().cloned().flatten()
        };
        self.inner.upnp.get_or_init(look).await;
        self.connection()
    }

    /// The server of this protocol on it, if it is known to have one.
    pub(crate) fn known_port_server(&self, carrier: Carrier) -> Option<&PortServer> {
        self.inner.ports.known(carrier)
    }

    /// Finds the server of this protocol on it, unless that is known. That may take a second.
    ///
    /// # Errors
    ///
    /// [`Conversation::NotOffered`] if there is none.
    pub(crate) async fn port_server(&self, carrier: Carrier) -> Result<&PortServer, Conversation> {
        let server = self.inner.ports.server(carrier, self).await;
        server.ok_or_else(|| Conversation::NotOffered(carrier.to_string()))
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
        Some(&self.upnp()?.found.location)
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
        let is_it = |found: &Self| found.is_of_the_same_router(self);
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

    /// Whether two gateways of different families are one: by name, or since both are where the same interface leads to the
    /// internet, for those that have no name.
    fn is_of_the_same_router(&self, other: &Self) -> bool {
        let interfaces = self.inner.discovery.interfaces().unwrap_or_default();
        let named = |gateway: &Self| !gateway.udn().is_empty();
        let leads_out = |gateway: &Self| {
            let mut there = interfaces
                .iter()
                .filter(|interface| interface.name == gateway.interface());
            there.any(|interface| interface.gateways.contains(&gateway.address()))
        };
        match named(self) && named(other) {
            true => self.udn() == other.udn(),
            false => self.interface() == other.interface() && leads_out(self) && leads_out(other),
        }
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
        let Upnp { found, heard } = self.upnp()?;
        heard.server.as_deref().or(found.server.as_deref())
    }

    /// `BOOTID.UPNP.ORG`: another value means that it has started anew. Not all gateways have it, and none that was
    /// found without a search.
    pub fn boot_id(&self) -> Option<u32> {
        self.upnp()?.heard.boot_id
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
        self.upnp().map_or(&[], |upnp| &upnp.found.connections)
    }

    /// The best way to the internet.
    ///
    /// # Errors
    ///
    /// [`Unusable::NoUpnp`] if the gateway is known by PCP or NAT-PMP only.
    pub fn connection(&self) -> Result<&Connection, Unusable> {
        let upnp = self.upnp().ok_or(Unusable::NoUpnp)?;
        Ok(upnp.found.best())
    }

    /// The service that knows which connection is the default, if there is one.
    pub fn layer3_forwarding(&self) -> Option<&Layer3Forwarding> {
        self.upnp()?.found.layer3_forwarding.as_ref()
    }

    /// The service that knows how hosts of the LAN are set up, if there is one.
    pub fn lan_host_config_management(&self) -> Option<&LanHostConfigManagement> {
        self.upnp()?.found.lan_host.as_ref()
    }

    /// Every service of the description whose URLs stay on the gateway.
    pub(crate) fn offered(&self) -> &[OfferedService] {
        self.upnp().map_or(&[], |upnp| &upnp.found.services)
    }

    /// Where the events of the best connection are subscribed to, if it has any.
    pub(crate) fn connection_events(&self) -> Option<&Url> {
        let control = self.connection().ok()?.wan().endpoint().control().url();
        let offered = self.offered().iter().find(|offered| offered.control == *control);
        offered?.events.as_ref()
    }

    fn upnp(&self) -> Option<&Upnp> {
        self.inner.upnp.get()?.as_deref()
    }

    fn device(&self) -> Option<&Device> {
        Some(&self.upnp()?.found.description.device)
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

/// What stands for the URL of a description where there is none.
fn location(server: &PortServer) -> String {
    let scheme = match server.carrier() {
        Carrier::NatPmp => "nat-pmp",
        Carrier::Pcp | Carrier::Igd => "pcp",
    };
    let at = SocketAddr::new(server.server().ip(), server.server().port());
    format!("{scheme}://{at}")
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("name", &self.name())
            .field("location", &self.location())
            .field("udn", &self.udn())
            .field("connections", &self.connections())
            .field("carriers", &self.carriers())
            .finish_non_exhaustive()
    }
}
