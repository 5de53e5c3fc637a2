//! Searches that found no gateway, told apart by what was seen meanwhile.

use super::{Explanation, Text, length, quoted};
use crate::error::NoGateway;

impl NoGateway {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        if let Some(rejected) = self.rejected.first() {
            let why = rejected.why.explanation();
            return Explanation::new(
                "gateway-rejected",
                format!(
                    "Something at {} answered the search, but cannot be used. {}",
                    quoted(&rejected.location),
                    why.problem
                ),
                why.remedy,
            );
        }
        if let Some(named) = &self.named {
            return Explanation::new(
                SILENCE.code,
                format!(
                    "No gateway answered at {}, which was named, within {}.",
                    quoted(named),
                    length(self.waited)
                ),
                NAMED_REMEDY,
            );
        }
        // Loopback is searched too, for gateways that are tried out, but nobody counts it as a connection.
        let interfaces = self.interfaces.iter().filter(|name| *name != "lo");
        let interfaces: Vec<&str> = interfaces.map(String::as_str).collect();
        if interfaces.is_empty() {
            return NO_INTERFACE.into();
        }
        let Some(gateway) = self.default_gateway else {
            return NO_ROUTE.into();
        };
        let mut explanation = Explanation::from(SILENCE);
        explanation.problem += &format!(
            " The router at {gateway} and everybody on {} were asked for {}.",
            interfaces.join(", "),
            length(self.waited)
        );
        explanation.remedy = format!("{}\n{}", UPNP_OFF.remedy, SILENCE.remedy);
        explanation
    }
}

const NAMED_REMEDY: &str = "Check the address. If it is right, see whether UPnP is switched on in the router's pages. \
                            Without a name, every gateway in the network is searched.";

const NO_INTERFACE: Text = Text {
    code: "no-interface",
    problem: "This computer has no network connection that is up.",
    remedy: "Plug in the network cable or join the Wi-Fi, and see that the connection has an IPv4 address.",
};

const NO_ROUTE: Text = Text {
    code: "no-default-route",
    problem: "This computer has no default route: it does not know any router that leads to the internet.",
    remedy: "Renew the network connection, so that it gets an address and a route from the router (DHCP), or enter the \
             router's address as the default gateway in the network settings.",
};

const SILENCE: Text = Text {
    code: "no-gateway",
    problem: "No router answered the search for one that opens ports (by SSDP, the search of UPnP).",
    remedy: "If it is on, a firewall on this computer may drop the answers (UDP port 1900): allow them, or name the \
             router with its address. `portreeve doctor` tells the two apart.",
};

/// The router is there, and nothing of UPnP is.
pub(crate) const UPNP_OFF: Text = Text {
    code: "upnp-off",
    problem: "The router is there but does not speak UPnP, by which programs open ports: it is probably switched off.",
    remedy: "Switch UPnP on in the router's pages:\n\
             FRITZ!Box: Home Network, Network, Network Settings: tick \"Transmit status information over UPnP\"; then \
             Internet, Permit Access, Port Sharing: allow independent port sharing for this computer.\n\
             OpenWrt: install the package luci-app-upnp, then Services, UPnP: start the service and save.\n\
             ASUS: WAN, Internet Connection: set \"Enable UPnP\" to Yes.\n\
             TP-Link: Advanced, NAT Forwarding, UPnP: switch it on.",
};

/// The router speaks UPnP when asked directly, and searches hear nothing.
pub(crate) const ANSWERS_DROPPED: Text = Text {
    code: "ssdp-blocked",
    problem: "The router speaks UPnP when it is asked directly, but no answer to a search arrives: a firewall on this \
              computer or on the router drops them (UDP port 1900), or an access point keeps multicast back.",
    remedy: "Allow incoming UDP from the router's port 1900 in this computer's firewall. In a virtual machine or \
             container, bridge its network. On Wi-Fi, switch off \"client isolation\" and \"multicast filtering\".",
};

#[cfg(test)]
pub(super) fn every_row() -> impl Iterator<Item = Text> {
    [NO_INTERFACE, NO_ROUTE, SILENCE, UPNP_OFF, ANSWERS_DROPPED].into_iter()
}
