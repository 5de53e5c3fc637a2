//! The expressions that rules are made of.

use super::element::{DATA_VALUE, LIST_ITEM};
use crate::message::{Attribute, Attrs};

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expression {
    /// Loads something known about the packet.
    Meta {
        /// What.
        key: MetaKey,
        /// Where to.
        into: Register,
    },
    /// Loads bytes of the packet.
    Payload {
        /// From which header on.
        base: HeaderBase,
        /// First byte.
        offset: u32,
        /// How many.
        len: u32,
        /// Where to.
        into: Register,
    },
    /// Loads something known about the connection.
    Ct {
        /// What.
        key: CtKey,
        /// Of which direction, for keys that differ by it.
        direction: Option<Direction>,
        /// Where to.
        into: Register,
    },
    /// Changes something known about the connection.
    SetCt {
        /// What.
        key: CtKey,
        /// Where the new value is.
        from: Register,
    },
    /// Keeps only the bits of `mask` and then flips those of `flip`, in host order.
    Bits {
        /// The register.
        register: Register,
        /// The bits to keep.
        mask: u32,
        /// The bits to flip.
        flip: u32,
    },
    /// Goes on only if the comparison holds.
    Compare {
        /// What is compared.
        register: Register,
        /// How.
        operator: Operator,
        /// With what.
        value: Vec<u8>,
    },
    /// Goes on only if the set has the key, and loads what it maps to.
    Lookup {
        /// Name of the set.
        set: String,
        /// Where the key starts.
        key: Register,
        /// Where to, for a map.
        into: Option<Register>,
    },
    /// Changes the destination, IPv4.
    Dnat {
        /// Where the address is.
        address: Register,
        /// Where the port is.
        port: Register,
    },
    /// Changes the source to the address of the interface that the packet leaves by.
    Masquerade {
        /// Where the port is; `None` leaves the choice to the kernel.
        port: Option<Register>,
    },
    /// Decides.
    Verdict(Verdict),
    /// Counts.
    Counter,
    /// Any other, by name.
    Other(String),
}

/// A place for four bytes, or more with those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u32);

/// `enum nft_meta_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaKey {
    /// Name of the interface that the packet came in by.
    InputInterface,
    /// Name of the interface that the packet leaves by.
    OutputInterface,
    /// Network protocol.
    NetworkProtocol,
    /// Transport protocol.
    TransportProtocol,
    /// Another one.
    Other(u32),
}

/// Where an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderBase {
    /// The IP header.
    Network,
    /// The TCP or UDP header.
    Transport,
    /// Another one.
    Other(u32),
}

/// `enum nft_ct_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtKey {
    /// What the packet is to the connection, as one bit (`NF_CT_STATE_BIT`).
    State,
    /// The direction of the packet, one byte: 0 or 1 as in [`Direction`].
    Direction,
    /// `IPS_*` bits.
    Status,
    /// The mark, of which each bit belongs to whoever uses it.
    Mark,
    /// IPv4 destination.
    Destination,
    /// Another one.
    Other(u32),
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// That of its first packet.
    Original,
    /// The other one.
    Reply,
}

/// How to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less than or equal, as numbers in network order.
    AtMost,
    /// Greater than or equal, as numbers in network order.
    AtLeast,
    /// Another one.
    Other(u32),
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The packet goes on.
    Accept,
    /// The packet ends here.
    Drop,
    /// On with another chain, and back.
    Jump(String),
    /// On with another chain.
    Goto(String),
    /// Another one.
    Other(u32),
}

mod attr {
    pub(super) const NAME: u16 = 1;
    pub(super) const DATA: u16 = 2;

    pub(super) const META_INTO: u16 = 1;
    pub(super) const META_KEY: u16 = 2;

    pub(super) const PAYLOAD_INTO: u16 = 1;
    pub(super) const PAYLOAD_BASE: u16 = 2;
    pub(super) const PAYLOAD_OFFSET: u16 = 3;
    pub(super) const PAYLOAD_LEN: u16 = 4;

    pub(super) const CT_INTO: u16 = 1;
    pub(super) const CT_KEY: u16 = 2;
    pub(super) const CT_DIRECTION: u16 = 3;
    pub(super) const CT_FROM: u16 = 4;

