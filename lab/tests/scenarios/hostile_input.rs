//! Input that no honest client sends: the right error, and the next good client is served at once.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::upnp::http::{self, Connection, Response};
use portreeve_lab::upnp::{ControlPoint, refused, soap};

use crate::support::{assert_healthy, bed, fresh, memory_kib, raise_descriptor_limit, shared};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";
const ACTION: &str = "urn:schemas-upnp-org:service:WANIPConnection:2#GetExternalIPAddress";

fn good_body() -> String {
    soap::body(SERVICE, "GetExternalIPAddress", &[])
}

/// A control request with header fields and a body of choice.
fn request(client: &ControlPoint<'_>, fields: &str, body: &[u8]) -> Vec<u8> {
    let path = client.service("WANIPConnection:2").control_url;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHOST: {}\r\nSOAPACTION: \"{ACTION}\"\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n{fields}\r\n",
        client.server()
    );
    [head.as_bytes(), body].concat()
}

fn send(client: &ControlPoint<'_>, body: &[u8]) -> io::Result<Response> {
    let fields = format!("CONTENT-LENGTH: {}\r\nCONNECTION: close\r\n", body.len());
    http::exchange(client.host(), client.server(), request(client, &fields, body))
}

/// Sends a body, expects one of these HTTP statuses, and that the next client is served.
#[track_caller]
fn answered_with(body: impl AsRef<[u8]>, statuses: &[u16]) {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let answer = send(&client, body.as_ref()).expect("an answer, not a broken connection");
    assert!(statuses.contains(&answer.status), "{answer:?}");
    assert_healthy(&bed);
}

#[test]
fn a_body_of_ten_megabytes_is_too_large() {
    answered_with(vec![b' '; 10 << 20], &[413]);
}

#[test]
fn truncated_xml_is_a_bad_request() {
    let body = good_body();
    for share in [1, body.len() / 4, body.len() / 2, body.len() - 12] {
        answered_with(&body[..share], &[400, 500]);
    }
}

#[test]
fn a_document_type_is_refused_before_its_entities_cost_anything() {
    let mut bomb = String::from("<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY a0 \"ha\">");
    for i in 1..40 {
        bomb += &format!("<!ENTITY a{i} \"&a{};&a{};\">", i - 1, i - 1);
    }
    bomb += "]>";
    let body = good_body().replace("<?xml version=\"1.0\"?>", &bomb);
    answered_with(body.replace("</u:Get", "&a39;</u:Get"), &[400, 500]);
    let external = "<!DOCTYPE s SYSTEM \"http://192.168.77.11/evil.dtd\">";
    answered_with(
        good_body().replace("<s:Envelope", &format!("{external}<s:Envelope")),
        &[400, 500],
    );
}

/// Sends a body and expects any answer within a second: whether so much of it is refused is the gateway's choice.
#[track_caller]
fn answered_quickly(body: &str) {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    client.root_device();
    let asked = Instant::now();
    send(&client, body.as_bytes()).expect("an answer, not a broken connection");
    assert!(asked.elapsed() < Duration::from_secs(1), "after {:?}", asked.elapsed());
    assert_healthy(&bed);
}

#[test]
fn ten_thousand_attributes_cost_little() {
    let with = |count: usize| -> String {
        let attributes: String = (0..count).map(|i| format!(" a{i}=\"\"")).collect();
        good_body().replace("<s:Body>", &format!("<s:Body{attributes}>"))
    };
    answered_with(with(10_000), &[413]);
    answered_quickly(&with(6_000));
}

#[test]
fn thousands_of_namespaces_cost_little() {
    let declarations: String = (0..2_500).map(|i| format!(" xmlns:n{i}=\"u:{i}\"")).collect();
    answered_quickly(&good_body().replace("<s:Body>", &format!("<s:Body{declarations}>")));
}

#[test]
fn deep_nesting_is_refused() {
    let deep = "<a>".repeat(9000) + &"</a>".repeat(9000);
    answered_with(soap::envelope(&deep), &[400, 500]);
}

