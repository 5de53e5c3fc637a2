//! How the program ends: the exit statuses of sysexits.h, and failures that carry one.

use std::fmt;
use std::process::ExitCode;

use portreeve_backend::BackendError;
use portreeve_store::StoreError;

/// Exit statuses, as scripts and service managers know them from sysexits.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The command line makes no sense.
    Usage = 64,
    /// A file holds what it should not.
    Data = 65,
    /// A service that is needed does not answer.
    Unavailable = 69,
    /// A mistake in this program.
    Software = 70,
    /// The operating system refused something that it normally gives.
    System = 71,
    /// A file or socket cannot be created.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// A privilege is missing.
    Permission = 77,
    /// The configuration is wrong.
    Configuration = 78,
}

/// Why the program ends other than as asked, in words for a person and a status for a script.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: Status,
    message: String,
}

impl Failure {
    /// A failure with this message, which names what to do about it.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The status that fits an error of the operating system in making or using something.
    pub fn system(what: impl fmt::Display, error: &std::io::Error) -> Self {
        let status = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Status::Permission,
            std::io::ErrorKind::AddrInUse => Status::Unavailable,
            _ => Status::System,
        };
        Self::new(status, format!("{what}: {error}"))
    }

    /// What a process ends with.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.status as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Self::new(backend_status(&error), error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let remedy = match error {
            StoreError::Disk { .. } => "; another place can be named with `--state-dir`",
            _ => "",
        };
        Self::new(store_status(&error), format!("{error}{remedy}"))
    }
}

impl From<anyhow::Error> for Failure {
    /// Keeps the status of the failure, backend or store error inside, if there is one.
    fn from(error: anyhow::Error) -> Self {
        let status = error.chain().find_map(|cause| {
            if let Some(failure) = cause.downcast_ref::<Self>() {
                Some(failure.status)
            } else if let Some(backend) = cause.downcast_ref() {
                Some(backend_status(backend))
            } else {
                cause.downcast_ref().map(store_status)
            }
        });
        Self::new(status.unwrap_or(Status::Software), format!("{error:#}"))
    }
}

fn backend_status(error: &BackendError) -> Status {
    match error {
        BackendError::Privilege { .. } => Status::Permission,
        BackendError::Unsupported { .. } => Status::Unavailable,
        _ => Status::System,
    }
}

fn store_status(error: &StoreError) -> Status {
    match error {
        StoreError::Damaged { .. } | StoreError::Newer { .. } => Status::Data,
        StoreError::InUse { .. } => Status::Unavailable,
        _ => Status::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_privilege_keeps_its_status_through_context() {
        let error = anyhow::Error::new(BackendError::Privilege {
            what: "programming nftables",
            needed: "CAP_NET_ADMIN",
        })
        .context("starting");
        let failure = Failure::from(error);
        assert_eq!(failure.status, Status::Permission);
        assert_eq!(
            failure.to_string(),
            "starting: programming nftables needs CAP_NET_ADMIN"
        );
    }
}
