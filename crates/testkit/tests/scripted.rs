//! The scripted gateway on the wire, read by a client of a few lines.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use portreeve_testkit::scripted::{
    AnswerStyle, Connection, FaultStyle, IgdVersion, Misbehaviour, Nat, On, PortMapping, ScriptedReply, SearchRoute,
};
use portreeve_testkit::{Lab, ScriptedGateway, require_root, wait_until};

const IP_CONNECTION: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";
/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test waits for what must not come.
const QUIET: Duration = Duration::from_millis(300);

// --- Discovery ---

#[test]
fn a_unicast_search_is_answered_with_the_version_searched() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let target = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let answers = search(&gateway, target);
    assert_eq!(answers.len(), 1);
    assert_eq!(header(&answers[0], "ST"), Some(target));
    assert_eq!(header(&answers[0], "LOCATION"), Some(&*gateway.description_url()));
    assert_eq!(header(&answers[0], "BOOTID.UPNP.ORG"), Some("1"));
    let searches = gateway.searches();
    assert_eq!((searches.len(), searches[0].route), (1, SearchRoute::Unicast));
    assert_eq!(searches[0].target, target);
    // Root, three devices, four services: 3 + 2 * 2 + 3.
    assert_eq!(search(&gateway, "ssdp:all").len(), 10);
    assert!(search(&gateway, "urn:schemas-upnp-org:device:MediaServer:1").is_empty());
}

#[test]
fn search_misbehaviours() {
    let igd = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
    let with = |misbehaviour| ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();

    let gateway = with(Misbehaviour::AnswersAllWithFirstDevice);
    let all = search(&gateway, "ssdp:all");
    assert_eq!(all.len(), 1);
    assert!(all[0].contains("WFADevice:1"));
    assert_eq!(search(&gateway, igd).len(), 1);

    let gateway = with(Misbehaviour::AnswersOnlyRootDevice);
    assert!(search(&gateway, igd).is_empty());
    assert_eq!(search(&gateway, "upnp:rootdevice").len(), 1);

    for deaf in [
        Misbehaviour::AnswersOnlyMulticast,
        Misbehaviour::SearchUnanswered,
        Misbehaviour::UpnpOff,
    ] {
        assert!(search(&with(deaf), igd).is_empty());
    }
    let elsewhere = "http://203.0.113.1:80/x.xml".to_owned();
    let answers = search(&with(Misbehaviour::Location(elsewhere.clone())), igd);
    assert_eq!(header(&answers[0], "LOCATION"), Some(&*elsewhere));
    assert_eq!(search(&with(Misbehaviour::SearchFlood(20)), igd).len(), 21);
    let odd = search(&with(Misbehaviour::OddHeaders), igd);
    assert!(odd[0].contains("Cache_Control: max-age=120\r\n"));
    let own = search(
        &with(Misbehaviour::AnswersWithOwnVersion),
        "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    );
    assert_eq!(header(&own[0], "ST"), Some(igd));
}

#[test]
fn answers_come_from_port_1900_or_from_another() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    for expected_1900 in [true, false] {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        send_search(&socket, gateway.ssdp_address(), "upnp:rootdevice");
        let (_, from) = socket.recv_from(&mut [0; 2048]).expect("there is an answer");
        assert_eq!(from.ip(), gateway.address());
        assert_eq!(from.port() == 1900, expected_1900);
        gateway.misbehave(Misbehaviour::AnswersFromEphemeralPort);
    }
}

