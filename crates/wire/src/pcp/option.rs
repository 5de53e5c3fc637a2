//! Options: how they are framed (section 7.3), and what they say.

use std::net::IpAddr;

use super::layout::{Fields, to_wire};

pub(super) const THIRD_PARTY: u8 = 1;
pub(super) const PREFER_FAILURE: u8 = 2;
pub(super) const FILTER: u8 = 3;
/// The first code of those that may be passed over.
pub(super) const OPTIONAL: u8 = 128;
pub(super) const DESCRIPTION: u8 = 128;
pub(super) const PORT_SET: u8 = 130;

/// Most octets of a DESCRIPTION (RFC 7220).
pub(super) const LONGEST_DESCRIPTION: usize = 1016;

/// One FILTER (section 13.3): traffic may come from these addresses, and from this port of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Remote Peer IP Address; an IPv4 address is one.
    pub address: IpAddr,
    /// How many leading bits of the address count, in terms of its own family: at most 32 or 128. None: this option
    /// clears all filters that there are (prefix length 0).
    pub prefix: Option<u8>,
    /// Remote Peer Port; 0: any.
    pub port: u16,
}

/// PORT_SET (RFC 7753 section 4.1): ports side by side, mapped to ports side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSet {
    /// Port Set Size, at least 1. Of what is received it ends at port 65535 at the latest.
    pub size: u16,
    /// First Internal Port.
    pub first_internal_port: u16,
    /// Whether the first external port shall be even or odd as the internal one is.
    pub parity: bool,
}

/// An option as it is framed.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) code: u8,
    pub(super) data: &'a [u8],
}

/// An option goes beyond the end of the message.
pub(super) struct Overrun;

/// The options of a message, from what is left of it after the fields of its opcode; the first that goes beyond its end
/// is the last.
pub(super) struct Options<'a>(pub(super) Fields<'a>);

impl<'a> Iterator for Options<'a> {
    type Item = Result<Raw<'a>, Overrun>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let option = self.framed();
        if option.is_none() {
            self.0.0 = &[];
        }
        Some(option.ok_or(Overrun))
    }
}

impl<'a> Options<'a> {
    fn framed(&mut self) -> Option<Raw<'a>> {
        let [code, _] = self.0.take()?;
        let length = usize::from(self.0.u16()?);
        let (padded, rest) = self.0.0.split_at_checked(length.next_multiple_of(4))?;
        self.0.0 = rest;
        Some(Raw {
            code,
            data: &padded[..length],
        })
    }
}

impl Raw<'_> {
    /// Writes it with its header and its padding. Data is at most a message long.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.data.len()).unwrap_or(u16::MAX);
        out.extend([self.code, 0]);
        out.extend(length.to_be_bytes());
        out.extend(&self.data[..usize::from(length)]);
        out.resize(out.len().next_multiple_of(4), 0);
    }
}

impl Filter {
    /// None where it is not one. Prefix lengths count in terms of IPv6 there, so that IPv4 has 96 to 128.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut fields = Fields(data);
        let [_, prefix] = fields.take()?;
        let port = fields.u16()?;
        let address = fields.address()?;
        let own = match (prefix, address) {
            (0, _) => None,
            (96..=128, IpAddr::V4(_)) => Some(prefix - 96),
            (1..=128, IpAddr::V6(_)) => Some(prefix),
            _ => return None,
        };
        fields.0.is_empty().then_some(Self {
            address,
            prefix: own,
            port,
        })
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let prefix = match (self.prefix, self.address) {
            (None, _) => 0,
            (Some(prefix), IpAddr::V4(_)) => prefix.saturating_add(96),
            (Some(prefix), IpAddr::V6(_)) => prefix,
        };
        let mut data = vec![0, prefix];
        data.extend(self.port.to_be_bytes());
        data.extend(to_wire(self.address));
        let option = Raw {
            code: FILTER,
            data: &data,
        };
        option.write(out);
    }
}

impl PortSet {
    /// None where it is not one. A set that goes beyond the last port is cut off there: less than is asked for may be
    /// granted anyway.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut fields = Fields(data);
        let size = fields.u16()?;
        let first_internal_port = fields.u16()?;
        let [flags] = fields.take()?;
        if size == 0 || !fields.0.is_empty() {
            return None;
        }
        let room = (u16::MAX - first_internal_port).saturating_add(1);
        Some(Self {
            size: size.min(room),
            first_internal_port,
            parity: flags & 1 == 1,
        })
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let mut data = [0; 5];
        data[..2].copy_from_slice(&self.size.to_be_bytes());
        data[2..4].copy_from_slice(&self.first_internal_port.to_be_bytes());
        data[4] = u8::from(self.parity);
        let option = Raw {
            code: PORT_SET,
            data: &data,
        };
        option.write(out);
    }
}
