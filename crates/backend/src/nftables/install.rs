//! Making the kernel's table equal to the skeleton, and removing it.

use portreeve_netlink::nftables::{
    Batch, CommitError, Connection, Element, Expression, FoundTable, Set, TableFlags, types,
};
use portreeve_netlink::{Errno, Error};

use super::row::{self, Map};
use super::skeleton::{self, EXTERNAL, LAN, Skeleton, UDP};
use super::{Nftables, error, probe, table};
use crate::{BackendError, Rules};

/// How the kernel's table compares to the skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is none.
    Missing,
    /// Sets, chains or flags are others: it has to be made anew.
    Other,
    /// Only rules or the LAN's interfaces are others.
    OtherRules,
    /// It is right.
    Right,
}

/// What [`uninstall`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninstalled {
    /// The table was there and is gone.
    Removed,
    /// There was none.
    NothingThere,
}

/// Removes the table and everything in it, whoever made it.
///
/// # Errors
/// Fails if a running process owns the table.
pub fn uninstall(name: &str) -> Result<Uninstalled, BackendError> {
    let mut connection = Connection::open().map_err(error::open)?;
    probe::remove(&mut connection, name)?;
    let table = table(name);
    let Some(found) = connection.table(&table).map_err(reading)? else {
        return Ok(Uninstalled::NothingThere);
    };
    check_owner(&found, &connection, name)?;
    let mut batch = Batch::new(&table);
    batch.delete_table();
    match connection.commit(batch) {
        Ok(()) => Ok(Uninstalled::Removed),
        Err(failure) => Err(error::commit("remove the table", &failure)),
    }
}

impl Nftables {
    /// Makes table, sets, chains and rules what they should be, in one transaction that keeps every mapping in force.
    pub(super) fn ensure_skeleton(&mut self) -> Result<Rules, BackendError> {
        let skeleton = self.skeleton()?;
        let found = self.connection.table(&self.table).map_err(reading)?;
        if let Some(found) = &found {
            check_owner(found, &self.connection, &self.table.name)?;
        }
        let state = self.compare(&skeleton, found.as_ref())?;
        let mut batch = Batch::new(&self.table);
        if found.is_some_and(|found| found.flags != skeleton.flags) && state != State::Other {
            batch.add_table(skeleton.flags);
        }
        match state {
            State::Right => {}
            State::OtherRules => skeleton.refill(&mut batch),
            State::Missing => skeleton.create(&mut batch),
            State::Other => {
                let kept = self.kept_elements(&skeleton)?;
                batch.delete_table();
                skeleton.create(&mut batch);
                for (set, elements) in kept {
                    batch.add_elements(set, &elements);
                }
            }
        }
        let external = self.write_external(&mut batch, state)?;
        self.connection.commit(batch).map_err(|failure| installing(&failure))?;
        Ok(match state {
            State::Right => external,
            State::Missing | State::Other | State::OtherRules => Rules::Repaired,
        })
    }

    fn compare(&mut self, skeleton: &Skeleton, found: Option<&FoundTable>) -> Result<State, BackendError> {
        let Some(found) = found else {
            return Ok(State::Missing);
        };
        let mut sets = self.connection.sets(&self.table).map_err(reading)?;
        let mut wanted_sets = skeleton.sets.clone();
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        wanted_sets.sort_by(|a, b| a.name.cmp(&b.name));
        let chains: Vec<_> = self
            .connection
            .chains()
            .map_err(reading)?
            .into_iter()
            .filter(|chain| chain.table == self.table)
            .map(|chain| chain.item)
            .collect();
        let same_chains =
            chains.len() == skeleton.chains.len() && skeleton.chains.iter().all(|chain| chains.contains(chain));
        if !can_become(found.flags, skeleton.flags) || sets != wanted_sets || !same_chains {
            return Ok(State::Other);
        }

        let rules = self.connection.rules(&self.table).map_err(reading)?;
        let same_rules = skeleton.chains.iter().all(|chain| {
            let found = rules.iter().filter(|rule| rule.chain == chain.name);
            let wanted = skeleton.rules.iter().filter(|(name, _)| *name == chain.name);
            found
                .map(|rule| &rule.expressions)
                .eq(wanted.map(|(_, expressions): &(_, Vec<Expression>)| expressions))
        });
        let lan = self.read_set(LAN)?;
        Ok(match same_rules && same_elements(&lan, &skeleton.lan) {
            true => State::Right,
            false => State::OtherRules,
        })
    }

