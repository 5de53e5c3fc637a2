//! WANPPPConnection:1, another view of the connection, and LANHostConfigManagement:1, for reading only.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use portreeve_engine::config::LinkControl;
use portreeve_engine::lan_host::{Dhcp, LanHosts};
use portreeve_engine::ports::PortSet;
use portreeve_engine::{Protocol, Reply};
use portreeve_wire::ErrorCode;
use portreeve_wire::service::{LAN_HOST_CONFIG_MANAGEMENT, WAN_IPV6_FIREWALL_CONTROL, WAN_PPP_CONNECTION};

use super::*;

fn ppp(gateway: &mut Gateway, action: &str, arguments: &[(&str, &str)]) -> Result<gateway::Outputs, u16> {
    gateway
        .call_service(&WAN_PPP_CONNECTION, ALICE, 1, action, arguments)
        .map_err(|fault| fault.code.number())
}

#[test]
fn a_ppp_connection_shows_the_same_table() {
    let mut gateway = Gateway::new(config());
    ppp(&mut gateway, ADD, &mapping(ALICE, &[])).unwrap();
    assert_eq!(gateway.mappings().len(), 1);
    gateway.add(ALICE, ADD, &[("NewExternalPort", "19000")]).unwrap();
    let second = ppp(
        &mut gateway,
        "GetGenericPortMappingEntry",
        &[("NewPortMappingIndex", "1")],
    )
    .unwrap();
    assert_eq!(second["NewExternalPort"], Value::Ui2(19000));
    let status = ppp(&mut gateway, "GetStatusInfo", &[]).unwrap();
    assert_eq!(status["NewConnectionStatus"].to_string(), "Connected");
    let address = ppp(&mut gateway, "GetExternalIPAddress", &[]).unwrap();
    assert_eq!(address["NewExternalIPAddress"].to_string(), EXTERNAL);
    let rates = ppp(&mut gateway, "GetLinkLayerMaxBitRates", &[]).unwrap();
    assert_eq!(rates["NewUpstreamMaxBitRate"], Value::Ui4(u32::MAX));
}

#[test]
fn a_ppp_connection_speaks_with_the_codes_of_version_1() {
    let mut reserved = PortSet::default();
    reserved.insert(Protocol::Tcp, NonZeroU16::new(18080).unwrap());
    let mut gateway = Gateway::new(Config { reserved, ..config() });
    let plain = mapping(ALICE, &[]);
    // 729 is of version 2.
    assert_eq!(gateway.call(ALICE, 2, ADD, &plain), Err(729));
    assert_eq!(ppp(&mut gateway, ADD, &plain), Err(718));
    assert_eq!(ppp(&mut gateway, ADD_ANY, &plain), Err(401));
    // 0 is not the week of version 2.
    let unlimited = mapping(ALICE, &[("NewLeaseDuration", "0"), ("NewExternalPort", "19000")]);
    ppp(&mut gateway, ADD, &unlimited).unwrap();
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "19000"),
        ("NewProtocol", "TCP"),
    ];
    let entry = ppp(&mut gateway, "GetSpecificPortMappingEntry", &key).unwrap();
    assert_eq!(entry["NewLeaseDuration"], Value::Ui4(3600));
}

