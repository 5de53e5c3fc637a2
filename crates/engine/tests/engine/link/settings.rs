//! Timers, ConnectionType, EnabledForInternet, the driver's say beside the interface's, and the figures.

use std::time::Duration;

use portreeve_engine::config::{LinkControl, WhenDisconnected};
use portreeve_engine::link::ConnectionStatus::{self, *};
use portreeve_engine::link::{LastConnectionError as Error, LinkReport};
use portreeve_engine::{Config, DriverReport, LinkCommand};
use portreeve_wire::service::wan_ip_connection::WAN_IP_CONNECTION;
use portreeve_wire::service::{self, Access, Allowed};
use portreeve_wire::{Offer, Value};

use super::world::{CONNECTING, controlled, dual_stack, ipv6_only, without_address, without_carrier};
use crate::gateway::{ALICE, Gateway, config, connected};

const TIMERS: [&str; 3] = ["AutoDisconnectTime", "IdleDisconnectTime", "WarnDisconnectDelay"];

fn in_state(state: ConnectionStatus) -> Gateway {
    let mut gateway = Gateway::new(controlled());
    gateway.bring_into(state);
    gateway
}

fn common(gateway: &mut Gateway, action: &str) -> Value {
    let common = service::by_name("WANCommonInterfaceConfig").unwrap();
    let outputs = gateway.call_service(common, ALICE, 1, action, &[]).unwrap();
    outputs.into_values().next().unwrap()
}

#[test]
fn what_was_set_is_read_back() {
    let mut gateway = in_state(Disconnected);
    for timer in TIMERS {
        let read = |gateway: &mut Gateway| gateway.call(ALICE, 2, &format!("Get{timer}"), &[]).unwrap();
        assert_eq!(read(&mut gateway).into_values().next(), Some(Value::Ui4(0)));
        for (text, value) in [("7", 7), ("4294967295", u32::MAX), ("0", 0)] {
            gateway.set(timer, text).unwrap();
            assert_eq!(read(&mut gateway).into_values().next(), Some(Value::Ui4(value)));
        }
    }
    gateway.set("EnabledForInternet", "0").unwrap();
    assert_eq!(common(&mut gateway, "GetEnabledForInternet"), Value::Boolean(false));
    gateway.set("ConnectionType", "IP_Bridged").unwrap();
    let types = gateway.call(ALICE, 2, "GetConnectionTypeInfo", &[]).unwrap();
    assert_eq!(types["NewConnectionType"].to_string(), "IP_Bridged");
    assert_eq!(types["NewPossibleConnectionTypes"].to_string(), "IP_Routed,IP_Bridged");
}

#[test]
fn arguments_are_held_against_the_table() {
    for state in ConnectionStatus::ALL {
        let mut gateway = in_state(*state);
        for value in ["", "-1", "4294967296", "soon"] {
            for timer in TIMERS {
                assert_eq!(gateway.set(timer, value), Err(402), "{timer}={value}");
            }
        }
        assert_eq!(gateway.set("EnabledForInternet", "maybe"), Err(402));
        assert_eq!(gateway.set("ConnectionType", "Carrier_Pigeon"), Err(601));
        assert_eq!(
            gateway.set("ConnectionType", "Unconfigured"),
            Err(601),
            "nobody can set that"
        );
        assert_eq!(gateway.action("SetConnectionType"), Err(402));
        assert_eq!(
            gateway
                .call(ALICE, 2, "RequestConnection", &[("NewForce", "1")])
                .map(drop),
            Err(402)
        );
        assert_eq!(gateway.path(), []);
    }
}

