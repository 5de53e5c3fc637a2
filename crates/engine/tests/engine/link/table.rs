//! Every pair of a state and a trigger, as the table of WANIPConnection:2 section 2.6.2 has it. What the table leaves
//! open is written here in the same form.

use portreeve_engine::config::LinkControl;
use portreeve_engine::link::ConnectionStatus::{self, *};
use portreeve_engine::link::{LastConnectionError as Error, LinkReport};
use portreeve_engine::{Config, DriverReport, LinkCommand, LinkRequest};

use super::world::{controlled, without_address, without_carrier};
use crate::gateway::{Gateway, connected};

struct Row {
    from: &'static [ConnectionStatus],
    trigger: Trigger,
    when: When,
    /// The states gone into, in order; none where it stays.
    to: &'static [ConnectionStatus],
    answer: Result<(), u16>,
    /// `None` where it stays.
    error: Option<Error>,
    asked_of_driver: &'static [LinkCommand],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    RequestConnection,
    RequestTermination,
    ForceTermination,
    SetConnectionType,
    DisableInternet,
    EnableInternet,
    AutoDisconnectTime,
    IdleDisconnectTime,
    /// A minute passes in which nothing else happens.
    Time,
    DriverConnects,
    DriverIsUp,
    DriverIsDown,
    IspDrops,
    DriverFails,
    DriverTimesOut,
    CarrierLost,
    AddressLost,
    InterfaceGone,
    InterfaceBack,
}
use Trigger::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// WarnDisconnectDelay > 0.
    Warning,
    /// ConnectionType is not IP_Routed.
    Bridged,
    /// EnabledForInternet is 0.
    NotEnabled,
}
use When::*;

const ALL: &[Trigger] = &[
    RequestConnection,
    RequestTermination,
    ForceTermination,
    SetConnectionType,
    DisableInternet,
    EnableInternet,
    AutoDisconnectTime,
    IdleDisconnectTime,
    Time,
    DriverConnects,
    DriverIsUp,
    DriverIsDown,
    IspDrops,
    DriverFails,
    DriverTimesOut,
    CarrierLost,
    AddressLost,
    InterfaceGone,
    InterfaceBack,
];

const fn row(
    from: &'static [ConnectionStatus],
    trigger: Trigger,
    when: When,
    to: &'static [ConnectionStatus],
    answer: Result<(), u16>,
    error: Option<Error>,
    asked_of_driver: &'static [LinkCommand],
) -> Row {
    Row {
        from,
        trigger,
        when,
        to,
        answer,
        error,
        asked_of_driver,
    }
}

const CONNECT: &[LinkCommand] = &[LinkCommand::Connect];
const DISCONNECT: &[LinkCommand] = &[LinkCommand::Disconnect];
const SAME: &[ConnectionStatus] = &[];
const STAYS: Option<Error> = None;
const DONE: Result<(), u16> = Ok(());

