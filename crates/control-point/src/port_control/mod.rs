//! Port control: PCP (RFC 6887) and NAT-PMP (RFC 6886), and what tells them from UPnP.

mod carrier;

pub use carrier::Carrier;
