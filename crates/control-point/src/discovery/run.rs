//! The shell around the search: sockets, requests, time.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::Quirks;
use portreeve_wire::ssdp::{self, Message, Response};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::address::Reached;
use super::cache::{self, Place};
use super::examine::examine;
use super::origin::{self, Origin};
use super::search::{Choice, Command, Findings, LeadId, Plan, Remembered, Search, ServerId, Until, Wanted, on_link};
use super::{Cached, Discovery, Family};
use crate::error::{Conversation, Error, InvalidRequest, NoGateway, Unusable};
use crate::gateway::{Found, Gateway, Known, Thoroughness};
use crate::http;
use crate::network::Datagrams;
use crate::port_control::{Carrier, PortServer};

/// Longest datagram that is read whole.
const DATAGRAM: usize = 4096;

/// Answers that wait to be read, besides those that the system keeps.
const QUEUE: usize = 64;

/// Searches until it is decided. The gateways that were found, the best first; at least one.
pub(super) async fn run(discovery: &Discovery, until: Until) -> Result<Vec<Gateway>, Error> {
    let start = Instant::now();
    let origins = origins(discovery)?;
    let place = Place::of(&origins);
    let plan = plan(discovery, origins.clone(), place.as_ref(), until);
    let gateways = Shell::new(discovery, &plan, start).run(plan, origins).await?;
    if let (Until::Certain, None, Some(place), Cached::At(path), Some(best)) =
        (until, &discovery.gateway, &place, &discovery.cached(), gateways.first())
        && place.tells_link_of(best)
        && let Some(remembered) = remembered(best)
    {
        cache::note(path, place, &remembered);
    }
    Ok(gateways)
}

fn origins(discovery: &Discovery) -> Result<Vec<Origin>, Error> {
    let origins = discovery.origins().map_err(|error| Error::System {
        doing: "reading the network interfaces",
        reason: error.to_string(),
    })?;
    match &discovery.interface {
        Some(name) if origins.is_empty() => Err(Error::Invalid(InvalidRequest::Value {
            what: "interface",
            value: name.clone(),
            problem: "there is none of this name that is up and has an address".to_owned(),
        })),
        _ => Ok(origins),
    }
}

fn plan(discovery: &Discovery, origins: Vec<Origin>, place: Option<&Place>, until: Until) -> Plan {
    let wanted = match &discovery.gateway {
        None => Wanted::Any,
        Some(address) => match address.reached(&origins) {
            Reached::Host(address) => Wanted::At(address),
            Reached::Description(url) => Wanted::Described(url),
        },
    };
    let mut remembered = match (&wanted, place, discovery.cached()) {
        (Wanted::Any, Some(place), Cached::At(path)) => cache::load(&path).remembered(place),
        _ => Vec::new(),
    };
    // What is remembered of a place is on the place's link.
    let link = origins.first().map_or(0, |origin| origin.index);
    for gateway in &mut remembered {
        gateway.location = on_link(gateway.location.clone(), link);
    }
    remembered.retain(|gateway| {
        discovery
            .family
            .is_none_or(|family| family == Family::of(gateway.location.host()))
    });
    Plan {
        origins,
        wanted,
        order: discovery.order().to_vec(),
        remembered,
        timeout: discovery.timeout,
        until,
        user_agent: http::user_agent(),
    }
}

/// What is worth remembering: a gateway without UPnP is asked at once in any case.
fn remembered(gateway: &Gateway) -> Option<Remembered> {
    Some(Remembered {
        location: gateway.url()?.clone(),
        udn: gateway.udn().to_owned(),
    })
}

/// What happens while the machine waits. Tasks end when it is dropped.
struct Shell<'a> {
    discovery: &'a Discovery,
    http: Arc<http::Client>,
    /// In the order of preference, without UPnP.
    port_protocols: Vec<Carrier>,
    thoroughness: Thoroughness,
    start: Instant,
    sockets: Vec<Option<Arc<dyn Datagrams>>>,
    receivers: JoinSet<()>,
    examinations: JoinSet<(LeadId, Result<Found, Conversation>)>,
    questions: JoinSet<(ServerId, Result<PortServer, Conversation>)>,
    answers: (mpsc::Sender<Heard>, mpsc::Receiver<Heard>),
    found: BTreeMap<LeadId, Found>,
    servers: BTreeMap<ServerId, PortServer>,
}

/// An answer to a search from an origin.
struct Heard {
    origin: usize,
    responder: IpAddr,
    answer: Response,
}

impl<'a> Shell<'a> {
    fn new(discovery: &'a Discovery, plan: &Plan, start: Instant) -> Self {
        let network = Arc::clone(&discovery.network);
        Self {
            discovery,
            http: Arc::new(http::Client::new(network, http::Settings::default())),
            thoroughness: match plan.until {
                Until::Certain => Thoroughness::Enough,
                Until::TimeOver => Thoroughness::All,
            },
            start,
            sockets: plan.origins.iter().map(|_| None).collect(),
            receivers: JoinSet::new(),
            examinations: JoinSet::new(),
            questions: JoinSet::new(),
            port_protocols: discovery.port_protocols(),
            answers: mpsc::channel(QUEUE),
            found: BTreeMap::new(),
            servers: BTreeMap::new(),
        }
    }

