//! Who has which address on the links: what ARP and IPv6 neighbour discovery have learnt.

use std::net::IpAddr;

use super::msg;
use super::snapshot::ip;
use crate::Error;
use crate::message::{Buffer, Message, kind as flag, u32_at};
use crate::socket::{Groups, Protocol, Socket};

/// Length of `struct ndmsg`.
const HEADER_LEN: usize = 12;

/// `NDA_DST` and `NDA_LLADDR`.
const DESTINATION: u16 = 1;
const LINK_LAYER_ADDRESS: u16 = 2;

/// `NUD_REACHABLE`, `_STALE`, `_DELAY`, `_PROBE` and `_PERMANENT`: the link-layer address is known.
const KNOWN: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;

/// A host on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of the interface.
    pub link: u32,
    /// Its IP address.
    pub address: IpAddr,
    /// Its link-layer address.
    pub link_layer: Box<[u8]>,
}

/// The hosts whose link-layer addresses are known, on all interfaces. A host on several links is there several times.
pub fn neighbours() -> Result<Vec<Neighbour>, Error> {
    let mut socket = Socket::open(Protocol::Route, Groups::NONE)?;
    let mut request = Buffer::new();
    request.message(msg::GET_NEIGHBOUR, flag::REQUEST, &[0; HEADER_LEN], |_| {});
    let mut neighbours = Vec::new();
    // Where entries came and went meanwhile, the next dump has them.
    socket.dump(&mut request, |message| neighbours.extend(Neighbour::read(message)))?;
    Ok(neighbours)
}

impl Neighbour {
    fn read(message: &Message<'_>) -> Option<Self> {
        let header = message.header::<HEADER_LEN>()?;
        let state = u16::from_ne_bytes(*header.get(8..)?.first_chunk()?);
        let (mut address, mut link_layer) = (None, None);
        for attribute in message.attributes(HEADER_LEN) {
            match attribute.kind {
                DESTINATION => address = ip(header[0], &attribute),
                LINK_LAYER_ADDRESS => link_layer = Some(attribute.payload),
                _ => {}
            }
        }
        // Links without such addresses have zeros or nothing.
        let link_layer = link_layer.filter(|address| address.iter().any(|byte| *byte != 0))?;
        (state & KNOWN != 0).then_some(Self {
            link: u32_at(header, 4)?,
            address: address?,
            link_layer: link_layer.into(),
        })
    }
}
