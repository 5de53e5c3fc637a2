//! Finds other programs' filters that drop what the maps and pinholes lead to clients: an accept in our own chain does
//! not overrule a drop in theirs.

use std::collections::HashSet;
use std::fmt;

use portreeve_netlink::nftables::{
    Chain, ChainKind, Connection, CtKey, Expression, Family, Found, FoundRule, Hook, Operator, Policy, Table, Verdict,
};

use super::skeleton::STATUS_DNAT;
use super::{Ipv6Firewall, error, table};
use crate::BackendError;

/// A chain that drops forwarded packets and makes no exception for those that we let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The chain.
    pub filter: Filter,
    /// What it drops.
    pub dropped: Dropped,
}

/// A chain of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Family of the table, as nft writes it.
    pub family: String,
    /// Its name.
    pub table: String,
    /// The chain.
    pub chain: String,
}

/// What a chain of another program drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// IPv4 packets to mapped ports.
    Mapped,
    /// IPv6 packets through pinholes, while the firewall is set up like this.
    Pinholes(Ipv6Firewall),
}

impl Advice {
    /// What makes the exception: a command, or a key of the configuration.
    pub fn remedy(&self) -> String {
        let Filter { family, table, chain } = &self.filter;
        match self.dropped {
            Dropped::Mapped => format!("nft insert rule {family} {table} {chain} ct status dnat accept"),
            Dropped::Pinholes(Ipv6Firewall::Other { mark }) => {
                format!("nft insert rule {family} {table} {chain} ct mark and {mark:#x} != 0 accept")
            }
            Dropped::Pinholes(Ipv6Firewall::Own | Ipv6Firewall::None) => "ipv6.firewall = \"other\"".to_owned(),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (filter, remedy) = (&self.filter, self.remedy());
        match self.dropped {
            Dropped::Mapped => write!(
                f,
                "{filter} drops what is forwarded to mapped ports; let it pass with: {remedy}"
            ),
            Dropped::Pinholes(Ipv6Firewall::Other { .. }) => {
                write!(
                    f,
                    "{filter} drops what comes in through pinholes; let it pass with: {remedy}"
                )
            }
            Dropped::Pinholes(Ipv6Firewall::Own) => write!(
                f,
                "{filter} drops forwarded IPv6 too, also through pinholes; work together with it by {remedy} and a restart"
            ),
            Dropped::Pinholes(Ipv6Firewall::None) => write!(
                f,
                "{filter} drops forwarded IPv6, but was not there at the start or is denied by the configuration, so that \
                 clients are told that there is no firewall; set {remedy} and restart"
            ),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, table, chain } = self;
        write!(f, "chain {chain} of table {family} {table}")
    }
}

/// Reads every table but our own (of this name) and tells which chains will drop forwarded packets to mapped ports, or
/// through pinholes of such a firewall.
///
/// It recognises `ct status dnat accept` and `ct mark & MARK != 0 accept` anywhere in such a chain or in those that it
/// jumps to, under whatever conditions. It does not understand rules that accept such packets for other reasons.
pub fn foreign_filters(own_table: &str, firewall: Ipv6Firewall) -> Result<Vec<Advice>, BackendError> {
    let mut advice = Vec::new();
    for (filter, rules) in dropping(own_table)? {
        let accepts = |recognise: &dyn Fn(&[Expression]) -> bool| accepts(&filter.item.name, &rules, recognise);
        let dropped = [
            (Family::Ip, Dropped::Mapped, accepts(&asks_for_translated)),
            (
                Family::Ip6,
                Dropped::Pinholes(firewall),
                match firewall {
                    Ipv6Firewall::Other { mark } => accepts(&|rule| asks_for_mark(rule, mark)),
                    Ipv6Firewall::Own | Ipv6Firewall::None => false,
                },
            ),
        ];
        for (family, dropped, accepted) in dropped {
            if !accepted && sees(&filter.table, family) {
                advice.push(Advice {
                    filter: Filter::of(&filter),
                    dropped,
                });
            }
        }
    }
    Ok(advice)
}

/// A chain that drops forwarded IPv6 in a table other than our own (of this name), with whatever exceptions: a firewall.
pub fn ipv6_filter(own_table: &str) -> Result<Option<Filter>, BackendError> {
    let filters = dropping(own_table)?;
    let mut seeing = filters.iter().filter(|(filter, _)| sees(&filter.table, Family::Ip6));
    Ok(seeing.next().map(|(filter, _)| Filter::of(filter)))
}

/// Every chain of others that drops forwarded packets, with the rules of its table.
fn dropping(own_table: &str) -> Result<Vec<(Found<Chain>, Vec<FoundRule>)>, BackendError> {
    let failed = |failure| error::netlink("read the ruleset", &failure);
    let own = table(own_table);
    let mut connection = Connection::open().map_err(error::open)?;
    let mut dropping = Vec::new();
    for found in connection.chains().map_err(failed)? {
        if found.table == own || !filters_forwarded(&found.item) {
            continue;
        }
        let rules = connection.rules(&found.table).map_err(failed)?;
        if drops(&found.item, &rules) {
            dropping.push((found, rules));
        }
    }
    Ok(dropping)
}

impl Filter {
    fn of(found: &Found<Chain>) -> Self {
        Self {
            family: found.table.family.to_string(),
            table: found.table.name.clone(),
            chain: found.item.name.clone(),
        }
    }
}

/// Whether the table sees packets of this family.
fn sees(table: &Table, family: Family) -> bool {
    table.family == Family::Inet || table.family == family
}

fn filters_forwarded(chain: &Chain) -> bool {
    chain
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

/// Whether the chain, or one that it jumps to, accepts by a rule of which this recognises a condition.
fn accepts(chain: &str, rules: &[FoundRule], recognise: impl Fn(&[Expression]) -> bool) -> bool {
    let mut seen = HashSet::new();
    let mut ahead = vec![chain];
    while let Some(chain) = ahead.pop() {
        if !seen.insert(chain) {
            continue;
        }
        for rule in rules.iter().filter(|rule| rule.chain == chain) {
            match rule.expressions.last() {
                Some(Expression::Verdict(Verdict::Accept)) if recognise(&rule.expressions) => return true,
                Some(Expression::Verdict(Verdict::Jump(next) | Verdict::Goto(next))) => ahead.push(next),
                _ => {}
            }
        }
    }
    false
}

fn asks_for_translated(rule: &[Expression]) -> bool {
    asks_for_bit(rule, CtKey::Status, STATUS_DNAT)
}

fn asks_for_mark(rule: &[Expression], mark: u32) -> bool {
    asks_for_bit(rule, CtKey::Mark, mark)
}

/// Whether a condition of the rule is that the bit is set: `key & bits != 0` or `key & bits == bits`.
fn asks_for_bit(rule: &[Expression], of: CtKey, bit: u32) -> bool {
    rule.windows(3).any(|steps| {
        let [
            Expression::Ct { key, .. },
            Expression::Bits { mask, flip: 0, .. },
            Expression::Compare { operator, value, .. },
        ] = steps
        else {
            return false;
        };
        let value = value.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        let wants = match operator {
            Operator::NotEqual => value == 0,
            Operator::Equal => value & bit != 0,
            _ => false,
        };
        *key == of && mask & bit != 0 && wants
    })
}
