//! What `pinhole` tells, and `map` where a pinhole takes the place of a mapping.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::exit::Failure;
use crate::output::{Page, Text, Tone, View, count, span, wrapped};

use super::Ending;

/// A pinhole as far as is known.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pinhole {
    /// The gateway's number of it; `None` while it is not open, or not needed.
    pub(crate) id: Option<u16>,
    /// `TCP`, `UDP`, `protocol 132`, `all protocols`.
    pub(crate) protocol: Text,
    /// The address that it leads to, at which others reach it.
    pub(crate) internal_client: IpAddr,
    /// The port there; 0 for all.
    pub(crate) internal_port: u16,
    /// The lease that was asked for, in seconds.
    pub(crate) lease_seconds: u64,
    /// Whether the address can be reached from the Internet, and not only in the site.
    pub(crate) global: bool,
    /// Whether the firewall is on, so that it is needed.
    pub(crate) needed: bool,
}

/// What happens while pinholes are kept.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event")]
pub(crate) enum PinholeEvent {
    /// It is open.
    #[serde(rename = "pinhole-opened")]
    Opened {
        /// The pinhole.
        pinhole: Pinhole,
        /// Seconds between renewals.
        renewal_seconds: u64,
    },
    /// The firewall is off: the address is reachable as it is. It is opened once the firewall is on.
    #[serde(rename = "pinhole-not-needed")]
    NotNeeded {
        /// What it would lead to.
        pinhole: Pinhole,
    },
    /// The lease was renewed.
    #[serde(rename = "pinhole-renewed")]
    Renewed {
        /// The pinhole.
        pinhole: Pinhole,
    },
    /// The address of this machine has changed, and the pinhole leads to the new one.
    #[serde(rename = "pinhole-client")]
    Client {
        /// The pinhole, with the new client.
        pinhole: Pinhole,
    },
    /// It could not be renewed or looked at. Its lease still runs, and it is tried again.
    #[serde(rename = "pinhole-unconfirmed")]
    Unconfirmed {
        /// The pinhole.
        pinhole: Pinhole,
        /// Why.
        error: Failure,
    },
    /// It is not open any more; it is being opened again.
    #[serde(rename = "pinhole-lost")]
    Lost {
        /// The pinhole as it was.
        pinhole: Pinhole,
        /// Why.
        error: Failure,
    },
}

/// What came of it in the end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PinholesKept {
    /// The pinholes.
    pub(crate) pinholes: Vec<Pinhole>,
    /// What became of them.
    pub(crate) ending: Ending,
}

/// The answer to `pinhole update`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PinholeUpdated {
    /// The gateway's number.
    pub(crate) id: u16,
    /// The lease from now on.
    pub(crate) lease_seconds: u64,
}

/// The answer to `pinhole delete`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PinholeDeleted {
    /// The gateway's number.
    pub(crate) id: u16,
}

/// The answer to `pinhole check`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PinholeChecked {
    /// The gateway's number.
    pub(crate) id: u16,
    /// Whether packets come through.
    pub(crate) traffic: Traffic,
}

/// Whether packets come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Traffic {
    /// They do.
    Passes,
    /// They do not.
    Blocked,
    /// None has come, so that nobody knows.
    NoneYet,
}

/// The answer to `pinhole packets`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PinholePackets {
    /// The gateway's number.
    pub(crate) id: u16,
    /// How many came through.
    pub(crate) packets: u32,
}

impl Pinhole {
    /// `TCP [2001:db8::2]:8080`.
    pub(crate) fn end(&self) -> String {
        match self.internal_port {
            0 => format!("{} {}, all ports", self.protocol, self.internal_client),
            port => format!("{} {}", self.protocol, SocketAddr::new(self.internal_client, port)),
        }
    }

    fn number(&self) -> String {
        self.id.map_or_else(String::new, |id| format!(", pinhole {id}"))
    }

    fn note(&self, page: &Page) -> String {
        if self.global {
            return String::new();
        }
        let text = "this machine has no IPv6 address of the Internet; this one is reached in the local network only";
        format!(
            "  {} {}",
            page.paint(Tone::Doubtful, "note:"),
            wrapped(text, page.width, 8)
        )
    }

    fn not_needed(&self, page: &Page) -> String {
        format!(
            "{}: the router's IPv6 firewall is off, so there is nothing to open",
            page.paint(Tone::Good, &format!("{} is reachable as it is", self.end()))
        )
    }
}

