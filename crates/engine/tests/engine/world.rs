use super::*;

#[test]
fn ports_of_the_gateway_itself_are_729_and_718_in_version_1() {
    let mut reserved = portreeve_engine::ports::PortSet::default();
    reserved.insert_range(portreeve_engine::Protocol::Tcp, "18080".parse().unwrap());
    let mut listening = portreeve_engine::ports::PortSet::default();
    listening.insert_range(portreeve_engine::Protocol::Tcp, "18081".parse().unwrap());
    let mut gateway = Gateway::new(Config { reserved, ..config() });
    gateway.engine.handle_listening(listening);
    assert_eq!(gateway.add(ALICE, ADD, &[]), Err(729));
    assert_eq!(gateway.add(ALICE, ADD, &[("NewExternalPort", "18081")]), Err(729));
    assert_eq!(gateway.call(ALICE, 1, ADD, &gateway::mapping(ALICE, &[])), Err(718));
    assert_eq!(reserved_port(gateway.add(ALICE, ADD_ANY, &[])), 18082);
    gateway.add(ALICE, ADD, &[("NewProtocol", "UDP")]).unwrap();
}

#[test]
fn a_renewal_passes_a_program_that_came_to_listen_later() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    let mut listening = portreeve_engine::ports::PortSet::default();
    listening.insert_range(portreeve_engine::Protocol::Tcp, "18080".parse().unwrap());
    gateway.engine.handle_listening(listening);
    gateway.add(ALICE, ADD, &[]).unwrap();
}

#[test]
fn a_store_that_fails_refuses_what_changes_and_answers_what_reads() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[("NewExternalPort", "2001")]).unwrap();
    gateway.store_works = false;
    assert_eq!(gateway.add(ALICE, ADD, &[]), Err(501));
    assert_eq!(gateway.call(ALICE, 2, "GetExternalIPAddress", &[]).unwrap().len(), 1);
    assert_eq!(gateway.mappings().len(), 1);
    assert_eq!(gateway.variable("SystemUpdateID"), Ok(Value::Ui4(1)));
    gateway.store_works = true;
    gateway.add(ALICE, ADD, &[]).unwrap();
}

#[test]
fn without_nat_or_link_mappings_are_501_unless_configured() {
    let mut gateway = Gateway::new(Config {
        nat: Nat::Disabled,
        ..config()
    });
    assert_eq!(gateway.add(ALICE, ADD, &[]), Err(501));
    assert_eq!(gateway.variable("NATEnabled"), Ok(Value::Boolean(false)));
    let down = LinkReport {
        carrier: false,
        ..connected()
    };
    for (when_disconnected, outcome) in [
        (WhenDisconnected::Reject, Err(501)),
        (WhenDisconnected::Accept, Ok(Default::default())),
    ] {
        let mut gateway = Gateway::new(Config {
            when_disconnected,
            ..config()
        });
        gateway.engine.handle_link(down.clone(), gateway.now);
        assert_eq!(gateway.add(ALICE, ADD, &[]), outcome);
    }
}

#[test]
fn the_link_shows_in_status_error_uptime_and_address() {
    let mut gateway = Gateway::new(config());
    gateway.pass(Duration::from_secs(7));
    let states = [
        (connected(), "Connected", "ERROR_NONE", 7, EXTERNAL),
        (
            LinkReport {
                carrier: false,
                ..connected()
            },
            "Disconnected",
            "ERROR_NO_CARRIER",
            0,
            "",
        ),
        (
            LinkReport {
                addresses: vec![],
                ..connected()
            },
            "Disconnected",
            "ERROR_IP_CONFIGURATION",
            0,
            "",
        ),
        (LinkReport::default(), "Unconfigured", "ERROR_NONE", 0, ""),
        (connected(), "Connected", "ERROR_NONE", 0, EXTERNAL),
    ];
    for (report, status, error, uptime, address) in states {
        gateway.engine.handle_link(report, gateway.now);
        let outputs = gateway.call(ALICE, 2, "GetStatusInfo", &[]).unwrap();
        assert_eq!(outputs["NewConnectionStatus"].to_string(), status);
        assert_eq!(outputs["NewLastConnectionError"].to_string(), error);
        assert_eq!(outputs["NewUptime"], Value::Ui4(uptime));
        assert_eq!(gateway.variable("ExternalIPAddress"), Ok(address.into()));
    }
}

