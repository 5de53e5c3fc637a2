//! Gateways that cannot map anything to the internet, as their status shows.

use super::{Explanation, Text, last_error, quoted};
use crate::error::Unusable;

impl Unusable {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::NotConnected { status, last_error } => not_connected(status, last_error),
            Self::NatOff => NAT_OFF.into(),
            Self::DoubleNat(address) if address.is_loopback() => Explanation::new(
                DOUBLE_NAT.code,
                format!(
                    "The gateway's external address, {address}, is this computer itself: it is being tried out, and \
                     nothing from the internet reaches it."
                ),
                "Let the gateway run where there is a connection to the internet.",
            ),
            Self::DoubleNat(address) => {
                let mut explanation = Explanation::from(DOUBLE_NAT);
                explanation.problem += &format!(" Its own external address, {address}, is a private one.");
                explanation
            }
            Self::CarrierGradeNat(address) => {
                let mut explanation = Explanation::from(CARRIER_GRADE_NAT);
                explanation.problem += &format!(" The router's external address, {address}, is of that kind.");
                explanation
            }
            Self::NoExternalAddress(text) if text.trim().is_empty() => NO_ADDRESS.into(),
            Self::NoExternalAddress(text) => {
                let mut explanation = Explanation::from(NO_ADDRESS);
                explanation.problem += &format!(" It says {}.", quoted(text));
                explanation
            }
            Self::NoIpv4 => NO_IPV4.into(),
            Self::NoIpv6 => NO_IPV6.into(),
            Self::NoFirewallControl => NO_FIREWALL_CONTROL.into(),
            Self::PinholesNotAllowed => PINHOLES_NOT_ALLOWED.into(),
            Self::NoUpnp => NO_UPNP.into(),
            Self::NoConnectionService => NO_SERVICE.into(),
        }
    }
}

/// What the status means, followed by what the last error tells about the cause.
fn not_connected(status: &str, last_error: &str) -> Explanation {
    let state = STATES.iter().find(|(name, _)| status.trim().eq_ignore_ascii_case(name));
    let mut explanation = match state {
        Some((_, text)) => (*text).into(),
        None => {
            let mut other = Explanation::from(DISCONNECTED);
            other.problem += &format!(" Its state is {}.", quoted(status));
            other
        }
    };
    let cause = last_error::explain(last_error);
    if !NOT_TELLING.contains(&cause.code) {
        explanation.code = cause.code;
        explanation.problem += &format!(" {}", cause.problem);
        explanation.remedy = cause.remedy;
    }
    explanation
}

/// Last errors that say less than the status.
const NOT_TELLING: [&str; 3] = [
    "connection-error-none",
    "connection-error-unknown",
    "connection-error-untold",
];

const DISCONNECTED: Text = Text {
    code: "not-connected",
    problem: "The router is not connected to the internet.",
    remedy: "Look at the router's log and lights, start the connection in its pages or with `portreeve link connect`, \
             and restart the modem if it does not come up.",
};

/// Values of ConnectionStatus other than Connected (WANIPConnection:2 table 2-3, WANPPPConnection:1 table 2).
const STATES: &[(&str, Text)] = &[
    ("Disconnected", DISCONNECTED),
    (
        "Unconfigured",
        Text {
            code: "unconfigured",
            problem: "The router's internet access has not been set up.",
            remedy: "Set it up in the router's pages, with what the provider gave you.",
        },
    ),
    (
        "Connecting",
        Text {
            code: "connecting",
            problem: "The router is still connecting to the internet.",
            remedy: "Wait half a minute and try again.",
        },
    ),
    (
        "Authenticating",
        Text {
            code: "authenticating",
            problem: "The router is just logging in to the provider.",
            remedy: "Wait half a minute. If it stays so, check the provider's user name and password in the router's \
                     pages.",
        },
    ),
    (
        "PendingDisconnect",
        Text {
            code: "pending-disconnect",
            problem: "The router is about to end its internet connection.",
            remedy: "Keep it with `portreeve link connect`, or wait and connect again.",
        },
    ),
    (
        "Disconnecting",
        Text {
            code: "disconnecting",
            problem: "The router is ending its internet connection.",
            remedy: "Wait a moment, then start it again in the router's pages or with `portreeve link connect`.",
        },
    ),
];

