//! Tables, chains and sets.

use super::Expression;
use crate::message::{Attribute, Attributes, Attrs};

/// Which packets a table sees (`NFPROTO_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Any other.
    Other(u8),
}

/// A table's name within its family.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// Family.
    pub family: Family,
    /// Name.
    pub name: String,
}

/// `enum nft_table_flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableFlags(pub u32);

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Name.
    pub name: String,
    /// Where packets enter it; `None` for one that is only jumped to.
    pub base: Option<BaseChain>,
}

/// A chain that packets enter by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseChain {
    /// What the chain may do.
    pub kind: ChainKind,
    /// On which part of the way.
    pub hook: Hook,
    /// Chains of a hook run in the order of this number.
    pub priority: i32,
    /// What becomes of a packet that no rule decides.
    pub policy: Policy,
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainKind {
    /// Accept and drop.
    Filter,
    /// Translate addresses; sees only the first packet of a connection.
    Nat,
    /// Make the packet's route be looked up again.
    Route,
}

/// Where on a packet's way (`NF_INET_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Just arrived.
    Prerouting,
    /// For this machine.
    Input,
    /// Passing through.
    Forward,
    /// Made by this machine.
    Output,
    /// About to leave.
    Postrouting,
    /// Another one.
    Other(u32),
}

/// What becomes of a packet that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is dropped.
    Drop,
    /// It goes on.
    Accept,
}

/// A set, or a map if it has data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Name.
    pub name: String,
    /// See [`set_flags`].
    pub flags: u32,
    /// Type of the key, see [`types`]; the kernel only keeps it for those who print.
    pub key_type: u32,
    /// In which order nft takes the key's bytes when it prints them. It takes text for a number, and so an interface's
    /// name is in the order of the host.
    pub key_order: ByteOrder,
    /// Length of the key in bytes, each field rounded up to four.
    pub key_len: u32,
    /// Type and length of what a key maps to.
    pub data: Option<(u32, u32)>,
    /// What each element does whenever a packet finds it: a counter, mostly (Linux 5.7).
    pub each: Option<Expression>,
    /// How many elements fit; expired ones that were not collected yet count.
    pub size: Option<u32>,
}

/// The order of a number's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// As on the wire.
    Network,
    /// As in this machine.
    Host,
}

/// `enum nft_set_flags`.
pub mod set_flags {
    /// It maps keys to data.
    pub const MAP: u32 = 0x8;
    /// Elements may have a timeout.
    pub const TIMEOUT: u32 = 0x10;
}

/// The numbers by which nft knows data types.
pub mod types {
    /// `ipv4_addr`.
    pub const IPV4: u32 = 7;
    /// `ipv6_addr`.
    pub const IPV6: u32 = 8;
    /// `inet_proto`.
    pub const PROTOCOL: u32 = 12;
    /// `inet_service`.
    pub const PORT: u32 = 13;
    /// `ifname`.
    pub const INTERFACE: u32 = 41;

    /// A concatenation of types.
    pub const fn concat(parts: &[u32]) -> u32 {
        let mut sum = 0;
        let mut index = 0;
        while index < parts.len() {
            sum = sum << 6 | parts[index];
            index += 1;
        }
        sum
    }
}

/// `NFTNL_UDATA_SET_KEYBYTEORDER` of libnftnl, and `BYTEORDER_HOST_ENDIAN` of nft.
const USERDATA_KEY_ORDER: u8 = 0;
const HOST_ORDER: u32 = 1;

mod attr {
    pub(super) const TABLE_FLAGS: u16 = 2;

    pub(super) const CHAIN_NAME: u16 = 3;
    pub(super) const CHAIN_HOOK: u16 = 4;
    pub(super) const CHAIN_POLICY: u16 = 5;
    pub(super) const CHAIN_TYPE: u16 = 7;
    pub(super) const HOOK_NUMBER: u16 = 1;
    pub(super) const HOOK_PRIORITY: u16 = 2;

    pub(super) const SET_NAME: u16 = 2;
    pub(super) const SET_FLAGS: u16 = 3;
    pub(super) const SET_KEY_TYPE: u16 = 4;
    pub(super) const SET_KEY_LEN: u16 = 5;
    pub(super) const SET_DATA_TYPE: u16 = 6;
    pub(super) const SET_DATA_LEN: u16 = 7;
    pub(super) const SET_DESCRIPTION: u16 = 9;
    pub(super) const SET_ID: u16 = 10;
    pub(super) const SET_USERDATA: u16 = 13;
    pub(super) const SET_EXPRESSION: u16 = 17;
    pub(super) const DESCRIPTION_SIZE: u16 = 1;
}

impl Family {
    /// The kernel's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ip => 2,
            Self::Ip6 => 10,
            Self::Other(number) => number,
        }
    }

    /// The family of this number.
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Inet,
            2 => Self::Ip,
            10 => Self::Ip6,
            number => Self::Other(number),
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inet => f.write_str("inet"),
            Self::Ip => f.write_str("ip"),
            Self::Ip6 => f.write_str("ip6"),
            Self::Other(number) => write!(f, "family {number}"),
        }
    }
}

impl TableFlags {
    /// Nobody in particular owns the table.
    pub const SHARED: Self = Self(0);
    /// Only the socket that made the table may change it (Linux 5.12), and it stays when that socket is closed, for
    /// anybody to adopt (Linux 6.9).
    pub const OWNED_PERSISTENT: Self = Self(0x2 | 0x4);
    /// What the kernel makes of the former when that socket is closed.
    pub const ORPHANED: Self = Self(0x4);

