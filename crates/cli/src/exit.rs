//! How the program ends: exit statuses, and failures that carry one.

use std::io;
use std::process::ExitCode;

use portreeve::{Error, Refusal};
use serde::Serialize;

use crate::output::Text;

/// Exit statuses, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// What was asked for is done.
    Done = 0,
    /// The gateway refused, or the conversation with it failed.
    Refused = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No gateway answered.
    NoGateway = 3,
    /// The gateway answers but cannot be used.
    Unusable = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command ended before it had done what was asked.
#[derive(Debug)]
pub(crate) enum End {
    /// It could not be done.
    Failed(Box<Failure>),
    /// Nobody reads the output any more, which is no failure.
    ReaderGone,
}

/// What went wrong, in words for a person and in names for a script.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    /// How the program ends.
    #[serde(skip)]
    pub(crate) status: Status,
    /// Stable name of the kind of failure.
    pub(crate) code: &'static str,
    /// What is wrong: a sentence.
    pub(crate) problem: Text,
    /// What to do about it.
    pub(crate) remedy: Option<Text>,
    /// The gateway's own refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upnp: Option<Upnp>,
}

/// A UPnP error as the gateway sent it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Upnp {
    /// The action that was refused.
    pub(crate) action: Text,
    /// `errorCode`.
    pub(crate) code: u16,
    /// `errorDescription`.
    pub(crate) description: Text,
}

impl Failure {
    /// A failure of the command line, found after it was parsed.
    pub(crate) fn usage(problem: impl AsRef<str>, remedy: impl AsRef<str>) -> Self {
        Self {
            status: Status::Usage,
            code: "usage",
            problem: Text::clean(problem),
            remedy: Some(Text::clean(remedy)),
            upnp: None,
        }
    }

    /// A failure of this machine.
    pub(crate) fn system(doing: &str, error: &io::Error) -> Self {
        Self {
            status: Status::Refused,
            code: "system",
            problem: Text::clean(format!("{doing}: {error}")),
            remedy: None,
            upnp: None,
        }
    }
}

impl From<&Refusal> for Upnp {
    fn from(refusal: &Refusal) -> Self {
        Self {
            action: Text::clean(&refusal.action),
            code: refusal.code,
            description: Text::clean(&refusal.description),
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let explanation = error.explanation();
        Self {
            status: status_of(error),
            code: explanation.code,
            problem: Text::sentences(&explanation.problem),
            remedy: (!explanation.remedy.is_empty()).then(|| Text::sentences(&explanation.remedy)),
            upnp: match error {
                Error::Refused(refusal) => Some(refusal.into()),
                Error::PortsRefused(refused) => Some((&refused.last).into()),
                _ => None,
            },
        }
    }
}

const fn status_of(error: &Error) -> Status {
    match error {
        Error::NoGateway(_) => Status::NoGateway,
        Error::Unusable(_) => Status::Unusable,
        Error::Invalid(_) => Status::Usage,
        _ => Status::Refused,
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Failure::from(&error).into()
    }
}

impl From<io::Error> for End {
    /// What writing the output ends with.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Failure::system("cannot write the output", &error).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use portreeve::{Conversation, InvalidRequest, NoGateway, Unusable};

    use super::*;

    #[test]
    fn each_kind_of_error_has_its_exit_status() {
        for (error, status) in [
            (Error::from(NoGateway::default()), Status::NoGateway),
            (Unusable::NatOff.into(), Status::Unusable),
            (InvalidRequest::Port("ExternalPort").into(), Status::Usage),
            (Conversation::NotOffered("X".to_owned()).into(), Status::Refused),
        ] {
            assert_eq!(Failure::from(&error).status, status, "{error}");
        }
    }

    #[test]
    fn a_reader_who_left_is_no_failure() {
        assert!(matches!(
            End::from(io::Error::from(io::ErrorKind::BrokenPipe)),
            End::ReaderGone
        ));
        assert!(matches!(
            End::from(io::Error::from(io::ErrorKind::StorageFull)),
            End::Failed(_)
        ));
    }
}
