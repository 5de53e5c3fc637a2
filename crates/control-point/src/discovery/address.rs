//! How a caller names a gateway.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use portreeve_wire::Url;
use portreeve_wire::ssdp::PORT;

use super::origin::{self, Origin};
use crate::error::InvalidRequest;
use crate::network::scoped;

/// Which gateway to use, in place of any: `192.168.77.1`, `192.168.77.1:1900`, `fd77::1`, `fe80::1%eth0`,
/// `[fe80::1%eth0]:1900` or `http://192.168.77.1:5000/rootDesc.xml`. The interface of a link-local address may be left out
/// where there is only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayAddress {
    named: Named,
    /// Interface of a link-local address, by name or number.
    zone: Option<String>,
}

/// What was named.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// Address and port of its search service.
    Host(IpAddr, u16),
    /// Its description.
    Description(Url),
}

/// What was named, as it is reached from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Address and port of its search service.
    Host(SocketAddr),
    /// Its description.
    Description(Url),
}

impl GatewayAddress {
    /// Where it hears searches, as it is reached from these places.
    pub(crate) fn search_address(&self, origins: &[Origin]) -> SocketAddr {
        match &self.named {
            Named::Host(address, port) => scoped(*address, *port, self.scope(*address, origins)),
            Named::Description(url) => scoped(url.host(), PORT, self.scope(url.host(), origins)),
        }
    }

    /// What was named, as it is reached from these places.
    pub(super) fn reached(&self, origins: &[Origin]) -> Reached {
        match &self.named {
            Named::Host(..) => Reached::Host(self.search_address(origins)),
            Named::Description(url) => {
                let scope = self.search_address(origins);
                Reached::Description(match scope {
                    SocketAddr::V6(address) => url.clone().with_scope(address.scope_id()),
                    SocketAddr::V4(_) => url.clone(),
                })
            }
        }
    }

    /// The interface that leads to a link-local address: the one that was named, else the first one; 0 if there is none.
    fn scope(&self, address: IpAddr, origins: &[Origin]) -> u32 {
        let found = match &self.zone {
            Some(zone) => origins
                .iter()
                .find(|origin| origin.interface == *zone)
                .map(|origin| origin.index)
                .or_else(|| zone.parse().ok()),
            None => origin::near(origins, SocketAddr::new(address, PORT)).map(|near| origins[near].index),
        };
        found.unwrap_or(0)
    }
}

impl From<IpAddr> for GatewayAddress {
    /// The gateway at this address, which is searched at port 1900; if it is silent, descriptions are tried where
    /// gateways have them.
    fn from(address: IpAddr) -> Self {
        SocketAddr::new(address, PORT).into()
    }
}

impl From<SocketAddr> for GatewayAddress {
    /// The gateway at this address, which is searched at this port.
    fn from(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        };
        Self {
            named: Named::Host(address.ip().to_canonical(), address.port()),
            zone: (scope != 0).then(|| scope.to_string()),
        }
    }
}

impl From<Ipv4Addr> for GatewayAddress {
    /// As [`From<IpAddr>`](#impl-From<IpAddr>-for-GatewayAddress).
    fn from(address: Ipv4Addr) -> Self {
        IpAddr::V4(address).into()
    }
}

impl From<Ipv6Addr> for GatewayAddress {
    /// As [`From<IpAddr>`](#impl-From<IpAddr>-for-GatewayAddress).
    fn from(address: Ipv6Addr) -> Self {
        IpAddr::V6(address).into()
    }
}

impl From<SocketAddrV4> for GatewayAddress {
    /// As [`From<SocketAddr>`](#impl-From<SocketAddr>-for-GatewayAddress).
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::V4(address).into()
    }
}

