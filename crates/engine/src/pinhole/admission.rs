//! Who may open which pinhole, whichever protocol asks, and whether there is room for another.

use std::net::Ipv6Addr;

use super::PinholeKey;
use crate::context::Context;
use crate::policy::Subject;

/// Why a pinhole is not opened. Each front end has its own codes for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// It is to lead to where no host is, or to one that packets from the Internet do not reach.
    #[error("{0} is not the address of a LAN host that the Internet can reach")]
    Unreachable(Ipv6Addr),
    /// The administrator's rules.
    #[error("the rules do not allow it")]
    Policy,
    /// The host has as many as it may have.
    #[error("the host of {client} has {most} pinholes, as many as one host may have")]
    Quota {
        /// One of its addresses.
        client: Ipv6Addr,
        /// How many that is.
        most: usize,
    },
    /// There are as many as there may be.
    #[error("the gateway's table is full")]
    TableFull,
}

/// Refuses a host that is not one of the LAN that can be reached from the Internet.
pub(crate) fn check_host(context: &Context<'_>, client: Ipv6Addr) -> Result<(), Denied> {
    let config = context.config;
    let on_lan = config.lans.iter().any(|lan| lan.contains(client));
    match on_lan && !client.is_unicast_link_local() && !config.own_addresses.contains(&client.into()) {
        true => Ok(()),
        false => Err(Denied::Unreachable(client)),
    }
}

/// Refuses what the administrator's rules do not allow, whoever asks.
pub(crate) fn check_policy(context: &Context<'_>, key: &PinholeKey) -> Result<(), Denied> {
    check_host(context, key.internal_client)?;
    match context.config.policy.allows(Subject::from(key)) {
        true => Ok(()),
        false => Err(Denied::Policy),
    }
}

/// Refuses so many more pinholes of a host if there is no room for them.
pub(crate) fn check_room(context: &Context<'_>, client: Ipv6Addr, more: usize) -> Result<(), Denied> {
    let firewall = context.config.firewall;
    let pinholes = context.ledger.pinholes();
    // A host has as many addresses as it likes.
    let is_same =
        |other: Ipv6Addr| other == client || context.observed.neighbours.are_one_device(other.into(), client.into());
    let counts = pinholes.counts_of_clients().filter(|(other, _)| is_same(*other));
    let count: usize = counts.map(|(_, count)| count).sum();
    let most = firewall.pinholes_per_client;
    if count + more > most {
        return Err(Denied::Quota { client, most });
    }
    match pinholes.len() + more > firewall.capacity() {
        true => Err(Denied::TableFull),
        false => Ok(()),
    }
}
