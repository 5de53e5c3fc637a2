//! Finds the internet gateway, opens ports on it, keeps them open, and says in plain words what is wrong.

pub mod actions;
pub mod doctor;
mod endpoint;
mod error;
pub mod explain;
mod http;
pub mod listing;
mod mapping;
mod network;
pub mod raw;
pub mod stability;
mod status;
pub mod stun;

pub use error::{Conversation, Error, InvalidRequest, NoGateway, PortsRefused, Refusal, Rejected, Untrue, Unusable};
pub use explain::Explanation;
pub use mapping::Protocol;
