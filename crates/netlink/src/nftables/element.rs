//! Elements of sets and maps.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::Expression;
use crate::message::{Attribute, Attrs};

/// `NFTA_SET_ELEM_LIST_ELEMENTS`.
pub(super) const LIST_ELEMENTS: u16 = 3;

/// `NFTA_LIST_ELEM`.
pub(super) const LIST_ITEM: u16 = 1;

/// `NFTA_DATA_VALUE`.
pub(super) const DATA_VALUE: u16 = 1;

mod attr {
    pub(super) const KEY: u16 = 1;
    pub(super) const DATA: u16 = 2;
    pub(super) const TIMEOUT: u16 = 4;
    pub(super) const EXPIRATION: u16 = 5;
    pub(super) const EXPRESSION: u16 = 7;
    pub(super) const EXPRESSION_NAME: u16 = 1;
    pub(super) const EXPRESSION_DATA: u16 = 2;
    pub(super) const COUNTER_BYTES: u16 = 1;
    pub(super) const COUNTER_PACKETS: u16 = 2;
}

/// `NFT_DATA_VALUE_MAXLEN`.
const LONGEST: usize = 64;

/// The bytes of a key or of what it maps to, at most 64: fields one after the other, each padded to four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Data {
    bytes: [u8; LONGEST],
    len: u8,
}

/// An element of a set, or of a map if it has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Key.
    pub key: Data,
    /// What it maps to.
    pub value: Option<Data>,
    /// How long it stays.
    pub lifetime: Lifetime,
    /// What it has counted, in a set whose elements count. An element that is written with a counter starts from it,
    /// unless it is there already.
    pub counter: Option<Counter>,
}

/// What an element has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets that found it.
    pub packets: u64,
    /// Their bytes, IP header included.
    pub bytes: u64,
}

/// How long an element stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is removed.
    Permanent,
    /// It still has this long; the kernel counts milliseconds.
    Left(Duration),
}

impl Data {
    /// The fields written so far: none.
    pub const fn new() -> Self {
        Self {
            bytes: [0; LONGEST],
            len: 0,
        }
    }

    /// Followed by a transport protocol's number.
    #[must_use]
    pub fn protocol(self, number: u8) -> Self {
        self.field(&[number])
    }

    /// Followed by a port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.field(&port.to_be_bytes())
    }

    /// Followed by an IPv4 address.
    #[must_use]
    pub fn ipv4(self, address: Ipv4Addr) -> Self {
        self.field(&address.octets())
    }

    /// Followed by an IPv6 address.
    #[must_use]
    pub fn ipv6(self, address: Ipv6Addr) -> Self {
        self.field(&address.octets())
    }

    /// The name of an interface, at most fifteen bytes; `None` for a longer one, which no interface can have.
    pub fn interface(name: &str) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes[..15].get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes, len: 16 })
    }

    /// From bytes; `None` if they are more than 64.
    pub fn from_bytes(content: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..content.len())?.copy_from_slice(content);
        Some(Self {
            bytes,
            len: u8::try_from(content.len()).ok()?,
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The four bytes of the field at this position, from 0.
    pub fn word(&self, position: usize) -> Option<[u8; 4]> {
        self.as_bytes().get(position * 4..)?.first_chunk().copied()
    }

    fn field(mut self, content: &[u8]) -> Self {
        let start = usize::from(self.len);
        self.bytes[start..start + content.len()].copy_from_slice(content);
        self.len += padded(content.len());
        self
    }

    fn write(&self, attrs: &mut Attrs<'_>, kind: u16) {
        attrs.nest(kind, |data| data.bytes(DATA_VALUE, self.as_bytes()));
    }

    fn read(attribute: &Attribute<'_>) -> Option<Self> {
        Self::from_bytes(attribute.child(DATA_VALUE)?.payload)
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

/// The length of a field in a concatenation.
fn padded(len: usize) -> u8 {
    u8::try_from(len.next_multiple_of(4)).expect("a field is an address at most")
}

impl Element {
    /// A member of a set, without end.
    pub const fn member(key: Data) -> Self {
        Self {
            key,
            value: None,
            lifetime: Lifetime::Permanent,
            counter: None,
        }
    }

    pub(super) fn write(&self, attrs: &mut Attrs<'_>) {
        attrs.nest(LIST_ITEM, |element| {
            self.key.write(element, attr::KEY);
            if let Some(value) = &self.value {
                value.write(element, attr::DATA);
            }
            if let Lifetime::Left(left) = self.lifetime {
                // Both, because without an expiration an element that exists already is not refreshed.
                let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                element.u64_be(attr::TIMEOUT, millis);
                element.u64_be(attr::EXPIRATION, millis);
            }
            if let Some(counter) = &self.counter {
                element.nest(attr::EXPRESSION, |expression| counter.write(expression));
            }
        });
    }

    pub(super) fn write_key(key: &Data, attrs: &mut Attrs<'_>) {
        attrs.nest(LIST_ITEM, |element| key.write(element, attr::KEY));
    }

    pub(super) fn read(item: &Attribute<'_>) -> Option<Self> {
        let (mut key, mut value, mut timeout, mut left) = (None, None, None, None);
        let mut counter = None;
        for attribute in item.nested() {
            match attribute.kind {
                attr::KEY => key = Data::read(&attribute),
                attr::DATA => value = Data::read(&attribute),
                attr::TIMEOUT => timeout = attribute.u64_be(),
                attr::EXPIRATION => left = attribute.u64_be(),
                attr::EXPRESSION => counter = Counter::read(&attribute),
                _ => {}
            }
        }
        Some(Self {
            key: key?,
            value,
            lifetime: match left.or(timeout) {
                None => Lifetime::Permanent,
                Some(millis) => Lifetime::Left(Duration::from_millis(millis)),
            },
            counter,
        })
    }
}

impl Counter {
    /// As an expression, whose content a rule's counter leaves to the kernel.
    fn write(&self, expression: &mut Attrs<'_>) {
        expression.text(attr::EXPRESSION_NAME, Expression::COUNTER);
        expression.nest(attr::EXPRESSION_DATA, |data| {
            data.u64_be(attr::COUNTER_BYTES, self.bytes);
            data.u64_be(attr::COUNTER_PACKETS, self.packets);
        });
    }

    /// `None` for another expression than a counter.
    fn read(expression: &Attribute<'_>) -> Option<Self> {
        if expression.child(attr::EXPRESSION_NAME)?.text()? != Expression::COUNTER {
            return None;
        }
        let data = expression.child(attr::EXPRESSION_DATA)?;
        Some(Self {
            packets: data.child(attr::COUNTER_PACKETS)?.u64_be()?,
            bytes: data.child(attr::COUNTER_BYTES)?.u64_be()?,
        })
    }
}
