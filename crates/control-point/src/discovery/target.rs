//! What is searched for, when, and how a search looks.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_wire::ssdp::{Asked, Group, PORT, render_search};

use super::origin::{Family, Origin};

/// Everybody who listens for searches (UDA 1.1 section 1.1.1).
#[cfg(test)]
pub(crate) const EVERYONE: SocketAddr = Group::Ipv4.address();

/// `MX` of searches, in seconds: the least that there is, since answers take up to that.
const MX: u8 = 1;

const IGD_2: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
const IGD_1: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const IP_1: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";
const IP_2: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";
const PPP_1: &str = "urn:schemas-upnp-org:service:WANPPPConnection:1";
const ROOT: &str = "upnp:rootdevice";
const ALL: &str = "ssdp:all";

/// The pause before the first repetition; each further one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// How long single hosts may keep others from being asked: most searches end within it, and small routers do one thing
/// after the other.
const HEAD_START: Duration = Duration::from_millis(30);

/// One round of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// When, after the start.
    pub(crate) at: Duration,
    /// How often was sent before.
    pub(crate) repetition: u32,
    /// Whom to.
    pub(crate) to: Receivers,
}

/// Whom to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receivers {
    /// The hosts whose address is known.
    Hosts,
    /// The group.
    Group,
    /// Both.
    All,
}

impl Round {
    /// The rounds, from 0: hosts at once, the group soon after, then both after 150, 450, 1050 ms and so on.
    pub(crate) fn of(number: u32) -> Self {
        let (at, repetition, to) = match number {
            0 => (Duration::ZERO, 0, Receivers::Hosts),
            1 => (HEAD_START, 0, Receivers::Group),
            _ => {
                let repetition = number - 1;
                let pauses = 2_u32.saturating_pow(repetition) - 1;
                (FIRST_PAUSE * pauses, repetition, Receivers::All)
            }
        };
        Self { at, repetition, to }
    }
}

/// The group to ask from an origin: what is on the link from a link-local address, what is in the site from one that
/// reaches further (UDA 2.0 annex A.2.3).
pub(crate) fn everyone_from(origin: &Origin) -> SocketAddr {
    let group = match origin.family() {
        Family::Ipv4 => Group::Ipv4,
        Family::Ipv6 if origin.is_link_local() => Group::Ipv6LinkLocal,
        Family::Ipv6 => Group::Ipv6SiteLocal,
    };
    origin.socket(group.address().ip(), PORT)
}

/// The group at an address, or for a host the one that its `HOST` header may name.
pub(crate) fn group_at(to: SocketAddr) -> Group {
    match to.ip() {
        ip if ip.is_ipv4() => Group::Ipv4,
        ip if ip == Group::Ipv6SiteLocal.address().ip() => Group::Ipv6SiteLocal,
        _ => Group::Ipv6LinkLocal,
    }
}

/// The datagrams to one address, which has been sent so many before.
///
/// The first asks for gateways. The next ask for what is left of those that do not answer to it: some know their
/// services only, or no more than `upnp:rootdevice`, and one answers `ssdp:all` with its first device.
pub(crate) fn searches(repetition: u32, to: SocketAddr, user_agent: &str) -> Vec<String> {
    let unicast = !to.ip().is_multicast();
    let group = group_at(to);
    let targets: &[&str] = match repetition {
        0 => &[IGD_2, IGD_1],
        1 => &[IGD_2, IGD_1, IP_1, PPP_1, ROOT],
        _ => &[IGD_2, IGD_1, IP_2, IP_1, PPP_1, ROOT, ALL],
    };
    let asked = match unicast && repetition == 0 {
        // Answered at once, without MX (UDA 1.1 section 1.3.2) ...
        true => Asked::Host(to),
        // ... which devices made of an old libupnp miss: they take what is meant for all.
        false => Asked::Group { group, mx: MX },
    };
    targets
        .iter()
        .map(|target| render_search(asked, target, user_agent))
        .collect()
}

/// How much an answer promises, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// A gateway of version 2.
    NewGateway,
    /// A gateway.
    Gateway,
    /// Some root device.
    Something,
    /// Anything, from whoever is to be looked at closely.
    Anything,
}

impl Promise {
    /// What an answer promises that has this `ST` and `USN`.
    pub(crate) fn of(st: Option<&str>, usn: Option<&str>) -> Self {
        let (st, usn) = (st.unwrap_or_default(), usn.unwrap_or_default());
        let mention = |name: &str| st.contains(name) || usn.contains(name);
        let parts = ["InternetGatewayDevice:", "WANIPConnection:", "WANPPPConnection:"];
        let outer = ["WANConnectionDevice:", "WANDevice:", "WANCommonInterfaceConfig:"];
        if mention("InternetGatewayDevice:2") || mention("WANIPConnection:2") {
            Self::NewGateway
        } else if parts.into_iter().chain(outer).any(mention) {
            Self::Gateway
        } else if st == ROOT || usn.ends_with(ROOT) {
            Self::Something
        } else {
            Self::Anything
        }
    }
}

