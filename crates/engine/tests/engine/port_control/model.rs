//! Random requests of four protocols from several hosts, with expiry, restarts and refusals, against a model: who has been
//! promised what. A row of the table is there while anybody has been promised it, and as long as the longest promise.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use portreeve_engine::Kept;
use portreeve_wire::pcp::Filter;
use portreeve_wire::{Quirk, Quirks};
use proptest::prelude::*;

use super::*;

const CLIENTS: [&str; 3] = ["192.168.77.11", "192.168.77.12", "192.168.77.13"];
const REMOTES: [&str; 3] = ["", "11.11.11.7", "11.11.11.8"];
const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];
const TABLE: usize = 14;
const QUOTA: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Upnp {
        version: u8,
        any: bool,
        asked: Asked,
    },
    UpnpDelete {
        client: usize,
        remote: usize,
        port: u16,
        protocol: usize,
    },
    UpnpDeleteRange {
        client: usize,
        protocol: usize,
    },
    NatPmp {
        asked: Asked,
    },
    /// Internal port 0 is every port.
    NatPmpDelete {
        client: usize,
        protocol: usize,
        internal_port: u16,
    },
    Pcp {
        asked: Asked,
        nonce: u8,
        prefer_failure: bool,
        filters: Vec<usize>,
    },
    PcpDelete {
        client: usize,
        protocol: usize,
        internal_port: u16,
        nonce: u8,
    },
    /// Which of the two static mappings there are.
    Statics([bool; 2]),
    Pass {
        seconds: u64,
    },
    Restart,
    /// The next this many changes are refused by the backend.
    Refuse {
        changes: u32,
    },
    StoreWorks(bool),
}

#[derive(Clone, Debug)]
struct Asked {
    client: usize,
    /// Of [`REMOTES`]; UPnP only.
    remote: usize,
    protocol: usize,
    internal_port: u16,
    external_port: u16,
    enabled: bool,
    lease: u32,
}

