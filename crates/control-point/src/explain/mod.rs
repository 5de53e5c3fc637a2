//! What to tell a person: for everything that can go wrong, a plain sentence and what to do about it.
//!
//! The texts are tables, one file for each family. Words that come from a gateway are shown in quotation marks, cut
//! to a length that fits a line, and without the control characters that could steer a terminal.

mod codes;
mod conversation;
mod last_error;
mod length;
mod no_gateway;
mod port_control;
mod quote;
mod refusal;
mod request;
mod unusable;

pub(crate) use length::length;
pub(crate) use no_gateway::{ANSWERS_DROPPED, UPNP_OFF};
pub(crate) use quote::{plain, quoted, reason};

use crate::error::{Error, Untrue};

/// What is wrong, in words for a person, and what that person can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// A name for programs, in kebab-case. It stays the same when the sentences are improved.
    pub code: &'static str,
    /// What is wrong: one or more whole sentences.
    pub problem: String,
    /// What to do: one or more whole sentences, in several lines where there are several ways.
    pub remedy: String,
}

impl Explanation {
    /// Puts an explanation together.
    pub(crate) fn new(code: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// One row of a table of texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// [`Explanation::code`].
    pub(crate) code: &'static str,
    /// [`Explanation::problem`].
    pub(crate) problem: &'static str,
    /// [`Explanation::remedy`].
    pub(crate) remedy: &'static str,
}

impl From<Text> for Explanation {
    fn from(text: Text) -> Self {
        Self::new(text.code, text.problem, text.remedy)
    }
}

/// Explains a UPnP error code. Services reuse numbers, so the service is part of the question: its name
/// (`WANIPConnection`), its type with the version, or its whole URN. Of a service that is not known, only the codes
/// that are common to all services have a meaning.
pub fn upnp_error(service: &str, code: u16) -> Explanation {
    codes::explain(service, code)
}

/// Explains a value of `LastConnectionError` (WANIPConnection:2 section 2.3.5, WANPPPConnection:1 section 2.2.5): the
/// standard's, and those of vendors by the words that they contain.
pub fn last_connection_error(text: &str) -> Explanation {
    last_error::explain(text)
}

impl Error {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::NoGateway(what) => what.explanation(),
            Self::Unusable(what) => what.explanation(),
            Self::Refused(what) => what.explanation(),
            Self::PortsRefused(what) => what.explanation(),
            Self::PortControl(what) => what.explanation(),
            Self::Untrue(what) => what.explanation(),
            Self::Conversation(what) => what.explanation(),
            Self::Invalid(what) => what.explanation(),
            Self::System { doing, reason } => Explanation::new(
                "system",
                format!(
                    "This computer refused something that is needed ({doing}): {}.",
                    quote::reason(reason)
                ),
                "See whether a sandbox, a container or a security policy keeps this program from the network, and \
                 whether the limit of open files is reached.",
            ),
        }
    }
}

impl Untrue {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::NotThere {
                external_port,
                protocol,
            } if *external_port < 1024 => Explanation::new(
                "low-port-cap",
                format!(
                    "The router said yes to {protocol} port {external_port}, but made no such mapping: it silently \
                     ignores requests for ports below 1024."
                ),
                "Ask for an external port of 1024 or above, or forward this port by hand in the router's pages.",
            ),
            Self::NotThere {
                external_port,
                protocol,
            } => Explanation::new(
                "silent-success",
                format!(
                    "The router said yes to {protocol} port {external_port}, but has no such mapping when asked: it \
                     accepts requests and does nothing."
                ),
                "Restart the router and try again. If it stays so, its UPnP is broken: look for a firmware update, \
                 or forward the port by hand in the router's pages.",
            ),
            Self::Elsewhere {
                external_port,
                protocol,
                wanted,
                found,
            } => Explanation::new(
                "mapped-elsewhere",
                format!(
                    "The router said yes, but its {protocol} port {external_port} leads to {} instead of {}.",
                    quoted(found),
                    quoted(wanted)
                ),
                "Another device or a rule in the router's pages holds this port: choose another external port, or \
                 remove that rule there.",
            ),
            Self::Disabled {
                external_port,
                protocol,
            } => Explanation::new(
                "mapping-disabled",
                format!(
                    "The router has the mapping of {protocol} port {external_port}, but switched it off, so nothing \
                     passes."
                ),
                "Switch the rule on in the router's pages, or delete it there and map again.",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
