//! Every key of the configuration file, declared once.

use std::time::Duration;

use portreeve::Carrier;
use portreeve_engine::Protocol;
use portreeve_engine::config::{Leases, LinkControl, Nat, WhenDisconnected};
use portreeve_engine::policy::Reach;

use super::item::{Item, Wrong};
use super::print::Effect::{self, Live, Restart};
use super::print::{quoted, quoted_list};
use super::{Backend, ExternalIp, FirewallChoice, IgdVersion, LinkDriver, ReservedPorts, Settings, UpstreamUse, link};

/// A key within a table: how it is read into `T` and printed from it.
pub(super) struct Key<T> {
    /// Name within its table.
    pub(super) name: &'static str,
    /// When a changed value takes effect.
    pub(super) effect: Effect,
    /// Takes a value in.
    pub(super) set: fn(&mut T, Item<'_>) -> Result<(), Wrong>,
    /// The value as TOML; none where the key is left out.
    pub(super) show: fn(&T) -> Option<String>,
}

/// A table of the file.
pub(super) struct Section {
    /// Name of the table.
    pub(super) name: &'static str,
    /// Its keys, in the order of the sample.
    pub(super) keys: &'static [Key<Settings>],
}

/// What this version does not have, though its documentation speaks of it for later ones.
pub(super) const LATER: &[&str] = &["metrics", "admin.web", "admin.token-file"];

macro_rules! keys {
    ($($name:literal $effect:ident |$into:tt, $value:ident| $set:block, $show:expr;)*) => {
        &[$(Key {
            name: $name,
            effect: $effect,
            set: |$into, $value| {
                $set
                Ok(())
            },
            show: $show,
        }),*]
    };
}
pub(super) use keys;

/// Every table that is not a list of tables.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "network",
        keys: keys! {
            "lan" Restart
                |s, v| { s.network.lan = v.list()?.map(interface).collect::<Result<_, _>>()?; },
                |s| Some(quoted_list(&s.network.lan));
            "wan" Restart
                |s, v| { s.network.wan = unless_auto(v, interface)?; },
                |s| Some(quoted(s.network.wan.as_deref().unwrap_or(AUTO)));
            "external-ip" Live
                |s, v| { s.network.external_ip = external_ip(v)?; },
                |s| Some(match s.network.external_ip {
                    ExternalIp::Auto => quoted(AUTO),
                    ExternalIp::Fixed(address) => quoted(&address.to_string()),
                });
        },
    },
    Section {
        name: "gateway",
        keys: keys! {
            "name" Restart
                |s, v| { s.gateway.name = v.short_text(63)?.to_owned(); },
                |s| Some(quoted(&s.gateway.name));
            "backend" Restart
                |s, v| { s.gateway.backend = v.choice(BACKENDS)?; },
                |s| Some(quoted(word(BACKENDS, s.gateway.backend)));
            "http-port" Restart
                |s, v| { s.gateway.http_port = v.number(1..=u16::MAX)?; },
                |s| Some(s.gateway.http_port.to_string());
            "nat" Live
                |s, v| { s.gateway.nat = if v.switch()? { Nat::Enabled } else { Nat::Disabled }; },
                |s| Some((s.gateway.nat == Nat::Enabled).to_string());
            "igd-version" Restart
                |s, v| { s.gateway.igd_version = match v.number(1..=2_u8)? {
                    1 => IgdVersion::One,
                    _ => IgdVersion::Two,
                }; },
                |s| Some(if s.gateway.igd_version == IgdVersion::One { "1" } else { "2" }.to_owned());
            "when-disconnected" Live
                |s, v| { s.gateway.when_disconnected = v.choice(WHEN_DISCONNECTED)?; },
                |s| Some(quoted(word(WHEN_DISCONNECTED, s.gateway.when_disconnected)));
            "uuid" Restart
                |s, v| { s.gateway.uuid = unless_auto(v, uuid)?; },
                |s| Some(quoted(s.gateway.uuid.as_deref().unwrap_or(AUTO)));
            "reserved-ports" Live
                |s, v| { s.gateway.reserved_ports = v.list()?.map(reserved).collect::<Result<_, _>>()?; },
                |s| Some(quoted_list(&s.gateway.reserved_ports));
            "ppp-connection" Restart
                |s, v| { s.gateway.ppp_connection = v.switch()?; },
                |s| Some(s.gateway.ppp_connection.to_string());
            "lan-host-config" Restart
                |s, v| { s.gateway.lan_host_config = v.switch()?; },
                |s| Some(s.gateway.lan_host_config.to_string());
        },
    },
    Section {
        name: "link",
        keys: keys! {
            "kind" Restart
                |s, v| { s.link.kind = v.choice(LINK_DRIVERS)?; },
                |s| Some(quoted(word(LINK_DRIVERS, s.link.kind)));
            "control" Live
                |s, v| { s.link.control = v.choice(LINK_CONTROLS)?; },
                |s| Some(quoted(word(LINK_CONTROLS, s.link.control)));
            "auto-connect" Restart
                |s, v| { s.link.auto_connect = v.switch()?; },
                |s| Some(s.link.auto_connect.to_string());
            "set-interface" Restart
                |s, v| { s.link.set_interface = v.switch()?; },
                |s| Some(s.link.set_interface.to_string());
            "connect" Restart
                |s, v| { s.link.connect = link::hook(v)?; },
                |s| link::show_hook(s.link.connect.as_ref());
            "disconnect" Restart
                |s, v| { s.link.disconnect = link::hook(v)?; },
                |s| link::show_hook(s.link.disconnect.as_ref());
            "status" Restart
                |s, v| { s.link.status = link::hook(v)?; },
                |s| link::show_hook(s.link.status.as_ref());
            "connect-timeout" Restart
                |s, v| { s.link.connect_timeout = seconds(v)?; },
                |s| Some(s.link.connect_timeout.as_secs().to_string());
            "disconnect-timeout" Restart
                |s, v| { s.link.disconnect_timeout = seconds(v)?; },
                |s| Some(s.link.disconnect_timeout.as_secs().to_string());
            "status-timeout" Restart
                |s, v| { s.link.status_timeout = seconds(v)?; },
                |s| Some(s.link.status_timeout.as_secs().to_string());
            "status-interval" Restart
                |s, v| { s.link.status_interval = seconds(v)?; },
                |s| Some(s.link.status_interval.as_secs().to_string());
        },
    },
    Section {
        name: "upstream",
        keys: keys! {
            "use" Restart
                |s, v| { s.upstream.used = v.choice(UPSTREAM_USES)?; },
                |s| Some(quoted(word(UPSTREAM_USES, s.upstream.used)));
            "protocol-order" Restart
                |s, v| { s.upstream.protocol_order = protocol_order(v)?; },
                |s| {
                    let order = s.upstream.protocol_order.iter();
                    Some(quoted_list(&order.map(|carrier| word(CARRIERS, *carrier)).collect::<Vec<_>>()))
                };
        },
    },
    Section {
        name: "leases",
        keys: keys! {
            "max" Live
                |s, v| { s.leases.maximum = v.number(1..=Leases::WEEK)?; },
                |s| Some(s.leases.maximum.to_string());
            "default" Live
                |s, v| { s.leases.v1_default = Some(v.number(1..=Leases::WEEK)?); },
                |s| s.leases.v1_default.map(|seconds| seconds.to_string());
            "permanent-v1" Live
                |s, v| { s.leases.v1_default = match v.switch()? {
                    true => None,
                    false => s.leases.v1_default.or_else(|| Leases::default().v1_default),
                }; },
                |s| Some(s.leases.v1_default.is_none().to_string());
            "store" Restart
                |_, v| { only(v, "embedded", &["etcd:"])?; },
                |_| Some(quoted("embedded"));
        },
    },
    Section {
        name: "limits",
        keys: keys! {
            "mappings" Live
                |s, v| { s.limits.engine.mappings = v.number(1..=1_048_576)?; },
                |s| Some(s.limits.engine.mappings.to_string());
            "mappings-per-client" Live
                |s, v| { s.limits.engine.mappings_per_client = v.number(1..=1_048_576)?; },
                |s| Some(s.limits.engine.mappings_per_client.to_string());
            "pinholes" Live
                |s, v| { s.limits.pinholes = v.number(1..=MOST_PINHOLES)?; },
                |s| Some(s.limits.pinholes.to_string());
            "pinholes-per-client" Live
                |s, v| { s.limits.pinholes_per_client = v.number(1..=MOST_PINHOLES)?; },
                |s| Some(s.limits.pinholes_per_client.to_string());
            "page-size" Live
                |s, v| { s.limits.engine.page_size = v.number(1..=u16::MAX)?; },
                |s| Some(s.limits.engine.page_size.to_string());
            "requests-per-second-per-client" Live
                |s, v| { s.limits.requests_per_second_per_client = v.number(1..=1_000_000)?; },
                |s| Some(s.limits.requests_per_second_per_client.to_string());
            "connections" Restart
                |s, v| { s.limits.connections = v.number(8..=65_536)?; },
                |s| Some(s.limits.connections.to_string());
            "connections-per-client" Restart
                |s, v| { s.limits.connections_per_client = v.number(4..=65_536)?; },
                |s| Some(s.limits.connections_per_client.to_string());
            "subscriptions" Live
                |s, v| { s.limits.events.subscriptions = v.number(0..=65_536)?; },
                |s| Some(s.limits.events.subscriptions.to_string());
            "subscriptions-per-client" Live
                |s, v| { s.limits.events.per_client = v.number(0..=65_536)?; },
                |s| Some(s.limits.events.per_client.to_string());
        },
    },
    Section {
        name: "access",
        keys: keys! {
            "own-address-only" Live
                |s, v| { s.policy.reach = if v.switch()? { Reach::OwnAddress } else { Reach::Everyone }; },
                |s| Some((s.policy.reach == Reach::OwnAddress).to_string());
        },
    },
    Section {
        name: "ipv6",
        keys: keys! {
            "pinholes" Restart
                |s, v| { s.ipv6.pinholes = v.switch()?; },
                |s| Some(s.ipv6.pinholes.to_string());
            "firewall" Restart
                |s, v| { s.ipv6.firewall = v.choice(FIREWALLS)?; },
                |s| Some(quoted(word(FIREWALLS, s.ipv6.firewall)));
            "mark" Restart
                |s, v| { s.ipv6.mark = single_bit(v)?; },
                |s| Some(format!("{:#x}", s.ipv6.mark));
        },
    },
    Section {
        name: "pcp",
        keys: keys! {
            "enabled" Live
                |s, v| { s.pcp.enabled = v.switch()?; },
                |s| Some(s.pcp.enabled.to_string());
            "minimum-lifetime" Live
                |s, v| { s.pcp.minimum_lifetime = v.number(1..=Leases::WEEK)?; },
                |s| Some(s.pcp.minimum_lifetime.to_string());
            "maximum-lifetime" Live
                |s, v| { s.pcp.maximum_lifetime = v.number(1..=Leases::WEEK)?; },
                |s| Some(s.pcp.maximum_lifetime.to_string());
        },
    },
    Section {
        name: "nat-pmp",
        keys: keys! {
            "enabled" Live
                |s, v| { s.nat_pmp.enabled = v.switch()?; },
                |s| Some(s.nat_pmp.enabled.to_string());
        },
    },
    Section {
        name: "admin",
        keys: keys! {
            "socket" Restart
                |s, v| { s.admin.socket = unless_auto(v, |v| v.short_text(107).map(Into::into))?; },
                |s| Some(match &s.admin.socket {
                    Some(path) => quoted(&path.display().to_string()),
                    None => quoted(AUTO),
                });
        },
    },
    Section {
        name: "nftables",
        keys: keys! {
            "table" Restart
                |s, v| { s.nftables.table = table_name(v)?; },
                |s| Some(quoted(&s.nftables.table));
            "own-table" Restart
                |s, v| { s.nftables.own_table = v.switch()?; },
                |s| Some(s.nftables.own_table.to_string());
            "masquerade" Restart
                |s, v| { s.nftables.masquerade = v.switch()?; },
                |s| Some(s.nftables.masquerade.to_string());
            "cut-connections" Restart
                |s, v| { s.nftables.cut_connections = v.switch()?; },
                |s| Some(s.nftables.cut_connections.to_string());
        },
    },
    Section {
        name: "relay",
        keys: keys! {
            "connections-per-mapping" Restart
                |s, v| { s.relay.connections_per_mapping = v.number(1..=65_536)?; },
                |s| Some(s.relay.connections_per_mapping.to_string());
            "flows-per-mapping" Restart
                |s, v| { s.relay.flows_per_mapping = v.number(1..=65_536)?; },
                |s| Some(s.relay.flows_per_mapping.to_string());
            "connections" Restart
                |s, v| { s.relay.connections = v.number(1..=1_048_576)?; },
                |s| Some(s.relay.connections.to_string());
            "udp-idle" Restart
                |s, v| { s.relay.udp_idle = Duration::from_secs(v.number(120..=86_400)?); },
                |s| Some(s.relay.udp_idle.as_secs().to_string());
        },
    },
];