#[test]
fn in_a_lab_it_hears_and_sends_multicast() {
    let Some(()) = require_root("a scripted gateway in a lab") else {
        return;
    };
    let lab = Lab::builder().build();
    let group: SocketAddrV4 = "239.255.255.250:1900".parse().expect("an address");
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::AnswersOnlyMulticast)
        .start_in(lab.gateway());
    let (searcher, listener) = lab.lan_host(1).run(|| {
        let own = lab.lan_host(1).ipv4();
        let listener = UdpSocket::bind(group).expect("the group's port is free");
        listener
            .join_multicast_v4(group.ip(), &own)
            .expect("the group can be joined");
        (UdpSocket::bind((own, 0)).expect("a port is free"), listener)
    });
    searcher.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    listener.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    send_search(&searcher, group, "upnp:rootdevice");
    let mut buffer = [0; 2048];
    let (length, from) = searcher.recv_from(&mut buffer).expect("there is an answer");
    assert_eq!(from, (lab.gateway().ipv4(), 1900).into());
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("LOCATION: http://192.168.77.1:"));
    assert_eq!(gateway.searches()[0].route, SearchRoute::Multicast);

    gateway.reboot();
    let mut seen = String::new();
    while !seen.contains("ssdp:alive") {
        let (length, from) = listener.recv_from(&mut buffer).expect("it announces itself");
        // Our own search is heard too.
        if from.ip() == lab.gateway().ipv4() {
            seen += &String::from_utf8_lossy(&buffer[..length]);
        }
    }
    assert!(seen.contains("NTS: ssdp:byebye\r\nBOOTID.UPNP.ORG: 1\r\n"));
    assert!(seen.contains("BOOTID.UPNP.ORG: 2\r\n"));
    let fetched = lab.lan_host(1).run(|| get(&gateway, "/rootDesc.xml"));
    assert!(fetched.starts_with("HTTP/1.1 200 OK\r\n"));
}

// --- Description ---

#[test]
fn descriptions_are_served_and_services_declare_their_actions() {
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ppp("11.11.11.2").status("Disconnected", "ERROR_NO_CARRIER"))
        .connection(Connection::ip("11.11.11.3"))
        .connection(Connection::ppp("").beside_previous())
        .ipv6_firewall()
        .start_on_loopback();
    let description = get(&gateway, "/rootDesc.xml");
    assert_eq!(description.matches("device:WANDevice:2<").count(), 2);
    assert_eq!(description.matches("service:WANPPPConnection:1<").count(), 2);
    assert_eq!(description.matches("service:WANIPConnection:2<").count(), 1);
    assert_eq!(description.matches("service:WANIPv6FirewallControl:1<").count(), 2);
    // Layer3Forwarding, then per WANDevice: common, connections, firewall.
    let scpd = get(&gateway, "/scpd/5.xml");
    assert!(scpd.contains("<name>AddAnyPortMapping</name>"));
    assert!(scpd.contains("<stateVariable sendEvents=\"yes\"><name>SystemUpdateID</name>"));
    assert!(!get(&gateway, "/scpd/2.xml").contains("AddAnyPortMapping"));
    assert!(get(&gateway, "/scpd/8.xml").starts_with("HTTP/1.1 404 "));
    let reply = post(&gateway, "/ctl/2", &envelope("urn:x:1", "GetStatusInfo", &[]));
    assert_eq!(element(&reply, "NewLastConnectionError"), Some("ERROR_NO_CARRIER"));
    assert_eq!(element(&reply, "NewUptime"), Some("0"));
    let reply = post(
        &gateway,
        "/ctl/0",
        &envelope("urn:x:1", "GetDefaultConnectionService", &[]),
    );
    assert!(element(&reply, "NewDefaultConnectionService").is_some_and(|name| name.ends_with(":WANPPPConn1")));
}

#[test]
fn description_misbehaviours() {
    let described = |misbehaviour| {
        let gateway = ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
        let path = gateway.description_url();
        let path = path
            .split_once("//")
            .and_then(|(_, rest)| rest.split_once('/'))
            .expect("a path")
            .1;
        get(&gateway, &format!("/{path}"))
    };
    assert!(described(Misbehaviour::OddPaths).contains("<controlURL>/upnphost/udhisapi.dll?content=uuid:"));
    assert!(described(Misbehaviour::SloppyDescription).contains("<friendlyName >Scripted"));
    assert!(described(Misbehaviour::UrlBase(String::new())).contains("<URLBase></URLBase>"));
    assert!(described(Misbehaviour::RelativeUrls).contains("<controlURL>ctl/2</controlURL>"));
    let foreign = Misbehaviour::ForeignControlUrl("203.0.113.9:80".to_owned());
    assert!(described(foreign).contains("<controlURL>http://203.0.113.9:80/ctl/2<"));
    assert!(described(Misbehaviour::DslForumTypes).contains("urn:dslforum-org:service:WANIPConnection:2"));
    assert!(described(Misbehaviour::UnversionedTypes).contains("service:WANIPConnection:<"));
    let mixed = described(Misbehaviour::MixedVersions);
    assert!(mixed.contains("InternetGatewayDevice:2<") && mixed.contains("WANIPConnection:1<"));
    assert!(described(Misbehaviour::MalformedUdn).contains("<UDN>uuid:dead-beef-"));
    let bomb = described(Misbehaviour::EntityBomb);
    assert!(bomb.contains("<!ENTITY e9 ") && bomb.contains("<friendlyName>&e9;<"));
    assert!(described(Misbehaviour::EmptyDescriptions(1)).ends_with("\r\n\r\n"));
}

