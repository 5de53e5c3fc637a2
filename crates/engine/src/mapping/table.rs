//! The mapping table: one row per key, and every order in which it is asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Expiry, Key, Mapping, Protocol, RemoteHost};
use crate::change::{Desired, Outbound};
use crate::ports::PortSet;
use crate::time::Time;

/// All mappings. Every row stands in each index, and [`Table::replace`] is the only way to change any of them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<Key, Row>,
    /// The array of GetGenericPortMappingEntry: dense, in no particular order, so that both index and removal cost the
    /// same for 60,000 rows as for one.
    array: Vec<Key>,
    expiries: BTreeSet<(Time, Key)>,
    clients: HashMap<Ipv4Addr, BTreeSet<Key>>,
    sockets: BTreeMap<Socket, BTreeSet<Key>>,
    occupied: PortSet,
}

#[derive(Debug)]
struct Row {
    mapping: Arc<Mapping>,
    /// Position in `Table::array`.
    position: usize,
}

/// Where mappings lead: a port of a LAN host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Socket {
    pub(crate) client: Ipv4Addr,
    pub(crate) port: NonZeroU16,
    pub(crate) protocol: Protocol,
}

impl Table {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row with this key.
    pub(crate) fn find(&self, key: &Key) -> Option<&Arc<Mapping>> {
        self.rows.get(key).map(|row| &row.mapping)
    }

    /// The row at this place of the array.
    pub(crate) fn at(&self, index: usize) -> Option<&Arc<Mapping>> {
        self.array.get(index).and_then(|key| self.find(key))
    }

    /// Every row, in the order of keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Mapping>> {
        self.rows.values().map(|row| &row.mapping)
    }

    /// The rows whose external port is in the range, in the order of keys.
    pub(crate) fn in_range(&self, ports: RangeInclusive<NonZeroU16>) -> impl Iterator<Item = &Arc<Mapping>> {
        self.rows
            .range(Key::lowest(*ports.start())..=Key::highest(*ports.end()))
            .map(|(_, row)| &row.mapping)
    }

    /// The rows at one external port of one transport, whatever their remote host.
    pub(crate) fn at_port(&self, port: NonZeroU16, protocol: Protocol) -> impl Iterator<Item = &Arc<Mapping>> {
        self.in_range(port..=port)
            .filter(move |mapping| mapping.key.protocol == protocol)
    }

    /// The rows that lead to one host, in the order of keys.
    pub(crate) fn of_client(&self, client: Ipv4Addr) -> impl Iterator<Item = &Arc<Mapping>> {
        self.clients
            .get(&client)
            .into_iter()
            .flatten()
            .filter_map(|key| self.find(key))
    }

    /// How many rows lead to one host.
    pub(crate) fn count_of_client(&self, client: Ipv4Addr) -> usize {
        self.clients.get(&client).map_or(0, BTreeSet::len)
    }

    /// The rows that lead to one socket, in the order of keys.
    pub(crate) fn of_socket(&self, socket: Socket) -> impl Iterator<Item = &Arc<Mapping>> {
        self.sockets
            .get(&socket)
            .into_iter()
            .flatten()
            .filter_map(|key| self.find(key))
    }

    /// External ports that have at least one row.
    pub(crate) fn occupied(&self) -> &PortSet {
        &self.occupied
    }

    /// When the next lease ends.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        self.expiries.first().map(|(end, _)| *end)
    }

    /// The keys of rows whose lease has ended, first ended first.
    pub(crate) fn expired(&self, now: Time) -> impl Iterator<Item = Key> + '_ {
        self.expiries
            .iter()
            .take_while(move |(end, _)| *end <= now)
            .map(|(_, key)| *key)
    }

    /// The outbound port of a socket: that of its first mapping in force which is open to everybody, else of its first for
    /// certain peers, which PCP's PEER promises to see this port (RFC 6887 section 12).
    pub(crate) fn outbound(&self, socket: Socket) -> Option<Outbound> {
        if socket.client == Mapping::EVERY_CLIENT {
            return None;
        }
        let in_force = || self.of_socket(socket).filter(|row| row.enabled);
        let first = in_force()
            .find(|row| row.key.remote_host == RemoteHost::Any)
            .or_else(|| in_force().next())?;
        Some(Outbound {
            client: socket.client,
            port: socket.port,
            protocol: socket.protocol,
            external_port: first.key.external_port,
            expiry: first.expiry,
        })
    }

    /// Everything that should be in force.
    pub(crate) fn desired(&self) -> Desired {
        Desired {
            mappings: self.iter().cloned().collect(),
            outbound: self
                .sockets
                .keys()
                .filter_map(|socket| self.outbound(*socket))
                .collect(),
            ..Desired::default()
        }
    }

    /// Puts `after` in the place of the row with this key, or removes it, and returns what was there.
    pub(crate) fn replace(&mut self, key: Key, after: Option<Arc<Mapping>>) -> Option<Arc<Mapping>> {
        debug_assert!(
            after.as_ref().is_none_or(|mapping| mapping.key == key),
            "a row stands under its own key"
        );
        let before = self.rows.get(&key).map(|row| row.mapping.clone());
        if let Some(before) = &before {
            self.forget(before);
        }
        match after {
            Some(after) => self.note(key, after),
            None => self.vacate(key),
        }
        before
    }

    /// Enters a row into rows, array and indexes; the place in the array stays if the key has one.
    fn note(&mut self, key: Key, mapping: Arc<Mapping>) {
        if let Expiry::At(end) = mapping.expiry {
            self.expiries.insert((end, key));
        }
        self.clients.entry(mapping.internal_client).or_default().insert(key);
        self.sockets.entry(mapping.socket()).or_default().insert(key);
        self.occupied.insert(key.protocol, key.external_port);
        match self.rows.get_mut(&key) {
            Some(row) => row.mapping = mapping,
            None => {
                self.rows.insert(
                    key,
                    Row {
                        mapping,
                        position: self.array.len(),
                    },
                );
                self.array.push(key);
            }
        }
    }

    /// Takes a row out of the indexes that depend on more than its key.
    fn forget(&mut self, mapping: &Mapping) {
        if let Expiry::At(end) = mapping.expiry {
            self.expiries.remove(&(end, mapping.key));
        }
        if let Some(keys) = self.clients.get_mut(&mapping.internal_client) {
            keys.remove(&mapping.key);
            if keys.is_empty() {
                self.clients.remove(&mapping.internal_client);
            }
        }
        let socket = mapping.socket();
        if let Some(keys) = self.sockets.get_mut(&socket) {
            keys.remove(&mapping.key);
            if keys.is_empty() {
                self.sockets.remove(&socket);
            }
        }
    }

    /// Takes a key out of rows and array; the array's last element moves into the gap.
    fn vacate(&mut self, key: Key) {
        let Some(row) = self.rows.remove(&key) else { return };
        self.array.swap_remove(row.position);
        if let Some(moved) = self.array.get(row.position).and_then(|key| self.rows.get_mut(key)) {
            moved.position = row.position;
        }
        if self.at_port(key.external_port, key.protocol).next().is_none() {
            self.occupied.remove(key.protocol, key.external_port);
        }
    }
}

