//! Taking messages apart. Nothing here panics or reads past the end, whatever the bytes are.

use std::net::{Ipv4Addr, Ipv6Addr};

use nix::errno::Errno;

use super::{ATTRIBUTE_HEADER_LEN, HEADER_LEN, aligned, kind};
use crate::Error;

/// The two top bits of an attribute's type are flags (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
const TYPE_MASK: u16 = 0x3fff;

/// `NLMSGERR_ATTR_MSG`.
const ERROR_TEXT: u16 = 1;

/// The messages in what one `recv` returned.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`: of the request that this answers.
    pub seq: u32,
    /// `nlmsg_pid`: the port of the socket that caused it.
    pub port: u32,
    /// Everything after the netlink header.
    pub payload: &'a [u8],
}

/// The attributes in a message or in a nest; ends at the first that is malformed.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// Its type, without the flag bits.
    pub kind: u16,
    /// Its content.
    pub payload: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Over these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((message, rest)) = split_message(self.rest) else {
            self.rest = &[];
            return Some(Err(Error::Malformed));
        };
        self.rest = rest;
        Some(Ok(message))
    }
}

fn split_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let len = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let payload = bytes.get(HEADER_LEN..len)?;
    let message = Message {
        kind: u16_at(bytes, 4)?,
        flags: u16_at(bytes, 6)?,
        seq: u32_at(bytes, 8)?,
        port: u32_at(bytes, 12)?,
        payload,
    };
    Some((message, bytes.get(aligned(len)..).unwrap_or_default()))
}

impl<'a> Message<'a> {
    /// The attributes after the subsystem's own header of this length.
    pub fn attributes(&self, header_len: usize) -> Attributes<'a> {
        Attributes::new(self.payload.get(aligned(header_len)..).unwrap_or_default())
    }

    /// The subsystem's own header, if it is there in full.
    pub fn header<const LEN: usize>(&self) -> Option<&'a [u8; LEN]> {
        self.payload.first_chunk()
    }

    /// For an `NLMSG_ERROR` or `NLMSG_DONE`: success, or the errno with the kernel's words. `None` for anything else.
    pub fn outcome(&self) -> Option<Result<(), (Errno, Option<String>)>> {
        if self.kind != kind::ERROR && self.kind != kind::DONE {
            return None;
        }
        let code = u32_at(self.payload, 0).map_or(0, u32::cast_signed);
        if code >= 0 {
            return Some(Ok(()));
        }
        Some(Err((Errno::from_raw(code.saturating_neg()), self.error_text())))
    }

    fn error_text(&self) -> Option<String> {
        if self.flags & kind::ACK_ATTRIBUTES == 0 {
            return None;
        }
        let mut skip = 4;
        if self.kind == kind::ERROR {
            skip += match self.flags & kind::CAPPED {
                0 => aligned(usize::try_from(u32_at(self.payload, 4)?).ok()?),
                _ => HEADER_LEN,
            };
        }
        Attributes::new(self.payload.get(skip..)?)
            .find(|attribute| attribute.kind == ERROR_TEXT)
            .and_then(|attribute| attribute.text())
            .map(str::to_owned)
    }
}

impl<'a> Attributes<'a> {
    /// Over these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::from(u16_at(self.rest, 0)?);
        let kind = u16_at(self.rest, 2)? & TYPE_MASK;
        let payload = self.rest.get(ATTRIBUTE_HEADER_LEN..len)?;
        self.rest = self.rest.get(aligned(len)..).unwrap_or_default();
        Some(Attribute { kind, payload })
    }
}

impl<'a> Attribute<'a> {
    /// The attributes inside.
    pub const fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }

    /// The first attribute of this type inside.
    pub fn child(&self, kind: u16) -> Option<Self> {
        self.nested().find(|attribute| attribute.kind == kind)
    }

    /// A single byte.
    pub fn u8(&self) -> Option<u8> {
        self.payload.first().copied()
    }

    /// Sixteen bits in network order.
    pub fn u16_be(&self) -> Option<u16> {
        self.payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Thirty-two bits in network order.
    pub fn u32_be(&self) -> Option<u32> {
        self.payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Thirty-two bits in host order.
    pub fn u32(&self) -> Option<u32> {
        self.payload.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    }

    /// Sixty-four bits in network order.
    pub fn u64_be(&self) -> Option<u64> {
        self.payload.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// A text, up to its NUL.
    pub fn text(&self) -> Option<&'a str> {
        let end = self
            .payload
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(self.payload.len());
        std::str::from_utf8(self.payload.get(..end)?).ok()
    }

    /// An IPv4 address.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        self.payload.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes))
    }

    /// An IPv6 address.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.payload.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes))
    }
}

/// Sixteen bits in host order at `offset`.
fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u16::from_ne_bytes(*bytes))
}

/// Thirty-two bits in host order at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u32::from_ne_bytes(*bytes))
}
