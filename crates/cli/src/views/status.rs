//! How a gateway's connection is.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::exit::Failure;
use crate::output::{Page, Text, Tone, View, bits_per_second, bytes, count, fields, span};

use super::gateway::{AddressKind, Gateway, address_in_words};

/// What a look at the gateway showed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reading {
    /// The gateway.
    pub(crate) gateway: Gateway,
    /// `ConnectionStatus`.
    pub(crate) connection_status: Text,
    /// `LastConnectionError`.
    pub(crate) last_connection_error: Text,
    /// `Uptime` in seconds.
    pub(crate) uptime_seconds: Option<u64>,
    /// `ExternalIPAddress`, if it is an address.
    pub(crate) external_address: Option<IpAddr>,
    /// What kind of address it is.
    pub(crate) address_kind: AddressKind,
    /// The external IPv6 address, of gateways that tell.
    pub(crate) external_ipv6_address: Option<IpAddr>,
    /// `NATEnabled`, of gateways that tell.
    pub(crate) nat_enabled: Option<bool>,
    /// The IPv6 firewall, of gateways that tell.
    pub(crate) ipv6_firewall: Option<Firewall>,
    /// The physical link, of gateways that tell.
    pub(crate) link: Option<Link>,
    /// What it carried, of gateways that tell.
    pub(crate) traffic: Option<Traffic>,
    /// Number of mappings of all hosts, of gateways that tell.
    pub(crate) mappings: Option<u32>,
    /// How many mappings this host may have, of gateways that tell.
    pub(crate) capacity: Option<u32>,
    /// Why a mapping cannot work now; `None` if it can.
    pub(crate) unusable: Option<Unusable>,
}

/// The IPv6 firewall (`GetFirewallStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Firewall {
    /// `FirewallEnabled`.
    pub(crate) enabled: bool,
    /// `InboundPinholeAllowed`.
    pub(crate) pinholes_allowed: bool,
}

impl Firewall {
    const fn in_words(self) -> &'static str {
        match (self.enabled, self.pinholes_allowed) {
            (false, _) => "off for IPv6: hosts are reachable as they are",
            (true, true) => "on for IPv6, programs may open pinholes",
            (true, false) => "on for IPv6, programs may not open pinholes",
        }
    }
}

/// The physical link (`GetCommonLinkProperties`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    /// `WANAccessType`.
    pub(crate) access_type: Text,
    /// `PhysicalLinkStatus`.
    pub(crate) physical_status: Text,
    /// `Layer1UpstreamMaxBitRate`.
    pub(crate) up_bits_per_second: u64,
    /// `Layer1DownstreamMaxBitRate`.
    pub(crate) down_bits_per_second: u64,
}

/// Counters since the gateway started, or since they wrapped.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Traffic {
    /// `TotalBytesSent`.
    pub(crate) sent_bytes: Option<u64>,
    /// `TotalBytesReceived`.
    pub(crate) received_bytes: Option<u64>,
    /// `TotalPacketsSent`.
    pub(crate) sent_packets: Option<u64>,
    /// `TotalPacketsReceived`.
    pub(crate) received_packets: Option<u64>,
}

/// Why a mapping cannot work, as errors say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unusable {
    /// Stable name.
    pub(crate) code: &'static str,
    /// A sentence.
    pub(crate) problem: Text,
    /// What to do.
    pub(crate) remedy: Option<Text>,
}

/// What `status --watch` tells.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum StatusEvent {
    /// The first look, or something changed.
    Status {
        /// The look.
        status: Box<Reading>,
    },
    /// The gateway has stopped answering.
    Unreachable {
        /// What happened.
        error: Failure,
    },
}

impl Reading {
    /// Whether a watcher has news, beyond counters that always count.
    pub(crate) fn differs(&self, before: &Self) -> bool {
        let facts = |reading: &Self| {
            (
                reading.gateway.clone(),
                reading.connection_status.clone(),
                reading.last_connection_error.clone(),
                (reading.external_address, reading.address_kind),
                reading.external_ipv6_address,
                (reading.nat_enabled, reading.ipv6_firewall),
                reading.link.clone(),
                (reading.mappings, reading.capacity),
                reading.unusable.clone(),
            )
        };
        // Uptime that runs backwards is a connection that was lost and came back between two looks.
        facts(self) != facts(before) || self.uptime_seconds < before.uptime_seconds
    }

