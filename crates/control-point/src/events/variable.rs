//! State variables and their values.

use std::net::IpAddr;

use portreeve_wire::{DataType, Value};

use crate::bounded::bounded;
use crate::status::{ConnectionStatus, read_address};

/// A state variable with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Variable {
    /// Whether the connection is up (WANIPConnection:2 section 2.3.3).
    ConnectionStatus(ConnectionStatus),
    /// The address towards the internet; none while the gateway has none (section 2.3.12).
    ExternalIpAddress(Option<IpAddr>),
    /// How many mappings there are (section 2.3.13).
    PortMappingNumberOfEntries(u32),
    /// A number that grows with every change of a mapping (section 2.3.21).
    SystemUpdateId(u32),
    /// Any other.
    Other {
        /// Its name.
        name: String,
        /// Its value, as the gateway spells it: at most 512 characters.
        value: String,
    },
}

impl Variable {
    /// Reads a value; `None` if it is none that this variable can have (R84).
    pub(crate) fn read(name: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        Some(match name {
            "ConnectionStatus" if !text.is_empty() => Self::ConnectionStatus(ConnectionStatus::parse(&bounded(text))),
            "ConnectionStatus" => return None,
            "ExternalIPAddress" => match read_address(text) {
                (None, _) if !text.is_empty() && text.parse::<IpAddr>().is_err() => return None,
                (address, _) => Self::ExternalIpAddress(address),
            },
            "PortMappingNumberOfEntries" => Self::PortMappingNumberOfEntries(number(text)?),
            "SystemUpdateID" => Self::SystemUpdateId(number(text)?),
            _ => Self::Other {
                name: bounded(name),
                value: bounded(text),
            },
        })
    }

    /// Its name, as the standard spells it.
    pub fn name(&self) -> &str {
        match self {
            Self::ConnectionStatus(_) => "ConnectionStatus",
            Self::ExternalIpAddress(_) => "ExternalIPAddress",
            Self::PortMappingNumberOfEntries(_) => "PortMappingNumberOfEntries",
            Self::SystemUpdateId(_) => "SystemUpdateID",
            Self::Other { name, .. } => name,
        }
    }

    /// Its value as text; empty for no address.
    pub fn value(&self) -> String {
        match self {
            Self::ConnectionStatus(status) => status.to_string(),
            Self::ExternalIpAddress(address) => address.map(|address| address.to_string()).unwrap_or_default(),
            Self::PortMappingNumberOfEntries(number) | Self::SystemUpdateId(number) => number.to_string(),
            Self::Other { value, .. } => value.clone(),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    match DataType::Ui4.parse_answer(text) {
        Ok(Value::Ui4(number)) => Some(number),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_variables_have_types() {
        let address = |text: &str| Some(Variable::ExternalIpAddress(text.parse().ok()));
        for (name, text, read) in [
            (
                "ConnectionStatus",
                "up",
                Some(Variable::ConnectionStatus(ConnectionStatus::Connected)),
            ),
            ("ConnectionStatus", " ", None),
            ("ExternalIPAddress", " 11.11.11.2\n", address("11.11.11.2")),
            ("ExternalIPAddress", "", address("")),
            ("ExternalIPAddress", "0.0.0.0", address("")),
            ("ExternalIPAddress", "(null)", None),
            ("ExternalIPAddress", "11.11.11", None),
            (
                "PortMappingNumberOfEntries",
                "12",
                Some(Variable::PortMappingNumberOfEntries(12)),
            ),
            ("PortMappingNumberOfEntries", "many", None),
            ("SystemUpdateID", "4294967295", Some(Variable::SystemUpdateId(u32::MAX))),
        ] {
            assert_eq!(Variable::read(name, text), read, "{name} {text:?}");
        }
        let other = Variable::read("PhysicalLinkStatus", "Up").unwrap();
        assert_eq!((other.name(), &*other.value()), ("PhysicalLinkStatus", "Up"));
        let long = Variable::read("X", &"x".repeat(10_000)).unwrap();
        assert_eq!(long.value().len(), 512);
    }
}