#[test]
fn binary_is_a_bad_request() {
    let noise: Vec<u8> = (0_u32..5000)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    answered_with(noise, &[400, 500]);
    answered_with([0; 5000], &[400, 500]);
    answered_with([0xff, 0xfe, 0x3c, 0x00], &[400, 500]);
    answered_with([], &[400, 500]);
}

#[test]
fn wrong_types_and_wrong_arguments_are_upnp_errors() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let good = mapping.arguments();
    let with = |name: &str, value: &str| -> u16 {
        let arguments = good.map(|(key, old)| (key, if key == name { value } else { old }));
        match client.call("AddPortMapping", &arguments) {
            Ok(_) => 0,
            Err(fault) => fault.code,
        }
    };
    for (name, value, codes) in [
        ("NewExternalPort", "eighty", &[402][..]),
        ("NewExternalPort", "65536", &[402, 601]),
        ("NewExternalPort", "-1", &[402, 601]),
        ("NewExternalPort", "99999999999999999999999999", &[402, 601]),
        ("NewInternalPort", "1e3", &[402]),
        ("NewEnabled", "maybe", &[402]),
        ("NewLeaseDuration", "soon", &[402]),
        ("NewLeaseDuration", "604801", &[601]),
        ("NewProtocol", "SCTP", &[601]),
        ("NewInternalClient", "not an address", &[402, 600]),
        ("NewRemoteHost", "::1", &[402, 600]),
    ] {
        let code = with(name, value);
        assert!(codes.contains(&code), "{name} = {value}: {code}");
    }
    refused(client.call("AddPortMapping", &good[..4]), &[402]);
    refused(client.call("NoSuchAction", &[]), &[401]);
    assert_healthy(&bed);
}

#[test]
fn a_header_of_a_hundred_kilobytes_is_too_large() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    for field in [format!("X: {}", "y".repeat(100 << 10)), "X: y\r\n".repeat(20_000)] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{}\r\n\r\n",
            client.server(),
            field.trim_end()
        );
        let answer = http::exchange(client.host(), client.server(), request).expect("an answer");
        assert_eq!(answer.status, 431);
        assert_healthy(&bed);
    }
}

#[test]
fn an_absurd_content_length_is_refused_at_once() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    for (length, status) in [
        ("99999999999", 413),
        ("18446744073709551615", 413),
        ("184467440737095516160", 400),
        ("-1", 400),
        ("ten", 400),
    ] {
        let sent = request(&client, &format!("CONTENT-LENGTH: {length}\r\n"), b"<s:");
        let asked = Instant::now();
        let answer = http::exchange(client.host(), client.server(), sent).expect("an answer");
        assert!([status, 400, 431].contains(&answer.status), "{length}: {answer:?}");
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{length}: waited for the body"
        );
    }
    assert_healthy(&bed);
}

#[test]
fn chunked_bodies_are_taken_and_endless_ones_cut() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let body = good_body();
    let mut chunks = String::new();
    for part in body.as_bytes().chunks(7) {
        chunks += &format!("{:x}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part));
    }
    chunks += "0\r\n\r\n";
    let fields = "TRANSFER-ENCODING: chunked\r\nCONNECTION: close\r\n";
    let sent = request(&client, fields, chunks.as_bytes());
    let answer = http::exchange(client.host(), client.server(), sent).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");

    let endless = format!("10000\r\n{}\r\n", " ".repeat(0x10000)).repeat(40);
    let answer = http::exchange(
        client.host(),
        client.server(),
        request(&client, fields, endless.as_bytes()),
    );
    assert_eq!(answer.expect("an answer").status, 413);
    let nonsense = request(&client, fields, b"zz\r\nnot a chunk\r\n");
    let answer = http::exchange(client.host(), client.server(), nonsense).expect("an answer");
    assert_eq!(answer.status, 400);
    assert_healthy(&bed);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    let body = good_body();
    let one = request(&client, &format!("CONTENT-LENGTH: {}\r\n", body.len()), body.as_bytes());
    let missing = format!("GET /nothing HTTP/1.1\r\nHost: {}\r\n\r\n", client.server()).into_bytes();
    let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
    connection
        .send([&one[..], &missing, &one, &missing, &one].concat())
        .expect("sent");
    let statuses: Vec<u16> = (0..5)
        .map(|_| connection.response().expect("an answer each").status)
        .collect();
    assert_eq!(statuses, [200, 404, 200, 404, 200]);
    assert_healthy(&bed);
}

