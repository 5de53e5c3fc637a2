//! Finds the internet gateway, opens ports on it, keeps them open, and says in plain words what is wrong.

pub mod actions;
mod endpoint;
mod error;
mod http;
pub mod explain;
mod mapping;
mod network;
pub mod stability;
pub mod stun;

pub use error::{Conversation, Error, InvalidRequest, NoGateway, Refusal, Rejected, Untrue, Unusable};
pub use explain::Explanation;
pub use mapping::Protocol;
