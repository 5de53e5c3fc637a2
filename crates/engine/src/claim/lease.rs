//! Rows that several protocols share: each has a lease of its own, and the row lives as long as the longest.
//!
//! Of most rows there is one lease, which is the row's own. What others have of it is not kept over a restart: the row then
//! belongs to its protocol alone, for as long as the longest lease was.

use crate::context::Context;
use crate::mapping::{Expiry, Key, Mapping, Origin};
use crate::time::Time;

/// What one protocol has been promised of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) origin: Origin,
    pub(crate) expiry: Expiry,
}

/// The lease that the protocol of `origin` has on a row.
pub(crate) fn of_protocol(context: &Context<'_>, row: &Mapping, origin: Origin) -> Option<Lease> {
    let mut leases = of(context, row).into_iter();
    leases.find(|lease| lease.origin.is_same_protocol(origin) && !lease.has_ended(context.now))
}

/// Enters a row of the claim's own protocol, new or renewed; what others were promised of it stays.
pub(crate) fn hold(context: &mut Context<'_>, mapping: Mapping) {
    let lease = Lease {
        origin: mapping.origin,
        expiry: mapping.expiry,
    };
    match context.ledger.is_shared(&mapping.key) {
        true => {
            let mut leases = others(context, &mapping, lease.origin);
            leases.push(lease);
            put(context, mapping, leases);
        }
        false => context.ledger.put(mapping),
    }
}

/// Promises something of another protocol's row, of which nothing changes but its end. What the administrator wrote down
/// has none.
pub(crate) fn share(context: &mut Context<'_>, row: &Mapping, lease: Lease) {
    if row.origin != Origin::Static {
        let mut leases = others(context, row, lease.origin);
        leases.push(lease);
        put(context, row.clone(), leases);
    }
}

/// Takes back what the protocol of `origin` was promised of a row, which goes if nobody else was promised anything of it.
/// Returns whether it goes.
pub(crate) fn withdraw(context: &mut Context<'_>, key: Key, origin: Origin) -> bool {
    let Some(row) = context.ledger.table().find(&key).cloned() else {
        return false;
    };
    let mut leases = others(context, &row, origin);
    leases.retain(|lease| !lease.has_ended(context.now));
    let goes = leases.is_empty();
    match goes {
        true => context.ledger.remove(key),
        false => put(context, Mapping::clone(&row), leases),
    }
    goes
}

/// Every lease on a row.
fn of(context: &Context<'_>, row: &Mapping) -> Vec<Lease> {
    match context.ledger.leases(&row.key) {
        [] => vec![Lease {
            origin: row.origin,
            expiry: row.expiry,
        }],
        shared => shared.to_vec(),
    }
}

fn others(context: &Context<'_>, row: &Mapping, origin: Origin) -> Vec<Lease> {
    let mut leases = of(context, row);
    leases.retain(|lease| !lease.origin.is_same_protocol(origin));
    leases
}

/// Puts a row with the leases on it. It stays with its protocol while that has one, and then passes to the one that has
/// it longest.
fn put(context: &mut Context<'_>, row: Mapping, mut leases: Vec<Lease>) {
    leases.retain(|lease| !lease.has_ended(context.now));
    let Some(longest) = leases.iter().max_by_key(|lease| lease.expiry).cloned() else {
        return;
    };
    let owner = leases.iter().find(|lease| lease.origin.is_same_protocol(row.origin));
    let mapping = Mapping {
        origin: owner.unwrap_or(&longest).origin,
        expiry: longest.expiry,
        ..row
    };
    let key = mapping.key;
    context.ledger.put(mapping);
    if leases.len() < 2 {
        leases.clear();
    }
    context.ledger.set_leases(key, leases);
}

impl Lease {
    fn has_ended(&self, now: Time) -> bool {
        self.expiry <= Expiry::At(now)
    }
}
