//! WANIPv6FirewallControl:1, 10 December 2010.

mod actions;
mod description;
mod error_codes;
mod rights;
mod traffic;

/// The service, as descriptions name it.
const SERVICE: &str = "WANIPv6FirewallControl:1";
