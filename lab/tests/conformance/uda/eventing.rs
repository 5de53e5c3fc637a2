//! Section 4: eventing.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::{ControlPoint, MICROSOFT, PortMapping};
use portreeve_testkit::Cable;

const CONNECTION: &str = "WANIPConnection:2";
const COMMON: &str = "WANCommonInterfaceConfig:1";
const NT: &str = "NT: upnp:event\r\n";
/// Longer than a message takes that is sent at once.
const A_WHILE: Duration = Duration::from_millis(700);

/// Changes of one test are events in all others, so that those who count have a gateway of their own.
fn own() -> Option<Bed> {
    Bed::own(&Settings::default())
}

/// The status of a SUBSCRIBE to WANIPConnection with these header fields.
fn subscribe(client: &ControlPoint<'_>, fields: &str) -> u16 {
    client.gena("SUBSCRIBE", CONNECTION, fields).status
}

fn timeout_granted(asked: &str) -> Option<u32> {
    let bed = Bed::shared()?;
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let fields = format!("CALLBACK: {}\r\n{NT}TIMEOUT: {asked}\r\n", listener.callback());
    let response = client.gena("SUBSCRIBE", CONNECTION, &fields);
    let granted = response.header("TIMEOUT").expect("a TIMEOUT");
    let digits = granted.strip_prefix("Second-").expect("Second-n");
    client.gena(
        "UNSUBSCRIBE",
        CONNECTION,
        &format!("SID: {}\r\n", response.header("SID").expect("a SID")),
    );
    Some(digits.parse().expect("a number of seconds"))
}

#[test]
fn section_4_1_1_a_subscription_is_answered_with_sid_timeout_and_server() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let fields = format!("CALLBACK: {}\r\n{NT}TIMEOUT: Second-1800\r\n", listener.callback());
    let response = client.gena("SUBSCRIBE", CONNECTION, &fields);
    assert_eq!(response.status, 200);
    assert!(
        response.header("SID").is_some_and(|sid| sid.starts_with("uuid:")),
        "{response:?}"
    );
    assert!(
        response.header("SERVER").is_some_and(|server| server.contains("UPnP/")),
        "{response:?}"
    );
    assert!(
        response
            .header("TIMEOUT")
            .is_some_and(|timeout| timeout.starts_with("Second-"))
    );
    assert_eq!(response.header("CONTENT-LENGTH"), Some("0"));
}

#[test]
fn section_4_1_1_each_subscription_has_a_sid_of_its_own() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let subscribe = || client.subscribe(CONNECTION, &listener.callback());
    assert_ne!(subscribe(), subscribe());
}

#[test]
fn section_4_1_1_half_an_hour_is_the_least_that_is_granted() {
    let Some(granted) = timeout_granted("Second-60") else {
        return;
    };
    assert!(granted >= 1800, "{granted}");
}

#[test]
fn section_4_1_1_what_is_asked_for_is_granted_where_it_is_sensible() {
    let Some(granted) = timeout_granted("Second-3600") else {
        return;
    };
    assert!(granted >= 1800, "{granted}");
}

#[test]
fn section_4_1_1_infinite_is_never_granted() {
    let Some(granted) = timeout_granted("Second-infinite") else {
        return;
    };
    assert!(granted >= 1800, "{granted}");
}

#[test]
fn section_4_1_1_without_callback_it_is_412() {
    let Some(bed) = Bed::shared() else { return };
    assert_eq!(subscribe(&bed.client(1), NT), 412);
}

#[test]
fn section_4_1_1_a_callback_that_is_no_http_url_is_412() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let address = client.address();
    for callback in [
        "",
        "<>",
        "nonsense",
        &format!("<ftp://{address}/>"),
        &format!("<mailto:{address}>"),
    ] {
        assert_eq!(
            subscribe(&client, &format!("CALLBACK: {callback}\r\n{NT}")),
            412,
            "{callback}"
        );
    }
}

#[test]
fn section_4_1_1_without_nt_it_is_412() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let fields = format!("CALLBACK: <http://{}:4004/>\r\n", client.address());
    assert_eq!(subscribe(&client, &fields), 412);
}

#[test]
fn section_4_1_1_another_nt_is_412() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let fields = format!(
        "CALLBACK: <http://{}:4004/>\r\nNT: upnp:rootdevice\r\n",
        client.address()
    );
    assert_eq!(subscribe(&client, &fields), 412);
}

