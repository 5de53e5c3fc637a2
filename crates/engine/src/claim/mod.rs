//! What every front end asks of the mapping table: that an external port lead to a socket of the LAN. Who may have
//! which port, and what becomes of a mapping that several protocols want, is decided here and nowhere else.
//!
//! A mapping belongs to the protocol that made it. Where another protocol asks for the same mapping, it shares it
//! ([`lease`]): it is told of the port that there is, and has a lease of its own on it. So no protocol shortens, moves or
//! removes what another was promised.

mod choice;
mod denied;
pub(crate) mod lease;

use std::num::NonZeroU16;

pub(crate) use self::denied::Denied;
use self::lease::Lease;
use crate::config::{Nat, WhenDisconnected};
use crate::context::Context;
use crate::mapping::table::Socket;
use crate::mapping::{Expiry, Key, Mapping, Origin, RemoteHost};
use crate::policy::Subject;

/// A mapping that is wanted, all but its external port.
#[derive(Clone, Debug)]
pub(crate) struct Claim<'a> {
    /// Where it leads; with a `span`, the first of the sockets.
    pub(crate) socket: Socket,
    /// How many ports side by side lead to as many sockets side by side: 1 except for PORT_SET (RFC 7753).
    pub(crate) span: NonZeroU16,
    /// Whether the first external port must be even or odd as the internal one is.
    pub(crate) parity: Parity,
    /// From where it accepts traffic: a row of the table each.
    pub(crate) remote_hosts: &'a [RemoteHost],
    pub(crate) enabled: bool,
    pub(crate) description: &'a str,
    pub(crate) expiry: Expiry,
    /// By which protocol, and for whom.
    pub(crate) origin: Origin,
    /// Rows of the same mapping that it is to have no more.
    pub(crate) gives_up: &'a [Key],
}

/// Which external port is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// This one or none (AddPortMapping, PREFER_FAILURE).
    Exactly(NonZeroU16),
    /// This one; else the one that leads there already; else another (AddAnyPortMapping).
    Rather(Option<NonZeroU16>),
    /// The one that leads there already; else this one; else another (NAT-PMP, PCP).
    Suggested(Option<NonZeroU16>),
}

/// What PORT_SET asks of the first port (RFC 7753 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parity {
    Any,
    Kept,
}