impl Key {
    /// The first key that a port can have.
    fn lowest(external_port: NonZeroU16) -> Self {
        Self {
            external_port,
            protocol: Protocol::Tcp,
            remote_host: RemoteHost::Any,
        }
    }

    /// The last key that a port can have.
    fn highest(external_port: NonZeroU16) -> Self {
        Self {
            external_port,
            protocol: Protocol::Udp,
            remote_host: RemoteHost::Host(Ipv4Addr::BROADCAST),
        }
    }
}

impl Mapping {
    /// Where the mapping leads.
    pub(crate) fn socket(&self) -> Socket {
        Socket {
            client: self.internal_client,
            port: self.internal_port,
            protocol: self.key.protocol,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mapping::Origin;

    /// Few ports, clients and ends, so that random steps collide.
    fn mapping() -> impl Strategy<Value = Mapping> {
        (1..6u16, any::<bool>(), 0..3u8, 1..4u8, 1..4u16, any::<bool>(), 0..4u64).prop_map(
            |(port, tcp, remote, client, internal, enabled, end)| Mapping {
                key: Key {
                    external_port: NonZeroU16::new(port).unwrap(),
                    protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
                    remote_host: match remote {
                        0 => RemoteHost::Any,
                        n => RemoteHost::Host(Ipv4Addr::new(11, 11, 11, n)),
                    },
                },
                internal_client: Ipv4Addr::new(192, 168, 77, client),
                internal_port: NonZeroU16::new(internal).unwrap(),
                enabled,
                description: "".into(),
                expiry: if end == 0 {
                    Expiry::Never
                } else {
                    Expiry::At(Time::from_millis(end))
                },
                origin: Origin::Static,
            },
        )
    }

    proptest! {
        /// After any steps, every index tells the same as a plain list of the rows.
        #[test]
        fn indexes_agree_with_a_plain_list(steps in prop::collection::vec((mapping(), any::<bool>()), 0..60)) {
            let mut table = Table::default();
            let mut list: Vec<Mapping> = Vec::new();
            for (mapping, insert) in steps {
                let before = list.iter().position(|row| row.key == mapping.key).map(|index| list.remove(index));
                let replaced = table.replace(mapping.key, insert.then(|| Arc::new(mapping.clone())));
                prop_assert_eq!(replaced.as_deref(), before.as_ref());
                if insert {
                    list.push(mapping);
                }
            }
            list.sort_by_key(|row| row.key);
            prop_assert_eq!(table.len(), list.len());
            prop_assert!(table.iter().map(Arc::as_ref).eq(list.iter()));
            let mut array: Vec<Key> = (0..list.len()).map(|index| table.at(index).unwrap().key).collect();
            array.sort();
            prop_assert!(array.into_iter().eq(list.iter().map(|row| row.key)));
            prop_assert!(table.at(list.len()).is_none());
            let now = Time::from_millis(2);
            let ended = list.iter().filter(|row| matches!(row.expiry, Expiry::At(end) if end <= now)).count();
            prop_assert_eq!(table.expired(now).count(), ended);
            for port in (1..6).filter_map(NonZeroU16::new) {
                for protocol in [Protocol::Tcp, Protocol::Udp] {
                    let here = |row: &&Mapping| row.key.external_port == port && row.key.protocol == protocol;
                    prop_assert!(table.at_port(port, protocol).map(Arc::as_ref).eq(list.iter().filter(here)));
                    prop_assert_eq!(table.occupied().contains(protocol, port), list.iter().any(|row| here(&row)));
                }
            }
            for client in (1..4).map(|n| Ipv4Addr::new(192, 168, 77, n)) {
                let own = list.iter().filter(|row| row.internal_client == client);
                prop_assert_eq!(table.count_of_client(client), own.clone().count());
                prop_assert!(table.of_client(client).map(Arc::as_ref).eq(own));
            }
        }
    }
}