/// States that pass packets.
const UP: &[ConnectionStatus] = &[Connected, PendingDisconnect];
/// States in which no driver is at work and no packets pass.
const IDLE: &[ConnectionStatus] = &[Unconfigured, Disconnected];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row(&[Unconfigured],      RequestConnection,  Always,     SAME,                 Err(706), STAYS, &[]),
    row(&[Unconfigured],      RequestConnection,  Bridged,    SAME,                 Err(706), STAYS, &[]),
    row(&[Unconfigured],      RequestConnection,  NotEnabled, SAME,                 Err(706), STAYS, &[]),
    row(&[Disconnected],      RequestConnection,  Bridged,    SAME,                 Err(710), STAYS, &[]),
    row(&[Disconnected],      RequestConnection,  NotEnabled, SAME,                 Err(709), STAYS, &[]),
    row(&[Disconnecting],     RequestConnection,  NotEnabled, SAME,                 Err(709), STAYS, &[]),
    row(&[Disconnected],      RequestConnection,  Always,     &[Connecting],        DONE,     STAYS, CONNECT),
    row(&[Connecting],        RequestConnection,  Always,     SAME,                 Err(705), STAYS, &[]),
    row(&[Connected],         RequestConnection,  Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[PendingDisconnect], RequestConnection,  Always,     &[Connected],         DONE,     STAYS, &[]),
    row(&[Disconnecting],     RequestConnection,  Always,     SAME,                 Err(707), STAYS, &[]),

    row(&[Unconfigured],      RequestTermination, Always,     SAME,                 Err(706), STAYS, &[]),
    row(&[Disconnected],      RequestTermination, Always,     SAME,                 Err(711), STAYS, &[]),
    row(&[Disconnected],      RequestTermination, Bridged,    SAME,                 Err(711), STAYS, &[]),
    row(&[Connecting],        RequestTermination, Always,     &[Disconnecting],     DONE,     Some(Error::CommandAborted), DISCONNECT),
    row(&[Connecting],        RequestTermination, Warning,    &[Disconnecting],     DONE,     Some(Error::CommandAborted), DISCONNECT),
    row(&[Connected],         RequestTermination, Always,     &[Disconnecting],     DONE,     Some(Error::UserDisconnect), DISCONNECT),
    row(&[Connected],         RequestTermination, Warning,    &[PendingDisconnect], DONE,     STAYS, &[]),
    row(&[PendingDisconnect], RequestTermination, Always,     SAME,                 Err(707), STAYS, &[]),
    row(&[Disconnecting],     RequestTermination, Always,     SAME,                 Err(707), STAYS, &[]),

    row(&[Unconfigured],      ForceTermination,   Always,     SAME,                 Err(706), STAYS, &[]),
    row(&[Disconnected],      ForceTermination,   Always,     SAME,                 Err(711), STAYS, &[]),
    row(&[Disconnected],      ForceTermination,   Bridged,    SAME,                 Err(711), STAYS, &[]),
    row(&[Connecting],        ForceTermination,   Always,     &[Disconnecting],     DONE,     Some(Error::CommandAborted), DISCONNECT),
    row(&[Connecting],        ForceTermination,   Warning,    &[Disconnecting],     DONE,     Some(Error::CommandAborted), DISCONNECT),
    row(UP,                   ForceTermination,   Always,     &[Disconnecting],     DONE,     Some(Error::ForcedDisconnect), DISCONNECT),
    row(&[Connected],         ForceTermination,   Warning,    &[Disconnecting],     DONE,     Some(Error::ForcedDisconnect), DISCONNECT),
    row(&[Disconnecting],     ForceTermination,   Always,     SAME,                 Err(707), STAYS, &[]),

    row(IDLE,                 SetConnectionType,  Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        SetConnectionType,  Always,     SAME,                 Err(703), STAYS, &[]),
    row(UP,                   SetConnectionType,  Always,     SAME,                 Err(703), STAYS, &[]),
    row(&[Disconnecting],     SetConnectionType,  Always,     SAME,                 Err(703), STAYS, &[]),

    row(IDLE,                 DisableInternet,    Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        DisableInternet,    Always,     &[Disconnecting],     DONE,     Some(Error::NotEnabledForInternet), DISCONNECT),
    row(UP,                   DisableInternet,    Always,     &[Disconnecting],     DONE,     Some(Error::NotEnabledForInternet), DISCONNECT),
    row(&[Connected],         DisableInternet,    Warning,    &[Disconnecting],     DONE,     Some(Error::NotEnabledForInternet), DISCONNECT),
    row(&[Disconnecting],     DisableInternet,    Always,     SAME,                 DONE,     STAYS, &[]),
    row(ConnectionStatus::ALL, EnableInternet,    Always,     SAME,                 DONE,     STAYS, &[]),
    row(IDLE,                 EnableInternet,     NotEnabled, SAME,                 DONE,     STAYS, &[]),

    row(IDLE,                 AutoDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        AutoDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connected],         AutoDisconnectTime, Always,     &[Disconnecting],     DONE,     Some(Error::IdleDisconnect), DISCONNECT),
    row(&[Connected],         AutoDisconnectTime, Warning,    &[PendingDisconnect], DONE,     STAYS, &[]),
    row(&[PendingDisconnect], AutoDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnecting],     AutoDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(IDLE,                 IdleDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        IdleDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connected],         IdleDisconnectTime, Always,     &[Disconnecting],     DONE,     Some(Error::IdleDisconnect), DISCONNECT),
    row(&[Connected],         IdleDisconnectTime, Warning,    &[PendingDisconnect], DONE,     STAYS, &[]),
    row(&[PendingDisconnect], IdleDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnecting],     IdleDisconnectTime, Always,     SAME,                 DONE,     STAYS, &[]),

    row(IDLE,                 Time,               Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        Time,               Always,     &[Disconnected],      DONE,     Some(Error::IspTimeOut), DISCONNECT),
    row(&[Connected],         Time,               Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[PendingDisconnect], Time,               Always,     &[Disconnecting],     DONE,     Some(Error::UserDisconnect), DISCONNECT),
    row(&[Disconnecting],     Time,               Always,     &[Disconnected],      DONE,     STAYS, &[]),

    row(&[Unconfigured],      DriverConnects,     Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnected],      DriverConnects,     Always,     &[Connecting],        DONE,     STAYS, &[]),
    row(&[Disconnected],      DriverConnects,     Bridged,    SAME,                 DONE,     STAYS, DISCONNECT),
    row(&[Disconnected],      DriverConnects,     NotEnabled, SAME,                 DONE,     STAYS, DISCONNECT),
    row(&[Connecting],        DriverConnects,     Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connected],         DriverConnects,     Always,     &[Disconnected, Connecting], DONE, Some(Error::IspDisconnect), &[]),
    row(&[PendingDisconnect], DriverConnects,     Always,     &[Disconnecting],     DONE,     Some(Error::UserDisconnect), DISCONNECT),
    row(&[Disconnecting],     DriverConnects,     Always,     SAME,                 DONE,     STAYS, &[]),

    row(&[Unconfigured],      DriverIsUp,         Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnected],      DriverIsUp,         Always,     &[Connected],         DONE,     Some(Error::None), &[]),
    row(&[Disconnected],      DriverIsUp,         Bridged,    SAME,                 DONE,     STAYS, DISCONNECT),
    row(&[Disconnected],      DriverIsUp,         NotEnabled, SAME,                 DONE,     STAYS, DISCONNECT),
    row(&[Connecting],        DriverIsUp,         Always,     &[Connected],         DONE,     Some(Error::None), &[]),
    row(UP,                   DriverIsUp,         Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnecting],     DriverIsUp,         Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnecting],     DriverIsUp,         NotEnabled, SAME,                 DONE,     STAYS, &[]),

    row(IDLE,                 DriverIsDown,       Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        DriverIsDown,       Always,     SAME,                 DONE,     STAYS, &[]),
    row(UP,                   DriverIsDown,       Always,     &[Disconnected],      DONE,     Some(Error::IspDisconnect), &[]),
    row(&[Disconnecting],     DriverIsDown,       Always,     &[Disconnected],      DONE,     Some(Error::ForcedDisconnect), &[]),
    row(&[Disconnecting],     DriverIsDown,       NotEnabled, &[Disconnected],      DONE,     Some(Error::NotEnabledForInternet), &[]),

    row(&[Unconfigured],      IspDrops,           Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnected],      IspDrops,           Always,     SAME,                 DONE,     Some(Error::IspDisconnect), &[]),
    row(&[Connecting],        IspDrops,           Always,     &[Disconnected],      DONE,     Some(Error::IspDisconnect), &[]),
    row(UP,                   IspDrops,           Always,     &[Disconnected],      DONE,     Some(Error::IspDisconnect), &[]),
    row(&[Connected],         IspDrops,           Warning,    &[Disconnected],      DONE,     Some(Error::IspDisconnect), &[]),
    row(&[Disconnecting],     IspDrops,           Always,     &[Disconnected],      DONE,     Some(Error::ForcedDisconnect), &[]),

    row(&[Unconfigured],      DriverFails,        Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnected],      DriverFails,        Always,     SAME,                 DONE,     Some(Error::Authentication), &[]),
    row(&[Connecting],        DriverFails,        Always,     &[Disconnected],      DONE,     Some(Error::Authentication), &[]),
    row(UP,                   DriverFails,        Always,     &[Disconnected],      DONE,     Some(Error::Authentication), &[]),
    row(&[Disconnecting],     DriverFails,        Always,     &[Disconnected],      DONE,     Some(Error::ForcedDisconnect), &[]),

    row(IDLE,                 DriverTimesOut,     Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        DriverTimesOut,     Always,     &[Disconnected],      DONE,     Some(Error::IspTimeOut), &[]),
    row(UP,                   DriverTimesOut,     Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnecting],     DriverTimesOut,     Always,     &[Disconnected],      DONE,     Some(Error::ForcedDisconnect), &[]),

    row(&[Unconfigured],      CarrierLost,        Always,     &[Disconnected],      DONE,     STAYS, &[]),
    row(&[Disconnected],      CarrierLost,        Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        CarrierLost,        Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connected],         CarrierLost,        Always,     &[Disconnected],      DONE,     Some(Error::NoCarrier), &[]),
    row(&[Connected],         CarrierLost,        Warning,    &[Disconnected],      DONE,     Some(Error::NoCarrier), &[]),
    row(&[PendingDisconnect], CarrierLost,        Always,     &[Disconnected],      DONE,     Some(Error::NoCarrier), DISCONNECT),
    row(&[Disconnecting],     CarrierLost,        Always,     SAME,                 DONE,     STAYS, &[]),

    row(&[Unconfigured],      AddressLost,        Always,     &[Disconnected],      DONE,     STAYS, &[]),
    row(&[Disconnected],      AddressLost,        Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connecting],        AddressLost,        Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Connected],         AddressLost,        Always,     &[Disconnected],      DONE,     Some(Error::IpConfiguration), &[]),
    row(&[PendingDisconnect], AddressLost,        Always,     &[Disconnected],      DONE,     Some(Error::IpConfiguration), DISCONNECT),
    row(&[Disconnecting],     AddressLost,        Always,     SAME,                 DONE,     STAYS, &[]),

    row(&[Unconfigured],      InterfaceGone,      Always,     SAME,                 DONE,     STAYS, &[]),
    row(&[Disconnected, Connecting, Connected, PendingDisconnect, Disconnecting],
                              InterfaceGone,      Always,     &[Unconfigured],      DONE,     Some(Error::None), &[]),
    row(&[Unconfigured],      InterfaceBack,      Always,     &[Disconnected],      DONE,     STAYS, &[]),
    row(&[Disconnected, Connecting, Connected, PendingDisconnect, Disconnecting],
                              InterfaceBack,      Always,     SAME,                 DONE,     STAYS, &[]),
];

