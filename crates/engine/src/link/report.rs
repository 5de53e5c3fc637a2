//! What the world outside tells the link, and what the link asks of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::LastConnectionError;

/// What is known of the WAN interface; handed in whenever something of it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkReport {
    /// Whether there is a WAN interface at all.
    pub configured: bool,
    /// Whether it has a carrier and is administratively up.
    pub carrier: bool,
    /// Its IPv4 addresses, the one to report first.
    pub addresses: Vec<Ipv4Addr>,
    /// Its global IPv6 address, if any.
    pub ipv6: Option<Ipv6Addr>,
    /// The address to report instead of the first (configured by the administrator of a gateway behind another NAT).
    pub reported_address: Option<Ipv4Addr>,
    /// Speed towards the Internet and back in bits per second, as far as the interface tells.
    pub bit_rate: Option<u64>,
}

/// Totals of the WAN interface since the machine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received.
    pub packets_received: u64,
}

/// What the link wants of its driver. Each is answered by [`DriverReport`]s, and a later one takes the place of an
/// earlier one that is not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCommand {
    /// Set the link up. Also where the driver believes it is up; then to be answered with [`DriverReport::Connected`].
    Connect,
    /// Tear it down, or stop setting it up. Also where the driver believes it is down; then to be answered with
    /// [`DriverReport::Disconnected`].
    Disconnect,
}

/// What the driver of a controlled link tells: how a command ended, or what it saw by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverReport {
    /// It is setting the link up, of its own accord (dial on demand, or again after a drop).
    Connecting,
    /// As far as it can tell the link is up.
    Connected,
    /// The link is down, with the reason if it knows one. While the link is being set up, no reason means "not yet", and
    /// a reason that this attempt is over.
    Disconnected(Option<LastConnectionError>),
    /// The command failed: the link could not be set up, or not be torn down. Where it is still up after that, the
    /// driver tells so next.
    Failed(LastConnectionError),
    /// The command was given up because it took too long.
    TimedOut,
}

/// What the administrator may ask of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRequest {
    /// As RequestConnection.
    Connect,
    /// As RequestTermination.
    Disconnect,
    /// As ForceTermination.
    Terminate,
}
