//! Who has been promised what.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Upnp,
    NatPmp,
    Pcp,
    Peer,
    Static,
}

/// Port, protocol, remote host.
pub(super) type RowKey = (u16, usize, usize);

/// What one protocol has been promised of a row.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) kind: Kind,
    pub(super) nonce: u8,
    pub(super) port: u16,
    pub(super) row: Row,
    /// In seconds; static ones never end.
    pub(super) until: u64,
}

/// What the model knows of a row, but its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) protocol: usize,
    pub(super) remote: usize,
    pub(super) client: usize,
    pub(super) internal_port: u16,
    pub(super) enabled: bool,
}

/// What somebody asks of the model.
pub(super) struct Claim {
    pub(super) kind: Kind,
    pub(super) nonce: u8,
    pub(super) rows: Vec<Row>,
    pub(super) until: u64,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) promises: Vec<Promise>,
    /// To which protocol a row belongs: the first, while it has it; then, when next somebody asks, the one that has it
    /// longest.
    pub(super) owners: BTreeMap<RowKey, Kind>,
    pub(super) now: u64,
}

impl Promise {
    pub(super) fn key(&self) -> RowKey {
        (self.port, self.row.protocol, self.row.remote)
    }
}

impl Model {
    /// Every row there is: port, the rest, seconds left, and to whom it belongs.
    pub(super) fn table(&self) -> BTreeSet<(u16, Row, u64, Kind)> {
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
    pub(super) fn settle(&mut self, keys: impl IntoIterator<Item = RowKey>) {
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
    pub(super) fn forget(&mut self, is_meant: impl Fn(&Promise) -> bool) {
        let (gone, kept) = std::mem::take(&mut self.promises)
            .into_iter()
            .partition(|promise| is_meant(promise));
        self.promises = kept;
        let gone: Vec<Promise> = gone;
        self.settle(gone.iter().map(Promise::key));
    }

    pub(super) fn at<'a>(&'a self, port: u16, protocol: usize) -> impl Iterator<Item = &'a Promise> + 'a {
        self.promises
            .iter()
            .filter(move |promise| promise.port == port && promise.row.protocol == protocol)
    }

    pub(super) fn of_socket(&self, row: Row) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(move |promise| leads_to(promise.row, row))
    }

    /// Whether somebody has what stands in the way of having these rows at a port.
    pub(super) fn is_in_the_way(&self, claim: &Claim, port: u16) -> bool {
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
                _ => is_filter && there.row.remote == 0 || has_filter && ![Kind::Pcp, Kind::Peer].contains(&claim.kind),
            }
        })
    }

    /// Whether the rules give this port to this socket.
    pub(super) fn is_allowed(&self, claim: &Claim, port: u16) -> bool {
        let asked = claim.rows[0];
        let fixed = |there: &Promise| there.kind == Kind::Static && leads_to(there.row, asked);
        port >= 1024 && asked.internal_port >= 1024
            || claim.kind != Kind::Upnp && self.at(port, asked.protocol).any(fixed)
    }

    pub(super) fn can_be_had(&self, claim: &Claim, port: u16) -> bool {
        self.is_allowed(claim, port) && !self.is_in_the_way(claim, port)
    }

    /// Whether another host has the other transport's port of this number by NAT-PMP.
    pub(super) fn is_companion(&self, row: Row, port: u16) -> bool {
        self.at(port, 1 - row.protocol)
            .any(|there| there.kind == Kind::NatPmp && there.row.client != row.client)
    }

    /// Whether there is room for these rows at a port, less those that are given up for them.
    pub(super) fn has_room(&self, claim: &Claim, port: u16) -> bool {
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

    pub(super) fn is_alone(&self, promise: &Promise) -> bool {
        self.promises
            .iter()
            .filter(|other| (other.port, other.row) == (promise.port, promise.row))
            .count()
            == 1
    }

    /// What PCP has of the socket from remote hosts that are no longer asked for.
    pub(super) fn given_up<'a>(&'a self, claim: &'a Claim) -> impl Iterator<Item = &'a Promise> {
        self.of_socket(claim.rows[0]).filter(|there| {
            claim.kind == Kind::Pcp
                && there.kind == Kind::Pcp
                && claim.rows.iter().all(|row| row.remote != there.row.remote)
        })
    }

    /// The port at which this protocol has the socket already.
    pub(super) fn own_port(&self, claim: &Claim) -> Option<u16> {
        let mut own = self.of_socket(claim.rows[0]).filter(|there| {
            there.kind == claim.kind && (claim.kind == Kind::Pcp || there.row.remote == claim.rows[0].remote)
        });
        own.next().map(|promise| promise.port)
    }

    pub(super) fn grant(&mut self, claim: &Claim, port: u16) {
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
    pub(super) fn expected(&self, claim: &Claim, suggested: u16) -> Vec<u16> {
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

pub(super) const STATIC: u64 = u64::MAX / 2;

pub(super) fn leads_to(one: Row, other: Row) -> bool {
    (one.protocol, one.client, one.internal_port) == (other.protocol, other.client, other.internal_port)
}