#[test]
fn garbage_instead_of_http_is_cut_off() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut connection = Connection::open(client.host(), client.server()).expect("it listens");
        connection.send(garbage).expect("sent");
        let answer = connection.response();
        assert!(
            answer.as_ref().map_or(true, |answer| answer.status >= 400),
            "{answer:?}"
        );
    }
    assert_healthy(&bed);
}

/// Connections that send a byte now and then.
fn drip(client: &ControlPoint<'_>, count: usize, while_they_drip: impl FnOnce()) {
    let head = request(client, "CONTENT-LENGTH: 500\r\n", b"");
    let mut slow: Vec<_> = (0..count)
        .filter_map(|_| Connection::open(client.host(), client.server()).ok())
        .collect();
    thread::scope(|scope| {
        let dripping = scope.spawn(move || {
            for byte in head.iter().take(5) {
                for connection in &mut slow {
                    // The gateway may have cut it off already.
                    let _ = connection.send([*byte]);
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        while_they_drip();
        dripping.join().expect("it does not panic");
    });
}

#[test]
fn two_thousand_idle_and_a_hundred_slow_connections_keep_nobody_waiting() {
    let Some(bed) = bed(&[]) else { return };
    raise_descriptor_limit();
    let before = memory_kib(&bed);
    let client = bed.client(1);
    let idle: Vec<_> = (0..2000)
        .filter_map(|_| Connection::open(client.host(), client.server()).ok())
        .collect();
    assert!(idle.len() > 1500, "only {} connections", idle.len());
    assert_healthy(&bed);
    drip(&client, 100, || {
        for _ in 0..10 {
            assert_healthy(&bed);
            thread::sleep(Duration::from_millis(300));
        }
    });
    // Also the crowding host itself is served.
    client
        .call("GetExternalIPAddress", &[])
        .expect("its new connection makes room");
    let after = memory_kib(&bed);
    assert!(
        after < before + 64 * 1024,
        "{before} KiB before, {after} KiB with the crowd"
    );
    drop(idle);
    assert_memory_returns(&bed, before);
}

#[track_caller]
fn assert_memory_returns(bed: &Bed, before: u64) {
    let now = memory_kib(bed);
    assert!(now < before + 48 * 1024, "{before} KiB before, {now} KiB after");
}

#[test]
fn a_flood_of_bad_requests_leaves_no_memory_behind() {
    let Some(bed) = bed(&["limits.requests-per-second-per-client=100000"]) else {
        return;
    };
    let client = bed.client(1);
    let path: SocketAddr = client.server();
    let deep = soap::envelope(&"<a>".repeat(5000));
    let large = vec![b'x'; 1 << 20];
    send(&client, deep.as_bytes()).expect("an answer");
    let before = memory_kib(&bed);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (client, deep, large) = (&client, &deep, &large);
            scope.spawn(move || {
                for round in 0..50 {
                    let body: &[u8] = if (round + worker) % 2 == 0 {
                        deep.as_bytes()
                    } else {
                        large
                    };
                    let _ = send(client, body);
                    // Hang up in the middle.
                    if let Ok(mut connection) = Connection::open(client.host(), path) {
                        let _ = connection.send("POST / HTTP/1.1\r\nCONTENT-LENGTH: 60000\r\n\r\n<s:");
                    }
                }
            });
        }
    });
    assert_healthy(&bed);
    let after = memory_kib(&bed);
    assert!(after < before + 32 * 1024, "{before} KiB before, {after} KiB after");
}
