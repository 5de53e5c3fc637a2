//! The daemon's insides, as a library, so that tests and fuzz targets reach them.

use std::io::{self, Write};

#[cfg(test)]
mod alone;
pub mod args;
pub mod config;
pub mod control;
pub mod daemon;
pub mod date;
pub mod events;
pub mod exit;
pub mod http;
pub mod identity;
pub mod import;
mod lan_host;
mod lan_socket;
pub(crate) mod link;
pub mod log;
pub mod machine;
pub mod notify;
pub mod pace;
pub mod paths;
pub(crate) mod port_control;
pub mod random;
pub(crate) mod runtime;
pub mod ssdp;
pub(crate) mod upstream;

/// Writes to standard output.
pub fn tell(text: &str) {
    // Whoever stopped reading has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
}
