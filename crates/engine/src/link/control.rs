//! What control points and the administrator may ask of the link (WANIPConnection:2 sections 2.5.1 to 2.5.8,
//! WANCommonInterfaceConfig:1 section 2.4.1).
//!
//! Where the state itself answers, everybody gets that answer. Whether the asker may change the link is looked at only
//! where it would change.

use portreeve_wire::{ErrorCode, Fault};

use super::{
    ConnectionStatus, ConnectionType, HoldDown, LastConnectionError, Link, LinkCommand, LinkRequest, Reason, State,
};
use crate::config::{LinkControl, LinkKind};
use crate::link::idle::Idle;
use crate::time::Time;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A host of the LAN.
    ControlPoint,
    /// The administrator, by the control socket.
    Administrator,
}

/// The state variables that end connections by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Seconds from Connected to the end of the connection, used or not; 0 for never.
    AutoDisconnectTime,
    /// Seconds without use until the end of the connection; 0 for never.
    IdleDisconnectTime,
    /// Seconds of PendingDisconnect; 0 for none.
    WarnDisconnectDelay,
}

impl Link {
    /// What the administrator asks.
    pub(crate) fn request(&mut self, request: LinkRequest, now: Time) -> Result<(), Fault> {
        match request {
            LinkRequest::Connect => self.request_connection(Asker::Administrator, now),
            LinkRequest::Disconnect => self.request_termination(Asker::Administrator, now),
            LinkRequest::Terminate => self.force_termination(Asker::Administrator, now),
        }
    }

    /// RequestConnection. Success means that the link is up or being set up. There are no link parameters here that
    /// could be bad (708), and nobody waits for the driver (704).
    pub(crate) fn request_connection(&mut self, asker: Asker, now: Time) -> Result<(), Fault> {
        if self.status() == ConnectionStatus::Unconfigured {
            return Err(ErrorCode::ConnectionNotConfigured.into());
        }
        if self.settings.connection_type == Some(ConnectionType::IpBridged) {
            return Err(ErrorCode::InvalidConnectionType.into());
        }
        if !self.settings.enabled_for_internet {
            return Err(ErrorCode::InternetAccessDisabled.into());
        }
        match self.state {
            State::Unconfigured => Err(ErrorCode::ConnectionNotConfigured.into()),
            State::Connecting { .. } => Err(ErrorCode::ConnectionSetupInProgress.into()),
            State::Disconnecting { .. } => Err(ErrorCode::DisconnectInProgress.into()),
            State::Connected { .. } => Ok(()),
            State::PendingDisconnect { .. } => {
                self.permit(asker)?;
                self.enter(State::Connected { entered: now }, Reason::Wanted, now);
                Ok(())
            }
            State::Disconnected => {
                self.permit(asker)?;
                self.command(LinkCommand::Connect);
                self.connect(now);
                Ok(())
            }
        }
    }

    /// RequestTermination. Nothing tells whether others use the link, so there is always the warning that
    /// WarnDisconnectDelay asks for.
    pub(crate) fn request_termination(&mut self, asker: Asker, now: Time) -> Result<(), Fault> {
        match self.state {
            State::Unconfigured => Err(ErrorCode::ConnectionNotConfigured.into()),
            State::Disconnected => Err(ErrorCode::ConnectionAlreadyTerminated.into()),
            State::Disconnecting { .. } | State::PendingDisconnect { .. } => {
                Err(ErrorCode::DisconnectInProgress.into())
            }
            State::Connecting { .. } => {
                self.permit(asker)?;
                self.tear_down(LastConnectionError::CommandAborted, now);
                Ok(())
            }
            State::Connected { .. } => {
                self.permit(asker)?;
                self.warn(LastConnectionError::UserDisconnect, now);
                Ok(())
            }
        }
    }

