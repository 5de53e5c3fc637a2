//! What is searched for, when, and how a search looks.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portreeve_wire::ssdp::{Asked, Group, PORT, render_search};

/// Everybody who listens for searches (UDA 1.1 section 1.1.1).
pub(crate) const EVERYONE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), PORT);

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

/// The datagrams to one address, which has been sent so many before.
///
/// The first asks for gateways. The next ask for what is left of those that do not answer to it: some know their
/// services only, or no more than `upnp:rootdevice`, and one answers `ssdp:all` with its first device.
pub(crate) fn searches(repetition: u32, to: SocketAddrV4, user_agent: &str) -> Vec<String> {
    let unicast = !to.ip().is_multicast();
    let targets: &[&str] = match repetition {
        0 => &[IGD_2, IGD_1],
        1 => &[IGD_2, IGD_1, IP_1, PPP_1, ROOT],
        _ => &[IGD_2, IGD_1, IP_2, IP_1, PPP_1, ROOT, ALL],
    };
    let asked = match unicast && repetition == 0 {
        // Answered at once, without MX (UDA 1.1 section 1.3.2) ...
        true => Asked::Host(to.into()),
        // ... which devices made of an old libupnp miss: they take what is meant for all.
        false => Asked::Group {
            group: Group::Ipv4,
            mx: MX,
        },
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
    const GATEWAY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 77, 1), PORT);

    #[test]
    fn searches_are_repeated_at_growing_intervals() {
        let times: Vec<_> = (0..7).map(|number| Round::of(number).at.as_millis()).collect();
        assert_eq!(times, [0, 30, 150, 450, 1050, 2250, 4650]);
        assert!(Round::of(u32::MAX).at > Duration::from_secs(3600));
    }

    #[test]
    fn every_search_is_one_that_a_strict_gateway_answers() {
        for (number, to, mx, host) in [
            (0, EVERYONE, Some(1), EVERYONE),
            (0, GATEWAY, None, GATEWAY),
            (1, GATEWAY, Some(1), EVERYONE),
        ] {
            for text in searches(number, to, AGENT) {
                let Ok(Message::Search(search)) = ssdp::parse(text.as_bytes(), Quirks::NONE) else {
                    panic!("{text}")
                };
                assert_eq!((search.mx, search.host), (mx, Some(host.to_string())));
                assert_eq!(search.user_agent.as_deref(), Some(AGENT));
            }
        }
    }

    #[test]
    fn r1_r2_every_way_in_that_is_known_from_the_field_is_tried_within_half_a_second() {
        for to in [EVERYONE, GATEWAY] {
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
