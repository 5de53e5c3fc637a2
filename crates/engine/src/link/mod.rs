//! The WAN link: the state machine of the connection (WANIPConnection:2 sections 2.3.3 and 2.6.2), who may drive it, and
//! what the services say about it.
//!
//! A watched link has the state of its interface: Unconfigured, Connected or Disconnected. A controlled one has a driver
//! outside. The machine asks the driver for what actions and timers want ([`LinkCommand`]), and takes in how that went
//! ([`DriverReport`]) beside what becomes of the interface ([`LinkReport`]).

mod control;
mod hold_down;
mod idle;
mod machine;
mod metrics;
mod report;
mod status;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub(crate) use self::control::{Asker, Timer};
use self::hold_down::HoldDown;
use self::idle::Idle;
pub use self::metrics::Metrics;
use self::metrics::{Reason, Tally};
pub use self::report::{Counters, DriverReport, LinkCommand, LinkReport, LinkRequest};
pub use self::status::{ConnectionStatus, ConnectionType, LastConnectionError};
use crate::config::{Config, LinkControl, LinkKind, LinkTimeouts};
use crate::event::Event;
use crate::time::Time;

/// The link with its history. Every input that may change its state carries the time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    kind: LinkKind,
    control: LinkControl,
    timeouts: LinkTimeouts,
    report: LinkReport,
    /// Whether the interface has had an IPv4 address: without it then, it is not IPv6-only but has lost its address.
    had_ipv4: bool,
    /// Whether the driver believes that the link is up, and nothing else has been asked of it since.
    driver_up: bool,
    hold_down: HoldDown,
    state: State,
    last_error: LastConnectionError,
    connected_since: Option<Time>,
    idle: Idle,
    settings: Settings,
    tally: Tally,
    told: Told,
    outbox: Outbox,
}

/// What the link has to say to the world outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    /// For the driver, in order.
    pub(crate) commands: Vec<LinkCommand>,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
}

/// ConnectionStatus with what ends it.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Unconfigured,
    Connecting {
        deadline: Time,
    },
    Connected {
        /// When this state was entered; the connection may be older.
        entered: Time,
    },
    PendingDisconnect {
        ends: Time,
        why: LastConnectionError,
    },
    Disconnecting {
        deadline: Time,
    },
    Disconnected,
}

/// What actions have set. It lasts while control points may control the link, but not across a restart.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// `None` until it was set.
    connection_type: Option<ConnectionType>,
    enabled_for_internet: bool,
    /// Seconds; 0 is never, or no warning.
    auto_disconnect_time: u32,
    idle_disconnect_time: u32,
    warn_disconnect_delay: u32,
}

/// What the last event said.
type Told = (ConnectionStatus, LastConnectionError, Option<Ipv4Addr>);