impl From<SocketAddrV6> for GatewayAddress {
    /// As [`From<SocketAddr>`](#impl-From<SocketAddr>-for-GatewayAddress).
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::V6(address).into()
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
        let (plain, zone) = without_zone(text);
        if text.contains("://") {
            let url = Url::parse(&plain).map_err(|error| invalid(error.to_string()))?;
            let named = Named::Description(url);
            return Ok(Self { named, zone });
        }
        let host = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let (address, port) = match (host.unwrap_or(&plain).parse::<IpAddr>(), plain.parse::<SocketAddr>()) {
            (Ok(address), _) => (address, PORT),
            (_, Ok(address)) if address.port() != 0 => (address.ip(), address.port()),
            _ => {
                let problem = "it is neither an IP address, nor one with a port, nor the URL of a description";
                return Err(invalid(problem.to_owned()));
            }
        };
        let named = Named::Host(address.to_canonical(), port);
        Ok(Self { named, zone })
    }
}

impl fmt::Display for GatewayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.as_ref().map(|zone| format!("%{zone}")).unwrap_or_default();
        match &self.named {
            Named::Host(address, PORT) => write!(f, "{address}{zone}"),
            Named::Host(IpAddr::V6(address), port) => write!(f, "[{address}{zone}]:{port}"),
            Named::Host(IpAddr::V4(address), port) => write!(f, "{address}:{port}"),
            Named::Description(url) => f.write_str(&url.to_string().replacen(']', &format!("{zone}]"), 1)),
        }
    }
}

/// The text without the zone of its IPv6 address, and the zone: `fe80::1%eth0`, in a URL also `[fe80::1%25eth0]` (RFC 6874).
fn without_zone(text: &str) -> (String, Option<String>) {
    let authority = text.split_once("://").map_or(0, |(scheme, _)| scheme.len() + 3);
    let end = text[authority..]
        .find('/')
        .map_or(text.len(), |slash| authority + slash);
    let Some(percent) = text[authority..end].find('%').map(|at| authority + at) else {
        return (text.to_owned(), None);
    };
    let close = text[percent..end].find(']').map_or(end, |at| percent + at);
    let zone = &text[percent + 1..close];
    let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
    let plain = format!("{}{}", &text[..percent], &text[close..]);
    (plain, (!zone.is_empty()).then(|| zone.to_owned()))
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
            ("fd77::1", "fd77::1"),
            ("[fd77::1]", "fd77::1"),
            ("[fd77::1]:1901", "[fd77::1]:1901"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("[fe80::1%eth0]", "fe80::1%eth0"),
            ("[fe80::1%2]:1901", "[fe80::1%2]:1901"),
            ("::ffff:192.168.77.1", "192.168.77.1"),
            ("http://[fe80::1%25eth0]:5000/a%20b", "http://[fe80::1%eth0]:5000/a%20b"),
            ("http://[fe80::1%eth0]:5000/d?x=]", "http://[fe80::1%eth0]:5000/d?x=]"),
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
            ("[fd77::1]:0", "neither"),
            ("%eth0", "neither"),
            ("fd77::1::", "neither"),
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

    #[test]
    fn a_link_local_address_is_reached_over_the_interface_that_was_named_or_the_first_one() {
        let origin = |interface: &str, index| Origin {
            interface: interface.to_owned(),
            index,
            address: "fe80::10".parse().unwrap(),
            prefix_len: 64,
            gateway: None,
            loopback: false,
            multicast: true,
        };
        let origins = [origin("eth0", 3), origin("wlan0", 4)];
        for (text, scope) in [
            ("fe80::1", 3),
            ("fe80::1%wlan0", 4),
            ("fe80::1%4", 4),
            ("fe80::1%9", 9),
            ("fe80::1%nowhere", 0),
            ("fd77::1%wlan0", 0),
        ] {
            let named: GatewayAddress = text.parse().unwrap();
            let SocketAddr::V6(address) = named.search_address(&origins) else {
                panic!("{text}")
            };
            assert_eq!(address.scope_id(), scope, "{text}");
            let url: GatewayAddress = format!("http://[{text}]:5000/d").parse().unwrap();
            let Reached::Description(url) = url.reached(&origins) else {
                panic!("{text}")
            };
            assert_eq!(url.authority(), scoped(address.ip().to_owned().into(), 5000, scope));
        }
    }
}
