//! A gateway with a controlled link, and the ways to act on it.

use std::time::Duration;

use portreeve_engine::config::{LinkControl, LinkKind, LinkTimeouts};
use portreeve_engine::link::{ConnectionStatus, LastConnectionError, LinkReport, Metrics};
use portreeve_engine::{Config, Counters, DriverReport, Event, LinkCommand, LinkRequest, Reply, Request, Status};
use portreeve_wire::service;

use crate::gateway::{ALICE, Gateway, config, connected};

/// How long the driver has.
pub(super) const CONNECTING: u64 = 60;
pub(super) const DISCONNECTING: u64 = 45;

pub(super) fn controlled() -> Config {
    Config {
        link_kind: LinkKind::Controlled,
        link_control: LinkControl::Lan,
        link_timeouts: LinkTimeouts {
            connecting: Duration::from_secs(CONNECTING),
            disconnecting: Duration::from_secs(DISCONNECTING),
        },
        ..config()
    }
}

pub(super) fn without_carrier() -> LinkReport {
    LinkReport {
        carrier: false,
        ..connected()
    }
}

pub(super) fn without_address() -> LinkReport {
    LinkReport {
        addresses: Vec::new(),
        ..connected()
    }
}

pub(super) fn ipv6_only() -> LinkReport {
    LinkReport {
        ipv6: Some("2001:db8:113::2".parse().unwrap()),
        ..without_address()
    }
}

pub(super) fn dual_stack() -> LinkReport {
    LinkReport {
        ipv6: ipv6_only().ipv6,
        ..connected()
    }
}

/// What the link says.
impl Gateway {
    pub(super) fn status(&mut self) -> Status {
        match self.ask(Request::Status) {
            Reply::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn state(&mut self) -> ConnectionStatus {
        self.status().connection
    }

    pub(super) fn error(&mut self) -> LastConnectionError {
        self.status().last_error
    }

    pub(super) fn metrics(&mut self) -> Metrics {
        self.status().link
    }

    /// Evented variables with their values, as far as they changed since this was last looked at.
    pub(super) fn told(&mut self) -> Vec<String> {
        let changes = self.engine.poll_evented();
        changes
            .iter()
            .map(|change| format!("{}={}", change.variable.name, change.value))
            .collect()
    }

    /// What was asked of the driver since this was last looked at.
    pub(super) fn commands(&mut self) -> Vec<LinkCommand> {
        std::iter::from_fn(|| self.engine.poll_link_command()).collect()
    }

    /// The states that were gone into since this was last looked at.
    pub(super) fn path(&mut self) -> Vec<ConnectionStatus> {
        let mut path: Vec<ConnectionStatus> = self
            .events
            .drain(..)
            .filter_map(|event| match event {
                Event::Link { status, .. } => Some(status),
                _ => None,
            })
            .collect();
        path.dedup();
        path
    }
}

/// What happens to it.
impl Gateway {
    pub(super) fn link(&mut self, report: LinkReport) {
        self.engine.handle_link(report, self.now);
        self.carry_out();
    }

    pub(super) fn driver(&mut self, said: DriverReport) {
        self.engine.handle_link_driver(said, self.now);
        self.carry_out();
    }

    pub(super) fn counters(&mut self, packets_sent: u64) {
        self.engine.handle_counters(Some(Counters {
            packets_sent,
            ..Counters::default()
        }));
    }

    /// An action of WANIPConnection without arguments.
    pub(super) fn action(&mut self, name: &str) -> Result<(), u16> {
        self.call(ALICE, 2, name, &[]).map(drop)
    }

    pub(super) fn set(&mut self, variable: &str, value: &str) -> Result<(), u16> {
        let (action, argument) = (format!("Set{variable}"), format!("New{variable}"));
        let service = match variable {
            "EnabledForInternet" => "WANCommonInterfaceConfig",
            _ => "WANIPConnection",
        };
        let service = service::by_name(service).unwrap();
        let arguments = [(argument.as_str(), value)];
        self.call_service(service, ALICE, service.version, &action, &arguments)
            .map(drop)
            .map_err(|fault| fault.code.number())
    }

    pub(super) fn administrator(&mut self, request: LinkRequest) -> Result<(), u16> {
        match self.ask(Request::Link(request)) {
            Reply::Link(outcome) => outcome.map_err(|fault| fault.code.number()),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn reload(&mut self, config: Config) {
        match self.ask(Request::Reconfigure(Box::new(config))) {
            Reply::Reconfigured(outcome) => outcome.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Brings a link that is Disconnected into a state.
    pub(super) fn bring_into(&mut self, state: ConnectionStatus) {
        use ConnectionStatus::*;
        match state {
            Unconfigured => self.link(LinkReport::default()),
            Disconnected => {}
            Connecting => self.action("RequestConnection").unwrap(),
            Connected => {
                self.bring_into(Connecting);
                self.driver(DriverReport::Connected);
            }
            PendingDisconnect => {
                self.set("WarnDisconnectDelay", "30").unwrap();
                self.bring_into(Connected);
                self.action("RequestTermination").unwrap();
            }
            Disconnecting => {
                self.bring_into(Connected);
                self.action("ForceTermination").unwrap();
            }
        }
        assert_eq!(self.state(), state);
        self.path();
        self.commands();
    }
}