impl View for PinholeEvent {
    fn human(&self, page: &Page) -> String {
        match self {
            Self::Opened {
                pinhole,
                renewal_seconds,
            } => format!(
                "{}{}, renewed every {}; Ctrl-C closes it\n{}",
                page.paint(Tone::Good, &pinhole.end()),
                pinhole.number(),
                span(Duration::from_secs(*renewal_seconds)),
                pinhole.note(page)
            ),
            Self::NotNeeded { pinhole } => {
                format!(
                    "{} while it is; Ctrl-C ends this\n{}",
                    pinhole.not_needed(page),
                    pinhole.note(page)
                )
            }
            Self::Renewed { pinhole } => format!("{}{}, renewed\n", pinhole.end(), pinhole.number()),
            Self::Client { pinhole } => format!(
                "{}: {}\n",
                page.paint(Tone::Doubtful, "the address of this machine has changed"),
                pinhole.end()
            ),
            Self::Unconfirmed { pinhole, error } => format!(
                "{}: {}; trying again. {}",
                page.paint(Tone::Doubtful, "not renewed yet"),
                pinhole.end(),
                wrapped(error.problem.as_str(), None, 0)
            ),
            Self::Lost { pinhole, error } => format!(
                "{}: {}; trying again. {}",
                page.paint(Tone::Bad, "lost"),
                pinhole.end(),
                wrapped(error.problem.as_str(), None, 0)
            ),
        }
    }
}

/// What became of pinholes, in lines.
pub(super) fn farewell(pinholes: &[Pinhole], ending: Ending, page: &Page) -> String {
    let mut text = String::new();
    for pinhole in pinholes {
        let ends = span(Duration::from_secs(pinhole.lease_seconds));
        let _ = match ending {
            _ if !pinhole.needed => writeln!(text, "{}", pinhole.not_needed(page)),
            Ending::Removed => writeln!(text, "closed {}", pinhole.end()),
            Ending::Stuck => writeln!(text, "not closed: {}; it ends within {ends}", pinhole.end()),
            Ending::Left => write!(
                text,
                "{}{}; it ends in {ends}\n{}",
                page.paint(Tone::Good, &pinhole.end()),
                pinhole.number(),
                pinhole.note(page)
            ),
        };
    }
    text
}

impl View for PinholesKept {
    fn human(&self, page: &Page) -> String {
        farewell(&self.pinholes, self.ending, page)
    }
}

impl View for PinholeUpdated {
    fn human(&self, _: &Page) -> String {
        let ends = span(Duration::from_secs(self.lease_seconds));
        format!("pinhole {} ends in {ends}\n", self.id)
    }
}

impl View for PinholeDeleted {
    fn human(&self, _: &Page) -> String {
        format!("closed pinhole {}\n", self.id)
    }
}

impl View for PinholeChecked {
    fn human(&self, page: &Page) -> String {
        let (tone, words) = match self.traffic {
            Traffic::Passes => (Tone::Good, "lets packets through"),
            Traffic::Blocked => (Tone::Bad, "does not let packets through"),
            Traffic::NoneYet => (
                Tone::Doubtful,
                "has had no packet yet, so the router cannot tell; connect from outside first",
            ),
        };
        format!("pinhole {} {}\n", self.id, page.paint(tone, words))
    }
}

impl View for PinholePackets {
    fn human(&self, _: &Page) -> String {
        let packets = count(self.packets.into(), "packet", "packets");
        format!("pinhole {}: {packets}\n", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinhole() -> Pinhole {
        Pinhole {
            id: Some(7),
            protocol: Text::clean("TCP"),
            internal_client: "2001:db8:77::2".parse().unwrap(),
            internal_port: 8080,
            lease_seconds: 3600,
            global: true,
            needed: true,
        }
    }

    #[test]
    fn the_first_line_says_where_and_how_long() {
        let event = PinholeEvent::Opened {
            pinhole: pinhole(),
            renewal_seconds: 1800,
        };
        assert_eq!(
            event.human(&Page::PLAIN),
            "TCP [2001:db8:77::2]:8080, pinhole 7, renewed every 30 min; Ctrl-C closes it\n"
        );
    }

    #[test]
    fn an_address_that_leads_nowhere_from_outside_is_told() {
        let kept = PinholesKept {
            pinholes: vec![Pinhole {
                internal_client: "fd77::2".parse().unwrap(),
                internal_port: 0,
                global: false,
                ..pinhole()
            }],
            ending: Ending::Left,
        };
        assert_eq!(
            kept.human(&Page::PLAIN),
            "TCP fd77::2, all ports, pinhole 7; it ends in 1 h\n\
            \x20 note: this machine has no IPv6 address of the Internet; this one is reached in the local network only\n"
        );
    }

    #[test]
    fn where_the_firewall_is_off_nothing_is_opened_or_closed() {
        let kept = PinholesKept {
            pinholes: vec![Pinhole {
                id: None,
                needed: false,
                ..pinhole()
            }],
            ending: Ending::Removed,
        };
        assert_eq!(
            kept.human(&Page::PLAIN),
            "TCP [2001:db8:77::2]:8080 is reachable as it is: the router's IPv6 firewall is off, so there is nothing to open\n"
        );
    }

    #[test]
    fn answers_are_short() {
        let packets = PinholePackets { id: 7, packets: 1 };
        assert_eq!(packets.human(&Page::PLAIN), "pinhole 7: 1 packet\n");
        let checked = PinholeChecked {
            id: 7,
            traffic: Traffic::Passes,
        };
        assert_eq!(checked.human(&Page::PLAIN), "pinhole 7 lets packets through\n");
        let updated = PinholeUpdated {
            id: 7,
            lease_seconds: 60,
        };
        assert_eq!(updated.human(&Page::PLAIN), "pinhole 7 ends in 1 min\n");
    }
}