    /// ForceTermination: as [`Link::request_termination`], without a warning.
    pub(crate) fn force_termination(&mut self, asker: Asker, now: Time) -> Result<(), Fault> {
        let why = match self.state {
            State::Unconfigured => return Err(ErrorCode::ConnectionNotConfigured.into()),
            State::Disconnected => return Err(ErrorCode::ConnectionAlreadyTerminated.into()),
            State::Disconnecting { .. } => return Err(ErrorCode::DisconnectInProgress.into()),
            State::Connecting { .. } => LastConnectionError::CommandAborted,
            State::Connected { .. } | State::PendingDisconnect { .. } => LastConnectionError::ForcedDisconnect,
        };
        self.permit(asker)?;
        self.tear_down(why, now);
        Ok(())
    }

    /// SetConnectionType.
    pub(crate) fn set_connection_type(&mut self, name: &str, asker: Asker, now: Time) -> Result<(), Fault> {
        if self.kind == LinkKind::Watched {
            return Err(ErrorCode::ReadOnly.into());
        }
        let wanted = ConnectionType::named(name).ok_or(ErrorCode::ArgumentValueOutOfRange)?;
        if !matches!(self.state, State::Unconfigured | State::Disconnected) {
            return Err(ErrorCode::InactiveConnectionStateRequired.into());
        }
        self.permit(asker)?;
        self.settings.connection_type = Some(wanted);
        self.obey_settings(now);
        Ok(())
    }

    /// SetEnabledForInternet: 0 ends the connection without a warning, and 1 permits a new one.
    pub(crate) fn set_enabled_for_internet(&mut self, enabled: bool, asker: Asker, now: Time) -> Result<(), Fault> {
        self.permit(asker)?;
        self.settings.enabled_for_internet = enabled;
        self.obey_settings(now);
        Ok(())
    }

    /// SetAutoDisconnectTime, SetIdleDisconnectTime, SetWarnDisconnectDelay. A connection that exists is bound by it at
    /// once; a warning that is out is not.
    pub(crate) fn set_timer(&mut self, timer: Timer, seconds: u32, asker: Asker, now: Time) -> Result<(), Fault> {
        self.permit(asker)?;
        match timer {
            Timer::AutoDisconnectTime => self.settings.auto_disconnect_time = seconds,
            Timer::IdleDisconnectTime => {
                self.settings.idle_disconnect_time = seconds;
                self.idle = Idle::from(now);
            }
            Timer::WarnDisconnectDelay => self.settings.warn_disconnect_delay = seconds,
        }
        Ok(())
    }

    /// Whether this asker may change the link.
    pub(crate) fn permit(&self, asker: Asker) -> Result<(), Fault> {
        let why = match (self.kind, self.control, asker) {
            (LinkKind::Watched, LinkControl::Admin | LinkControl::Lan, _)
            | (LinkKind::Watched, _, Asker::Administrator) => {
                "this gateway only watches its link, and has no means to change it"
            }
            (_, LinkControl::Nobody, _) => "control points may not change the link of this gateway",
            (LinkKind::Controlled, LinkControl::Admin, Asker::ControlPoint) => {
                "only the administrator may change the link of this gateway"
            }
            (LinkKind::Controlled, LinkControl::Admin, Asker::Administrator)
            | (LinkKind::Controlled, LinkControl::Lan, _) => return Ok(()),
        };
        Err(Fault::because(ErrorCode::ActionNotAuthorized, why))
    }

    /// Ends what the settings forbid. What they permit is for others to begin.
    fn obey_settings(&mut self, now: Time) {
        match self.state {
            // What the driver brings up now is wanted.
            _ if self.may_connect() => self.hold_down = HoldDown::default(),
            State::Connecting { .. } | State::Connected { .. } | State::PendingDisconnect { .. } => {
                self.tear_down(LastConnectionError::NotEnabledForInternet, now);
            }
            State::Unconfigured | State::Disconnected if self.driver_up => {
                self.driver_up = false;
                self.command_disconnect(now);
            }
            State::Unconfigured | State::Disconnected | State::Disconnecting { .. } => {}
        }
    }
}
