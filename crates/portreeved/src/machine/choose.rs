//! The choice of interfaces and carrier, from what the kernel says and the administrator wants.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use portreeve_engine::policy::Network;
use portreeve_netlink::route::{Address, Link, RouteFamily, Snapshot};

use super::{Carrier, Findings, Lan, LanAddress, Mode};
use crate::config::{Backend, FirewallChoice, Settings};
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

/// Whether the relay may carry the traffic, which it does for this reason: it filters nothing, and who relies on our
/// firewall has no other.
pub fn admit_relay(settings: &Settings, why: impl Display) -> Result<(), Failure> {
    if settings.ipv6.firewall != FirewallChoice::Own {
        return Ok(());
    }
    let message = format!(
        "ipv6.firewall = \"own\" needs nftables, but traffic is relayed by this process, {why}, and that filters nothing; \
         run as root with `--backend nftables`, `--wan INTERFACE` and `--lan INTERFACE`, or set ipv6.firewall to \
         \"other\" or \"none\""
    );
    Err(Failure::new(Status::Configuration, message))
}

impl Lan {
    /// The interfaces of these names as they are now; those without an address are left out.
    pub fn present(names: &[String], snapshot: &Snapshot) -> Vec<Self> {
        let links = names.iter().filter_map(|name| snapshot.link_named(name));
        let lans = links.map(|link| Self {
            interface: link.name.clone(),
            index: link.index,
            addresses: addresses(link, snapshot),
            own: snapshot.addresses_of(link.index).map(|own| own.address).collect(),
        });
        lans.filter(|lan| !lan.addresses.is_empty()).collect()
    }
}

/// The addresses to serve at, in the order in which to advertise them: those of IPv4 in the kernel's order, then those of
/// IPv6.
///
/// Temporary addresses (RFC 8981) are for calling, not for being called: they change every day, and each change is
/// announced to everybody.
fn addresses(link: &Link, snapshot: &Snapshot) -> Vec<LanAddress> {
    if !link.flags.is_up() {
        return Vec::new();
    }
    let usable = snapshot.addresses_of(link.index).filter(|address| {
        let temporary = address.address.is_ipv6() && address.flags.is_secondary();
        !address.flags.is_tentative() && !temporary
    });
    let mut ranked: Vec<_> = usable
        .filter_map(|address| {
            let network = Network::new(address.address, address.prefix_len)?;
            let own = LanAddress {
                address: address.address,
                network,
            };
            Some((rank(address), own))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, own)| own).collect()
}

/// Lower is advertised before higher. A unique local address goes before a global one, since it stays when the provider
/// changes the prefix; one that is deprecated goes last.
fn rank(address: &Address) -> (bool, bool, bool) {
    match address.address {
        IpAddr::V4(_) => (false, false, false),
        IpAddr::V6(own) => (true, address.flags.is_deprecated(), !own.is_unique_local()),
    }
}

