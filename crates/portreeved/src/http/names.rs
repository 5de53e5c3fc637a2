//! Host names that clients give where addresses are wanted: the engine knows addresses only.

use std::net::IpAddr;
use std::time::Duration;

use portreeve_engine::policy::Network;
use portreeve_wire::service::Direction;
use portreeve_wire::{Call, Value};
use tokio::sync::Semaphore;

/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Look-ups at a time; each occupies a thread.
static LOOKUPS: Semaphore = Semaphore::const_new(4);

/// Whether a call has a name where the engine wants an address, which is rare.
pub(super) fn wanted(call: &Call) -> bool {
    hosts(call).any(|(_, text)| is_name(text))
}

/// Puts addresses in the place of names. What cannot be resolved stays as it is, for the engine to refuse.
///
/// The internal client becomes the first address of the name on one of the LANs; the remote host the first at all. For a
/// pinhole they are IPv6 addresses, for a mapping IPv4 addresses.
pub(super) async fn resolve(mut call: Call, lans: &[Network]) -> Call {
    let names: Vec<(usize, Host, String)> = hosts(&call)
        .filter(|(_, text)| is_name(text))
        .map(|((index, host), text)| (index, host, text.to_owned()))
        .collect();
    for (index, host, name) in names {
        let fits = |address: &IpAddr| match host {
            Host::InternalClient(family) => family.has(*address) && lans.iter().any(|lan| lan.contains(*address)),
            Host::Remote(family) => family.has(*address),
        };
        if let Some(address) = look_up(&name).await.into_iter().find(fits) {
            call.values[index] = Value::from(address.to_string());
        }
    }
    call
}

#[derive(Clone, Copy)]
enum Host {
    InternalClient(Family),
    Remote(Family),
}

#[derive(Clone, Copy)]
enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// Whether the address is of the family, and means the same host everywhere.
    fn has(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Ipv4, IpAddr::V4(_)) => true,
            (Self::Ipv6, IpAddr::V6(address)) => !address.is_unicast_link_local(),
            (Self::Ipv4, IpAddr::V6(_)) | (Self::Ipv6, IpAddr::V4(_)) => false,
        }
    }
}

fn hosts(call: &Call) -> impl Iterator<Item = ((usize, Host), &str)> {
    let inputs = call.action.arguments(Direction::In).enumerate();
    inputs.zip(&call.values).filter_map(|((index, input), value)| {
        let host = match (call.action.name, input.name) {
            (_, "NewInternalClient") => Host::InternalClient(Family::Ipv4),
            (_, "NewRemoteHost") => Host::Remote(Family::Ipv4),
            ("AddPinhole", "InternalClient") => Host::InternalClient(Family::Ipv6),
            ("AddPinhole", "RemoteHost") => Host::Remote(Family::Ipv6),
            _ => return None,
        };
        match value {
            Value::String(text) => Some(((index, host), text.as_str())),
            _ => None,
        }
    })
}

/// Whether a text can be a host name, and is no address.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=253).contains(&text.len())
        && text.bytes().all(fits)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !text.starts_with(['-', '.'])
}

async fn look_up(name: &str) -> Vec<IpAddr> {
    let lookup = async {
        // The semaphore is never closed.
        let _permit = LOOKUPS.acquire().await.ok()?;
        tokio::net::lookup_host((name, 0)).await.ok()
    };
    let found = tokio::time::timeout(PATIENCE, lookup).await.ok().flatten();
    found.into_iter().flatten().map(|address| address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_wire::service::{WAN_IP_CONNECTION, WAN_IPV6_FIREWALL_CONTROL};

    fn call(client: &str, remote: &str) -> Call {
        let arguments = [
            ("NewRemoteHost", remote),
            ("NewExternalPort", "8080"),
            ("NewProtocol", "TCP"),
            ("NewInternalPort", "8080"),
            ("NewInternalClient", client),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", "test"),
            ("NewLeaseDuration", "60"),
        ];
        Call::parse(&WAN_IP_CONNECTION, 2, "AddPortMapping", &arguments, Default::default()).unwrap()
    }

    #[test]
    fn only_names_are_looked_up() {
        for (client, remote) in [("192.168.77.10", ""), ("", ""), ("fd77::1", "1.2.3.4"), ("a b", "x/y")] {
            assert!(!wanted(&call(client, remote)), "{client} {remote}");
        }
        assert!(wanted(&call("pc-1.lan", "")) && wanted(&call("192.168.77.10", "host.example")));
    }

    #[tokio::test]
    async fn names_in_pinholes_become_ipv6_addresses() {
        let arguments = |client, remote| {
            [
                ("RemoteHost", remote),
                ("RemotePort", "0"),
                ("InternalClient", client),
                ("InternalPort", "8080"),
                ("Protocol", "6"),
                ("LeaseTime", "60"),
            ]
        };
        let call = |client, remote| {
            let service = &WAN_IPV6_FIREWALL_CONTROL;
            Call::parse(service, 1, "AddPinhole", &arguments(client, remote), Default::default()).unwrap()
        };
        for (client, remote) in [
            ("fd77::10", ""),
            ("fd77::10", "2001:db8:113::7"),
            ("192.168.77.10", "fe80::1%eth0"),
        ] {
            assert!(!wanted(&call(client, remote)), "{client} {remote}");
        }
        let loopback: [Network; 2] = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let found = tokio::net::lookup_host(("localhost", 0)).await.unwrap();
        let expected = match found.map(|address| address.ip()).find(IpAddr::is_ipv6) {
            Some(address) => address.to_string(),
            // A machine may know itself by IPv4 only; then the name stays, to be refused.
            None => "localhost".to_owned(),
        };
        let resolved = resolve(call("localhost", "localhost"), &loopback).await;
        assert_eq!(resolved.text("InternalClient"), expected);
        assert_eq!(resolved.text("RemoteHost"), expected);
    }

    #[tokio::test]
    async fn a_name_becomes_an_address_only_if_it_is_on_the_lan() {
        let loopback: Network = "127.0.0.0/8".parse().unwrap();
        let resolved = resolve(call("localhost", "localhost"), &[loopback]).await;
        assert_eq!(resolved.text("NewInternalClient"), "127.0.0.1");
        assert_eq!(resolved.text("NewRemoteHost"), "127.0.0.1");
        let lan: Network = "192.168.77.0/24".parse().unwrap();
        let foreign = resolve(call("localhost", ""), &[lan]).await;
        assert_eq!(foreign.text("NewInternalClient"), "localhost");
    }
}
