//! Where mappings become real.
//!
//! A [`Backend`] carries out the engine's [`Change`]s, all or nothing, and can be brought in line with a [`Desired`]
//! state. It holds no mapping state that the engine would ask for.

pub mod relay;

use std::net::Ipv4Addr;
use std::num::NonZeroU16;

pub use portreeve_engine::Refusal;
use portreeve_engine::{Change, Desired, EntryKey, Flow, PinholeKey, Time};

pub mod nftables;

/// Puts mappings into force.
pub trait Backend: Send {
    /// The name that configuration and status use: `nftables` or `relay`.
    fn name(&self) -> &'static str;

    /// Carries out all changes in order, or none: when this returns an error, everything is as before.
    fn apply(&mut self, changes: &[Change], now: Time) -> Result<(), Refused>;

    /// Makes what is in force equal to `desired` and tells what had to be done. What is right already is left alone,
    /// so that connections are not disturbed.
    fn reconcile(&mut self, desired: &Desired, now: Time) -> Result<Reconciled, BackendError>;

    /// Sets the addresses on which mappings are reachable from outside; an empty list means none at present.
    fn set_external(&mut self, addresses: &[Ipv4Addr]) -> Result<(), BackendError>;

    /// How many packets came in through a pinhole since it was opened; `None` if it is not in force.
    fn pinhole_packets(&mut self, pinhole: &PinholeKey) -> Result<Option<u64>, BackendError>;

    /// From which external port the remote host sees what a LAN host sends it in a flow that is up, whoever of the two
    /// began it; `None` if there is no such flow, or its source is not translated.
    ///
    /// # Errors
    /// [`BackendError::Unsupported`] if this backend has no say in the port from which flows leave.
    fn external_port(&mut self, flow: &Flow) -> Result<Option<NonZeroU16>, BackendError>;

    /// Ends every mapping at once: for `--flush` at stop.
    fn flush(&mut self) -> Result<(), BackendError>;
}

/// One change could not be carried out, and so none was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("change {change} was refused: {why}")]
pub struct Refused {
    /// Index of the change in the slice handed to [`Backend::apply`].
    pub change: usize,
    /// What stood in the way.
    pub why: Refusal,
}

/// What [`Backend::reconcile`] found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// What leads packets to the rows.
    pub rules: Rules,
    /// Rows that were right already.
    pub kept: usize,
    /// Rows that were missing.
    pub added: usize,
    /// Rows that were there with another content or lease.
    pub changed: usize,
    /// Rows that nobody wants.
    pub removed: usize,
    /// Mappings and pinholes that could not be put into force.
    pub refused: Vec<(EntryKey, Refusal)>,
}

/// State of the rules that lead packets to the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// They were right already.
    #[default]
    Right,
    /// They were missing or others.
    Repaired,
}

/// The backend as a whole does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The process lacks a privilege.
    #[error("{what} needs {needed}")]
    Privilege {
        /// What was tried.
        what: &'static str,
        /// Which privilege it takes, for instance `CAP_NET_ADMIN`.
        needed: &'static str,
    },
    /// The kernel lacks a feature.
    #[error("this kernel cannot {what}: {remedy}")]
    Unsupported {
        /// What it cannot do.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Anything else, with the operation and the system's own words.
    #[error("{operation}: {cause}")]
    System {
        /// What was tried.
        operation: String,
        /// The system's answer.
        cause: String,
    },
}
