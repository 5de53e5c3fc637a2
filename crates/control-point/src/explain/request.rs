//! Requests that make no sense, found before anything is sent.

use super::{Explanation, plain, quoted};
use crate::error::InvalidRequest;

impl InvalidRequest {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::Port(which) => Explanation::new(
                "invalid-port",
                format!("The {which} is 0, which is no port."),
                "Give a number from 1 to 65535.",
            ),
            Self::Lease(asked) => Explanation::new(
                "invalid-lease",
                format!(
                    "A mapping lasts between 1 second and 1 week (604800 seconds), and {} seconds were asked for.",
                    asked.as_secs()
                ),
                "Leave out the lease: an hour is usual, and a kept mapping is renewed in time.",
            ),
            Self::PinholeLease(asked) => Explanation::new(
                "invalid-lease",
                format!(
                    "A pinhole lasts between 1 second and 1 day (86400 seconds), and {} seconds were asked for.",
                    asked.as_secs()
                ),
                "Leave out the lease: an hour is usual, and a kept pinhole is renewed in time.",
            ),
            Self::Protocol(text) if is_wildcard(text) => Explanation::new(
                "wildcard-protocol",
                format!(
                    "A mapping carries one protocol, so there is none for {} of them.",
                    quoted(text)
                ),
                "Give tcp or udp; `both` on the command line makes two mappings.",
            ),
            Self::Protocol(text) => Explanation::new(
                "invalid-protocol",
                format!("A mapping carries TCP or UDP, and not {}.", quoted(text)),
                "Give tcp or udp.",
            ),
            Self::Argument { argument, problem } => Explanation::new(
                "invalid-argument",
                format!("Something is wrong with {}: {}.", quoted(argument), plain(problem)),
                "Compare names and values with the action's own description; `portreeve call SERVICE` shows those of \
                 all its actions.",
            ),
            Self::Value { what, value, problem } => Explanation::new(
                "invalid-value",
                format!("{} is no {what}: {}.", quoted(value), plain(problem)),
                format!("Give another {what}."),
            ),
        }
    }
}

/// Whether somebody means every protocol.
fn is_wildcard(text: &str) -> bool {
    let wildcards = [
        "", "*", "0", "any", "all", "both", "tcp/udp", "tcp+udp", "tcp,udp", "tcpudp",
    ];
    wildcards.iter().any(|known| text.trim().eq_ignore_ascii_case(known))
}
