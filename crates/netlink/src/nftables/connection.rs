//! The socket that commits transactions and reads what the kernel holds.

use super::element::{LIST_ELEMENTS, LIST_ITEM};
use super::{Batch, Chain, Data, Element, Expression, Family, HEADER_LEN, Set, Table, TableFlags, header, kind, msg};
use crate::message::{Buffer, Message, kind as flag};
use crate::socket::{Consistency, Groups, Protocol, Socket};
use crate::{Errno, Error, Rejection};

/// How often a dump is repeated if something changed meanwhile. Other programs may change their tables all the time, so
/// the last result is taken as it is.
const DUMP_ATTEMPTS: usize = 3;

/// A connection to the nf_tables subsystem.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    acknowledged: Acknowledged,
}

/// Which message of a transaction the kernel acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acknowledged {
    /// The end of the batch, once it is committed (Linux 6.10).
    End,
    /// The last change. It is sent before the commit, and taken back if that fails.
    LastChange,
}

/// A transaction was not carried out; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The kernel refused these changes, in the order of the batch; there is at least one.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Rejection>),
    /// The exchange failed as a whole.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Something found in the kernel, and the table it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The table.
    pub table: Table,
    /// What was found.
    pub item: T,
}

/// A table as the kernel holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundTable {
    /// Flags.
    pub flags: TableFlags,
    /// The port of the socket that owns it.
    pub owner: Option<u32>,
}

/// A rule as the kernel holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRule {
    /// The chain it is in.
    pub chain: String,
    /// Its steps.
    pub expressions: Vec<Expression>,
}

mod attr {
    pub(super) const TABLE: u16 = 1;
    pub(super) const TABLE_FLAGS: u16 = 2;
    pub(super) const TABLE_OWNER: u16 = 7;
    pub(super) const RULE_CHAIN: u16 = 2;
    pub(super) const RULE_EXPRESSIONS: u16 = 4;
    pub(super) const SET: u16 = 2;
}

impl Connection {
    /// Opens a connection and checks with an empty transaction that this process may use nf_tables at all.
    ///
    /// # Errors
    /// `EPERM` without CAP_NET_ADMIN, `EOPNOTSUPP` or `EPROTONOSUPPORT` if the kernel has no nf_tables.
    pub fn open() -> Result<Self, Error> {
        let mut connection = Self {
            socket: Socket::open(Protocol::Netfilter, Groups::NONE)?,
            acknowledged: Acknowledged::End,
        };
        let nowhere = Table {
            family: Family::Inet,
            name: String::new(),
        };
        match connection.exchange(Batch::new(&nowhere)) {
            Ok(()) => Ok(connection),
            Err(CommitError::Failed(Error::NoReply)) => {
                connection.acknowledged = Acknowledged::LastChange;
                Ok(connection)
            }
            Err(CommitError::Failed(error)) => Err(error),
            Err(CommitError::Refused(mut refused)) => Err(Error::Rejected(refused.swap_remove(0))),
        }
    }

    /// As on a kernel that does not acknowledge the end of a batch.
    #[cfg(test)]
    pub(super) const fn without_end_acknowledged(mut self) -> Self {
        self.acknowledged = Acknowledged::LastChange;
        self
    }

    /// The port by which events tell this connection's changes from those of others, and which owns its tables.
    pub const fn port(&self) -> u32 {
        self.socket.port()
    }

