//! What `map` tells.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::exit::Failure;
use crate::output::{Page, Text, Tone, View, span, wrapped};

use super::pinhole::{self, Pinhole};

/// A mapping as the gateway has it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mapping {
    /// `TCP` or `UDP`.
    pub(crate) protocol: Text,
    /// The address of the gateway on the Internet, if it has one.
    pub(crate) external_address: Option<IpAddr>,
    /// The port there.
    pub(crate) external_port: u16,
    /// The host that it leads to.
    pub(crate) internal_client: IpAddr,
    /// The port there.
    pub(crate) internal_port: u16,
    /// The lease that the gateway granted, in seconds; `None` for one without end.
    pub(crate) lease_seconds: Option<u64>,
    /// Whether reading back showed the mapping as it was asked for.
    pub(crate) verified: bool,
    /// What had to be done to get it.
    pub(crate) notes: Vec<Note>,
}

/// What had to be done to get a mapping.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Note {
    /// Stable name.
    pub(crate) code: &'static str,
    /// A sentence.
    pub(crate) text: Text,
}

/// How a mapping ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// It was removed.
    Removed,
    /// It is left alone, until its lease ends.
    Left,
    /// Removing it failed; it ends with its lease.
    Stuck,
}

/// What happens while mappings are kept.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum MapEvent {
    /// The mapping is there.
    Mapped {
        /// The mapping.
        mapping: Mapping,
        /// Seconds between renewals; `None` for one without end.
        renewal_seconds: Option<u64>,
    },
    /// The lease was renewed.
    Renewed {
        /// The mapping.
        mapping: Mapping,
    },
    /// The gateway has another address on the Internet.
    ExternalAddress {
        /// The mapping, with the new address.
        mapping: Mapping,
    },
    /// The mapping had to move to another port.
    ExternalPort {
        /// The mapping, with the new port.
        mapping: Mapping,
    },
    /// The address of this machine has changed, and the mapping leads to the new one.
    InternalClient {
        /// The mapping, with the new client.
        mapping: Mapping,
    },
    /// It could not be renewed or looked at. Its lease still runs, and it is tried again.
    Unconfirmed {
        /// The mapping.
        mapping: Mapping,
        /// Why.
        error: Failure,
    },
    /// The mapping is not there any more; it is being asked for again.
    Lost {
        /// The mapping as it was.
        mapping: Mapping,
        /// Why.
        error: Failure,
    },
    /// No mapping is needed or possible; a pinhole opens the port over IPv6.
    OverIpv6 {
        /// Stable name of the cause.
        code: &'static str,
        /// The cause.
        problem: Text,
    },
    /// The mapping is there again.
    Restored {
        /// The mapping.
        mapping: Mapping,
    },
}

/// What came of it in the end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mapped {
    /// The mappings.
    pub(crate) mappings: Vec<Mapping>,
    /// The pinholes that take the place of mappings.
    pub(crate) pinholes: Vec<Pinhole>,
    /// What became of them.
    pub(crate) ending: Ending,
}

impl Mapping {
    /// From where to where: `TCP 11.11.11.2:18080 -> 192.168.77.10:8080`.
    pub(crate) fn route(&self) -> String {
        let outside = self.external_address.map_or_else(
            || format!("port {}", self.external_port),
            |address| host_and_port(address, self.external_port),
        );
        format!(
            "{} {outside} -> {}",
            self.protocol,
            host_and_port(self.internal_client, self.internal_port)
        )
    }

    fn proof(&self) -> &'static str {
        if self.verified { "verified" } else { "not verified" }
    }

    fn notes(&self, page: &Page) -> String {
        let mut text = String::new();
        for note in &self.notes {
            let _ = write!(
                text,
                "  {} {}",
                page.paint(Tone::Doubtful, "note:"),
                wrapped(note.text.as_str(), page.width, 8)
            );
        }
        text
    }
}

fn host_and_port(host: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(host, port).to_string()
}