    async fn run(mut self, plan: Plan, origins: Vec<Origin>) -> Result<Vec<Gateway>, Error> {
        let mut search = Search::new(plan);
        loop {
            while let Some(command) = search.poll_command() {
                self.obey(command, &origins).await;
            }
            if let Some(verdict) = search.verdict() {
                return self.conclude(&search, &verdict, &origins);
            }
            tokio::select! {
                Some(heard) = self.answers.1.recv() => {
                    let Heard { origin, responder, answer } = heard;
                    search.handle_answer(origin, responder, &answer, self.start.elapsed());
                }
                Some(Ok((id, result))) = self.examinations.join_next() => {
                    let result = result.map(|found| self.keep(id, found));
                    search.handle_examined(id, result, self.start.elapsed());
                }
                Some(Ok((id, result))) = self.questions.join_next() => {
                    let server = result.ok();
                    let carrier = server.as_ref().map(PortServer::carrier);
                    self.servers.extend(server.map(|server| (id, server)));
                    search.handle_server(id, carrier, self.start.elapsed());
                }
                () = sleep_until(self.start + search.poll_timeout()) => search.handle_timeout(self.start.elapsed()),
            }
        }
    }

    async fn obey(&mut self, command: Command, origins: &[Origin]) {
        match command {
            Command::Send { origin, to, datagram } => {
                let sent = match self.socket(origin, &origins[origin]) {
                    Ok(socket) => socket.send(datagram.as_bytes(), to).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = sent {
                    let interface = &origins[origin].interface;
                    tracing::debug!(interface, %to, %error, "a search was not sent");
                }
            }
            Command::Examine { id, location, from } => {
                tracing::debug!(%location, "examining");
                let (http, thoroughness) = (Arc::clone(&self.http), self.thoroughness);
                self.examinations.spawn(async move {
                    let result = examine(&http, location, from, thoroughness).await;
                    (id, result)
                });
            }
            Command::Ask {
                id,
                server,
                from,
                patience,
            } => {
                let (network, protocols) = (Arc::clone(&self.discovery.network), self.port_protocols.clone());
                self.questions.spawn(async move {
                    let result = PortServer::find(network, server, from, &protocols, patience).await;
                    (id, result)
                });
            }
        }
    }

    /// The socket of an origin, which is heard from the first datagram on.
    fn socket(&mut self, index: usize, origin: &Origin) -> io::Result<Arc<dyn Datagrams>> {
        if let Some(socket) = &self.sockets[index] {
            return Ok(Arc::clone(socket));
        }
        let socket: Arc<dyn Datagrams> = self
            .discovery
            .network
            .search_socket(origin.socket(origin.address, 0))?
            .into();
        self.receivers
            .spawn(receive(Arc::clone(&socket), index, self.answers.0.clone()));
        self.sockets[index] = Some(Arc::clone(&socket));
        Ok(socket)
    }

    fn keep(&mut self, id: LeadId, found: Found) -> Findings {
        let best = found.best();
        let findings = Findings {
            standing: best.standing(),
            version: best.wan().version(),
            udn: found.udn().to_owned(),
        };
        tracing::debug!(location = %found.location(), standing = ?findings.standing, "found a gateway");
        self.found.insert(id, found);
        findings
    }

    fn conclude(mut self, search: &Search, verdict: &[Choice], origins: &[Origin]) -> Result<Vec<Gateway>, Error> {
        let known = |choice: &Choice| {
            let upnp = choice
                .lead
                .and_then(|id| Some((self.found.remove(&id)?, search.heard(id))));
            let server = match choice.server {
                Some(id) => Some(self.servers.remove(&id)),
                None => choice.lead.filter(|lead| search.serves_nobody(*lead)).map(|_| None),
            };
            Known { upnp, server }
        };
        let known: Vec<Known> = verdict.iter().map(known).collect();
        let gateways = known.into_iter().filter_map(|known| {
            let (ours, host) = known.way()?;
            // On one link, each of our addresses will do.
            let ours = origins.iter().find(|origin| origin.address == ours);
            let near = || origin::near(origins, host).map(|near| &origins[near]);
            let interface = ours
                .or_else(near)
                .map(|origin| origin.interface.clone())
                .unwrap_or_default();
            Gateway::new(known, interface, self.discovery.clone(), &self.http)
        });
        let gateways: Vec<_> = gateways.collect();
        if !gateways.is_empty() {
            return Ok(gateways);
        }
        let rejected = search.rejected();
        if rejected
            .iter()
            .any(|rejected| matches!(rejected.why, Conversation::NotOffered(_)))
        {
            return Err(Unusable::NoConnectionService.into());
        }
        let mut interfaces: Vec<_> = origins.iter().map(|origin| origin.interface.clone()).collect();
        interfaces.dedup();
        Err(Error::NoGateway(NoGateway {
            waited: self.start.elapsed(),
            interfaces,
            default_gateway: origins.iter().find_map(|origin| origin.gateway),
            named: self.discovery.gateway.as_ref().map(ToString::to_string),
            rejected,
        }))
    }
}

/// Passes on the answers that come, until nobody wants them.
async fn receive(socket: Arc<dyn Datagrams>, origin: usize, answers: mpsc::Sender<Heard>) {
    let mut buffer = [0; DATAGRAM];
    loop {
        let (len, source) = match socket.receive(&mut buffer).await {
            Ok(received) => received,
            // What was sent to a closed port comes back as an error of the next call.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return tracing::debug!(%error, "no more answers are heard"),
        };
        match ssdp::parse(buffer.get(..len).unwrap_or_default(), Quirks::default()) {
            Ok(Message::Response(answer)) => {
                let responder = source.ip().to_canonical();
                tracing::trace!(%source, location = answer.location, "answered");
                if answers
                    .send(Heard {
                        origin,
                        responder,
                        answer,
                    })
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Ok(Message::Search(_) | Message::Notify(_)) => {}
            Err(dropped) => tracing::trace!(%source, %dropped, "a datagram was dropped"),
        }
    }
}