#[test]
fn by_default_no_action_that_changes_the_link_changes_anything() {
    for service in Offer::EVERYTHING.services() {
        let guarded = service
            .actions
            .iter()
            .filter(|action| action.access == Access::LinkControl);
        for action in guarded.filter(|action| action.name != "SetDefaultConnectionService") {
            let mut gateway = Gateway::new(Config {
                offer: Offer::EVERYTHING,
                ..config()
            });
            let arguments: Vec<(&str, &str)> = action
                .arguments(service::Direction::In)
                .map(|argument| match service.variable(argument.variable).unwrap().allowed {
                    Allowed::Values(values) => (argument.name, values[0]),
                    _ => (argument.name, "0"),
                })
                .collect();
            for version in 1..=service.version {
                let answer = gateway.call_service(service, ALICE, version, action.name, &arguments);
                let code = answer.map(drop).map_err(|fault| fault.code.number());
                let expected = match action.name {
                    "RequestConnection" => Ok(()),
                    "SetConnectionType" => Err(731),
                    _ => Err(606),
                };
                assert_eq!(code, expected, "{}", action.name);
                assert_eq!(gateway.state(), Connected);
                assert_eq!(gateway.path(), []);
            }
        }
    }
}

/// The table of the service names every value that can be sent.
#[test]
fn every_value_is_in_the_service_description() {
    let allowed = |variable| match WAN_IP_CONNECTION.variable(variable).unwrap().allowed {
        Allowed::Values(values) => values,
        _ => panic!("{variable} has a list"),
    };
    for error in Error::ALL {
        assert!(allowed("LastConnectionError").contains(&error.name()), "{error:?}");
        assert_eq!(Error::named(error.name()), Some(*error));
    }
    for status in ConnectionStatus::ALL {
        assert!(allowed("ConnectionStatus").contains(&status.name()), "{status:?}");
    }
}

#[test]
fn auto_disconnect_time_ends_a_connection_that_is_used_once() {
    let mut gateway = Gateway::new(controlled());
    gateway.set("AutoDisconnectTime", "100").unwrap();
    gateway.bring_into(Connected);
    for second in 1..100 {
        gateway.counters(second * 100);
        gateway.seconds(1);
    }
    assert_eq!(gateway.state(), Connected);
    gateway.seconds(1);
    assert_eq!(gateway.path(), [Disconnecting]);
    gateway.driver(DriverReport::Disconnected(None));
    assert_eq!(gateway.error(), Error::IdleDisconnect);
    gateway.seconds(1000);
    assert_eq!(gateway.path(), [Disconnected], "and once only");
    assert_eq!(gateway.commands(), [LinkCommand::Disconnect]);
}

#[test]
fn auto_disconnect_time_binds_a_connection_that_is_older() {
    let mut gateway = in_state(Connected);
    gateway.seconds(500);
    gateway.set("AutoDisconnectTime", "600").unwrap();
    gateway.seconds(99);
    assert_eq!(gateway.state(), Connected);
    gateway.seconds(1);
    assert_eq!(gateway.state(), Disconnecting);
    let mut gateway = in_state(Connected);
    gateway.seconds(500);
    gateway.set("AutoDisconnectTime", "400").unwrap();
    gateway.seconds(0);
    assert_eq!(gateway.state(), Disconnecting, "its time is over already");
}

#[test]
fn idle_disconnect_time_waits_while_packets_are_sent() {
    let mut gateway = in_state(Connected);
    gateway.set("IdleDisconnectTime", "60").unwrap();
    gateway.seconds(0);
    for second in 1..=300 {
        gateway.counters(second * 10);
        gateway.seconds(1);
    }
    assert_eq!(gateway.state(), Connected);
    // An echo of LCP now and then is not use.
    for round in 1..=5 {
        gateway.counters(3000 + round);
        gateway.seconds(11);
        assert_eq!(gateway.state(), Connected, "{round}");
    }
    gateway.seconds(6);
    assert_eq!(gateway.path(), [Disconnecting]);
    assert_eq!(gateway.error(), Error::IdleDisconnect);
}