    /// What is to go on unchanged in a table that is made anew.
    fn kept_elements(&mut self, skeleton: &Skeleton) -> Result<Vec<(&'static str, Vec<Element>)>, BackendError> {
        let sets = self.connection.sets(&self.table).map_err(reading)?;
        let mut kept = Vec::new();
        for name in Map::ALL.map(Map::name).into_iter().chain([EXTERNAL]) {
            let found = sets.iter().find(|set| set.name == name);
            let wanted = skeleton.sets.iter().find(|set| set.name == name);
            let shape = |set: &Set| (set.key_type, set.key_len, set.data);
            if found.map(shape) == wanted.map(shape) {
                kept.push((name, self.read_set(name)?));
            } else if name == Map::Outbound.name() && found.is_some_and(is_for_udp_only) {
                let elements = self.read_set(name)?;
                kept.push((name, elements.iter().filter_map(of_udp).collect()));
            }
        }
        Ok(kept)
    }

    fn write_external(&mut self, batch: &mut Batch, state: State) -> Result<Rules, BackendError> {
        let Some(addresses) = &self.external else {
            return Ok(Rules::Right);
        };
        let wanted = skeleton::external_elements(addresses);
        let found = match state {
            State::Missing => Vec::new(),
            State::Other | State::OtherRules | State::Right => self.read_set(EXTERNAL)?,
        };
        if same_elements(&found, &wanted) {
            return Ok(Rules::Right);
        }
        skeleton::replace_set(batch, EXTERNAL, &wanted);
        Ok(Rules::Repaired)
    }
}

/// Whether a table with these flags can get those: only what an owner left is there for adoption.
fn can_become(found: TableFlags, wanted: TableFlags) -> bool {
    found == wanted || (found, wanted) == (TableFlags::ORPHANED, TableFlags::OWNED_PERSISTENT)
}

/// Whether a map of outbound ports is of the kind that this program made while it knew those of UDP only.
fn is_for_udp_only(outbound: &Set) -> bool {
    outbound.key_type == types::concat(&[types::IPV4, types::PORT])
}

/// An element of such a map as it is now.
fn of_udp(element: &Element) -> Option<Element> {
    let socket = row::target(&element.key)?;
    Some(Element {
        key: row::socket_key(UDP, *socket.ip(), socket.port()),
        ..*element
    })
}

fn same_elements(found: &[Element], wanted: &[Element]) -> bool {
    found.len() == wanted.len() && wanted.iter().all(|element| found.contains(element))
}

/// Refuses a table that belongs to a process which still runs.
fn check_owner(found: &FoundTable, connection: &Connection, name: &str) -> Result<(), BackendError> {
    match found.owner {
        None => Ok(()),
        Some(owner) if owner == connection.port() => Ok(()),
        Some(owner) => Err(BackendError::System {
            operation: format!("take over the nftables table inet {name}"),
            cause: format!("a running process owns it (netlink port {owner}, usually its pid); is portreeved running?"),
        }),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn reading(error: Error) -> BackendError {
    error::netlink("read the ruleset", &error)
}

/// The skeleton was refused: mostly for a missing kernel module.
fn installing(failure: &CommitError) -> BackendError {
    let is_lacking = |errno| matches!(errno, Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT);
    match failure {
        CommitError::Refused(refused) if refused.iter().any(|refusal| is_lacking(refusal.errno)) => {
            BackendError::Unsupported {
                what: "translate addresses with nf_tables".to_owned(),
                remedy: "load its modules (modprobe -a nft_chain_nat nft_nat nft_masq nft_ct; Linux 5.7 or later), or \
                         choose backend = \"relay\""
                    .to_owned(),
            }
        }
        _ => error::commit("set up the table", failure),
    }
}