    pub(super) fn write(self, attrs: &mut Attrs<'_>) {
        attrs.u32_be(attr::TABLE_FLAGS, self.0);
    }
}

impl Chain {
    pub(super) fn write(&self, attrs: &mut Attrs<'_>) {
        attrs.text(attr::CHAIN_NAME, &self.name);
        let Some(base) = &self.base else { return };
        attrs.nest(attr::CHAIN_HOOK, |hook| {
            hook.u32_be(attr::HOOK_NUMBER, base.hook.number());
            hook.u32_be(attr::HOOK_PRIORITY, base.priority.cast_unsigned());
        });
        attrs.u32_be(attr::CHAIN_POLICY, u32::from(base.policy == Policy::Accept));
        attrs.text(
            attr::CHAIN_TYPE,
            match base.kind {
                ChainKind::Filter => "filter",
                ChainKind::Nat => "nat",
                ChainKind::Route => "route",
            },
        );
    }

    pub(super) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let (mut name, mut hook, mut kind, mut policy) = (None, None, None, Policy::Accept);
        for attribute in attributes {
            match attribute.kind {
                attr::CHAIN_NAME => name = attribute.text(),
                attr::CHAIN_HOOK => hook = read_hook(&attribute),
                attr::CHAIN_TYPE => kind = attribute.text(),
                attr::CHAIN_POLICY if attribute.u32_be() == Some(0) => policy = Policy::Drop,
                _ => {}
            }
        }
        let base = hook.map(|(hook, priority)| BaseChain {
            kind: match kind {
                Some("nat") => ChainKind::Nat,
                Some("route") => ChainKind::Route,
                _ => ChainKind::Filter,
            },
            hook,
            priority,
            policy,
        });
        Some(Self {
            name: name?.to_owned(),
            base,
        })
    }
}

fn read_hook(attribute: &Attribute<'_>) -> Option<(Hook, i32)> {
    Some((
        Hook::from_number(attribute.child(attr::HOOK_NUMBER)?.u32_be()?),
        attribute.child(attr::HOOK_PRIORITY)?.u32_be()?.cast_signed(),
    ))
}

impl Hook {
    const fn number(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Input => 1,
            Self::Forward => 2,
            Self::Output => 3,
            Self::Postrouting => 4,
            Self::Other(number) => number,
        }
    }

    const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Prerouting,
            1 => Self::Input,
            2 => Self::Forward,
            3 => Self::Output,
            4 => Self::Postrouting,
            number => Self::Other(number),
        }
    }
}

impl Set {
    /// Writes the set; `id` identifies it within the transaction.
    pub(super) fn write(&self, attrs: &mut Attrs<'_>, id: u32) {
        attrs.text(attr::SET_NAME, &self.name);
        attrs.u32_be(attr::SET_FLAGS, self.flags);
        attrs.u32_be(attr::SET_KEY_TYPE, self.key_type);
        attrs.u32_be(attr::SET_KEY_LEN, self.key_len);
        if let Some((data_type, data_len)) = self.data {
            attrs.u32_be(attr::SET_DATA_TYPE, data_type);
            attrs.u32_be(attr::SET_DATA_LEN, data_len);
        }
        if let Some(size) = self.size {
            attrs.nest(attr::SET_DESCRIPTION, |description| {
                description.u32_be(attr::DESCRIPTION_SIZE, size);
            });
        }
        attrs.u32_be(attr::SET_ID, id);
        if let Some(each) = &self.each {
            attrs.nest(attr::SET_EXPRESSION, |expression| each.write(expression));
        }
        if self.key_order == ByteOrder::Host {
            let order = HOST_ORDER.to_ne_bytes();
            attrs.bytes(
                attr::SET_USERDATA,
                &[&[USERDATA_KEY_ORDER, 4], order.as_slice()].concat(),
            );
        }
    }

    pub(super) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let (mut name, mut data_type, mut data_len) = (None, None, None);
        let mut set = Self {
            name: String::new(),
            flags: 0,
            key_type: 0,
            key_order: ByteOrder::Network,
            key_len: 0,
            data: None,
            each: None,
            size: None,
        };
        for attribute in attributes {
            match attribute.kind {
                attr::SET_NAME => name = attribute.text(),
                attr::SET_FLAGS => set.flags = attribute.u32_be()?,
                attr::SET_KEY_TYPE => set.key_type = attribute.u32_be()?,
                attr::SET_KEY_LEN => set.key_len = attribute.u32_be()?,
                attr::SET_DATA_TYPE => data_type = attribute.u32_be(),
                attr::SET_DATA_LEN => data_len = attribute.u32_be(),
                attr::SET_EXPRESSION => set.each = Some(Expression::read(&attribute)),
                attr::SET_USERDATA => set.key_order = read_key_order(attribute.payload),
                attr::SET_DESCRIPTION => {
                    set.size = attribute.child(attr::DESCRIPTION_SIZE).and_then(|size| size.u32_be());
                }
                _ => {}
            }
        }
        set.name = name?.to_owned();
        set.data = data_type.zip(data_len);
        Some(set)
    }
}

/// From nft's own notes, which are a list of type, length and content.
fn read_key_order(mut notes: &[u8]) -> ByteOrder {
    while let [kind, len, rest @ ..] = notes {
        let Some((content, after)) = rest.split_at_checked(usize::from(*len)) else {
            break;
        };
        if *kind == USERDATA_KEY_ORDER && content == HOST_ORDER.to_ne_bytes() {
            return ByteOrder::Host;
        }
        notes = after;
    }
    ByteOrder::Network
}