    pub(super) const BITWISE_FROM: u16 = 1;
    pub(super) const BITWISE_INTO: u16 = 2;
    pub(super) const BITWISE_LEN: u16 = 3;
    pub(super) const BITWISE_MASK: u16 = 4;
    pub(super) const BITWISE_XOR: u16 = 5;

    pub(super) const COMPARE_REGISTER: u16 = 1;
    pub(super) const COMPARE_OPERATOR: u16 = 2;
    pub(super) const COMPARE_DATA: u16 = 3;

    pub(super) const LOOKUP_SET: u16 = 1;
    pub(super) const LOOKUP_KEY: u16 = 2;
    pub(super) const LOOKUP_INTO: u16 = 3;
    pub(super) const LOOKUP_FLAGS: u16 = 5;

    pub(super) const NAT_TYPE: u16 = 1;
    pub(super) const NAT_FAMILY: u16 = 2;
    pub(super) const NAT_ADDRESS: u16 = 3;
    pub(super) const NAT_PORT: u16 = 5;
    pub(super) const NAT_FLAGS: u16 = 7;

    pub(super) const MASQUERADE_FLAGS: u16 = 1;
    pub(super) const MASQUERADE_PORT: u16 = 2;

    pub(super) const IMMEDIATE_INTO: u16 = 1;
    pub(super) const IMMEDIATE_DATA: u16 = 2;
    pub(super) const DATA_VERDICT: u16 = 2;
    pub(super) const VERDICT_CODE: u16 = 1;
    pub(super) const VERDICT_CHAIN: u16 = 2;
}

/// `NFT_NAT_DNAT`.
const DNAT: u32 = 1;

/// `NFPROTO_IPV4`.
const IPV4: u32 = 2;

/// `NF_NAT_RANGE_PROTO_SPECIFIED`.
const RANGE_PORT: u32 = 0x2;

/// `NF_NAT_RANGE_MAP_IPS` and `NF_NAT_RANGE_PROTO_SPECIFIED`: the kernel sets them by itself.
const RANGE_PLAIN: u32 = 0x3;

/// `NFT_REG_VERDICT`.
const VERDICT_REGISTER: u32 = 0;

/// `NFT_JUMP` and `NFT_GOTO`.
const JUMP: u32 = (-3i32).cast_unsigned();
const GOTO: u32 = (-4i32).cast_unsigned();

impl Register {
    /// The four bytes at this position, from 0 to 15 (`NFT_REG32_00` on).
    ///
    /// Every fourth has an older name too, which is the one that the kernel reports.
    pub const fn word(position: u32) -> Self {
        Self(match position % 4 {
            0 => position / 4 + 1,
            _ => position + 8,
        })
    }
}

impl Expression {
    /// The name of a counter.
    pub(super) const COUNTER: &str = "counter";

    pub(super) fn write_all(expressions: &[Self], list: &mut Attrs<'_>) {
        for expression in expressions {
            list.nest(LIST_ITEM, |item| expression.write(item));
        }
    }

    /// Writes the expression with its name, into a nest of its own.
    pub(super) fn write(&self, item: &mut Attrs<'_>) {
        item.text(attr::NAME, self.name());
        item.nest(attr::DATA, |data| self.write_data(data));
    }

    pub(super) fn read_all(list: &Attribute<'_>) -> Vec<Self> {
        list.nested().map(|item| Self::read(&item)).collect()
    }

    fn name(&self) -> &str {
        match self {
            Self::Meta { .. } => "meta",
            Self::Payload { .. } => "payload",
            Self::Ct { .. } | Self::SetCt { .. } => "ct",
            Self::Bits { .. } => "bitwise",
            Self::Compare { .. } => "cmp",
            Self::Lookup { .. } => "lookup",
            Self::Dnat { .. } => "nat",
            Self::Masquerade { .. } => "masq",
            Self::Verdict(_) => "immediate",
            Self::Counter => Self::COUNTER,
            Self::Other(name) => name,
        }
    }