#[test]
fn section_4_1_1_sid_with_nt_or_callback_is_400() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let sid = client.subscribe(CONNECTION, &listener.callback());
    let callback = format!("CALLBACK: {}\r\n", listener.callback());
    for others in [NT, &callback, &format!("{NT}{callback}")] {
        assert_eq!(subscribe(&client, &format!("SID: {sid}\r\n{others}")), 400, "{others}");
    }
}

#[test]
fn section_4_1_1_several_callbacks_are_tried_in_order() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let (first, second) = (Listener::on(client.host()), Listener::on(client.host()));
    let closed = first.callback();
    drop(first);
    client.subscribe(CONNECTION, &format!("{closed}{}", second.callback()));
    assert_eq!(second.next().header("SEQ"), "0");
}

#[test]
fn section_4_1_1_events_may_go_to_another_host_of_the_lan_if_at_all() {
    let Some(bed) = Bed::shared() else { return };
    let listener = Listener::on(bed.lan_host(2));
    let client = bed.client(1);
    let fields = format!("CALLBACK: {}\r\n{NT}", listener.callback());
    match subscribe(&client, &fields) {
        200 => assert_eq!(listener.next().header("SEQ"), "0"),
        status => assert_eq!(status, 412),
    }
}

/// CVE-2020-12695.
#[test]
fn section_4_1_1_no_callback_leaves_the_lan() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(bed.internet_host(1));
    let port = listener.address().port();
    watch(&bed);
    for callback in [
        listener.callback(),
        format!("<http://{}:{port}/>", bed.internet_host(2).ipv4()),
        String::from("<http://203.0.113.9/>"),
        String::from("<http://127.0.0.1:5000/>"),
        format!("<http://{}/>", client.server()),
        format!("<http://{}/>", bed.wan_ipv4()),
        String::from("<http://255.255.255.255/>"),
        String::from("<http://239.255.255.250:1900/>"),
        String::from("<http://0.0.0.0/>"),
        String::from("<http://localhost:4004/>"),
        // Nor is a name looked up.
        String::from("<http://events.example/>"),
    ] {
        assert_eq!(
            subscribe(&client, &format!("CALLBACK: {callback}\r\n{NT}")),
            412,
            "{callback}"
        );
    }
    let mapping = PortMapping::new(&client, 9000);
    client.add(&mapping).expect("an own mapping");
    assert!(listener.next_within(A_WHILE).is_none());
    assert_nothing_left(&bed);
}

#[test]
fn section_4_1_1_of_several_callbacks_only_those_on_the_lan_are_used() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let (outside, inside) = (Listener::on(bed.internet_host(1)), Listener::on(client.host()));
    watch(&bed);
    let callbacks = format!("{}<http://events.example/>{}", outside.callback(), inside.callback());
    assert_eq!(subscribe(&client, &format!("CALLBACK: {callbacks}\r\n{NT}")), 200);
    assert_eq!(inside.next().header("SEQ"), "0");
    client.add(&PortMapping::new(&client, 9000)).expect("an own mapping");
    inside.until("PortMappingNumberOfEntries", "1");
    // Then those outside are tried, if they ever are.
    drop(inside);
    client.add(&PortMapping::new(&client, 9001)).expect("an own mapping");
    assert!(outside.next_within(A_WHILE).is_none());
    assert_nothing_left(&bed);
}

/// Counts what the gateway itself sends to the Internet, and its look-ups of names wherever they go.
fn watch(bed: &Bed) {
    bed.gateway().nft(&format!(
        "table inet watch {{\nchain out {{\ntype filter hook output priority 0\n\
         oifname \"{}\" meta l4proto {{ tcp, udp }} counter\n\
         meta l4proto {{ tcp, udp }} th dport 53 counter\n}}\n}}\n",
        bed.wan_interface()
    ));
}

#[track_caller]
fn assert_nothing_left(bed: &Bed) {
    let counted = bed
        .gateway()
        .command("nft", ["list", "table", "inet", "watch"])
        .success();
    assert_eq!(counted.matches("packets 0 ").count(), 2, "{counted}");
}

#[test]
fn section_4_1_2_a_renewal_keeps_the_sid() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let sid = client.subscribe(CONNECTION, &listener.callback());
    let renewed = client.gena(
        "SUBSCRIBE",
        CONNECTION,
        &format!("SID: {sid}\r\nTIMEOUT: Second-1800\r\n"),
    );
    assert_eq!((renewed.status, renewed.header("SID")), (200, Some(sid.as_str())));
    assert!(
        renewed
            .header("TIMEOUT")
            .is_some_and(|timeout| timeout.starts_with("Second-"))
    );
}

