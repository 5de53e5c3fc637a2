//! The examination itself: gathers what is to be seen, one step after another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::ssdp::PORT;
use tokio::time::{Instant, sleep, timeout};

use super::evidence::{Connection, Evidence, Firewall, Found, Knock, Link, LoopBack, OwnPort, Trial};
use super::findings::{self, Finding};
use super::search::{Whom, search};
use super::servers::{self, ask};
use super::step::{Step, Topic};
use super::trial::{TrialMapping, at_gateway, loop_back};
use super::verdict::{Verdict, diagnose};
use crate::discovery::{Discovery, Family, Origin, discover, near};
use crate::error::Error;
use crate::gateway::{Gateway, WanConnection};
use crate::mapping::{Mapping, Protocol};
use crate::network::{Door, Interface, Network, listeners};
use crate::port_control::Carrier;
use crate::random::unguessable;
use crate::status::{essential_of, firewall};
use crate::stun;

/// An examination to be.
///
/// ```no_run
/// # async fn example() {
/// use portreeve::doctor::Examination;
///
/// let examination = Examination::new().port(8080);
/// let verdict = examination.run(|step| println!("{}: {}", step.topic, step.finding)).await;
/// println!("{}\n{}", verdict.problem, verdict.remedy);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Examination {
    discovery: Discovery,
    protocol: Protocol,
    port: Option<u16>,
    stun: Option<String>,
}

impl Default for Examination {
    fn default() -> Self {
        Self::new()
    }
}

impl Examination {
    /// Of mapping in general, with TCP, on any gateway.
    pub fn new() -> Self {
        Self {
            discovery: discover(),
            protocol: Protocol::Tcp,
            port: None,
            stun: None,
        }
    }

    /// How to find the gateway.
    pub fn discovery(mut self, discovery: Discovery) -> Self {
        self.discovery = discovery;
        self
    }

    /// What the mapping carries.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// The port that shall be reachable, inside and outside. 0 is taken as none.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port).filter(|port| *port != 0);
        self
    }

    /// A STUN server (`host`, `host:port`) to ask for the address that the internet sees. Without one, nothing leaves
    /// the local network.
    pub fn stun(mut self, server: impl Into<String>) -> Self {
        self.stun = Some(server.into());
        self
    }

    /// Examines, and tells each step as it ends. It takes some seconds, most of them where something is wrong.
    ///
    /// It makes one or two mappings with a lease of 90 seconds and removes them. If it is dropped half-way, they are
    /// removed in the background, for which the runtime has to go on for a moment.
    pub async fn run(self, on_step: impl FnMut(&Step)) -> Verdict {
        let mut round = Round {
            network: self.discovery.network_searched(),
            examination: self,
            seen: Evidence::default(),
            steps: Vec::new(),
            on_step,
            begun: Instant::now(),
        };
        round.go().await;
        let (diagnosis, finding) = diagnose(&round.seen);
        Verdict {
            diagnosis,
            problem: finding.text,
            remedy: finding.remedy.unwrap_or_default(),
            steps: round.steps,
        }
    }
}

/// An examination under way.
struct Round<F> {
    network: Arc<dyn Network>,
    examination: Examination,
    seen: Evidence,
    steps: Vec<Step>,
    on_step: F,
    /// When the present step began.
    begun: Instant,
}

impl<F: FnMut(&Step)> Round<F> {
    async fn go(&mut self) {
        let interfaces = self.interfaces();
        self.search(&interfaces).await;
        let gateway = self.discover(&interfaces).await;
        if let Some(gateway) = &gateway {
            self.connection(gateway).await;
            self.firewall(gateway).await;
            self.trial(gateway).await;
        } else {
            for topic in BEYOND {
                self.skip(topic, "Without a gateway there is nothing to ask.");
            }
        }
        self.own_port(gateway.as_ref()).await;
    }

    /// Steps 1 and 2.
    fn interfaces(&mut self) -> Vec<Interface> {
        let read = self.network.interfaces();
        self.seen.named = self.examination.discovery.named().map(ToString::to_string);
        let wanted = |interface: &Interface| {
            let chosen = self.examination.discovery.interface_named();
            !interface.loopback && chosen.is_none_or(|name| name == interface.name)
        };
        let interfaces = read.map(|all| all.into_iter().filter(wanted).collect::<Vec<_>>());
        self.seen.interfaces = Some(match &interfaces {
            Ok(interfaces) => Ok(interfaces.iter().flat_map(links).collect()),
            Err(error) => Err(error.to_string()),
        });
        self.finish(Topic::Interface, findings::interface(&self.seen));
        self.finish(Topic::Route, findings::route(&self.seen));
        interfaces.unwrap_or_default()
    }