#[test]
fn totals_are_wanted_only_while_idle_time_runs() {
    let mut gateway = in_state(Connected);
    assert!(!gateway.engine.wants_counters(gateway.now));
    gateway.set("IdleDisconnectTime", "60").unwrap();
    assert!(gateway.engine.wants_counters(gateway.now));
    gateway.seconds(0);
    assert!(!gateway.engine.wants_counters(gateway.now));
    let next = gateway.engine.poll_timeout().unwrap();
    assert!(gateway.engine.wants_counters(next));
    assert!(next.since(gateway.now) >= Duration::from_secs(1), "not all the time");
    gateway.action("ForceTermination").unwrap();
    assert!(!gateway.engine.wants_counters(next));
}

#[test]
fn while_totals_cannot_be_read_idle_time_ends_nothing() {
    let mut gateway = Gateway::new(controlled());
    gateway.set("IdleDisconnectTime", "60").unwrap();
    gateway.bring_into(Connected);
    gateway.engine.handle_counters(None);
    gateway.seconds(1000);
    assert_eq!(gateway.state(), Connected);
    gateway.counters(0);
    for _ in 0..70 {
        gateway.seconds(1);
    }
    assert_eq!(gateway.state(), Disconnecting);
}

#[test]
fn a_driver_that_cannot_tear_the_link_down_is_told_again_after_a_pause() {
    let mut gateway = in_state(Connected);
    gateway.set("EnabledForInternet", "0").unwrap();
    assert_eq!(gateway.commands(), [LinkCommand::Disconnect]);
    for round in 0..3 {
        // What a driver says whose hook fails, and may say again.
        for _ in 0..5 {
            gateway.driver(DriverReport::Failed(Error::Unknown));
            gateway.driver(DriverReport::Connected);
            gateway.driver(DriverReport::Connecting);
        }
        gateway.seconds(59);
        assert_eq!(gateway.commands(), [], "{round}");
        assert_eq!(gateway.state(), Disconnected);
        gateway.seconds(1);
        assert_eq!(gateway.commands(), [LinkCommand::Disconnect], "{round}");
    }
    // It obeys at last; what comes up after that is another matter.
    gateway.driver(DriverReport::Disconnected(None));
    gateway.seconds(1000);
    assert_eq!(gateway.commands(), []);
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.commands(), [LinkCommand::Disconnect]);
    // Where access is permitted again, nothing is torn down later.
    gateway.driver(DriverReport::Connected);
    gateway.set("EnabledForInternet", "1").unwrap();
    gateway.driver(DriverReport::Connected);
    gateway.seconds(1000);
    assert_eq!((gateway.commands(), gateway.state()), (Vec::new(), Connected));
}

#[test]
fn a_driver_is_told_again_when_it_has_had_its_time() {
    let mut config = controlled();
    config.link_timeouts.disconnecting = Duration::from_secs(300);
    let mut gateway = Gateway::new(config);
    gateway.bring_into(Connected);
    gateway.set("EnabledForInternet", "0").unwrap();
    gateway.driver(DriverReport::Failed(Error::Unknown));
    gateway.driver(DriverReport::Connected);
    gateway.commands();
    gateway.seconds(299);
    assert_eq!(gateway.commands(), []);
    gateway.seconds(1);
    assert_eq!(gateway.commands(), [LinkCommand::Disconnect]);
}

#[test]
fn a_warning_ends_the_connection_unless_somebody_wants_it() {
    let mut gateway = in_state(PendingDisconnect);
    gateway.seconds(29);
    assert_eq!(gateway.state(), PendingDisconnect);
    gateway.action("RequestConnection").unwrap();
    gateway.seconds(1000);
    assert_eq!(gateway.path(), [Connected]);

    let mut gateway = in_state(PendingDisconnect);
    gateway.set("WarnDisconnectDelay", "1000").unwrap();
    gateway.seconds(30);
    assert_eq!(gateway.path(), [Disconnecting], "a warning that is out stays as it was");
    assert_eq!(gateway.error(), Error::UserDisconnect);
}

