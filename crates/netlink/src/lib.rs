//! Talking to the Linux kernel over netlink, without a C library and without `unsafe`.
//!
//! [`message`] frames and parses, [`socket`] carries, and each other module is the vocabulary of one subsystem:
//! [`nftables`] (packet rules), [`conntrack`] (live connections), [`route`] (interfaces, addresses, default routes, neighbours) and
//! [`diag`] (sockets of this machine). Every call is blocking; the kernel answers most of them before `send` returns.

pub mod conntrack;
pub mod diag;
mod error;
pub mod message;
pub mod nftables;
pub mod route;
pub mod socket;

pub use error::{Error, Rejection};
pub use nix::errno::Errno;