    /// Step 3.
    async fn search(&mut self, interfaces: &[Interface]) {
        let whom = self.whom(interfaces);
        let seen = search(&*self.network, &whom).await;
        self.finish(Topic::Search, findings::search(&seen));
        self.seen.search = Some(seen);
    }

    fn whom(&self, interfaces: &[Interface]) -> Whom {
        let Some(named) = self.examination.discovery.named() else {
            return Whom::Everybody(Origin::of(interfaces));
        };
        // Loopback is no way to search on, but to a gateway that is named there it is the only one.
        let origins = self.origins();
        let router = named.search_address(&origins);
        let from = match near(&origins, router) {
            Some(near) => origins[near].socket(origins[near].address, 0),
            None if router.is_ipv4() => (Ipv4Addr::UNSPECIFIED, 0).into(),
            None => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        Whom::One { from, router }
    }

    /// Every way from here, loopback too.
    fn origins(&self) -> Vec<Origin> {
        Origin::of(&self.network.interfaces().unwrap_or_default())
    }

    /// Gateways answer only so many searches at a time, and there may have been some before: one that is silent once
    /// may answer the next time.
    async fn search_again(&mut self, interfaces: &[Interface]) {
        if self.seen.is_deaf() {
            let whom = self.whom(interfaces);
            sleep(RESPITE).await;
            self.seen.searched_again = Some(search(&*self.network, &whom).await);
        }
    }

    /// Steps 4 and 5.
    async fn discover(&mut self, interfaces: &[Interface]) -> Option<Gateway> {
        let discovery = self.examination.discovery.clone();
        let started = Instant::now();
        let mut found = discovery.clone().await;
        if matches!(&found, Err(Error::NoGateway(what)) if what.rejected.is_empty()) {
            found = self.knock(discovery).await.or(found);
        }
        self.seen.found = Some(match &found {
            Ok(gateway) => Ok(describe(gateway, started.elapsed())),
            Err(error) => Err(error.clone()),
        });
        self.search_again(interfaces).await;
        self.finish(Topic::Discovery, findings::discovery(&self.seen));
        match &self.seen.found {
            Some(Ok(found)) => self.finish(Topic::Description, findings::description(&found.clone())),
            _ => self.skip(Topic::Description, "Without a gateway there is no description."),
        }
        found.ok()
    }

    /// Nothing was found: asks the router for its description where routers have it, and whether it is there at all.
    async fn knock(&mut self, discovery: Discovery) -> Result<Gateway, Error> {
        let origins = self.origins();
        let named = discovery.named().map(|named| named.search_address(&origins));
        let chosen = |origin: &&Origin| {
            let name = discovery.interface_named();
            name.is_none_or(|name| name == origin.interface)
        };
        let mut routes = origins.iter().filter(chosen);
        let routed = || routes.find_map(|origin| Some(origin.socket(origin.gateway?, PORT)));
        let Some(router) = named.or_else(routed) else {
            return Err(crate::error::NoGateway::default().into());
        };
        let found = match named {
            Some(_) => Err(crate::error::NoGateway::default().into()),
            None => discovery.gateway(router).await,
        };
        let alive = is_alive(&*self.network, router).await;
        self.seen.knock = Some(Knock {
            router: router.ip(),
            alive,
        });
        found
    }

    /// Steps 6 to 10.
    async fn connection(&mut self, gateway: &Gateway) {
        let told = read_connection(gateway).await;
        self.finish(Topic::Connection, findings::connection(&told));
        self.seen.connection = Some(told);
        let Some(connection) = self.seen.connection().cloned() else {
            for topic in [Topic::Nat, Topic::ExternalAddress, Topic::Servers, Topic::Stun] {
                self.skip(topic, "The router does not tell anything about its connection.");
            }
            return;
        };
        self.finish(Topic::Nat, findings::nat(&connection));
        if findings::not_connected(&connection).is_some() {
            self.skip(
                Topic::ExternalAddress,
                "While the connection is down there is no external address.",
            );
            self.skip(
                Topic::Servers,
                "While the connection is down there is no external address to compare.",
            );
            return self.skip(Topic::Stun, "While the connection is down nobody outside can be asked.");
        }
        self.finish(Topic::ExternalAddress, findings::external_address(&connection));
        let asked = ask(gateway).await;
        let by_upnp = connection.address.filter(|_| gateway.connection().is_ok());
        self.finish(Topic::Servers, servers::finding(by_upnp, &asked));
        self.seen.servers = Some(asked);
        if let Some(server) = self.examination.stun.clone() {
            let from = gateway.local_ipv4().unwrap_or(Ipv4Addr::UNSPECIFIED);
            self.seen.stun = Some(match stun::resolve(&server).await {
                Ok(server) => stun::external_address(&*self.network, from, server, unguessable()).await,
                Err(error) => Err(error),
            });
        }
        self.finish(Topic::Stun, findings::stun(&self.seen));
    }

    /// Step 11.
    async fn firewall(&mut self, gateway: &Gateway) {
        let status = match gateway.connection().map(|connection| connection.firewall()) {
            Ok(Some(service)) => firewall(service).await.ok().flatten(),
            Ok(None) | Err(_) => None,
        };
        let seen = Firewall {
            local: gateway.local_ipv6(),
            status,
        };
        self.finish(Topic::Firewall, findings::firewall(&seen));
        self.seen.firewall = Some(seen);
    }

    /// Steps 12 to 15.
    async fn trial(&mut self, gateway: &Gateway) {
        let no_ipv4 = "This computer has no IPv4 address to map to; over IPv6 a pinhole does it.";
        let local = gateway.local_ipv4();
        if let Some(why) = self.no_trial().or_else(|| local.is_none().then_some(no_ipv4)) {
            for topic in [Topic::Trial, Topic::ReadBack, Topic::LoopBack, Topic::Removal] {
                self.skip(topic, why);
            }
            return;
        }
        let protocol = self.examination.protocol;
        let local = IpAddr::V4(local.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let door = Door::open(protocol, local).await.ok();
        let door = door.and_then(|door| door.port().ok().map(|port| (door, port)));
        let port = door.as_ref().map_or(FALLBACK_PORT, |(_, port)| *port);
        let made = TrialMapping::make(gateway.map(protocol, port).prefer(port)).await;
        let told = |mapping: &Mapping| (mapping.external_port(), mapping.notes().iter().map(note).collect());
        let trial = Trial {
            protocol,
            asked: port,
            carrier: made.as_ref().ok().map(|(mapping, _)| mapping.carrier()),
            made: made.as_ref().map(|(mapping, _)| told(mapping)).map_err(Clone::clone),
        };
        self.finish(Topic::Trial, findings::trial(&trial));
        self.finish(Topic::ReadBack, findings::read_back(&trial));
        self.seen.trial = Some(trial);
        let Ok((mapping, made)) = made else {
            self.skip(Topic::LoopBack, "There is no mapping to go through.");
            return self.skip(Topic::Removal, "There is no mapping to remove.");
        };
        let seen = match (&door, mapping.external_address()) {
            (None, _) => LoopBack::NotTried("This computer lets no socket be opened for it."),
            (_, None) => LoopBack::NotTried("The router has no external address to connect to."),
            (Some((door, _)), Some(address)) => {
                let external = SocketAddr::new(address, mapping.external_port());
                loop_back(&*self.network, door, protocol, local, external).await
            }
        };
        self.finish(Topic::LoopBack, findings::loop_back(&seen));
        self.seen.loop_back = Some(seen);
        self.finish(Topic::Removal, findings::removal(&made.release().await));
    }

    /// Why a trial makes no sense, if it makes none.
    fn no_trial(&self) -> Option<&'static str> {
        let connection = self.seen.connection()?;
        if findings::not_connected(connection).is_some() {
            Some("While the connection is down, mappings are refused or have no effect.")
        } else if connection.nat == Some(false) {
            Some("Without address translation there is nothing to map.")
        } else {
            None
        }
    }

    /// Steps 16 and 17.
    async fn own_port(&mut self, gateway: Option<&Gateway>) {
        let Some(port) = self.examination.port else {
            self.skip(Topic::Listener, "No port was named, so no program was looked for.");
            return self.skip(Topic::Port, "No port was named.");
        };
        let protocol = self.examination.protocol;
        let mut own = OwnPort {
            protocol,
            port,
            local: gateway.and_then(Gateway::local_ipv4).map(IpAddr::V4),
            listening: listening(protocol, port).await,
            at_gateway: None,
        };
        self.finish(Topic::Listener, findings::listener(&own));
        let works = matches!(&self.seen.trial, Some(trial) if trial.made.is_ok());
        if let (Some(gateway), true) = (gateway, works) {
            own.at_gateway = Some(at_gateway(gateway, protocol, port).await);
        }
        self.finish(Topic::Port, findings::port(&own));
        self.seen.own = Some(own);
    }

    fn finish(&mut self, topic: Topic, finding: Finding) {
        let step = Step {
            topic,
            outcome: finding.outcome,
            finding: finding.text,
            remedy: finding.remedy,
            took: self.begun.elapsed(),
        };
        (self.on_step)(&step);
        self.steps.push(step);
        self.begun = Instant::now();
    }

    fn skip(&mut self, topic: Topic, why: &str) {
        self.finish(topic, Finding::skipped(why));
    }
}

/// What needs a gateway.
const BEYOND: [Topic; 10] = [
    Topic::Connection,
    Topic::Nat,
    Topic::ExternalAddress,
    Topic::Servers,
    Topic::Stun,
    Topic::Firewall,
    Topic::Trial,
    Topic::ReadBack,
    Topic::LoopBack,
    Topic::Removal,
];

/// How long searches are left alone before the second one.
const RESPITE: Duration = Duration::from_secs(1);

/// The port to try if no socket can be opened: of the dynamic range (RFC 6335).
const FALLBACK_PORT: u16 = 51_413;

fn links(interface: &Interface) -> impl Iterator<Item = Link> + '_ {
    interface.addresses.iter().map(|(address, prefix)| Link {
        name: interface.name.clone(),
        address: *address,
        prefix: *prefix,
        gateway: gateway_of(interface, *address),
    })
}

