//! Random inputs of control points, the driver, the interface and the clock, against the list of transitions that are
//! documented, and against what must hold in every state.

use std::time::Duration;

use portreeve_engine::config::{LinkControl, LinkKind};
use portreeve_engine::link::ConnectionStatus::{self, *};
use portreeve_engine::link::{LastConnectionError as Error, LinkReport};
use portreeve_engine::{Config, DriverReport, LinkCommand, LinkRequest, Time};
use portreeve_wire::Value;
use proptest::prelude::*;

use super::world::{controlled, ipv6_only, without_address, without_carrier};
use crate::gateway::{ALICE, Gateway, connected};

#[derive(Clone, Debug)]
enum Step {
    Action(&'static str),
    Administrator(LinkRequest),
    SetEnabledForInternet(bool),
    SetConnectionType(&'static str),
    SetTimer(Timer, u32),
    Driver(DriverReport),
    Interface(LinkReport),
    /// So many packets are sent.
    Traffic(u64),
    Pass(u64),
    Reload(LinkKind, LinkControl),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Auto,
    Idle,
    Warn,
}

/// What can lead from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    RequestConnection,
    RequestTermination,
    ForceTermination,
    SetEnabledForInternet,
    Driver,
    Interface,
    Time,
    Reload,
    /// Nothing may follow from it.
    Nothing,
}

/// Every transition that is documented, with all that may cause it.
const DOCUMENTED: &[(ConnectionStatus, ConnectionStatus, &[Cause])] = &[
    // There is an interface, or none any more.
    (Unconfigured, Disconnected, &[Cause::Interface]),
    (Disconnected, Unconfigured, &[Cause::Interface]),
    (Connecting, Unconfigured, &[Cause::Interface]),
    (Connected, Unconfigured, &[Cause::Interface]),
    (PendingDisconnect, Unconfigured, &[Cause::Interface]),
    (Disconnecting, Unconfigured, &[Cause::Interface]),
    // Setting up. Connecting is skipped where the link is up already, and always where it is only watched.
    (Unconfigured, Connected, &[Cause::Interface]),
    (Disconnected, Connecting, &[Cause::RequestConnection, Cause::Driver]),
    (
        Disconnected,
        Connected,
        &[Cause::Driver, Cause::Interface, Cause::Reload],
    ),
    (Connecting, Connected, &[Cause::Driver, Cause::Interface, Cause::Reload]),
    (Connecting, Disconnected, &[Cause::Driver, Cause::Time, Cause::Reload]),
    // Ending, with and without a warning.
    (Connected, PendingDisconnect, &[Cause::RequestTermination, Cause::Time]),
    (PendingDisconnect, Connected, &[Cause::RequestConnection, Cause::Reload]),
    (
        Connected,
        Disconnecting,
        &[
            Cause::RequestTermination,
            Cause::ForceTermination,
            Cause::SetEnabledForInternet,
            Cause::Time,
        ],
    ),
    (
        Connecting,
        Disconnecting,
        &[
            Cause::RequestTermination,
            Cause::ForceTermination,
            Cause::SetEnabledForInternet,
        ],
    ),
    (
        PendingDisconnect,
        Disconnecting,
        &[
            Cause::ForceTermination,
            Cause::SetEnabledForInternet,
            Cause::Time,
            Cause::Driver,
        ],
    ),
    (
        Disconnecting,
        Disconnected,
        &[Cause::Driver, Cause::Time, Cause::Reload],
    ),
    // Dropped.
    (Connected, Disconnected, &[Cause::Driver, Cause::Interface]),
    (PendingDisconnect, Disconnected, &[Cause::Driver, Cause::Interface]),
];

fn step() -> impl Strategy<Value = Step> {
    let error = prop::sample::select(Error::ALL.to_vec());
    let said = prop_oneof![
        1 => Just(DriverReport::Connecting),
        4 => Just(DriverReport::Connected),
        2 => Just(DriverReport::Disconnected(None)),
        1 => error.clone().prop_map(|why| DriverReport::Disconnected(Some(why))),
        1 => error.prop_map(DriverReport::Failed),
        1 => Just(DriverReport::TimedOut),
    ];
    let report = prop_oneof![
        4 => Just(connected()),
        1 => Just(without_carrier()),
        1 => Just(without_address()),
        1 => Just(ipv6_only()),
        1 => Just(LinkReport::default()),
    ];
    let timer = prop::sample::select(vec![Timer::Auto, Timer::Idle, Timer::Warn]);
    let kind = prop_oneof![3 => Just(LinkKind::Controlled), 1 => Just(LinkKind::Watched)];
    let control = prop_oneof![
        3 => Just(LinkControl::Lan),
        1 => Just(LinkControl::Admin),
        1 => Just(LinkControl::Nobody),
    ];
    let requests = vec![LinkRequest::Connect, LinkRequest::Disconnect, LinkRequest::Terminate];
    let types = vec!["IP_Routed", "IP_Routed", "IP_Bridged", "Unconfigured"];
    prop_oneof![
        5 => Just(Step::Action("RequestConnection")),
        2 => Just(Step::Action("RequestTermination")),
        1 => Just(Step::Action("ForceTermination")),
        1 => prop::sample::select(requests).prop_map(Step::Administrator),
        1 => prop_oneof![Just(true), Just(true), Just(false)].prop_map(Step::SetEnabledForInternet),
        1 => prop::sample::select(types).prop_map(Step::SetConnectionType),
        3 => (timer, prop_oneof![0..40u32, Just(u32::MAX)])
            .prop_map(|(timer, seconds)| Step::SetTimer(timer, seconds)),
        7 => said.prop_map(Step::Driver),
        3 => report.prop_map(Step::Interface),
        2 => prop_oneof![Just(1u64), Just(100)].prop_map(Step::Traffic),
        6 => prop_oneof![4 => 0..30u64, 1 => Just(100u64)].prop_map(Step::Pass),
        1 => (kind, control).prop_map(|(kind, control)| Step::Reload(kind, control)),
    ]
}

/// What the standard's sentences say the link should be like, kept beside it.
struct Model {
    state: ConnectionStatus,
    /// Since when packets pass.
    up_since: Option<Time>,
    /// When Connected was entered last.
    entered: Time,
    /// When IdleDisconnectTime began to count at the earliest.
    unused_since: Time,
    /// Whether packets enough to be use were sent since then.
    used: bool,
    packets: u64,
    auto: u32,
    idle: u32,
    warn: u32,
    control: LinkControl,
    kind: LinkKind,
}

impl Model {
    fn new(now: Time) -> Self {
        Self {
            state: Disconnected,
            up_since: None,
            entered: now,
            unused_since: now,
            used: false,
            packets: 0,
            auto: 0,
            idle: 0,
            warn: 0,
            control: LinkControl::Lan,
            kind: LinkKind::Controlled,
        }
    }

