//! The standard's names in Rust case.

/// Runs of capitals that are more than one word, or that end in a small letter.
const RESPELT: [(&str, &str); 6] = [
    ("IPv6", "Ipv6"),
    ("WANIP", "WanIp"),
    ("WANPPP", "WanPpp"),
    ("NATRSIP", "NatRsip"),
    ("IPRouters", "IpRouters"),
    ("DNSServers", "DnsServers"),
];

/// `GetExternalIPAddress` as `get_external_ip_address`.
pub(super) fn snake(name: &str) -> String {
    let mut name = name.to_owned();
    for (standard, ours) in RESPELT {
        name = name.replace(standard, ours);
    }
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let ends_word = before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
        let ends_acronym =
            before.is_some_and(char::is_uppercase) && letters.get(index + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && (ends_word || ends_acronym) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `GetExternalIPAddress` as `GetExternalIpAddress`.
pub(super) fn camel(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    snake(name).split('_').map(capitalised).collect()
}

/// An argument's name without its `New`, in snake case.
pub(super) fn argument(name: &str) -> String {
    snake(name.strip_prefix("New").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_standard_in_rust_case() {
        let table = [
            (
                "GetExternalIPAddress",
                "get_external_ip_address",
                "GetExternalIpAddress",
            ),
            ("GetNATRSIPStatus", "get_nat_rsip_status", "GetNatRsipStatus"),
            ("WANIPConnection", "wan_ip_connection", "WanIpConnection"),
            ("WANPPPConnection", "wan_ppp_connection", "WanPppConnection"),
            (
                "WANIPv6FirewallControl",
                "wan_ipv6_firewall_control",
                "WanIpv6FirewallControl",
            ),
            (
                "WANCommonInterfaceConfig",
                "wan_common_interface_config",
                "WanCommonInterfaceConfig",
            ),
            ("Layer3Forwarding", "layer3_forwarding", "Layer3Forwarding"),
            (
                "X_GetExternalIPv6Address",
                "x_get_external_ipv6_address",
                "XGetExternalIpv6Address",
            ),
            (
                "GetPPPEncryptionProtocol",
                "get_ppp_encryption_protocol",
                "GetPppEncryptionProtocol",
            ),
            ("UniqueID", "unique_id", "UniqueId"),
        ];
        for (standard, snake_case, camel_case) in table {
            assert_eq!(snake(standard), snake_case);
            assert_eq!(camel(standard), camel_case);
        }
        assert_eq!(argument("NewLayer1UpstreamMaxBitRate"), "layer1_upstream_max_bit_rate");
        assert_eq!(argument("RemoteHost"), "remote_host");
    }
}
