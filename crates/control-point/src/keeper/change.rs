//! What happens to a kept mapping.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::error::Error;

/// Something that happened to a kept mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Renewed, and read back.
    Renewed {
        /// The lease granted; none if the gateway keeps it for ever.
        lease: Option<Duration>,
    },
    /// It could not be renewed or looked at. Its lease still runs, and it is tried again.
    Unconfirmed {
        /// What went wrong.
        why: Error,
    },
    /// It is not in force any more. It is being made again.
    Lost {
        /// How it was lost.
        why: Error,
    },
    /// It is in force again, after it was unconfirmed or lost.
    Restored,
    /// The gateway's external address changed: tell those who shall reach you.
    ExternalAddress {
        /// The address before, if it was known.
        from: Option<IpAddr>,
        /// The address now; none while the gateway has none.
        to: Option<IpAddr>,
    },
    /// The external port could not be kept: tell those who shall reach you.
    ExternalPort {
        /// The port before.
        from: u16,
        /// The port now.
        to: u16,
    },
    /// Our own address changed, and the mapping leads to the new one.
    InternalClient {
        /// The address before.
        from: Ipv4Addr,
        /// The address now.
        to: Ipv4Addr,
    },
}

/// How a kept mapping is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// In force, as was seen last.
    InForce,
    /// In force as far as is known: its lease runs, but the gateway could not be asked or refused to renew it.
    Unconfirmed(Error),
    /// Not in force. It is being made again.
    Lost(Error),
    /// Removed: it was given back.
    Removed,
}

/// The changes of a kept mapping from when they were asked for, in order.
#[derive(Debug)]
pub struct Changes(pub(crate) broadcast::Receiver<Change>);

impl Changes {
    /// The next change; `None` once the mapping is removed. Who falls behind by more than 64 changes loses the oldest.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            match self.0.recv().await {
                Ok(change) => return Some(change),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
