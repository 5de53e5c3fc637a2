//! What changes at a gateway, as it happens.

use std::time::Duration;

use serde::Serialize;

use crate::exit::Failure;
use crate::output::{Page, Text, Tone, View, span, time_of_day};

/// What `watch` tells.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum WatchEvent {
    /// A state variable has a value for the first time, or another one.
    Change {
        /// When it was learnt, in UTC.
        time: String,
        /// The service.
        #[serde(flatten)]
        service: WatchedService,
        /// The state variable.
        variable: Text,
        /// Its value.
        value: Text,
        /// How it was learnt.
        learnt: Learnt,
        /// The value for people, if that is another text.
        #[serde(skip)]
        words: Words,
    },
    /// How changes of a service are learnt from now on.
    Means {
        /// Since when, in UTC.
        time: String,
        /// The service.
        #[serde(flatten)]
        service: WatchedService,
        /// How.
        means: Means,
        /// Why not by events.
        reason: Option<Reason>,
        /// Time between two questions.
        #[serde(skip)]
        interval: Duration,
    },
    /// The gateway has stopped answering.
    Unreachable {
        /// When that was noticed, in UTC.
        time: String,
        /// What happened.
        error: Failure,
    },
    /// It answers again, or has started anew.
    Back {
        /// When that was noticed, in UTC.
        time: String,
    },
}

/// Which service something is about.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WatchedService {
    /// Name and version.
    pub(crate) service: Text,
    /// Identifier.
    pub(crate) service_id: Text,
}

/// A value for people, and what it says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// The value.
    pub(crate) text: String,
    /// Whether it is as it should be, where that can be said.
    pub(crate) good: Option<bool>,
}

/// How a change was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Learnt {
    /// The gateway told it.
    Event,
    /// The gateway was asked.
    Poll,
}

/// How changes are learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Means {
    /// The gateway tells them.
    Events,
    /// The gateway is asked.
    Polling,
    /// Not at all.
    Nothing,
}

/// Why there are no events.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reason {
    /// Stable name.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) text: Text,
}

/// What was watched in all.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Watched {
    /// How many changes were told.
    pub(crate) changes: u64,
}

impl View for WatchEvent {
    fn human(&self, page: &Page) -> String {
        let (time, rest) = match self {
            Self::Change {
                time,
                service,
                variable,
                learnt,
                words,
                ..
            } => {
                let value = match words.good {
                    Some(true) => page.paint(Tone::Good, &words.text),
                    Some(false) => page.paint(Tone::Bad, &words.text),
                    None => words.text.clone(),
                };
                let how = match learnt {
                    Learnt::Event => String::new(),
                    Learnt::Poll => page.paint(Tone::Faint, "  (asked)"),
                };
                (time, format!("{:<17}  {variable:<26}  {value}{how}", service.service))
            }
            Self::Means {
                time,
                service,
                means,
                reason,
                interval,
            } => {
                let why = reason.as_ref().map(|reason| reason.text.as_str()).unwrap_or_default();
                let how = match means {
                    Means::Events => "the gateway tells of changes by itself".to_owned(),
                    Means::Polling => format!("the gateway is asked every {}: {why}", span(*interval)),
                    Means::Nothing => format!("cannot be watched: {why}"),
                };
                (time, format!("{:<17}  {how}", service.service))
            }
            Self::Unreachable { time, error } => {
                let problem = error.problem.as_str().lines().next().unwrap_or_default();
                (time, page.paint(Tone::Bad, problem))
            }
            Self::Back { time } => (time, page.paint(Tone::Good, "the gateway is back")),
        };
        format!("{}  {rest}\n", page.paint(Tone::Faint, &time_of_day(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-11-23T07:12:07.031Z";

    fn service(name: &str) -> WatchedService {
        WatchedService {
            service: Text::clean(name),
            service_id: Text::clean("urn:upnp-org:serviceId:WANIPConn1"),
        }
    }

    #[test]
    fn an_event_is_one_line() {
        let change = WatchEvent::Change {
            time: TIME.to_owned(),
            service: service("WANIPConnection:2"),
            variable: Text::clean("ConnectionStatus"),
            value: Text::clean("Connected"),
            learnt: Learnt::Event,
            words: Words {
                text: "Connected".to_owned(),
                good: Some(true),
            },
        };
        assert_eq!(
            change.human(&Page::PLAIN),
            "07:12:07Z  WANIPConnection:2  ConnectionStatus            Connected\n"
        );
        let means = WatchEvent::Means {
            time: TIME.to_owned(),
            service: service("WANIPConnection:2"),
            means: Means::Polling,
            reason: Some(Reason {
                code: "nothing-arrives",
                text: Text::clean("none arrives"),
            }),
            interval: Duration::from_secs(2),
        };
        assert_eq!(
            means.human(&Page::PLAIN),
            "07:12:07Z  WANIPConnection:2  the gateway is asked every 2 s: none arrives\n"
        );
        let back = WatchEvent::Back { time: TIME.to_owned() };
        assert_eq!(back.human(&Page::PLAIN), "07:12:07Z  the gateway is back\n");
    }
}
