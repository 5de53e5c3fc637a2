//! What had to be done to get a mapping, and how far it is proven.

use std::fmt;
use std::time::Duration;

use crate::error::Error;

/// Something about a mapping that is not as it was asked for. Its `Display` form is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Another external port than the preferred one.
    AnotherPort {
        /// The port preferred.
        wanted: u16,
        /// The port given.
        given: u16,
    },
    /// The gateway said yes to one port, and made the mapping on another.
    PortMoved {
        /// The port that it said yes to.
        asked: u16,
        /// The port that the mapping is on.
        found: u16,
    },
    /// A port below 1024 was refused.
    LowPortRefused(u16),
    /// The gateway said yes to a port below 1024 and did nothing.
    LowPortIgnored(u16),
    /// The gateway insists on equal external and internal ports (error 724).
    SamePortOnly,
    /// The gateway keeps mappings for ever only (error 725): this one stays until it is removed.
    PermanentOnly,
    /// The gateway refused the lease that was wanted and took another.
    AnotherLease {
        /// The lease wanted.
        wanted: Duration,
        /// The lease that was taken.
        taken: Duration,
    },
    /// The gateway shows, or has granted, a lease that differs from the one it was asked for.
    LeaseChanged {
        /// The lease asked for.
        asked: Duration,
        /// The lease that it shows.
        shown: Duration,
    },
    /// The gateway shows no lease: it may keep the mapping for ever, or only not tell.
    LeaseNotShown,
    /// The mapping was not there at first, and was made a second time.
    MadeAgain,
    /// The gateway shows the internal client by this name, which cannot be compared with an address.
    ClientNamed(String),
    /// The mapping is for another host than this one, which many gateways do not allow.
    ForAnotherHost,
    /// The answer to the request was lost, but the mapping is there.
    AnswerLost(Box<Error>),
}

impl Note {
    /// A stable name, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AnotherPort { .. } => "another-port",
            Self::PortMoved { .. } => "port-moved",
            Self::LowPortRefused(_) => "low-port-refused",
            Self::LowPortIgnored(_) => "low-port-ignored",
            Self::SamePortOnly => "same-port-only",
            Self::PermanentOnly => "permanent-only",
            Self::AnotherLease { .. } => "another-lease",
            Self::LeaseChanged { .. } => "lease-changed",
            Self::LeaseNotShown => "lease-not-shown",
            Self::MadeAgain => "made-again",
            Self::ClientNamed(_) => "client-named",
            Self::ForAnotherHost => "for-another-host",
            Self::AnswerLost(_) => "answer-lost",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnotherPort { wanted, given } => {
                write!(f, "external port {wanted} could not be had, {given} was taken instead")
            }
            Self::PortMoved { asked, found } => {
                write!(
                    f,
                    "the gateway said yes to external port {asked}, but made the mapping on {found}"
                )
            }
            Self::LowPortRefused(port) => write!(f, "the gateway refused external port {port}, which is below 1024"),
            Self::LowPortIgnored(port) => {
                write!(
                    f,
                    "the gateway said yes to external port {port}, which is below 1024, and did nothing"
                )
            }
            Self::SamePortOnly => f.write_str("the gateway maps ports to the same port only"),
            Self::PermanentOnly => {
                f.write_str("the gateway keeps mappings for ever; this one stays until it is removed")
            }
            Self::AnotherLease { wanted, taken } => write!(
                f,
                "the gateway refused a lease of {} s and took one of {} s",
                wanted.as_secs(),
                taken.as_secs()
            ),
            Self::LeaseChanged { asked, shown } => write!(
                f,
                "the gateway shows a lease of {} s instead of {} s",
                shown.as_secs(),
                asked.as_secs()
            ),
            Self::LeaseNotShown => f.write_str("the gateway shows no lease; the mapping is renewed all the same"),
            Self::MadeAgain => f.write_str("the gateway had to be asked twice before the mapping was there"),
            Self::ClientNamed(name) => write!(f, "the gateway shows the internal client as {name:?}"),
            Self::ForAnotherHost => f.write_str("the mapping is for another host; many gateways do not allow that"),
            Self::AnswerLost(_) => f.write_str("the gateway's answer was lost, but the mapping is there"),
        }
    }
}

/// How far a mapping is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verification {
    /// Read back, and as it was asked for; by PCP and NAT-PMP, the gateway's answer is what it has granted.
    Proven,
    /// The gateway could not be made to show the mapping; its word is all there is.
    Impossible(Box<Error>),
}
