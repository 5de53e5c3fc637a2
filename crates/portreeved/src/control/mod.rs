//! The control socket: one line of JSON asks, one line of JSON answers.

pub mod client;
mod link;
mod protocol;
mod server;
mod table;
#[cfg(test)]
mod tests;

pub use link::Link;
pub use protocol::{Command, Response};
pub use server::{Office, open, serve};
