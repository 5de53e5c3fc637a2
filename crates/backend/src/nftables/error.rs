//! The kernel's refusals in the backend's terms.

use portreeve_netlink::nftables::CommitError;
use portreeve_netlink::{Errno, Error};

use crate::{BackendError, Refusal};

/// The subsystem could not be reached at all.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn open(error: Error) -> BackendError {
    match error.errno() {
        Some(Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT | Errno::EINVAL) => {
            BackendError::Unsupported {
                what: "filter packets with nf_tables".to_owned(),
                remedy: "load its module (modprobe nf_tables), or choose backend = \"relay\"".to_owned(),
            }
        }
        _ => netlink("open nf_tables", &error),
    }
}

/// An exchange failed.
pub(super) fn netlink(operation: &str, error: &Error) -> BackendError {
    match error.errno() {
        Some(Errno::EPERM | Errno::EACCES) => BackendError::Privilege {
            what: "changing nftables",
            needed: "CAP_NET_ADMIN",
        },
        _ => BackendError::System {
            operation: operation.to_owned(),
            cause: error.to_string(),
        },
    }
}

/// A transaction failed.
pub(super) fn commit(operation: &str, error: &CommitError) -> BackendError {
    match error {
        CommitError::Failed(error) => netlink(operation, error),
        // Privilege was proven at the start, so that EPERM here means another owner.
        CommitError::Refused(_) => BackendError::System {
            operation: operation.to_owned(),
            cause: error.to_string(),
        },
    }
}

/// An element was refused.
pub(super) fn refusal(errno: Errno, text: &str) -> Refusal {
    match errno {
        Errno::ENFILE | Errno::ENOSPC | Errno::ENOMEM | Errno::ENOBUFS => Refusal::NoRoom,
        _ => Refusal::Failed(text.to_owned()),
    }
}

/// Whether the table or a part of it is missing.
pub(super) fn is_missing(error: &CommitError) -> bool {
    matches!(error, CommitError::Refused(refused) if refused.iter().any(|refusal| refusal.errno == Errno::ENOENT))
}