fn asked() -> impl Strategy<Value = Asked> {
    let parts = (
        0..3usize,
        0..5usize,
        0..2usize,
        1023..1027u16,
        1022..1030u16,
        0..5u8,
        1..30u32,
    );
    parts.prop_map(
        |(client, remote, protocol, internal_port, external_port, enabled, lease)| Asked {
            client,
            // Mostly anywhere.
            remote: if remote < 3 { remote } else { 0 },
            protocol,
            internal_port,
            external_port,
            enabled: enabled > 0,
            lease,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    // A filter of 0 clears all.
    let filters = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(0..3usize, 1..4)];
    prop_oneof![
        6 => (1..3u8, any::<bool>(), asked()).prop_map(|(version, any, asked)| Step::Upnp { version, any, asked }),
        2 => (0..3usize, 0..3usize, 1022..1030u16, 0..2usize)
            .prop_map(|(client, remote, port, protocol)| Step::UpnpDelete { client, remote, port, protocol }),
        1 => (0..3usize, 0..2usize).prop_map(|(client, protocol)| Step::UpnpDeleteRange { client, protocol }),
        6 => asked().prop_map(|asked| Step::NatPmp { asked }),
        2 => (0..3usize, 0..2usize, prop_oneof![Just(0), 1023..1027u16])
            .prop_map(|(client, protocol, internal_port)| Step::NatPmpDelete { client, protocol, internal_port }),
        8 => (asked(), 0..3u8, 0..4u8, filters).prop_map(|(asked, nonce, prefer, filters)| Step::Pcp {
            asked,
            nonce,
            prefer_failure: prefer == 0,
            filters,
        }),
        2 => (0..3usize, 0..2usize, prop_oneof![Just(0), 1023..1027u16], 0..3u8).prop_map(
            |(client, protocol, internal_port, nonce)| Step::PcpDelete { client, protocol, internal_port, nonce }
        ),
        1 => any::<[bool; 2]>().prop_map(Step::Statics),
        3 => (1..10u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
        1 => (1..4u32).prop_map(|changes| Step::Refuse { changes }),
        1 => any::<bool>().prop_map(Step::StoreWorks),
    ]
}

/// A static mapping on a port that no rule gives, and one on a port that everybody wants.
fn statics(which: [bool; 2]) -> Vec<Arc<Mapping>> {
    let all = [static_mapping(1023, 1024), static_mapping(1025, 1025)];
    all.into_iter()
        .zip(which)
        .filter_map(|(mapping, there)| there.then_some(mapping))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Upnp,
    NatPmp,
    Pcp,
    Static,
}

/// Port, protocol, remote host.
type Key = (u16, usize, usize);

/// What one protocol has been promised of a row.
#[derive(Clone, Debug)]
struct Promise {
    kind: Kind,
    nonce: u8,
    port: u16,
    row: Row,
    /// In seconds; static ones never end.
    until: u64,
}

/// What the model knows of a row, but its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    protocol: usize,
    remote: usize,
    client: usize,
    internal_port: u16,
    enabled: bool,
}

/// What somebody asks of the model.
struct Claim {
    kind: Kind,
    nonce: u8,
    rows: Vec<Row>,
    until: u64,
}

#[derive(Debug, Default)]
struct Model {
    promises: Vec<Promise>,
    /// To which protocol a row belongs: the first, while it has it; then, when next somebody asks, the one that has it
    /// longest.
    owners: BTreeMap<Key, Kind>,
    now: u64,
}

impl Promise {
    fn key(&self) -> Key {
        (self.port, self.row.protocol, self.row.remote)
    }
}

impl Model {
    /// Every row there is: port, the rest, seconds left, and to whom it belongs.
    fn table(&self) -> BTreeSet<(u16, Row, u64, Kind)> {
        let longest = |one: &Promise| {
            let same = self
                .promises
                .iter()
                .filter(|other| (other.port, other.row) == (one.port, one.row));
            same.map(|promise| promise.until).max().unwrap_or(0)
        };
        let left = |promise: &Promise| longest(promise).saturating_sub(self.now).min(STATIC);
        let row = |promise: &Promise| (promise.port, promise.row, left(promise), self.owners[&promise.key()]);
        self.promises.iter().map(row).collect()
    }

    /// Settles to whom rows belong that somebody has asked for or given up.
    fn settle(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let there = || self.promises.iter().filter(|promise| promise.key() == key);
            let owner = self.owners.get(&key).copied();
            let owner = owner.filter(|owner| there().any(|promise| promise.kind == *owner));
            // Of equals the one that was promised last.
            let longest = there().max_by_key(|promise| promise.until).map(|promise| promise.kind);
            match owner.or(longest) {
                Some(owner) => self.owners.insert(key, owner),
                None => self.owners.remove(&key),
            };
        }
    }

    /// Takes promises back.
    fn forget(&mut self, is_meant: impl Fn(&Promise) -> bool) {
        let (gone, kept) = std::mem::take(&mut self.promises)
            .into_iter()
            .partition(|promise| is_meant(promise));
        self.promises = kept;
        let gone: Vec<Promise> = gone;
        self.settle(gone.iter().map(Promise::key));
    }

    fn at<'a>(&'a self, port: u16, protocol: usize) -> impl Iterator<Item = &'a Promise> + 'a {
        self.promises
            .iter()
            .filter(move |promise| promise.port == port && promise.row.protocol == protocol)
    }

    fn of_socket(&self, row: Row) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(move |promise| leads_to(promise.row, row))
    }

    /// Whether somebody has what stands in the way of having these rows at a port.
    fn is_in_the_way(&self, claim: &Claim, port: u16) -> bool {
        let asked = claim.rows[0];
        let is_filter = claim.kind == Kind::Pcp && claim.rows.iter().all(|row| row.remote > 0);
        self.at(port, asked.protocol).any(|there| {
            let is_same = claim.rows.iter().any(|row| row.remote == there.row.remote);
            let is_same_socket = leads_to(there.row, asked);
            let same_row = || {
                let at = self.at(port, asked.protocol);
                at.filter(|other| other.row.remote == there.row.remote)
            };
            let is_ours_alone =
                same_row().all(|other| other.kind == claim.kind) && self.owners[&there.key()] == claim.kind;
            let has_filter = there.row.remote > 0 && same_row().any(|other| other.kind == Kind::Pcp);
            match (there.kind, claim.kind) {
                (Kind::Static, Kind::Upnp) => true,
                _ if there.row.client != asked.client => true,
                (_, Kind::Upnp) if is_ours_alone => false,
                _ if !is_same_socket => true,
                _ if is_ours_alone => false,
                _ if is_same => !(there.row.enabled && asked.enabled),
                _ => is_filter && there.row.remote == 0 || has_filter && claim.kind != Kind::Pcp,
            }
        })
    }

    /// Whether the rules give this port to this socket.
    fn is_allowed(&self, claim: &Claim, port: u16) -> bool {
        let asked = claim.rows[0];
        let fixed = |there: &Promise| there.kind == Kind::Static && leads_to(there.row, asked);
        port >= 1024 && asked.internal_port >= 1024
            || claim.kind != Kind::Upnp && self.at(port, asked.protocol).any(fixed)
    }

    fn can_be_had(&self, claim: &Claim, port: u16) -> bool {
        self.is_allowed(claim, port) && !self.is_in_the_way(claim, port)
    }

    /// Whether another host has the other transport's port of this number by NAT-PMP.
    fn is_companion(&self, row: Row, port: u16) -> bool {
        self.at(port, 1 - row.protocol)
            .any(|there| there.kind == Kind::NatPmp && there.row.client != row.client)
    }

    /// Whether there is room for these rows at a port, less those that are given up for them.
    fn has_room(&self, claim: &Claim, port: u16) -> bool {
        let rows = self.table();
        let is_there = |row: &Row| {
            let mut at = self.at(port, row.protocol);
            at.any(|there| there.row.remote == row.remote)
        };
        let new = claim.rows.iter().filter(|row| !is_there(row)).count();
        let gone = self.given_up(claim).filter(|promise| self.is_alone(promise)).count();
        let own = rows
            .iter()
            .filter(|(_, row, ..)| row.client == claim.rows[0].client)
            .count();
        new == 0 || rows.len() + new <= TABLE + gone && own + new <= QUOTA + gone
    }

    fn is_alone(&self, promise: &Promise) -> bool {
        self.promises
            .iter()
            .filter(|other| (other.port, other.row) == (promise.port, promise.row))
            .count()
            == 1
    }

    /// What PCP has of the socket from remote hosts that are no longer asked for.
    fn given_up<'a>(&'a self, claim: &'a Claim) -> impl Iterator<Item = &'a Promise> {
        self.of_socket(claim.rows[0]).filter(|there| {
            claim.kind == Kind::Pcp
                && there.kind == Kind::Pcp
                && claim.rows.iter().all(|row| row.remote != there.row.remote)
        })
    }

    /// The port at which this protocol has the socket already.
    fn own_port(&self, claim: &Claim) -> Option<u16> {
        let mut own = self.of_socket(claim.rows[0]).filter(|there| {
            there.kind == claim.kind && (claim.kind == Kind::Pcp || there.row.remote == claim.rows[0].remote)
        });
        own.next().map(|promise| promise.port)
    }

    fn grant(&mut self, claim: &Claim, port: u16) {
        let kind = claim.kind;
        let remotes: Vec<usize> = claim.rows.iter().map(|row| row.remote).collect();
        self.forget(|there| {
            let is_given_up = leads_to(there.row, claim.rows[0]) && !remotes.contains(&there.row.remote);
            kind == Kind::Pcp && there.kind == kind && is_given_up
        });
        for row in &claim.rows {
            let key = (port, row.protocol, row.remote);
            if self.owners.get(&key) == Some(&Kind::Static) {
                continue;
            }
            self.promises.retain(|there| there.kind != kind || there.key() != key);
            self.promises.push(Promise {
                kind,
                nonce: claim.nonce,
                port,
                row: *row,
                until: claim.until,
            });
            self.settle([key]);
        }
    }

    /// The port that NAT-PMP and PCP answer with, as far as that is certain.
    fn expected(&self, claim: &Claim, suggested: u16) -> Vec<u16> {
        if let Some(own) = self.own_port(claim) {
            return vec![own];
        }
        let shared: Vec<u16> = self
            .of_socket(claim.rows[0])
            .filter(|there| there.row.enabled && self.can_be_had(claim, there.port))
            .map(|there| there.port)
            .collect();
        let is_free = self.can_be_had(claim, suggested) && !self.is_companion(claim.rows[0], suggested);
        match (shared.is_empty(), is_free) {
            (false, _) => shared,
            (true, true) => vec![suggested],
            (true, false) => Vec::new(),
        }
    }
}

