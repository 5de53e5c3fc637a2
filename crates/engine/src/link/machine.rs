//! What the interface, the driver and the clock do to the link (WANIPConnection:2 section 2.6.2).

use super::{ConnectionStatus, DriverReport, HoldDown, LastConnectionError, Link, LinkReport, Reason, State};
use crate::config::{Config, LinkControl, LinkKind};
use crate::link::{Counters, Settings};
use crate::time::Time;

/// What the interface allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interface {
    /// There is none.
    Absent,
    /// No connection is possible over it now.
    Down(LastConnectionError),
    /// It is up and has an address.
    Ready,
}

impl Link {
    /// Takes in what became of the interface.
    pub(crate) fn handle_report(&mut self, report: LinkReport, now: Time) {
        self.tally.begin(now);
        self.had_ipv4 = report.configured && (self.had_ipv4 || !report.addresses.is_empty());
        self.report = report;
        self.follow_interface(now);
        self.tell();
    }

    /// Takes in what the driver tells. A watched link has none.
    pub(crate) fn handle_driver(&mut self, said: DriverReport, now: Time) {
        if self.kind == LinkKind::Watched {
            return;
        }
        self.tally.begin(now);
        if let DriverReport::Disconnected(_) = said {
            self.hold_down = HoldDown::default();
        }
        match said {
            DriverReport::Connecting => self.driver_connects(now),
            DriverReport::Connected => self.driver_is_up(now),
            DriverReport::Disconnected(None) if matches!(self.state, State::Connecting { .. }) => {
                self.driver_up = false;
            }
            DriverReport::Disconnected(why) => self.driver_is_down(why, now),
            DriverReport::Failed(why) => self.driver_is_down(Some(why), now),
            DriverReport::TimedOut => match self.state {
                State::Connecting { .. } => self.fail(self.time_out(), now),
                State::Disconnecting { .. } => self.fail(self.last_error, now),
                State::Unconfigured
                | State::Connected { .. }
                | State::PendingDisconnect { .. }
                | State::Disconnected => {}
            },
        }
        self.tell();
    }

    /// Ends what is due; `counters` are the totals as of now, if they can be read.
    pub(crate) fn handle_timeout(&mut self, counters: Option<Counters>, now: Time) {
        if self.hold_down.again_at().is_some_and(|again| again <= now) {
            self.command_disconnect(now);
        }
        match self.state {
            State::Connecting { deadline } if deadline <= now => {
                let why = self.time_out();
                self.command_disconnect(now);
                self.fail(why, now);
            }
            State::Disconnecting { deadline } if deadline <= now => self.fail(self.last_error, now),
            State::PendingDisconnect { ends, why } if ends <= now => self.tear_down(why, now),
            State::Connected { .. } => {
                let idle_time = self.settings.idle_disconnect_time;
                if self.idle.reading_due(idle_time).is_some_and(|due| due <= now) {
                    self.idle.read(counters, now);
                }
                let ends = self.auto_disconnect().into_iter().chain(self.idle.ends(idle_time));
                if ends.min().is_some_and(|end| end <= now) {
                    self.warn(LastConnectionError::IdleDisconnect, now);
                }
            }
            _ => {}
        }
    }