impl Link {
    /// A link of which nothing is known yet.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            kind: config.link_kind,
            control: config.link_control,
            timeouts: config.link_timeouts,
            ..Self::default()
        }
    }

    /// The last report of the interface.
    pub(crate) fn report(&self) -> &LinkReport {
        &self.report
    }

    /// `ConnectionStatus`.
    pub(crate) fn status(&self) -> ConnectionStatus {
        self.state.status()
    }

    /// `LastConnectionError`; ERROR_NONE while Connected.
    pub(crate) fn last_error(&self) -> LastConnectionError {
        self.last_error
    }

    /// `Uptime` in seconds; 0 unless Connected or PendingDisconnect.
    pub(crate) fn uptime(&self, now: Time) -> u32 {
        u32::try_from(self.up_for(now).as_secs()).unwrap_or(u32::MAX)
    }

    /// `ExternalIPAddress`: none whenever it cannot be told, which the wire renders as the empty string.
    pub(crate) fn external_address(&self) -> Option<Ipv4Addr> {
        // The address of an IPv6-only link cannot be reported, whatever the administrator wrote.
        let first = self.report.addresses.first().copied();
        let address = first.map(|first| self.report.reported_address.unwrap_or(first));
        address.filter(|address| self.status().passes_packets() && !address.is_unspecified())
    }

    /// `ExternalIPv6Address`: none whenever nothing can come to it.
    pub(crate) fn external_ipv6(&self) -> Option<Ipv6Addr> {
        let reachable = match self.kind {
            // Disconnected may only mean that the IPv4 address is lost, with IPv6 as good as before.
            LinkKind::Watched => self.report.configured && self.report.carrier,
            // What was torn down has no address, whatever the interface still holds.
            LinkKind::Controlled => self.status().passes_packets(),
        };
        self.report.ipv6.filter(|_| reachable)
    }

    /// Whether a mapping could forward now: packets pass, and there is an IPv4 address to which they come.
    pub(crate) fn carries_ipv4(&self) -> bool {
        self.status().passes_packets() && !self.report.addresses.is_empty()
    }

    /// `ConnectionType`: Unconfigured until there is an interface or somebody has set it.
    pub(crate) fn connection_type(&self) -> &'static str {
        match (self.settings.connection_type, self.status()) {
            (Some(set), _) => set.name(),
            (None, ConnectionStatus::Unconfigured) => ConnectionStatus::Unconfigured.name(),
            (None, _) => ConnectionType::IpRouted.name(),
        }
    }

    /// `PossibleConnectionTypes`.
    pub(crate) fn possible_connection_types(&self) -> &'static str {
        match self.kind {
            LinkKind::Watched => "IP_Routed",
            LinkKind::Controlled => "IP_Routed,IP_Bridged",
        }
    }

    /// `EnabledForInternet` of WANCommonInterfaceConfig.
    pub(crate) fn enabled_for_internet(&self) -> bool {
        self.settings.enabled_for_internet
    }

    /// The value of a timer's state variable, in seconds.
    pub(crate) fn timer(&self, timer: Timer) -> u32 {
        match timer {
            Timer::AutoDisconnectTime => self.settings.auto_disconnect_time,
            Timer::IdleDisconnectTime => self.settings.idle_disconnect_time,
            Timer::WarnDisconnectDelay => self.settings.warn_disconnect_delay,
        }
    }

    /// Figures since the start.
    pub(crate) fn metrics(&self, now: Time) -> Metrics {
        self.tally.read(self.status(), self.up_for(now), now)
    }

    /// What there is to say, once.
    pub(crate) fn take_outbox(&mut self) -> Outbox {
        std::mem::take(&mut self.outbox)
    }

    fn up_for(&self, now: Time) -> Duration {
        self.connected_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Goes into a state: the one place where the state changes.
    fn enter(&mut self, state: State, reason: Reason, now: Time) {
        let (before, after) = (self.status(), state.status());
        self.state = state;
        self.tally.change(before, after, reason, now);
        if after.passes_packets() {
            self.connected_since.get_or_insert(now);
        } else {
            self.connected_since = None;
        }
        if matches!(after, ConnectionStatus::Connected | ConnectionStatus::Unconfigured) {
            self.last_error = LastConnectionError::None;
            self.idle = Idle::from(now);
        }
        self.tell();
    }

    /// Notes what happened, if it shows.
    fn tell(&mut self) {
        let shown = (self.status(), self.last_error, self.external_address());
        if self.told == shown {
            return;
        }
        self.told = shown;
        let (status, error, address) = shown;
        self.outbox.events.push(Event::Link {
            status,
            error,
            external_address: address.map(|address| address.to_string()).unwrap_or_default(),
        });
    }

    fn command(&mut self, command: LinkCommand) {
        self.outbox.commands.push(command);
    }

    fn command_disconnect(&mut self, now: Time) {
        self.hold_down.told(now);
        self.command(LinkCommand::Disconnect);
    }

    /// Whether the link may be set up: the gateway routes over it, and access to the Internet is not switched off.
    fn may_connect(&self) -> bool {
        self.settings.enabled_for_internet && self.settings.connection_type != Some(ConnectionType::IpBridged)
    }
}

impl State {
    const fn status(&self) -> ConnectionStatus {
        match self {
            Self::Unconfigured => ConnectionStatus::Unconfigured,
            Self::Connecting { .. } => ConnectionStatus::Connecting,
            Self::Connected { .. } => ConnectionStatus::Connected,
            Self::PendingDisconnect { .. } => ConnectionStatus::PendingDisconnect,
            Self::Disconnecting { .. } => ConnectionStatus::Disconnecting,
            Self::Disconnected => ConnectionStatus::Disconnected,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connection_type: None,
            enabled_for_internet: true,
            auto_disconnect_time: 0,
            idle_disconnect_time: 0,
            warn_disconnect_delay: 0,
        }
    }
}
