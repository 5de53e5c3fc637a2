//! What is asked and answered on the control socket. The shapes are stable: programs read them.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_engine::{Mapping, Pinhole, Protocol, RemoteHost, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::link::Link;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// The gateway at a glance.
    Status,
    /// Every mapping, then every pinhole.
    Mappings,
    /// The LAN hosts that have mappings or pinholes.
    Clients,
    /// Removes mappings and pinholes.
    Revoke {
        /// Which.
        which: Selection,
    },
    /// Looks at the link, or has it brought up or down.
    Link {
        /// Which of these.
        what: Link,
    },
    /// Reads the configuration again.
    Reload,
    /// Ends the daemon. The connection stays open until it has ended.
    Stop {
        /// Whether mappings and pinholes end too.
        flush: bool,
    },
}

/// Which mappings and pinholes to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Those at an external port.
    Port {
        /// The port.
        external_port: u16,
        /// `TCP` or `UDP`.
        protocol: Transport,
        /// Only the one for this remote host.
        remote_host: Option<Ipv4Addr>,
    },
    /// The pinhole with this UniqueID.
    Pinhole(u16),
    /// Those that lead to a LAN host.
    Client(IpAddr),
    /// All.
    All,
}

/// The transport of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// The answer: what was asked for, or why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// Done.
    Ok(Value),
    /// Not done.
    Error(String),
}

impl Selection {
    /// Whether it means this mapping.
    pub(super) fn has_mapping(&self, mapping: &Mapping) -> bool {
        match self {
            Self::Port {
                external_port,
                protocol,
                remote_host,
            } => {
                let key = mapping.key;
                let remote_fits = remote_host.is_none_or(|host| key.remote_host == RemoteHost::Host(host));
                (key.external_port.get(), key.protocol) == (*external_port, (*protocol).into()) && remote_fits
            }
            Self::Pinhole(_) => false,
            Self::Client(client) => IpAddr::V4(mapping.internal_client) == *client,
            Self::All => true,
        }
    }

    /// Whether it means this pinhole.
    pub(super) fn has_pinhole(&self, pinhole: &Pinhole) -> bool {
        match self {
            Self::Port { .. } => false,
            Self::Pinhole(id) => pinhole.id.0 == *id,
            Self::Client(client) => IpAddr::V6(pinhole.key.internal_client) == *client,
            Self::All => true,
        }
    }
}

impl From<Transport> for Protocol {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Udp => Self::Udp,
        }
    }
}

/// A mapping as it is shown.
pub(super) fn show(mapping: &Mapping, now: Time) -> Value {
    let remote_host = match mapping.key.remote_host {
        RemoteHost::Any => None,
        RemoteHost::Host(address) => Some(address),
    };
    json!({
        "kind": "mapping",
        "external-port": mapping.key.external_port,
        "protocol": mapping.key.protocol.name(),
        "remote-host": remote_host,
        "internal-client": mapping.internal_client,
        "internal-port": mapping.internal_port,
        "enabled": mapping.enabled,
        "description": mapping.description,
        "lease-seconds": mapping.expiry.remaining_seconds(now),
        "origin": mapping.origin.name(),
        "requested-by": mapping.origin.caller(),
    })
}

/// A pinhole as it is shown.
pub(super) fn show_pinhole(pinhole: &Pinhole, now: Time) -> Value {
    json!({
        "kind": "pinhole",
        "unique-id": pinhole.id.0,
        "protocol": pinhole.key.transport.name(),
        "remote-host": pinhole.key.remote_host,
        "remote-port": pinhole.key.remote_port,
        "internal-client": pinhole.key.internal_client,
        "internal-port": pinhole.key.internal_port,
        "lease-seconds": pinhole.remaining_seconds(now),
        "origin": pinhole.origin.name(),
        "requested-by": pinhole.origin.caller(),
    })
}
