//! Rows R1 to R20, as far as they can be played on loopback, one by one.

use portreeve::gateway::WanConnection;
use portreeve_testkit::scripted::{Connection, IgdVersion, On};

use super::*;

#[test]
fn r1_a_gateway_that_answers_ssdp_all_with_its_first_device() {
    assert_found(Misbehaviour::AnswersAllWithFirstDevice);
}

#[test]
fn r2_a_gateway_that_answers_searches_for_root_devices_only() {
    assert_found(Misbehaviour::AnswersOnlyRootDevice);
}

#[test]
fn r3_a_gateway_that_answers_unicast_only() {
    assert_found(Misbehaviour::AnswersOnlyUnicast);
}

#[test]
fn r4_a_gateway_that_answers_from_another_port() {
    assert_found(Misbehaviour::AnswersFromEphemeralPort);
}

#[test]
fn r5_a_gateway_whose_location_leads_to_the_internet() {
    let why = assert_rejected(Misbehaviour::LocationHost([240, 0, 0, 1].into()));
    assert!(
        matches!(&why, Conversation::LeadsAway { to, .. } if to.starts_with("http://240.0.0.1")),
        "{why}"
    );
}

#[test]
fn r7_a_gateway_with_odd_headers() {
    assert_found(Misbehaviour::OddHeaders);
}

#[test]
fn r8_a_gateway_whose_udn_is_no_uuid() {
    let gateway = found(ScriptedGateway::builder().misbehave(Misbehaviour::MalformedUdn));
    assert!(gateway.udn().starts_with("uuid:dead-beef"), "{}", gateway.udn());
}

#[test]
fn r9_a_gateway_with_odd_paths() {
    assert_found(Misbehaviour::OddPaths);
    assert_found(Misbehaviour::RandomPaths);
}

#[test]
fn r10_a_gateway_with_a_sloppy_description() {
    assert_found(Misbehaviour::SloppyDescription);
    assert_found(Misbehaviour::RelativeUrls);
    for base in ["", "  ", "http://240.0.0.1:80/", "http://router.lan/", "/", "nonsense:"] {
        assert_found(Misbehaviour::UrlBase(base.to_owned()));
    }
}

#[test]
fn r11_a_gateway_whose_control_urls_lead_away() {
    let why = assert_rejected(Misbehaviour::ForeignControlUrl("240.0.0.1:80".to_owned()));
    assert!(
        matches!(&why, Conversation::LeadsAway { to, .. } if to.starts_with("http://240.0.0.1:80/")),
        "{why}"
    );
}

#[test]
fn r11_a_gateway_with_control_urls_on_another_port_of_its_own() {
    assert_found(Misbehaviour::ControlOnOtherPort);
    assert_found(Misbehaviour::LocalPresentationUrl);
}

#[test]
fn r12_a_gateway_that_answers_without_length() {
    assert_found(Misbehaviour::NoContentLength);
}

#[test]
fn r13_a_gateway_that_answers_in_chunks() {
    assert_found(Misbehaviour::AlwaysChunked);
}

#[test]
fn r14_a_gateway_that_adds_nuls_and_blanks() {
    assert_found(Misbehaviour::TrailingNuls);
}

#[test]
fn r15_a_gateway_from_before_the_standard() {
    assert_found(Misbehaviour::DslForumTypes);
}

#[test]
fn r16_a_gateway_with_types_without_version() {
    let gateway = found(ScriptedGateway::builder().misbehave(Misbehaviour::UnversionedTypes));
    assert_eq!(gateway.connection().unwrap().wan().version(), 1);
}

#[test]
fn r17_a_gateway_with_odd_service_ids() {
    assert_found(Misbehaviour::OddServiceIds);
}

#[test]
fn r18_a_gateway_that_mixes_versions() {
    for (igd, device, service) in [(IgdVersion::V2, 2, 1), (IgdVersion::V1, 1, 2)] {
        let gateway = found(
            ScriptedGateway::builder()
                .igd(igd)
                .misbehave(Misbehaviour::MixedVersions),
        );
        assert_eq!(
            (gateway.igd_version(), gateway.connection().unwrap().wan().version()),
            (device, service)
        );
        assert_eq!(gateway.connection().unwrap().wan().is_ip2(), service == 2);
    }
}

/// The external addresses of a gateway's connections in the order in which they are preferred.
fn addresses(gateway: &Gateway) -> Vec<String> {
    let seen = gateway.connections().iter().map(|connection| connection.status_seen());
    seen.map(|seen| seen.map(|seen| seen.external_address.clone()).unwrap_or_default())
        .collect()
}

#[test]
fn r19_several_connections_of_which_the_first_is_down() {
    let gateway = found(
        ScriptedGateway::builder()
            .connection(Connection::ip("").status("Disconnected", "ERROR_NO_CARRIER"))
            .connection(Connection::ip("192.168.1.5"))
            .connection(Connection::ip("11.11.11.3")),
    );
    assert_eq!(addresses(&gateway), ["11.11.11.3", "192.168.1.5", ""]);
    let seen = gateway.connections()[2].status_seen().unwrap();
    assert_eq!(seen.last_connection_error, "ERROR_NO_CARRIER");
}

