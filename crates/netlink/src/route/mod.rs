//! Interfaces, their addresses, the default routes, and the hosts on the links.
//!
//! To miss nothing, open a [`Monitor`] first, then read a [`Snapshot`], and read another whenever the monitor wakes.

mod link;
mod monitor;
mod neighbour;
mod snapshot;

pub use link::{AdminState, Counters, Link, LinkFlags, OperState, counters, set_admin_state};
pub use monitor::Monitor;
pub use neighbour::{Neighbour, neighbours};
pub use snapshot::{Address, AddressFlags, DefaultRoute, RouteFamily, Scope, Snapshot};

/// `struct ifinfomsg`, `struct ifaddrmsg` and `struct rtmsg`.
const LINK_HEADER_LEN: usize = 16;
const ADDRESS_HEADER_LEN: usize = 8;
const ROUTE_HEADER_LEN: usize = 12;

/// Message types (`linux/rtnetlink.h`).
mod msg {
    pub(super) const GET_LINK: u16 = 18;
    pub(super) const SET_LINK: u16 = 19;
    pub(super) const GET_ADDRESS: u16 = 22;
    pub(super) const NEW_ROUTE: u16 = 24;
    pub(super) const DEL_ROUTE: u16 = 25;
    pub(super) const GET_ROUTE: u16 = 26;
    pub(super) const GET_NEIGHBOUR: u16 = 30;
    pub(super) const GET_STATS: u16 = 94;
}

#[cfg(test)]
mod tests;
