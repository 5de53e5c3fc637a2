//! Finds the internet gateway, opens ports on it, keeps them open, and says in plain words what is wrong.

pub mod actions;
pub mod blocking;
pub mod discovery;
pub mod doctor;
mod endpoint;
mod error;
pub mod explain;
pub mod gateway;
mod http;
mod keeper;
pub mod listing;
mod mapping;
mod network;
mod random;
pub mod raw;
pub mod stability;
pub mod status;
pub mod stun;

pub use discovery::{Discovery, GatewayAddress, discover};
pub use error::{Conversation, Error, InvalidRequest, NoGateway, PortsRefused, Refusal, Rejected, Untrue, Unusable};
pub use explain::Explanation;
pub use gateway::Gateway;
pub use keeper::{Change, Changes, KeptMapping, State};
pub use mapping::{ExternalEnd, MapRequest, Mapping, Note, Protocol, Verification};
pub use status::Status;
