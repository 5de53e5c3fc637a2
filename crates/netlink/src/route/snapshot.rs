//! What the network looks like now.

use std::net::{IpAddr, Ipv4Addr};

use super::{ADDRESS_HEADER_LEN, Link, ROUTE_HEADER_LEN, msg};
use crate::Error;
use crate::message::{Attribute, Buffer, Message, kind as flag, u32_at};
use crate::socket::{Consistency, Groups, Protocol, Socket};

/// `AF_INET` and `AF_INET6`.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// How often to read again if something changed meanwhile; whoever listens to changes reads again anyway.
const ATTEMPTS: usize = 3;

/// Length of `struct rtnexthop`.
const NEXT_HOP_LEN: usize = 8;

mod attr {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const ADDRESS_LOCAL: u16 = 2;
    pub(super) const ADDRESS_BROADCAST: u16 = 4;
    pub(super) const ADDRESS_FLAGS: u16 = 8;

    pub(super) const ROUTE_LINK: u16 = 4;
    pub(super) const ROUTE_GATEWAY: u16 = 5;
    pub(super) const ROUTE_METRIC: u16 = 6;
    pub(super) const ROUTE_MULTIPATH: u16 = 9;
    pub(super) const ROUTE_TABLE: u16 = 15;
}

/// Interfaces, addresses and default routes of this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every interface.
    pub links: Vec<Link>,
    /// Every address, IPv4 and IPv6.
    pub addresses: Vec<Address>,
    /// Every default route of the main table.
    pub default_routes: Vec<DefaultRoute>,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Index of the interface.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// Length of its network's prefix in bits.
    pub prefix_len: u8,
    /// Address that reaches every host of the network, IPv4.
    pub broadcast: Option<Ipv4Addr>,
    /// How far it means something.
    pub scope: Scope,
    /// Flags.
    pub flags: AddressFlags,
}

/// How far an address means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    Global,
    /// On its link.
    Link,
    /// On this machine.
    Host,
    /// Another one.
    Other(u8),
}

/// `IFA_F_*` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressFlags(pub u32);

/// A way to everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoute {
    /// For which packets.
    pub family: RouteFamily,
    /// Index of the interface.
    pub link: u32,
    /// The next router, unless the link has only one peer.
    pub gateway: Option<IpAddr>,
    /// Of several the one with the lowest is used.
    pub metric: u32,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Snapshot {
    /// Reads it from the kernel.
    pub fn read() -> Result<Self, Error> {
        let mut socket = Socket::open(Protocol::Route, Groups::NONE)?;
        let mut snapshot = Self::default();
        for _ in 0..ATTEMPTS {
            snapshot = Self::default();
            if snapshot.fill(&mut socket)? == Consistency::Whole {
                break;
            }
        }
        Ok(snapshot)
    }

    /// The interface of this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The interface of this name.
    pub fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The addresses of an interface, in the kernel's order: the one it prefers first.
    pub fn addresses_of(&self, link: u32) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |address| address.link == link)
    }

    /// The default route of this family that is used.
    pub fn default_route(&self, family: RouteFamily) -> Option<&DefaultRoute> {
        let routes = self.default_routes.iter().filter(|route| route.family == family);
        routes.min_by_key(|route| route.metric)
    }

    fn fill(&mut self, socket: &mut Socket) -> Result<Consistency, Error> {
        let Self {
            links,
            addresses,
            default_routes,
        } = self;
        let passes = [
            dump(socket, msg::GET_LINK, |message| links.extend(Link::read(message)))?,
            dump(socket, msg::GET_ADDRESS, |message| {
                addresses.extend(Address::read(message));
            })?,
            dump(socket, msg::GET_ROUTE, |message| {
                DefaultRoute::read(message, default_routes);
            })?,
        ];
        Ok(match passes.contains(&Consistency::Interrupted) {
            true => Consistency::Interrupted,
            false => Consistency::Whole,
        })
    }
}