#[cfg(test)]
mod tests {
    use portreeve_wire::Quirks;
    use portreeve_wire::ssdp::{self, Message};

    use super::*;

    const AGENT: &str = "Linux/6 UPnP/1.1 portreeve/1";

    fn gateway() -> SocketAddr {
        ([192, 168, 77, 1], PORT).into()
    }

    fn on_link(address: &str) -> SocketAddr {
        crate::network::scoped(address.parse().unwrap(), PORT, 3)
    }

    #[test]
    fn over_ipv6_the_link_is_asked_from_the_link_and_the_site_from_what_reaches_further() {
        let origin = |address: &str| Origin {
            interface: "eth0".to_owned(),
            index: 3,
            address: address.parse().unwrap(),
            prefix_len: 64,
            gateway: None,
            loopback: false,
            multicast: true,
        };
        for (from, to) in [
            ("192.168.77.10", EVERYONE),
            ("fe80::10", on_link("ff02::c")),
            ("fd77::10", on_link("ff05::c")),
            ("2001:db8::10", on_link("ff05::c")),
        ] {
            assert_eq!(everyone_from(&origin(from)), to, "{from}");
        }
    }

    #[test]
    fn searches_are_repeated_at_growing_intervals() {
        let times: Vec<_> = (0..7).map(|number| Round::of(number).at.as_millis()).collect();
        assert_eq!(times, [0, 30, 150, 450, 1050, 2250, 4650]);
        assert!(Round::of(u32::MAX).at > Duration::from_secs(3600));
    }

    #[test]
    fn every_search_is_one_that_a_strict_gateway_answers() {
        for (number, to, mx, host) in [
            (0, EVERYONE, Some(1), "239.255.255.250:1900"),
            (0, gateway(), None, "192.168.77.1:1900"),
            (1, gateway(), Some(1), "239.255.255.250:1900"),
            (0, on_link("ff02::c"), Some(1), "[FF02::C]:1900"),
            (1, on_link("ff05::c"), Some(1), "[FF05::C]:1900"),
            (0, on_link("fe80::1"), None, "[fe80::1]:1900"),
            (1, on_link("fe80::1"), Some(1), "[FF02::C]:1900"),
        ] {
            for text in searches(number, to, AGENT) {
                let Ok(Message::Search(search)) = ssdp::parse(text.as_bytes(), Quirks::NONE) else {
                    panic!("{text}")
                };
                assert_eq!((search.mx, search.host.as_deref()), (mx, Some(host)));
                assert_eq!(search.user_agent.as_deref(), Some(AGENT));
            }
        }
    }

    #[test]
    fn r1_r2_every_way_in_that_is_known_from_the_field_is_tried_within_half_a_second() {
        for to in [EVERYONE, gateway(), on_link("ff02::c")] {
            let sent: String = (0..3).flat_map(|number| searches(number, to, AGENT)).collect();
            for target in [IGD_2, IGD_1, IP_2, IP_1, PPP_1, ROOT, ALL] {
                assert!(sent.contains(&format!("ST: {target}\r\n")), "{target} to {to}");
            }
        }
        let third = (0..).map(Round::of).find(|round| round.repetition == 2);
        assert!(third.is_some_and(|round| round.at < Duration::from_millis(500)));
        assert!(searches(0, EVERYONE, AGENT).len() <= 3 && searches(2, EVERYONE, AGENT).len() <= 8);
    }

    #[test]
    fn answers_promise_more_or_less() {
        let of = |st: &str| Promise::of(Some(st), Some("uuid:x"));
        assert_eq!(of(IGD_2), Promise::NewGateway);
        assert_eq!(of(IGD_1), Promise::Gateway);
        assert_eq!(of("urn:schemas-upnp-org:service:WANIPConnection:"), Promise::Gateway);
        assert_eq!(
            of("urn:schemas-upnp-org:device:WANConnectionDevice:1"),
            Promise::Gateway
        );
        assert_eq!(of(ROOT), Promise::Something);
        assert_eq!(of("urn:schemas-wifialliance-org:device:WFADevice:1"), Promise::Anything);
        assert_eq!(
            Promise::of(Some(ROOT), Some(&format!("uuid:x::{IGD_1}"))),
            Promise::Gateway
        );
        assert_eq!(Promise::of(None, Some(&format!("uuid:x::{ROOT}"))), Promise::Something);
        assert_eq!(Promise::of(None, None), Promise::Anything);
    }
}
