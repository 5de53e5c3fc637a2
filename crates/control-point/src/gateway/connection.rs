//! A gateway's way to the internet.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::wan::WanConnection;
use crate::actions::{WanCommonInterfaceConfig, WanIpv6FirewallControl};
use crate::discovery::rank::{Preference, Standing};
use crate::error::{Conversation, Error};
use crate::status::{AddressKind, ConnectionStatus};

/// One way to the internet, with the services about it.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) wan: WanConnection,
    pub(super) common: Option<WanCommonInterfaceConfig>,
    pub(super) firewall: Option<WanIpv6FirewallControl>,
    pub(super) name: ConnectionName,
    pub(super) position: usize,
    pub(super) seen: Option<StatusSeen>,
    /// When the last of it was seen.
    pub(super) seen_at: Option<Instant>,
}

/// What a connection said about itself while the gateway was being found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusSeen {
    /// `ConnectionStatus`, as the gateway says it; empty if it refused to say.
    pub connection_status: String,
    /// `LastConnectionError`, as the gateway says it; empty if it refused to say.
    pub last_connection_error: String,
    /// `Uptime`, in seconds.
    pub uptime: u32,
    /// `ExternalIPAddress`, as the gateway says it; empty if it refused to say.
    pub external_address: String,
}

/// How Layer3Forwarding names a connection: `uuid:...:WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionName {
    /// UDN of the device that it belongs to.
    pub(super) udn: String,
    /// Its serviceId.
    pub(super) service_id: String,
}

impl Connection {
    /// The service that maps ports.
    pub fn wan(&self) -> &WanConnection {
        &self.wan
    }

    /// The service about the link below the connection, if there is one.
    pub fn common(&self) -> Option<&WanCommonInterfaceConfig> {
        self.common.as_ref()
    }

    /// The service about the IPv6 firewall, if there is one.
    pub fn firewall(&self) -> Option<&WanIpv6FirewallControl> {
        self.firewall.as_ref()
    }

    /// What it said about itself while the gateway was being found; `None` if it was not asked, because a better one
    /// was found before.
    pub fn status_seen(&self) -> Option<&StatusSeen> {
        self.seen.as_ref()
    }

    /// What it said about itself, if that is only just past and complete.
    pub(crate) fn status_just_seen(&self) -> Option<&StatusSeen> {
        /// A program that maps as soon as it has found the gateway need not ask for the same again.
        const JUST: Duration = Duration::from_secs(1);
        let told = |seen: &&StatusSeen| !seen.connection_status.is_empty() && !seen.external_address.is_empty();
        let seen = self.seen.as_ref().filter(told)?;
        (self.seen_at?.elapsed() < JUST).then_some(seen)
    }

    /// Asks for status and address. What the gateway refuses to tell stays empty; an error means that there was no
    /// talking to it.
    pub(super) async fn look(&mut self) -> Result<(), Conversation> {
        let mut seen = StatusSeen::default();
        if let Some(status) = unless_refused(self.wan.get_status_info().await)? {
            seen.connection_status = status.connection_status;
            seen.last_connection_error = status.last_connection_error;
            seen.uptime = status.uptime;
        }
        if let Some(address) = unless_refused(self.wan.get_external_ip_address().await)? {
            seen.external_address = address;
        }
        self.seen = Some(seen);
        self.seen_at = Some(Instant::now());
        Ok(())
    }

    /// What it is good for, as far as it was seen.
    pub(crate) fn standing(&self) -> Standing {
        self.seen.as_ref().map_or(Standing::Down, StatusSeen::standing)
    }

    /// What speaks for it before its state is known. `default` is what Layer3Forwarding names.
    pub(super) fn preference(&self, default: Option<&str>) -> Preference {
        Preference {
            is_not_default: !default.is_some_and(|default| self.name.is_meant_by(default)),
            is_ppp: matches!(self.wan, WanConnection::Ppp(_)),
            position: self.position,
        }
    }
}

impl StatusSeen {
    /// The external address, if it is one.
    pub fn external_ip_address(&self) -> Option<IpAddr> {
        self.external_address.trim().parse().ok()
    }

    fn standing(&self) -> Standing {
        let kind = self.external_ip_address().map_or(AddressKind::None, AddressKind::of);
        Standing::of(ConnectionStatus::parse(&self.connection_status).passes_packets(), kind)
    }
}

impl ConnectionName {
    fn is_meant_by(&self, default: &str) -> bool {
        let (device, service) = default.split_once(',').unwrap_or((default, ""));
        let same_service = service.trim().eq_ignore_ascii_case(&self.service_id) || service.trim().is_empty();
        !self.udn.is_empty() && device.trim().starts_with(&self.udn) && same_service
    }
}

fn unless_refused<T>(result: Result<T, Error>) -> Result<Option<T>, Conversation> {
    match result {
        Ok(value) => Ok(Some(value)),
        // An answer that makes no sense is as good as none.
        Err(Error::Conversation(Conversation::Malformed { .. } | Conversation::Status { .. })) => Ok(None),
        Err(Error::Conversation(why)) => Err(why),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer3_forwarding_names_a_connection_by_device_and_service() {
        let name = ConnectionName {
            udn: "uuid:c".to_owned(),
            service_id: "urn:upnp-org:serviceId:WANIPConn1".to_owned(),
        };
        for (default, meant) in [
            ("uuid:c:WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1", true),
            (
                " uuid:c:WANConnectionDevice:2, urn:upnp-org:serviceId:wanipconn1 ",
                true,
            ),
            ("uuid:c:WANConnectionDevice:1", true),
            ("uuid:c:WANConnectionDevice:1,urn:upnp-org:serviceId:WANPPPConn1", false),
            ("uuid:d:WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1", false),
            ("", false),
        ] {
            assert_eq!(name.is_meant_by(default), meant, "{default}");
        }
        assert!(!ConnectionName::default().is_meant_by(""));
    }

    #[test]
    fn r61_up_counts_as_connected_and_unknown_words_as_their_address() {
        let standing = |status: &str, address: &str| {
            let seen = StatusSeen {
                connection_status: status.to_owned(),
                external_address: address.to_owned(),
                ..StatusSeen::default()
            };
            seen.standing()
        };
        assert_eq!(standing("Connected", "11.11.11.2"), Standing::UpPublic);
        assert_eq!(standing("Up", " 11.11.11.2\n"), Standing::UpPublic);
        assert_eq!(standing("Connected", "192.168.1.2"), Standing::UpPrivate);
        assert_eq!(standing("Connected", "100.64.0.2"), Standing::UpPrivate);
        assert_eq!(standing("Connected", "0.0.0.0"), Standing::Up);
        assert_eq!(standing("Connected", ""), Standing::Up);
        assert_eq!(standing("Disconnected", "11.11.11.2"), Standing::Down);
        assert_eq!(standing("Dialling", "11.11.11.2"), Standing::UpPublic);
        assert_eq!(standing("", ""), Standing::Down);
    }
}