const STATIC: u64 = u64::MAX / 2;

fn leads_to(one: Row, other: Row) -> bool {
    (one.protocol, one.client, one.internal_port) == (other.protocol, other.client, other.internal_port)
}

impl Asked {
    fn rows(&self, remotes: &[usize]) -> Vec<Row> {
        let row = |remote: &usize| Row {
            protocol: self.protocol,
            remote: *remote,
            client: self.client,
            internal_port: self.internal_port,
            enabled: true,
        };
        remotes.iter().map(row).collect()
    }
}

/// A gateway beside its model.
struct World {
    gateway: Gateway,
    model: Model,
    config: Config,
    to_refuse: Rc<Cell<u32>>,
}

impl World {
    fn new(quirks: Quirks) -> Self {
        let limits = Limits {
            mappings: TABLE,
            mappings_per_client: QUOTA,
            ..Limits::default()
        };
        let pcp = portreeve_engine::config::Pcp {
            minimum_lifetime: 1,
            ..Default::default()
        };
        let config = Config {
            limits,
            pcp,
            quirks,
            ..config()
        };
        let mut world = Self {
            gateway: Gateway::new(config.clone()),
            model: Model::default(),
            config,
            to_refuse: Rc::default(),
        };
        world.refuse_as_told();
        world
    }

