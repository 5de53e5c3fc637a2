//! Requests and what answers them, as values.

use std::net::Ipv4Addr;

use super::{MAP_TCP, MAP_UDP};

/// A request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// What the external address is (section 3.2).
    ExternalAddress,
    /// A mapping (section 3.3), or the end of one (section 3.4).
    Map {
        /// What it carries.
        transport: Transport,
        /// Internal Port; 0 with a lifetime of 0: every mapping of the client.
        internal_port: u16,
        /// Suggested External Port; 0: none.
        external_port: u16,
        /// Requested lifetime in seconds; 0 deletes.
        lifetime: u32,
    },
}

/// What a mapping carries. The number of the opcode is not that of IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Opcode 1.
    Udp,
    /// Opcode 2.
    Tcp,
}

impl Transport {
    pub(super) const fn opcode(self) -> u8 {
        match self {
            Self::Udp => MAP_UDP,
            Self::Tcp => MAP_TCP,
        }
    }
}

/// What a server answers to a request. The request itself says which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Seconds Since Start of Epoch (section 3.6).
    pub epoch: u32,
    /// How it ended.
    pub outcome: Result<Mapped, ResultCode>,
}

/// What a server grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// To [`Request::ExternalAddress`].
    ExternalAddress(Ipv4Addr),
    /// To [`Request::Map`]; both 0 where something was deleted.
    Port {
        /// Mapped External Port.
        external_port: u16,
        /// Lifetime in seconds.
        lifetime: u32,
    },
}

/// How a request failed (section 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResultCode {
    /// 1: the version is not spoken here.
    UnsupportedVersion,
    /// 2: it is switched off, or not the client's.
    NotAuthorized,
    /// 3: the gateway has no external address at present.
    NetworkFailure,
    /// 4: there is no room at present.
    OutOfResources,
    /// 5: the opcode is not known here.
    UnsupportedOpcode,
}

impl ResultCode {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::UnsupportedVersion,
        Self::NotAuthorized,
        Self::NetworkFailure,
        Self::OutOfResources,
        Self::UnsupportedOpcode,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::UnsupportedVersion => 1,
            Self::NotAuthorized => 2,
            Self::NetworkFailure => 3,
            Self::OutOfResources => 4,
            Self::UnsupportedOpcode => 5,
        }
    }

    /// The standard's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "Unsupported Version",
            Self::NotAuthorized => "Not Authorized/Refused",
            Self::NetworkFailure => "Network Failure",
            Self::OutOfResources => "Out of resources",
            Self::UnsupportedOpcode => "Unsupported opcode",
        }
    }

    /// The code of this number; none for 0, which is success, and for what no standard names.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}