#[test]
fn section_4_1_2_a_renewal_of_an_unknown_subscription_is_412() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for sid in ["uuid:01234567-89ab-4cde-8f01-23456789abcd", "", "nonsense"] {
        assert_eq!(subscribe(&client, &format!("SID: {sid}\r\n")), 412, "{sid:?}");
    }
}

#[test]
fn section_4_1_2_a_restart_ends_all_subscriptions() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let sid = client.subscribe(CONNECTION, &listener.callback());
    bed.subject().stop();
    bed.start();
    assert_eq!(subscribe(&client, &format!("SID: {sid}\r\n")), 412);
}

#[test]
fn section_4_1_3_after_unsubscribe_there_are_no_more_events() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let sid = client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    let fields = format!("SID: {sid}\r\n");
    assert_eq!(client.gena("UNSUBSCRIBE", CONNECTION, &fields).status, 200);
    client.add(&PortMapping::new(&client, 9000)).expect("an own mapping");
    assert!(listener.next_within(A_WHILE).is_none());
    assert_eq!(client.gena("UNSUBSCRIBE", CONNECTION, &fields).status, 412);
    assert_eq!(subscribe(&client, &fields), 412);
}

#[test]
fn section_4_1_3_unsubscribe_without_a_known_sid_is_412() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for fields in ["", "SID: \r\n", "SID: uuid:01234567-89ab-4cde-8f01-23456789abcd\r\n"] {
        assert_eq!(client.gena("UNSUBSCRIBE", CONNECTION, fields).status, 412, "{fields:?}");
    }
}

#[test]
fn section_4_1_3_unsubscribe_with_nt_or_callback_is_400() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let sid = client.subscribe(CONNECTION, &listener.callback());
    for others in [NT, "CALLBACK: <http://192.168.77.11:4004/>\r\n"] {
        let response = client.gena("UNSUBSCRIBE", CONNECTION, &format!("SID: {sid}\r\n{others}"));
        assert_eq!(response.status, 400, "{others}");
    }
}

#[test]
fn section_4_2_the_first_message_has_every_evented_variable_of_the_service() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for service in client
        .root_device()
        .all()
        .into_iter()
        .flat_map(|device| &device.services)
    {
        let listener = Listener::on(client.host());
        let evented = client.document(&service.scpd_url, "Lab/1.0 UPnP/1.1 Test/1.0");
        let evented = portreeve_lab::upnp::description::Scpd::read(&evented).variables;
        let mut evented: Vec<String> = evented
            .into_iter()
            .filter(|variable| variable.send_events == "yes")
            .map(|variable| variable.name)
            .collect();
        if evented.is_empty() {
            continue;
        }
        let short = service.service_type.trim_start_matches("urn:schemas-upnp-org:service:");
        let sid = client.subscribe(short, &listener.callback());
        let first = listener.next();
        assert_eq!((first.header("SID"), first.header("SEQ")), (sid.as_str(), "0"));
        let mut told: Vec<String> = first.variables().into_iter().map(|(name, _)| name).collect();
        told.sort();
        evented.sort();
        assert_eq!(told, evented, "{short}");
    }
}

#[test]
fn section_4_2_the_first_message_agrees_with_the_actions() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    client.add(&PortMapping::new(&client, 9000)).expect("an own mapping");
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    let first = listener.next();
    let expected = [
        ("ExternalIPAddress", bed.wan_ipv4().to_string()),
        ("ConnectionStatus", String::from("Connected")),
        ("PortMappingNumberOfEntries", String::from("1")),
        ("SystemUpdateID", client.system_update_id().to_string()),
    ];
    for (variable, value) in expected {
        assert_eq!(first.value(variable), Some(value), "{variable}");
    }
}

#[test]
fn section_4_2_a_control_point_of_version_1_is_told_of_no_later_variables() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let root = client.root_device_as(MICROSOFT);
    let service = root
        .service("WANIPConnection:1")
        .expect("the view for version 1")
        .clone();
    let scpd = portreeve_lab::upnp::description::Scpd::read(&client.document(&service.scpd_url, MICROSOFT));
    let listener = Listener::on(client.host());
    let response = client.exchange(&format!(
        "SUBSCRIBE {} HTTP/1.1\r\nHOST: {}\r\nUSER-AGENT: {MICROSOFT}\r\nCALLBACK: {}\r\n{NT}CONNECTION: close\r\n\r\n",
        service.event_sub_url,
        client.server(),
        listener.callback()
    ));
    assert_eq!(response.status, 200);
    for (name, _) in listener.next().variables() {
        assert!(
            scpd.variables.iter().any(|variable| variable.name == name),
            "{name} is not in its SCPD"
        );
    }
}

