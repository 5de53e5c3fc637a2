//! What front ends ask of the engine, and what it answers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use portreeve_wire::{Answer, Call, Fault, Value, nat_pmp, pcp};

use crate::change::EntryKey;
use crate::config::Config;
use crate::link::{ConnectionStatus, LastConnectionError, LinkRequest, Metrics};
use crate::mapping::Mapping;
use crate::pinhole::Pinhole;

/// A request that a front end has parsed.
#[derive(Clone, Debug)]
pub enum Request {
    /// A UPnP action. Host names among its arguments have been resolved to addresses by the front end.
    Call {
        /// Source address of the connection on which it came.
        caller: IpAddr,
        /// The action and its arguments.
        call: Call,
    },
    /// QueryStateVariable (UDA 1.0 section 3.3).
    Query {
        /// Source address of the connection on which it came.
        caller: IpAddr,
        /// The service asked.
        service: &'static portreeve_wire::service::Service,
        /// Name of the variable.
        variable: String,
    },
    /// A request of PCP, whose form is right.
    Pcp {
        /// Source address of the datagram in which it came.
        caller: IpAddr,
        /// The request.
        request: pcp::Request,
    },
    /// A request of NAT-PMP.
    NatPmp {
        /// Source address of the datagram in which it came.
        caller: Ipv4Addr,
        /// The request.
        request: nat_pmp::Request,
    },
    /// The administrator asks for a summary.
    Status,
    /// The administrator asks for all mappings, in the order of their keys.
    Mappings,
    /// The administrator asks for all pinholes, in the order of their keys.
    Pinholes,
    /// The administrator removes mappings and pinholes.
    Revoke(Vec<EntryKey>),
    /// The administrator replaces the settings; mappings and pinholes stay.
    Reconfigure(Box<Config>),
    /// The administrator connects or disconnects the link.
    Link(LinkRequest),
}

impl Request {
    /// Who on the LAN asks for what; none: the administrator does, or a state variable is asked for.
    pub(crate) fn asked(&self) -> Option<(IpAddr, &'static str)> {
        match self {
            Self::Call { caller, call } => Some((*caller, call.action.name)),
            Self::Pcp { caller, request } => {
                let opcode = match &request.operation {
                    pcp::Operation::Announce => "ANNOUNCE",
                    pcp::Operation::Map(_) => "MAP",
                    pcp::Operation::Peer(_) => "PEER",
                };
                Some((*caller, opcode))
            }
            Self::NatPmp { caller, request } => {
                let opcode = match request {
                    nat_pmp::Request::ExternalAddress => "external address",
                    nat_pmp::Request::Map { .. } => "map",
                };
                Some(((*caller).into(), opcode))
            }
            _ => None,
        }
    }
}

/// The answer to a [`Request`] of the same name.
#[derive(Clone, Debug)]
pub enum Reply {
    /// To [`Request::Call`].
    Call(Result<Answer, Fault>),
    /// To [`Request::Query`].
    Value(Result<Value, Fault>),
    /// To [`Request::Pcp`].
    Pcp(pcp::Answer),
    /// To [`Request::NatPmp`].
    NatPmp(nat_pmp::Answer),
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Mappings`].
    Mappings(Vec<Arc<Mapping>>),
    /// To [`Request::Pinholes`].
    Pinholes(Vec<Arc<Pinhole>>),
    /// To [`Request::Revoke`]: what was removed, or why nothing was.
    Revoked(Result<Entries, Fault>),
    /// To [`Request::Reconfigure`].
    Reconfigured(Result<(), Fault>),
    /// To [`Request::Link`]: that what is wanted has begun or is the case already, or why not.
    Link(Result<(), Fault>),
}

/// Mappings and pinholes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Mappings.
    pub mappings: Vec<Arc<Mapping>>,
    /// Pinholes.
    pub pinholes: Vec<Arc<Pinhole>>,
}

/// The gateway at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `ConnectionStatus`.
    pub connection: ConnectionStatus,
    /// `LastConnectionError`.
    pub last_error: LastConnectionError,
    /// `Uptime` in seconds.
    pub uptime: u32,
    /// `ExternalIPAddress`, empty if unknown.
    pub external_address: String,
    /// `PortMappingNumberOfEntries`.
    pub mappings: usize,
    /// The most there may be.
    pub capacity: usize,
    /// How many pinholes there are.
    pub pinholes: usize,
    /// The most there may be; 0 where nobody may open any.
    pub pinhole_capacity: usize,
    /// `SystemUpdateID`.
    pub system_update_id: u32,
    /// Figures of the link since the start.
    pub link: Metrics,
}
