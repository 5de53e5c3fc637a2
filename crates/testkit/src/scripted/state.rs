use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::IgdVersion;
use super::connection::{Connection, ConnectionKind, Placement};
use super::events::{self, Subscription};
use super::misbehaviour::Misbehaviour;
use super::pinholes::Pinholes;
use super::record::{ReceivedRequest, ReceivedSearch};
use super::reply::ScriptedReply;
use super::services::{Service, ServiceKind};
use super::soap::Call;
use super::table::MappingTable;

/// What a test does in place of an action.
pub(super) type Hook = Box<dyn FnMut(&Call, &mut MappingTable) -> ScriptedReply + Send>;

/// What the builder fixed.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) igd: IgdVersion,
    pub(super) friendly_name: String,
    pub(super) page_limit: usize,
    pub(super) capacity: usize,
    pub(super) default_connection: usize,
    pub(super) firewall: Firewall,
    pub(super) announce_to: Vec<SocketAddr>,
}

/// Whether there is a WANIPv6FirewallControl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Firewall {
    Absent,
    Present,
}

/// A connection with its mappings.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    /// Since when it has had its status.
    pub(super) since: Instant,
    pub(super) table: MappingTable,
    /// How often the table was read by index.
    pub(super) reads: usize,
}

/// Everything that the threads of a gateway share.
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) address: Ipv4Addr,
    pub(super) http_port: u16,
    /// Of the listener for [`Misbehaviour::ControlOnOtherPort`], while there is one.
    pub(super) control_port: Option<u16>,
    pub(super) services: Vec<Service>,
    pub(super) links: Vec<Link>,
    pub(super) pinholes: Pinholes,
    pub(super) subscriptions: Vec<Subscription>,
    /// How many identifiers of subscriptions were given out.
    sids: u32,
    pub(super) misbehaviours: Vec<Misbehaviour>,
    pub(super) hooks: Vec<(String, Hook)>,
    pub(super) requests: Vec<ReceivedRequest>,
    pub(super) searches: Vec<ReceivedSearch>,
    pub(super) last_ipv6_search: Option<Instant>,
    pub(super) boot_id: u32,
    pub(super) radio: Radio,
    pub(super) descriptions_served: usize,
    pub(super) actions_in_flight: usize,
    pub(super) most_actions_in_flight: usize,
    pub(super) last_action_ended: Option<Instant>,
    /// How far the gateway's clock is ahead of the machine's.
    skew: Duration,
}

/// Whether SSDP is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Radio {
    On,
    Silent,
}

