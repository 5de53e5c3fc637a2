//! The choice of interfaces and carrier, from what the kernel says and the administrator wants.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_engine::policy::Network;
use portreeve_netlink::route::{Link, RouteFamily, Snapshot};

use super::{Carrier, Findings, Lan, LanAddress, Mode};
use crate::config::{Backend, Settings};
use crate::exit::{Failure, Status};

/// Whether this process may program the kernel's packet rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It has CAP_NET_ADMIN.
    NetAdmin,
    /// It does not.
    None,
}

impl Privilege {
    /// That of this process.
    pub fn own() -> Self {
        const CAP_NET_ADMIN: u64 = 1 << 12;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        match effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()) {
            Some(bits) if bits & CAP_NET_ADMIN != 0 => Self::NetAdmin,
            _ => Self::None,
        }
    }
}

/// Decides what to serve. What the administrator named is taken; the rest follows from the default route, the addresses
/// and the privilege.
pub fn survey(settings: &Settings, snapshot: &Snapshot, privilege: Privilege) -> Result<Findings, Failure> {
    let mut story = Vec::new();
    let wan = find_wan(settings, snapshot, &mut story);
    let mut lans = find_lans(settings, snapshot, wan.as_deref(), &mut story)?;
    let mode = if lans.is_empty() { Mode::Trial } else { Mode::Gateway };
    if mode == Mode::Trial {
        lans = snapshot
            .links
            .iter()
            .filter(|link| link.flags.is_loopback())
            .map(|link| link.name.clone())
            .collect();
        let wan = wan
            .as_deref()
            .map_or_else(String::new, |wan| format!(" besides the WAN {wan}"));
        story.push(format!(
            "LAN: none found{wan}, so this is a trial on loopback; name one with `--lan INTERFACE` to serve it"
        ));
    }
    let carrier = find_carrier(settings, wan.as_deref(), mode, privilege, &mut story)?;
    Ok(Findings {
        wan,
        lans,
        carrier,
        mode,
        story,
    })
}

impl Lan {
    /// The interfaces of these names as they are now; those without an address are left out.
    pub fn present(names: &[String], snapshot: &Snapshot) -> Vec<Self> {
        let links = names.iter().filter_map(|name| snapshot.link_named(name));
        let lans = links.map(|link| Self {
            interface: link.name.clone(),
            index: link.index,
            addresses: addresses(link, snapshot),
        });
        lans.filter(|lan| !lan.addresses.is_empty()).collect()
    }
}

fn addresses(link: &Link, snapshot: &Snapshot) -> Vec<LanAddress> {
    if !link.flags.is_up() {
        return Vec::new();
    }
    let all = snapshot
        .addresses_of(link.index)
        .filter(|address| !address.flags.is_tentative());
    all.filter_map(|address| match address.address {
        IpAddr::V4(own) => Some(LanAddress {
            address: own,
            network: Network::new(own, address.prefix_len)?,
        }),
        IpAddr::V6(_) => None,
    })
    .collect()
}

fn find_wan(settings: &Settings, snapshot: &Snapshot, story: &mut Vec<String>) -> Option<String> {
    if let Some(named) = &settings.network.wan {
        story.push(match snapshot.link_named(named) {
            Some(_) => format!("WAN: {named}, as configured"),
            None => format!("WAN: {named}, as configured; there is no such interface yet"),
        });
        return Some(named.clone());
    }
    let route = snapshot.default_route(RouteFamily::Ipv4);
    let link = route.and_then(|route| snapshot.link(route.link));
    match link {
        Some(link) => story.push(format!("WAN: {}, since the default route leads there", link.name)),
        None => {
            story.push("WAN: none found, since there is no default route; name one with `--wan INTERFACE`".to_owned());
        }
    }
    link.map(|link| link.name.clone())
}

fn find_lans(
    settings: &Settings,
    snapshot: &Snapshot,
    wan: Option<&str>,
    story: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    let named = &settings.network.lan;
    if let Some(missing) = named.iter().find(|name| snapshot.link_named(name).is_none()) {
        let present: Vec<&str> = snapshot.links.iter().map(|link| link.name.as_str()).collect();
        let message = format!(
            "LAN interface {missing} does not exist; interfaces here: {}",
            present.join(", ")
        );
        return Err(Failure::new(Status::Configuration, message));
    }
    if let Some(both) = named.iter().find(|name| wan == Some(name.as_str())) {
        let message = format!(
            "{both} is the WAN, since the default route leads there, and the WAN is never served; name another LAN, or \
             the WAN with `--wan`"
        );
        return Err(Failure::new(Status::Configuration, message));
    }
    for name in named {
        story.push(format!("LAN: {name}, as configured"));
    }
    if !named.is_empty() {
        return Ok(named.clone());
    }
    let mut chosen = Vec::new();
    for link in &snapshot.links {
        let private = addresses(link, snapshot)
            .into_iter()
            .find(|own| own.address.is_private());
        if wan == Some(link.name.as_str()) || link.flags.is_loopback() || !link.flags.is_up() {
            continue;
        }
        match (private, unlikely(link)) {
            (Some(own), None) => {
                story.push(format!(
                    "LAN: {}, which has the private address {}",
                    link.name, own.address
                ));
                chosen.push(link.name.clone());
            }
            (Some(_), Some(why)) => {
                story.push(format!(
                    "not served: {}, which looks like {why}; name it with `--lan` if it is a LAN",
                    link.name
                ));
            }
            (None, _) => {}
        }
    }
    Ok(chosen)
}

