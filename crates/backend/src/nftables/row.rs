//! Mappings and pinholes as elements of the maps and sets.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portreeve_engine::{Change, Expiry, Key, Mapping, Outbound, Pinhole, PinholeKey, RemoteHost, Time};
use portreeve_netlink::nftables::{Data, Element, Lifetime};

use crate::Refusal;

/// Which map or set an element is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Map {
    /// Mappings that anybody may use, by protocol and external port.
    AnyHost,
    /// Mappings for one remote host, by protocol, external port and that host.
    OneHost,
    /// External ports of LAN sockets, by protocol, address and port.
    Outbound,
    /// Pinholes, by client, port and transport, and by what is remote.
    Pinholes(Remote),
}

/// What a pinhole says of the remote side. A wildcard cannot be a part of a key, and so each has a set of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Remote {
    /// Nothing.
    Any,
    /// Its address.
    Host,
    /// Its port.
    Port,
    /// Its address and port.
    Socket,
}

/// An element and the map that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) map: Map,
    pub(super) element: Element,
}

/// A change in terms of the maps: what was in force before, and what is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowChange {
    pub(super) before: Option<Row>,
    pub(super) after: Option<Row>,
}

impl Map {
    pub(super) const ALL: [Self; 7] = [
        Self::AnyHost,
        Self::OneHost,
        Self::Outbound,
        Self::Pinholes(Remote::Any),
        Self::Pinholes(Remote::Host),
        Self::Pinholes(Remote::Port),
        Self::Pinholes(Remote::Socket),
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AnyHost => "any_host",
            Self::OneHost => "one_host",
            Self::Outbound => "outbound",
            Self::Pinholes(Remote::Any) => "pinholes",
            Self::Pinholes(Remote::Host) => "pinholes_host",
            Self::Pinholes(Remote::Port) => "pinholes_port",
            Self::Pinholes(Remote::Socket) => "pinholes_socket",
        }
    }
}

impl Remote {
    pub(super) const ALL: [Self; 4] = [Self::Any, Self::Host, Self::Port, Self::Socket];
}

impl Row {
    /// The element of a mapping; `None` if it is not in force: disabled, or its lease over.
    pub(super) fn of_mapping(
        mapping: &Mapping,
        broadcast: Option<Ipv4Addr>,
        now: Time,
    ) -> Result<Option<Self>, Refusal> {
        let Some(lifetime) = lifetime(mapping.expiry, now).filter(|_| mapping.enabled) else {
            return Ok(None);
        };
        let client = match mapping.internal_client {
            Mapping::EVERY_CLIENT => {
                broadcast.ok_or_else(|| Refusal::Failed("the LAN has no broadcast address".to_owned()))?
            }
            client => client,
        };
        let (map, key) = key(&mapping.key);
        let value = Data::new().ipv4(client).port(mapping.internal_port.get());
        Ok(Some(Self {
            map,
            element: Element {
                value: Some(value),
                lifetime,
                ..Element::member(key)
            },
        }))
    }

    /// The element of an outbound port; `None` if its time is over.
    pub(super) fn of_outbound(outbound: &Outbound, now: Time) -> Option<Self> {
        Some(Self {
            map: Map::Outbound,
            element: Element {
                value: Data::from_bytes(&outbound.external_port.get().to_be_bytes()),
                lifetime: lifetime(outbound.expiry, now)?,
                ..Element::member(socket_key(
                    outbound.protocol.number(),
                    outbound.client,
                    outbound.port.get(),
                ))
            },
        })
    }

    /// The element of a pinhole; `None` if its lease is over.
    pub(super) fn of_pinhole(pinhole: &Pinhole, now: Time) -> Option<Self> {
        let (map, key) = pinhole_key(&pinhole.key);
        Some(Self {
            map,
            element: Element {
                lifetime: lifetime(Expiry::At(pinhole.expiry), now)?,
                ..Element::member(key)
            },
        })
    }
}

