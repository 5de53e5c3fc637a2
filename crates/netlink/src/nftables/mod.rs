//! The nf_tables subsystem: atomic transactions, dumps, and events.
//!
//! A [`Batch`] collects changes to one table and [`Connection::commit`] carries them out, all or none. What the kernel
//! holds is read back as the same types that create it ([`Chain`], [`Set`], [`Expression`], [`Element`]), so that "is it
//! still as I made it" is `==`.

mod batch;
mod connection;
mod element;
mod expression;
mod monitor;
mod schema;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use connection::{CommitError, Connection, Found, FoundRule, FoundTable};
pub use element::{Counter, Data, Element, Lifetime};
pub use expression::{CtKey, Direction, Expression, HeaderBase, MetaKey, Operator, Register, Verdict};
pub use monitor::{Event, Monitor};
pub use schema::{
    BaseChain, ByteOrder, Chain, ChainKind, Family, Hook, Policy, Set, Table, TableFlags, set_flags, types,
};

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;

/// `struct nfgenmsg`.
const HEADER_LEN: usize = 4;

/// Message types (`enum nf_tables_msg_types`).
mod msg {
    pub(super) const NEW_TABLE: u16 = 0;
    pub(super) const GET_TABLE: u16 = 1;
    pub(super) const DEL_TABLE: u16 = 2;
    pub(super) const NEW_CHAIN: u16 = 3;
    pub(super) const GET_CHAIN: u16 = 4;
    pub(super) const NEW_RULE: u16 = 6;
    pub(super) const GET_RULE: u16 = 7;
    pub(super) const DEL_RULE: u16 = 8;
    pub(super) const NEW_SET: u16 = 9;
    pub(super) const GET_SET: u16 = 10;
    pub(super) const NEW_SET_ELEMENT: u16 = 12;
    pub(super) const GET_SET_ELEMENT: u16 = 13;
    pub(super) const DEL_SET_ELEMENT: u16 = 14;
    pub(super) const DESTROY_SET_ELEMENT: u16 = 30;
}

/// The netlink type of an nf_tables message.
const fn kind(message: u16) -> u16 {
    SUBSYSTEM << 8 | message
}

/// `struct nfgenmsg` for a family, with a resource id.
const fn header(family: u8, resource: u16) -> [u8; HEADER_LEN] {
    let resource = resource.to_be_bytes();
    [family, 0, resource[0], resource[1]]
}
