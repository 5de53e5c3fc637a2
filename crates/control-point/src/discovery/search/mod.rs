//! The search for gateways as a state machine: no sockets, no clock.
//!
//! [`Search`] is driven from outside. Time is what has passed since the start.
//! - Tell it what happened: [`handle_timeout`](Search::handle_timeout), [`handle_answer`](Search::handle_answer),
//!   [`handle_examined`](Search::handle_examined), [`handle_server`](Search::handle_server).
//! - Then do what it says: [`poll_command`](Search::poll_command) until there is nothing more.
//! - Then ask whether it has [decided](Search::verdict), and if not, come back when something happens, at the latest
//!   at [`poll_timeout`](Search::poll_timeout).

mod lead;
mod plan;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use portreeve_wire::Url;
use portreeve_wire::ssdp::{PORT, Response};

use super::guess;
use super::origin::{self, Family};
use super::rank::{GatewayRank, Place, Standing, patience};
use super::target::{self, Promise, Receivers, Round};
use crate::error::{Conversation, Rejected};
use crate::gateway::Heard;
use crate::port_control::Carrier;
use lead::{Lead, Source, State};
pub(crate) use plan::{Choice, Command, Findings, LeadId, Plan, Remembered, ServerId, Until, Wanted};
use servers::Server;

/// Most leads followed from one responder.
const LEADS_PER_RESPONDER: usize = 8;

/// Most leads followed in all, besides those from default gateways, from which a hostile LAN must not keep us.
const LEADS: usize = 32;

/// Most leads examined at once, besides those from default gateways.
const AT_ONCE: usize = 8;

/// Most refusals told.
const REJECTIONS: usize = 32;

/// How much longer than the timeout a gateway that has answered may take to tell about itself.
const GRACE: Duration = Duration::from_secs(2);

/// How long a gateway that was taken before may keep others from being asked.
const HEAD_START: Duration = Duration::from_millis(25);

/// How long the default gateway may be silent before its description is looked for where most have it. Whoever answers
/// directed searches at once has answered by then.
const SHORT_SILENCE: Duration = Duration::from_millis(15);

/// How long a gateway whose address was given may be silent before its description is looked for everywhere.
const LONG_SILENCE: Duration = Duration::from_millis(200);

/// How long IPv4 is searched alone. There are gateways that give broken answers when they are searched in both ways at
/// once, and where one is found in this time, which is nearly everywhere, IPv6 is not searched at all.
const IPV4_FIRST: Duration = Duration::from_millis(250);

/// See the module.
#[derive(Debug)]
pub(crate) struct Search {
    plan: Plan,
    now: Duration,
    /// When sending begins.
    begin: Duration,
    tours: Vec<Tour>,
    guessed: bool,
    leads: Vec<Lead>,
    servers: Vec<Server>,
    rejected: Vec<Rejected>,
    commands: VecDeque<Command>,
}

/// The rounds of sending in one family.
#[derive(Clone, Copy, Debug)]
struct Tour {
    family: Family,
    /// How long after the beginning the first round is.
    delay: Duration,
    rounds_sent: u32,
}

impl Search {
    /// Begins: what is remembered or was named is examined first, and the search begins soon after.
    pub(crate) fn new(plan: Plan) -> Self {
        let mut search = Self {
            tours: tours(&plan),
            servers: servers::to_ask(&plan),
            plan,
            now: Duration::ZERO,
            begin: Duration::ZERO,
            guessed: false,
            leads: Vec::new(),
            rejected: Vec::new(),
            commands: VecDeque::new(),
        };
        search.follow_what_is_known();
        search.handle_timeout(Duration::ZERO);
        search
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        self.examine_more();
        self.ask_servers();
        self.send_what_is_due();
        if self.next_guess().is_some_and(|at| at <= now) {
            self.follow_guesses();
            self.examine_more();
        }
    }

