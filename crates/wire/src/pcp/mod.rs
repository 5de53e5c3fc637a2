//! The Port Control Protocol, version 2 (RFC 6887): what is asked, what is answered.

mod answer;
pub mod client;
mod layout;
mod message;
mod option;
mod receive;
mod result;

pub use answer::{announcement, answer};
pub use message::{Answer, Assigned, Map, Nonce, Operation, Peer, Refused, Request};
pub use option::{Filter, PortSet};
pub use receive::{Received, receive};
pub use result::{Lasting, ResultCode};

/// UDP port on which servers hear requests, of NAT-PMP too.
pub const SERVER_PORT: u16 = 5351;

/// UDP port on which clients hear announcements, of NAT-PMP too.
pub const CLIENT_PORT: u16 = 5350;

/// The version that is spoken here.
pub const VERSION: u8 = 2;

/// Most octets of a message.
pub const LONGEST: usize = 1100;