const AUTO: &str = "auto";

const BACKENDS: &[(&str, Backend)] = &[
    (AUTO, Backend::Auto),
    ("nftables", Backend::Nftables),
    ("relay", Backend::Relay),
];

const LINK_DRIVERS: &[(&str, LinkDriver)] = &[("interface", LinkDriver::Interface), ("command", LinkDriver::Command)];

const LINK_CONTROLS: &[(&str, LinkControl)] = &[
    ("nobody", LinkControl::Nobody),
    ("admin", LinkControl::Admin),
    ("lan", LinkControl::Lan),
];

const UPSTREAM_USES: &[(&str, UpstreamUse)] = &[
    (AUTO, UpstreamUse::Auto),
    ("off", UpstreamUse::Off),
    ("on", UpstreamUse::On),
];

const CARRIERS: &[(&str, Carrier)] = &[
    ("pcp", Carrier::Pcp),
    ("nat-pmp", Carrier::NatPmp),
    ("igd", Carrier::Igd),
];

const WHEN_DISCONNECTED: &[(&str, WhenDisconnected)] = &[
    ("reject", WhenDisconnected::Reject),
    ("accept", WhenDisconnected::Accept),
];

const FIREWALLS: &[(&str, FirewallChoice)] = &[
    (AUTO, FirewallChoice::Auto),
    ("own", FirewallChoice::Own),
    ("other", FirewallChoice::Other),
    ("none", FirewallChoice::None),
];

