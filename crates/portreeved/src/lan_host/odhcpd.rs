//! What OpenWrt's odhcpd offers, by the configuration that it shares with the rest of the system (UCI).

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use portreeve_engine::lan_host::Dhcp;

use super::{At, Offer, read};

/// What a section leaves unsaid, as OpenWrt's documentation has it.
const START: u32 = 100;
const LIMIT: u32 = 150;

/// The two files that say what is offered where.
#[derive(Debug, Default)]
pub(super) struct Settings {
    dhcp: Vec<Section>,
    network: Vec<Section>,
}

/// A section of UCI: `config KIND 'NAME'`, and its options in order.
#[derive(Debug, Default)]
struct Section {
    kind: String,
    name: String,
    options: Vec<(String, String)>,
}

impl Settings {
    /// Reads the files below `root`.
    pub(super) fn read(root: &Path) -> Self {
        let file = |name: &str| sections(&read(&root.join("etc/config").join(name)).unwrap_or_default());
        Self {
            dhcp: file("dhcp"),
            network: file("network"),
        }
    }

    /// What hosts of this LAN are offered; none if they are not given addresses.
    pub(super) fn offer(&self, at: &At<'_>) -> Option<Offer> {
        let networks: Vec<&str> = self
            .network
            .iter()
            .filter(|n| n.is_on(at))
            .map(|n| n.name.as_str())
            .collect();
        let here = |section: &&Section| {
            let network = section.get("interface").unwrap_or(&section.name);
            section.kind == "dhcp" && networks.contains(&network) && section.get("ignore") != Some("1")
        };
        let section = self.dhcp.iter().find(here)?;
        let number = |name, default| section.get(name).map_or(Some(default), |text| text.parse::<u32>().ok());
        let base = u32::from(at.router) & u32::from(at.network.mask()?);
        let first = base.checked_add(number("start", START)?)?;
        let last = first
            .checked_add(number("limit", LIMIT)?.checked_sub(1)?)?
            .min(u32::from(at.network.broadcast()?) - 1);
        let hosts = self.dhcp.iter().filter(|section| section.kind == "host");
        let reserved = hosts
            .filter_map(|host| host.get("ip")?.parse().ok())
            .filter(|address: &Ipv4Addr| at.network.contains(*address));
        let servers = section.all("dns").flat_map(str::split_whitespace);
        let servers: Vec<IpAddr> = servers.filter_map(|server| server.parse().ok()).collect();
        let names = self.dhcp.iter().find(|section| section.kind == "dnsmasq");
        (first <= last).then(|| Offer {
            dhcp: Dhcp {
                first: first.into(),
                last: last.into(),
                reserved: reserved.collect(),
            },
            dns: match servers.is_empty() {
                true => vec![at.router.into()],
                false => servers,
            },
            domain: names.and_then(|names| names.get("domain")).map(str::to_owned),
        })
    }
}

impl Section {
    /// Whether it is about the network on this interface, which has its address, or its name where bridges have one of
    /// their own.
    fn is_on(&self, at: &At<'_>) -> bool {
        let bridge = format!("br-{}", self.name);
        let devices = ["device", "ifname"].into_iter().filter_map(|name| self.get(name));
        let named = devices
            .flat_map(str::split_whitespace)
            .any(|device| device == at.interface);
        self.kind == "interface" && (named || at.interface == bridge)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let options = self.options.iter().filter(move |(other, _)| other == name);
        options.map(|(_, value)| value.as_str())
    }
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let mut words = words(line);
        match (words.next(), words.next()) {
            (Some("config"), Some(kind)) => sections.push(Section {
                kind: kind.to_owned(),
                name: words.next().unwrap_or_default().to_owned(),
                options: Vec::new(),
            }),
            (Some("option" | "list"), Some(name)) => {
                let value = words.next().unwrap_or_default();
                if let Some(section) = sections.last_mut() {
                    section.options.push((name.to_owned(), value.to_owned()));
                }
            }
            _ => {}
        }
    }
    sections
}

/// The words of a line; quoted ones may have blanks in them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| ['\'', '"'].contains(c));
        let (word, after) = match quote {
            Some(quote) => rest[1..].split_once(quote).unwrap_or_else(|| (&rest[1..], "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        rest = after;
        let ends = quote.is_none() && (word.is_empty() || word.starts_with('#'));
        (!ends).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = "config interface 'loopback'\n\toption device 'lo'\n\n\
        config interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n";

    fn offer(dhcp: &str, network: &str) -> Option<Offer> {
        let settings = Settings {
            dhcp: sections(dhcp),
            network: sections(network),
        };
        settings.offer(&At {
            interface: "br-lan",
            network: "192.168.1.1/24".parse().unwrap(),
            router: [192, 168, 1, 1].into(),
        })
    }

    #[test]
    fn the_range_counts_from_the_start_of_the_network() {
        let dhcp = "# made by the system\nconfig dnsmasq\n\toption domain 'lan'\n\nconfig dhcp 'lan'\n\
            \toption interface 'lan'\n\toption start '100'\n\toption limit \"50\"\n\tlist dns '9.9.9.9 9.9.9.10'\n\
            config host\n\toption name 'the printer'\n\toption ip '192.168.1.10'\n\
            config host\n\toption ip '192.168.2.10'\n";
        let expected = Offer {
            dhcp: Dhcp {
                first: [192, 168, 1, 100].into(),
                last: [192, 168, 1, 149].into(),
                reserved: vec![[192, 168, 1, 10].into()],
            },
            dns: vec![[9, 9, 9, 9].into(), [9, 9, 9, 10].into()],
            domain: Some("lan".to_owned()),
        };
        assert_eq!(offer(dhcp, NETWORK), Some(expected));
        let older = "config interface lan\n\toption type bridge\n\toption ifname 'eth0.1'\n";
        assert!(offer(dhcp, older).is_some());
    }

    #[test]
    fn what_is_not_said_is_as_the_system_has_it() {
        let found = offer("config dhcp lan\n", NETWORK).unwrap();
        assert_eq!(
            (found.dhcp.first, found.dhcp.last),
            ([192, 168, 1, 100].into(), [192, 168, 1, 249].into())
        );
        assert_eq!((found.dns, found.domain), (vec![[192, 168, 1, 1].into()], None));
        let wide = offer("config dhcp lan\n\toption limit 1000\n", NETWORK).unwrap();
        assert_eq!(wide.dhcp.last, Ipv4Addr::new(192, 168, 1, 254));
    }

    #[test]
    fn where_no_addresses_are_given_there_is_no_offer() {
        for dhcp in [
            "",
            "config dhcp 'lan'\n\toption ignore '1'\n",
            "config dhcp 'wan'\n\toption interface 'wan'\n",
            "config dhcp 'lan'\n\toption start '4294967295'\n",
            "config dhcp 'lan'\n\toption limit '0'\n",
            "config dhcp 'lan'\n\toption limit 'many'\n",
            "option start '100'\n",
        ] {
            assert_eq!(offer(dhcp, NETWORK), None, "{dhcp}");
        }
        assert_eq!(offer("config dhcp lan\n", ""), None);
    }
}
