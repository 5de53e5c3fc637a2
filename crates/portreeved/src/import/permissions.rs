//! Permission rules: `allow|deny EXTERNAL-PORTS ADDRESS/MASK INTERNAL-PORTS [REGEX]`.

use std::net::Ipv4Addr;

use crate::config::quoted;

/// A permission rule in our terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) allows: bool,
    /// The keys of a `[[rule]]` but `action`.
    pub(super) keys: Vec<String>,
    /// Whether it decides on every mapping.
    pub(super) is_last: bool,
}

/// The rule of these words; else what is wrong with them.
pub(super) fn read(words: &[String]) -> Result<Permission, String> {
    let [action, external, network, internal, rest @ ..] = words else {
        return Err("is not allow|deny PORTS ADDRESS/MASK PORTS".to_owned());
    };
    let network = Net::read(network).ok_or_else(|| format!("`{network}` is not an IPv4 network"))?;
    let mut keys = vec![format!("client = {}", quoted(&network.to_string()))];
    let mut is_last = network.prefix == 0;
    for (key, ports) in [("external-ports", external), ("internal-ports", internal)] {
        let range = ports_of(ports).ok_or_else(|| format!("`{ports}` is not a port or a range of ports"))?;
        is_last &= range == (1, u16::MAX);
        if range != (1, u16::MAX) {
            keys.push(format!("{key} = {}", quoted(&format!("{}-{}", range.0, range.1))));
        }
    }
    if !rest.is_empty() {
        keys.push(format!("description = {}", quoted(&rest.join(" "))));
        is_last = false;
    }
    Ok(Permission {
        allows: action == "allow",
        keys,
        is_last,
    })
}

fn ports_of(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
    // Port 0 is in ranges of miniupnpd though there is no such mapping.
    (to > 0 && from <= to).then_some((from.max(1), to))
}

/// An IPv4 network as miniupnpd writes it.
struct Net {
    address: Ipv4Addr,
    prefix: u32,
}

impl Net {
    fn read(text: &str) -> Option<Self> {
        let (address, mask) = text.split_once('/').unwrap_or((text, "32"));
        let prefix = match mask.parse::<Ipv4Addr>() {
            Ok(mask) => {
                let bits = u32::from(mask);
                (bits.count_ones() == bits.leading_ones()).then_some(bits.leading_ones())?
            }
            Err(_) => mask.parse().ok().filter(|prefix| *prefix <= 32)?,
        };
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        let address = Ipv4Addr::from(u32::from(address.parse::<Ipv4Addr>().ok()?) & mask);
        Some(Self { address, prefix })
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Permission, String> {
        read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_rule_says_the_same_in_our_terms() {
        let rule = of("allow 1024-65535 192.168.1.77/24 22").unwrap();
        assert_eq!(
            rule.keys,
            [
                "client = \"192.168.1.0/24\"",
                "external-ports = \"1024-65535\"",
                "internal-ports = \"22-22\""
            ]
        );
        assert!(rule.allows && !rule.is_last);
        let rule = of("deny 0-65535 0.0.0.0/0 0-65535").unwrap();
        assert_eq!(rule.keys, ["client = \"0.0.0.0/0\""]);
        assert!(!rule.allows && rule.is_last);
        let rule = of("allow 80 10.1.2.3/255.255.0.0 80 ^web server$").unwrap();
        assert_eq!(rule.keys[0], "client = \"10.1.0.0/16\"");
        assert_eq!(rule.keys[3], "description = \"^web server$\"");
        assert_eq!(of("allow 80 10.1.2.3 80").unwrap().keys[0], "client = \"10.1.2.3/32\"");
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for line in [
            "allow 80",
            "allow 90-80 10.0.0.0/8 80",
            "allow 80 10.0.0.0/33 80",
            "allow 80 10.0.0.0/255.0.255.0 80",
            "allow 80 here 80",
            "allow 0 10.0.0.0/8 80",
            "allow 80 10.0.0.0/8 65536",
        ] {
            assert!(of(line).is_err(), "{line}");
        }
    }
}