    /// Carries out all changes of the batch, or none.
    pub fn commit(&mut self, batch: Batch) -> Result<(), CommitError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.exchange(batch)
    }

    fn exchange(&mut self, batch: Batch) -> Result<(), CommitError> {
        let mut messages = batch.finish();
        let last = messages.count() - 1;
        let awaited = match self.acknowledged {
            Acknowledged::End => last,
            Acknowledged::LastChange => last - 1,
        };
        messages.add_flags(awaited, flag::ACK);
        let first = self.socket.send(&mut messages)?;

        // The kernel works inside `send`, so every reply is queued by now. It sends one error per refused message, and
        // then no acknowledgement.
        let mut refused = Vec::new();
        let mut acknowledged = false;
        let mut overrun = false;
        loop {
            let replies = match self.socket.receive() {
                Ok(Some(replies)) => replies,
                Ok(None) => break,
                Err(Error::Overrun) => {
                    overrun = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for reply in replies {
                let reply = reply?;
                let position = usize::try_from(reply.seq.wrapping_sub(first)).unwrap_or(usize::MAX);
                if position > last {
                    continue;
                }
                match reply.outcome() {
                    Some(Ok(())) => acknowledged |= position == awaited,
                    Some(Err((errno, text))) => refused.push(Rejection {
                        message: position.saturating_sub(1),
                        errno,
                        text,
                    }),
                    None => {}
                }
            }
        }
        if !refused.is_empty() {
            return Err(CommitError::Refused(refused));
        }
        if overrun {
            return Err(Error::Overrun.into());
        }
        if !acknowledged {
            return Err(Error::NoReply.into());
        }
        Ok(())
    }

    /// One table, or `None` if there is none of this name.
    pub fn table(&mut self, table: &Table) -> Result<Option<FoundTable>, Error> {
        let mut request = get(msg::GET_TABLE, table.family, |attrs| {
            attrs.text(attr::TABLE, &table.name);
        });
        let mut found = None;
        let outcome = self.socket.request(&mut request, |message| {
            let number = |kind| {
                let mut attributes = message.attributes(HEADER_LEN);
                attributes.find(|attribute| attribute.kind == kind)?.u32_be()
            };
            found = Some(FoundTable {
                flags: TableFlags(number(attr::TABLE_FLAGS).unwrap_or(0)),
                owner: number(attr::TABLE_OWNER),
            });
        });
        match outcome {
            Ok(()) => Ok(found),
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every chain of every table.
    pub fn chains(&mut self) -> Result<Vec<Found<Chain>>, Error> {
        self.dump(msg::GET_CHAIN, None, |message| {
            found(message, Chain::read(message.attributes(HEADER_LEN))?)
        })
    }

    /// The sets of a table.
    pub fn sets(&mut self, table: &Table) -> Result<Vec<Set>, Error> {
        self.dump(msg::GET_SET, Some(table), |message| {
            let set = found(message, Set::read(message.attributes(HEADER_LEN))?)?;
            (set.table == *table).then_some(set.item)
        })
    }

    /// The rules of a table, each chain's in their order.
    pub fn rules(&mut self, table: &Table) -> Result<Vec<FoundRule>, Error> {
        self.dump(msg::GET_RULE, Some(table), |message| {
            let rule = found(message, read_rule(message)?)?;
            (rule.table == *table).then_some(rule.item)
        })
    }

    /// The elements of a set. If others change it meanwhile, some may be missing or repeated.
    pub fn elements(&mut self, table: &Table, set: &str) -> Result<Vec<Element>, Error> {
        let mut elements = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            elements.clear();
            let mut request = get(msg::GET_SET_ELEMENT, table.family, |attrs| {
                attrs.text(attr::TABLE, &table.name);
                attrs.text(attr::SET, set);
            });
            let consistency = self.socket.dump(&mut request, |message| {
                elements.extend(read_elements(message));
            })?;
            if consistency == Consistency::Whole {
                break;
            }
        }
        Ok(elements)
    }

    /// One element, or `None` if it is not there, or expired.
    pub fn element(&mut self, table: &Table, set: &str, key: &Data) -> Result<Option<Element>, Error> {
        let mut request = get(msg::GET_SET_ELEMENT, table.family, |attrs| {
            attrs.text(attr::TABLE, &table.name);
            attrs.text(attr::SET, set);
            attrs.nest(LIST_ELEMENTS, |list| Element::write_key(key, list));
        });
        let mut element = None;
        let outcome = self.socket.request(&mut request, |message| {
            element = read_elements(message).next();
        });
        match outcome {
            Ok(()) => Ok(element),
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn dump<T>(
        &mut self,
        message: u16,
        table: Option<&Table>,
        read: impl Fn(&Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let family = table.map_or(Family::Other(0), |table| table.family);
        let mut items = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            items.clear();
            let mut request = get(message, family, |attrs| {
                if let Some(table) = table {
                    attrs.text(attr::TABLE, &table.name);
                }
            });
            let consistency = self.socket.dump(&mut request, |message| items.extend(read(message)))?;
            if consistency == Consistency::Whole {
                break;
            }
        }
        Ok(items)
    }
}

fn get(message: u16, family: Family, fill: impl FnOnce(&mut crate::message::Attrs<'_>)) -> Buffer {
    let mut request = Buffer::new();
    request.message(kind(message), flag::REQUEST, &header(family.number(), 0), fill);
    request
}

fn found<T>(message: &Message<'_>, item: T) -> Option<Found<T>> {
    let [family, ..] = *message.header::<HEADER_LEN>()?;
    let mut attributes = message.attributes(HEADER_LEN);
    let name = attributes.find(|attribute| attribute.kind == attr::TABLE)?.text()?;
    Some(Found {
        table: Table {
            family: Family::from_number(family),
            name: name.to_owned(),
        },
        item,
    })
}

fn read_rule(message: &Message<'_>) -> Option<FoundRule> {
    let (mut chain, mut expressions) = (None, Vec::new());
    for attribute in message.attributes(HEADER_LEN) {
        match attribute.kind {
            attr::RULE_CHAIN => chain = attribute.text(),
            attr::RULE_EXPRESSIONS => expressions = Expression::read_all(&attribute),
            _ => {}
        }
    }
    Some(FoundRule {
        chain: chain?.to_owned(),
        expressions,
    })
}

fn read_elements<'a>(message: &Message<'a>) -> impl Iterator<Item = Element> + use<'a> {
    message
        .attributes(HEADER_LEN)
        .filter(|attribute| attribute.kind == LIST_ELEMENTS)
        .flat_map(|list| list.nested())
        .filter(|item| item.kind == LIST_ITEM)
        .filter_map(|item| Element::read(&item))
}
