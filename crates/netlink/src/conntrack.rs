//! The kernel's live connections: listing them, looking one up, and cutting them.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::message::{Attribute, Buffer, Message, kind as flag};
use crate::socket::{Groups, Protocol, Socket};
use crate::{Errno, Error};

/// `NFNL_SUBSYS_CTNETLINK`.
const SUBSYSTEM: u16 = 1;

/// `IPCTNL_MSG_CT_GET` and `IPCTNL_MSG_CT_DELETE`.
const GET: u16 = SUBSYSTEM << 8 | 1;
const DELETE: u16 = SUBSYSTEM << 8 | 2;

/// `struct nfgenmsg` for IPv4.
const HEADER: [u8; 4] = [2, 0, 0, 0];

/// How many deletions go out together: the answer to each has to fit the receive buffer.
const DELETIONS_PER_SEND: usize = 256;

mod attr {
    pub(super) const ORIGINAL: u16 = 1;
    pub(super) const REPLY: u16 = 2;
    pub(super) const STATUS: u16 = 3;
    pub(super) const ID: u16 = 12;
    pub(super) const ZONE: u16 = 18;

    pub(super) const TUPLE_IP: u16 = 1;
    pub(super) const TUPLE_PROTOCOL: u16 = 2;
    pub(super) const IP_SOURCE: u16 = 1;
    pub(super) const IP_DESTINATION: u16 = 2;
    pub(super) const PROTOCOL_NUMBER: u16 = 1;
    pub(super) const PROTOCOL_SOURCE: u16 = 2;
    pub(super) const PROTOCOL_DESTINATION: u16 = 3;
}

/// A live IPv4 connection that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// As its first packet arrived.
    pub original: Tuple,
    /// As the answers arrive, before any translation back.
    pub reply: Tuple,
    /// `IPS_*` bits.
    pub status: u32,
    id: u32,
    zone: Option<u16>,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// IANA number of the transport protocol.
    pub protocol: u8,
    /// Where packets come from.
    pub source: SocketAddrV4,
    /// Where they go.
    pub destination: SocketAddrV4,
}

/// A connection to the conntrack subsystem.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
}

impl Flow {
    /// Whether its destination is translated (`IPS_DST_NAT`).
    pub const fn has_translated_destination(&self) -> bool {
        self.status & 0x20 != 0
    }

    /// What the other end sees as the source of packets in this direction, as they are before translation; `None` if
    /// that is what they have, or if this is no direction of the connection.
    pub fn outside_of(&self, inside: &Tuple) -> Option<SocketAddrV4> {
        let seen = match *inside {
            inside if inside == self.original => self.reply.destination,
            inside if inside == self.reply => self.original.destination,
            _ => return None,
        };
        (seen != inside.source).then_some(seen)
    }
}

impl Connection {
    /// Opens a connection.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            socket: Socket::open(Protocol::Netfilter, Groups::NONE)?,
        })
    }

    /// Hands every live IPv4 connection that has ports to `each`.
    pub fn flows(&mut self, mut each: impl FnMut(Flow)) -> Result<(), Error> {
        let mut request = Buffer::new();
        request.message(GET, flag::REQUEST, &HEADER, |_| {});
        self.socket.dump(&mut request, |message| {
            if let Some(flow) = read(message) {
                each(flow);
            }
        })?;
        Ok(())
    }

    /// The live IPv4 connection of which this is one direction; `None` if there is none.
    pub fn find(&mut self, tuple: &Tuple) -> Result<Option<Flow>, Error> {
        let mut request = Buffer::new();
        // The kernel looks in both directions, and takes the answer for one of the original.
        request.message(GET, flag::REQUEST, &HEADER, |attrs| {
            attrs.nest(attr::ORIGINAL, |original| tuple.write(original));
        });
        let mut found = None;
        match self.socket.request(&mut request, |message| found = read(message)) {
            Ok(()) => Ok(found),
            Err(failure) if failure.errno() == Some(Errno::ENOENT) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Cuts these connections; those that ended meanwhile do not matter.
    pub fn delete(&mut self, flows: &[Flow]) -> Result<(), Error> {
        for flows in flows.chunks(DELETIONS_PER_SEND) {
            let mut requests = Buffer::new();
            for flow in flows {
                requests.message(DELETE, flag::REQUEST | flag::ACK, &HEADER, |attrs| {
                    attrs.nest(attr::ORIGINAL, |tuple| flow.original.write(tuple));
                    attrs.u32_be(attr::ID, flow.id);
                    if let Some(zone) = flow.zone {
                        attrs.u16_be(attr::ZONE, zone);
                    }
                });
            }
            self.socket.send(&mut requests)?;
            while let Some(replies) = self.socket.receive()? {
                for reply in replies {
                    let outcome = reply?.outcome();
                    if let Some(Err((errno, text))) = outcome
                        && errno != Errno::ENOENT
                    {
                        return Err(Error::Rejected(crate::Rejection {
                            message: 0,
                            errno,
                            text,
                        }));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Tuple {
    fn write(&self, attrs: &mut crate::message::Attrs<'_>) {
        attrs.nest(attr::TUPLE_IP, |ip| {
            ip.bytes(attr::IP_SOURCE, &self.source.ip().octets());
            ip.bytes(attr::IP_DESTINATION, &self.destination.ip().octets());
        });
        attrs.nest(attr::TUPLE_PROTOCOL, |protocol| {
            protocol.u8(attr::PROTOCOL_NUMBER, self.protocol);
            protocol.u16_be(attr::PROTOCOL_SOURCE, self.source.port());
            protocol.u16_be(attr::PROTOCOL_DESTINATION, self.destination.port());
        });
    }

    fn read(attribute: &Attribute<'_>) -> Option<Self> {
        let ip = attribute.child(attr::TUPLE_IP)?;
        let protocol = attribute.child(attr::TUPLE_PROTOCOL)?;
        let end = |address: u16, port: u16| {
            let address: Ipv4Addr = ip.child(address)?.ipv4()?;
            Some(SocketAddrV4::new(address, protocol.child(port)?.u16_be()?))
        };
        Some(Self {
            protocol: protocol.child(attr::PROTOCOL_NUMBER)?.u8()?,
            source: end(attr::IP_SOURCE, attr::PROTOCOL_SOURCE)?,
            destination: end(attr::IP_DESTINATION, attr::PROTOCOL_DESTINATION)?,
        })
    }
}

fn read(message: &Message<'_>) -> Option<Flow> {
    let (mut original, mut reply, mut status, mut id, mut zone) = (None, None, 0, None, None);
    for attribute in message.attributes(HEADER.len()) {
        match attribute.kind {
            attr::ORIGINAL => original = Tuple::read(&attribute),
            attr::REPLY => reply = Tuple::read(&attribute),
            attr::STATUS => status = attribute.u32_be()?,
            attr::ID => id = attribute.u32_be(),
            attr::ZONE => zone = attribute.u16_be(),
            _ => {}
        }
    }
    Some(Flow {
        original: original?,
        reply: reply?,
        status,
        id: id?,
        zone,
    })
}