impl Claim<'_> {
    /// Enters the mapping into the table, or finds that it is there, and returns its (first) external port.
    pub(crate) fn take(&self, context: &mut Context<'_>, wish: Wish) -> Result<NonZeroU16, Denied> {
        self.check_admission(context, wish)?;
        let port = match wish {
            Wish::Exactly(port) => {
                if let Some(refusal) = context.refusals.first() {
                    return Err(Denied::Backend(refusal.why.clone()));
                }
                self.fits(context, port)?;
                port
            }
            Wish::Rather(_) | Wish::Suggested(_) => self.choose(context, wish)?,
        };
        self.check_room(context, port)?;
        self.enter(context, port);
        Ok(port)
    }

    /// Refuses what the caller may not have at all, and what nobody can have in the gateway's present state.
    fn check_admission(&self, context: &Context<'_>, wish: Wish) -> Result<(), Denied> {
        let client = self.socket.client;
        let permitted = match wish {
            Wish::Exactly(port) | Wish::Rather(Some(port)) => self.is_allowed(context, 0, port),
            // Whether some port is permitted shows when one is chosen.
            Wish::Rather(None) | Wish::Suggested(_) => context.config.policy.reaches(context.caller, client.into()),
        };
        if !permitted {
            return Err(Denied::Policy);
        }
        if client != Mapping::EVERY_CLIENT && !context.config.lans.iter().any(|lan| lan.contains(client)) {
            return Err(Denied::NotOnLan(client));
        }
        require_nat(context)?;
        match context.link.carries_ipv4() || context.config.when_disconnected == WhenDisconnected::Accept {
            true => Ok(()),
            false => Err(no_link(context)),
        }
    }

    /// Refuses a mapping for which there is no room in the table.
    fn check_room(&self, context: &Context<'_>, port: NonZeroU16) -> Result<(), Denied> {
        let table = context.ledger.table();
        let new = self.keys(port).filter(|(_, key)| table.find(key).is_none()).count();
        if new == 0 {
            return Ok(());
        }
        let gone = self
            .gives_up
            .iter()
            .filter(|key| !context.ledger.is_shared(key))
            .count();
        let limits = &context.config.limits;
        if table.len() + new > limits.mappings + gone {
            return Err(Denied::TableFull);
        }
        let (client, most) = (self.socket.client, limits.mappings_per_client);
        match table.count_of_client(client) + new > most + gone {
            true => Err(Denied::Quota { client, most }),
            false => Ok(()),
        }
    }

    fn enter(&self, context: &mut Context<'_>, port: NonZeroU16) {
        let mut has_changed = false;
        for key in self.gives_up {
            has_changed |= lease::withdraw(context, *key, self.origin);
        }
        let keys: Vec<(Socket, Key)> = self.keys(port).collect();
        for (socket, key) in keys {
            let before = context.ledger.table().find(&key).cloned();
            match before.as_deref() {
                Some(before) if !before.origin.is_same_protocol(self.origin) => {
                    let ours = Lease {
                        origin: self.origin,
                        expiry: self.expiry,
                    };
                    lease::share(context, before, ours);
                }
                before => {
                    let mapping = Mapping {
                        key,
                        internal_client: socket.client,
                        internal_port: socket.port,
                        enabled: self.enabled,
                        description: self.description.into(),
                        expiry: self.expiry,
                        origin: self.origin,
                    };
                    // A renewal is no change that others must learn of: announcing each would be a storm.
                    has_changed |= before.is_none_or(|before| {
                        Mapping {
                            expiry: mapping.expiry,
                            origin: mapping.origin,
                            ..Mapping::clone(before)
                        } != mapping
                    });
                    lease::hold(context, mapping);
                }
            }
        }
        if has_changed {
            context.note_change();
        }
    }

    /// The rows that the claim has from this port on, with where they lead.
    fn keys(&self, first: NonZeroU16) -> impl Iterator<Item = (Socket, Key)> {
        let steps =
            (0..self.span.get()).filter_map(move |step| Some((self.socket_at(step)?, first.checked_add(step)?)));
        steps.flat_map(|(socket, external_port)| {
            self.remote_hosts.iter().map(move |remote_host| {
                let key = Key {
                    external_port,
                    protocol: socket.protocol,
                    remote_host: *remote_host,
                };
                (socket, key)
            })
        })
    }

    fn socket_at(&self, step: u16) -> Option<Socket> {
        Some(Socket {
            port: self.socket.port.checked_add(step)?,
            ..self.socket
        })
    }

    /// What rules look at, if the mapping of this step had this external port.
    fn at(&self, step: u16, external_port: NonZeroU16) -> Subject<'_> {
        Subject {
            client: self.socket.client.into(),
            external_port,
            internal_port: self.socket.port.saturating_add(step),
            protocol: Some(self.socket.protocol),
            description: self.description,
        }
    }
}

/// Refuses what would change a mapping while none is in force (WANIPConnection:2 section 2.3.10).
pub(crate) fn require_nat(context: &Context<'_>) -> Result<(), Denied> {
    match context.config.nat {
        Nat::Enabled => Ok(()),
        Nat::Disabled => Err(Denied::NatOff),
    }
}

/// What is the matter with a link that carries no IPv4.
pub(crate) fn no_link(context: &Context<'_>) -> Denied {
    match context.link.status().passes_packets() {
        true => Denied::NoAddress,
        false => Denied::LinkDown(context.link.last_error()),
    }
}