    /// Takes the states that were gone into, and holds each step against the list.
    fn follow(&mut self, path: &[ConnectionStatus], cause: Cause, now: Time) -> Result<(), TestCaseError> {
        for next in path.iter().copied() {
            if next == self.state {
                continue;
            }
            let documented = DOCUMENTED
                .iter()
                .any(|(from, to, causes)| (*from, *to) == (self.state, next) && causes.contains(&cause));
            prop_assert!(documented, "{:?} to {:?} by {:?}", self.state, next, cause);
            if self.state == Connected && cause == Cause::Time {
                let due = |since: Time, seconds: u32| seconds > 0 && since + span(seconds) <= now;
                prop_assert!(
                    due(self.entered, self.auto) || due(self.unused_since, self.idle),
                    "too early"
                );
                prop_assert_eq!(next == PendingDisconnect, self.warn > 0);
            }
            if self.state == Connected && cause == Cause::RequestTermination {
                prop_assert_eq!(next == PendingDisconnect, self.warn > 0);
            }
            if next == Connected {
                self.entered = now;
                self.unused_since = now;
                self.used = false;
            }
            match next {
                Connected | PendingDisconnect => self.up_since = self.up_since.or(Some(now)),
                _ => self.up_since = None,
            }
            self.state = next;
        }
        Ok(())
    }

