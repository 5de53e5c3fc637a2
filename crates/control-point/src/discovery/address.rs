//! How a caller names a gateway.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use portreeve_wire::Url;
use portreeve_wire::ssdp::PORT;

use crate::error::InvalidRequest;

/// Which gateway to use, in place of any: `192.168.77.1`, `192.168.77.1:1900` or
/// `http://192.168.77.1:5000/rootDesc.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayAddress(pub(super) Named);

/// What was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Address and port of its search service.
    Host(SocketAddrV4),
    /// Its description.
    Description(Url),
}

impl GatewayAddress {
    /// Where it hears searches; `None` if it was named by an IPv6 address, at which nothing is searched.
    pub(crate) fn search_address(&self) -> Option<SocketAddrV4> {
        match &self.0 {
            Named::Host(address) => Some(*address),
            Named::Description(url) => match url.host() {
                IpAddr::V4(address) => Some(SocketAddrV4::new(address, PORT)),
                IpAddr::V6(_) => None,
            },
        }
    }
}

impl From<Ipv4Addr> for GatewayAddress {
    /// The gateway at this address, which is searched at port 1900; if it is silent, descriptions are tried where
    /// gateways have them.
    fn from(address: Ipv4Addr) -> Self {
        SocketAddrV4::new(address, PORT).into()
    }
}

impl From<SocketAddrV4> for GatewayAddress {
    /// The gateway at this address, which is searched at this port.
    fn from(address: SocketAddrV4) -> Self {
        Self(Named::Host(address))
    }
}

impl FromStr for GatewayAddress {
    type Err = InvalidRequest;

    /// Reads an address, an address and port, or the URL of a description.
    fn from_str(text: &str) -> Result<Self, InvalidRequest> {
        let text = text.trim();
        let invalid = |problem: String| InvalidRequest::Value {
            what: "gateway",
            value: text.to_owned(),
            problem,
        };
        if text.contains("://") {
            let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
            return Ok(Self(Named::Description(url)));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(address.into());
        }
        match text.parse::<SocketAddrV4>() {
            Ok(address) if address.port() != 0 => Ok(address.into()),
            _ if text.parse::<IpAddr>().is_ok() => Err(invalid("only IPv4 addresses are searched".to_owned())),
            _ => Err(invalid(
                "it is neither an IPv4 address, nor one with a port, nor the URL of a description".to_owned(),
            )),
        }
    }
}

impl fmt::Display for GatewayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Named::Host(address) if address.port() == PORT => address.ip().fmt(f),
            Named::Host(address) => address.fmt(f),
            Named::Description(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_named_in_three_ways() {
        for (text, shown) in [
            (" 192.168.77.1 ", "192.168.77.1"),
            ("192.168.77.1:1900", "192.168.77.1"),
            ("192.168.77.1:1901", "192.168.77.1:1901"),
            ("http://192.168.77.1:5000/d.xml", "http://192.168.77.1:5000/d.xml"),
            ("http://[fd77::1]/d.xml", "http://[fd77::1]:80/d.xml"),
        ] {
            let address: GatewayAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse(), Ok(address), "the display form reads the same");
        }
    }

    #[test]
    fn whatever_else_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "neither"),
            ("router.lan", "neither"),
            ("192.168.77", "neither"),
            ("192.168.77.1:0", "neither"),
            ("fd77::1", "IPv4"),
            ("https://192.168.77.1/d.xml", "http"),
            ("http://router.lan/d.xml", "name"),
        ] {
            let error = text.parse::<GatewayAddress>().unwrap_err();
            let InvalidRequest::Value { problem, .. } = &error else {
                panic!("{error}")
            };
            assert!(problem.contains(reason), "{text}: {problem}");
        }
    }
}