#[test]
fn control_can_be_on_another_port() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::ControlOnOtherPort)
        .start_on_loopback();
    let description = get(&gateway, "/rootDesc.xml");
    let url = element(&description, "controlURL").expect("there is a controlURL");
    let (authority, path) = url["http://".len()..].split_once('/').expect("it has a path");
    let address: SocketAddrV4 = authority.parse().expect("it has an address and a port");
    assert_eq!(*address.ip(), gateway.address());
    assert_ne!(address, gateway.http_address());
    let request = post_text(&format!("/{path}"), &envelope("u", "GetDefaultConnectionService", &[]));
    assert!(exchange(address, request.as_bytes()).starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn paths_can_change_with_every_start() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::RandomPaths)
        .start_on_loopback();
    let before = gateway.description_url();
    gateway.reboot();
    assert_ne!(before, gateway.description_url());
}

// --- Mappings ---

#[test]
fn a_mapping_is_made_read_listed_and_deleted() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let added = add(&gateway, 18080, 3600);
    assert!(added.contains("AddPortMappingResponse"), "{added}");
    let read = specific(&gateway, 18080);
    assert_eq!(element(&read, "NewInternalPort"), Some("8080"));
    assert_eq!(element(&read, "NewLeaseDuration"), Some("3600"));
    gateway.advance(Duration::from_secs(600));
    assert_eq!(element(&specific(&gateway, 18080), "NewLeaseDuration"), Some("3000"));
    let listing = list(&gateway, 1, 65535);
    assert!(listing.contains("&lt;p:NewDescription&gt;web &amp;amp; &amp;lt;more&amp;gt;&lt;/p:NewDescription&gt;"));
    assert_eq!(query(&gateway, "PortMappingNumberOfEntries"), "1");
    assert_eq!(query(&gateway, "SystemUpdateID"), "1");
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "18080"),
        ("NewProtocol", "TCP"),
    ];
    assert!(call(&gateway, "DeletePortMapping", &key).contains("DeletePortMappingResponse"));
    assert_eq!(error_code(&call(&gateway, "DeletePortMapping", &key)), Some("714"));
    assert_eq!(error_code(&list(&gateway, 1, 65535)), Some("730"));
    assert_eq!(error_code(&call(&gateway, "DeletePortMapping", &key[..1])), Some("402"));

    let requests = gateway.calls("AddPortMapping");
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].argument("NewExternalPort"), Some("18080"));
    assert_eq!(requests[0].argument("NewPortMappingDescription"), Some("web & <more>"));
    assert_eq!(requests[0].soap_action(), Some("\"urn:test#call\""));
    assert_eq!(gateway.most_actions_at_once(), 1);
}

#[test]
fn leases_end_and_permanent_ones_do_not() {
    let gateway = ScriptedGateway::builder().igd(IgdVersion::V1).start_on_loopback();
    add(&gateway, 20000, 60);
    add(&gateway, 20001, 0);
    gateway.advance(Duration::from_secs(61));
    let left = gateway.mappings();
    assert_eq!((left.len(), left[0].external_port, left[0].lease), (1, 20001, 0));
    let missing = call(&gateway, "AddAnyPortMapping", &[]);
    assert_eq!(error_code(&missing), Some("401"), "IGD:1 has none");
}

#[test]
fn another_clients_port_is_a_conflict_and_any_port_finds_the_next() {
    let gateway = ScriptedGateway::builder()
        .mapping(PortMapping::new("TCP", 18080, "192.168.77.99", 80))
        .capacity(2)
        .start_on_loopback();
    assert_eq!(error_code(&add(&gateway, 18080, 3600)), Some("718"));
    let any = call(&gateway, "AddAnyPortMapping", &mapping("18080", "0"));
    assert_eq!(element(&any, "NewReservedPort"), Some("18081"));
    assert_eq!(gateway.mappings()[1].lease, 604_800);
    let again = call(&gateway, "AddAnyPortMapping", &mapping("18081", "60"));
    assert_eq!(element(&again, "NewReservedPort"), Some("18081"));
    assert_eq!(error_code(&add(&gateway, 18082, 3600)), Some("728"));
    gateway.misbehave(Misbehaviour::OverwritesOthers);
    assert_eq!(error_code(&add(&gateway, 18080, 3600)), None);
    assert_eq!(gateway.mappings()[0].internal_client, "127.0.0.1");
}