    /// When [`Link::handle_timeout`] must be called at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let ends = match self.state {
            State::Unconfigured | State::Disconnected => None,
            State::Connecting { deadline } | State::Disconnecting { deadline } => Some(deadline),
            State::PendingDisconnect { ends, .. } => Some(ends),
            State::Connected { .. } => self.auto_disconnect().into_iter().chain(self.counters_due()).min(),
        };
        ends.into_iter().chain(self.hold_down.again_at()).min()
    }

    /// When the totals must be read next, if IdleDisconnectTime runs.
    pub(crate) fn counters_due(&self) -> Option<Time> {
        match self.state {
            State::Connected { .. } => self.idle.reading_due(self.settings.idle_disconnect_time),
            _ => None,
        }
    }

    /// Takes over new settings of the administrator. What actions have set stays, unless control points may not set it
    /// any more: then nobody could take it back.
    pub(crate) fn configure(&mut self, config: &Config, now: Time) {
        self.control = config.link_control;
        self.timeouts = config.link_timeouts;
        if config.link_control != LinkControl::Lan || config.link_kind == LinkKind::Watched {
            self.settings = Settings::default();
            self.hold_down = HoldDown::default();
        }
        if config.link_kind != self.kind {
            self.kind = config.link_kind;
            // Who comes to control a link that is up finds it up, and tells if it is not so.
            self.driver_up = self.status().passes_packets();
            if matches!(self.state, State::Disconnecting { .. }) {
                self.enter(State::Disconnected, Reason::Wanted, now);
            }
            self.follow_interface(now);
            self.tell();
        }
    }

    /// Begins to end a connection, with the warning that WarnDisconnectDelay asks for.
    pub(super) fn warn(&mut self, why: LastConnectionError, now: Time) {
        match self.settings.warn_disconnect_delay {
            0 => self.tear_down(why, now),
            delay => {
                let ends = now + seconds(delay);
                self.enter(State::PendingDisconnect { ends, why }, Reason::Wanted, now);
            }
        }
    }

    /// Ends a connection, or the attempt to make one.
    pub(super) fn tear_down(&mut self, why: LastConnectionError, now: Time) {
        self.driver_up = false;
        self.last_error = why;
        self.command_disconnect(now);
        let deadline = now + self.timeouts.disconnecting;
        self.enter(State::Disconnecting { deadline }, Reason::Wanted, now);
    }

    /// Waits for the driver to set the link up.
    pub(super) fn connect(&mut self, now: Time) {
        self.driver_up = false;
        let deadline = now + self.timeouts.connecting;
        self.enter(State::Connecting { deadline }, Reason::Wanted, now);
    }

    /// Brings the state in line with the interface and with what the driver believes.
    pub(super) fn follow_interface(&mut self, now: Time) {
        let interface = self.interface();
        if interface == Interface::Absent {
            if self.status() != ConnectionStatus::Unconfigured {
                self.enter(State::Unconfigured, Reason::Dropped, now);
            }
            return;
        }
        match self.kind {
            LinkKind::Watched => self.be_as_interface(interface, now),
            LinkKind::Controlled => {
                if self.status() == ConnectionStatus::Unconfigured {
                    self.enter(State::Disconnected, Reason::Dropped, now);
                }
                self.agree_with_interface(interface, now);
            }
        }
    }

    /// A watched link is what its interface is.
    fn be_as_interface(&mut self, interface: Interface, now: Time) {
        match (interface, self.status()) {
            (Interface::Ready, ConnectionStatus::Connected) => {}
            (Interface::Ready, _) => self.enter(State::Connected { entered: now }, Reason::Wanted, now),
            (Interface::Down(why), status) => {
                self.last_error = why;
                if status != ConnectionStatus::Disconnected {
                    self.enter(State::Disconnected, Reason::Dropped, now);
                }
            }
            (Interface::Absent, _) => {}
        }
    }

    /// A controlled link needs its interface too.
    fn agree_with_interface(&mut self, interface: Interface, now: Time) {
        match (interface, self.state) {
            (Interface::Ready, State::Connecting { .. } | State::Disconnected)
                if self.driver_up && self.may_connect() =>
            {
                self.enter(State::Connected { entered: now }, Reason::Wanted, now);
            }
            // It comes back by itself when the interface does.
            (Interface::Down(why), State::Connected { .. }) => {
                self.last_error = why;
                self.enter(State::Disconnected, Reason::Dropped, now);
            }
            // It was to end anyway, so it must not come back.
            (Interface::Down(why), State::PendingDisconnect { .. }) => {
                self.command_disconnect(now);
                self.fail(why, now);
            }
            (Interface::Down(why), State::Disconnected) => {
                let drop_explained =
                    self.last_error == LastConnectionError::IspDisconnect && why == LastConnectionError::NoCarrier;
                if self.driver_up || drop_explained {
                    self.last_error = why;
                }
            }
            _ => {}
        }
    }

    fn driver_connects(&mut self, now: Time) {
        match self.state {
            State::Disconnected if self.may_connect() => self.connect(now),
            State::Disconnected => self.hold_down(now),
            State::Connected { .. } => {
                self.fail(self.explain_drop(None), now);
                self.connect(now);
            }
            State::PendingDisconnect { why, .. } => self.tear_down(why, now),
            State::Unconfigured | State::Connecting { .. } | State::Disconnecting { .. } => {}
        }
    }

    /// Has a link torn down that may not be up.
    fn hold_down(&mut self, now: Time) {
        if self.hold_down.defied(self.timeouts.disconnecting, now) {
            self.command_disconnect(now);
        }
    }

    fn driver_is_up(&mut self, now: Time) {
        match self.state {
            // It said so before it learned of the command.
            State::Disconnecting { .. } => {}
            _ if !self.may_connect() => self.hold_down(now),
            _ => {
                self.driver_up = true;
                self.follow_interface(now);
            }
        }
    }

    fn driver_is_down(&mut self, why: Option<LastConnectionError>, now: Time) {
        match self.state {
            State::Connecting { .. } | State::Connected { .. } | State::PendingDisconnect { .. } => {
                self.fail(self.explain_drop(why), now);
            }
            // Why it ends was known when it was asked for.
            State::Disconnecting { .. } => self.fail(self.last_error, now),
            State::Disconnected => {
                self.driver_up = false;
                if why.is_some() {
                    self.last_error = self.explain_drop(why);
                }
            }
            State::Unconfigured => self.driver_up = false,
        }
    }

    /// The connection, or the attempt to make one, is over.
    fn fail(&mut self, why: LastConnectionError, now: Time) {
        let reason = match self.state {
            State::Connected { .. } => Reason::Dropped,
            _ => Reason::Wanted,
        };
        self.driver_up = false;
        self.last_error = why;
        self.enter(State::Disconnected, reason, now);
    }

    /// Why a connection ended: what the driver says, unless the interface tells more.
    fn explain_drop(&self, said: Option<LastConnectionError>) -> LastConnectionError {
        use LastConnectionError::{IspDisconnect, NoCarrier, None as NoError, Unknown};
        match (said, self.interface()) {
            (None | Some(IspDisconnect | Unknown | NoError), Interface::Down(NoCarrier)) => NoCarrier,
            (Some(NoError), _) => Unknown,
            (Some(said), _) => said,
            (None, Interface::Down(why)) => why,
            (None, Interface::Ready | Interface::Absent) => IspDisconnect,
        }
    }

    /// Why connecting took too long.
    fn time_out(&self) -> LastConnectionError {
        match self.interface() {
            Interface::Down(LastConnectionError::NoCarrier) => LastConnectionError::NoCarrier,
            Interface::Down(why) if self.driver_up => why,
            Interface::Down(_) | Interface::Ready | Interface::Absent => LastConnectionError::IspTimeOut,
        }
    }

    fn interface(&self) -> Interface {
        let report = &self.report;
        let ipv6_only = report.ipv6.is_some() && !self.had_ipv4;
        if !report.configured {
            Interface::Absent
        } else if !report.carrier {
            Interface::Down(LastConnectionError::NoCarrier)
        } else if report.addresses.is_empty() && !ipv6_only {
            Interface::Down(LastConnectionError::IpConfiguration)
        } else {
            Interface::Ready
        }
    }

    fn auto_disconnect(&self) -> Option<Time> {
        match (self.state, self.settings.auto_disconnect_time) {
            (State::Connected { entered }, time @ 1..) => Some(entered + seconds(time)),
            _ => None,
        }
    }
}

fn seconds(time: u32) -> std::time::Duration {
    std::time::Duration::from_secs(time.into())
}