    /// Somebody answered a search that left from this origin. From which port does not matter: some use another one.
    pub(crate) fn handle_answer(&mut self, origin: usize, responder: IpAddr, answer: &Response, now: Duration) {
        self.now = now;
        let location = match Url::parse(&answer.location) {
            // A link-local address is on the link that the answer came from.
            Ok(location) => on_link(location, self.scope_of(origin)),
            Err(error) => {
                let why = Conversation::Malformed {
                    url: answer.location.clone(),
                    expected: "the URL of a description",
                    problem: error.to_string(),
                };
                return self.reject(&answer.location, why);
            }
        };
        let promise = Promise::of(answer.st.as_deref(), answer.usn.as_deref());
        let heard = Heard {
            server: answer.server.clone(),
            boot_id: answer.boot_id,
        };
        if let Some(known) = self.leads.iter_mut().find(|lead| lead.location == location) {
            known.promise = known.promise.min(promise);
            known.heard.get_or_insert(heard);
            // Whatever was here before, this is what is here now.
            if known.is_open() && matches!(known.source, Source::Memory { .. }) {
                known.source = Source::Answer(responder);
            }
            return;
        }
        match self.place(origin, responder, &location) {
            Some(Ok(place)) if self.is_worth_following(place, promise, responder) => {
                self.follow(location, place, Source::Answer(responder), promise, Some(heard));
                self.examine_more();
            }
            Some(Err(why)) if promise <= Promise::Gateway => self.reject(&answer.location, why),
            Some(_) | None => {}
        }
    }

    /// An examination has ended.
    pub(crate) fn handle_examined(&mut self, id: LeadId, result: Result<Findings, Conversation>, now: Duration) {
        self.now = now;
        let Some(lead) = self.leads.get_mut(id.0) else { return };
        lead.state = State::Dead;
        match result {
            Ok(found) if lead.expects(&found.udn) => {
                lead.state = State::Gateway {
                    rank: GatewayRank::new(found.standing, lead.place, found.version),
                    udn: found.udn,
                    since: now,
                }
            }
            // Another gateway than the one that was remembered; if it is one, it answers the search.
            Ok(_) => {}
            // What is not where it was guessed or remembered says nothing about a gateway.
            Err(why) if lead.is_worth_telling() => {
                let location = lead.location.to_string();
                self.reject(&location, why);
            }
            Err(_) => {}
        }
        if self.tours.iter().all(|tour| tour.rounds_sent == 0) && !self.waits_for_memory() {
            self.begin = now;
            self.ask_servers();
            self.send_what_is_due();
        }
        self.examine_more();
    }

    /// The next thing to do, if there is one.
    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Duration {
        let ends = [self.plan.timeout, self.plan.timeout + GRACE];
        let settled = self.leads.iter().filter_map(|lead| self.settled_at(lead));
        let times = ends
            .into_iter()
            .chain(settled)
            .chain(self.servers.iter().filter_map(|server| self.server_settled_at(server)))
            .chain(self.preferred_server_by())
            .chain(self.next_ask())
            .chain(self.next_round())
            .chain(self.next_guess());
        times.filter(|at| *at > self.now).min().unwrap_or(self.now)
    }

    /// The gateways, the best first and each once, as soon as it is decided. None: nobody who could be used.
    pub(crate) fn verdict(&self) -> Option<Vec<Choice>> {
        self.is_over().then(|| self.gateways())
    }

    /// Who was heard and not taken, with the reason.
    pub(crate) fn rejected(&self) -> Vec<Rejected> {
        let late = self
            .leads
            .iter()
            .filter(|lead| lead.state == State::Examining && lead.is_worth_telling());
        let late = late.map(|lead| Rejected {
            location: lead.location.to_string(),
            why: Conversation::Timeout {
                address: lead.location.authority().to_string(),
                waited: self.now,
            },
        });
        self.rejected.iter().cloned().chain(late).take(REJECTIONS).collect()
    }

    /// What was heard of a gateway besides its description.
    pub(crate) fn heard(&self, id: LeadId) -> Heard {
        let lead = self.leads.get(id.0);
        lead.and_then(|lead| lead.heard.clone()).unwrap_or_default()
    }

    // --- Sending ---

    fn next_round(&self) -> Option<Duration> {
        self.tours.iter().filter_map(|tour| self.next_round_of(tour)).min()
    }