const NAT_OFF: Text = Text {
    code: "nat-off",
    problem: "No mapping is needed: the router does not translate addresses (NAT is off), it only routes.",
    remedy: "If this computer has a public address, it is reachable as it is: open the port in the firewalls of this \
             computer and of the router. If it has not, switch NAT on in the router's pages.",
};

const DOUBLE_NAT: Text = Text {
    code: "double-nat",
    problem: "Another router is in front of this one (double NAT), so that mapping a port here does not open it to the \
              internet.",
    remedy: "Put the device in front, often the provider's box, into bridge mode; or forward the port there to this \
             router's external address; or switch UPnP on there and map on it as well.",
};

const CARRIER_GRADE_NAT: Text = Text {
    code: "carrier-grade-nat",
    problem: "The provider shares one public address among many customers (carrier-grade NAT, addresses 100.64.0.0 to \
              100.127.255.255), so that no port of it can be opened from here.",
    remedy: "Ask the provider for a public IPv4 address (often free or cheap, sometimes called \"dual stack\" or \
             \"static IP\"), use IPv6 if both sides have it (`portreeve pinhole`), or go through a rented server or a \
             VPN that forwards ports.",
};

const NO_ADDRESS: Text = Text {
    code: "no-external-address",
    problem: "The router has no external address to be reached at, although it says that it is connected.",
    remedy: "Wait a minute and try again, then restart the router. If your access is IPv6 only (DS-Lite), there is no \
             IPv4 address of your own: use IPv6, or ask the provider for one.",
};

const NO_IPV4: Text = Text {
    code: "no-ipv4",
    problem: "This computer has no IPv4 address in the router's network, and mappings are for IPv4.",
    remedy: "Over IPv6 a pinhole opens the port instead: `portreeve pinhole add` or `portreeve map --family ipv6`.",
};

const NO_IPV6: Text = Text {
    code: "no-ipv6",
    problem: "This computer has no IPv6 address that could be reached from outside of its own network cable or Wi-Fi.",
    remedy: "See whether IPv6 is on in this computer's network settings and in the router's pages, and whether the \
             provider offers it. Over IPv4, `portreeve map` opens the port.",
};

const NO_FIREWALL_CONTROL: Text = Text {
    code: "no-firewall-control",
    problem: "The router offers no service by which programs open its IPv6 firewall (WANIPv6FirewallControl).",
    remedy: "Open the port for this computer's IPv6 address by hand in the router's pages, or look there for \
             \"allow IPv6 pinholes by UPnP\" and for a firmware update.",
};

const PINHOLES_NOT_ALLOWED: Text = Text {
    code: "pinholes-not-allowed",
    problem: "The router's IPv6 firewall says that it opens no pinholes (openings for one port) for programs.",
    remedy: "Allow it in the router's pages, often called \"allow IPv6 pinholes by UPnP\", or open the port there by hand.",
};

const NO_SERVICE: Text = Text {
    code: "no-connection-service",
    problem: "A router was found, but it offers no service that maps ports.",
    remedy: "Switch on port mapping by UPnP in its pages. If it is only an access point or a bridge, name the router \
             behind it with its address.",
};

const NO_UPNP: Text = Text {
    code: "no-upnp",
    problem: "This needs UPnP, and the router speaks PCP or NAT-PMP only: it makes and removes mappings of this computer, \
              and shows none.",
    remedy: "Switch on UPnP in the router's pages, if it has it. Mappings that a program keeps, it can remove itself.",
};

#[cfg(test)]
pub(super) fn every_row() -> impl Iterator<Item = Text> {
    let states = STATES.iter().map(|(_, text)| *text);
    let own = [NO_UPNP, NO_IPV4, NO_IPV6, NO_FIREWALL_CONTROL, PINHOLES_NOT_ALLOWED];
    let addresses = [NAT_OFF, DOUBLE_NAT, CARRIER_GRADE_NAT, NO_ADDRESS, NO_SERVICE];
    states.chain(addresses).chain(own)
}