#[test]
fn whoever_keeps_a_connection_gets_its_time_anew_and_uptime_goes_on() {
    let mut gateway = Gateway::new(controlled());
    gateway.set("AutoDisconnectTime", "100").unwrap();
    gateway.set("WarnDisconnectDelay", "30").unwrap();
    gateway.bring_into(Connected);
    gateway.seconds(100);
    assert_eq!(gateway.state(), PendingDisconnect);
    assert_eq!(gateway.status().uptime, 100);
    gateway.seconds(10);
    gateway.action("RequestConnection").unwrap();
    gateway.seconds(99);
    assert_eq!(gateway.state(), Connected);
    assert_eq!(gateway.status().uptime, 209);
    gateway.seconds(1);
    assert_eq!(gateway.state(), PendingDisconnect);
}

#[test]
fn a_pending_link_forwards_still() {
    let mut gateway = in_state(PendingDisconnect);
    gateway.add(ALICE, "AddPortMapping", &[]).unwrap();
    assert_ne!(gateway.variable("ExternalIPAddress"), Ok("".into()));
    assert_eq!(common(&mut gateway, "GetMaximumActiveConnections"), Value::Ui2(1));
    let common = service::by_name("WANCommonInterfaceConfig").unwrap();
    let first = [("NewActiveConnectionIndex", "0")];
    gateway
        .call_service(common, ALICE, 1, "GetActiveConnection", &first)
        .unwrap();
}

#[test]
fn mapping_requests_follow_when_disconnected_in_every_state() {
    for (when_disconnected, refused) in [(WhenDisconnected::Reject, Err(501)), (WhenDisconnected::Accept, Ok(()))] {
        for state in ConnectionStatus::ALL {
            let mut gateway = Gateway::new(Config {
                when_disconnected,
                ..controlled()
            });
            gateway.bring_into(*state);
            for action in ["AddPortMapping", "AddAnyPortMapping"] {
                let expected = match state {
                    Connected | PendingDisconnect => Ok(()),
                    _ => refused,
                };
                assert_eq!(
                    gateway.add(ALICE, action, &[]).map(drop),
                    expected,
                    "{state:?} {action}"
                );
            }
        }
    }
}

#[test]
fn a_driver_that_is_up_waits_for_the_interface() {
    let mut gateway = Gateway::new(controlled());
    gateway.link(without_address());
    gateway.bring_into(Connecting);
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.state(), Connecting);
    gateway.link(connected());
    assert_eq!(gateway.path(), [Connected]);
}

#[test]
fn a_link_that_does_not_come_up_in_time_says_what_is_missing() {
    for (report, said, error) in [
        (without_carrier(), DriverReport::Connected, Error::NoCarrier),
        (without_address(), DriverReport::Connected, Error::IpConfiguration),
        (without_address(), DriverReport::Connecting, Error::IspTimeOut),
        (connected(), DriverReport::Disconnected(None), Error::IspTimeOut),
    ] {
        let mut gateway = Gateway::new(controlled());
        gateway.link(report);
        gateway.bring_into(Connecting);
        gateway.driver(said);
        gateway.seconds(CONNECTING - 1);
        assert_eq!(gateway.state(), Connecting, "{said:?}");
        gateway.seconds(1);
        assert_eq!(gateway.path(), [Disconnected], "{said:?}");
        assert_eq!(gateway.error(), error, "{said:?}");
        assert_eq!(gateway.commands(), [LinkCommand::Disconnect], "it is to stop trying");
    }
}

#[test]
fn every_cause_that_a_driver_names_is_told() {
    for error in Error::ALL.iter().filter(|error| **error != Error::None) {
        let mut gateway = in_state(Connecting);
        gateway.driver(DriverReport::Failed(*error));
        assert_eq!(gateway.error(), *error);
        let info = gateway.call(ALICE, 2, "GetStatusInfo", &[]).unwrap();
        assert_eq!(info["NewLastConnectionError"].to_string(), error.name());
    }
    let mut gateway = in_state(Connecting);
    gateway.driver(DriverReport::Failed(Error::None));
    assert_eq!(gateway.error(), Error::Unknown, "there must be a reason");
}