    fn next_round_of(&self, tour: &Tour) -> Option<Duration> {
        let round = Round::of(tour.rounds_sent);
        let begin = self.begin + tour.delay;
        let origins = || self.plan.origins.iter().filter(|origin| origin.family() == tour.family);
        // Where no host is known, there is nobody to go first.
        let at = match round.to {
            Receivers::Group if !origins().any(|origin| origin.gateway.is_some()) => begin,
            Receivers::Hosts | Receivers::Group | Receivers::All => begin + round.at,
        };
        let in_time = at < self.plan.timeout || (tour.rounds_sent == 0 && tour.delay.is_zero());
        (self.plan.searches() && in_time).then_some(at)
    }

    fn send_what_is_due(&mut self) {
        for index in 0..self.tours.len() {
            while self.next_round_of(&self.tours[index]).is_some_and(|at| at <= self.now) {
                self.send_round(index);
            }
        }
    }

    /// To single hosts first: a firewall on this machine lets an answer in only from where something was sent to.
    fn send_round(&mut self, tour: usize) {
        let tour = &mut self.tours[tour];
        let (family, round) = (tour.family, Round::of(tour.rounds_sent));
        tour.rounds_sent += 1;
        let mut receivers = match round.to {
            Receivers::Hosts => self.hosts(),
            Receivers::Group => self.groups(),
            Receivers::All => [self.hosts(), self.groups()].concat(),
        };
        receivers.retain(|(_, to)| Family::of(to.ip()) == family && !self.has_answered(to.ip()));
        for (origin, to) in receivers {
            let datagrams = target::searches(round.repetition, to, &self.plan.user_agent);
            let commands = datagrams
                .into_iter()
                .map(|datagram| Command::Send { origin, to, datagram });
            self.commands.extend(commands);
        }
    }

    /// Hosts to ask, each with the origin to ask it from: default gateways, and this machine.
    fn hosts(&self) -> Vec<(usize, SocketAddr)> {
        match self.plan.wanted {
            Wanted::Any => {
                let origins = self.plan.origins.iter().enumerate();
                let hosts = origins.filter_map(|(index, origin)| {
                    // One family is enough to find what is on this machine.
                    let host = match (origin.loopback, origin.family()) {
                        (true, Family::Ipv4) => Some(origin.address),
                        (true, Family::Ipv6) => None,
                        (false, _) => origin.gateway,
                    };
                    Some((index, origin.socket(host?, PORT)))
                });
                hosts.collect()
            }
            Wanted::At(to) => {
                let origin = origin::towards(&self.plan.origins, to);
                origin.map(|index| (index, to)).into_iter().collect()
            }
            Wanted::Described(_) => Vec::new(),
        }
    }

    /// The group, once for each origin that it can be asked from.
    fn groups(&self) -> Vec<(usize, SocketAddr)> {
        if self.plan.wanted != Wanted::Any {
            return Vec::new();
        }
        let origins = self.plan.origins.iter().enumerate();
        let able = origins.filter(|(_, origin)| origin.multicast && !origin.loopback);
        able.map(|(index, origin)| (index, target::everyone_from(origin)))
            .collect()
    }

    /// Whether this host has answered that it is a gateway.
    fn has_answered(&self, host: IpAddr) -> bool {
        let answered = |lead: &Lead| lead.source == Source::Answer(host) && lead.promise <= Promise::Gateway;
        self.leads.iter().any(answered)
    }

    // --- Leads ---

    fn follow_what_is_known(&mut self) {
        if !self.plan.by_upnp() {
            return;
        }
        if let Wanted::Described(location) = &self.plan.wanted {
            self.follow(
                location.clone(),
                Place::Asked,
                Source::Caller,
                Promise::NewGateway,
                None,
            );
        }
        for Remembered { location, udn } in std::mem::take(&mut self.plan.remembered).into_iter().take(AT_ONCE) {
            // What is remembered may be wrong, or not ours: it must not lead further than an answer could.
            if let Some(origin) = origin::towards(&self.plan.origins, location.authority())
                && let Ok(place) = lead::place(&self.plan.origins, origin, location.host(), &location)
            {
                self.follow(location, place, Source::Memory { udn }, Promise::NewGateway, None);
                if self.plan.order.first() == Some(&Carrier::Igd) {
                    self.begin = HEAD_START.min(self.plan.timeout / 4);
                }
            }
        }
    }

    fn waits_for_memory(&self) -> bool {
        let remembered = |lead: &Lead| lead.is_open() && matches!(lead.source, Source::Memory { .. });
        self.leads.iter().any(remembered)
    }