#[test]
fn pages_end_inside_a_port_and_the_array_can_be_walked() {
    let gateway = ScriptedGateway::builder().page_limit(100).start_on_loopback();
    for number in 0..150 {
        let from = format!("198.51.100.{number}");
        gateway.add_foreign_mapping(PortMapping::new("TCP", 4000, "192.168.77.9", 80).remote_host(&from));
    }
    let listing = list(&gateway, 1, 65535);
    assert_eq!(listing.matches("&lt;p:PortMappingEntry&gt;").count(), 100);
    assert_eq!(listing.matches("&gt;4000&lt;").count(), 100);
    assert_eq!(error_code(&list(&gateway, 4001, 65535)), Some("730"));
    assert_eq!(
        element(&generic(&gateway, 149), "NewRemoteHost"),
        Some("198.51.100.149")
    );
    assert_eq!(error_code(&generic(&gateway, 150)), Some("713"));
    gateway.misbehave(Misbehaviour::EndOfList(402));
    assert_eq!(error_code(&generic(&gateway, 150)), Some("402"));
    gateway.misbehave(Misbehaviour::HidesOthersEntries);
    assert_eq!(error_code(&generic(&gateway, 0)), Some("606"));
}

#[test]
fn refusals() {
    for (misbehaviour, code) in [
        (Misbehaviour::OnlyPermanentLeases, "725"),
        (Misbehaviour::InvalidArgsForLease, "402"),
        (Misbehaviour::SamePortRequired, "724"),
        (Misbehaviour::OnlyWildcardExternalPort, "727"),
        (Misbehaviour::AlwaysConflict, "718"),
        (Misbehaviour::HiddenRules(vec![18080]), "718"),
        (Misbehaviour::RefusesEvenPorts, "606"),
        (Misbehaviour::PortSharingOff, "403"),
        (Misbehaviour::AlwaysOtherMechanism, "729"),
        (Misbehaviour::NotAuthorized, "606"),
        (Misbehaviour::ActionMissing("AddPortMapping"), "401"),
    ] {
        let gateway = ScriptedGateway::builder()
            .misbehave(misbehaviour.clone())
            .start_on_loopback();
        let refused = add(&gateway, 18080, 3600);
        assert!(refused.starts_with("HTTP/1.1 500 "), "{misbehaviour:?}");
        assert_eq!(error_code(&refused), Some(code), "{misbehaviour:?}");
        assert!(gateway.mappings().is_empty());
        gateway.behave();
        assert_eq!(error_code(&add(&gateway, 18080, 3600)), None, "{misbehaviour:?}");
    }
    let gateway = ScriptedGateway::builder()
        .connection(Connection::ip("100.64.3.4").nat(Nat::Off))
        .start_on_loopback();
    assert_eq!(error_code(&add(&gateway, 18080, 3600)), Some("501"));
    gateway.change_connection(0, |connection| connection.nat = Nat::On);
    gateway.misbehave(Misbehaviour::RefusesBehindPrivateWan);
    assert_eq!(error_code(&add(&gateway, 18080, 3600)), Some("501"));
    assert_eq!(
        element(&call(&gateway, "GetExternalIPAddress", &[]), "NewExternalIPAddress"),
        Some("")
    );
    gateway.behave();
    gateway.misbehave(Misbehaviour::RefusesOtherClients(606));
    gateway.add_foreign_mapping(PortMapping::new("TCP", 5000, "192.168.77.9", 80));
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "5000"),
        ("NewProtocol", "TCP"),
    ];
    assert_eq!(error_code(&call(&gateway, "DeletePortMapping", &key)), Some("606"));
}