    fn may_set(&self) -> bool {
        self.kind == LinkKind::Controlled && self.control == LinkControl::Lan
    }
}

fn span(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// Carries out a step, and what could follow from it.
fn take(gateway: &mut Gateway, model: &mut Model, step: &Step) -> Result<Cause, TestCaseError> {
    let of_action = |name: &str| match name {
        "RequestConnection" => Cause::RequestConnection,
        "RequestTermination" => Cause::RequestTermination,
        _ => Cause::ForceTermination,
    };
    Ok(match step {
        Step::Action(name) => match gateway.action(name) {
            Ok(()) => of_action(name),
            Err(code) => {
                prop_assert!(
                    code == 606 || (705..=707).contains(&code) || (709..=711).contains(&code),
                    "{}",
                    code
                );
                Cause::Nothing
            }
        },
        Step::Administrator(request) => match (gateway.administrator(*request), request) {
            (Err(_), _) => Cause::Nothing,
            (Ok(()), LinkRequest::Connect) => Cause::RequestConnection,
            (Ok(()), LinkRequest::Disconnect) => Cause::RequestTermination,
            (Ok(()), LinkRequest::Terminate) => Cause::ForceTermination,
        },
        Step::SetEnabledForInternet(enabled) => {
            let outcome = gateway.set("EnabledForInternet", if *enabled { "1" } else { "0" });
            prop_assert_eq!(outcome.is_ok(), model.may_set());
            match (outcome, enabled) {
                (Ok(()), false) => Cause::SetEnabledForInternet,
                _ => Cause::Nothing,
            }
        }
        Step::SetConnectionType(name) => {
            let outcome = gateway.set("ConnectionType", name);
            let inactive = matches!(model.state, Disconnected | Unconfigured);
            let expected = match () {
                () if model.kind == LinkKind::Watched => Err(731),
                () if *name == "Unconfigured" => Err(601),
                () if !inactive => Err(703),
                () if !model.may_set() => Err(606),
                () => Ok(()),
            };
            prop_assert_eq!(outcome, expected);
            Cause::Nothing
        }
        Step::SetTimer(timer, seconds) => {
            let name = match timer {
                Timer::Auto => "AutoDisconnectTime",
                Timer::Idle => "IdleDisconnectTime",
                Timer::Warn => "WarnDisconnectDelay",
            };
            let outcome = gateway.set(name, &seconds.to_string());
            prop_assert_eq!(outcome, if model.may_set() { Ok(()) } else { Err(606) });
            if outcome.is_ok() {
                match timer {
                    Timer::Auto => model.auto = *seconds,
                    Timer::Warn => model.warn = *seconds,
                    Timer::Idle => {
                        model.idle = *seconds;
                        model.unused_since = gateway.now;
                        model.used = false;
                    }
                }
            }
            Cause::Nothing
        }
        Step::Driver(said) => {
            gateway.driver(*said);
            match model.kind {
                LinkKind::Controlled => Cause::Driver,
                LinkKind::Watched => Cause::Nothing,
            }
        }
        Step::Interface(report) => {
            gateway.link(report.clone());
            Cause::Interface
        }
        Step::Traffic(packets) => {
            model.packets += packets;
            gateway.counters(model.packets);
            // It is seen when the totals are read next, which is later than it happened.
            if *packets > 2 {
                model.unused_since = gateway.now;
            }
            model.used = true;
            Cause::Nothing
        }
        Step::Pass(_) => Cause::Time,
        Step::Reload(kind, control) => {
            gateway.reload(Config {
                link_kind: *kind,
                link_control: *control,
                ..controlled()
            });
            (model.kind, model.control) = (*kind, *control);
            if !model.may_set() {
                (model.auto, model.idle, model.warn) = (0, 0, 0);
            }
            Cause::Reload
        }
    })
}

/// Lets time pass, one due point after the other.
fn pass(gateway: &mut Gateway, model: &mut Model, seconds: u64) -> Result<(), TestCaseError> {
    let end = gateway.now + Duration::from_secs(seconds);
    for _ in 0..1000 {
        let due = gateway.engine.poll_timeout().filter(|due| *due <= end);
        let Some(due) = due else {
            gateway.now = end;
            return Ok(());
        };
        gateway.now = gateway.now.max(due);
        gateway.engine.handle_timeout(gateway.now);
        gateway.carry_out();
        let path = gateway.path();
        prop_assert!(path.len() <= 1, "a timer ends one state: {:?}", path);
        let commands = gateway.commands();
        match path.last() {
            Some(Disconnecting) => prop_assert_eq!(commands, [LinkCommand::Disconnect]),
            Some(Disconnected) if model.state == Connecting => {
                prop_assert_eq!(commands, [LinkCommand::Disconnect], "it is to stop trying");
            }
            // A driver that keeps a link up which may not be is told again.
            None if matches!(model.state, Disconnected | Unconfigured) => {
                prop_assert!(commands.iter().all(|command| *command == LinkCommand::Disconnect));
            }
            _ => prop_assert_eq!(commands, []),
        }
        model.follow(&path, Cause::Time, gateway.now)?;
        let again = gateway.engine.poll_timeout();
        prop_assert!(again.is_none_or(|again| again > gateway.now), "it is due once");
    }
    Err(TestCaseError::fail("time does not pass"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_leaves_what_is_documented(steps in prop::collection::vec(step(), 1..80)) {
        let mut gateway = Gateway::new(controlled());
        gateway.path();
        gateway.engine.poll_evented();
        let mut model = Model::new(gateway.now);
        for step in steps {
            let before = model.state;
            let cause = take(&mut gateway, &mut model, &step)?;
            let path = gateway.path();
            model.follow(&path, cause, gateway.now)?;
            let commands = gateway.commands();
            match path.last() {
                _ if path.len() > 1 => {}
                Some(Disconnecting) => prop_assert_eq!(commands, [LinkCommand::Disconnect]),
                Some(Connecting) if cause == Cause::RequestConnection => {
                    prop_assert_eq!(commands, [LinkCommand::Connect]);
                }
                _ => prop_assert!(!commands.contains(&LinkCommand::Connect), "{:?}", commands),
            }
            let seconds = match step {
                Step::Pass(seconds) => seconds,
                _ => 0,
            };
            pass(&mut gateway, &mut model, seconds)?;
            hold(&mut gateway, &model, before)?;
        }
    }
}

/// What must hold in every state.
fn hold(gateway: &mut Gateway, model: &Model, before: ConnectionStatus) -> Result<(), TestCaseError> {
    let now = gateway.now;
    let status = gateway.status();
    prop_assert_eq!(status.connection, model.state, "events tell every change");
    let uptime = model.up_since.map_or(0, |since| now.since(since).as_secs());
    prop_assert_eq!(u64::from(status.uptime), uptime);
    prop_assert_eq!(status.link.uptime.as_secs(), uptime);
    let up = matches!(model.state, Connected | PendingDisconnect);
    prop_assert!(up || uptime == 0);
    prop_assert!(up || status.external_address.is_empty());
    if up || model.state == Unconfigured {
        prop_assert_eq!(status.last_error, Error::None);
    }
    if model.state == Disconnecting {
        prop_assert_ne!(status.last_error, Error::None);
    }
    let info = gateway.call(ALICE, 2, "GetStatusInfo", &[]).unwrap();
    prop_assert_eq!(info["NewConnectionStatus"].to_string(), status.connection.name());
    prop_assert_eq!(info["NewLastConnectionError"].to_string(), status.last_error.name());
    prop_assert_eq!(&info["NewUptime"], &Value::Ui4(status.uptime));
    // A timer that is due has ended the connection.
    if model.state == Connected {
        prop_assert!(
            model.auto == 0 || now < model.entered + span(model.auto),
            "AutoDisconnectTime"
        );
        prop_assert!(
            model.idle == 0 || model.used || now < model.unused_since + span(model.idle),
            "IdleDisconnectTime"
        );
    }
    if model.kind == LinkKind::Watched {
        prop_assert!(matches!(model.state, Unconfigured | Connected | Disconnected));
    }
    let evented = gateway.engine.poll_evented();
    let status_told = evented.iter().any(|change| change.variable.name == "ConnectionStatus");
    prop_assert_eq!(status_told, before != model.state);
    Ok(())
}