    fn next_guess(&self) -> Option<Duration> {
        let silence = match self.plan.wanted {
            Wanted::Any if self.default_gateway().is_some() => SHORT_SILENCE,
            Wanted::At(_) => LONG_SILENCE,
            Wanted::Any | Wanted::Described(_) => return None,
        };
        (!self.guessed && self.plan.by_upnp()).then_some((self.begin + silence).min(self.plan.timeout))
    }

    /// A guess is made only about a host of which nothing is known.
    fn follow_guesses(&mut self) {
        self.guessed = true;
        let (host, place) = match self.plan.wanted {
            Wanted::At(to) => (Some(to), Place::Asked),
            Wanted::Any | Wanted::Described(_) => (self.default_gateway(), Place::DefaultGateway(0)),
        };
        let known = |host: IpAddr| {
            self.leads
                .iter()
                .any(|lead| lead.location.host() == host && lead.is_open())
        };
        let Some(host) = host.filter(|host| !known(host.ip())) else {
            return;
        };
        let guesses: Vec<Url> = match place {
            Place::Asked => guess::descriptions_at(host).collect(),
            _ => guess::likely_description_at(host).into_iter().collect(),
        };
        for location in guesses {
            self.follow(location, place, Source::Guess, Promise::Something, None);
        }
    }

    /// The gateway of the best default route, if that is the best way from here.
    fn default_gateway(&self) -> Option<SocketAddr> {
        let first = self.plan.origins.first()?;
        Some(first.socket(first.gateway?, PORT))
    }

    /// Where a gateway stands that was told of so; `None` if it is not the one that is wanted.
    fn place(&self, origin: usize, responder: IpAddr, location: &Url) -> Option<Result<Place, Conversation>> {
        let place = || lead::place_of_answer(&self.plan.origins, origin, responder, location);
        let own_words = location.host() == responder;
        match self.plan.wanted {
            Wanted::Any => Some(place()),
            Wanted::At(to) if to.ip() == responder && own_words => Some(Ok(Place::Asked)),
            Wanted::At(to) if to.ip() == responder || location.host() == to.ip() => Some(place().map(|_| Place::Asked)),
            Wanted::At(_) | Wanted::Described(_) => None,
        }
    }

    fn is_worth_following(&self, place: Place, promise: Promise, responder: IpAddr) -> bool {
        let chosen = matches!(place, Place::Asked | Place::DefaultGateway(_));
        let from = |lead: &&Lead| lead.source == Source::Answer(responder);
        let from_others = |lead: &&Lead| !self.is_privileged(lead);
        (chosen || promise <= Promise::Something)
            && self.leads.iter().filter(from).count() < LEADS_PER_RESPONDER
            && (self.is_default_gateway(responder) || self.leads.iter().filter(from_others).count() < LEADS)
    }

    fn follow(&mut self, location: Url, place: Place, source: Source, promise: Promise, heard: Option<Heard>) {
        self.leads.push(Lead {
            location,
            place,
            source,
            promise,
            heard,
            state: State::Waiting,
        });
    }

    /// Starts as many examinations as may run, the most promising first. A lead waits while a better one to the same
    /// host is open, and is dropped when that one is good: many gateways show a view of themselves for each version.
    fn examine_more(&mut self) {
        let mut waiting: Vec<_> = (0..self.leads.len()).collect();
        waiting.retain(|index| self.leads[*index].state == State::Waiting);
        waiting.sort_by_key(|index| (self.leads[*index].place, self.leads[*index].promise));
        for index in waiting {
            let lead = &self.leads[index];
            let mut better = self.leads.iter().filter(|other| other.promises_more_than(lead));
            if better.clone().any(Lead::is_good) {
                self.leads[index].state = State::Dead;
            } else if !better.any(Lead::is_open) && (self.is_privileged(lead) || self.examining() < AT_ONCE) {
                let (location, from) = (lead.location.clone(), self.address_towards(&lead.location));
                self.leads[index].state = State::Examining;
                let id = LeadId(index);
                self.commands.push_back(Command::Examine { id, location, from });
            }
        }
    }

