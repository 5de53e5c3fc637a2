//! The state of a WAN connection, as the gateway words it.

use std::fmt;

/// `ConnectionStatus` (WANIPConnection:2 section 2.3.3, WANPPPConnection:1 section 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// `Unconfigured`: nobody has set it up.
    Unconfigured,
    /// `Connecting`.
    Connecting,
    /// `Authenticating`, of WANPPPConnection.
    Authenticating,
    /// `Connected`, or `Up` as some gateways say.
    Connected,
    /// `PendingDisconnect`: still up, about to be closed.
    PendingDisconnect,
    /// `Disconnecting`.
    Disconnecting,
    /// `Disconnected`.
    Disconnected,
    /// A value of the gateway's vendor.
    Other(String),
}

impl ConnectionStatus {
    /// Reads the gateway's word, in any letter case.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map_or_else(|| Self::Other(text.to_owned()), |(_, status)| status.clone())
    }

    /// Whether packets pass. A vendor's value says neither yes nor no; the external address then tells.
    pub fn passes_packets(&self) -> Option<bool> {
        match self {
            Self::Connected | Self::PendingDisconnect => Some(true),
            Self::Other(_) => None,
            Self::Unconfigured | Self::Connecting | Self::Authenticating | Self::Disconnecting | Self::Disconnected => {
                Some(false)
            }
        }
    }
}

impl fmt::Display for ConnectionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Other(text) = self {
            return f.pad(text);
        }
        let name = NAMES.iter().find(|(_, status)| status == self);
        f.pad(name.map_or("", |(name, _)| name))
    }
}

/// `Up` comes after `Connected`, so that the standard's word is the one printed.
const NAMES: &[(&str, ConnectionStatus)] = &[
    ("Unconfigured", ConnectionStatus::Unconfigured),
    ("Connecting", ConnectionStatus::Connecting),
    ("Authenticating", ConnectionStatus::Authenticating),
    ("Connected", ConnectionStatus::Connected),
    ("Up", ConnectionStatus::Connected),
    ("PendingDisconnect", ConnectionStatus::PendingDisconnect),
    ("Disconnecting", ConnectionStatus::Disconnecting),
    ("Disconnected", ConnectionStatus::Disconnected),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_up_is_connected() {
        assert_eq!(ConnectionStatus::parse(" Up\n"), ConnectionStatus::Connected);
        assert_eq!(ConnectionStatus::parse("CONNECTED"), ConnectionStatus::Connected);
        assert_eq!(ConnectionStatus::parse("disconnected"), ConnectionStatus::Disconnected);
        assert_eq!(
            ConnectionStatus::parse("Dialing"),
            ConnectionStatus::Other("Dialing".to_owned())
        );
        assert_eq!(ConnectionStatus::parse("up").to_string(), "Connected");
        assert_eq!(ConnectionStatus::parse("Dialing").to_string(), "Dialing");
    }
}
