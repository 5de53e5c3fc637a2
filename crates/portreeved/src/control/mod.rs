//! The control socket: one line of JSON asks, one line of JSON answers.

pub mod client;
mod protocol;
mod server;
mod table;
#[cfg(test)]
mod tests;

pub use protocol::{Command, Link, Response};
pub use server::{Office, open, serve};
