//! Mappings and pinholes in the kernel: one nftables table with a fixed skeleton of few rules, in which each of them is
//! an element of a map or set. Its timeout is the lease, so that a port never stays open past it, whatever becomes of
//! this process.
//!
//! The way of a packet is told by [`ruleset`]. The files: `skeleton` says what the table looks like, `firewall` its part
//! for pinholes, both in the terms of `rule`; `install` makes the kernel's equal to it, `row` turns mappings and pinholes
//! into elements, `transaction` and `reconcile` put them there, `probe` finds out what the kernel can, `cutter` ends
//! connections of mappings that are no more, `watcher` notices others touching the ruleset, and `advice` reads their
//! filters.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use portreeve_engine::{Change, Desired, Flow, PinholeKey, Time};
use portreeve_netlink::conntrack::{self, Tuple};
use portreeve_netlink::nftables::{Batch, Connection, Element, Family, Table};

use crate::{Backend, BackendError, Reconciled, Refused};

mod advice;
mod cutter;
mod error;
mod firewall;
mod install;
mod probe;
mod reconcile;
mod row;
mod rule;
mod skeleton;
#[cfg(test)]
mod tests;
mod transaction;
mod watcher;

pub use advice::{Advice, Dropped, Filter, foreign_filters, ipv6_filter};
pub use install::{Uninstalled, uninstall};
pub use skeleton::ruleset;
pub use watcher::ForeignChange;

use cutter::{Cut, Cutter};
use probe::Features;
use row::Map;
use skeleton::Skeleton;
use watcher::Watcher;

/// How the table is to be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the table, in family `inet`.
    pub table: String,
    /// Interface that leads to the Internet.
    pub wan: String,
    /// Interfaces of the LAN: their hosts reach each other through the external address too.
    pub lan: Vec<String>,
    /// Where mappings for every client go to: the LAN's directed broadcast address. The kernel passes such packets on
    /// only with the sysctl `bc_forwarding` set for the WAN and for all.
    pub broadcast: Option<Ipv4Addr>,
    /// Whether others may touch the table.
    pub ownership: Ownership,
    /// Whether everything else that leaves by the WAN gets its address too.
    pub masquerade: bool,
    /// Whether live connections end with their mapping.
    pub cut_connections: bool,
    /// How many mappings there can be at most.
    pub capacity: u32,
    /// Who keeps unsolicited IPv6 packets from the hosts of the LAN.
    pub ipv6: Ipv6Firewall,
}

/// Who keeps unsolicited IPv6 packets from the Internet from the hosts of the LAN, so that a pinhole lets them in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ipv6Firewall {
    /// Our table: it drops what comes in by the WAN for the LAN, but for what pinholes let in, replies, what is related
    /// to a connection, and the ICMPv6 that must pass (RFC 4890 section 4.3).
    Own,
    /// Another one, which has to accept connections with this mark. Ours, which packets meet first, puts it on those that
    /// came through a pinhole, and drops their packets once the pinhole is gone.
    Other {
        /// A bit of the connection's mark; all others stay as they are.
        mark: u32,
    },
    /// Nobody: everything is open, and pinholes are without effect.
    #[default]
    None,
}

/// Whether others may touch the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Only this process, where the kernel can tell (Linux 6.9): `nft flush ruleset` and firewall reloads pass over the
    /// table. It outlives the process, and the next one adopts it.
    Owned,
    /// Everybody. Somebody else's change is noticed, and has to be repaired by [`Backend::reconcile`].
    Shared,
}

/// Puts mappings into force in the kernel.
#[derive(Debug)]
pub struct Nftables {
    settings: Settings,
    table: Table,
    connection: Connection,
    features: Features,
    /// What was last set; `None` as long as nobody has, when the kernel's content counts.
    external: Option<Vec<Ipv4Addr>>,
    /// Connections are cut elsewhere, since reading thousands of them takes longer than a request may wait.
    cutter: Option<Cutter>,
    /// Opened when it is first asked.
    conntrack: Option<conntrack::Connection>,
    _watcher: Watcher,
}

impl Settings {
    /// The usual: an owned table `portreeve`, connections cut, no masquerading, no firewall.
    pub fn new(wan: impl Into<String>, lan: Vec<String>) -> Self {
        Self {
            table: "portreeve".to_owned(),
            wan: wan.into(),
            lan,
            broadcast: None,
            ownership: Ownership::Owned,
            masquerade: false,
            cut_connections: true,
            capacity: 65536,
            ipv6: Ipv6Firewall::None,
        }
    }
}

impl Nftables {
    /// Makes the table ready, or takes over the one that an earlier process left, with the mappings in it.
    ///
    /// `on_foreign_change` is called from a thread of its own when somebody else changed this table (then
    /// [`Backend::reconcile`] repairs it) or another one (then [`foreign_filters`] may answer differently).
    ///
    /// # Errors
    /// [`BackendError::Privilege`] without `CAP_NET_ADMIN`, [`BackendError::Unsupported`] if the kernel lacks nf_tables
    /// or a part of it.
    pub fn open(
        settings: Settings,
        on_foreign_change: impl Fn(ForeignChange) + Send + 'static,
    ) -> Result<Self, BackendError> {
        let mut connection = Connection::open().map_err(error::open)?;
        let features = probe::probe(&mut connection, &settings)?;
        Self::with_features(settings, connection, features, on_foreign_change)
    }

