//! How many elements a second the kernel takes into a map.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use portreeve_netlink::nftables::{
    Batch, ByteOrder, Connection, Data, Element, Family, Lifetime, Set, Table, TableFlags, set_flags, types,
};

/// A map as it holds port mappings, in the namespace of the thread that made it.
#[derive(Debug)]
pub(crate) struct Map {
    connection: Connection,
    table: Table,
    filled: usize,
}

const NAME: &str = "mappings";
const LEASE: Duration = Duration::from_secs(86_400);
const TCP: u8 = 6;
/// Elements in a transaction when it is about filling.
const FILLING: usize = 256;

impl Map {
    /// An empty map in a table of its own.
    pub(crate) fn create() -> anyhow::Result<Self> {
        let table = Table {
            family: Family::Ip,
            name: "floor".to_owned(),
        };
        let mut connection = Connection::open().context("cannot open nf_tables")?;
        let mut batch = Batch::new(&table);
        batch.add_table(TableFlags::SHARED);
        batch.add_set(&Set {
            name: NAME.to_owned(),
            flags: set_flags::MAP | set_flags::TIMEOUT,
            key_type: types::concat(&[types::PROTOCOL, types::PORT]),
            key_order: ByteOrder::Network,
            key_len: 8,
            data: Some((types::concat(&[types::IPV4, types::PORT]), 8)),
            size: Some(131_072),
            each: None,
        });
        connection.commit(batch).context("cannot make the map")?;
        Ok(Self {
            connection,
            table,
            filled: 0,
        })
    }

    /// Fills it up to so many elements.
    pub(crate) fn fill(&mut self, level: usize) -> anyhow::Result<()> {
        self.insert(level.saturating_sub(self.filled), FILLING)?;
        Ok(())
    }

    /// Inserts `count` elements, so many in each transaction, and removes them again; answers insertions per second.
    pub(crate) fn inserts_per_second(&mut self, count: usize, together: usize) -> anyhow::Result<f64> {
        let from = self.filled;
        let begun = Instant::now();
        self.insert(count, together)?;
        let elapsed = begun.elapsed();
        let mut batch = Batch::new(&self.table);
        for number in from..self.filled {
            batch.delete_element(NAME, &element(number).key);
            if batch.len() == FILLING || number + 1 == self.filled {
                let full = std::mem::replace(&mut batch, Batch::new(&self.table));
                self.connection.commit(full).context("cannot remove elements")?;
            }
        }
        self.filled = from;
        Ok(count as f64 / elapsed.as_secs_f64())
    }

    fn insert(&mut self, count: usize, together: usize) -> anyhow::Result<()> {
        let end = self.filled + count;
        while self.filled < end {
            let next = (self.filled + together).min(end);
            let mut batch = Batch::new(&self.table);
            for number in self.filled..next {
                batch.add_element(NAME, &element(number));
            }
            self.connection.commit(batch).context("cannot insert elements")?;
            self.filled = next;
        }
        Ok(())
    }
}

/// The element of this number, of up to 65,536 with one protocol and as many with another.
fn element(number: usize) -> Element {
    let port = u16::try_from(number % 65_536).unwrap_or_default();
    let protocol = TCP + u8::try_from(number / 65_536).unwrap_or_default();
    Element {
        key: Data::new().protocol(protocol).port(port),
        value: Some(Data::new().ipv4(Ipv4Addr::new(192, 168, 77, 11)).port(port)),
        lifetime: Lifetime::Left(LEASE),
        counter: None,
    }
}