impl View for MapEvent {
    fn human(&self, page: &Page) -> String {
        match self {
            Self::Mapped {
                mapping,
                renewal_seconds,
            } => {
                let renewal = match renewal_seconds {
                    None => String::new(),
                    Some(seconds) => format!(", renewed every {}", span(Duration::from_secs(*seconds))),
                };
                format!(
                    "{}, {}{renewal}; Ctrl-C removes it\n{}",
                    page.paint(Tone::Good, &mapping.route()),
                    mapping.proof(),
                    mapping.notes(page)
                )
            }
            Self::Renewed { mapping } => format!("{}, renewed, {}\n", mapping.route(), mapping.proof()),
            Self::ExternalAddress { mapping } => format!(
                "{}: {}\n",
                page.paint(Tone::Doubtful, "the external address has changed"),
                mapping.route()
            ),
            Self::ExternalPort { mapping } => format!(
                "{}: {}\n",
                page.paint(Tone::Doubtful, "the external port has changed"),
                mapping.route()
            ),
            Self::InternalClient { mapping } => format!(
                "{}: {}\n",
                page.paint(Tone::Doubtful, "the address of this machine has changed"),
                mapping.route()
            ),
            Self::Unconfirmed { mapping, error } => format!(
                "{}: {}; trying again. {}",
                page.paint(Tone::Doubtful, "not renewed yet"),
                mapping.route(),
                wrapped(error.problem.as_str(), None, 0)
            ),
            Self::Lost { mapping, error } => format!(
                "{}: {}; trying again. {}",
                page.paint(Tone::Bad, "lost"),
                mapping.route(),
                wrapped(error.problem.as_str(), None, 0)
            ),
            Self::OverIpv6 { problem, .. } => {
                let words = format!("{problem} Over IPv6 a pinhole opens the port.");
                wrapped(&words, page.width, 0)
            }
            Self::Restored { mapping } => {
                format!("{}: {}\n", page.paint(Tone::Good, "restored"), mapping.route())
            }
        }
    }
}

impl View for Mapped {
    fn human(&self, page: &Page) -> String {
        let mut text = String::new();
        for mapping in &self.mappings {
            let _ = match self.ending {
                Ending::Removed => writeln!(text, "removed {}", mapping.route()),
                Ending::Stuck => writeln!(text, "not removed: {}; {}", mapping.route(), mapping.end()),
                Ending::Left => write!(
                    text,
                    "{}, {}; {}\n{}",
                    page.paint(Tone::Good, &mapping.route()),
                    mapping.proof(),
                    mapping.end(),
                    mapping.notes(page)
                ),
            };
        }
        text + &pinhole::farewell(&self.pinholes, self.ending, page)
    }
}

impl Mapping {
    /// When it ends if nobody does anything.
    fn end(&self) -> String {
        match self.lease_seconds {
            None => format!("it stays until `portreeve unmap {}`", self.external_port),
            Some(seconds) => format!("it ends in {}", span(Duration::from_secs(seconds))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> Mapping {
        Mapping {
            protocol: Text::clean("TCP"),
            external_address: Some([11, 11, 11, 2].into()),
            external_port: 18080,
            internal_client: [192, 168, 77, 10].into(),
            internal_port: 8080,
            lease_seconds: Some(3600),
            verified: true,
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_first_line_says_where_from_where_to_and_how_long() {
        let event = MapEvent::Mapped {
            mapping: mapping(),
            renewal_seconds: Some(1800),
        };
        assert_eq!(
            event.human(&Page::PLAIN),
            "TCP 11.11.11.2:18080 -> 192.168.77.10:8080, verified, renewed every 30 min; Ctrl-C removes it\n"
        );
    }

    #[test]
    fn notes_follow_and_a_mapping_without_end_says_how_to_remove_it() {
        let left = Mapped {
            mappings: vec![Mapping {
                external_address: None,
                lease_seconds: None,
                verified: false,
                notes: vec![Note {
                    code: "permanent-lease",
                    text: Text::clean("It takes no leases."),
                }],
                ..mapping()
            }],
            pinholes: Vec::new(),
            ending: Ending::Left,
        };
        assert_eq!(
            left.human(&Page::PLAIN),
            "TCP port 18080 -> 192.168.77.10:8080, not verified; it stays until `portreeve unmap 18080`\n\
            \x20 note: It takes no leases.\n"
        );
    }

    #[test]
    fn what_is_lost_says_why_and_that_it_is_being_restored() {
        let error = Failure::usage("The gateway has no such mapping.", "");
        let told = MapEvent::Lost {
            mapping: mapping(),
            error,
        }
        .human(&Page::PLAIN);
        assert_eq!(
            told,
            "lost: TCP 11.11.11.2:18080 -> 192.168.77.10:8080; trying again. The gateway has no such mapping.\n"
        );
    }

    #[test]
    fn addresses_of_version_6_stand_in_brackets() {
        let mapping = Mapping {
            external_address: Some("2001:db8:113::2".parse().unwrap()),
            ..mapping()
        };
        assert_eq!(mapping.route(), "TCP [2001:db8:113::2]:18080 -> 192.168.77.10:8080");
    }
}
