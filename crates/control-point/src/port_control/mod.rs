//! PCP (RFC 6887) and NAT-PMP (RFC 6886): mappings and pinholes asked for by datagrams to UDP port 5351.
//!
//! Requests under way ([`exchange`]), the choice of the protocol ([`negotiation`]) and what is known of a server
//! ([`memory`]) have neither socket nor clock; [`converse`] gives them both. [`message`] is where the two protocols become
//! one.

mod announcements;
mod ask;
mod carrier;
mod converse;
mod exchange;
mod memory;
mod message;
mod negotiation;
mod refusal;
mod schedule;
mod server;

pub(crate) use announcements::{Announced, PortAnnouncements};
pub(crate) use ask::{Ask, ExternalPort};
pub use carrier::Carrier;
pub(crate) use server::PortServer;

#[cfg(test)]
mod tests;