#[test]
fn every_row_holds() {
    for row in TABLE {
        for from in row.from {
            let mut gateway = Gateway::new(controlled());
            prepare(&mut gateway, *from, row);
            let before = gateway.error();
            let answer = pull(&mut gateway, row.trigger);
            let name = format!("{from:?}, {:?}, {:?}", row.trigger, row.when);
            assert_eq!(answer, row.answer, "{name}");
            // An event may tell another error of the same state.
            let path: Vec<_> = gateway.path().into_iter().skip_while(|state| state == from).collect();
            assert_eq!(path, row.to, "{name}");
            assert_eq!(gateway.state(), *row.to.last().unwrap_or(from), "{name}");
            assert_eq!(gateway.error(), row.error.unwrap_or(before), "{name}");
            assert_eq!(gateway.commands(), row.asked_of_driver, "{name}");
        }
    }
}

#[test]
fn no_pair_is_left_out() {
    for state in ConnectionStatus::ALL {
        for trigger in ALL {
            let found = TABLE
                .iter()
                .any(|row| row.from.contains(state) && row.trigger == *trigger && row.when == Always);
            assert!(found, "{state:?}, {trigger:?}");
        }
    }
}

/// Where a row changes something, who may not control the link is refused; where it does not, the state has the answer.
#[test]
fn whoever_may_not_control_the_link_gets_606_where_it_would_change() {
    for control in [LinkControl::Nobody, LinkControl::Admin] {
        for row in TABLE
            .iter()
            .filter(|row| row.trigger.is_request() && row.when == Always)
        {
            for from in row.from {
                let mut gateway = Gateway::new(controlled());
                gateway.bring_into(*from);
                gateway.reload(Config {
                    link_control: control,
                    ..controlled()
                });
                let changes = !row.asked_of_driver.is_empty() || !row.to.is_empty();
                let by_state = row.trigger.is_answered_by_state() && !changes;
                let name = format!("{control:?}, {from:?}, {:?}", row.trigger);
                let answer = pull(&mut gateway, row.trigger);
                assert_eq!(answer, if by_state { row.answer } else { Err(606) }, "{name}");
                assert_eq!(gateway.path(), SAME, "{name}");
                assert_eq!(gateway.commands(), [], "{name}");
            }
        }
    }
}

