//! The NAT Port Mapping Protocol (RFC 6886), which is version 0 of what PCP is version 2 of.

pub mod client;
mod message;
mod server;

pub use message::{Answer, Mapped, Request, ResultCode, Transport};
pub use server::{Received, Unsupported, announcement, answer, receive, unsupported};

const VERSION: u8 = 0;

/// The bit of the second octet that tells a response from a request.
const RESPONSE: u8 = 0x80;

const EXTERNAL_ADDRESS: u8 = 0;
const MAP_UDP: u8 = 1;
const MAP_TCP: u8 = 2;
