//! What each option of miniupnpd is here.

use crate::config::quoted;

/// What an option is here.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// A key; the function makes its value of miniupnpd's.
    Key {
        key: &'static str,
        value: fn(&str) -> Value,
    },
    /// Nothing, and why.
    Nothing(&'static str),
    /// LAN interfaces, which need a look at the machine.
    Lan,
    /// Both NAT-PMP and PCP, on or off.
    PortControl,
}

/// A value of miniupnpd in our terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// As TOML.
    Is(String),
    /// The same as here without saying anything.
    Default,
    /// It has none here, and why.
    Lost(&'static str),
}

/// What the option of this name is here; none: miniupnpd has none of that name, as far as is known.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    OPTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, meaning)| *meaning)
}

const OPTIONS: &[(&str, Meaning)] = &[
    ("ext_ifname", key("network.wan", text)),
    (
        "ext_ifname6",
        Meaning::Nothing("IPv6 is served whichever interface it comes in by"),
    ),
    ("ext_ip", key("network.external-ip", text)),
    ("ext_perform_stun", Meaning::Nothing(STUN)),
    ("ext_stun_host", Meaning::Nothing(STUN)),
    ("ext_stun_port", Meaning::Nothing(STUN)),
    (
        "ext_allow_private_ipv4",
        Meaning::Nothing("behind another gateway, [upstream] maps ports on that one too"),
    ),
    ("listening_ip", Meaning::Lan),
    (
        "ipv6_listening_ip",
        Meaning::Nothing("IPv6 is served on the interfaces of network.lan"),
    ),
    ("ipv6_disable", key("ipv6.pinholes", inverted)),
    ("port", key("gateway.http-port", port)),
    ("http_port", key("gateway.http-port", port)),
    (
        "https_port",
        Meaning::Nothing("UPnP knows no HTTPS, and no control point uses it"),
    ),
    ("bitrate_up", Meaning::Nothing(BITRATE)),
    ("bitrate_down", Meaning::Nothing(BITRATE)),
    ("presentation_url", Meaning::Nothing(DESCRIPTION)),
    ("friendly_name", key("gateway.name", text)),
    ("manufacturer_name", Meaning::Nothing(DESCRIPTION)),
    ("manufacturer_url", Meaning::Nothing(DESCRIPTION)),
    ("model_name", Meaning::Nothing(DESCRIPTION)),
    ("model_description", Meaning::Nothing(DESCRIPTION)),
    ("model_url", Meaning::Nothing(DESCRIPTION)),
    ("model_number", Meaning::Nothing(DESCRIPTION)),
    ("serial", Meaning::Nothing(DESCRIPTION)),
    ("uuid", key("gateway.uuid", identity)),
    (
        "notify_interval",
        Meaning::Nothing("announcements follow the times of the standard"),
    ),
    (
        "system_uptime",
        Meaning::Nothing("Uptime is that of the connection, as the standard has it"),
    ),
    ("packet_log", Meaning::Nothing(FILTER)),
    ("queue", Meaning::Nothing(FILTER)),
    ("tag", Meaning::Nothing(FILTER)),
    ("anchor", Meaning::Nothing(FILTER)),
    ("quickrules", Meaning::Nothing(FILTER)),
    ("enable_upnp", Meaning::Nothing("UPnP is always spoken")),
    ("enable_natpmp", Meaning::PortControl),
    ("enable_pcp_pmp", Meaning::PortControl),
    ("min_lifetime", key("pcp.minimum-lifetime", seconds)),
    ("max_lifetime", key("pcp.maximum-lifetime", seconds)),
    ("pcp_allow_thirdparty", key("access.own-address-only", inverted)),
    ("secure_mode", key("access.own-address-only", switch)),
    ("force_igd_desc_v1", key("gateway.igd-version", version)),
    ("upnp_table_name", Meaning::Nothing(TABLE)),
    ("upnp_nat_table_name", Meaning::Nothing(TABLE)),
    ("upnp_forward_chain", Meaning::Nothing(TABLE)),
    ("upnp_nat_chain", Meaning::Nothing(TABLE)),
    ("upnp_nat_postrouting_chain", Meaning::Nothing(TABLE)),
    ("upnp_nftables_family_split", Meaning::Nothing(TABLE)),
    (
        "lease_file",
        Meaning::Nothing("leases are in the state directory; `--leases` takes over those of this file"),
    ),
    (
        "lease_file6",
        Meaning::Nothing("leases are in the state directory; pinholes are not taken over, clients renew them"),
    ),
    (
        "minissdpdsocket",
        Meaning::Nothing("searches are answered by portreeved itself"),
    ),
    ("clean_ruleset_threshold", Meaning::Nothing(CLEANING)),
    ("clean_ruleset_interval", Meaning::Nothing(CLEANING)),
];

const STUN: &str =
    "there is no STUN; behind another gateway, [upstream] finds the external address, or set network.external-ip";
const BITRATE: &str = "the speed of the WAN interface is told";
const DESCRIPTION: &str = "the description tells what this is";
const FILTER: &str = "this is of another packet filter";
const TABLE: &str = "everything is in a table of our own, nftables.table";
const CLEANING: &str = "mappings end with their leases, and unused ones cost nothing";

const fn key(key: &'static str, value: fn(&str) -> Value) -> Meaning {
    Meaning::Key { key, value }
}

fn text(value: &str) -> Value {
    match value.is_empty() {
        true => Value::Default,
        false => Value::Is(quoted(value)),
    }
}

fn identity(value: &str) -> Value {
    text(value.strip_prefix("uuid:").unwrap_or(value))
}

/// `yes`, `true` and `1` are on, as miniupnpd reads it.
pub(super) fn is_on(value: &str) -> bool {
    ["yes", "true", "1"].iter().any(|on| value.eq_ignore_ascii_case(on))
}

fn switch(value: &str) -> Value {
    Value::Is(is_on(value).to_string())
}

fn inverted(value: &str) -> Value {
    match is_on(value) {
        true => Value::Is("false".to_owned()),
        false => Value::Default,
    }
}

fn version(value: &str) -> Value {
    match is_on(value) {
        true => Value::Is("1".to_owned()),
        false => Value::Default,
    }
}

fn port(value: &str) -> Value {
    match value.parse::<u16>() {
        Ok(0) => Value::Lost("a port that nobody knows before would change with each start; it is gateway.http-port"),
        Ok(port) => Value::Is(port.to_string()),
        Err(_) => Value::Lost("that is no port"),
    }
}

fn seconds(value: &str) -> Value {
    match value.parse::<u32>() {
        Ok(seconds) => Value::Is(seconds.to_string()),
        Err(_) => Value::Lost("that is no number of seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_there_once_and_its_key_exists() {
        for (index, (name, meaning)) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..index].iter().all(|(earlier, _)| earlier != name), "{name}");
            if let Meaning::Key { key, .. } = meaning {
                let error = crate::config::check_text(&format!("{key} = []"))
                    .unwrap_err()
                    .to_string();
                assert!(!error.contains("unknown key"), "{name}: {error}");
            }
        }
    }
}
