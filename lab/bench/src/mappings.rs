//! Which mapping has which number.

use std::net::{Ipv4Addr, SocketAddrV4};

/// How many LAN addresses hold mappings.
pub(crate) const CLIENTS: usize = 8;

/// A transport protocol, as an argument spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A mapping: its external port, to the same port of the client that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// External and internal port.
    pub(crate) port: u16,
    /// Protocol.
    pub(crate) protocol: Protocol,
    /// Which of the LAN addresses it leads to, counted from 0. Only that one may add and delete it.
    pub(crate) owner: usize,
}

/// How numbers are spread over protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// TCP and UDP alike: room for 65,000.
    Both,
    /// TCP only: room for 32,000.
    TcpOnly,
}

/// Port of the first mapping: above SSDP's, which the gateway keeps for itself.
const FIRST_PORT: usize = 2000;
/// The gateway's own web server.
const HTTP_PORT: usize = 5000;

impl Layout {
    /// The mapping of this number. Neighbouring numbers have different owners.
    ///
    /// # Panics
    /// If the number is beyond the room of the layout.
    pub(crate) fn mapping(self, number: usize) -> Mapping {
        let owner = number % CLIENTS;
        let round = number / CLIENTS;
        let (row, protocol) = match self {
            Self::TcpOnly => (round, Protocol::Tcp),
            Self::Both if round.is_multiple_of(2) => (round / 2, Protocol::Tcp),
            Self::Both => (round / 2, Protocol::Udp),
        };
        let port = FIRST_PORT + row * CLIENTS + owner;
        let port = if port >= HTTP_PORT { port + 1 } else { port };
        Mapping {
            port: u16::try_from(port).expect("the number is within the room of the layout"),
            protocol,
            owner,
        }
    }

    /// The first number from this one on whose mapping belongs to `owner`.
    pub(crate) fn first_of(owner: usize, from: usize) -> usize {
        from + (owner + CLIENTS - from % CLIENTS) % CLIENTS
    }
}

impl Protocol {
    /// As the standard spells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// The LAN address of a client, counted from 0; there may be 230.
pub(crate) fn address(client: usize) -> Ipv4Addr {
    Ipv4Addr::new(
        192,
        168,
        77,
        u8::try_from(20 + client).expect("there are at most 230 clients"),
    )
}

/// Where connections to the mapping end up.
pub(crate) fn internal(mapping: Mapping) -> SocketAddrV4 {
    SocketAddrV4::new(address(mapping.owner), mapping.port)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_number_is_another_mapping() {
        for (layout, room) in [(Layout::Both, 65_000), (Layout::TcpOnly, 32_000)] {
            let mut seen = HashSet::new();
            for number in 0..room {
                let mapping = layout.mapping(number);
                assert!(seen.insert((mapping.port, mapping.protocol.name())), "{number}");
                assert!(mapping.port >= 2000 && mapping.port != 5000);
            }
        }
    }

    #[test]
    fn owners_take_turns() {
        for from in [0, 550, 1000] {
            for owner in 0..CLIENTS {
                let number = Layout::first_of(owner, from);
                assert!((from..from + CLIENTS).contains(&number));
                assert_eq!(Layout::Both.mapping(number).owner, owner);
            }
        }
    }
}