    fn refuse_as_told(&mut self) {
        let refusing = self.to_refuse.clone();
        self.gateway.refuse = Box::new(move |_| {
            let left = refusing.get();
            refusing.set(left.saturating_sub(1));
            (left > 0).then_some(Refusal::PortTaken)
        });
    }

    /// A world that plays along makes outcomes certain; one that does not may only turn success into refusal.
    fn is_certain(&self) -> bool {
        self.to_refuse.get() == 0 && self.gateway.store_works
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Upnp { version, any, asked } => self.upnp(version, any, &asked)?,
            Step::UpnpDelete {
                client,
                remote,
                port,
                protocol,
            } => {
                let number = port.to_string();
                let key = [
                    ("NewRemoteHost", REMOTES[remote]),
                    ("NewExternalPort", number.as_str()),
                    ("NewProtocol", PROTOCOLS[protocol].name()),
                ];
                let certain = self.is_certain();
                let outcome = self.gateway.call(CLIENTS[client], 2, "DeletePortMapping", &key);
                let is_it =
                    |there: &Promise| (there.port, there.row.protocol, there.row.remote) == (port, protocol, remote);
                let there = self.model.promises.iter().find(|there| is_it(there));
                let may = there.is_some_and(|there| {
                    there.kind != Kind::Static
                        && there.row.client == client
                        && there.port >= 1024
                        && there.row.internal_port >= 1024
                });
                prop_assert!(outcome.is_ok() == may || outcome.is_err() && !certain, "{:?}", outcome);
                if outcome.is_ok() {
                    self.model.forget(is_it);
                }
            }
            Step::UpnpDeleteRange { client, protocol } => {
                let range = [
                    ("NewStartPort", "1024"),
                    ("NewEndPort", "65535"),
                    ("NewProtocol", PROTOCOLS[protocol].name()),
                    ("NewManage", "0"),
                ];
                let outcome = self.gateway.call(CLIENTS[client], 2, "DeletePortMappingRange", &range);
                if outcome.is_ok() {
                    self.model.forget(|there| {
                        there.kind != Kind::Static && (there.row.client, there.row.protocol) == (client, protocol)
                    });
                }
            }
            Step::NatPmp { asked } => self.nat_pmp(&asked)?,
            Step::NatPmpDelete {
                client,
                protocol,
                internal_port,
            } => {
                let certain = self.is_certain();
                let transport = [Transport::Tcp, Transport::Udp][protocol];
                let outcome = self.gateway.nat_pmp_of(CLIENTS[client], transport, internal_port, 0, 0);
                let is_meant = |there: &Promise| {
                    (there.row.client, there.row.protocol) == (client, protocol)
                        && (internal_port == 0 || there.row.internal_port == internal_port)
                };
                let fixed = |there: &Promise| there.kind == Kind::Static && is_meant(there);
                let is_fixed = self.model.promises.iter().any(fixed);
                prop_assert!(
                    outcome.is_ok() != is_fixed || outcome.is_err() && !certain,
                    "{:?}",
                    outcome
                );
                // What can be deleted is deleted, whatever the answer, if the world plays along.
                if outcome.is_ok() || certain || outcome == Err(NatPmpCode::NotAuthorized) {
                    self.model.forget(|there| there.kind == Kind::NatPmp && is_meant(there));
                }
            }
            Step::Pcp {
                asked,
                nonce,
                prefer_failure,
                filters,
            } => self.pcp(&asked, nonce, prefer_failure, &filters)?,
            Step::PcpDelete {
                client,
                protocol,
                internal_port,
                nonce,
            } => self.pcp_delete(client, protocol, internal_port, nonce)?,
            Step::Statics(which) => {
                let config = Config {
                    statics: statics(which),
                    ..self.config.clone()
                };
                match self.gateway.ask(Request::Reconfigure(Box::new(config.clone()))) {
                    Reply::Reconfigured(Ok(())) => {
                        self.config = config;
                        self.enter_statics();
                    }
                    Reply::Reconfigured(Err(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
            Step::Pass { seconds } => {
                // Leases end only where kernel and disk play along; both are tried again until they do.
                self.to_refuse.set(0);
                self.gateway.store_works = true;
                self.gateway.pass(Duration::from_secs(seconds));
                self.gateway.pass(Duration::ZERO);
                self.model.now += seconds;
                let now = self.model.now;
                self.model.promises.retain(|promise| promise.until > now);
                let left: BTreeSet<Key> = self.model.promises.iter().map(Promise::key).collect();
                self.model.owners.retain(|key, _| left.contains(key));
            }
            Step::Restart => self.restart(),
            Step::Refuse { changes } => self.to_refuse.set(changes),
            Step::StoreWorks(works) => self.gateway.store_works = works,
        }
        self.compare()
    }

    fn upnp(&mut self, version: u8, any: bool, asked: &Asked) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let texts = [asked.external_port, asked.internal_port].map(|port| port.to_string());
        let lease = asked.lease.to_string();
        let given = [
            ("NewRemoteHost", REMOTES[asked.remote]),
            ("NewExternalPort", texts[0].as_str()),
            ("NewProtocol", PROTOCOLS[asked.protocol].name()),
            ("NewInternalPort", texts[1].as_str()),
            ("NewEnabled", if asked.enabled { "1" } else { "0" }),
            ("NewLeaseDuration", lease.as_str()),
        ];
        let (client, any) = (CLIENTS[asked.client], any && version == 2);
        let action = if any { ADD_ANY } else { ADD };
        let outcome = self.gateway.call(client, version, action, &mapping(client, &given));
        let mut rows = asked.rows(&[asked.remote]);
        rows[0].enabled = asked.enabled;
        let claim = Claim {
            kind: Kind::Upnp,
            nonce: 0,
            rows,
            until: self.model.now + u64::from(asked.lease),
        };
        let wish = asked.external_port;
        let gets_wish = self.model.can_be_had(&claim, wish);
        match outcome {
            Ok(outputs) => {
                let port = match outputs.get("NewReservedPort") {
                    Some(Value::Ui2(port)) => *port,
                    _ => wish,
                };
                prop_assert!(self.model.can_be_had(&claim, port), "{port}");
                prop_assert!(self.model.has_room(&claim, port));
                prop_assert!(port == wish || !gets_wish || !certain);
                // UPnP leaves as it is what it shares.
                self.model.grant(&claim, port);
            }
            Err(code) if certain => {
                let is_allowed = self.model.is_allowed(&claim, wish);
                let expected = match (any, gets_wish) {
                    (false, false) => true,
                    (_, true) => !self.model.has_room(&claim, wish),
                    (true, false) => !is_allowed || !self.model.has_room(&claim, 60_000),
                };
                prop_assert!(expected, "{}", code);
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn nat_pmp(&mut self, asked: &Asked) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let transport = [Transport::Tcp, Transport::Udp][asked.protocol];
        let (client, wish) = (CLIENTS[asked.client], asked.external_port);
        let outcome = self
            .gateway
            .nat_pmp_of(client, transport, asked.internal_port, wish, asked.lease);
        let claim = Claim {
            kind: Kind::NatPmp,
            nonce: 0,
            rows: asked.rows(&[0]),
            until: self.model.now + u64::from(asked.lease),
        };
        if let Ok((_, lifetime)) = outcome {
            prop_assert_eq!(lifetime, asked.lease);
        }
        self.chosen(&claim, wish, outcome.ok().map(|(port, _)| port), certain)
    }

    /// What must be true of a port that was chosen, or of there being none.
    fn chosen(&mut self, claim: &Claim, wish: u16, port: Option<u16>, certain: bool) -> Result<(), TestCaseError> {
        let expected = self.model.expected(claim, wish);
        match port {
            Some(port) => {
                prop_assert!(self.model.can_be_had(claim, port), "{}", port);
                prop_assert!(self.model.has_room(claim, port));
                prop_assert!(
                    !certain || expected.is_empty() || expected.contains(&port),
                    "{} {:?}",
                    port,
                    expected
                );
                self.model.grant(claim, port);
            }
            None if certain => {
                let is_possible = |port: &u16| self.model.can_be_had(claim, *port) && self.model.has_room(claim, *port);
                let elsewhere = claim.rows[0].internal_port >= 1024 && self.model.has_room(claim, 60_000);
                let is_possible = match expected.as_slice() {
                    [] => elsewhere,
                    some => some.iter().all(is_possible),
                };
                prop_assert!(!is_possible);
            }
            None => {}
        }
        Ok(())
    }

    fn pcp(&mut self, asked: &Asked, nonce: u8, prefer: bool, filters: &[usize]) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let map = Map {
            nonce: Nonce([nonce; 12]),
            protocol: PROTOCOLS[asked.protocol].number(),
            external_port: asked.external_port,
            prefer_failure: prefer,
            filters: filters.iter().map(|remote| filter(*remote)).collect(),
            ..tcp(asked.internal_port)
        };
        let outcome = self.gateway.map(CLIENTS[asked.client], asked.lease, map);
        let own: Vec<Promise> = self
            .model
            .of_socket(asked.rows(&[0])[0])
            .filter(|there| there.kind == Kind::Pcp)
            .cloned()
            .collect();
        let mut remotes: BTreeSet<usize> = own
            .iter()
            .map(|there| there.row.remote)
            .filter(|remote| *remote > 0)
            .collect();
        for filter in filters {
            match filter {
                0 => remotes.clear(),
                host => drop(remotes.insert(*host)),
            }
        }
        if remotes.is_empty() {
            remotes.insert(0);
        }
        let claim = Claim {
            kind: Kind::Pcp,
            nonce,
            rows: asked.rows(&remotes.into_iter().collect::<Vec<_>>()),
            until: self.model.now + u64::from(asked.lease),
        };
        let is_tolerant = self.config.quirks.has(Quirk::PcpFreshNonce);
        if own.iter().any(|there| there.nonce != nonce) && !is_tolerant {
            prop_assert_eq!(outcome, Err(ResultCode::NotAuthorized));
            return Ok(());
        }
        let wish = asked.external_port;
        let port = outcome.ok().map(|assigned| assigned.external.unwrap().1);
        if !prefer {
            return self.chosen(&claim, wish, port, certain);
        }
        let is_possible = own.iter().all(|there| there.port == wish)
            && self.model.can_be_had(&claim, wish)
            && self.model.has_room(&claim, wish);
        prop_assert!(
            port.is_some() == is_possible || port.is_none() && !certain,
            "{:?}",
            outcome
        );
        if let Some(port) = port {
            prop_assert_eq!(port, wish);
            self.model.grant(&claim, port);
        }
        Ok(())
    }

    fn pcp_delete(&mut self, client: usize, protocol: usize, port: u16, nonce: u8) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let map = Map {
            nonce: Nonce([nonce; 12]),
            protocol: PROTOCOLS[protocol].number(),
            ..tcp(port)
        };
        let outcome = self.gateway.map(CLIENTS[client], 0, map);
        let is_meant = |there: &Promise| {
            (there.row.client, there.row.protocol) == (client, protocol)
                && (port == 0 || there.row.internal_port == port)
        };
        let is_ours = |there: &Promise| is_meant(there) && there.kind == Kind::Pcp && there.nonce == nonce;
        let meant = || self.model.promises.iter().filter(|there| is_meant(there));
        let has_ours = meant().any(is_ours);
        let has_strangers = meant().any(|there| there.kind == Kind::Pcp && there.nonce != nonce);
        let has_others = meant().any(|there| there.kind != Kind::Pcp);
        let is_refused = match port {
            0 => has_strangers && !has_ours,
            _ => has_strangers || has_others && !has_ours,
        };
        prop_assert!(
            outcome.is_ok() != is_refused || outcome.is_err() && !certain,
            "{:?}",
            outcome
        );
        if outcome.is_ok() {
            self.model.forget(is_ours);
        }
        Ok(())
    }

    /// What the administrator writes down comes first, and what was in its way goes.
    fn enter_statics(&mut self) {
        self.model.forget(|there| there.kind == Kind::Static);
        for mapping in &self.config.statics {
            let port = mapping.key.external_port.get();
            self.model.forget(|there| there.port == port && there.row.protocol == 0);
            self.model.promises.push(Promise {
                kind: Kind::Static,
                nonce: 0,
                port,
                row: Row {
                    protocol: 0,
                    remote: 0,
                    client: 0,
                    internal_port: mapping.internal_port.get(),
                    enabled: true,
                },
                until: u64::MAX,
            });
            self.model.settle([(port, 0, 0)]);
        }
    }

    /// The store keeps whose a row is, and until when; not who shares it.
    fn restart(&mut self) {
        let now = self.gateway.now;
        let rows: Vec<Arc<Mapping>> = self.gateway.engine.mappings().cloned().collect();
        let left = |mapping: &Arc<Mapping>| {
            let nonce = match mapping.origin {
                Origin::Pcp(origin) => origin.nonce.0[0],
                _ => 0,
            };
            let (port, row, left, kind) = seen(mapping, now);
            let until = match kind {
                Kind::Static => u64::MAX,
                _ => self.model.now + left,
            };
            Promise {
                kind,
                nonce,
                port,
                row,
                until,
            }
        };
        self.model.promises = rows.iter().map(left).collect();
        let kept = Kept {
            mappings: rows.into_iter().filter(|row| row.origin != Origin::Static).collect(),
            system_update_id: self.gateway.engine.system_update_id(),
            epoch: self.gateway.engine.epoch(),
            external_address: self.gateway.engine.told_address(),
            ..Kept::default()
        };
        let store_works = self.gateway.store_works;
        self.gateway = Gateway::restarted(self.config.clone(), kept);
        (self.gateway.now, self.gateway.store_works) = (now, store_works);
        self.refuse_as_told();
    }

    /// Table, kernel and model tell the same, and no port has two owners.
    fn compare(&mut self) -> Result<(), TestCaseError> {
        let now = self.gateway.now;
        let rows: Vec<Arc<Mapping>> = self.gateway.engine.mappings().cloned().collect();
        let table: BTreeSet<_> = rows.iter().map(|mapping| seen(mapping, now)).collect();
        prop_assert_eq!(&table, &self.model.table());
        prop_assert!(self.gateway.in_force.values().eq(rows.iter()));
        for one in &rows {
            for other in rows.iter().filter(|other| {
                (other.key.external_port, other.key.protocol) == (one.key.external_port, one.key.protocol)
            }) {
                prop_assert_eq!(one.internal_client, other.internal_client, "two hosts have one port");
                let same_protocol = one.origin.name() == other.origin.name();
                let is_upnp = matches!(one.origin, Origin::Upnp(_));
                prop_assert!(
                    same_protocol && is_upnp || one.internal_port == other.internal_port,
                    "two sockets have one port by two protocols"
                );
            }
        }
        Ok(())
    }
}

fn filter(remote: usize) -> Filter {
    Filter {
        address: REMOTES[remote].parse().unwrap_or(ANYWHERE),
        prefix: (remote > 0).then_some(32),
        port: 0,
    }
}

/// A row in the words of the model.
fn seen(mapping: &Mapping, now: portreeve_engine::Time) -> (u16, Row, u64, Kind) {
    let place = |texts: &[&str], text: String| texts.iter().position(|known| *known == text).unwrap();
    let row = Row {
        protocol: PROTOCOLS
            .iter()
            .position(|known| *known == mapping.key.protocol)
            .unwrap(),
        remote: place(&REMOTES, mapping.key.remote_host.to_string()),
        client: place(&CLIENTS, mapping.internal_client.to_string()),
        internal_port: mapping.internal_port.get(),
        enabled: mapping.enabled,
    };
    let left = match mapping.expiry {
        Expiry::At(end) => end.since(now).as_secs(),
        Expiry::Never => STATIC,
    };
    let kind = match mapping.origin {
        Origin::Upnp(_) => Kind::Upnp,
        Origin::NatPmp(_) => Kind::NatPmp,
        Origin::Pcp(_) => Kind::Pcp,
        Origin::Static => Kind::Static,
    };
    (mapping.key.external_port.get(), row, left, kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_gives_one_port_to_two_owners_or_breaks_a_promise(
        steps in prop::collection::vec(step(), 1..80),
        tolerant in any::<bool>(),
    ) {
        let quirks = match tolerant {
            true => Quirks::default(),
            false => Quirks::default().without(Quirk::PcpFreshNonce),
        };
        let mut world = World::new(quirks);
        for step in steps {
            world.take(step)?;
        }
    }
}
