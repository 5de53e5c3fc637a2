//! A link without a driver is what its interface is, whoever may control it.

use portreeve_engine::config::{LinkControl, LinkKind};
use portreeve_engine::link::{ConnectionStatus, LastConnectionError, LinkReport};
use portreeve_engine::{Config, DriverReport, LinkRequest};

use super::world::{controlled, dual_stack, ipv6_only, without_address, without_carrier};
use crate::gateway::{ALICE, EXTERNAL, Gateway, config, connected};

const CONTROLS: [LinkControl; 3] = [LinkControl::Nobody, LinkControl::Admin, LinkControl::Lan];

fn watched(link_control: LinkControl) -> Gateway {
    Gateway::new(Config {
        link_control,
        ..config()
    })
}

#[test]
fn nobody_changes_it() {
    for control in CONTROLS {
        let mut gateway = watched(control);
        gateway.action("RequestConnection").unwrap();
        for action in ["RequestTermination", "ForceTermination"] {
            assert_eq!(gateway.action(action), Err(606), "{control:?} {action}");
        }
        for timer in ["AutoDisconnectTime", "IdleDisconnectTime", "WarnDisconnectDelay"] {
            assert_eq!(gateway.set(timer, "1"), Err(606), "{control:?} {timer}");
        }
        assert_eq!(gateway.set("EnabledForInternet", "0"), Err(606));
        for request in [LinkRequest::Disconnect, LinkRequest::Terminate] {
            assert_eq!(gateway.administrator(request), Err(606));
        }
        assert_eq!(gateway.set("ConnectionType", "IP_Routed"), Err(731));
        gateway.link(without_carrier());
        assert_eq!(gateway.set("ConnectionType", "IP_Routed"), Err(731));
        assert_eq!(gateway.action("RequestConnection"), Err(606));
        assert_eq!(gateway.administrator(LinkRequest::Connect), Err(606));
        for action in ["RequestTermination", "ForceTermination"] {
            assert_eq!(gateway.action(action), Err(711), "{control:?} {action}");
        }
        assert_eq!(gateway.commands(), []);
    }
}

#[test]
fn what_a_driver_says_is_nothing_to_it() {
    let mut gateway = watched(LinkControl::Lan);
    for said in [
        DriverReport::Connecting,
        DriverReport::Disconnected(None),
        DriverReport::Failed(LastConnectionError::Unknown),
        DriverReport::TimedOut,
    ] {
        gateway.driver(said);
        assert_eq!(gateway.state(), ConnectionStatus::Connected);
    }
    gateway.link(without_carrier());
    gateway.driver(DriverReport::Connected);
    assert_eq!(gateway.state(), ConnectionStatus::Disconnected);
}

#[test]
fn an_ipv6_only_wan_is_connected_without_an_external_ipv4_address() {
    let mut gateway = watched(LinkControl::Nobody);
    gateway.link(LinkReport::default());
    gateway.link(ipv6_only());
    assert_eq!(gateway.state(), ConnectionStatus::Connected);
    assert_eq!(gateway.variable("ExternalIPAddress"), Ok("".into()));
    assert_eq!(gateway.variable("ExternalIPv6Address"), Ok("2001:db8:113::2".into()));
    assert_eq!(gateway.add(ALICE, "AddPortMapping", &[]), Err(501), "no address to map");
}

#[test]
fn a_wan_that_had_an_ipv4_address_and_lost_it_is_not_ipv6_only() {
    let mut gateway = watched(LinkControl::Nobody);
    gateway.link(ipv6_only());
    assert_eq!(gateway.state(), ConnectionStatus::Disconnected);
    assert_eq!(gateway.error(), LastConnectionError::IpConfiguration);
    gateway.link(connected());
    assert_eq!(gateway.variable("ExternalIPAddress"), Ok(EXTERNAL.into()));
}

#[test]
fn its_ipv6_address_outlasts_the_ipv4_address_but_not_the_carrier() {
    let mut gateway = watched(LinkControl::Nobody);
    let without_carrier = LinkReport {
        carrier: false,
        ..dual_stack()
    };
    let without_interface = LinkReport {
        configured: false,
        ..dual_stack()
    };
    for (report, status, address) in [
        (dual_stack(), ConnectionStatus::Connected, "2001:db8:113::2"),
        (ipv6_only(), ConnectionStatus::Disconnected, "2001:db8:113::2"),
        (without_carrier, ConnectionStatus::Disconnected, ""),
        (without_interface, ConnectionStatus::Unconfigured, ""),
    ] {
        gateway.link(report);
        assert_eq!(gateway.state(), status);
        assert_eq!(
            gateway.variable("ExternalIPv6Address"),
            Ok(address.into()),
            "{status:?}"
        );
    }
}

#[test]
fn a_change_of_its_ipv6_address_is_evented() {
    let mut gateway = watched(LinkControl::Nobody);
    gateway.told();
    gateway.link(dual_stack());
    assert_eq!(gateway.told(), ["ExternalIPv6Address=2001:db8:113::2"]);
    gateway.link(LinkReport {
        ipv6: Some("2001:db8:113::77".parse().unwrap()),
        ..dual_stack()
    });
    assert_eq!(gateway.told(), ["ExternalIPv6Address=2001:db8:113::77"]);
    gateway.link(connected());
    assert_eq!(gateway.told(), ["ExternalIPv6Address="]);
}

#[test]
fn why_it_is_down_follows_the_interface() {
    let mut gateway = watched(LinkControl::Nobody);
    for (report, error) in [
        (without_carrier(), LastConnectionError::NoCarrier),
        (without_address(), LastConnectionError::IpConfiguration),
        (without_carrier(), LastConnectionError::NoCarrier),
        (connected(), LastConnectionError::None),
    ] {
        gateway.link(report);
        assert_eq!(gateway.error(), error);
    }
}

#[test]
fn a_reload_may_make_a_watched_link_a_controlled_one_and_back() {
    use ConnectionStatus::{Connected, Connecting, Disconnected, Disconnecting, PendingDisconnect};
    for state in [Connecting, Connected, PendingDisconnect, Disconnecting, Disconnected] {
        let mut gateway = Gateway::new(controlled());
        gateway.bring_into(state);
        gateway.reload(config());
        assert_eq!(gateway.state(), Connected, "from {state:?}");
        gateway.path();
        gateway.reload(controlled());
        assert_eq!(gateway.path(), [], "a link that is up stays up");
        gateway.link(without_carrier());
        gateway.link(connected());
        assert_eq!(gateway.path(), [Disconnected, Connected], "and comes back");
        gateway.driver(DriverReport::Disconnected(None));
        assert_eq!(gateway.state(), Disconnected);
        gateway.reload(Config {
            link_kind: LinkKind::Watched,
            ..controlled()
        });
        assert_eq!(gateway.state(), Connected);
    }
}
