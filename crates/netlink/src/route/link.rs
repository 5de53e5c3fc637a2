//! Network interfaces.

use super::{LINK_HEADER_LEN, msg};
use crate::Error;
use crate::message::{Buffer, Message, kind as flag};
use crate::socket::{Groups, Protocol, Socket};

/// `IFLA_*`.
const NAME: u16 = 3;
const MTU: u16 = 4;
const OPER_STATE: u16 = 16;

/// `IFF_UP`.
const UP: u32 = 0x1;

/// Length of `struct if_stats_msg`.
const STATS_HEADER_LEN: usize = 12;

/// `IFLA_STATS_LINK_64`, and its bit in the filter.
const STATS_LINK: u16 = 1;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number, which no other interface has while it exists.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Flags.
    pub flags: LinkFlags,
    /// RFC 2863 state.
    pub oper_state: OperState,
    /// Largest packet in bytes.
    pub mtu: u32,
}

/// Whether an interface is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminState {
    /// It is.
    Up,
    /// It is not.
    Down,
}

/// `IFF_*` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFlags(pub u32);

/// RFC 2863 operational state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperState {
    /// The driver does not say; most virtual interfaces.
    Unknown,
    /// Cannot carry packets.
    Down,
    /// The interface below it is down.
    LowerLayerDown,
    /// Waits for something, for instance 802.1X.
    Dormant,
    /// Can carry packets.
    Up,
    /// Another one.
    Other(u8),
}

/// What an interface has carried since it came up, in 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets received.
    pub received_packets: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
}

/// The counters of one interface; `None` if it does not exist.
pub fn counters(link: u32) -> Result<Option<Counters>, Error> {
    let mut socket = Socket::open(Protocol::Route, Groups::NONE)?;
    let mut header = [0; STATS_HEADER_LEN];
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header[8..12].copy_from_slice(&u32::from(STATS_LINK).to_ne_bytes());
    let mut request = Buffer::new();
    request.message(msg::GET_STATS, flag::REQUEST, &header, |_| {});
    let mut counters = None;
    match socket.request(&mut request, |message| counters = read_counters(message)) {
        Ok(()) => Ok(counters),
        Err(error) if error.errno() == Some(crate::Errno::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Switches an interface on or off; needs CAP_NET_ADMIN. An interface that is switched off loses its routes and its IPv6
/// addresses.
pub fn set_admin_state(link: u32, state: AdminState) -> Result<(), Error> {
    let flags = match state {
        AdminState::Up => UP,
        AdminState::Down => 0,
    };
    // `struct ifinfomsg`: family and kind of device in the first word, then index, flags, and which of them to change.
    let mut header = [0; LINK_HEADER_LEN];
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&UP.to_ne_bytes());
    let mut request = Buffer::new();
    request.message(msg::SET_LINK, flag::REQUEST, &header, |_| {});
    Socket::open(Protocol::Route, Groups::NONE)?.request(&mut request, |_| {})
}

impl LinkFlags {
    /// Switched on by the administrator (`IFF_UP`).
    pub const fn is_up(self) -> bool {
        self.0 & UP != 0
    }

    /// The cable is in, or its like (`IFF_LOWER_UP`).
    pub const fn has_carrier(self) -> bool {
        self.0 & 0x1_0000 != 0
    }

    /// Leads back to this machine (`IFF_LOOPBACK`).
    pub const fn is_loopback(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Has one peer, as PPP has (`IFF_POINTOPOINT`).
    pub const fn is_point_to_point(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Carries multicast (`IFF_MULTICAST`).
    pub const fn is_multicast(self) -> bool {
        self.0 & 0x1000 != 0
    }
}

impl Link {
    /// Whether packets can pass: switched on, with carrier, and not known to be down.
    pub fn is_usable(&self) -> bool {
        self.flags.is_up() && self.flags.has_carrier() && matches!(self.oper_state, OperState::Up | OperState::Unknown)
    }

    pub(super) fn read(message: &Message<'_>) -> Option<Self> {
        let header = message.header::<LINK_HEADER_LEN>()?;
        let number = |at: usize| Some(u32::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        let (mut name, mut oper_state, mut mtu) = (None, OperState::Unknown, 0);
        for attribute in message.attributes(LINK_HEADER_LEN) {
            match attribute.kind {
                NAME => name = attribute.text(),
                MTU => mtu = attribute.u32()?,
                OPER_STATE => oper_state = OperState::from_number(attribute.u8()?),
                _ => {}
            }
        }
        Some(Self {
            index: number(4)?,
            name: name?.to_owned(),
            flags: LinkFlags(number(8)?),
            oper_state,
            mtu,
        })
    }
}

impl OperState {
    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Unknown,
            2 => Self::Down,
            3 => Self::LowerLayerDown,
            5 => Self::Dormant,
            6 => Self::Up,
            number => Self::Other(number),
        }
    }
}

fn read_counters(message: &Message<'_>) -> Option<Counters> {
    let mut attributes = message.attributes(STATS_HEADER_LEN);
    let stats = attributes.find(|attribute| attribute.kind == STATS_LINK)?;
    let number = |at: usize| Some(u64::from_ne_bytes(*stats.payload.get(at * 8..)?.first_chunk()?));
    Some(Counters {
        received_packets: number(0)?,
        sent_packets: number(1)?,
        received_bytes: number(2)?,
        sent_bytes: number(3)?,
    })
}