#[test]
fn r19_the_default_connection_is_preferred() {
    let scripted = ScriptedGateway::builder()
        .connection(Connection::ip("11.11.11.2"))
        .connection(Connection::ip("11.11.11.3"))
        .default_connection(1)
        .start_on_loopback();
    let gateway = block_on(search(&scripted).into_future()).unwrap();
    assert_eq!(
        gateway.connection().unwrap().status_seen().unwrap().external_address,
        "11.11.11.3"
    );
    assert_eq!(
        gateway.connections()[1].status_seen(),
        None,
        "the other one need not be asked"
    );
    let all = block_on(search(&scripted).all()).unwrap();
    assert_eq!(
        (all.len(), addresses(&all[0])),
        (1, vec!["11.11.11.3".to_owned(), "11.11.11.2".to_owned()])
    );
}

#[test]
fn r19_ip_comes_before_ppp_unless_it_is_down() {
    let scripted = ScriptedGateway::builder()
        .connection(Connection::ppp("11.11.11.2"))
        .connection(Connection::ip("11.11.11.3").beside_previous())
        .default_connection(7)
        .start_on_loopback();
    let gateway = block_on(search(&scripted).into_future()).unwrap();
    assert!(matches!(gateway.connection().unwrap().wan(), WanConnection::Ip(_)));
    scripted.change_connection(1, |connection| connection.status = "Disconnected".to_owned());
    let gateway = block_on(search(&scripted).into_future()).unwrap();
    assert!(matches!(gateway.connection().unwrap().wan(), WanConnection::Ppp(_)));
}

#[test]
fn r20_a_gateway_whose_first_description_is_empty() {
    assert_found(Misbehaviour::EmptyDescriptions(1));
    let why = assert_rejected(Misbehaviour::EmptyDescriptions(2));
    assert!(matches!(why, Conversation::Malformed { .. }), "{why}");
}

#[test]
fn r61_a_connection_that_is_up_instead_of_connected() {
    let gateway = found(ScriptedGateway::builder().connection(Connection::ip("11.11.11.2").status("Up", "")));
    assert_eq!(
        gateway.connection().unwrap().status_seen().unwrap().connection_status,
        "Up"
    );
}

#[test]
fn r63_a_gateway_that_is_upset_by_requests_in_a_hurry() {
    assert_found(Misbehaviour::NeedsPauses(Duration::from_millis(200)));
}

#[test]
fn old_and_new_gateways_are_found() {
    for (igd, version) in [(IgdVersion::V1, 1), (IgdVersion::V2, 2)] {
        let gateway = found(ScriptedGateway::builder().igd(igd).friendly_name("Box & Co"));
        assert_eq!((gateway.igd_version(), gateway.name()), (version, "Box & Co"));
        assert!(gateway.connection().unwrap().common().is_some() && gateway.layer3_forwarding().is_some());
        assert!(gateway.boot_id().is_some() && gateway.local_address().is_loopback());
        assert_eq!(gateway.interface(), "lo");
    }
    assert_found(Misbehaviour::AnswersWithOwnVersion);
    assert_found(Misbehaviour::NoBootId);
}

#[test]
fn a_gateway_that_is_slow_is_found() {
    assert_found(Misbehaviour::SearchAnsweredAfter(Duration::from_millis(300)));
    assert_found(Misbehaviour::Slow(On::Description, Duration::from_millis(800)));
    assert_found(Misbehaviour::Slow(On::Control, Duration::from_millis(300)));
}

#[test]
fn a_gateway_that_no_search_finds_is_found_where_descriptions_are() {
    let silent = ScriptedGateway::builder().misbehave(Misbehaviour::SearchUnanswered);
    let gateway = found(silent.http_port(5000));
    assert!(
        gateway.location().ends_with(":5000/rootDesc.xml"),
        "{}",
        gateway.location()
    );
    assert_eq!(gateway.boot_id(), None);
}

#[test]
fn a_gateway_is_found_by_the_url_of_its_description() {
    let silent = ScriptedGateway::builder().misbehave(Misbehaviour::SearchUnanswered);
    let scripted = silent.start_on_loopback();
    let url: portreeve::GatewayAddress = scripted.description_url().parse().unwrap();
    let start = Instant::now();
    let gateway = block_on(discover().gateway(url).without_cache().into_future()).unwrap();
    assert!(start.elapsed() < Duration::from_millis(900), "nothing is waited for");
    assert_eq!(gateway.location(), scripted.description_url());
    assert_eq!(scripted.searches().len(), 0);
}

#[test]
fn any_action_can_be_called_and_mappings_are_listed() {
    let scripted = ScriptedGateway::builder().start_on_loopback();
    let gateway = block_on(search(&scripted).into_future()).unwrap();
    block_on(async {
        let answer = gateway
            .call("WANIPConnection", "GetExternalIPAddress", &[])
            .await
            .unwrap();
        assert_eq!(answer, [("NewExternalIPAddress".to_owned(), "11.11.11.2".to_owned())]);
        assert_eq!(gateway.mappings().await.unwrap().entries, []);
        let services = gateway.services().await;
        assert!(services.iter().any(|service| service.name == "Layer3Forwarding"));
    });
}