    fn with_features(
        settings: Settings,
        connection: Connection,
        features: Features,
        on_foreign_change: impl Fn(ForeignChange) + Send + 'static,
    ) -> Result<Self, BackendError> {
        let table = table(&settings.table);
        let watcher = Watcher::start(table.clone(), connection.port(), on_foreign_change)?;
        let cutter = match settings.cut_connections {
            true => Some(Cutter::start(table.clone())?),
            false => None,
        };
        let mut this = Self {
            settings,
            table,
            connection,
            features,
            external: None,
            cutter,
            conntrack: None,
            _watcher: watcher,
        };
        this.ensure_skeleton()?;
        Ok(this)
    }

    /// Whether the table is owned: what was asked for, as far as the kernel can.
    pub const fn ownership(&self) -> Ownership {
        self.features.ownership
    }

    /// Changes interfaces, broadcast address, masquerading, capacity and firewall; mappings and pinholes stay in force
    /// meanwhile. Table and ownership stay what they are.
    pub fn reconfigure(&mut self, settings: Settings) -> Result<(), BackendError> {
        let cutter = match settings.cut_connections {
            true if self.cutter.is_none() => Some(Cutter::start(self.table.clone())?),
            true => self.cutter.take(),
            false => None,
        };
        self.cutter = cutter;
        self.settings = Settings {
            table: self.settings.table.clone(),
            ownership: self.settings.ownership,
            ..settings
        };
        self.ensure_skeleton().map(drop)
    }

    fn skeleton(&self) -> Result<Skeleton, BackendError> {
        Skeleton::new(&self.settings, self.features.ownership)
    }

    fn cut(&self, cuts: Vec<Cut>) {
        if let Some(cutter) = &self.cutter
            && !cuts.is_empty()
        {
            cutter.cut(cuts);
        }
    }
}

impl Backend for Nftables {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn apply(&mut self, changes: &[Change], now: Time) -> Result<(), Refused> {
        self.apply_changes(changes, now)
    }

    fn reconcile(&mut self, desired: &Desired, now: Time) -> Result<Reconciled, BackendError> {
        self.reconcile_rows(desired, now)
    }

    fn set_external(&mut self, addresses: &[Ipv4Addr]) -> Result<(), BackendError> {
        self.external = Some(addresses.to_vec());
        let mut batch = Batch::new(&self.table);
        skeleton::replace_set(&mut batch, skeleton::EXTERNAL, &skeleton::external_elements(addresses));
        match self.connection.commit(batch) {
            Ok(()) => Ok(()),
            // Somebody removed the table; making it anew puts the addresses in too.
            Err(failure) if error::is_missing(&failure) => self.ensure_skeleton().map(drop),
            Err(failure) => Err(error::commit("set the external addresses", &failure)),
        }
    }

    fn pinhole_packets(&mut self, pinhole: &PinholeKey) -> Result<Option<u64>, BackendError> {
        let (set, key) = row::pinhole_key(pinhole);
        let found = self.connection.element(&self.table, set.name(), &key);
        let element = found.map_err(|failure| error::netlink("read a pinhole", &failure))?;
        Ok(element.map(|element| element.counter.unwrap_or_default().packets))
    }

    fn external_port(&mut self, flow: &Flow) -> Result<Option<NonZeroU16>, BackendError> {
        let failed = |failure: portreeve_netlink::Error| error::netlink("look up a connection", &failure);
        let conntrack = match &mut self.conntrack {
            Some(conntrack) => conntrack,
            none => none.insert(conntrack::Connection::open().map_err(failed)?),
        };
        let inside = Tuple {
            protocol: flow.protocol.number(),
            source: flow.source,
            destination: flow.destination,
        };
        let found = conntrack.find(&inside).map_err(failed)?;
        let outside = found.and_then(|found| found.outside_of(&inside));
        Ok(outside.and_then(|source| NonZeroU16::new(source.port())))
    }

    fn flush(&mut self) -> Result<(), BackendError> {
        let mut cuts = Vec::new();
        let mut batch = Batch::new(&self.table);
        for map in Map::ALL {
            let elements = self.read(map)?;
            cuts.extend(elements.iter().filter_map(|element| Cut::removed(map, element)));
            batch.flush_set(map.name());
        }
        match self.connection.commit(batch) {
            Ok(()) => {}
            Err(failure) if error::is_missing(&failure) => {}
            Err(failure) => return Err(error::commit("empty the maps", &failure)),
        }
        self.cut(cuts);
        Ok(())
    }
}

impl Nftables {
    /// The elements of a map; none if it is not there.
    fn read(&mut self, map: Map) -> Result<Vec<Element>, BackendError> {
        self.read_set(map.name())
    }

    fn read_set(&mut self, set: &str) -> Result<Vec<Element>, BackendError> {
        match self.connection.elements(&self.table, set) {
            Ok(elements) => Ok(elements),
            Err(failure) if failure.errno() == Some(portreeve_netlink::Errno::ENOENT) => Ok(Vec::new()),
            Err(failure) => Err(error::netlink("read the mappings", &failure)),
        }
    }
}

fn table(name: &str) -> Table {
    Table {
        family: Family::Inet,
        name: name.to_owned(),
    }
}
