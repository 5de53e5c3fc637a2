//! The NAT Port Mapping Protocol (RFC 6886), which is version 0 of what PCP is version 2 of.

mod message;

pub use message::{Answer, Mapped, Request, ResultCode, Transport};
