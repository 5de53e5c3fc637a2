//! Every error, and the order of errors.

use super::*;

/// A request with everything wrong with it, made right step by step.
#[test]
fn adding_refuses_in_this_order() {
    let mut gateway = Gateway::new(config_6());
    gateway.open(BOB_6, &[]).unwrap();
    let forbidding = |enabled, pinholes_allowed| {
        reconfigured(|config| {
            config.firewall = Firewall {
                enabled,
                pinholes_allowed,
                pinholes: 1,
                ..Firewall::default()
            };
        })
    };
    gateway.reconfigure(forbidding(false, false));
    let mut arguments = vec![
        ("LeaseTime", "86401"),
        ("RemoteHost", "11.11.11.7"),
        ("InternalClient", "::ffff:1:2:3:4:5:6:7"),
        ("InternalPort", "0"),
        ("Protocol", "65535"),
    ];
    let mut expect = |gateway: &mut Gateway, set: &[(&'static str, &'static str)], code: u16| {
        for (name, value) in set {
            arguments.iter_mut().find(|(known, _)| known == name).unwrap().1 = value;
        }
        assert_eq!(gateway.open(ALICE_6, &arguments), Err(code), "{arguments:?}");
    };
    expect(&mut gateway, &[], 402);
    expect(&mut gateway, &[("LeaseTime", "86400")], 402);
    expect(&mut gateway, &[("RemoteHost", "")], 402);
    expect(&mut gateway, &[("InternalClient", "")], 702);
    gateway.reconfigure(forbidding(true, false));
    expect(&mut gateway, &[], 703);
    gateway.reconfigure(forbidding(true, true));
    expect(&mut gateway, &[], 708);
    expect(&mut gateway, &[("InternalClient", "fd77::99")], 706);
    expect(&mut gateway, &[("InternalPort", "80")], 707);
    expect(&mut gateway, &[("Protocol", "1")], 705);
    expect(&mut gateway, &[("Protocol", "6")], 606);
    expect(&mut gateway, &[("InternalClient", ALICE_6)], 606);
    expect(&mut gateway, &[("InternalPort", "8080")], 701);
    gateway.reconfigure(config_6());
    gateway.open(ALICE_6, &[]).unwrap();
}

#[test]
fn actions_on_a_pinhole_refuse_in_this_order() {
    for action in [
        "UpdatePinhole",
        "DeletePinhole",
        "GetPinholePackets",
        "CheckPinholeWorking",
    ] {
        let mut gateway = Gateway::new(config_6());
        let id = gateway.open(ALICE_6, &[]).unwrap();
        let expect = |gateway: &mut Gateway, caller: &str, id: UniqueId, lease: &str, code: u16| {
            let id = id.to_string();
            let mut arguments = vec![("UniqueID", &*id)];
            if action == "UpdatePinhole" {
                arguments.push(("NewLeaseTime", lease));
            }
            let outcome = gateway.call_6(caller, action, &arguments).map(drop);
            assert_eq!(outcome, Err(code), "{action} {arguments:?} by {caller}");
        };
        let none = UniqueId(id.0 + 1);
        gateway.reconfigure(reconfigured(|config| {
            config.firewall = Firewall {
                pinholes_allowed: false,
                ..Firewall::default()
            };
        }));
        if action == "UpdatePinhole" {
            expect(&mut gateway, BOB_6, none, "0", 402);
            expect(&mut gateway, BOB_6, none, "86401", 402);
        }
        expect(&mut gateway, BOB_6, none, "60", 702);
        gateway.reconfigure(reconfigured(|config| config.firewall.pinholes_allowed = false));
        expect(&mut gateway, BOB_6, none, "60", 703);
        gateway.reconfigure(config_6());
        expect(&mut gateway, BOB_6, none, "60", 704);
        expect(&mut gateway, BOB_6, UniqueId(0), "60", 704);
        expect(&mut gateway, BOB_6, id, "60", 606);
        if action == "CheckPinholeWorking" {
            gateway.engine.handle_pinhole_packets(id, Some(0));
            expect(&mut gateway, ALICE_6, id, "60", 709);
        }
        gateway.engine.handle_pinhole_packets(id, Some(1));
        let id = id.to_string();
        let mut arguments = vec![("UniqueID", &*id)];
        if action == "UpdatePinhole" {
            arguments.push(("NewLeaseTime", "86400"));
        }
        gateway.call_6(ALICE_6, action, &arguments).unwrap();
    }
}

#[test]
fn only_addresses_of_hosts_are_addresses() {
    let mut gateway = Gateway::new(config_6());
    for no_host in [
        "::",
        "::1",
        "ff02::1",
        "192.168.77.11",
        "host.example",
        "fe80::1%eth0",
        "*",
    ] {
        assert_eq!(gateway.open(ALICE_6, &[("RemoteHost", no_host)]), Err(402), "{no_host}");
        assert_eq!(
            gateway.open(ALICE_6, &[("InternalClient", no_host)]),
            Err(402),
            "{no_host}"
        );
    }
    gateway.open(ALICE_6, &[("RemoteHost", "2001:DB8:113::7")]).unwrap();
}

#[test]
fn the_status_works_whatever_the_firewall_does() {
    for (enabled, pinholes_allowed) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut gateway = Gateway::new(reconfigured(|config| {
            config.firewall.enabled = enabled;
            config.firewall.pinholes_allowed = pinholes_allowed;
        }));
        let status = gateway.call_6(BOB, "GetFirewallStatus", &[]).unwrap();
        assert_eq!(status["FirewallEnabled"], Value::Boolean(enabled));
        assert_eq!(status["InboundPinholeAllowed"], Value::Boolean(pinholes_allowed));
    }
}
