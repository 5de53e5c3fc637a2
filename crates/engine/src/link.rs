//! The WAN link as the engine sees it, and what WANIPConnection says about it (WANIPConnection:2 section 2.3).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::time::Time;

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

/// `ConnectionStatus` (WANIPConnection:2 section 2.3.3), as far as a link that is only watched can have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// There is no WAN interface.
    #[default]
    Unconfigured,
    /// The link carries traffic.
    Connected,
    /// It does not.
    Disconnected,
}

/// `LastConnectionError` (WANIPConnection:2 section 2.3.5), as far as a link that is only watched can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastConnectionError {
    /// None.
    #[default]
    None,
    /// The interface is down or its cable is out.
    NoCarrier,
    /// The interface has no address.
    IpConfiguration,
}

/// The link with its history.
#[derive(Clone, Debug, Default)]
pub struct Link {
    report: LinkReport,
    connected_since: Option<Time>,
}

impl ConnectionStatus {
    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unconfigured => "Unconfigured",
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
        }
    }
}

impl LastConnectionError {
    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "ERROR_NONE",
            Self::NoCarrier => "ERROR_NO_CARRIER",
            Self::IpConfiguration => "ERROR_IP_CONFIGURATION",
        }
    }
}

impl Link {
    /// Takes in a report. `Uptime` starts anew when the link becomes Connected.
    pub fn update(&mut self, report: LinkReport, now: Time) {
        self.report = report;
        match (self.status(), self.connected_since) {
            (ConnectionStatus::Connected, None) => self.connected_since = Some(now),
            (ConnectionStatus::Connected, Some(_)) => {}
            _ => self.connected_since = None,
        }
    }

    /// The last report.
    pub fn report(&self) -> &LinkReport {
        &self.report
    }

    /// `ConnectionStatus`.
    pub fn status(&self) -> ConnectionStatus {
        if !self.report.configured {
            ConnectionStatus::Unconfigured
        } else if self.report.carrier && !self.report.addresses.is_empty() {
            ConnectionStatus::Connected
        } else {
            ConnectionStatus::Disconnected
        }
    }

    /// `LastConnectionError`.
    pub fn last_error(&self) -> LastConnectionError {
        match self.status() {
            ConnectionStatus::Disconnected if !self.report.carrier => LastConnectionError::NoCarrier,
            ConnectionStatus::Disconnected => LastConnectionError::IpConfiguration,
            _ => LastConnectionError::None,
        }
    }

    /// `Uptime` in seconds; 0 unless Connected.
    pub fn uptime(&self, now: Time) -> u32 {
        let up = self.connected_since.map_or(0, |since| now.since(since).as_secs());
        u32::try_from(up).unwrap_or(u32::MAX)
    }

    /// `ExternalIPAddress`: none whenever it cannot be told, which the wire renders as the empty string.
    pub fn external_address(&self) -> Option<Ipv4Addr> {
        if self.status() != ConnectionStatus::Connected {
            return None;
        }
        let address = self
            .report
            .reported_address
            .or_else(|| self.report.addresses.first().copied());
        address.filter(|address| !address.is_unspecified())
    }
}