/// The state behind its lock.
pub(super) struct Shared(Mutex<State>);

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    /// A hook that panicked fails its own test; the state is as good as before.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn new(
        plan: Plan,
        connections: Vec<Connection>,
        misbehaviours: Vec<Misbehaviour>,
        hooks: Vec<(String, Hook)>,
    ) -> Self {
        let now = Instant::now();
        Self {
            services: services(&plan, &connections),
            links: connections
                .into_iter()
                .map(|connection| Link::new(connection, now))
                .collect(),
            plan,
            address: Ipv4Addr::UNSPECIFIED,
            http_port: 0,
            control_port: None,
            pinholes: Pinholes::default(),
            subscriptions: Vec::new(),
            sids: 0,
            misbehaviours,
            hooks,
            requests: Vec::new(),
            searches: Vec::new(),
            last_ipv6_search: None,
            boot_id: 1,
            radio: Radio::On,
            descriptions_served: 0,
            actions_in_flight: 0,
            most_actions_in_flight: 0,
            last_action_ended: None,
            skew: Duration::ZERO,
        }
    }

    /// The gateway's clock.
    pub(super) fn now(&self) -> Instant {
        Instant::now() + self.skew
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.skew += time;
        self.expire();
    }

    /// Drops the mappings and subscriptions whose time is over.
    pub(super) fn expire(&mut self) {
        let now = self.now();
        for link in &mut self.links {
            link.table.advance_to(now);
        }
        events::expire(&mut self.subscriptions, now);
    }

    /// Forgets everything that a power cut makes a gateway forget.
    pub(super) fn power_cut(&mut self) {
        let now = self.now();
        for link in &mut self.links {
            *link = Link::new(link.connection.clone(), now);
        }
        self.pinholes = Pinholes::default();
        self.subscriptions.clear();
        self.descriptions_served = 0;
        self.boot_id += 1;
    }

    pub(super) fn plays(&self, misbehaviour: &Misbehaviour) -> bool {
        self.misbehaviours.contains(misbehaviour)
    }

    /// The datum of the first misbehaviour that `select` knows.
    pub(super) fn played<'a, T>(&'a self, select: impl FnMut(&'a Misbehaviour) -> Option<T>) -> Option<T> {
        self.misbehaviours.iter().find_map(select)
    }

    pub(super) fn service_type(&self, service: Service) -> String {
        service.kind.service_type(self.plan.igd, &self.misbehaviours)
    }

    pub(super) fn service_version(&self, service: Service) -> u8 {
        service.kind.version(self.plan.igd, &self.misbehaviours)
    }

    /// The unique device name of device `number` of the tree; 0 is the root.
    pub(super) fn udn(&self, number: usize) -> String {
        let address = u32::from(self.address);
        if self.plays(&Misbehaviour::MalformedUdn) {
            return format!("uuid:dead-beef-{address:08x}{number:x}");
        }
        format!("uuid:7052e7ee-0001-4000-8000-{address:08x}{number:04x}")
    }

    /// An identifier that no subscription has had.
    pub(super) fn fresh_sid(&mut self) -> String {
        self.sids += 1;
        format!("uuid:7052e7ee-0002-4000-8000-{:08x}{:04x}", self.boot_id, self.sids)
    }

    /// What stands before every path.
    pub(super) fn prefix(&self) -> String {
        if self.plays(&Misbehaviour::RandomPaths) {
            // Multiplying by an odd number makes every start look different.
            return format!("/{:08x}", self.boot_id.wrapping_mul(0x9e37_79b1));
        }
        if self.plays(&Misbehaviour::OddPaths) {
            return format!("/upnphost/udhisapi.dll?content={}", self.udn(0));
        }
        String::new()
    }

    pub(super) fn description_url(&self) -> String {
        format!(
            "http://{}:{}{}/rootDesc.xml",
            self.address,
            self.http_port,
            self.prefix()
        )
    }

    /// Index of the first service of each WANDevice's group of connections.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        groups(self.links.iter().map(|link| link.connection.placement))
    }
}

impl Link {
    fn new(connection: Connection, now: Instant) -> Self {
        Self {
            connection,
            since: now,
            table: MappingTable::new(now),
            reads: 0,
        }
    }

    /// Seconds since it has been up.
    pub(super) fn uptime(&self, now: Instant) -> u64 {
        if self.connection.is_up() {
            now.saturating_duration_since(self.since).as_secs()
        } else {
            0
        }
    }
}

fn services(plan: &Plan, connections: &[Connection]) -> Vec<Service> {
    let mut services = vec![Service {
        kind: ServiceKind::Layer3Forwarding,
        connection: 0,
    }];
    for group in groups(connections.iter().map(|connection| connection.placement)) {
        let mut push = |kind, connection| services.push(Service { kind, connection });
        push(ServiceKind::CommonInterfaceConfig, group[0]);
        for &index in &group {
            push(
                match connections[index].kind {
                    ConnectionKind::Ip => ServiceKind::IpConnection,
                    ConnectionKind::Ppp => ServiceKind::PppConnection,
                },
                index,
            );
        }
        if plan.firewall == Firewall::Present {
            push(ServiceKind::FirewallControl, group[0]);
        }
    }
    services
}

/// Indices of the connections of each WANDevice; no group is empty.
fn groups(placements: impl Iterator<Item = Placement>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, placement) in placements.enumerate() {
        match (placement, groups.last_mut()) {
            (Placement::BesidePrevious, Some(group)) => group.push(index),
            _ => groups.push(vec![index]),
        }
    }
    groups
}