#[test]
fn section_4_3_2_a_message_has_the_header_fields_of_the_standard() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    let first = listener.next();
    assert!(first.request.starts_with("NOTIFY /events HTTP/1."), "{first:?}");
    let field = |name: &str| {
        let found = first.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default()
    };
    assert_eq!(field("HOST"), listener.address().to_string());
    assert_eq!(field("NT"), "upnp:event");
    assert_eq!(field("NTS"), "upnp:propchange");
    assert!(field("CONTENT-TYPE").starts_with("text/xml"), "{first:?}");
    assert_eq!(field("CONTENT-LENGTH"), first.body.len().to_string());
}

#[test]
fn section_4_3_2_variables_are_in_properties_and_in_no_namespace() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(COMMON, &listener.callback());
    let document = listener.next().document();
    let of_events = |element: &portreeve_lab::upnp::xml::Element| element.namespace == "urn:schemas-upnp-org:event-1-0";
    assert!(document.name == "propertyset" && of_events(&document), "{document:?}");
    for property in &document.children {
        assert!(property.name == "property" && of_events(property), "{property:?}");
        assert_eq!(property.children.len(), 1, "{property:?}");
        assert_eq!(property.children[0].namespace, "", "{property:?}");
    }
}

#[test]
fn section_4_3_2_the_numbers_of_messages_have_no_gap() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    assert_eq!(listener.next().header("SEQ"), "0");
    for expected in 1..5u16 {
        client
            .add(&PortMapping::new(&client, 9000 + expected))
            .expect("an own mapping");
        assert_eq!(listener.next().header("SEQ"), expected.to_string());
    }
}

/// WANIPConnection:2 section 2.3.23 as well.
#[test]
fn section_4_3_2_what_changes_together_is_in_one_message() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    let mapping = PortMapping::new(&client, 9000);
    for (entries, change) in [("1", "added"), ("0", "deleted")] {
        match change {
            "added" => client.add(&mapping).expect("an own mapping"),
            _ => client.delete(&mapping).expect("an own mapping"),
        };
        let message = listener.next();
        assert_eq!(
            message.value("PortMappingNumberOfEntries").as_deref(),
            Some(entries),
            "{change}"
        );
        assert_eq!(
            message.value("SystemUpdateID"),
            Some(client.system_update_id().to_string()),
            "{change}"
        );
        assert!(listener.next_within(A_WHILE).is_none(), "{change}: one message");
    }
}

#[test]
fn section_4_3_2_the_end_of_a_lease_is_an_event() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    let mut mapping = PortMapping::new(&client, 9000);
    mapping.lease = String::from("2");
    client.add(&mapping).expect("an own mapping");
    client.subscribe(CONNECTION, &listener.callback());
    listener.until("PortMappingNumberOfEntries", "0");
}

#[test]
fn section_4_3_2_a_change_of_the_external_address_is_an_event() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let listener = Listener::on(client.host());
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    let moved = [11, 11, 11, 77].into();
    bed.set_wan_address(Some(moved));
    listener.until("ExternalIPAddress", &moved.to_string());
}

#[test]
fn section_4_3_2_a_lost_link_is_an_event_of_both_services() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    let (connection, common) = (Listener::on(client.host()), Listener::on(client.host()));
    client.subscribe(CONNECTION, &connection.callback());
    client.subscribe(COMMON, &common.callback());
    connection.next();
    common.next();
    bed.wan_cable(Cable::Out);
    connection.until("ConnectionStatus", "Disconnected");
    common.until("PhysicalLinkStatus", "Down");
    bed.wan_cable(Cable::In);
    common.until("PhysicalLinkStatus", "Up");
    connection.until("ConnectionStatus", "Connected");
}

#[test]
fn section_4_3_2_a_subscriber_that_does_not_answer_delays_no_other() {
    let Some(bed) = own() else { return };
    let client = bed.client(1);
    // The kernel takes its connections, and nobody reads.
    let host = client.host();
    let stalled = host
        .run(|| TcpListener::bind((host.ipv4(), 0)))
        .expect("a port is free");
    let stalled_url = format!("<http://{}/>", stalled.local_addr().expect("it is bound"));
    for _ in 0..20 {
        client.subscribe(CONNECTION, &stalled_url);
    }
    let listener = Listener::on(host);
    client.subscribe(CONNECTION, &listener.callback());
    listener.next();
    for port in 9000..9005 {
        client.add(&PortMapping::new(&client, port)).expect("an own mapping");
        let changed = Instant::now();
        listener.next();
        assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    }
}