    fn write_data(&self, data: &mut Attrs<'_>) {
        match self {
            Self::Meta { key, into } => {
                data.u32_be(attr::META_INTO, into.0);
                data.u32_be(attr::META_KEY, key.number());
            }
            Self::Payload {
                base,
                offset,
                len,
                into,
            } => {
                data.u32_be(attr::PAYLOAD_INTO, into.0);
                data.u32_be(attr::PAYLOAD_BASE, base.number());
                data.u32_be(attr::PAYLOAD_OFFSET, *offset);
                data.u32_be(attr::PAYLOAD_LEN, *len);
            }
            Self::Ct { key, direction, into } => {
                data.u32_be(attr::CT_INTO, into.0);
                data.u32_be(attr::CT_KEY, key.number());
                if let Some(direction) = direction {
                    data.u8(attr::CT_DIRECTION, u8::from(*direction == Direction::Reply));
                }
            }
            Self::SetCt { key, from } => {
                data.u32_be(attr::CT_KEY, key.number());
                data.u32_be(attr::CT_FROM, from.0);
            }
            Self::Bits { register, mask, flip } => {
                data.u32_be(attr::BITWISE_FROM, register.0);
                data.u32_be(attr::BITWISE_INTO, register.0);
                data.u32_be(attr::BITWISE_LEN, 4);
                data.nest(attr::BITWISE_MASK, |nest| nest.u32(DATA_VALUE, *mask));
                data.nest(attr::BITWISE_XOR, |nest| nest.u32(DATA_VALUE, *flip));
            }
            Self::Compare {
                register,
                operator,
                value,
            } => {
                data.u32_be(attr::COMPARE_REGISTER, register.0);
                data.u32_be(attr::COMPARE_OPERATOR, operator.number());
                data.nest(attr::COMPARE_DATA, |nest| nest.bytes(DATA_VALUE, value));
            }
            Self::Lookup { set, key, into } => {
                data.text(attr::LOOKUP_SET, set);
                data.u32_be(attr::LOOKUP_KEY, key.0);
                if let Some(into) = into {
                    data.u32_be(attr::LOOKUP_INTO, into.0);
                }
            }
            Self::Dnat { address, port } => {
                data.u32_be(attr::NAT_TYPE, DNAT);
                data.u32_be(attr::NAT_FAMILY, IPV4);
                data.u32_be(attr::NAT_ADDRESS, address.0);
                data.u32_be(attr::NAT_PORT, port.0);
            }
            Self::Masquerade { port } => {
                if let Some(port) = port {
                    data.u32_be(attr::MASQUERADE_FLAGS, RANGE_PORT);
                    data.u32_be(attr::MASQUERADE_PORT, port.0);
                }
            }
            Self::Verdict(verdict) => {
                data.u32_be(attr::IMMEDIATE_INTO, VERDICT_REGISTER);
                data.nest(attr::IMMEDIATE_DATA, |nest| verdict.write(nest));
            }
            Self::Counter | Self::Other(_) => {}
        }
    }