fn gateway_of(interface: &Interface, address: IpAddr) -> Option<IpAddr> {
    let same_family = |gateway: &&IpAddr| Family::of(**gateway) == Family::of(address);
    interface.gateways.iter().find(same_family).copied()
}

fn describe(gateway: &Gateway, took: Duration) -> Found {
    let service = match gateway.connection().map(|connection| connection.wan()) {
        Ok(wan @ WanConnection::Ip(_)) => format!("WANIPConnection:{}", wan.version()),
        Ok(wan @ WanConnection::Ppp(_)) => format!("WANPPPConnection:{}", wan.version()),
        Err(_) => {
            let spoken: Vec<_> = gateway.carriers().into_iter().map(Carrier::name).collect();
            spoken.join(" and ")
        }
    };
    Found {
        name: gateway.name().to_owned(),
        address: gateway.address(),
        location: gateway.location().to_string(),
        igd_version: gateway.igd_version(),
        service,
        connections: gateway.connections().len(),
        took,
    }
}

async fn read_connection(gateway: &Gateway) -> Result<Connection, Error> {
    let status = essential_of(gateway).await?;
    Ok(Connection {
        status: status.connection_status,
        last_error: status.last_connection_error,
        uptime: status.uptime,
        nat: status.nat_enabled,
        address: status.external_address,
        address_text: status.external_address_text.unwrap_or_default(),
    })
}

/// Who listens; read apart, since a busy machine has many sockets.
async fn listening(protocol: Protocol, port: u16) -> Option<Vec<IpAddr>> {
    let read = tokio::task::spawn_blocking(move || listeners(protocol, port));
    read.await.ok().flatten()
}

/// A note as a sentence.
fn note(note: &crate::mapping::Note) -> String {
    let text = note.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

/// Whether a host takes or refuses connections where routers have their pages or answer for names.
async fn is_alive(network: &dyn Network, host: SocketAddr) -> bool {
    let try_port = |port| async move {
        let mut to = host;
        to.set_port(port);
        match timeout(ALIVE, network.connect(to, None)).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            Err(_) => false,
        }
    };
    let (pages, secure, names) = tokio::join!(try_port(80), try_port(443), try_port(53));
    pages || secure || names
}

/// How long the router next to us may take to be there.
const ALIVE: Duration = Duration::from_millis(700);
