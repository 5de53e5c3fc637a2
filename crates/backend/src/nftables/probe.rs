//! What the kernel can, tried out on a table of its own that packets never meet.

use std::time::Duration;

use portreeve_netlink::Errno;
use portreeve_netlink::nftables::{
    Batch, ByteOrder, CommitError, Connection, Data, Element, Lifetime, Set, Table, TableFlags, set_flags, types,
};

use super::{Ownership, Settings, error, table};
use crate::BackendError;

const SET: &str = "probe";

/// What the kernel can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Features {
    /// The ownership that was asked for, or what is possible of it.
    pub(super) ownership: Ownership,
    /// Removing what is not there succeeds (Linux 6.3).
    pub(super) destroys: bool,
    /// Adding an element that is there gives it the new lifetime (Linux 6.12).
    pub(super) refreshes: bool,
}

/// Tries it out.
pub(super) fn probe(connection: &mut Connection, settings: &Settings) -> Result<Features, BackendError> {
    remove(connection, &settings.table)?;
    let table = probe_table(&settings.table);
    let ownership = create(connection, &table, settings.ownership)?;
    let features = try_elements(connection, &table).map(|(destroys, refreshes)| Features {
        ownership,
        destroys,
        refreshes,
    });
    remove(connection, &settings.table)?;
    features
}

/// Removes what a probe left that did not come to its end.
pub(super) fn remove(connection: &mut Connection, name: &str) -> Result<(), BackendError> {
    let table = probe_table(name);
    let found = connection
        .table(&table)
        .map_err(|failure| error::netlink("read the ruleset", &failure))?;
    if found.is_none() {
        return Ok(());
    }
    let mut batch = Batch::new(&table);
    batch.delete_table();
    connection
        .commit(batch)
        .map_err(|failure| error::commit("remove the table made to try out the kernel", &failure))
}

fn probe_table(name: &str) -> Table {
    table(&format!("{name}_probe"))
}

fn create(connection: &mut Connection, table: &Table, wanted: Ownership) -> Result<Ownership, BackendError> {
    if wanted == Ownership::Owned {
        match connection.commit(creation(table, TableFlags::OWNED_PERSISTENT)) {
            Ok(()) => return Ok(Ownership::Owned),
            Err(CommitError::Refused(refused)) if matches!(refused[0].errno, Errno::EOPNOTSUPP | Errno::EINVAL) => {}
            Err(failure) => return Err(error::commit("try out the kernel", &failure)),
        }
    }
    match connection.commit(creation(table, TableFlags::SHARED)) {
        Ok(()) => Ok(Ownership::Shared),
        Err(CommitError::Refused(_)) => Err(BackendError::Unsupported {
            what: "keep a map with timeouts in nf_tables".to_owned(),
            remedy: "use Linux 5.7 or later, or choose backend = \"relay\"".to_owned(),
        }),
        Err(failure) => Err(error::commit("try out the kernel", &failure)),
    }
}

fn creation(table: &Table, flags: TableFlags) -> Batch {
    let mut batch = Batch::new(table);
    batch.add_table(flags);
    batch.add_set(&Set {
        name: SET.to_owned(),
        flags: set_flags::TIMEOUT,
        key_order: ByteOrder::Network,
        key_type: types::PORT,
        key_len: 2,
        data: None,
        each: None,
        size: Some(16),
    });
    batch
}

/// Whether removing what is not there succeeds, and whether adding again refreshes.
fn try_elements(connection: &mut Connection, table: &Table) -> Result<(bool, bool), BackendError> {
    let key = |port: u16| Data::from_bytes(&port.to_be_bytes()).expect("two bytes are few");
    let put = |seconds| {
        let mut batch = Batch::new(table);
        batch.add_element(
            SET,
            &Element {
                lifetime: Lifetime::Left(Duration::from_secs(seconds)),
                ..Element::member(key(1))
            },
        );
        batch
    };
    let failed = |failure: CommitError| error::commit("try out the kernel", &failure);

    let mut batch = Batch::new(table);
    batch.destroy_element(SET, &key(2));
    let destroys = match connection.commit(batch) {
        Ok(()) => true,
        Err(CommitError::Refused(_)) => false,
        Err(failure) => return Err(failed(failure)),
    };
    connection.commit(put(60)).map_err(failed)?;
    connection.commit(put(90)).map_err(failed)?;
    let element = connection
        .element(table, SET, &key(1))
        .map_err(|failure| error::netlink("try out the kernel", &failure))?;
    let refreshes = element.is_some_and(|element| match element.lifetime {
        Lifetime::Left(left) => left > Duration::from_secs(75),
        Lifetime::Permanent => false,
    });
    Ok((destroys, refreshes))
}