#[test]
fn successes_that_are_none() {
    let stored = |misbehaviour: Misbehaviour, port| {
        let gateway = ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
        let added = add(&gateway, port, 3600);
        assert!(added.starts_with("HTTP/1.1 200 "), "{added}");
        gateway
    };
    assert!(stored(Misbehaviour::SilentSuccess, 18080).mappings().is_empty());
    assert!(stored(Misbehaviour::IgnoresLowPorts, 80).mappings().is_empty());
    assert_eq!(stored(Misbehaviour::IgnoresLowPorts, 1024).mappings().len(), 1);
    let port = stored(Misbehaviour::StoresOtherPort, 18080).mappings()[0].external_port;
    assert_eq!(port, 18081);
    assert_eq!(stored(Misbehaviour::IgnoresLease, 18080).mappings()[0].lease, 0);
    assert_eq!(stored(Misbehaviour::CapsLeases(60), 18080).mappings()[0].lease, 60);
    let forgetful = stored(Misbehaviour::ForgetsAfter(Duration::from_secs(5)), 18080);
    assert_eq!(element(&specific(&forgetful, 18080), "NewInternalPort"), Some("8080"));
    forgetful.advance(Duration::from_secs(5));
    assert_eq!(error_code(&specific(&forgetful, 18080)), Some("714"));
}

#[test]
fn the_array_shifts_while_it_is_read() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::ShiftsAfterReads(2))
        .start_on_loopback();
    for port in 1..=4 {
        gateway.add_foreign_mapping(PortMapping::new("UDP", port, "192.168.77.9", 80));
    }
    let read: Vec<_> = (0..4)
        .map(|index| element(&generic(&gateway, index), "NewExternalPort").map(str::to_owned))
        .collect();
    let expected = [Some("1"), Some("2"), Some("4"), None];
    assert_eq!(read, expected.map(|port| port.map(str::to_owned)));
}

// --- Transport ---

#[test]
fn framings() {
    let bytes = |misbehaviour| {
        let gateway = ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
        let request = format!(
            "GET /rootDesc.xml HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            gateway.address()
        );
        let started = Instant::now();
        let answer = exchange(gateway.http_address(), request.as_bytes());
        (String::from_utf8_lossy(&answer).into_owned(), started.elapsed())
    };
    let (plain, _) = bytes(Misbehaviour::NoContentLength);
    assert!(plain.starts_with("HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"));
    let (chunked, _) = bytes(Misbehaviour::AlwaysChunked);
    assert!(chunked.contains("Transfer-Encoding: chunked\r\n") && chunked.ends_with("\r\n0\r\n\r\n"));
    let (padded, _) = bytes(Misbehaviour::TrailingNuls);
    assert!(padded.contains("CONTENT-LENGTH: ") && padded.ends_with("</root>\n \0\0\0 \0"));
    let (cut, _) = bytes(Misbehaviour::Truncated(On::Description));
    assert!(cut.contains("<root") && !cut.contains("</root>"));
    let (huge, _) = bytes(Misbehaviour::HugeBody(On::Description, 10_000_000));
    assert!(huge.len() > 10_000_000);
    let (moved, _) = bytes(Misbehaviour::Redirect(On::Everything, "http://203.0.113.1/".to_owned()));
    assert!(moved.starts_with("HTTP/1.1 302 Found\r\n") && moved.contains("Location: http://203.0.113.1/\r\n"));
    let (nothing, _) = bytes(Misbehaviour::HangsUp(On::Description));
    assert!(nothing.is_empty());
    let (other, _) = bytes(Misbehaviour::HangsUp(On::Control));
    assert!(other.ends_with("</root>\n"));
    let (page, _) = bytes(Misbehaviour::UpnpOff);
    assert!(page.contains("<html>"));
    let (_, slow) = bytes(Misbehaviour::Slow(On::Description, QUIET));
    assert!(slow >= QUIET);
}

#[test]
fn bodies_without_end_and_answers_that_never_come() {
    for misbehaviour in [
        Misbehaviour::EndlessBody(On::Everything),
        Misbehaviour::NeverAnswers(On::Everything),
        Misbehaviour::Drip(On::Everything, Duration::from_millis(50)),
    ] {
        let gateway = ScriptedGateway::builder()
            .misbehave(misbehaviour.clone())
            .start_on_loopback();
        let mut stream = TcpStream::connect(gateway.http_address()).expect("it listens");
        stream.set_read_timeout(Some(QUIET)).expect("a timeout can be set");
        stream
            .write_all(b"GET /rootDesc.xml HTTP/1.1\r\n\r\n")
            .expect("it reads");
        let started = Instant::now();
        let mut received = 0;
        let mut buffer = [0; 65536];
        let ended = loop {
            match stream.read(&mut buffer) {
                Ok(0) => break true,
                Ok(n) => received += n,
                Err(_) => break false,
            }
            if started.elapsed() > QUIET || received > 50_000_000 {
                break false;
            }
        };
        assert!(!ended, "{misbehaviour:?}");
        match misbehaviour {
            Misbehaviour::EndlessBody(_) => assert!(received > 1_000_000),
            Misbehaviour::NeverAnswers(_) => assert_eq!(received, 0),
            _ => assert!((1..100).contains(&received), "{received}"),
        }
        // That a drop ends the threads, though a client hangs on, is what the end of the loop tries.
        let started = Instant::now();
        drop(gateway);
        assert!(started.elapsed() < PATIENCE);
    }
}

