//! What a mapping carries.

use std::fmt;
use std::str::FromStr;

use crate::error::InvalidRequest;

/// The protocol of a mapping (`PortMappingProtocol`, WANIPConnection:2 section 2.3.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// `TCP` or `UDP`: gateways refuse lower case (tailscale#7377).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Protocol {
    type Err = InvalidRequest;

    /// Takes either name in any letter case. A mapping carries one protocol, so there is no wildcard.
    fn from_str(text: &str) -> Result<Self, InvalidRequest> {
        let found = Self::ALL
            .into_iter()
            .find(|protocol| text.trim().eq_ignore_ascii_case(protocol.name()));
        found.ok_or_else(|| InvalidRequest::Protocol(text.to_owned()))
    }
}