#[test]
fn a_cable_that_comes_back_brings_the_connection_back() {
    let mut gateway = in_state(Connected);
    gateway.link(without_carrier());
    gateway.link(without_address());
    assert_eq!(gateway.error(), Error::IpConfiguration);
    gateway.link(connected());
    assert_eq!(gateway.path(), [Disconnected, Connected]);
    // Unless the driver has noticed, who then is the one to say when.
    gateway.link(without_carrier());
    gateway.driver(DriverReport::Disconnected(None));
    gateway.link(connected());
    assert_eq!((gateway.state(), gateway.error()), (Disconnected, Error::NoCarrier));
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.state(), Connected);
    assert_eq!(gateway.commands(), []);
}

#[test]
fn a_cable_tells_more_than_a_driver_that_only_sees_the_end() {
    let mut gateway = in_state(Connected);
    gateway.driver(DriverReport::Disconnected(None));
    assert_eq!(gateway.error(), Error::IspDisconnect);
    gateway.link(without_carrier());
    assert_eq!(gateway.error(), Error::NoCarrier);
}

#[test]
fn a_connection_that_somebody_ended_does_not_come_back_with_the_interface() {
    let mut gateway = in_state(Disconnecting);
    gateway.link(without_carrier());
    gateway.driver(DriverReport::Disconnected(None));
    gateway.link(connected());
    assert_eq!(
        (gateway.state(), gateway.error()),
        (Disconnected, Error::ForcedDisconnect)
    );
}

#[test]
fn a_driver_that_could_not_end_it_says_that_it_is_still_up() {
    let mut gateway = in_state(Disconnecting);
    gateway.driver(DriverReport::Failed(Error::Unknown));
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.path(), [Disconnected, Connected]);
}

#[test]
fn an_ipv6_only_wan_is_connected_when_the_driver_is() {
    let mut gateway = Gateway::new(controlled());
    gateway.link(LinkReport::default());
    gateway.link(ipv6_only());
    gateway.action("RequestConnection").unwrap();
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.state(), Connected);
    assert_eq!(gateway.variable("ExternalIPAddress"), Ok("".into()));
}

#[test]
fn settings_survive_a_reload_as_long_as_control_points_may_make_them() {
    let mut gateway = in_state(Disconnected);
    gateway.set("EnabledForInternet", "0").unwrap();
    gateway.set("ConnectionType", "IP_Bridged").unwrap();
    gateway.set("WarnDisconnectDelay", "30").unwrap();
    gateway.reload(controlled());
    assert_eq!(gateway.variable("ConnectionType"), Ok("IP_Bridged".into()));
    assert_eq!(gateway.variable("WarnDisconnectDelay"), Ok(Value::Ui4(30)));
    assert_eq!(common(&mut gateway, "GetEnabledForInternet"), Value::Boolean(false));
    gateway.reload(Config {
        link_control: LinkControl::Admin,
        ..controlled()
    });
    assert_eq!(gateway.variable("ConnectionType"), Ok("IP_Routed".into()));
    assert_eq!(gateway.variable("WarnDisconnectDelay"), Ok(Value::Ui4(0)));
    assert_eq!(common(&mut gateway, "GetEnabledForInternet"), Value::Boolean(true));
}

#[test]
fn every_change_is_evented() {
    let mut gateway = Gateway::new(controlled());
    gateway.engine.poll_evented();
    gateway.action("RequestConnection").unwrap();
    assert_eq!(gateway.told(), ["ConnectionStatus=Connecting"]);
    gateway.driver(DriverReport::Connected);
    let up = gateway.told();
    assert!(up.contains(&"ConnectionStatus=Connected".to_owned()), "{up:?}");
    assert!(up.contains(&"ExternalIPAddress=11.11.11.2".to_owned()), "{up:?}");
    assert!(up.contains(&"NumberOfActiveConnections=1".to_owned()), "{up:?}");
    gateway.set("WarnDisconnectDelay", "30").unwrap();
    gateway.action("RequestTermination").unwrap();
    assert_eq!(gateway.told(), ["ConnectionStatus=PendingDisconnect"]);
    gateway.seconds(30);
    assert!(gateway.told().contains(&"ConnectionStatus=Disconnecting".to_owned()));
    gateway.driver(DriverReport::Disconnected(None));
    assert_eq!(gateway.told(), ["ConnectionStatus=Disconnected"]);
    gateway.set("EnabledForInternet", "0").unwrap();
    assert_eq!(gateway.told(), ["EnabledForInternet=0"]);
}

