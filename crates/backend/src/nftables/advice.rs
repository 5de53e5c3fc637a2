//! Finds other programs' filters that drop what the maps and pinholes lead to clients: an accept in our own chain does
//! not overrule a drop in theirs.

use std::collections::HashSet;
use std::fmt;

use portreeve_netlink::nftables::{
    Chain, ChainKind, Connection, CtKey, Expression, Family, FoundRule, Hook, Operator, Policy, Table, Verdict,
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
    for dropping in dropping(own_table)? {
        let through_pinholes = match firewall {
            Ipv6Firewall::Other { mark } => dropping.accepts(|rule| asks_for_bit(rule, CtKey::Mark, mark)),
            Ipv6Firewall::Own | Ipv6Firewall::None => false,
        };
        let mapped = dropping.accepts(|rule| asks_for_bit(rule, CtKey::Status, STATUS_DNAT));
        let kinds = [
            (Family::Ip, Dropped::Mapped, mapped),
            (Family::Ip6, Dropped::Pinholes(firewall), through_pinholes),
        ];
        for (family, dropped, accepted) in kinds {
            if dropping.sees(family) && !accepted {
                let filter = dropping.filter();
                advice.push(Advice { filter, dropped });
            }
        }
    }
    Ok(advice)
}

/// A chain that drops forwarded IPv6 in a table other than our own (of this name), with whatever exceptions: a firewall.
pub fn ipv6_filter(own_table: &str) -> Result<Option<Filter>, BackendError> {
    let chains = dropping(own_table)?;
    let found = chains.iter().find(|chain| chain.sees(Family::Ip6));
    Ok(found.map(Dropping::filter))
}

/// A chain that drops forwarded packets, with the rules of its table.
struct Dropping {
    table: Table,
    chain: String,
    rules: Vec<FoundRule>,
}

/// Every such chain of others.
fn dropping(own_table: &str) -> Result<Vec<Dropping>, BackendError> {
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
            dropping.push(Dropping {
                table: found.table,
                chain: found.item.name,
                rules,
            });
        }
    }
    Ok(dropping)
}

impl Dropping {
    fn filter(&self) -> Filter {
        Filter {
            family: self.table.family.to_string(),
            table: self.table.name.clone(),
            chain: self.chain.clone(),
        }
    }

    /// Whether it sees packets of this family.
    fn sees(&self, family: Family) -> bool {
        self.table.family == Family::Inet || self.table.family == family
    }

    /// Whether it, or a chain that it jumps to, accepts by a rule with a condition that this recognises.
    fn accepts(&self, recognise: impl Fn(&[Expression]) -> bool) -> bool {
        let mut seen = HashSet::new();
        let mut ahead = vec![self.chain.as_str()];
        while let Some(chain) = ahead.pop() {
            if !seen.insert(chain) {
                continue;
            }
            for rule in self.rules.iter().filter(|rule| rule.chain == chain) {
                match rule.expressions.last() {
                    Some(Expression::Verdict(Verdict::Accept)) if recognise(&rule.expressions) => return true,
                    Some(Expression::Verdict(Verdict::Jump(next) | Verdict::Goto(next))) => ahead.push(next),
                    _ => {}
                }
            }
        }
        false
    }
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
