//! The gateway as a state machine: one mapping table, its leases, policy, the link and the services over them.
//!
//! Nothing here reads a clock, a socket or a disk. Inputs and the time are passed in; what must happen outside comes
//! out as [`Change`]s and answers, and what went wrong outside comes back in as an input.

pub mod change;
mod claim;
pub mod config;
mod context;
mod engine;
pub mod epoch;
pub mod event;
pub mod eventing;
pub mod flow;
mod igd;
pub mod lan_host;
mod ledger;
pub mod link;
pub mod mapping;
mod nat_pmp;
pub mod neighbours;
mod pcp;
pub mod pinhole;
pub mod policy;
pub mod ports;
pub mod request;
pub mod time;
pub mod upstream;

pub use change::{Change, Desired, EntryKey, Outbound, Refusal};
pub use config::Config;
pub use engine::{Engine, Kept, RequestId};
pub use epoch::Epoch;
pub use event::{Cause, Event, Rejection};
pub use eventing::Evented;
pub use flow::Flow;
pub use link::{Counters, DriverReport, LinkCommand, LinkReport, LinkRequest};
pub use mapping::{Expiry, Key, Mapping, Origin, PcpOpcode, PcpOrigin, Protocol, RemoteHost};
pub use neighbours::{Neighbours, Station};
pub use pinhole::{Pinhole, PinholeKey, Transport, UniqueId};
pub use request::{Entries, Reply, Request, Status};
pub use time::Time;
pub use upstream::{UpstreamCommand, UpstreamReport};
