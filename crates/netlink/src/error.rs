//! What can go wrong between us and the kernel.

use nix::errno::Errno;

/// A netlink exchange failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call on the socket failed.
    #[error("{call}: {errno}")]
    System {
        /// The call.
        call: &'static str,
        /// What the system answered.
        errno: Errno,
    },
    /// The kernel understood the request and refused it.
    #[error("{0}")]
    Rejected(Rejection),
    /// Replies were lost because they did not fit the receive buffer.
    #[error("replies from the kernel were lost")]
    Overrun,
    /// The kernel sent something that is no netlink message.
    #[error("the kernel's reply cannot be understood")]
    Malformed,
    /// The kernel did not reply in time.
    #[error("the kernel did not reply")]
    NoReply,
}

/// The kernel's refusal of one message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{errno}{}", text.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
pub struct Rejection {
    /// Position of the refused message among those sent together, from 0.
    pub message: usize,
    /// Why.
    pub errno: Errno,
    /// The kernel's own words, if it has some (`NLMSGERR_ATTR_MSG`).
    pub text: Option<String>,
}

impl Error {
    /// The errno behind it, if there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::System { errno, .. } => Some(*errno),
            Self::Rejected(rejection) => Some(rejection.errno),
            Self::Overrun => Some(Errno::ENOBUFS),
            Self::Malformed | Self::NoReply => None,
        }
    }
}