#[test]
fn answers_and_faults_in_other_styles() {
    let with = |misbehaviour| ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
    let address = |style| call(&with(Misbehaviour::Answers(style)), "GetExternalIPAddress", &[]);
    assert!(address(AnswerStyle::LowerCaseNames).contains("<newexternalipaddress>11.11.11.2<"));
    assert!(address(AnswerStyle::NoNamespace).contains("<GetExternalIPAddressResponse><New"));
    assert!(address(AnswerStyle::ValueInResponseElement).contains("WANIPConnection:1\">11.11.11.2</u:Get"));
    assert!(address(AnswerStyle::SoapEnvPrefix).contains("<SOAP-ENV:Body>"));
    assert!(address(AnswerStyle::OtherVersion).contains("WANIPConnection:2\""));
    let gateway = with(Misbehaviour::Answers(AnswerStyle::Cdata));
    gateway.misbehave(Misbehaviour::EmptyListing);
    let listing = list(&gateway, 1, 2);
    assert!(
        listing.contains("<NewPortListing><![CDATA[<p:PortMappingList"),
        "{listing}"
    );

    let fault = |style| specific(&with(Misbehaviour::Faults(style)), 1);
    assert!(fault(FaultStyle::Capitals).contains("<faultCode>"));
    assert!(!fault(FaultStyle::NoDescription).contains("errorDescription"));
    assert!(fault(FaultStyle::NoNamespace).contains("<UPnPError><errorCode>714<"));
    assert!(fault(FaultStyle::Http200).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn requests_in_a_hurry_and_strict_readers() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::NeedsPauses(Duration::from_secs(60)))
        .start_on_loopback();
    assert!(call(&gateway, "GetStatusInfo", &[]).starts_with("HTTP/1.1 200 "));
    assert!(call(&gateway, "GetStatusInfo", &[]).starts_with("HTTP/1.1 500 "));
    gateway.behave();
    gateway.misbehave(Misbehaviour::RefusesDefaultNamespace);
    let default = envelope(IP_CONNECTION, "GetStatusInfo", &[]).replace("xmlns:u=", "xmlns=");
    assert!(post(&gateway, "/ctl/2", &default).starts_with("HTTP/1.1 500 "));
    let chunked = b"POST /ctl/2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    assert!(exchange(gateway.http_address(), chunked).starts_with(b"HTTP/1.1 411 "));
}

#[test]
fn hooks_answer_in_place_of_the_gateway() {
    let mut calls = 0;
    let gateway = ScriptedGateway::builder()
        .on_action("AddPortMapping", move |call, table| {
            calls += 1;
            match calls {
                1 => ScriptedReply::fault(501, "try again"),
                2 => {
                    table.put(PortMapping::new(
                        "TCP",
                        7,
                        call.argument("NewInternalClient").unwrap_or(""),
                        7,
                    ));
                    ScriptedReply::answer([("NewSurprise", "1 & 2")])
                }
                3 => ScriptedReply::Raw {
                    status: "299 Odd".to_owned(),
                    headers: vec![("X-Odd".to_owned(), "yes".to_owned())],
                    body: b"odd".to_vec(),
                },
                4 => ScriptedReply::HangUp,
                _ => ScriptedReply::Pass,
            }
        })
        .start_on_loopback();
    assert_eq!(error_code(&add(&gateway, 18080, 0)), Some("501"));
    assert_eq!(element(&add(&gateway, 18080, 0), "NewSurprise"), Some("1 &amp; 2"));
    let raw = add(&gateway, 18080, 0);
    assert!(
        raw.starts_with("HTTP/1.1 299 Odd\r\nX-Odd: yes\r\n") && raw.ends_with("\r\n\r\nodd"),
        "{raw}"
    );
    assert_eq!(add(&gateway, 18080, 0), "");
    assert!(add(&gateway, 18080, 0).contains("AddPortMappingResponse"));
    let ports: Vec<u16> = gateway.mappings().iter().map(|mapping| mapping.external_port).collect();
    assert_eq!(ports, [7, 18080]);
}

