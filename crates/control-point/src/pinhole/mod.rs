//! Pinholes: openings for single ports in a gateway's IPv6 firewall (WANIPv6FirewallControl:1).
//!
//! ```no_run
//! # async fn example() -> Result<(), portreeve::Error> {
//! use portreeve::Protocol;
//!
//! let gateway = portreeve::discover().await?;
//! let kept = gateway.pinhole(Protocol::Tcp, 8080).keep().await?;
//! println!("reachable at {}", kept.internal());
//! # Ok(())
//! # }
//! ```
//!
//! Over IPv6 nothing is translated: what is opened is the way to an address and port of this machine, and where the
//! firewall is off there is nothing to open. Pinholes end with their lease, and a gateway that starts anew has none.

mod by_number;
mod keeping;
mod kept;
mod made;
mod request;
mod task;
mod transport;
mod wanted;
mod way;

#[cfg(test)]
mod tests;

pub use by_number::Traffic;
pub use keeping::{PinholeChange, PinholeState};
pub use kept::{KeptPinhole, PinholeChanges};
pub use made::{Opened, Pinhole, Reachable};
pub use request::PinholeRequest;
pub use transport::Transport;