    fn examining(&self) -> usize {
        let examining = |lead: &&Lead| lead.state == State::Examining && !self.is_privileged(lead);
        self.leads.iter().filter(examining).count()
    }

    /// Leads from default gateways, and what the caller or an earlier search knew, do not compete with the others.
    fn is_privileged(&self, lead: &Lead) -> bool {
        match lead.source {
            Source::Answer(responder) => self.is_default_gateway(responder),
            Source::Memory { .. } | Source::Caller | Source::Guess => true,
        }
    }

    fn scope_of(&self, origin: usize) -> u32 {
        self.plan.origins.get(origin).map_or(0, |origin| origin.index)
    }

    fn is_default_gateway(&self, host: IpAddr) -> bool {
        self.plan.origins.iter().any(|origin| origin.gateway == Some(host))
    }

    /// Our address in the host's network; the gateway compares it with that of the mapping's client.
    fn address_towards(&self, location: &Url) -> Option<IpAddr> {
        let near = origin::near(&self.plan.origins, location.authority())?;
        Some(self.plan.origins[near].address)
    }

    fn reject(&mut self, location: &str, why: Conversation) {
        let known = |rejected: &Rejected| rejected.location == location;
        if self.rejected.len() < REJECTIONS && !self.rejected.iter().any(known) {
            let location = location.to_owned();
            self.rejected.push(Rejected { location, why });
        }
    }

    // --- Deciding ---

    fn is_over(&self) -> bool {
        let time_over = self.now >= self.plan.timeout;
        let asked = !time_over && self.servers.iter().any(Server::is_open);
        let open = asked || self.leads.iter().any(|lead| self.is_expected(lead));
        let nobody_answers = time_over || !self.plan.searches();
        if (nobody_answers && !open) || self.now >= self.plan.timeout + GRACE {
            return true;
        }
        match self.best() {
            Some((best, rank)) if self.plan.until == Until::Certain => {
                // Whoever is slow is not waited for if there is one that is up.
                self.is_settled(best, rank) || (time_over && rank.standing() != Standing::Down)
            }
            _ => false,
        }
    }

    /// Whether the lead may still become a gateway, and it is worth waiting for. What is only remembered or supposed may
    /// be where nobody is.
    fn is_expected(&self, lead: &Lead) -> bool {
        let told = match lead.source {
            Source::Answer(_) | Source::Caller => true,
            Source::Guess => self.plan.wanted != Wanted::Any,
            Source::Memory { .. } => false,
        };
        told && lead.is_open()
    }

    fn best(&self) -> Option<(Candidate<'_>, GatewayRank)> {
        let leads = self
            .leads
            .iter()
            .filter_map(|lead| Some((Candidate::Lead(lead), lead.rank()?)));
        let servers = self
            .standing_alone()
            .map(|(_, server)| (Candidate::Server(server), server.rank()));
        leads.chain(servers).min_by_key(|(_, rank)| *rank)
    }

    fn is_settled(&self, best: Candidate<'_>, rank: GatewayRank) -> bool {
        match best {
            Candidate::Lead(lead) => self.preferred_server_by().is_none() && self.is_settled_on_lead(lead, rank),
            Candidate::Server(server) => self.is_settled_on_server(server),
        }
    }

    /// Whether the best gateway, or one less good, has been known for so long that a better one would have come, and
    /// nothing better is being examined.
    fn is_settled_on_lead(&self, best: &Lead, rank: GatewayRank) -> bool {
        let waited = self.leads.iter().filter_map(|lead| self.settled_at(lead));
        let safe_place = !matches!(best.place, Place::OnLink(_) | Place::Beyond(_));
        let known = safe_place && matches!(best.source, Source::Memory { .. });
        let may_be_better = |lead: &Lead| {
            self.is_expected(lead) && (lead.promises_more_than(best) || (lead.place < rank.place() && !known))
        };
        waited.min().is_some_and(|at| at <= self.now) && !self.leads.iter().any(may_be_better)
    }

    fn settled_at(&self, lead: &Lead) -> Option<Duration> {
        let State::Gateway { rank, since, .. } = lead.state else {
            return None;
        };
        let alone = self.plan.origins.iter().all(|origin| origin.loopback);
        let known = matches!(lead.source, Source::Memory { .. });
        Some(since + patience(rank, alone, known)?)
    }

