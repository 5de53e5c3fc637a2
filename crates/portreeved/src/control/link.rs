//! The WAN link on the control socket.

use std::cmp::Reverse;

use portreeve_engine::link::{ConnectionStatus, Metrics};
use portreeve_engine::{LinkRequest, Status};
use portreeve_wire::{ErrorCode, Fault};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::table::{Row, span, text};

/// What to do with the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Nothing: only its state is told.
    Status,
    /// Bring it up.
    Connect,
    /// Bring it down, after the warning that WarnDisconnectDelay asks for.
    Disconnect,
    /// Bring it down at once.
    Terminate,
}

impl Link {
    /// What is to be asked of the engine.
    pub(super) fn request(self) -> Option<LinkRequest> {
        match self {
            Self::Status => None,
            Self::Connect => Some(LinkRequest::Connect),
            Self::Disconnect => Some(LinkRequest::Disconnect),
            Self::Terminate => Some(LinkRequest::Terminate),
        }
    }
}

/// Why the engine refused, for who can change it.
pub(super) fn refusal(fault: &Fault) -> String {
    match fault.code {
        ErrorCode::ActionNotAuthorized => format!("{fault}; see link.kind and link.control in the configuration"),
        _ => fault.to_string(),
    }
}

/// The connection and the history of the link.
pub(super) fn show(status: &Status) -> Value {
    json!({
        "connection": {
            "status": status.connection.name(),
            "last-error": status.last_error.name(),
            "uptime-seconds": status.uptime,
            "external-address": status.external_address,
        },
        "link": {
            "drops": status.link.drops,
            "reconnects": status.link.reconnects,
            "seconds-in": seconds_in(&status.link),
        },
    })
}

/// Seconds in each state; those in which it has not been are left out.
fn seconds_in(metrics: &Metrics) -> Map<String, Value> {
    let states = ConnectionStatus::ALL
        .iter()
        .map(|state| (state.name(), metrics.time_in(*state)));
    states
        .filter(|(_, time)| !time.is_zero())
        .map(|(name, time)| (name.to_owned(), json!(time.as_secs())))
        .collect()
}

/// The connection and its history as a person reads them.
pub(super) fn rows(answer: &Value) -> Vec<Row> {
    let (connection, link) = (&answer["connection"], &answer["link"]);
    let seconds = |value: &Value| value.as_u64().unwrap_or_default();
    let state = match (text(&connection["status"]), text(&connection["last-error"])) {
        (status, error) if error != "ERROR_NONE" && !error.is_empty() => format!("{status}, {error}"),
        (status, _) if seconds(&connection["uptime-seconds"]) > 0 => {
            format!("{status} for {}", span(seconds(&connection["uptime-seconds"])))
        }
        (status, _) => status,
    };
    let address = match text(&connection["external-address"]) {
        address if address.is_empty() => "unknown".to_owned(),
        address => address,
    };
    let mut times: Vec<(&String, u64)> = link["seconds-in"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(state, time)| (state, seconds(time)))
        .collect();
    times.sort_by_key(|(_, time)| Reverse(*time));
    let times: Vec<String> = times
        .iter()
        .map(|(state, time)| format!("{state} {}", span(*time)))
        .collect();
    let dropped = format!(
        "dropped {}, came back {}",
        times_word(seconds(&link["drops"])),
        times_word(seconds(&link["reconnects"]))
    );
    vec![
        ("link", state),
        ("external address", address),
        ("since the start", dropped),
        ("time in states", times.join(", ")),
    ]
}

fn times_word(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::lines;
    use super::*;

    #[test]
    fn the_link_is_told_with_its_history() {
        let up = json!({
            "connection": {"status": "Connected", "last-error": "ERROR_NONE", "uptime-seconds": 125,
                           "external-address": "11.11.11.2"},
            "link": {"drops": 1, "reconnects": 2, "seconds-in": {"Connecting": 3, "Connected": 3600}},
        });
        let expected = "\
link              Connected for 2m05s
external address  11.11.11.2
since the start   dropped once, came back 2 times
time in states    Connected 1h00m, Connecting 3s
";
        assert_eq!(lines(&rows(&up)), expected);
        let down = json!({
            "connection": {"status": "Disconnected", "last-error": "ERROR_NO_CARRIER", "uptime-seconds": 0,
                           "external-address": ""},
            "link": {"drops": 0, "reconnects": 0, "seconds-in": {}},
        });
        let expected = "\
link              Disconnected, ERROR_NO_CARRIER
external address  unknown
since the start   dropped never, came back never
time in states
";
        assert_eq!(lines(&rows(&down)), expected);
    }
}