/// The administrator gets what the table says, and where nobody may control the link, what control points get.
#[test]
fn the_administrator_asks_as_control_points_do() {
    for control in [LinkControl::Admin, LinkControl::Lan, LinkControl::Nobody] {
        for row in TABLE.iter().filter(|row| row.when == Always) {
            let request = match row.trigger {
                RequestConnection => LinkRequest::Connect,
                RequestTermination => LinkRequest::Disconnect,
                ForceTermination => LinkRequest::Terminate,
                _ => continue,
            };
            for from in row.from {
                let mut gateway = Gateway::new(controlled());
                gateway.bring_into(*from);
                gateway.reload(Config {
                    link_control: control,
                    ..controlled()
                });
                let refused = control == LinkControl::Nobody && !row.to.is_empty();
                let name = format!("{control:?}, {from:?}, {request:?}");
                let answer = gateway.administrator(request);
                assert_eq!(answer, if refused { Err(606) } else { row.answer }, "{name}");
                assert_eq!(gateway.path(), if refused { SAME } else { row.to }, "{name}");
            }
        }
    }
}

impl Trigger {
    /// Whether it is an action.
    fn is_request(self) -> bool {
        self.is_answered_by_state() || matches!(self, DisableInternet | EnableInternet)
    }

    /// Whether it is an action that the state answers by itself where nothing would change.
    fn is_answered_by_state(self) -> bool {
        matches!(self, RequestConnection | RequestTermination | ForceTermination)
    }
}

