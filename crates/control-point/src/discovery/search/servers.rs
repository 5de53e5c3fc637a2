//! Gateways that are asked for PCP and NAT-PMP beside the search.
//!
//! Whoever routes to the internet is asked as soon as it is searched, and answers sooner than any description is fetched.
//! Where UPnP is preferred, nobody waits for that: it decides only where UPnP is silent.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_wire::pcp::SERVER_PORT;

use super::super::origin::{self, Family};
use super::super::rank::{GatewayRank, Place, Standing, patience};
use super::lead::{Lead, Source, place_of};
use super::plan::{Command, LeadId, Plan, ServerId, Wanted};
use super::{IPV4_FIRST, Search};
use crate::port_control::Carrier;

/// How long a protocol that is preferred may keep one waiting that has answered: until the gateway has been asked for a
/// second time, and has had time to answer. Who speaks UPnP answers a search that is sent to it alone at once, and one in
/// a hundred datagrams is lost on bad Wi-Fi.
const SILENCE: Duration = Duration::from_millis(250);

/// A gateway that is asked.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    origin: usize,
    place: Place,
    /// When, after the beginning.
    due: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Asked { since: Duration },
    Speaks { carrier: Carrier, since: Duration },
    Silent,
}

impl Server {
    /// The protocol that it speaks, if it does.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        match self.state {
            State::Speaks { carrier, .. } => Some(carrier),
            State::Waiting | State::Asked { .. } | State::Silent => None,
        }
    }

    /// Whether it may still answer.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Asked { .. })
    }

    /// PCP does not tell how the connection is; whoever offers mappings is believed that they work.
    pub(super) fn rank(&self) -> GatewayRank {
        GatewayRank::new(Standing::UpPublic, self.place, 0)
    }

    /// Whether it is the host that this description is on.
    pub(super) fn is_host_of(&self, lead: &Lead) -> bool {
        let mut at = lead.location.authority();
        at.set_port(self.at.port());
        at == self.at
    }
}

/// The servers to ask. Nobody has to name a gateway by its description for anything but UPnP.
pub(super) fn to_ask(plan: &Plan) -> Vec<Server> {
    if plan.order.iter().all(|carrier| *carrier == Carrier::Igd) {
        return Vec::new();
    }
    let has_ipv4 = plan
        .origins
        .iter()
        .any(|origin| origin.family() == Family::Ipv4 && !origin.loopback);
    let server = |origin: usize, mut at: SocketAddr, place| {
        at.set_port(SERVER_PORT);
        let late = Family::of(at.ip()) == Family::Ipv6 && has_ipv4 && plan.wanted == Wanted::Any;
        Server {
            at,
            origin,
            place,
            due: if late { IPV4_FIRST } else { Duration::ZERO },
            state: State::Waiting,
        }
    };
    let named = |at: SocketAddr| {
        let origin = origin::towards(&plan.origins, at);
        origin
            .map(|origin| server(origin, at, Place::Asked))
            .into_iter()
            .collect()
    };
    match &plan.wanted {
        Wanted::Any => {
            let origins = plan.origins.iter().enumerate().filter(|(_, origin)| !origin.loopback);
            let gateways = origins.filter_map(|(index, origin)| {
                let at = origin.socket(origin.gateway?, SERVER_PORT);
                Some(server(index, at, place_of(&plan.origins, at)))
            });
            gateways.collect()
        }
        Wanted::At(at) => named(*at),
        Wanted::Described(url) if !plan.by_upnp() => named(url.authority()),
        Wanted::Described(_) => Vec::new(),
    }
}

impl Search {
    /// A gateway has answered that it speaks this protocol, or nothing came of asking it.
    pub(crate) fn handle_server(&mut self, id: ServerId, spoken: Option<Carrier>, now: Duration) {
        self.now = now;
        if let Some(server) = self.servers.get_mut(id.0) {
            server.state = match spoken {
                Some(carrier) => State::Speaks { carrier, since: now },
                None => State::Silent,
            };
        }
    }