fn find_wan(settings: &Settings, snapshot: &Snapshot, story: &mut Vec<String>) -> Option<String> {
    if let Some(named) = &settings.network.wan {
        story.push(match snapshot.link_named(named) {
            Some(_) => format!("WAN: {named}, as configured"),
            None => format!("WAN: {named}, as configured; there is no such interface yet"),
        });
        return Some(named.clone());
    }
    let leads_to = |family| snapshot.link(snapshot.default_route(family)?.link);
    match (leads_to(RouteFamily::Ipv4), leads_to(RouteFamily::Ipv6)) {
        (Some(link), _) => {
            story.push(format!("WAN: {}, since the default route leads there", link.name));
            Some(link.name.clone())
        }
        (None, Some(link)) => {
            story.push(format!(
                "WAN: {}, since the default route of IPv6 leads there, and there is none of IPv4",
                link.name
            ));
            Some(link.name.clone())
        }
        (None, None) => {
            story.push("WAN: none found, since there is no default route; name one with `--wan INTERFACE`".to_owned());
            None
        }
    }
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
        if wan == Some(link.name.as_str()) || link.flags.is_loopback() || !link.flags.is_up() {
            continue;
        }
        match (sign_of_a_lan(link, wan, snapshot), unlikely(link)) {
            (Some(sign), None) => {
                story.push(format!("LAN: {}, which has {sign}", link.name));
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

/// What an interface has that makes it a LAN: a private IPv4 address; or, where it has no IPv4 address at all, an IPv6
/// address that is not the link's own. IPv6 has no private addresses, so what leads to the Internet is told by routes: an
/// interface with a default route, or in a network of the WAN, is no LAN.
fn sign_of_a_lan(link: &Link, wan: Option<&str>, snapshot: &Snapshot) -> Option<String> {
    let own = addresses(link, snapshot);
    let private = |own: &LanAddress| matches!(own.address, IpAddr::V4(address) if address.is_private());
    if let Some(own) = own.iter().find(|own| private(own)) {
        return Some(format!("the private address {}", own.address));
    }
    let of_wan = wan
        .and_then(|wan| snapshot.link_named(wan))
        .map(|wan| addresses(wan, snapshot))
        .unwrap_or_default();
    let upstream = snapshot.default_routes.iter().any(|route| route.link == link.index);
    if upstream || own.iter().any(|own| own.address.is_ipv4()) {
        return None;
    }
    let inside = own.iter().find(|own| {
        let shared = of_wan.iter().any(|wan| own.network.contains(wan.address));
        !own.is_link_local() && !shared
    })?;
    Some(format!("the address {} and none of IPv4", inside.address))
}

/// What an interface looks like that has such an address and still is no LAN.
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
    if carrier == Carrier::Relay {
        admit_relay(settings, why)?;
    }
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
    use super::super::fixture::{LO, POINT_TO_POINT, TEMPORARY, UP, add_address, default_route, machine};
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
    fn a_router_without_ipv4_is_a_router() {
        let links = [
            LO,
            ("wan0", UP, ""),
            ("lan0", UP, ""),
            ("lan1", UP, ""),
            ("up1", UP, ""),
            ("eth9", UP, ""),
        ];
        let mut router = machine(&links, None);
        for (link, address) in [
            (1, "::1"),
            (2, "fe80::2"),
            (2, "2001:db8:113::2"),
            (3, "fe80::3"),
            (3, "fd77::1"),
            (4, "2001:db8:77::1"),
            (5, "2001:db8:114::2"),
            (6, "fe80::6"),
        ] {
            add_address(&mut router, link, address, 0);
        }
        default_route(&mut router, 2, RouteFamily::Ipv6, 100);
        default_route(&mut router, 5, RouteFamily::Ipv6, 200);
        let found = survey(&Settings::default(), &router, Privilege::NetAdmin).unwrap();
        assert_eq!(found.wan.as_deref(), Some("wan0"));
        assert_eq!(found.lans, ["lan0", "lan1"]);
        assert_eq!((found.carrier, found.mode), (Carrier::Nftables, Mode::Gateway));
        for line in [
            "WAN: wan0, since the default route of IPv6 leads there, and there is none of IPv4",
            "LAN: lan0, which has the address fd77::1 and none of IPv4",
        ] {
            assert!(found.story.iter().any(|told| told == line), "{:?}", found.story);
        }
    }

    #[test]
    fn an_interface_of_the_wans_own_network_is_no_lan() {
        let mut host = machine(&[LO, ("eth0", UP, "11.11.11.2"), ("eth1", UP, "")], Some("eth0"));
        add_address(&mut host, 2, "2001:db8:113::2", 0);
        add_address(&mut host, 3, "2001:db8:113::3", 0);
        let found = survey(&Settings::default(), &host, Privilege::NetAdmin).unwrap();
        assert_eq!(found.mode, Mode::Trial, "{:?}", found.story);
    }

    #[test]
    fn addresses_come_in_the_order_in_which_to_advertise_them() {
        const DEPRECATED: u32 = 0x20;
        const TENTATIVE: u32 = 0x40;
        let mut router = machine(&[("lan0", UP, "192.168.77.1")], None);
        for (address, flags) in [
            ("2001:db8:77::aaaa", TEMPORARY),
            ("fd76::1", DEPRECATED),
            ("fe80::1", 0),
            ("2001:db8:77::1", 0),
            ("fd77::1", 0),
            ("fd78::1", TENTATIVE),
        ] {
            add_address(&mut router, 1, address, flags);
        }
        let lans = Lan::present(&["lan0".to_owned()], &router);
        let own: Vec<String> = lans[0].addresses.iter().map(|own| own.address.to_string()).collect();
        assert_eq!(own, ["192.168.77.1", "fd77::1", "fe80::1", "2001:db8:77::1", "fd76::1"]);
        for (address, ours) in [
            ("fd77::1", true),
            ("2001:db8:77::aaaa", true),
            ("fd76::1", true),
            ("fd78::1", true),
            ("2001:db8:77::bbbb", false),
        ] {
            assert_eq!(lans[0].owns(address.parse().unwrap()), ours, "{address}");
        }
        assert_eq!(lans[0].link_local(), Some("fe80::1".parse().unwrap()));
        assert_eq!(lans[0].beyond_link(), Some("fd77::1".parse().unwrap()));
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

    #[test]
    fn who_relies_on_our_firewall_gets_no_relay_without_one() {
        let links = [LO, ("wan0", UP, "11.11.11.2"), ("lan0", UP, "192.168.77.1")];
        let [router, without_wan, without_lan] = [
            machine(&links, Some("wan0")),
            machine(&links, None),
            machine(&links[..2], Some("wan0")),
        ];
        let found = |machine, backend, firewall, privilege| {
            let mut settings = Settings::default();
            settings.gateway.backend = backend;
            settings.ipv6.firewall = firewall;
            survey(&settings, machine, privilege).map(|found| found.carrier)
        };
        for (machine, backend, privilege, why) in [
            (&router, Backend::Relay, Privilege::NetAdmin, "as configured"),
            (&router, Backend::Auto, Privilege::None, "CAP_NET_ADMIN"),
            (&without_wan, Backend::Auto, Privilege::NetAdmin, "no WAN"),
            (&without_lan, Backend::Auto, Privilege::NetAdmin, "no LAN"),
        ] {
            let refused = found(machine, backend, FirewallChoice::Own, privilege).unwrap_err();
            assert_eq!(refused.status, Status::Configuration);
            let told = refused.to_string();
            assert!(told.contains(why) && told.contains("`--backend nftables`"), "{told}");
            for firewall in [FirewallChoice::Auto, FirewallChoice::Other, FirewallChoice::None] {
                assert_eq!(found(machine, backend, firewall, privilege).unwrap(), Carrier::Relay);
            }
        }
        let kernel = found(&router, Backend::Auto, FirewallChoice::Own, Privilege::NetAdmin);
        assert_eq!(kernel.unwrap(), Carrier::Nftables);
    }
}
