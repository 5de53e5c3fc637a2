//! What a pinhole carries.

use std::fmt;
use std::str::FromStr;

use crate::error::InvalidRequest;
use crate::mapping::Protocol;

/// A protocol by its IANA number (A_ARG_TYPE_Protocol, WANIPv6FirewallControl:1 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transport(u16);

impl Transport {
    /// TCP.
    pub const TCP: Self = Self(6);

    /// UDP.
    pub const UDP: Self = Self(17);

    /// Every protocol, which many gateways refuse with 707.
    pub const ALL: Self = Self(u16::MAX);

    /// The protocol of this number.
    pub const fn of(number: u8) -> Self {
        Self(number as u16)
    }

    /// Its number; 65535 for all.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl From<Protocol> for Transport {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::TCP,
            Protocol::Udp => Self::UDP,
        }
    }
}

impl FromStr for Transport {
    type Err = InvalidRequest;

    /// Takes `tcp` or `udp` in any letter case, or a number: 0 to 255, or 65535 for all.
    fn from_str(text: &str) -> Result<Self, InvalidRequest> {
        let text = text.trim();
        if let Ok(protocol) = text.parse::<Protocol>() {
            return Ok(protocol.into());
        }
        match text.parse::<u16>() {
            Ok(number) if number == Self::ALL.0 || number <= u8::MAX.into() => Ok(Self(number)),
            _ => Err(InvalidRequest::Value {
                what: "protocol of a pinhole",
                value: text.to_owned(),
                problem: "it is neither tcp nor udp nor a number up to 255, nor 65535 for all".to_owned(),
            }),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TCP => f.pad("TCP"),
            Self::UDP => f.pad("UDP"),
            Self::ALL => f.pad("all protocols"),
            Self(number) => f.pad(&format!("protocol {number}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_named_or_numbered() {
        for (text, number, shown) in [
            ("tcp", 6, "TCP"),
            ("UDP", 17, "UDP"),
            ("17", 17, "UDP"),
            ("132", 132, "protocol 132"),
            ("0", 0, "protocol 0"),
            ("65535", 65_535, "all protocols"),
        ] {
            let transport: Transport = text.parse().unwrap();
            assert_eq!((transport.number(), transport.to_string().as_str()), (number, shown));
        }
        for text in ["", "256", "sctp", "-1", "any"] {
            assert!(text.parse::<Transport>().is_err(), "{text}");
        }
    }
}