/// As many as there are values of `A_ARG_TYPE_UniqueID`.
const MOST_PINHOLES: usize = 65_536;

/// The word that stands for a value.
fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], value: T) -> &'static str {
    let found = words.iter().find(|(_, candidate)| *candidate == value);
    found.map_or("", |(word, _)| word)
}

fn unless_auto<T>(value: Item<'_>, read: impl Fn(Item<'_>) -> Result<T, Wrong>) -> Result<Option<T>, Wrong> {
    match value.0.as_str() {
        Some(AUTO) => Ok(None),
        _ => read(value).map(Some),
    }
}

/// A key that has one value in this version, and others in later ones.
fn only(value: Item<'_>, word: &str, later: &[&str]) -> Result<(), Wrong> {
    let text = value.text()?;
    if text == word {
        Ok(())
    } else if later.iter().any(|prefix| text.starts_with(prefix)) {
        Err(format!(
            "{text:?} is not supported by this version; write {word:?} or remove the line"
        ))
    } else {
        Err(value.must(&format!("be {word:?}")))
    }
}

/// A time that is not too long to wait for.
fn seconds(value: Item<'_>) -> Result<Duration, Wrong> {
    value.number(1..=3600).map(Duration::from_secs)
}

/// At least one protocol, each once.
fn protocol_order(value: Item<'_>) -> Result<Vec<Carrier>, Wrong> {
    let order = value
        .list()?
        .map(|item| item.choice(CARRIERS))
        .collect::<Result<Vec<_>, _>>()?;
    let twice = (1..order.len()).any(|place| order[..place].contains(&order[place]));
    match order.is_empty() || twice {
        true => Err(value.must("name at least one of \"pcp\", \"nat-pmp\" and \"igd\", and each once")),
        false => Ok(order),
    }
}

