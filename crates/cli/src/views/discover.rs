//! What `discover` found.

use std::net::IpAddr;

use serde::Serialize;

use crate::output::{Page, Text, Tone, View, fields};

use super::gateway::{AddressKind, Gateway, address_in_words};

/// The gateways of this network, the best one first.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Discovered {
    /// The gateways.
    pub(crate) gateways: Vec<Found>,
}

/// A gateway that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Found {
    /// The gateway.
    #[serde(flatten)]
    pub(crate) gateway: Gateway,
    /// Whether the other commands take it.
    pub(crate) chosen: bool,
    /// Why it is taken, if it is.
    pub(crate) reason: Option<Text>,
    /// Its WAN connections.
    pub(crate) connections: Vec<Connection>,
}

/// A WAN connection of a gateway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Connection {
    /// Name and version of the service, for instance `WANIPConnection:2`.
    pub(crate) service: Text,
    /// Whether the other commands take it, if they take the gateway.
    pub(crate) chosen: bool,
    /// `ConnectionStatus`, unless the gateway did not tell.
    pub(crate) connection_status: Option<Text>,
    /// `ExternalIPAddress`, if it is an address.
    pub(crate) external_address: Option<IpAddr>,
    /// What kind of address it is.
    pub(crate) address_kind: AddressKind,
}

impl Discovered {
    /// The best one first; it is chosen, and said why.
    pub(crate) fn ranked(mut gateways: Vec<Found>, asked_for: bool) -> Self {
        let standings: Vec<Standing> = gateways.iter().map(Found::standing).collect();
        let reason = match (asked_for, standings.as_slice()) {
            (true, _) => "it was asked for",
            (false, [] | [_]) => "it is the only one",
            (false, [best, second, ..]) if best < second => match best {
                Standing::Public => "it is connected and has a public address",
                Standing::Addressed => "it is connected and has an address",
                _ => "it is connected",
            },
            (false, _) => "its connection is as good as any, and it is the nearest by route",
        };
        if let Some(best) = gateways.first_mut() {
            best.chosen = true;
            best.reason = Some(Text::clean(reason));
        }
        Self { gateways }
    }
}

/// What the best connection of a gateway is good for, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Public,
    Addressed,
    Connected,
    Down,
}

impl View for Discovered {
    fn human(&self, page: &Page) -> String {
        let blocks: Vec<String> = self.gateways.iter().map(|found| found.human(page)).collect();
        blocks.join("\n")
    }
}

impl Found {
    fn standing(&self) -> Standing {
        let standings = self.connections.iter().map(|connection| {
            let status = connection.connection_status.clone().unwrap_or_default();
            match (status.as_str(), connection.address_kind) {
                ("Connected" | "Up", AddressKind::Public) => Standing::Public,
                ("Connected" | "Up", AddressKind::None) => Standing::Connected,
                ("Connected" | "Up", _) => Standing::Addressed,
                _ => Standing::Down,
            }
        });
        standings.min().unwrap_or(Standing::Down)
    }

    fn human(&self, page: &Page) -> String {
        let gateway = &self.gateway;
        let mut lines = vec![
            ("Model", gateway.make()),
            ("Version", format!("InternetGatewayDevice:{}", gateway.igd_version)),
            (
                "Reached",
                format!("through {}, from {}", gateway.interface, gateway.local_address),
            ),
        ];
        lines.extend(
            self.connections
                .iter()
                .map(|connection| ("Connection", connection.in_words())),
        );
        lines.push(("Description", gateway.location.to_string()));
        lines.push(("Software", gateway.server.clone().unwrap_or_default().to_string()));
        lines.push(("Chosen", self.reason.clone().unwrap_or_default().to_string()));
        let tone = if self.chosen { Tone::Strong } else { Tone::Faint };
        let inner = Page {
            width: page.width.map(|width| width - 2),
            ..*page
        };
        let block: String = fields(&inner, lines)
            .lines()
            .map(|line| format!("  {line}\n"))
            .collect();
        format!("{}\n{block}", page.paint(tone, &gateway.brief()))
    }
}

impl Connection {
    fn in_words(&self) -> String {
        let status = self.connection_status.clone().unwrap_or_default();
        format!(
            "{}, {}, external address {}",
            self.service,
            status.or("status unknown"),
            address_in_words(self.external_address, self.address_kind)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::gateway::tests::gateway;
    use super::*;

    fn found(status: &str, kind: AddressKind) -> Found {
        Found {
            gateway: gateway(),
            chosen: false,
            reason: None,
            connections: vec![Connection {
                service: Text::clean("WANIPConnection:2"),
                chosen: true,
                connection_status: Some(Text::clean(status)),
                external_address: (kind != AddressKind::None).then(|| [11, 11, 11, 2].into()),
                address_kind: kind,
            }],
        }
    }

    #[test]
    fn a_gateway_is_told_with_its_connections_and_why_it_is_taken() {
        let told = Discovered::ranked(vec![found("Connected", AddressKind::Public)], false).human(&Page::PLAIN);
        assert_eq!(
            told,
            "Home at 192.168.77.1\n\
            \x20 Model        Maker Box 1\n\
            \x20 Version      InternetGatewayDevice:2\n\
            \x20 Reached      through eth0, from 192.168.77.10\n\
            \x20 Connection   WANIPConnection:2, Connected, external address 11.11.11.2 (public)\n\
            \x20 Description  http://192.168.77.1:5000/root.xml\n\
            \x20 Chosen       it is the only one\n"
        );
    }

    #[test]
    fn the_reason_is_what_the_second_lacks() {
        let reason = |gateways: [Found; 2]| {
            let discovered = Discovered::ranked(gateways.to_vec(), false);
            assert!(discovered.gateways[0].chosen && !discovered.gateways[1].chosen);
            discovered.gateways[0].reason.clone().unwrap_or_default().to_string()
        };
        let public = || found("Connected", AddressKind::Public);
        let private = || found("Connected", AddressKind::Private);
        let down = || found("Disconnected", AddressKind::None);
        assert_eq!(
            reason([public(), private()]),
            "it is connected and has a public address"
        );
        assert_eq!(reason([private(), down()]), "it is connected and has an address");
        assert!(reason([public(), public()]).contains("nearest by route"));
    }
}
