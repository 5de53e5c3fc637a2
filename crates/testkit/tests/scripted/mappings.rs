use std::time::Duration;

use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Connection, IgdVersion, Misbehaviour, Nat, PortMapping};

use crate::client::*;

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
    let lifted = stored(Misbehaviour::LiftsLowPorts, 80).mappings()[0].external_port;
    assert_eq!(lifted, 1024);
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
fn refusals_that_depend_on_an_argument() {
    let cases: [(Misbehaviour, (&str, &str), &str); 6] = [
        (
            Misbehaviour::OnlyWildcardRemoteHost,
            ("NewRemoteHost", "198.51.100.7"),
            "726",
        ),
        (Misbehaviour::RefusesLowerCaseProtocol, ("NewProtocol", "tcp"), "402"),
        (Misbehaviour::RefusesLowPorts, ("NewExternalPort", "80"), "606"),
        (Misbehaviour::ConflictIsActionFailed, ("NewExternalPort", "5000"), "501"),
        (Misbehaviour::ConflictIsActionFailed, ("NewExternalPort", "0"), "501"),
        (
            Misbehaviour::RefusesOtherClients(718),
            ("NewInternalClient", "192.168.77.9"),
            "718",
        ),
    ];
    for (misbehaviour, (name, value), code) in cases {
        let gateway = ScriptedGateway::builder()
            .mapping(PortMapping::new("TCP", 5000, "192.168.77.9", 80))
            .misbehave(misbehaviour.clone())
            .start_on_loopback();
        assert_eq!(error_code(&add(&gateway, 18080, 60)), None, "{misbehaviour:?}");
        let arguments = mapping("18080", "60").map(|(key, usual)| (key, if key == name { value } else { usual }));
        let refused = call(&gateway, "AddPortMapping", &arguments);
        assert_eq!(error_code(&refused), Some(code), "{misbehaviour:?}");
    }
}

#[test]
fn odd_ways_to_store_and_to_read() {
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::OpensAllPorts)
        .misbehave(Misbehaviour::KeepsQuotesEscaped)
        .misbehave(Misbehaviour::AddAnyKeepsLongLeases)
        .misbehave(Misbehaviour::ConstantUpdateId)
        .start_on_loopback();
    assert_eq!(error_code(&add(&gateway, 0, 60)), None);
    let quoted = mapping("6000", "60").map(|(name, value)| match name {
        "NewPortMappingDescription" => (name, "a &quot;b&quot;"),
        _ => (name, value),
    });
    call(&gateway, "AddPortMapping", &quoted);
    call(&gateway, "AddAnyPortMapping", &mapping("7000", "700000"));
    let mappings = gateway.mappings();
    assert_eq!(mappings[0].external_port, 0);
    assert_eq!(mappings[1].description, "a &quot;b&quot;");
    assert_eq!(mappings[2].lease, 700_000);
    assert_eq!(query(&gateway, "SystemUpdateID"), "1");

    gateway.misbehave(Misbehaviour::ListsZeroLeases);
    gateway.misbehave(Misbehaviour::ListsClientsAs("some-pc.lan"));
    gateway.misbehave(Misbehaviour::GarbledSpecific);
    let read = specific(&gateway, 6000);
    assert_eq!(element(&read, "NewLeaseDuration"), Some("0"));
    assert_eq!(element(&read, "NewInternalClient"), Some("some-pc.lan"));
    assert_eq!(element(&read, "NewProtocol"), Some("UDP"));
    gateway.misbehave(Misbehaviour::CountersRead("-294967296"));
    let common = post(&gateway, "/ctl/1", &envelope("urn:c:1", "GetTotalBytesSent", &[]));
    assert_eq!(element(&common, "NewTotalBytesSent"), Some("-294967296"));
    assert!(gateway.forget_mapping("TCP", 6000));
    assert_eq!(error_code(&specific(&gateway, 6000)), Some("714"));
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