#[test]
fn an_ipv6_address_is_told_only_while_packets_pass() {
    for state in ConnectionStatus::ALL {
        let mut gateway = Gateway::new(controlled());
        gateway.link(dual_stack());
        gateway.bring_into(*state);
        let expected = match state {
            Connected | PendingDisconnect => "2001:db8:113::2",
            _ => "",
        };
        assert_eq!(
            gateway.variable("ExternalIPv6Address"),
            Ok(expected.into()),
            "{state:?}"
        );
    }
}

#[test]
fn the_ipv6_address_comes_and_goes_with_the_connection_as_events() {
    let mut gateway = Gateway::new(controlled());
    gateway.link(dual_stack());
    gateway.told();
    gateway.bring_into(Connected);
    let up = gateway.told();
    assert!(up.contains(&"ExternalIPv6Address=2001:db8:113::2".to_owned()), "{up:?}");
    gateway.action("ForceTermination").unwrap();
    let down = gateway.told();
    assert!(down.contains(&"ExternalIPv6Address=".to_owned()), "{down:?}");
}

#[test]
fn a_group_that_the_store_fails_does_not_ask_the_driver_twice() {
    let mut gateway = Gateway::new(Config {
        when_disconnected: WhenDisconnected::Accept,
        ..controlled()
    });
    gateway.store_works = false;
    let call = |action, arguments: &[(&str, &str)]| {
        let call = portreeve_wire::Call::parse(&WAN_IP_CONNECTION, 2, action, arguments, Default::default()).unwrap();
        portreeve_engine::Request::Call {
            caller: ALICE.parse().unwrap(),
            call,
        }
    };
    let add = call("AddPortMapping", &crate::gateway::mapping(ALICE, &[]));
    let connect = call("RequestConnection", &[]);
    let replies = gateway.ask_together(vec![connect, add]);
    let outcomes: Vec<bool> = replies
        .iter()
        .map(|reply| matches!(reply, portreeve_engine::Reply::Call(Ok(_))))
        .collect();
    assert_eq!(outcomes, [true, false]);
    assert_eq!(gateway.path(), [Connecting]);
    assert_eq!(gateway.commands(), [LinkCommand::Connect]);
}

#[test]
fn figures_tell_drops_returns_and_how_long_each_state_lasted() {
    let mut gateway = in_state(Connected);
    gateway.seconds(100);
    gateway.link(without_carrier());
    gateway.seconds(20);
    gateway.link(connected());
    gateway.seconds(30);
    gateway.driver(DriverReport::Disconnected(None));
    gateway.action("RequestConnection").unwrap();
    gateway.seconds(5);
    gateway.driver(DriverReport::Connected);
    gateway.seconds(7);
    let up = gateway.metrics();
    assert_eq!((up.uptime, up.drops, up.reconnects), (Duration::from_secs(7), 2, 2));
    gateway.action("ForceTermination").unwrap();
    gateway.seconds(3);
    gateway.driver(DriverReport::Disconnected(None));
    gateway.seconds(11);
    let down = gateway.metrics();
    assert_eq!((down.uptime, down.drops, down.reconnects), (Duration::ZERO, 2, 2));
    for (state, seconds) in [
        (Connected, 137),
        (Disconnected, 31),
        (Connecting, 5),
        (Disconnecting, 3),
    ] {
        assert_eq!(down.time_in(state), Duration::from_secs(seconds), "{state:?}");
    }
}