#[test]
fn the_link_is_not_for_control_points_to_change() {
    let mut gateway = Gateway::new(config());
    gateway.call(ALICE, 2, "RequestConnection", &[]).unwrap();
    assert_eq!(gateway.call(ALICE, 2, "ForceTermination", &[]), Err(606));
    assert_eq!(
        gateway.call(ALICE, 2, "SetConnectionType", &[("NewConnectionType", "IP_Routed")]),
        Err(731)
    );
    gateway.engine.handle_link(
        LinkReport {
            carrier: false,
            ..connected()
        },
        gateway.now,
    );
    assert_eq!(gateway.call(ALICE, 2, "RequestConnection", &[]), Err(606));
    assert_eq!(gateway.call(ALICE, 2, "RequestTermination", &[]), Err(711));
    gateway.engine.handle_link(LinkReport::default(), gateway.now);
    assert_eq!(gateway.call(ALICE, 2, "RequestConnection", &[]), Err(706));
}

#[test]
fn counters_are_cut_to_32_bits_and_rates_end_at_the_type() {
    let mut gateway = Gateway::new(config());
    gateway.engine.handle_counters(Some(Counters {
        bytes_sent: (7 << 32) + 5,
        ..Counters::default()
    }));
    let common = service::by_name("WANCommonInterfaceConfig").unwrap();
    let sent = gateway
        .call_service(common, ALICE, 1, "GetTotalBytesSent", &[])
        .unwrap();
    assert_eq!(sent["NewTotalBytesSent"], Value::Ui4(5));
    let link = gateway
        .call_service(common, ALICE, 1, "GetCommonLinkProperties", &[])
        .unwrap();
    assert_eq!(link["NewLayer1UpstreamMaxBitRate"], Value::Ui4(u32::MAX));
    assert_eq!(link["NewPhysicalLinkStatus"].to_string(), "Up");
}

#[test]
fn the_capacity_follows_quota_table_and_policy() {
    let limits = Limits {
        mappings: 5,
        mappings_per_client: 3,
        ..Limits::default()
    };
    let mut gateway = Gateway::new(Config { limits, ..config() });
    let capacity = |gateway: &mut Gateway| {
        let outputs = gateway
            .call(ALICE, 2, "X_GetPossiblePortMappingNumberOfEntries", &[])
            .unwrap();
        outputs.values().next().unwrap().to_string()
    };
    assert_eq!(capacity(&mut gateway), "3");
    gateway.add(ALICE, ADD, &[]).unwrap();
    assert_eq!(capacity(&mut gateway), "3");
    for port in ["2001", "2002", "2003"] {
        gateway.add(BOB, ADD, &[("NewExternalPort", port)]).unwrap();
    }
    assert_eq!(capacity(&mut gateway), "2");
    let mut policy = open_policy();
    policy.rules[0].external_ports = "18080".parse().unwrap();
    gateway.ask(Request::Reconfigure(Box::new(Config { policy, ..config() })));
    assert_eq!(
        capacity(&mut gateway),
        "2",
        "its own, and the same port of the other transport"
    );
}

#[test]
fn what_a_socket_begins_leaves_from_its_first_mapping_that_is_open_to_all() {
    for protocol in ["UDP", "TCP"] {
        leaves_from_the_first_mapping(protocol);
    }
}

fn leaves_from_the_first_mapping(protocol: &str) {
    let mut gateway = Gateway::new(config());
    let at = |port| [("NewExternalPort", port), ("NewProtocol", protocol)];
    gateway.add(ALICE, ADD, &at("3002")).unwrap();
    gateway.add(ALICE, ADD, &at("3001")).unwrap();
    gateway
        .add(
            ALICE,
            ADD,
            &[
                ("NewExternalPort", "3000"),
                ("NewProtocol", protocol),
                ("NewEnabled", "0"),
            ],
        )
        .unwrap();
    let ports = |gateway: &Gateway| {
        gateway
            .outbound
            .iter()
            .map(|o| o.external_port.get())
            .collect::<Vec<_>>()
    };
    assert_eq!(ports(&gateway), [3001]);
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "3001"),
        ("NewProtocol", protocol),
    ];
    gateway.call(ALICE, 2, "DeletePortMapping", &key).unwrap();
    assert_eq!(ports(&gateway), [3002]);
    assert_eq!(gateway.engine.desired().outbound, gateway.outbound);
    gateway.pass(Duration::from_secs(3600));
    assert_eq!(ports(&gateway), []);
}
