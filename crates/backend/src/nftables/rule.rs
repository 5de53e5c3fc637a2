//! The steps that our rules are made of, in the registers that nft takes too: what it prints is what was made, and what
//! it loads is recognised as ours.

use portreeve_netlink::nftables::{CtKey, Expression, HeaderBase, MetaKey, Operator, Register, Verdict};

/// Where a key starts, and what is compared.
pub(super) const FIRST: Register = Register::word(0);

/// `NFPROTO_IPV4` and `NFPROTO_IPV6`.
pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 10;

/// First byte of the ports in the header of every transport that has them.
pub(super) const SOURCE_PORT: u32 = 0;
pub(super) const DESTINATION_PORT: u32 = 2;

pub(super) const fn meta(key: MetaKey, into: Register) -> Expression {
    Expression::Meta { key, into }
}

/// Part of the IP header.
pub(super) const fn network(offset: u32, len: u32, into: Register) -> Expression {
    payload(HeaderBase::Network, offset, len, into)
}

/// Part of the transport's header.
pub(super) const fn transport(offset: u32, len: u32, into: Register) -> Expression {
    payload(HeaderBase::Transport, offset, len, into)
}

pub(super) const fn port(offset: u32, into: Register) -> Expression {
    transport(offset, 2, into)
}

pub(super) fn is(value: &[u8]) -> Expression {
    compare(Operator::Equal, value)
}

pub(super) fn compare(operator: Operator, value: &[u8]) -> Expression {
    Expression::Compare {
        register: FIRST,
        operator,
        value: value.to_vec(),
    }
}

pub(super) fn within(set: &str) -> Expression {
    Expression::Lookup {
        set: set.to_owned(),
        key: FIRST,
        into: None,
    }
}

/// Only packets of the network protocol with this number.
pub(super) fn of_protocol(number: u8) -> [Expression; 2] {
    [meta(MetaKey::NetworkProtocol, FIRST), is(&[number])]
}

pub(super) const fn connection(key: CtKey) -> Expression {
    Expression::Ct {
        key,
        direction: None,
        into: FIRST,
    }
}

/// Only packets whose connection has one of these bits.
pub(super) fn has_bits(key: CtKey, bits: u32) -> [Expression; 3] {
    [
        connection(key),
        Expression::Bits {
            register: FIRST,
            mask: bits,
            flip: 0,
        },
        compare(Operator::NotEqual, &[0; 4]),
    ]
}

pub(super) const ACCEPT: Expression = Expression::Verdict(Verdict::Accept);
pub(super) const DROP: Expression = Expression::Verdict(Verdict::Drop);

pub(super) fn jump(chain: &str) -> Expression {
    Expression::Verdict(Verdict::Jump(chain.to_owned()))
}

const fn payload(base: HeaderBase, offset: u32, len: u32, into: Register) -> Expression {
    Expression::Payload {
        base,
        offset,
        len,
        into,
    }
}
