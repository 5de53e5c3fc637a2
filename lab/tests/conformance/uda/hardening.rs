//! Input that no honest client sends. After each, the next good client is served.

use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::upnp::http::{self, Connection};
use portreeve_lab::upnp::soap::{self, ENVELOPE};
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";
const ACTION: &str = "urn:schemas-upnp-org:service:WANIPConnection:2#GetExternalIPAddress";

fn control_url(client: &ControlPoint<'_>) -> String {
    client.service("WANIPConnection:2").control_url
}

#[track_caller]
fn still_serves(client: &ControlPoint<'_>) {
    let asked = Instant::now();
    client
        .call("GetExternalIPAddress", &[])
        .expect("the next good client is served");
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "at once, not after {:?}",
        asked.elapsed()
    );
}

/// Posts a body and expects a refusal: an HTTP error, a UPnP error, or a closed connection.
#[track_caller]
fn is_refused(body: &str) {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let request = soap::request(&client.server().to_string(), &control_url(&client), ACTION, body);
    if let Ok(response) = http::exchange(client.host(), client.server(), request) {
        assert!(response.status >= 400, "accepted: {response:?}");
    }
    still_serves(&client);
}

#[test]
fn a_host_name_in_host_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    for host in ["evil.example", "evil.example:5000", "192.168.77.1.evil.example"] {
        let response = client.exchange(&soap::request(host, &control_url(&client), ACTION, &body));
        assert!(response.status >= 400, "{host}: {response:?}");
    }
    still_serves(&client);
}

#[test]
fn a_foreign_address_in_host_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    let response = client.exchange(&soap::request("203.0.113.9", &control_url(&client), ACTION, &body));
    assert!(response.status >= 400, "{response:?}");
}

#[test]
fn the_own_address_without_port_in_host_is_accepted() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    let response = client.exchange(&soap::request("192.168.77.1", &control_url(&client), ACTION, &body));
    assert_eq!(response.status, 200, "{response:?}");
}

#[test]
fn a_document_type_declaration_is_refused() {
    is_refused(&format!(
        "<!DOCTYPE x>{}",
        soap::body(SERVICE, "GetExternalIPAddress", &[])
    ));
}

#[test]
fn an_entity_bomb_is_refused() {
    let mut bomb = String::from("<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY a0 \"ha\">");
    for i in 1..30 {
        bomb += &format!("<!ENTITY a{i} \"&a{};&a{};\">", i - 1, i - 1);
    }
    bomb +=
        &format!("]><s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Body><u:GetExternalIPAddress xmlns:u=\"{SERVICE}\">&a29;");
    bomb += "</u:GetExternalIPAddress></s:Body></s:Envelope>";
    is_refused(&bomb);
}

#[test]
fn truncated_xml_is_refused() {
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    is_refused(&body[..body.len() / 2]);
}

#[test]
fn an_empty_body_is_refused() {
    is_refused("");
}

#[test]
fn no_xml_at_all_is_refused() {
    is_refused("hello");
    is_refused("\0\u{1}\u{2}binary\u{7f}");
}

#[test]
fn deep_nesting_is_refused() {
    is_refused(&soap::envelope(&("<a>".repeat(5000) + &"</a>".repeat(5000))));
}

#[test]
fn many_attributes_are_refused_quickly() {
    let attributes: String = (0..3000).map(|i| format!(" a{i}=\"\"")).collect();
    is_refused(&soap::envelope(&format!(
        "<u:Nothing xmlns:u=\"{SERVICE}\"{attributes}/>"
    )));
}

#[test]
fn a_large_body_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let body = soap::envelope(&format!(
        "<u:GetExternalIPAddress xmlns:u=\"{SERVICE}\">{}</u:GetExternalIPAddress>",
        " ".repeat(10 << 20)
    ));
    let request = soap::request(&client.server().to_string(), &control_url(&client), ACTION, &body);
    // A reset while we are still sending is a refusal, too.
    if let Ok(response) = http::exchange(client.host(), client.server(), request) {
        assert_eq!(response.status, 413, "{response:?}");
    }
    still_serves(&client);
}

#[test]
fn a_length_that_is_announced_but_too_large_is_refused_at_once() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let request = format!(
        "POST {} HTTP/1.1\r\nHOST: {}\r\nCONTENT-LENGTH: 1000000000\r\nSOAPACTION: \"{ACTION}\"\r\n\r\n<s:",
        control_url(&client),
        client.server()
    );
    let response = client.exchange(&request);
    assert_eq!(response.status, 413, "{response:?}");
}

#[test]
fn a_large_header_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nX: {}\r\nConnection: close\r\n\r\n",
        client.server(),
        "y".repeat(100_000)
    );
    if let Ok(response) = http::exchange(client.host(), client.server(), request) {
        assert!(response.status >= 400, "{response:?}");
    }
    still_serves(&client);
}

#[test]
fn a_long_description_is_refused_or_kept_whole() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let text = "long ".repeat(4000);
    let mapping = PortMapping::new(&client, bed.port()).described(text.trim());
    match client.add(&mapping) {
        Ok(_) => {
            let answer = client.specific(&mapping).expect("an own mapping");
            assert_eq!(answer.get("NewPortMappingDescription"), text.trim());
        }
        Err(fault) => {
            refused::<()>(Err(fault), &[605, 402, 501]);
        }
    }
}

#[test]
fn two_lengths_that_differ_are_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    let request = format!(
        "POST {} HTTP/1.1\r\nHOST: {}\r\nCONTENT-LENGTH: {}\r\nCONTENT-LENGTH: 3\r\nSOAPACTION: \"{ACTION}\"\r\nCONNECTION: close\r\n\r\n{body}",
        control_url(&client),
        client.server(),
        body.len()
    );
    if let Ok(response) = http::exchange(client.host(), client.server(), request) {
        assert_eq!(response.status, 400, "{response:?}");
    }
    still_serves(&client);
}

#[test]
fn garbage_instead_of_http_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    for garbage in [
        "\x16\x03\x01\x02\0\x01\0\x01",
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
        connection.send(garbage).expect("sent");
    }
    still_serves(&client);
}

#[test]
fn a_slow_sender_does_not_keep_others_waiting() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
            connection
                .send(format!("POST {} HTTP/1.1\r\nHOST: ", control_url(&client)))
                .expect("sent");
            connection
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    still_serves(&bed.client(2));
    drop(slow);
}

#[test]
fn a_slow_sender_is_cut_off() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    connection.send("POST / HTTP/1.1\r\nHOST: ").expect("sent");
    // Ten seconds per request, and an answer of any kind before the end.
    let ended = connection.response().is_ok() || connection.is_closed_within(Duration::from_secs(1));
    assert!(ended, "still open after thirteen seconds");
}