#[test]
fn a_ppp_connection_takes_no_credentials_and_gives_none() {
    let login = [("NewUserName", "a"), ("NewPassword", "b")];
    let mut gateway = Gateway::new(config());
    assert_eq!(ppp(&mut gateway, "ConfigureConnection", &login), Err(606));
    let mut gateway = Gateway::new(Config {
        link_control: LinkControl::Lan,
        ..config()
    });
    assert_eq!(ppp(&mut gateway, "ConfigureConnection", &login), Err(719));
    for action in ["GetPassword", "GetUserName", "GetPPPAuthenticationProtocol"] {
        assert_eq!(ppp(&mut gateway, action, &[]), Err(401), "{action}");
    }
    for variable in ["Password", "UserName"] {
        let query = Request::Query {
            caller: ALICE.parse().unwrap(),
            service: &WAN_PPP_CONNECTION,
            variable: variable.to_owned(),
        };
        match gateway.ask(query) {
            Reply::Value(Err(fault)) => assert_eq!(fault.code, ErrorCode::ActionFailed),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_evented_variables_are_those_of_the_services_offered() {
    let services = |offer: Offer| {
        let mut gateway = Gateway::new(Config { offer, ..config() });
        let mut names: Vec<_> = gateway
            .engine
            .poll_evented()
            .iter()
            .map(|evented| evented.service.name)
            .collect();
        names.dedup();
        names
    };
    let basic = ["Layer3Forwarding", "WANCommonInterfaceConfig", "WANIPConnection"];
    assert_eq!(services(Offer::default()), basic);
    let all = [&basic[..], &["WANPPPConnection", "WANIPv6FirewallControl"]].concat();
    assert_eq!(services(Offer::EVERYTHING), all);
}

#[test]
fn the_firewall_status_is_what_the_configuration_says() {
    let mut config = config();
    config.firewall.enabled = true;
    config.firewall.pinholes_allowed = false;
    let mut gateway = Gateway::new(config);
    let status = gateway
        .call_service(&WAN_IPV6_FIREWALL_CONTROL, ALICE, 1, "GetFirewallStatus", &[])
        .unwrap();
    assert_eq!(status["FirewallEnabled"], Value::Boolean(true));
    assert_eq!(status["InboundPinholeAllowed"], Value::Boolean(false));
}

#[test]
fn a_reload_that_changes_the_firewall_is_evented() {
    let with = |enabled, pinholes_allowed| {
        let mut config = config();
        config.offer = Offer::EVERYTHING;
        config.firewall.enabled = enabled;
        config.firewall.pinholes_allowed = pinholes_allowed;
        config
    };
    let mut gateway = Gateway::new(with(true, true));
    gateway.engine.poll_evented();
    for (enabled, pinholes_allowed, expected) in [
        (true, false, &["InboundPinholeAllowed=0"][..]),
        (false, false, &["FirewallEnabled=0"]),
        (false, false, &[]),
        (true, true, &["FirewallEnabled=1", "InboundPinholeAllowed=1"]),
    ] {
        match gateway.ask(Request::Reconfigure(Box::new(with(enabled, pinholes_allowed)))) {
            Reply::Reconfigured(Ok(())) => {}
            other => panic!("{other:?}"),
        }
        let told = gateway.engine.poll_evented();
        assert!(
            told.iter()
                .all(|change| change.service.name == "WANIPv6FirewallControl")
        );
        let told: Vec<String> = told
            .iter()
            .map(|change| format!("{}={}", change.variable.name, change.value))
            .collect();
        assert_eq!(told, expected);
    }
}

fn lan(last: u8, dhcp: Option<Dhcp>) -> LanHosts {
    let router = Ipv4Addr::new(192, 168, last, 1);
    LanHosts {
        network: format!("{router}/24").parse().unwrap(),
        mask: Ipv4Addr::new(255, 255, 255, 0),
        router,
        dns_servers: vec![router.into(), IpAddr::from([9, 9, 9, 9])],
        domain: "home".to_owned(),
        dhcp,
    }
}

fn read(gateway: &mut Gateway, caller: &str, action: &str) -> Result<Vec<String>, u16> {
    let outputs = gateway.call_service(&LAN_HOST_CONFIG_MANAGEMENT, caller, 1, action, &[]);
    let outputs = outputs.map_err(|fault| fault.code.number())?;
    Ok(outputs.values().map(Value::to_string).collect())
}

#[test]
fn each_host_is_told_how_its_own_lan_is_set_up() {
    let mut gateway = Gateway::new(config());
    let dhcp = Dhcp {
        first: [192, 168, 77, 100].into(),
        last: [192, 168, 77, 200].into(),
        reserved: vec![[192, 168, 77, 10].into(), [192, 168, 77, 11].into()],
    };
    gateway
        .engine
        .handle_lan_hosts(vec![lan(78, None), lan(77, Some(dhcp))]);
    let one = |text: &str| Ok(vec![text.to_owned()]);
    for (action, answer) in [
        ("GetDHCPServerConfigurable", one("0")),
        ("GetDHCPRelay", one("0")),
        ("GetSubnetMask", one("255.255.255.0")),
        ("GetIPRoutersList", one("192.168.77.1")),
        ("GetDNSServers", one("192.168.77.1,9.9.9.9")),
        ("GetDomainName", one("home")),
        ("GetReservedAddresses", one("192.168.77.10,192.168.77.11")),
        // By name: NewMaxAddress, NewMinAddress.
        (
            "GetAddressRange",
            Ok(vec!["192.168.77.200".to_owned(), "192.168.77.100".to_owned()]),
        ),
    ] {
        assert_eq!(read(&mut gateway, ALICE, action), answer, "{action}");
    }
    let elsewhere = "192.168.78.11";
    assert_eq!(read(&mut gateway, elsewhere, "GetIPRoutersList"), one("192.168.78.1"));
    for unknown in ["GetAddressRange", "GetReservedAddresses"] {
        assert_eq!(read(&mut gateway, elsewhere, unknown), Err(501));
    }
    assert_eq!(read(&mut gateway, "fd77::11", "GetIPRoutersList"), one("192.168.78.1"));
    gateway.engine.handle_lan_hosts(Vec::new());
    assert_eq!(read(&mut gateway, ALICE, "GetSubnetMask"), Err(501));
    assert_eq!(read(&mut gateway, ALICE, "GetDHCPRelay"), Err(501));
}

#[test]
fn nobody_sets_a_lan_up_through_the_gateway() {
    let mut gateway = Gateway::new(Config {
        link_control: LinkControl::Lan,
        policy: open_policy(),
        ..config()
    });
    gateway.engine.handle_lan_hosts(vec![lan(77, None)]);
    let setters = LAN_HOST_CONFIG_MANAGEMENT
        .actions
        .iter()
        .filter(|action| !action.name.starts_with("Get"));
    let mut tried = 0;
    for action in setters {
        let arguments: Vec<_> = action
            .arguments(Direction::In)
            .map(|argument| (argument.name, "1"))
            .collect();
        let outcome = gateway.call_service(&LAN_HOST_CONFIG_MANAGEMENT, ALICE, 1, action.name, &arguments);
        assert_eq!(
            outcome.unwrap_err().code,
            ErrorCode::ActionNotAuthorized,
            "{}",
            action.name
        );
        tried += 1;
    }
    assert_eq!(tried, 11);
}