#[test]
fn one_connection_carries_many_requests_unless_it_is_closed() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let request =
        post_text("/ctl/2", &envelope(IP_CONNECTION, "GetStatusInfo", &[])).replace("Connection: close\r\n", "");
    let mut stream = TcpStream::connect(gateway.http_address()).expect("it listens");
    stream.write_all(request.repeat(3).as_bytes()).expect("it reads");
    assert!(wait_until(PATIENCE, || gateway.requests().len() == 3));
    let requests = gateway.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.connection == requests[0].connection)
    );
    drop(stream);
    gateway.forget_requests();
    gateway.misbehave(Misbehaviour::ClosesUnannounced);
    let answer = exchange(gateway.http_address(), request.repeat(2).as_bytes());
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(answer.matches("GetStatusInfoResponse xmlns").count(), 1);
    assert!(!answer.contains("Connection: close"));
}

// --- Comings and goings ---

#[test]
fn it_goes_comes_back_and_moves() {
    let listener = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    listener.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let gateway = ScriptedGateway::builder()
        .announce_to(listener.local_addr().expect("it is bound"))
        .start_on_loopback();
    add(&gateway, 18080, 3600);
    let before = gateway.http_address();
    gateway.advance(Duration::from_secs(100));
    gateway.go_silent();
    let refused = TcpStream::connect(before).map(|_| ()).map_err(|e| e.kind());
    assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
    assert!(search(&gateway, "upnp:rootdevice").is_empty());
    gateway.resume();
    assert_eq!((gateway.http_address(), gateway.mappings().len()), (before, 1));
    assert_eq!(element(&call(&gateway, "GetStatusInfo", &[]), "NewUptime"), Some("100"));
    gateway.go_silent();
    gateway.come_back();
    assert_eq!((gateway.http_address(), gateway.mappings().len()), (before, 0));
    assert_eq!(element(&call(&gateway, "GetStatusInfo", &[]), "NewUptime"), Some("0"));
    assert_eq!(
        header(&search(&gateway, "upnp:rootdevice")[0], "BOOTID.UPNP.ORG"),
        Some("2")
    );

    gateway.change_http_port();
    assert_ne!(gateway.http_address(), before);
    assert!(TcpStream::connect(before).is_err());
    let location = format!("LOCATION: {}\r\n", gateway.description_url());
    let mut buffer = [0; 2048];
    loop {
        let length = listener.recv(&mut buffer).expect("it announces where it is");
        if String::from_utf8_lossy(&buffer[..length]).contains(&location) {
            break;
        }
    }
    gateway.set_status("Disconnected", "ERROR_ISP_DISCONNECT");
    gateway.set_external_address("");
    let status = call(&gateway, "GetStatusInfo", &[]);
    assert_eq!(element(&status, "NewConnectionStatus"), Some("Disconnected"));
    assert_eq!(element(&status, "NewLastConnectionError"), Some("ERROR_ISP_DISCONNECT"));
    assert_eq!(
        element(&call(&gateway, "GetExternalIPAddress", &[]), "NewExternalIPAddress"),
        Some("")
    );
}

#[test]
fn gateways_run_side_by_side() {
    let gateways: Vec<_> = (0..20)
        .map(|_| ScriptedGateway::builder().start_on_loopback())
        .collect();
    let mut addresses: Vec<Ipv4Addr> = gateways.iter().map(ScriptedGateway::address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 20);
    assert!(addresses.iter().all(Ipv4Addr::is_loopback));
    add(&gateways[3], 18080, 60);
    assert!(gateways[4].mappings().is_empty());
}

