//! Finds other programs' filters that drop what the maps lead to clients: an accept in our own chain does not overrule
//! a drop in theirs.

use std::collections::HashSet;
use std::fmt;

use portreeve_netlink::nftables::{
    Chain, ChainKind, Connection, CtKey, Expression, Family, FoundRule, Hook, Operator, Policy, Table, Verdict,
};

use super::skeleton::STATUS_DNAT;
use super::{error, table};
use crate::BackendError;

/// A chain that drops forwarded packets and makes no exception for those that were led to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Family of the table, as nft writes it.
    pub family: String,
    /// Its name.
    pub table: String,
    /// The chain.
    pub chain: String,
}

impl Advice {
    /// The command that makes the exception.
    pub fn remedy(&self) -> String {
        let Self { family, table, chain } = self;
        format!("nft insert rule {family} {table} {chain} ct status dnat accept")
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, table, chain } = self;
        let remedy = self.remedy();
        write!(
            f,
            "chain {chain} of table {family} {table} drops what is forwarded to mapped ports; let it pass with: {remedy}"
        )
    }
}

/// Reads every table but our own (of this name) and tells which chains will drop forwarded packets to mapped ports.
///
/// It recognises `ct status dnat accept` anywhere in such a chain or in those that it jumps to, under whatever
/// conditions. It does not understand rules that accept such packets for other reasons.
pub fn foreign_filters(own_table: &str) -> Result<Vec<Advice>, BackendError> {
    let failed = |failure| error::netlink("read the ruleset", &failure);
    let own = table(own_table);
    let mut connection = Connection::open().map_err(error::open)?;
    let chains = connection.chains().map_err(failed)?;
    let mut advice = Vec::new();
    for found in &chains {
        if found.table == own || !filters_forwarded(&found.table, &found.item) {
            continue;
        }
        let rules = connection.rules(&found.table).map_err(failed)?;
        if drops(&found.item, &rules) && !accepts_translated(&found.item.name, &rules) {
            advice.push(Advice {
                family: found.table.family.to_string(),
                table: found.table.name.clone(),
                chain: found.item.name.clone(),
            });
        }
    }
    Ok(advice)
}

fn filters_forwarded(table: &Table, chain: &Chain) -> bool {
    matches!(table.family, Family::Inet | Family::Ip)
        && chain
            .base
            .is_some_and(|base| base.kind == ChainKind::Filter && base.hook == Hook::Forward)
}

/// Whether packets that no earlier rule decides are dropped, by policy or by a last rule without conditions.
fn drops(chain: &Chain, rules: &[FoundRule]) -> bool {
    chain.base.is_some_and(|base| base.policy == Policy::Drop)
        || rules.iter().rfind(|rule| rule.chain == chain.name).is_some_and(|rule| {
            let mut steps = rule.expressions.iter().filter(|step| !is_bookkeeping(step));
            steps.next().is_some_and(is_end) && steps.next().is_none()
        })
}

fn is_bookkeeping(step: &Expression) -> bool {
    match step {
        Expression::Counter => true,
        Expression::Other(name) => name == "log",
        _ => false,
    }
}

fn is_end(step: &Expression) -> bool {
    match step {
        Expression::Verdict(Verdict::Drop) => true,
        Expression::Other(name) => name == "reject",
        _ => false,
    }
}

fn accepts_translated(chain: &str, rules: &[FoundRule]) -> bool {
    let mut seen = HashSet::new();
    let mut ahead = vec![chain];
    while let Some(chain) = ahead.pop() {
        if !seen.insert(chain) {
            continue;
        }
        for rule in rules.iter().filter(|rule| rule.chain == chain) {
            match rule.expressions.last() {
                Some(Expression::Verdict(Verdict::Accept)) if asks_for_translated(&rule.expressions) => return true,
                Some(Expression::Verdict(Verdict::Jump(next) | Verdict::Goto(next))) => ahead.push(next),
                _ => {}
            }
        }
    }
    false
}

fn asks_for_translated(steps: &[Expression]) -> bool {
    steps.windows(3).any(|steps| {
        matches!(
            steps,
            [
                Expression::Ct { key: CtKey::Status, .. },
                Expression::Mask { mask, .. },
                Expression::Compare { operator: Operator::NotEqual, value, .. },
            ] if mask & STATUS_DNAT != 0 && value.iter().all(|&byte| byte == 0)
        )
    })
}
