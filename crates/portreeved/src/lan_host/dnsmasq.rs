//! What dnsmasq offers, by its configuration files.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use portreeve_engine::lan_host::Dhcp;

use super::{At, Offer, read};

/// More files than anybody has; a file that includes itself ends here too.
const MOST_FILES: usize = 64;

/// The lines of the configuration that concern hosts, in order: name and value.
#[derive(Debug, Default)]
pub(super) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Reads all files below `root`: the main one with what it includes, what Debian's start script adds, and what
    /// OpenWrt's makes.
    pub(super) fn read(root: &Path) -> Self {
        let mut pending = vec![root.join("etc/dnsmasq.conf")];
        pending.extend(listed(&root.join("etc/dnsmasq.d"), |name| {
            ![".dpkg-dist", ".dpkg-old", ".dpkg-new", ".bak"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
        }));
        pending.extend(listed(&root.join("var/etc"), |name| name.starts_with("dnsmasq.conf")));
        let mut settings = Self::default();
        let mut done: Vec<PathBuf> = Vec::new();
        while let Some(path) = pending.pop().filter(|_| done.len() < MOST_FILES) {
            if done.contains(&path) {
                continue;
            }
            let text = read(&path).unwrap_or_default();
            done.push(path);
            for (name, value) in lines(&text) {
                match name {
                    "conf-file" => pending.push(below(root, value)),
                    "conf-dir" => pending.extend(included(root, value)),
                    _ => settings.0.push((name.to_owned(), value.to_owned())),
                }
            }
        }
        settings
    }

    #[cfg(test)]
    fn parse(text: &str) -> Self {
        Self(lines(text).map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// What hosts of this LAN are offered; none if they are not given addresses.
    pub(super) fn offer(&self, at: &At<'_>) -> Option<Offer> {
        let ranges = self.all("dhcp-range").filter_map(range);
        let here = ranges.filter(|(first, last)| at.network.contains(*first) && at.network.contains(*last));
        let (first, last) = here.reduce(|(first, last), (low, high)| (first.min(low), last.max(high)))?;
        let hosts = self.all("dhcp-host").flat_map(|value| value.split(','));
        let reserved = hosts
            .filter_map(|field| field.trim().parse().ok())
            .filter(|address: &Ipv4Addr| at.network.contains(*address));
        // With a domain for a range only, the name comes before a comma.
        let domain = self.all("domain").find_map(|value| value.split(',').next());
        Some(Offer {
            dhcp: Dhcp {
                first,
                last,
                reserved: reserved.collect(),
            },
            dns: self.dns(at),
            domain: domain.filter(|domain| !["", "#"].contains(domain)).map(str::to_owned),
        })
    }

    /// The DNS servers that hosts are told of: those of the option, else dnsmasq itself where it answers queries.
    fn dns(&self, at: &At<'_>) -> Vec<IpAddr> {
        let told = self.all("dhcp-option").find_map(|value| {
            let mut fields = fields(value);
            let is_dns = ["6", "option:dns-server"].contains(&fields.next()?);
            is_dns.then(|| {
                fields
                    .filter_map(|field| field.parse::<Ipv4Addr>().ok())
                    .collect::<Vec<_>>()
            })
        });
        let answers = !self.all("port").any(|port| port == "0");
        let own = || answers.then_some(Ipv4Addr::UNSPECIFIED).into_iter().collect();
        let servers = told.unwrap_or_else(own).into_iter();
        // The unspecified address stands for that of the machine on which dnsmasq runs.
        servers
            .map(|server| if server.is_unspecified() { at.router } else { server })
            .map(IpAddr::V4)
            .collect()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Names and values. A value may be empty; what follows a number sign at the start of a word is a remark.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let remark = line
            .char_indices()
            .find(|(at, c)| *c == '#' && (*at == 0 || line[..*at].ends_with(char::is_whitespace)));
        let line = remark.map_or(line, |(at, _)| &line[..at]).trim();
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (!name.is_empty()).then(|| (name.trim(), value.trim()))
    })
}

/// The fields of a value without the tags before them.
fn fields(value: &str) -> impl Iterator<Item = &str> {
    let is_tag = |field: &&str| ["tag:", "set:", "net:"].iter().any(|prefix| field.starts_with(prefix));
    value.split(',').map(str::trim).filter(move |field| !is_tag(field))
}

/// The lowest and the highest address of a `dhcp-range` of IPv4; none if it only serves hosts that are known.
fn range(value: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let mut fields = fields(value);
    let (first, last) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// A path of the configuration, which is one of the machine, below `root`.
fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The files of a `conf-dir`: a folder, and endings that they must have (with an asterisk) or must not have.
fn included(root: &Path, value: &str) -> Vec<PathBuf> {
    let mut parts = value.split(',').map(str::trim);
    let folder = below(root, parts.next().unwrap_or_default());
    let (wanted, unwanted): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.starts_with('*'));
    listed(&folder, |name| {
        let has_wanted = wanted.iter().any(|ending| name.ends_with(&ending[1..]));
        let has_unwanted = unwanted.iter().any(|ending| name.ends_with(ending));
        (wanted.is_empty() || has_wanted) && !has_unwanted
    })
}

/// The files of a folder whose names please, in a fixed order. Hidden ones and editors' copies never count.
fn listed(folder: &Path, pleases: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !name.starts_with(['.', '#']) && !name.ends_with('~') && pleases(&name)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(text: &str) -> Option<Offer> {
        Settings::parse(text).offer(&At {
            interface: "lan0",
            network: "192.168.77.1/24".parse().unwrap(),
            router: [192, 168, 77, 1].into(),
        })
    }

    #[test]
    fn the_range_of_the_lan_is_found_among_others() {
        let text = "# dhcp-range=192.168.77.2,192.168.77.3\n\
            dhcp-range=tag:guests,10.0.0.100,10.0.0.200,1h\n\
            dhcp-range=set:lan,192.168.77.100,192.168.77.149,255.255.255.0,12h # the house\n\
            dhcp-range = 192.168.77.150, 192.168.77.200\n\
            dhcp-range=::100,::200,constructor:lan0\n\
            dhcp-range=192.168.77.0,static\n\
            dhcp-host=11:22:33:44:55:66,printer,192.168.77.10,infinite\n\
            dhcp-host=id:*,10.0.0.9\n\
            domain=home.example,192.168.77.0/24\n";
        let expected = Offer {
            dhcp: Dhcp {
                first: [192, 168, 77, 100].into(),
                last: [192, 168, 77, 200].into(),
                reserved: vec![[192, 168, 77, 10].into()],
            },
            dns: vec![IpAddr::from([192, 168, 77, 1])],
            domain: Some("home.example".to_owned()),
        };
        assert_eq!(offer(text), Some(expected));
    }

    #[test]
    fn where_no_addresses_are_given_there_is_no_offer() {
        for text in [
            "",
            "dhcp-range",
            "dhcp-range=",
            "dhcp-range=192.168.77.0,static",
            "dhcp-range=192.168.77.0,proxy",
            "dhcp-range=192.168.77.200,192.168.77.100",
            "dhcp-range=192.168.78.100,192.168.78.200",
            "dhcp-range=a,b",
        ] {
            assert_eq!(offer(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_ask_dnsmasq_unless_they_are_told_otherwise() {
        let told = |more: &str| offer(&format!("dhcp-range=192.168.77.2,192.168.77.9\n{more}")).map(|offer| offer.dns);
        let address = |last| IpAddr::from([9, 9, 9, last]);
        assert_eq!(told(""), Some(vec![IpAddr::from([192, 168, 77, 1])]));
        assert_eq!(told("port=0"), Some(Vec::new()));
        assert_eq!(
            told("dhcp-option=6,9.9.9.9,9.9.9.10"),
            Some(vec![address(9), address(10)])
        );
        assert_eq!(
            told("port=0\ndhcp-option=tag:lan,option:dns-server,9.9.9.9,0.0.0.0"),
            Some(vec![address(9), IpAddr::from([192, 168, 77, 1])])
        );
        assert_eq!(
            told("dhcp-option=3,9.9.9.9"),
            Some(vec![IpAddr::from([192, 168, 77, 1])])
        );
    }
}