impl RowChange {
    pub(super) fn of(change: &Change, broadcast: Option<Ipv4Addr>, now: Time) -> Result<Self, Refusal> {
        // What was in force counts as it was then, even if its time is over by now or the broadcast address is gone.
        let then = Time::default();
        Ok(match change {
            Change::Mapping { before, after } => Self {
                before: match before {
                    Some(mapping) => Row::of_mapping(mapping, broadcast, then).unwrap_or_else(|_| {
                        let broadcast = Some(Ipv4Addr::BROADCAST);
                        Row::of_mapping(mapping, broadcast, then).ok().flatten()
                    }),
                    None => None,
                },
                after: match after {
                    Some(mapping) => Row::of_mapping(mapping, broadcast, now)?,
                    None => None,
                },
            },
            Change::Outbound { before, after } => Self {
                before: before.as_ref().and_then(|outbound| Row::of_outbound(outbound, then)),
                after: after.as_ref().and_then(|outbound| Row::of_outbound(outbound, now)),
            },
            Change::Pinhole { before, after } => Self {
                before: before.as_ref().and_then(|pinhole| Row::of_pinhole(pinhole, then)),
                after: after.as_ref().and_then(|pinhole| Row::of_pinhole(pinhole, now)),
            },
        })
    }
}

/// Protocol and external port in the key of a mapping.
pub(super) fn external_port(key: &Data) -> Option<(u8, u16)> {
    let [protocol, ..] = key.word(0)?;
    let [high, low, ..] = key.word(1)?;
    Some((protocol, u16::from_be_bytes([high, low])))
}

/// Address and port in the value of a mapping.
pub(super) fn target(value: &Data) -> Option<SocketAddrV4> {
    let address = value.word(0)?;
    let [high, low, ..] = value.word(1)?;
    Some(SocketAddrV4::new(address.into(), u16::from_be_bytes([high, low])))
}

/// Key of a LAN socket's outbound port.
pub(super) fn socket_key(protocol: u8, client: Ipv4Addr, port: u16) -> Data {
    Data::new().protocol(protocol).ipv4(client).port(port)
}

/// Protocol, address and port in the key of an outbound port.
pub(super) fn socket(key: &Data) -> Option<(u8, SocketAddrV4)> {
    let [protocol, ..] = key.word(0)?;
    let [high, low, ..] = key.word(2)?;
    let address = Ipv4Addr::from(key.word(1)?);
    Some((protocol, SocketAddrV4::new(address, u16::from_be_bytes([high, low]))))
}

/// External port in the value of an outbound port.
pub(super) fn outbound_port(value: &Data) -> Option<u16> {
    let [high, low] = *value.as_bytes().first_chunk()?;
    Some(u16::from_be_bytes([high, low]))
}

/// Key in the map for one remote host.
pub(super) fn one_host_key(protocol: u8, port: u16, host: Ipv4Addr) -> Data {
    any_host_key(protocol, port).ipv4(host)
}

/// Key in the map for anybody.
pub(super) fn any_host_key(protocol: u8, port: u16) -> Data {
    Data::new().protocol(protocol).port(port)
}

/// Where a pinhole is, and its key there.
pub(super) fn pinhole_key(pinhole: &PinholeKey) -> (Map, Data) {
    let key = Data::new()
        .ipv6(pinhole.internal_client)
        .protocol(pinhole.transport.number())
        .port(pinhole.internal_port.get());
    let (remote, key) = match (pinhole.remote_host, pinhole.remote_port) {
        (None, None) => (Remote::Any, key),
        (Some(host), None) => (Remote::Host, key.ipv6(host)),
        (None, Some(port)) => (Remote::Port, key.port(port.get())),
        (Some(host), Some(port)) => (Remote::Socket, key.ipv6(host).port(port.get())),
    };
    (Map::Pinholes(remote), key)
}

/// The key of the mapping that stands for an outbound port in reports.
pub(super) fn outbound_key(outbound: &Outbound) -> Key {
    Key {
        external_port: outbound.external_port,
        protocol: outbound.protocol,
        remote_host: RemoteHost::Any,
    }
}

fn key(key: &Key) -> (Map, Data) {
    let (protocol, port) = (key.protocol.number(), key.external_port.get());
    match key.remote_host {
        RemoteHost::Any => (Map::AnyHost, any_host_key(protocol, port)),
        RemoteHost::Host(host) => (Map::OneHost, one_host_key(protocol, port, host)),
    }
}

fn lifetime(expiry: Expiry, now: Time) -> Option<Lifetime> {
    match expiry.remaining_seconds(now) {
        None => Some(Lifetime::Permanent),
        Some(0) => None,
        Some(seconds) => Some(Lifetime::Left(Duration::from_secs(u64::from(seconds)))),
    }
}