    /// Whether the host of this lead was asked and speaks neither protocol.
    pub(crate) fn serves_nobody(&self, lead: LeadId) -> bool {
        let Some(lead) = self.leads.get(lead.0) else {
            return false;
        };
        let mut servers = self.servers.iter();
        servers.any(|server| server.state == State::Silent && server.is_host_of(lead))
    }

    pub(super) fn next_ask(&self) -> Option<Duration> {
        let waiting = self.servers.iter().filter(|server| server.state == State::Waiting);
        waiting.map(|server| self.begin + server.due).min()
    }

    pub(super) fn ask_servers(&mut self) {
        for (index, server) in self.servers.iter_mut().enumerate() {
            if server.state == State::Waiting && self.begin + server.due <= self.now {
                server.state = State::Asked { since: self.now };
                self.commands.push_back(Command::Ask {
                    id: ServerId(index),
                    server: server.at,
                    from: self.plan.origins[server.origin].address,
                    patience: self.plan.timeout.saturating_sub(self.now),
                });
            }
        }
    }

    /// Servers that are gateways of their own, as far as is known now.
    pub(super) fn standing_alone(&self) -> impl Iterator<Item = (usize, &Server)> {
        let speaking = self.servers.iter().enumerate();
        speaking.filter(|(_, server)| {
            server.carrier().is_some_and(|carrier| {
                let shown = self
                    .leads
                    .iter()
                    .any(|lead| lead.rank().is_some() && server.is_host_of(lead));
                let is_part_of_it = shown && self.plan.prefers_upnp_to(carrier);
                !(is_part_of_it || self.is_known_over_ipv4(server))
            })
        })
    }

    /// Whether the router is there over IPv4 too, which is what mappings are for: the default gateways of both families by
    /// one interface are one router nearly everywhere.
    fn is_known_over_ipv4(&self, server: &Server) -> bool {
        let here = &self.plan.origins[server.origin].interface;
        let leads_out = |place: Place| match place {
            Place::DefaultGateway(origin) => self
                .plan
                .origins
                .get(origin)
                .is_some_and(|origin| origin.family() == Family::Ipv4 && origin.interface == *here),
            _ => false,
        };
        let mut leads = self.leads.iter().filter_map(Lead::rank);
        let mut servers = self.servers.iter().filter(|server| server.carrier().is_some());
        server.at.is_ipv6()
            && (leads.any(|rank| leads_out(rank.place())) || servers.any(|server| leads_out(server.place)))
    }

    /// Whether nothing better than this server is to be expected.
    pub(super) fn is_settled_on_server(&self, best: &Server) -> bool {
        let first = best.carrier().is_some_and(|carrier| self.plan.prefers_upnp_to(carrier));
        let may_be_better = |lead: &Lead| {
            let told = self.is_expected(lead) && lead.source != Source::Guess;
            told && (lead.place < best.place || (first && best.is_host_of(lead)))
        };
        let settled = self.server_settled_at(best).is_some_and(|at| at <= self.now);
        settled && !self.leads.iter().any(may_be_better)
    }

    pub(super) fn server_settled_at(&self, server: &Server) -> Option<Duration> {
        let State::Speaks { carrier, since } = server.state else {
            return None;
        };
        let at = since + patience(server.rank(), false, false)?;
        Some(match self.plan.prefers_upnp_to(carrier) {
            true => at.max(self.begin + server.due + SILENCE),
            false => at,
        })
    }

    /// Until when a server may still answer that is preferred to what was found by UPnP, if there is one.
    pub(super) fn preferred_server_by(&self) -> Option<Duration> {
        let preferred = self.plan.order.first().is_some_and(|first| *first != Carrier::Igd);
        let by = self.servers.iter().filter_map(|server| match server.state {
            State::Asked { since } if preferred => Some(since + SILENCE),
            _ => None,
        });
        by.filter(|by| *by > self.now).min()
    }
}
