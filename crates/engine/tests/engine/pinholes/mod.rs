//! WANIPv6FirewallControl:1.

mod errors;
mod life;
mod outside;
mod rights;

use std::net::IpAddr;
use std::num::NonZeroU16;

use portreeve_engine::config::Firewall;
use portreeve_engine::{
    Cause, Change, EntryKey, Event, Kept, Neighbours, Pinhole, PinholeKey, Reply, Station, Time, Transport, UniqueId,
};
use portreeve_wire::service::WAN_IPV6_FIREWALL_CONTROL;

use super::*;

pub(crate) const ALICE_6: &str = "fd77::11";
pub(crate) const BOB_6: &str = "fd77::12";

/// A LAN with IPv6 behind a firewall that can be opened.
pub(crate) fn config_6() -> Config {
    Config {
        lans: ["192.168.77.0/24", "fd77::/64", "fe80::/64"]
            .map(|lan| lan.parse().unwrap())
            .into(),
        own_addresses: vec!["fd77::1".parse().unwrap()],
        firewall: Firewall {
            enabled: true,
            ..Firewall::default()
        },
        ..config()
    }
}

/// The six arguments of AddPinhole, with what is given instead of the default.
fn five<'a>(client: &'a str, given: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let defaults = [
        ("RemoteHost", ""),
        ("RemotePort", "0"),
        ("InternalClient", client),
        ("InternalPort", "8080"),
        ("Protocol", "6"),
        ("LeaseTime", "3600"),
    ];
    let value = |name| given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
    defaults
        .into_iter()
        .map(|(name, default)| (name, value(name).unwrap_or(default)))
        .collect()
}

impl Gateway {
    /// Calls an action of WANIPv6FirewallControl.
    pub(crate) fn call_6(
        &mut self,
        caller: &str,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<gateway::Outputs, u16> {
        self.call_service(&WAN_IPV6_FIREWALL_CONTROL, caller, 1, action, arguments)
            .map_err(|fault| fault.code.number())
    }

    /// AddPinhole; what is not given is a pinhole for TCP to port 8080 of the caller, from anywhere, for an hour.
    pub(crate) fn open(&mut self, caller: &str, given: &[(&str, &str)]) -> Result<UniqueId, u16> {
        match self.call_6(caller, "AddPinhole", &five(caller, given))?["UniqueID"] {
            Value::Ui2(id) => Ok(UniqueId(id)),
            ref other => panic!("{other:?}"),
        }
    }

    fn of_id(&mut self, caller: &str, action: &str, id: UniqueId) -> Result<gateway::Outputs, u16> {
        self.call_6(caller, action, &[("UniqueID", &id.to_string())])
    }

    fn update(&mut self, caller: &str, id: UniqueId, lease: &str) -> Result<gateway::Outputs, u16> {
        let arguments = [("UniqueID", &*id.to_string()), ("NewLeaseTime", lease)];
        self.call_6(caller, "UpdatePinhole", &arguments)
    }

    /// Seconds that a pinhole has left.
    fn left(&self, id: UniqueId) -> Option<u32> {
        self.engine
            .pinhole(id)
            .map(|pinhole| pinhole.remaining_seconds(self.now))
    }

    fn reconfigure(&mut self, config: Config) {
        self.ask(Request::Reconfigure(Box::new(config)));
    }
}

fn reconfigured(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = config_6();
    change(&mut config);
    config
}
