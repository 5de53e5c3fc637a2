//! The relay with real sockets on loopback addresses. No privilege is needed.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod mappings;
mod tcp;
mod udp;
mod world;