#[test]
fn pinholes_open_and_close() {
    let gateway = ScriptedGateway::builder().ipv6_firewall().start_on_loopback();
    let firewall =
        |action, arguments: &[(&str, &str)]| post(&gateway, "/ctl/3", &envelope("urn:fw:1", action, arguments));
    let pinhole = [
        ("RemoteHost", ""),
        ("RemotePort", "0"),
        ("InternalClient", "2001:db8::1"),
        ("InternalPort", "8080"),
        ("Protocol", "6"),
        ("LeaseTime", "3600"),
    ];
    let first = firewall("AddPinhole", &pinhole);
    let id = element(&first, "UniqueID").expect("it has an id");
    assert_eq!(element(&firewall("AddPinhole", &pinhole), "UniqueID"), Some(id));
    assert_eq!(
        error_code(&firewall("CheckPinholeWorking", &[("UniqueID", id)])),
        Some("709")
    );
    gateway.advance(Duration::from_secs(3600));
    assert_eq!(error_code(&firewall("DeletePinhole", &[("UniqueID", id)])), Some("704"));
}

// --- A client of a few lines ---

fn search(gateway: &ScriptedGateway, target: &str) -> Vec<String> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(QUIET)).expect("a timeout can be set");
    send_search(&socket, gateway.ssdp_address(), target);
    let mut answers = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok((length, _)) = socket.recv_from(&mut buffer) {
        answers.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    answers
}

fn send_search(socket: &UdpSocket, to: SocketAddrV4, target: &str) {
    let message = format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n"
    );
    socket.send_to(message.as_bytes(), to).expect("searches can be sent");
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn get(gateway: &ScriptedGateway, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        gateway.address()
    );
    String::from_utf8_lossy(&exchange(gateway.http_address(), request.as_bytes())).into_owned()
}

fn post(gateway: &ScriptedGateway, path: &str, body: &str) -> String {
    let answer = exchange(gateway.http_address(), post_text(path, body).as_bytes());
    String::from_utf8_lossy(&answer).into_owned()
}

fn post_text(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nSOAPACTION: \"urn:test#call\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends bytes and reads to the end of the stream.
fn exchange(to: SocketAddrV4, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.write_all(request).expect("it reads");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(e) if e.kind() != ErrorKind::ConnectionReset => panic!("no end of the answer: {e}"),
        _ => answer,
    }
}

fn envelope(service: &str, action: &str, arguments: &[(&str, &str)]) -> String {
    let arguments: String = arguments
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>"
    )
}

/// Calls an action of the only connection of a default gateway.
fn call(gateway: &ScriptedGateway, action: &str, arguments: &[(&str, &str)]) -> String {
    post(gateway, "/ctl/2", &envelope(IP_CONNECTION, action, arguments))
}

fn mapping<'a>(port: &'a str, lease: &'a str) -> [(&'a str, &'a str); 8] {
    [
        ("NewRemoteHost", ""),
        ("NewExternalPort", port),
        ("NewProtocol", "TCP"),
        ("NewInternalPort", "8080"),
        ("NewInternalClient", "127.0.0.1"),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", "web &amp; &lt;more&gt;"),
        ("NewLeaseDuration", lease),
    ]
}

fn add(gateway: &ScriptedGateway, port: u16, lease: u32) -> String {
    call(
        gateway,
        "AddPortMapping",
        &mapping(&port.to_string(), &lease.to_string()),
    )
}

fn specific(gateway: &ScriptedGateway, port: u16) -> String {
    let port = port.to_string();
    let key = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", &*port),
        ("NewProtocol", "TCP"),
    ];
    call(gateway, "GetSpecificPortMappingEntry", &key)
}

fn generic(gateway: &ScriptedGateway, index: usize) -> String {
    let index = index.to_string();
    call(
        gateway,
        "GetGenericPortMappingEntry",
        &[("NewPortMappingIndex", &*index)],
    )
}

fn list(gateway: &ScriptedGateway, start: u16, end: u16) -> String {
    let (start, end) = (start.to_string(), end.to_string());
    let arguments = [
        ("NewStartPort", &*start),
        ("NewEndPort", &*end),
        ("NewProtocol", "TCP"),
        ("NewManage", "1"),
        ("NewNumberOfPorts", "0"),
    ];
    call(gateway, "GetListOfPortMappings", &arguments)
}

fn query(gateway: &ScriptedGateway, variable: &str) -> String {
    let body = envelope(
        "urn:schemas-upnp-org:control-1-0",
        "QueryStateVariable",
        &[("varName", variable)],
    );
    let answer = post(gateway, "/ctl/2", &body);
    element(&answer, "return").expect("the variable has a value").to_owned()
}

/// Text of the first element of that name.
fn element<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text)
}

fn error_code(message: &str) -> Option<&str> {
    element(message, "errorCode")
}
