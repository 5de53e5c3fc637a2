//! The table of pinholes: one row per key, and every order in which it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::{Pinhole, PinholeKey, Transport, UniqueId};
use crate::time::Time;

/// All pinholes. Every row stands in each index, and [`Table::replace`] is the only way to change any of them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<PinholeKey, Arc<Pinhole>>,
    ids: BTreeMap<UniqueId, PinholeKey>,
    expiries: BTreeSet<(Time, PinholeKey)>,
    clients: BTreeMap<Ipv6Addr, usize>,
}

impl Table {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row with this key.
    pub(crate) fn find(&self, key: &PinholeKey) -> Option<&Arc<Pinhole>> {
        self.rows.get(key)
    }

    /// The row of this name.
    pub(crate) fn named(&self, id: UniqueId) -> Option<&Arc<Pinhole>> {
        self.ids.get(&id).and_then(|key| self.find(key))
    }

    /// Every row, in the order of keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Pinhole>> {
        self.rows.values()
    }

    /// The rows that lead to one socket, in the order of keys.
    pub(crate) fn of_socket(
        &self,
        client: Ipv6Addr,
        port: NonZeroU16,
        transport: Transport,
    ) -> impl Iterator<Item = &Arc<Pinhole>> {
        let from = |remote_host, remote_port| PinholeKey {
            internal_client: client,
            internal_port: port,
            transport,
            remote_host,
            remote_port,
        };
        let lowest = from(None, None);
        let highest = from(Some(Ipv6Addr::from_bits(u128::MAX)), Some(NonZeroU16::MAX));
        self.rows.range(lowest..=highest).map(|(_, pinhole)| pinhole)
    }

    /// The rows that lead to one host, in the order of keys.
    pub(crate) fn of_client(&self, client: Ipv6Addr) -> impl Iterator<Item = &Arc<Pinhole>> {
        let lowest = PinholeKey {
            internal_client: client,
            internal_port: NonZeroU16::MIN,
            transport: Transport::Tcp,
            remote_host: None,
            remote_port: None,
        };
        let rows = self.rows.range(lowest..).map(|(_, pinhole)| pinhole);
        rows.take_while(move |pinhole| pinhole.key.internal_client == client)
    }

    /// How many rows lead to each address that any leads to.
    pub(crate) fn counts_of_clients(&self) -> impl Iterator<Item = (Ipv6Addr, usize)> {
        self.clients.iter().map(|(client, count)| (*client, *count))
    }

    /// When the next lease ends.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        self.expiries.first().map(|(end, _)| *end)
    }

    /// The keys of rows whose lease has ended, first ended first.
    pub(crate) fn expired(&self, now: Time) -> impl Iterator<Item = PinholeKey> + '_ {
        self.expiries
            .iter()
            .take_while(move |(end, _)| *end <= now)
            .map(|(_, key)| *key)
    }

    /// The first name after `last` that no row has, in a circle that passes over 0; `None` if every one is taken.
    /// So a name that was given up comes back after all others.
    pub(crate) fn free_id(&self, last: UniqueId) -> Option<UniqueId> {
        let after = (last.0..u16::MAX).map(|id| UniqueId(id + 1));
        let around = (1..=last.0).map(UniqueId);
        after.chain(around).find(|id| !self.ids.contains_key(id))
    }

    /// Puts `after` in the place of the row with this key, or removes it.
    pub(crate) fn replace(&mut self, key: PinholeKey, after: Option<Arc<Pinhole>>) {
        debug_assert!(
            after.as_ref().is_none_or(|pinhole| pinhole.key == key),
            "a row stands under its own key"
        );
        if let Some(before) = self.rows.remove(&key) {
            self.ids.remove(&before.id);
            self.expiries.remove(&(before.expiry, key));
            if let Some(count) = self.clients.get_mut(&key.internal_client) {
                *count -= 1;
                if *count == 0 {
                    self.clients.remove(&key.internal_client);
                }
            }
        }
        if let Some(after) = after {
            self.ids.insert(after.id, key);
            self.expiries.insert((after.expiry, key));
            *self.clients.entry(key.internal_client).or_default() += 1;
            self.rows.insert(key, after);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few clients, ports and ends, so that random steps collide.
    fn key() -> impl Strategy<Value = PinholeKey> {
        (1..4u16, 1..4u16, 0..2usize, any::<bool>()).prop_map(|(client, port, transport, anywhere)| PinholeKey {
            internal_client: Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, client),
            internal_port: NonZeroU16::new(port).unwrap(),
            transport: Transport::ALL[transport],
            remote_host: (!anywhere).then_some(Ipv6Addr::LOCALHOST),
            remote_port: None,
        })
    }

    fn pinhole(key: PinholeKey, id: u16, end: u64) -> Pinhole {
        Pinhole {
            key,
            id: UniqueId(id),
            expiry: Time::from_millis(end),
            origin: crate::mapping::Origin::Upnp(key.internal_client.into()),
        }
    }

    proptest! {
        /// After any steps, every index tells the same as a plain list of the rows.
        #[test]
        fn indexes_agree_with_a_plain_list(steps in prop::collection::vec((key(), 0..4u64), 0..60)) {
            let mut table = Table::default();
            let mut list: Vec<Pinhole> = Vec::new();
            let mut last = UniqueId::default();
            for (key, end) in steps {
                list.retain(|row| row.key != key);
                // At 0 the row goes.
                let after = (end > 0).then(|| {
                    last = table.free_id(last).unwrap();
                    pinhole(key, last.0, end)
                });
                table.replace(key, after.clone().map(Arc::new));
                list.extend(after);
            }
            list.sort_by_key(|row| row.key);
            prop_assert_eq!(table.len(), list.len());
            prop_assert!(table.iter().map(Arc::as_ref).eq(list.iter()));
            let now = Time::from_millis(2);
            let mut ended: Vec<&Pinhole> = list.iter().filter(|row| row.expiry <= now).collect();
            ended.sort_by_key(|row| (row.expiry, row.key));
            prop_assert!(table.expired(now).eq(ended.iter().map(|row| row.key)));
            prop_assert_eq!(table.next_expiry(), list.iter().map(|row| row.expiry).min());
            prop_assert_eq!(table.ids.len(), list.len());
            for row in &list {
                prop_assert_eq!(table.named(row.id).map(Arc::as_ref), Some(row));
                let of_client = list.iter().filter(|other| other.key.internal_client == row.key.internal_client);
                let count = table.counts_of_clients().find(|(client, _)| *client == row.key.internal_client);
                prop_assert_eq!(count.map(|(_, count)| count), Some(of_client.clone().count()));
                prop_assert!(table.of_client(row.key.internal_client).map(Arc::as_ref).eq(of_client.clone()));
                let (port, transport) = (row.key.internal_port, row.key.transport);
                let of_socket = of_client.filter(|other| (other.key.internal_port, other.key.transport) == (port, transport));
                let found = table.of_socket(row.key.internal_client, port, transport);
                prop_assert!(found.map(Arc::as_ref).eq(of_socket));
            }
            let clients: BTreeSet<_> = list.iter().map(|row| row.key.internal_client).collect();
            prop_assert_eq!(table.clients.len(), clients.len());
        }
    }

    #[test]
    fn names_go_round_in_a_circle_without_0_and_pass_over_those_in_use() {
        let mut table = Table::default();
        let free = |table: &Table, last| table.free_id(UniqueId(last)).map(|id| id.0);
        assert_eq!(free(&table, 0), Some(1));
        assert_eq!(free(&table, 7), Some(8));
        assert_eq!(free(&table, u16::MAX), Some(1));
        let ports = (1..=u16::MAX).map(|port| NonZeroU16::new(port).unwrap());
        let keys = ports.map(|internal_port| PinholeKey {
            internal_client: Ipv6Addr::LOCALHOST,
            internal_port,
            transport: Transport::Udp,
            remote_host: None,
            remote_port: None,
        });
        for key in keys.clone() {
            table.replace(key, Some(Arc::new(pinhole(key, key.internal_port.get(), 1))));
        }
        assert_eq!(free(&table, 7), None);
        table.replace(keys.clone().nth(6).unwrap(), None);
        for last in [0, 6, 7, 8, u16::MAX] {
            assert_eq!(free(&table, last), Some(7), "after {last}");
        }
    }
}