/// What an interface looks like that has a private address and still is no LAN.
fn unlikely(link: &Link) -> Option<&'static str> {
    const CONTAINERS: &[&str] = &[
        "docker", "br-", "veth", "virbr", "vnet", "lxc", "lxd", "podman", "cni", "flannel", "cali", "vmnet", "vboxnet",
    ];
    const TUNNELS: &[&str] = &["tun", "tap", "wg", "tailscale", "zt", "ppp", "ipsec", "gre", "sit"];
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| link.name.starts_with(prefix));
    // `br-lan` is what OpenWrt calls its LAN; Docker's bridges are br- and twelve hexadecimal digits.
    let digits = link.name.strip_prefix("br-");
    let named_bridge = digits.is_some_and(|rest| rest.len() != 12 || !rest.bytes().all(|b| b.is_ascii_hexdigit()));
    if starts(CONTAINERS) && !named_bridge {
        Some("a network of containers or virtual machines")
    } else if link.flags.is_point_to_point() || starts(TUNNELS) {
        Some("a tunnel")
    } else {
        None
    }
}

fn find_carrier(
    settings: &Settings,
    wan: Option<&str>,
    mode: Mode,
    privilege: Privilege,
    story: &mut Vec<String>,
) -> Result<Carrier, Failure> {
    let (carrier, why) = match (settings.gateway.backend, privilege) {
        (Backend::Relay, _) => (Carrier::Relay, "as configured"),
        (Backend::Nftables, Privilege::None) => {
            let message = "backend nftables needs CAP_NET_ADMIN: run as root, or take `--backend relay`";
            return Err(Failure::new(Status::Permission, message));
        }
        (Backend::Nftables, Privilege::NetAdmin) if wan.is_none() => {
            let message =
                "backend nftables needs a WAN, and there is no default route: name one with `--wan INTERFACE`";
            return Err(Failure::new(Status::Configuration, message));
        }
        (Backend::Nftables, Privilege::NetAdmin) => (Carrier::Nftables, "as configured"),
        (Backend::Auto, _) if mode == Mode::Trial => (Carrier::Relay, "since there is no LAN to forward to"),
        (Backend::Auto, Privilege::None) => (
            Carrier::Relay,
            "since programming the kernel needs CAP_NET_ADMIN (root)",
        ),
        (Backend::Auto, Privilege::NetAdmin) if wan.is_none() => (Carrier::Relay, "since there is no WAN"),
        (Backend::Auto, Privilege::NetAdmin) => (Carrier::Nftables, "since there are a WAN, a LAN and the privilege"),
    };
    story.push(match carrier {
        Carrier::Nftables => format!("traffic: forwarded by the kernel (nftables), {why}"),
        Carrier::Relay => format!("traffic: relayed by this process, {why}"),
    });
    Ok(carrier)
}

/// The loopback address on which a trial is served.
pub(super) const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

#[cfg(test)]
mod tests {
    use super::super::fixture::{LO, POINT_TO_POINT, UP, machine};
    use super::*;

    #[test]
    fn a_router_serves_its_lan_through_the_kernel() {
        let router = machine(
            &[
                LO,
                ("wan0", UP, "11.11.11.2"),
                ("br-lan", UP, "192.168.77.1"),
                ("docker0", UP, "172.17.0.1"),
                ("br-0123456789ab", UP, "172.18.0.1"),
                ("wg0", UP | POINT_TO_POINT, "10.9.0.1"),
                ("eth7", 0, "10.7.0.1"),
                ("public", UP, "198.51.100.1"),
            ],
            Some("wan0"),
        );
        let found = survey(&Settings::default(), &router, Privilege::NetAdmin).unwrap();
        assert_eq!(found.wan.as_deref(), Some("wan0"));
        assert_eq!(found.lans, ["br-lan"]);
        assert_eq!((found.carrier, found.mode), (Carrier::Nftables, Mode::Gateway));
        let told = found.story.join("\n");
        for name in ["docker0", "br-0123456789ab", "wg0"] {
            assert!(told.contains(&format!("not served: {name}")), "{told}");
        }
    }

    #[test]
    fn a_laptop_gets_a_trial_on_loopback() {
        let laptop = machine(&[LO, ("wlan0", UP, "192.168.1.5")], Some("wlan0"));
        let found = survey(&Settings::default(), &laptop, Privilege::NetAdmin).unwrap();
        assert_eq!((found.carrier, found.mode), (Carrier::Relay, Mode::Trial));
        assert_eq!(found.lans, ["lo"]);
        assert!(
            found.story.iter().any(|line| line.contains("--lan")),
            "{:?}",
            found.story
        );
    }

    #[test]
    fn what_is_impossible_is_refused_with_a_remedy() {
        let router = machine(
            &[LO, ("wan0", UP, "11.11.11.2"), ("lan0", UP, "192.168.77.1")],
            Some("wan0"),
        );
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            survey(&settings, &router, Privilege::None)
        };
        let error = with(|s| s.network.lan = vec!["lan9".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "LAN interface lan9 does not exist; interfaces here: lo, wan0, lan0"
        );
        let error = with(|s| s.network.lan = vec!["wan0".into()]).unwrap_err();
        assert!(error.to_string().contains("the WAN is never served"));
        let error = with(|s| s.gateway.backend = Backend::Nftables).unwrap_err();
        assert_eq!(error.status, Status::Permission);
        assert_eq!(with(|_| {}).unwrap().carrier, Carrier::Relay);
    }
}