    fn connection_in_words(&self, page: &Page) -> String {
        let status = self.connection_status.or("unknown");
        let connected = matches!(status, "Connected" | "Up");
        let mut words = page.paint(if connected { Tone::Good } else { Tone::Bad }, status);
        if let Some(seconds) = self.uptime_seconds.filter(|_| connected) {
            words += &format!(" for {}", span(Duration::from_secs(seconds)));
        }
        match self.last_connection_error.as_str() {
            "" | "ERROR_NONE" => {}
            error => words += &format!(", last error {error}"),
        }
        words
    }

    fn mappings_in_words(&self) -> String {
        match (self.mappings, self.capacity) {
            (Some(mappings), Some(capacity)) => {
                format!(
                    "{}, this host may have {capacity}",
                    count(mappings.into(), "mapping", "mappings")
                )
            }
            (Some(mappings), None) => count(mappings.into(), "mapping", "mappings"),
            (None, Some(capacity)) => format!("this host may have {capacity}"),
            (None, None) => String::new(),
        }
    }
}

impl Link {
    fn in_words(&self) -> String {
        let rates = match (self.up_bits_per_second, self.down_bits_per_second) {
            (0, 0) => String::new(),
            (up, down) => format!(", {} up, {} down", rate(up), rate(down)),
        };
        format!(
            "{} {}{rates}",
            self.access_type.or("unknown kind"),
            self.physical_status.as_str().to_lowercase()
        )
    }
}

impl Traffic {
    fn in_words(&self) -> String {
        match (self.received_bytes, self.sent_bytes) {
            (Some(received), Some(sent)) => format!("{} received, {} sent", bytes(received), bytes(sent)),
            _ => String::new(),
        }
    }
}

impl View for Reading {
    fn human(&self, page: &Page) -> String {
        let nat = match self.nat_enabled {
            None => "",
            Some(true) => "on",
            Some(false) => "off: the gateway only routes, no mapping is needed",
        };
        let (verdict, remedy) = match &self.unusable {
            None => (page.paint(Tone::Good, "ready to map ports"), String::new()),
            Some(unusable) => (
                page.paint(Tone::Bad, unusable.problem.as_str()),
                unusable.remedy.clone().unwrap_or_default().to_string(),
            ),
        };
        let firewall = self.ipv6_firewall.map_or("", Firewall::in_words);
        let ipv6 = self.external_ipv6_address.map(|address| address.to_string());
        fields(
            page,
            [
                ("Gateway", self.gateway.brief()),
                ("Connection", self.connection_in_words(page)),
                ("Address", address_in_words(self.external_address, self.address_kind)),
                ("IPv6", ipv6.unwrap_or_default()),
                ("NAT", nat.to_owned()),
                ("Firewall", firewall.to_owned()),
                ("Link", self.link.as_ref().map(Link::in_words).unwrap_or_default()),
                (
                    "Traffic",
                    self.traffic.as_ref().map(Traffic::in_words).unwrap_or_default(),
                ),
                ("Mappings", self.mappings_in_words()),
                ("Verdict", verdict),
                ("", remedy),
            ],
        )
    }
}

impl View for StatusEvent {
    fn human(&self, page: &Page) -> String {
        match self {
            Self::Status { status } => status.human(page),
            Self::Unreachable { error } => fields(
                page,
                [
                    ("Gateway", page.paint(Tone::Bad, error.problem.as_str())),
                    ("", error.remedy.clone().unwrap_or_default().to_string()),
                ],
            ),
        }
    }
}

/// A bit rate; the largest number that the argument holds stands for more, too.
fn rate(rate: u64) -> String {
    let more = if rate >= u32::MAX.into() { "over " } else { "" };
    format!("{more}{}", bits_per_second(rate))
}

#[cfg(test)]
mod tests {
    use super::super::gateway::tests::gateway;
    use super::*;

