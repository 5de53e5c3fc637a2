//! Rows that several protocols share: each has a lease of its own, and the row lives as long as the longest.
//!
//! Of most rows there is one lease, which is the row's own. What others have of it is not kept over a restart: the row then
//! belongs to its protocol alone, for as long as the longest lease was.

use crate::context::Context;
use crate::mapping::{Expiry, Key, Mapping, Origin};

/// What one protocol has been promised of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) origin: Origin,
    pub(crate) expiry: Expiry,
}

/// Every lease on a row that has not ended.
pub(crate) fn of<'a>(context: &'a Context<'_>, row: &Mapping) -> impl Iterator<Item = Lease> + use<'a> {
    let shared = context.ledger.leases(&row.key);
    let alone = shared.is_empty().then_some(Lease {
        origin: row.origin,
        expiry: row.expiry,
    });
    let now = Expiry::At(context.now);
    let leases = alone.into_iter().chain(shared.iter().cloned());
    leases.filter(move |lease| lease.expiry > now)
}

/// The lease that the protocol of `origin` has on a row.
pub(crate) fn of_protocol(context: &Context<'_>, row: &Mapping, origin: Origin) -> Option<Lease> {
    of(context, row).find(|lease| lease.origin.is_same_protocol(origin))
}

/// What all protocols but that of `origin` have been promised of a row.
pub(crate) fn of_others<'a>(
    context: &'a Context<'_>,
    row: &Mapping,
    origin: Origin,
) -> impl Iterator<Item = Lease> + use<'a> {
    of(context, row).filter(move |lease| !lease.origin.is_same_protocol(origin))
}

/// Enters a row of the claim's own protocol, new or renewed; what others were promised of it stays.
pub(crate) fn hold(context: &mut Context<'_>, mapping: Mapping) {
    match context.ledger.is_shared(&mapping.key) {
        true => {
            let ours = Lease {
                origin: mapping.origin,
                expiry: mapping.expiry,
            };
            let leases = of_others(context, &mapping, ours.origin).chain([ours]).collect();
            put(context, mapping, leases);
        }
        false => context.ledger.put(mapping),
    }
}

/// Promises something of another protocol's row, of which nothing changes but its end. What the administrator wrote down
/// has none.
pub(crate) fn share(context: &mut Context<'_>, row: &Mapping, ours: Lease) {
    if row.origin != Origin::Static {
        let leases = of_others(context, row, ours.origin).chain([ours]).collect();
        put(context, row.clone(), leases);
    }
}

/// Takes back what the protocol of `origin` was promised of a row, which goes if nobody else was promised anything of it.
/// Returns whether it goes.
pub(crate) fn withdraw(context: &mut Context<'_>, key: Key, origin: Origin) -> bool {
    let Some(row) = context.ledger.table().find(&key).cloned() else {
        return false;
    };
    let others: Vec<Lease> = of_others(context, &row, origin).collect();
    let goes = others.is_empty();
    match goes {
        true => context.ledger.remove(key),
        false => put(context, Mapping::clone(&row), others),
    }
    goes
}

/// Puts a row with the leases on it. It stays with its protocol while that has one, and then passes to the one that has
/// it longest.
fn put(context: &mut Context<'_>, row: Mapping, mut leases: Vec<Lease>) {
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
