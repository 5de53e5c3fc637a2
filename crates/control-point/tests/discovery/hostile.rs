//! Gateways that are broken or mean harm: none costs more than the time that a search may take, and each gets its name.

use portreeve::Unusable;
use portreeve_testkit::scripted::On;

use super::*;

#[test]
fn noise_and_false_leads_before_the_answer() {
    assert_found(Misbehaviour::SearchAnsweredWithNoise(1400));
    assert_found(Misbehaviour::SearchFlood(6));
}

#[test]
fn a_flood_of_locations_is_followed_a_little() {
    let flood = ScriptedGateway::builder()
        .misbehave(Misbehaviour::SearchFlood(500))
        .start_on_loopback();
    let result = block_on(search(&flood).into_future());
    if let Err(error) = result {
        let Error::NoGateway(NoGateway { rejected, .. }) = &error else {
            panic!("{error:?}")
        };
        assert!(rejected.len() <= 32, "{}", rejected.len());
    }
}

#[test]
fn upnp_that_is_off_is_no_gateway() {
    let off = ScriptedGateway::builder()
        .misbehave(Misbehaviour::UpnpOff)
        .http_port(5000)
        .start_on_loopback();
    let start = Instant::now();
    let result = block_on(search(&off).into_future());
    let Err(Error::NoGateway(NoGateway {
        rejected,
        waited,
        interfaces,
        ..
    })) = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(rejected, []);
    assert!(interfaces.contains(&"lo".to_owned()), "{interfaces:?}");
    assert!(
        waited >= Duration::from_secs(1) && start.elapsed() < Duration::from_millis(1500),
        "{waited:?}"
    );
}

#[test]
fn an_entity_bomb_is_no_description() {
    let why = assert_rejected(Misbehaviour::EntityBomb);
    assert!(matches!(why, Conversation::Malformed { .. }), "{why}");
}

#[test]
fn a_description_that_never_comes() {
    let why = assert_rejected(Misbehaviour::NeverAnswers(On::Description));
    assert!(matches!(why, Conversation::Timeout { .. }), "{why}");
    let why = assert_rejected(Misbehaviour::Drip(On::Description, Duration::from_millis(50)));
    assert!(
        matches!(why, Conversation::Timeout { .. } | Conversation::Malformed { .. }),
        "{why}"
    );
}

#[test]
fn a_description_without_end() {
    let why = assert_rejected(Misbehaviour::EndlessBody(On::Description));
    assert!(matches!(why, Conversation::TooLarge { .. }), "{why}");
    let why = assert_rejected(Misbehaviour::HugeBody(On::Description, 8 << 20));
    assert!(matches!(why, Conversation::TooLarge { .. }), "{why}");
}

#[test]
fn a_description_that_is_none() {
    for misbehaviour in [
        Misbehaviour::Truncated(On::Description),
        Misbehaviour::Garbage(On::Description),
    ] {
        let why = assert_rejected(misbehaviour);
        assert!(matches!(why, Conversation::Malformed { .. }), "{why}");
    }
    let why = assert_rejected(Misbehaviour::Status(On::Description, "404 Not Found"));
    assert!(matches!(why, Conversation::Status { status: 404, .. }), "{why}");
    let why = assert_rejected(Misbehaviour::HangsUp(On::Description));
    assert!(matches!(why, Conversation::Unreachable { .. }), "{why}");
}

#[test]
fn a_redirect_is_not_followed() {
    let why = assert_rejected(Misbehaviour::Redirect(On::Description, "http://240.0.0.1/x".to_owned()));
    assert!(matches!(why, Conversation::LeadsAway { .. }), "{why}");
}

#[test]
fn a_gateway_that_describes_itself_and_says_no_more() {
    let why = assert_rejected(Misbehaviour::NeverAnswers(On::Control));
    assert!(matches!(why, Conversation::Timeout { .. }), "{why}");
    let why = assert_rejected(Misbehaviour::HangsUp(On::Control));
    assert!(matches!(why, Conversation::Unreachable { .. }), "{why}");
}

#[test]
fn a_gateway_that_refuses_to_tell_its_state_is_given_nevertheless() {
    let refusing = ScriptedGateway::builder()
        .misbehave(Misbehaviour::ActionMissing("GetStatusInfo"))
        .misbehave(Misbehaviour::ActionMissing("GetExternalIPAddress"));
    let gateway = found(refusing);
    let seen = gateway.connection().unwrap().status_seen().unwrap();
    assert_eq!(
        (seen.connection_status.as_str(), seen.external_ip_address()),
        ("", None)
    );
}

#[test]
fn a_named_gateway_that_is_not_there() {
    let gone = ScriptedGateway::builder().start_on_loopback();
    gone.go_silent();
    let result = block_on(search(&gone).timeout(Duration::from_millis(300)).into_future());
    assert!(matches!(result, Err(Error::NoGateway(_))), "{result:?}");
    let url: portreeve::GatewayAddress = gone.description_url().parse().unwrap();
    let start = Instant::now();
    let result = block_on(discover().gateway(url).without_cache().into_future());
    let Err(Error::NoGateway(NoGateway { rejected, .. })) = result else {
        panic!("{result:?}")
    };
    assert!(matches!(rejected[0].why, Conversation::Unreachable { .. }));
    assert!(start.elapsed() < Duration::from_millis(900), "nothing is waited for");
}

#[test]
fn an_interface_that_does_not_exist_is_named() {
    let result = block_on(discover().interface("nosuch0").without_cache().into_future());
    assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
}

#[test]
fn a_gateway_without_a_service_that_maps_ports() {
    let bare = serve_description(
        "<root><device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>\
         <UDN>uuid:1</UDN></device></root>",
    );
    let url: portreeve::GatewayAddress = bare.parse().unwrap();
    let result = block_on(discover().gateway(url).without_cache().into_future());
    assert_eq!(result.err(), Some(Error::Unusable(Unusable::NoConnectionService)));
}

#[test]
fn a_television_is_no_gateway() {
    let television = serve_description(
        "<root><device><deviceType>urn:schemas-upnp-org:device:MediaRenderer:1</deviceType></device></root>",
    );
    let url: portreeve::GatewayAddress = television.parse().unwrap();
    let result = block_on(discover().gateway(url).without_cache().into_future());
    let Err(Error::NoGateway(NoGateway { rejected, .. })) = result else {
        panic!("{result:?}")
    };
    let Conversation::Malformed { problem, .. } = &rejected[0].why else {
        panic!("{rejected:?}")
    };
    assert!(problem.contains("MediaRenderer"), "{problem}");
}

/// Serves one description, once; gives its URL.
fn serve_description(document: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/d.xml", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let read = stream.read(&mut [0; 4096]).expect("a request comes");
        assert!(read > 0);
        let length = document.len();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{document}").expect("it reads");
    });
    url
}
