//! What changes at a gateway, told as it happens: by the gateway's own events where it has them and they come through,
//! else by asking again and again (UDA 1.1 section 4).
//!
//! ```no_run
//! use portreeve::events::{News, Variable};
//!
//! # async fn example() -> Result<(), portreeve::Error> {
//! let gateway = portreeve::discover().await?;
//! let mut watch = gateway.watch().service("WANIPConnection").start()?;
//! while let Some(news) = watch.next().await {
//!     if let News::Change(change) = news
//!         && let Variable::ExternalIpAddress(address) = change.variable
//!     {
//!         println!("the address is now {address:?}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `subscription` is one subscription as a pure state machine, `subscriber` the task that keeps some of them on one
//! gateway, with a web server of its own (`listener`). `watching` decides, pure as well, when to ask instead.

mod listener;
mod look;
mod subscriber;
mod subscription;
#[cfg(test)]
mod tests;
mod variable;
mod watch;
mod watching;

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
pub(crate) use subscriber::Subscriber;
pub(crate) use subscription::News as SubscriptionNews;
pub use variable::Variable;
pub use watch::{Watch, WatchRequest};

/// Something that a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// A state variable has a value for the first time, or another one than before.
    Change(Change),
    /// How changes of a service are learnt from now on.
    Means {
        /// The service.
        service: Service,
        /// How.
        means: Means,
    },
    /// The gateway does not answer any more. It is searched for until it is back.
    Unreachable {
        /// What happened.
        why: Error,
    },
    /// The gateway answers again, or has started anew. What has changed meanwhile is told next.
    Back,
}

/// A change of a state variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The service that has it.
    pub service: Service,
    /// The variable and its value from now on.
    pub variable: Variable,
    /// How it was learnt.
    pub learnt: Learnt,
}

/// A service of the gateway. Its display form is name and version, for instance `WANIPConnection:2`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Type, as the description spells it.
    pub service_type: Arc<str>,
    /// Identifier, as the description spells it: it tells services of one type from each other.
    pub service_id: Arc<str>,
}

/// How a change was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Learnt {
    /// The gateway told it.
    Event,
    /// The gateway was asked.
    Poll,
}

/// How changes of a service are learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Means {
    /// The gateway tells them.
    Events,
    /// The gateway is asked again and again, for this reason. Events are used as soon as they work.
    Polling(NoEvents),
    /// Not at all: there are no events for this reason, and nothing that could be asked.
    Nothing(NoEvents),
}

/// Why there are no events. Its display form is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoEvents {
    /// The service has none.
    NotOffered,
    /// The gateway refuses to send them.
    Refused {
        /// The HTTP status of its answer.
        status: u16,
    },
    /// The gateway does not answer when it is asked to send them.
    Unanswered,
    /// The gateway says that it sends them, and nothing arrives.
    NothingArrives,
    /// The system does not let us listen for them.
    NoListener {
        /// The system's words.
        reason: String,
    },
}

impl NoEvents {
    /// A stable name, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOffered => "not-offered",
            Self::Refused { .. } => "refused",
            Self::Unanswered => "unanswered",
            Self::NothingArrives => "nothing-arrives",
            Self::NoListener { .. } => "no-listener",
        }
    }
}

impl fmt::Display for NoEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("the gateway has no events for this service"),
            Self::Refused { status } => write!(f, "the gateway refuses to send events (HTTP status {status})"),
            Self::Unanswered => f.write_str("the gateway does not answer when it is asked for events"),
            Self::NothingArrives => f.write_str(
                "the gateway promised events and none arrives; most likely a firewall on this computer drops connections \
                 from the gateway",
            ),
            Self::NoListener { reason } => write!(f, "this computer lets nobody listen for events ({reason})"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.service_type.trim();
        f.write_str(short.rsplit_once(":service:").map_or(short, |(_, short)| short))
    }
}