    /// Reads an expression with its name.
    pub(super) fn read(item: &Attribute<'_>) -> Self {
        let name = item.child(attr::NAME).and_then(|name| name.text()).unwrap_or_default();
        item.child(attr::DATA)
            .and_then(|data| Self::read_known(name, &data))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    fn read_known(name: &str, data: &Attribute<'_>) -> Option<Self> {
        let number = |kind| data.child(kind).and_then(|value| value.u32_be());
        let register = |kind| number(kind).map(Register);
        let bytes = |kind| Some(data.child(kind)?.child(DATA_VALUE)?.payload);
        let word = |kind| Some(u32::from_ne_bytes(bytes(kind)?.try_into().ok()?));
        Some(match name {
            "meta" => Self::Meta {
                key: MetaKey::from_number(number(attr::META_KEY)?),
                into: register(attr::META_INTO)?,
            },
            "payload" => Self::Payload {
                base: HeaderBase::from_number(number(attr::PAYLOAD_BASE)?),
                offset: number(attr::PAYLOAD_OFFSET)?,
                len: number(attr::PAYLOAD_LEN)?,
                into: register(attr::PAYLOAD_INTO)?,
            },
            "ct" if data.child(attr::CT_FROM).is_some() => Self::SetCt {
                key: CtKey::from_number(number(attr::CT_KEY)?),
                from: register(attr::CT_FROM)?,
            },
            "ct" => Self::Ct {
                key: CtKey::from_number(number(attr::CT_KEY)?),
                direction: match data.child(attr::CT_DIRECTION) {
                    None => None,
                    Some(direction) if direction.u8() == Some(0) => Some(Direction::Original),
                    Some(_) => Some(Direction::Reply),
                },
                into: register(attr::CT_INTO)?,
            },
            "bitwise" if register(attr::BITWISE_FROM) == register(attr::BITWISE_INTO) => Self::Bits {
                register: register(attr::BITWISE_FROM)?,
                mask: word(attr::BITWISE_MASK)?,
                flip: word(attr::BITWISE_XOR)?,
            },
            "cmp" => Self::Compare {
                register: register(attr::COMPARE_REGISTER)?,
                operator: Operator::from_number(number(attr::COMPARE_OPERATOR)?),
                value: bytes(attr::COMPARE_DATA)?.to_vec(),
            },
            "lookup" if number(attr::LOOKUP_FLAGS).unwrap_or(0) == 0 => Self::Lookup {
                set: data.child(attr::LOOKUP_SET)?.text()?.to_owned(),
                key: register(attr::LOOKUP_KEY)?,
                into: register(attr::LOOKUP_INTO),
            },
            "nat"
                if number(attr::NAT_TYPE) == Some(DNAT)
                    && number(attr::NAT_FAMILY) == Some(IPV4)
                    && number(attr::NAT_FLAGS).unwrap_or(0) & !RANGE_PLAIN == 0 =>
            {
                Self::Dnat {
                    address: register(attr::NAT_ADDRESS)?,
                    port: register(attr::NAT_PORT)?,
                }
            }
            "masq" if number(attr::MASQUERADE_FLAGS).unwrap_or(0) & !RANGE_PLAIN == 0 => Self::Masquerade {
                port: register(attr::MASQUERADE_PORT),
            },
            "immediate" if number(attr::IMMEDIATE_INTO) == Some(VERDICT_REGISTER) => {
                Self::Verdict(Verdict::read(&data.child(attr::IMMEDIATE_DATA)?)?)
            }
            Self::COUNTER => Self::Counter,
            _ => return None,
        })
    }
}

impl Verdict {
    fn write(&self, nest: &mut Attrs<'_>) {
        nest.nest(attr::DATA_VERDICT, |verdict| {
            let (code, chain) = match self {
                Self::Drop => (0, None),
                Self::Accept => (1, None),
                Self::Jump(chain) => (JUMP, Some(chain)),
                Self::Goto(chain) => (GOTO, Some(chain)),
                Self::Other(code) => (*code, None),
            };
            verdict.u32_be(attr::VERDICT_CODE, code);
            if let Some(chain) = chain {
                verdict.text(attr::VERDICT_CHAIN, chain);
            }
        });
    }

    fn read(data: &Attribute<'_>) -> Option<Self> {
        let verdict = data.child(attr::DATA_VERDICT)?;
        let chain = || Some(verdict.child(attr::VERDICT_CHAIN)?.text()?.to_owned());
        Some(match verdict.child(attr::VERDICT_CODE)?.u32_be()? {
            0 => Self::Drop,
            1 => Self::Accept,
            JUMP => Self::Jump(chain()?),
            GOTO => Self::Goto(chain()?),
            code => Self::Other(code),
        })
    }
}

/// Conversions between an enum and the kernel's numbers for it.
macro_rules! numbers {
    ($name:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl $name {
            const fn number(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }

            const fn from_number(number: u32) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    number => Self::Other(number),
                }
            }
        }
    };
}

numbers!(MetaKey { InputInterface = 6, OutputInterface = 7, NetworkProtocol = 15, TransportProtocol = 16 });
numbers!(HeaderBase { Network = 1, Transport = 2 });
numbers!(CtKey { State = 0, Direction = 1, Status = 2, Mark = 3, Destination = 20 });
numbers!(Operator { Equal = 0, NotEqual = 1, AtMost = 3, AtLeast = 5 });