/// Dumps over all families. The header of `rtmsg` is long enough for those of addresses too, and for links the kernel
/// looks only at the family unless asked to be strict.
fn dump(socket: &mut Socket, message: u16, each: impl FnMut(&Message<'_>)) -> Result<Consistency, Error> {
    let mut request = Buffer::new();
    request.message(message, flag::REQUEST, &[0; super::LINK_HEADER_LEN], |_| {});
    socket.dump(&mut request, each)
}

impl Address {
    fn read(message: &Message<'_>) -> Option<Self> {
        let &[family, prefix_len, flags, scope, ..] = message.header::<ADDRESS_HEADER_LEN>()?;
        let link = u32_at(message.payload, 4)?;
        let (mut address, mut local, mut broadcast, mut flags) = (None, None, None, u32::from(flags));
        for attribute in message.attributes(ADDRESS_HEADER_LEN) {
            match attribute.kind {
                attr::ADDRESS => address = ip(family, &attribute),
                attr::ADDRESS_LOCAL => local = ip(family, &attribute),
                attr::ADDRESS_BROADCAST => broadcast = attribute.ipv4(),
                attr::ADDRESS_FLAGS => flags = attribute.u32()?,
                _ => {}
            }
        }
        Some(Self {
            link,
            // On a point-to-point link the first is the peer's.
            address: local.or(address)?,
            prefix_len,
            broadcast,
            scope: match scope {
                0 => Scope::Global,
                253 => Scope::Link,
                254 => Scope::Host,
                scope => Scope::Other(scope),
            },
            flags: AddressFlags(flags),
        })
    }
}

impl AddressFlags {
    /// A further IPv4 address of the same network, or a temporary IPv6 address (RFC 8981).
    pub const fn is_secondary(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// Not for new connections.
    pub const fn is_deprecated(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Not usable: somebody else on the link may have it, or has it.
    pub const fn is_tentative(self) -> bool {
        self.0 & (0x40 | 0x8) != 0
    }
}

impl DefaultRoute {
    /// Whether a route message is about a default route of the main table.
    pub(super) fn is_meant(message: &Message<'_>) -> bool {
        let Some(&[_, prefix_len, _, _, table, _, _, kind, ..]) = message.header::<ROUTE_HEADER_LEN>() else {
            return false;
        };
        let table = message
            .attributes(ROUTE_HEADER_LEN)
            .find(|attribute| attribute.kind == attr::ROUTE_TABLE)
            .and_then(|attribute| attribute.u32())
            .unwrap_or_else(|| u32::from(table));
        // RT_TABLE_MAIN, RTN_UNICAST.
        (prefix_len, table, kind) == (0, 254, 1)
    }

    /// Adds what the message tells; a route over several links counts as several.
    fn read(message: &Message<'_>, routes: &mut Vec<Self>) {
        if !Self::is_meant(message) {
            return;
        }
        let number = message.payload.first().copied().unwrap_or_default();
        let family = match number {
            IPV4 => RouteFamily::Ipv4,
            IPV6 => RouteFamily::Ipv6,
            _ => return,
        };
        let (mut link, mut gateway, mut metric, mut hops) = (None, None, 0, None);
        for attribute in message.attributes(ROUTE_HEADER_LEN) {
            match attribute.kind {
                attr::ROUTE_LINK => link = attribute.u32(),
                attr::ROUTE_GATEWAY => gateway = ip(number, &attribute),
                attr::ROUTE_METRIC => metric = attribute.u32().unwrap_or(0),
                attr::ROUTE_MULTIPATH => hops = Some(attribute.payload),
                _ => {}
            }
        }
        let route = |link, gateway| Self {
            family,
            link,
            gateway,
            metric,
        };
        routes.extend(link.map(|link| route(link, gateway)));
        let mut rest = hops.unwrap_or_default();
        while let Some((link, attributes, after)) = split_hop(rest) {
            let gateway = crate::message::Attributes::new(attributes)
                .find(|attribute| attribute.kind == attr::ROUTE_GATEWAY)
                .and_then(|attribute| ip(number, &attribute));
            routes.push(route(link, gateway));
            rest = after;
        }
    }
}

/// The link and attributes of the first `struct rtnexthop`, and what follows it.
fn split_hop(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let len = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let attributes = bytes.get(NEXT_HOP_LEN..len)?;
    let after = bytes.get(crate::message::aligned(len)..).unwrap_or_default();
    Some((u32_at(bytes, 4)?, attributes, after))
}

/// The address of this family that an attribute holds.
pub(super) fn ip(family: u8, attribute: &Attribute<'_>) -> Option<IpAddr> {
    match family {
        IPV4 => attribute.ipv4().map(IpAddr::V4),
        IPV6 => attribute.ipv6().map(IpAddr::V6),
        _ => None,
    }
}