    /// Each gateway once, the best first.
    fn gateways(&self) -> Vec<Choice> {
        let leads = self.unique_leads().into_iter();
        let leads = leads.filter_map(|index| Some((self.leads[index].rank()?, Some(index), None)));
        let alone = self
            .standing_alone()
            .map(|(index, server)| (server.rank(), None, Some(index)));
        let mut ranked: Vec<_> = leads.chain(alone).collect();
        ranked.sort_by_key(|(rank, ..)| *rank);
        let mut gateways: Vec<(Option<usize>, Option<usize>)> = Vec::new();
        for (_, lead, server) in ranked {
            let (lead, server) = (
                lead.or_else(|| self.lead_at(&self.servers[server?])),
                server.or_else(|| self.server_at(&self.leads[lead?])),
            );
            let known = |known: &(Option<usize>, Option<usize>)| {
                (lead.is_some() && known.0 == lead) || (server.is_some() && known.1 == server)
            };
            if !gateways.iter().any(known) {
                gateways.push((lead, server));
            }
        }
        let choice = |(lead, server): (Option<usize>, Option<usize>)| Choice {
            lead: lead.map(LeadId),
            server: server.map(ServerId),
        };
        gateways.into_iter().map(choice).collect()
    }

    fn server_at(&self, lead: &Lead) -> Option<usize> {
        let speaks = |server: &Server| server.carrier().is_some() && server.is_host_of(lead);
        self.servers.iter().position(speaks)
    }

    fn lead_at(&self, server: &Server) -> Option<usize> {
        let of_host = |index: &usize| server.is_host_of(&self.leads[*index]);
        self.unique_leads().into_iter().find(of_host)
    }

    /// The leads that are gateways, each gateway once, the best first.
    fn unique_leads(&self) -> Vec<usize> {
        let mut found: Vec<_> = self.leads.iter().enumerate().collect();
        found.retain(|(_, lead)| lead.rank().is_some());
        found.sort_by_key(|(_, lead)| lead.rank());
        let mut unique: Vec<(usize, &Lead)> = Vec::new();
        for (index, lead) in found {
            match unique.iter_mut().find(|(_, better)| better.is_same_gateway_as(lead)) {
                Some(better) if lead.maps_rather_than(better.1) => *better = (index, lead),
                Some(_) => {}
                None => unique.push((index, lead)),
            }
        }
        unique.into_iter().map(|(index, _)| index).collect()
    }
}

/// Somebody who may be taken.
#[derive(Clone, Copy, Debug)]
enum Candidate<'a> {
    Lead(&'a Lead),
    Server(&'a Server),
}

impl Plan {
    /// Whether anything is sent, and so anybody may answer.
    fn searches(&self) -> bool {
        match self.wanted {
            _ if !self.by_upnp() => false,
            Wanted::Any => !self.origins.is_empty(),
            Wanted::At(to) => origin::towards(&self.origins, to).is_some(),
            Wanted::Described(_) => false,
        }
    }
}

/// The URL with the interface to its host, if it has a link-local address.
pub(crate) fn on_link(location: Url, index: u32) -> Url {
    match location.host() {
        IpAddr::V6(host) if host.is_unicast_link_local() => location.with_scope(index),
        _ => location,
    }
}

/// In which families to search, and when. Where there is no network of IPv4, nothing is waited for.
fn tours(plan: &Plan) -> Vec<Tour> {
    let tour = |family, delay| Tour {
        family,
        delay,
        rounds_sent: 0,
    };
    let has = |family| {
        let mut networks = plan.origins.iter().filter(|origin| !origin.loopback);
        networks.any(|origin| origin.family() == family)
    };
    let later = if has(Family::Ipv4) { IPV4_FIRST } else { Duration::ZERO };
    match plan.wanted {
        Wanted::At(to) => vec![tour(Family::of(to.ip()), Duration::ZERO)],
        Wanted::Any | Wanted::Described(_) if has(Family::Ipv6) => {
            vec![tour(Family::Ipv4, Duration::ZERO), tour(Family::Ipv6, later)]
        }
        Wanted::Any | Wanted::Described(_) => vec![tour(Family::Ipv4, Duration::ZERO)],
    }
}