/// The name of a network interface as Linux takes it.
fn interface(value: Item<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    let fits = (1..=15).contains(&text.len()) && !text.contains(['/', ' ']) && text.is_ascii();
    fits.then(|| text.to_owned())
        .ok_or_else(|| value.must("be the name of a network interface (see `ip link`)"))
}

fn external_ip(value: Item<'_>) -> Result<ExternalIp, Wrong> {
    if value.0.as_str().is_some_and(|text| text.starts_with("stun:")) {
        return Err("\"stun:\" is not supported by this version; write \"auto\" or an address".to_owned());
    }
    let fixed = unless_auto(value, |value| {
        value.parsed("\"auto\" or an IPv4 address such as \"198.51.100.7\"")
    })?;
    Ok(fixed.map_or(ExternalIp::Auto, ExternalIp::Fixed))
}

fn uuid(value: Item<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex);
    fits.then(|| text.to_ascii_lowercase())
        .ok_or_else(|| value.must("be \"auto\" or a UUID such as \"1f0e3dad-9990-4345-b743-9f8ffabdffc4\""))
}

fn table_name(value: Item<'_>) -> Result<String, Wrong> {
    let text = value.short_text(64)?;
    let mut bytes = text.bytes();
    let fits = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    fits.then(|| text.to_owned())
        .ok_or_else(|| value.must("be a name of letters, digits and underscores that nft can print"))
}

/// A number of which one bit is set.
fn single_bit(value: Item<'_>) -> Result<u32, Wrong> {
    let wrong = || value.must("be a single bit, such as 0x10000000");
    let number = value.number(1..=u32::MAX).map_err(|_| wrong())?;
    number.is_power_of_two().then_some(number).ok_or_else(wrong)
}

/// `22`, `"22/tcp"`, `"5000-5010"` or `"5000-5010/udp"`.
fn reserved(value: Item<'_>) -> Result<ReservedPorts, Wrong> {
    let wrong = || value.must("be a port or a range, for both transports or one: 22, \"22/tcp\", \"5000-5010/udp\"");
    let text = value.loose_text().ok_or_else(wrong)?;
    let (ports, protocol) = match text.split_once('/') {
        None => (text.as_str(), None),
        Some((ports, "tcp")) => (ports, Some(Protocol::Tcp)),
        Some((ports, "udp")) => (ports, Some(Protocol::Udp)),
        Some(_) => return Err(wrong()),
    };
    let ports = ports.parse().map_err(|_| wrong())?;
    Ok(ReservedPorts { ports, protocol })
}