fn prepare(gateway: &mut Gateway, from: ConnectionStatus, row: &Row) {
    match row.when {
        Always => {}
        Warning => gateway.set("WarnDisconnectDelay", "30").unwrap(),
        Bridged => gateway.set("ConnectionType", "IP_Bridged").unwrap(),
        NotEnabled if from == Disconnecting => {
            gateway.bring_into(Connected);
            gateway.set("EnabledForInternet", "0").unwrap();
            gateway.path();
            gateway.commands();
            return;
        }
        NotEnabled => gateway.set("EnabledForInternet", "0").unwrap(),
    }
    match row.trigger {
        AutoDisconnectTime => gateway.set("AutoDisconnectTime", "20").unwrap(),
        IdleDisconnectTime => gateway.set("IdleDisconnectTime", "20").unwrap(),
        _ => {}
    }
    gateway.bring_into(from);
    gateway.seconds(0);
}

fn pull(gateway: &mut Gateway, trigger: Trigger) -> Result<(), u16> {
    match trigger {
        RequestConnection => return gateway.action("RequestConnection"),
        RequestTermination => return gateway.action("RequestTermination"),
        ForceTermination => return gateway.action("ForceTermination"),
        SetConnectionType => return gateway.set("ConnectionType", "IP_Routed"),
        DisableInternet => return gateway.set("EnabledForInternet", "0"),
        EnableInternet => return gateway.set("EnabledForInternet", "1"),
        AutoDisconnectTime | IdleDisconnectTime => gateway.seconds(20),
        Time => gateway.seconds(60),
        DriverConnects => gateway.driver(DriverReport::Connecting),
        DriverIsUp => gateway.driver(DriverReport::Connected),
        DriverIsDown => gateway.driver(DriverReport::Disconnected(None)),
        IspDrops => gateway.driver(DriverReport::Disconnected(Some(Error::IspDisconnect))),
        DriverFails => gateway.driver(DriverReport::Failed(Error::Authentication)),
        DriverTimesOut => gateway.driver(DriverReport::TimedOut),
        CarrierLost => gateway.link(without_carrier()),
        AddressLost => gateway.link(without_address()),
        InterfaceGone => gateway.link(LinkReport::default()),
        InterfaceBack => gateway.link(connected()),
    }
    Ok(())
}
