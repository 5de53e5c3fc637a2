//! What happened, for whoever keeps a log or tells others.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::{Fault, nat_pmp, pcp};

use crate::change::Change;
use crate::link::{ConnectionStatus, LastConnectionError};
use crate::mapping::Mapping;
use crate::pinhole::Pinhole;

/// Something that is in force and durable now, or a refusal.
#[derive(Clone, Debug)]
pub enum Event {
    /// A mapping is new, or differs from what it was.
    Mapped {
        /// As it was, if it was.
        before: Option<Arc<Mapping>>,
        /// As it is.
        mapping: Arc<Mapping>,
        /// On whose behalf.
        cause: Cause,
    },
    /// A mapping is gone.
    Unmapped {
        /// As it was.
        mapping: Arc<Mapping>,
        /// On whose behalf.
        cause: Cause,
    },
    /// A pinhole is new, or prolonged.
    Pinholed {
        /// As it was, if it was.
        before: Option<Arc<Pinhole>>,
        /// As it is.
        pinhole: Arc<Pinhole>,
        /// On whose behalf.
        cause: Cause,
    },
    /// A pinhole is gone.
    Unpinholed {
        /// As it was.
        pinhole: Arc<Pinhole>,
        /// On whose behalf.
        cause: Cause,
    },
    /// A request was refused.
    Refused {
        /// Who asked.
        caller: IpAddr,
        /// Name of the action; of PCP and NAT-PMP the opcode.
        action: &'static str,
        /// The answer, and why.
        rejection: Rejection,
    },
    /// The link is not what it was.
    Link {
        /// `ConnectionStatus`.
        status: ConnectionStatus,
        /// `LastConnectionError`.
        error: LastConnectionError,
        /// `ExternalIPAddress`, empty if unknown.
        external_address: String,
    },
}

impl Event {
    /// What is to be told of a change that is in force.
    pub(crate) fn of(change: Change, cause: Cause) -> Option<Self> {
        match change {
            Change::Mapping {
                before,
                after: Some(mapping),
            } => Some(Self::Mapped { before, mapping, cause }),
            Change::Mapping {
                before: Some(mapping), ..
            } => Some(Self::Unmapped { mapping, cause }),
            Change::Pinhole {
                before,
                after: Some(pinhole),
            } => Some(Self::Pinholed { before, pinhole, cause }),
            Change::Pinhole {
                before: Some(pinhole), ..
            } => Some(Self::Unpinholed { pinhole, cause }),
            // Outbound ports follow from the mappings.
            Change::Mapping { .. } | Change::Pinhole { .. } | Change::Outbound { .. } => None,
        }
    }
}

/// How a request was refused, in the words of its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// Of a UPnP action.
    Upnp(Fault),
    /// Of PCP, with the reason.
    Pcp(pcp::ResultCode, String),
    /// Of NAT-PMP, with the reason.
    NatPmp(nat_pmp::ResultCode, String),
}

impl Rejection {
    /// The number on the wire.
    pub fn number(&self) -> u16 {
        match self {
            Self::Upnp(fault) => fault.code.number(),
            Self::Pcp(code, _) => code.number().into(),
            Self::NatPmp(code, _) => code.number(),
        }
    }
}

/// The reason.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upnp(fault) => fault.fmt(f),
            Self::Pcp(_, reason) | Self::NatPmp(_, reason) => f.write_str(reason),
        }
    }
}

/// On whose behalf something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A control point or another client at this address.
    Caller(IpAddr),
    /// Its lease ended.
    LeaseEnd,
    /// The administrator, by command or configuration.
    Administrator,
    /// The backend could not bring it back into force.
    Lost,
    /// The upstream gateway does not let it in any more.
    Upstream,
}