    fn reading() -> Reading {
        Reading {
            gateway: gateway(),
            connection_status: Text::clean("Connected"),
            last_connection_error: Text::clean("ERROR_NONE"),
            uptime_seconds: Some(273_600),
            external_address: Some([11, 11, 11, 2].into()),
            address_kind: AddressKind::Public,
            external_ipv6_address: None,
            nat_enabled: Some(true),
            ipv6_firewall: None,
            link: Some(Link {
                access_type: Text::clean("Ethernet"),
                physical_status: Text::clean("Up"),
                up_bits_per_second: 50_000_000,
                down_bits_per_second: 250_000_000,
            }),
            traffic: Some(Traffic {
                sent_bytes: Some(2048),
                received_bytes: Some(1_288_490_189),
                sent_packets: None,
                received_packets: None,
            }),
            mappings: Some(12),
            capacity: Some(450),
            unusable: None,
        }
    }

    #[test]
    fn a_good_connection_is_told_in_words() {
        assert_eq!(
            reading().human(&Page::PLAIN),
            "Gateway     Home at 192.168.77.1\n\
             Connection  Connected for 3 days 4 h\n\
             Address     11.11.11.2 (public)\n\
             NAT         on\n\
             Link        Ethernet up, 50 Mbit/s up, 250 Mbit/s down\n\
             Traffic     1.2 GiB received, 2 KiB sent\n\
             Mappings    12 mappings, this host may have 450\n\
             Verdict     ready to map ports\n"
        );
    }

    #[test]
    fn ipv6_has_lines_of_its_own() {
        let told = |firewall| {
            let reading = Reading {
                external_ipv6_address: "2001:db8:113::2".parse().ok(),
                nat_enabled: Some(false),
                ipv6_firewall: Some(firewall),
                ..reading()
            };
            reading.human(&Page::PLAIN)
        };
        let firewall = |enabled, pinholes_allowed| Firewall {
            enabled,
            pinholes_allowed,
        };
        let on = told(firewall(true, true));
        assert!(
            on.contains(
                "IPv6        2001:db8:113::2\n\
                 NAT         off: the gateway only routes, no mapping is needed\n\
                 Firewall    on for IPv6, programs may open pinholes\n"
            ),
            "{on}"
        );
        assert!(told(firewall(true, false)).contains("may not open pinholes"));
        assert!(told(firewall(false, true)).contains("off for IPv6"));
    }

    #[test]
    fn a_rate_that_does_not_fit_is_told_as_more() {
        assert_eq!(rate(u32::MAX.into()), "over 4.2 Gbit/s");
        assert_eq!(rate(50_000_000), "50 Mbit/s");
    }

    #[test]
    fn what_the_gateway_does_not_tell_is_left_out_and_what_is_wrong_has_a_remedy() {
        let told = Reading {
            connection_status: Text::clean("Disconnected"),
            last_connection_error: Text::clean("ERROR_ISP_DISCONNECT"),
            external_address: None,
            address_kind: AddressKind::None,
            nat_enabled: None,
            ipv6_firewall: None,
            link: None,
            traffic: None,
            mappings: None,
            capacity: None,
            unusable: Some(Unusable {
                code: "not-connected",
                problem: Text::clean("It is down."),
                remedy: Some(Text::clean("Wait.")),
            }),
            ..reading()
        }
        .human(&Page::PLAIN);
        assert_eq!(
            told,
            "Gateway     Home at 192.168.77.1\n\
             Connection  Disconnected, last error ERROR_ISP_DISCONNECT\n\
             Address     none\n\
             Verdict     It is down.\n\
            \x20           Wait.\n"
        );
    }

    #[test]
    fn counting_counters_are_no_news_but_uptime_backwards_is() {
        let before = reading();
        let mut after = reading();
        after.uptime_seconds = Some(273_602);
        after.traffic = None;
        assert!(!after.differs(&before));
        after.uptime_seconds = Some(1);
        assert!(after.differs(&before));
        after = reading();
        after.mappings = Some(13);
        assert!(after.differs(&before));
    }
}
