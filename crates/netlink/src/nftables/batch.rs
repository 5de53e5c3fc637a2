//! A transaction: changes to one table that happen all or not at all.

use super::element::LIST_ELEMENTS;
use super::{Chain, Data, Element, Expression, Set, Table, TableFlags, header, kind, msg};
use crate::message::{Attrs, Buffer, kind as flag};

/// `NFNL_MSG_BATCH_BEGIN`.
const BEGIN: u16 = 0x10;

/// `NFNL_MSG_BATCH_END`.
const END: u16 = 0x11;

/// How many elements go into one message: an attribute, and so the list of them, has to stay below 64 KiB.
const ELEMENTS_PER_MESSAGE: usize = 256;

/// The name of the table, or of the table that an object is in.
const TABLE: u16 = 1;

mod attr {
    pub(super) const CHAIN: u16 = 2;
    pub(super) const RULE_EXPRESSIONS: u16 = 4;
    pub(super) const SET: u16 = 2;
}

/// Changes to one table, to be carried out together.
///
/// Every method that adds one message answers its position, by which [`super::CommitError`] names it.
#[derive(Clone, Debug)]
pub struct Batch {
    table: Table,
    messages: Buffer,
    next_set_id: u32,
}

impl Batch {
    /// A transaction on this table without any change.
    pub fn new(table: &Table) -> Self {
        let mut messages = Buffer::new();
        messages.message(BEGIN, flag::REQUEST, &header(0, super::SUBSYSTEM), |_| {});
        Self {
            table: table.clone(),
            messages,
            next_set_id: 1,
        }
    }

    /// How many changes it holds.
    pub fn len(&self) -> usize {
        self.messages.count() - 1
    }

    /// Whether it holds no change.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Creates the table, or adopts it if it is there without an owner and these flags ask for one.
    pub fn add_table(&mut self, flags: TableFlags) -> usize {
        self.push(msg::NEW_TABLE, flag::CREATE, |attrs| flags.write(attrs))
    }

    /// Removes the table with everything in it.
    pub fn delete_table(&mut self) -> usize {
        self.push(msg::DEL_TABLE, 0, |_| {})
    }

    /// Creates a chain.
    pub fn add_chain(&mut self, chain: &Chain) -> usize {
        self.push(msg::NEW_CHAIN, flag::CREATE, |attrs| chain.write(attrs))
    }

    /// Creates a set or map.
    pub fn add_set(&mut self, set: &Set) -> usize {
        let id = self.next_set_id;
        self.next_set_id += 1;
        self.push(msg::NEW_SET, flag::CREATE, |attrs| set.write(attrs, id))
    }

    /// Appends a rule to a chain.
    pub fn add_rule(&mut self, chain: &str, expressions: &[Expression]) -> usize {
        self.push(msg::NEW_RULE, flag::CREATE | flag::APPEND, |attrs| {
            attrs.text(attr::CHAIN, chain);
            attrs.nest(attr::RULE_EXPRESSIONS, |list| Expression::write_all(expressions, list));
        })
    }

    /// Removes every rule of a chain.
    pub fn flush_chain(&mut self, chain: &str) -> usize {
        self.push(msg::DEL_RULE, 0, |attrs| attrs.text(attr::CHAIN, chain))
    }

    /// Adds one element, or gives one that is there with the same value this lifetime.
    pub fn add_element(&mut self, set: &str, element: &Element) -> usize {
        self.push(msg::NEW_SET_ELEMENT, flag::CREATE, |attrs| {
            attrs.text(attr::SET, set);
            attrs.nest(LIST_ELEMENTS, |list| element.write(list));
        })
    }

    /// Adds many elements, in as few messages as possible.
    pub fn add_elements(&mut self, set: &str, elements: &[Element]) {
        for elements in elements.chunks(ELEMENTS_PER_MESSAGE) {
            self.push(msg::NEW_SET_ELEMENT, flag::CREATE, |attrs| {
                attrs.text(attr::SET, set);
                attrs.nest(LIST_ELEMENTS, |list| {
                    for element in elements {
                        element.write(list);
                    }
                });
            });
        }
    }

    /// Removes an element, there or not (Linux 6.3).
    pub fn destroy_element(&mut self, set: &str, key: &Data) -> usize {
        self.push_key(msg::DESTROY_SET_ELEMENT, set, key)
    }

    /// Removes an element; the transaction fails if it is not there.
    pub fn delete_element(&mut self, set: &str, key: &Data) -> usize {
        self.push_key(msg::DEL_SET_ELEMENT, set, key)
    }

    /// Empties a set.
    pub fn flush_set(&mut self, set: &str) -> usize {
        self.push(msg::DEL_SET_ELEMENT, 0, |attrs| attrs.text(attr::SET, set))
    }

    /// The whole transaction as it is sent; the changes are the messages between the first and the last.
    pub(super) fn finish(mut self) -> Buffer {
        self.messages
            .message(END, flag::REQUEST, &header(0, super::SUBSYSTEM), |_| {});
        self.messages
    }

    fn push_key(&mut self, message: u16, set: &str, key: &Data) -> usize {
        self.push(message, 0, |attrs| {
            attrs.text(attr::SET, set);
            attrs.nest(LIST_ELEMENTS, |list| Element::write_key(key, list));
        })
    }

    fn push(&mut self, message: u16, flags: u16, fill: impl FnOnce(&mut Attrs<'_>)) -> usize {
        let (table, messages) = (&self.table, &mut self.messages);
        let header = header(table.family.number(), 0);
        messages.message(kind(message), flag::REQUEST | flags, &header, |attrs| {
            attrs.text(TABLE, &table.name);
            fill(attrs);
        }) - 1
    }
}
