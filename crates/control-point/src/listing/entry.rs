//! Mappings as a gateway lists them, and sets of them.

use std::collections::BTreeMap;
use std::time::Duration;

use portreeve_wire::port_listing::PortMappingEntry;
use portreeve_wire::{DataType, Value};

use crate::bounded::bounded;
use crate::mapping::Protocol;

/// A mapping as a gateway lists it; what it cannot be read from is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The only remote host that may use the mapping; empty for any.
    pub remote_host: String,
    /// External port.
    pub external_port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// What the port leads to: an address as a rule, but some gateways give a name, or nothing.
    pub internal_client: String,
    /// Port of the internal client; 0 if the gateway told nothing that is a port.
    pub internal_port: u16,
    /// Whether the mapping is in force.
    pub enabled: bool,
    /// Text for people.
    pub description: String,
    /// Time that is left; none if the mapping has no end, or the gateway does not tell.
    pub lease: Option<Duration>,
}

/// What tells mappings apart (WANIPConnection:2 section 2.5.16).
type Key = (Protocol, u16, String);

/// Mappings, each once, in the order of protocol, external port and remote host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found(BTreeMap<Key, Entry>);

impl Found {
    /// Enters a mapping, or what is known now of one that was there; tells whether it is new.
    pub(super) fn enter(&mut self, entry: Entry) -> bool {
        let key = (entry.protocol, entry.external_port, entry.remote_host.clone());
        self.0.insert(key, entry).is_none()
    }

    /// Enters all of another set.
    pub(super) fn enter_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.0.into_values().collect()
    }
}

impl Entry {
    /// Reads the answer to GetGenericPortMappingEntry. An entry without protocol or external port is none; whatever else
    /// is missing or garbled says less, and no more.
    pub(super) fn read(arguments: &[(String, String)]) -> Option<Self> {
        let text = |name| text(arguments, name);
        let port = |name| match DataType::Ui2.parse(text(name)) {
            Ok(Value::Ui2(port)) => Some(port),
            _ => None,
        };
        Some(Self {
            remote_host: bounded(text("NewRemoteHost").trim()),
            external_port: port("NewExternalPort")?,
            protocol: text("NewProtocol").parse().ok()?,
            internal_client: bounded(text("NewInternalClient").trim()),
            internal_port: port("NewInternalPort").unwrap_or_default(),
            enabled: DataType::Boolean.parse(text("NewEnabled")) != Ok(Value::Boolean(false)),
            description: bounded(text("NewPortMappingDescription")),
            lease: match DataType::Ui4.parse_answer(text("NewLeaseDuration")) {
                Ok(Value::Ui4(seconds)) => lease(seconds),
                _ => None,
            },
        })
    }

    /// An entry of the answer to GetListOfPortMappings for this protocol.
    pub(super) fn listed(entry: &PortMappingEntry<'_>, asked: Protocol) -> Self {
        Self {
            remote_host: bounded(&entry.remote_host),
            external_port: entry.external_port,
            // What was asked for is surer than what some gateways write there.
            protocol: entry.protocol.parse().unwrap_or(asked),
            internal_client: bounded(&entry.internal_client),
            internal_port: entry.internal_port,
            enabled: entry.enabled,
            description: bounded(&entry.description),
            lease: lease(entry.lease_time),
        }
    }
}

/// The text of an argument, in any letter case; empty if it is not there.
fn text<'a>(arguments: &'a [(String, String)], name: &str) -> &'a str {
    let found = arguments.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
    found.map_or("", |(_, text)| text)
}

fn lease(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(changed: &[(&str, &str)]) -> Vec<(String, String)> {
        let standard = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", "8080"),
            ("NewProtocol", "TCP"),
            ("NewInternalPort", "80"),
            ("NewInternalClient", "192.168.77.2"),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", " a web server "),
            ("NewLeaseDuration", "3600"),
        ];
        standard
            .iter()
            .map(|(name, text)| {
                let change = changed.iter().find(|(changed, _)| changed == name);
                let text = change.map_or(*text, |(_, text)| text);
                ((*name).to_owned(), text.to_owned())
            })
            .collect()
    }

    #[test]
    fn an_entry_is_read() {
        let entry = Entry::read(&answer(&[])).unwrap();
        assert_eq!((entry.external_port, entry.protocol), (8080, Protocol::Tcp));
        assert_eq!(
            (entry.internal_client.as_str(), entry.internal_port),
            ("192.168.77.2", 80)
        );
        assert!(entry.enabled);
        assert_eq!(entry.description, " a web server ");
        assert_eq!(entry.lease, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn what_is_garbled_says_less_and_no_more() {
        let garbled = [
            ("NewInternalPort", "none"),
            ("NewInternalClient", "printer.lan"),
            ("NewEnabled", "?"),
            ("NewLeaseDuration", "forever"),
            ("NewProtocol", "udp"),
        ];
        let entry = Entry::read(&answer(&garbled)).unwrap();
        assert_eq!((entry.external_port, entry.protocol), (8080, Protocol::Udp));
        assert_eq!(
            (entry.internal_client.as_str(), entry.internal_port),
            ("printer.lan", 0)
        );
        assert!(entry.enabled);
        assert_eq!(entry.lease, None);
        assert_eq!(Entry::read(&answer(&[("NewLeaseDuration", "0")])).unwrap().lease, None);
    }

    #[test]
    fn endless_texts_are_cut() {
        let endless = "ü".repeat(100_000);
        let entry = Entry::read(&answer(&[("NewPortMappingDescription", &endless)])).unwrap();
        assert_eq!(entry.description, "ü".repeat(crate::bounded::LONGEST_TEXT));
    }

    #[test]
    fn what_has_no_key_is_no_entry() {
        for garbled in [
            ("NewExternalPort", "99999"),
            ("NewExternalPort", ""),
            ("NewProtocol", "GRE"),
        ] {
            assert_eq!(Entry::read(&answer(&[garbled])), None);
        }
        assert_eq!(Entry::read(&[]), None);
    }
}
