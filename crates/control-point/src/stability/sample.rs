//! One look at the gateway.

use std::time::Duration;

use crate::bounded::bounded;

/// What one look at the gateway showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, since the beginning of the observation, by a clock that only runs forward.
    pub at: Duration,
    /// What was seen.
    pub seen: Seen,
}

/// What the gateway said, if it said something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// The connection is up.
    Up {
        /// Uptime: how long already, by the gateway's clock in whole seconds; `None` if it does not tell.
        uptime: Option<Duration>,
    },
    /// The connection is not up.
    Down {
        /// ConnectionStatus, as the gateway says it.
        status: String,
        /// LastConnectionError, as the gateway says it.
        last_error: String,
    },
    /// The gateway did not answer, which tells nothing about its connection.
    Unreachable,
}

impl Seen {
    /// Reads the answer to GetStatusInfo. Packets pass while ConnectionStatus is Connected or PendingDisconnect
    /// (WANIPConnection:2 section 2.6.2), and some gateways say Up.
    pub fn from_status(status: &str, last_error: &str, uptime: Option<Duration>) -> Self {
        let passing = ["Connected", "PendingDisconnect", "Up"];
        if passing.iter().any(|known| status.trim().eq_ignore_ascii_case(known)) {
            Self::Up { uptime }
        } else {
            Self::Down {
                status: bounded(status),
                last_error: bounded(last_error),
            }
        }
    }
}
