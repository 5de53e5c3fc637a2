//! Sections 2.1 and 3.1: HTTP, its versions and its refusals.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::http::Connection;
use portreeve_lab::upnp::{ControlPoint, soap};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";

fn description_path(client: &ControlPoint<'_>) -> String {
    let (_, path) = client
        .location()
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .expect("a path");
    format!("/{path}")
}

fn control_url(client: &ControlPoint<'_>) -> String {
    client.service("WANIPConnection:2").control_url
}

fn call(client: &ControlPoint<'_>, version: &str, extra: &str) -> (String, String) {
    let body = soap::body(SERVICE, "GetExternalIPAddress", &[]);
    let head = format!(
        "POST {} {version}\r\nHOST: {}\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\nCONTENT-LENGTH: {}\r\n\
         SOAPACTION: \"{SERVICE}#GetExternalIPAddress\"\r\n{extra}\r\n",
        control_url(client),
        client.server(),
        body.len()
    );
    (head, body)
}

#[test]
fn a_get_on_a_control_url_is_405_with_allow() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let response = client.get(&control_url(&client));
    assert_eq!(response.status, 405);
    assert!(
        response.header("Allow").is_some_and(|allow| allow.contains("POST")),
        "{response:?}"
    );
}

#[test]
fn an_unknown_path_is_404() {
    let Some(bed) = Bed::shared() else { return };
    assert_eq!(bed.client(1).get("/no/such/thing").status, 404);
}

#[test]
fn an_unknown_method_is_501() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let request = format!(
        "FROBNICATE / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        client.server()
    );
    assert_eq!(client.exchange(&request).status, 501);
}

#[test]
fn a_post_on_a_description_is_refused() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let status = client
        .post(
            &description_path(&client),
            &format!("{SERVICE}#GetExternalIPAddress"),
            "",
        )
        .status;
    assert!([404, 405].contains(&status), "{status}");
}

#[test]
fn http_1_0_is_served_and_closed() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    connection
        .send(format!(
            "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n",
            description_path(&client),
            client.server()
        ))
        .expect("sent");
    let response = connection.response().expect("an answer");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("Transfer-Encoding"), None, "no chunks for 1.0");
    assert!(connection.is_closed_within(Duration::from_secs(2)));
}

#[test]
fn a_call_over_http_1_0_is_answered() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let (head, body) = call(&client, "HTTP/1.0", "");
    assert_eq!(client.exchange(&format!("{head}{body}")).status, 200);
}

#[test]
fn connection_close_is_honoured() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    let (head, body) = call(&client, "HTTP/1.1", "CONNECTION: close\r\n");
    connection.send(head + &body).expect("sent");
    assert_eq!(connection.response().expect("an answer").status, 200);
    assert!(connection.is_closed_within(Duration::from_secs(2)));
}

#[test]
fn a_connection_is_kept_or_its_end_is_announced() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    let (head, body) = call(&client, "HTTP/1.1", "");
    connection.send(format!("{head}{body}")).expect("sent");
    let response = connection.response().expect("an answer");
    assert_eq!(response.status, 200);
    if response
        .header("Connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    {
        assert!(connection.is_closed_within(Duration::from_secs(2)));
    } else {
        connection.send(head + &body).expect("the connection is kept");
        assert_eq!(connection.response().expect("a second answer").status, 200);
    }
}

#[test]
fn a_body_in_pieces_is_put_together() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    let (head, body) = call(&client, "HTTP/1.1", "CONNECTION: close\r\n");
    for piece in (head + &body).as_bytes().chunks(100) {
        connection.send(piece).expect("sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(connection.response().expect("an answer").status, 200);
}

#[test]
fn a_chunked_body_is_understood() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let (head, body) = call(
        &client,
        "HTTP/1.1",
        "CONNECTION: close\r\nTRANSFER-ENCODING: chunked\r\n",
    );
    let head: String = head
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with("CONTENT-LENGTH"))
        .collect();
    let (first, second) = body.split_at(40);
    let chunks = format!(
        "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    assert_eq!(client.exchange(&format!("{head}{chunks}")).status, 200);
}

#[test]
fn expect_100_continue_is_answered_before_the_body() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    let (head, body) = call(&client, "HTTP/1.1", "CONNECTION: close\r\nEXPECT: 100-continue\r\n");
    connection.send(head).expect("sent");
    assert_eq!(connection.response().expect("leave to go on").status, 100);
    connection.send(body).expect("sent");
    assert_eq!(connection.response().expect("an answer").status, 200);
}

#[test]
fn an_absolute_request_target_is_understood() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        client.location(),
        client.server()
    );
    assert_eq!(client.exchange(&request).status, 200);
}

#[test]
fn accept_language_is_answered_with_content_language() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept-Language: en\r\nConnection: close\r\n\r\n",
        description_path(&client),
        client.server()
    );
    let response = client.exchange(&request);
    assert!(
        response
            .header("Content-Language")
            .is_some_and(|value| value.starts_with("en")),
        "{response:?}"
    );
}
