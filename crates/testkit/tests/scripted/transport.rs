use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use portreeve_testkit::scripted::{AnswerStyle, FaultStyle, Misbehaviour, On, PortMapping, ScriptedReply};
use portreeve_testkit::{ScriptedGateway, wait_until};

use crate::client::*;

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
    let (failed, _) = bytes(Misbehaviour::Status(On::Description, "503 Busy"));
    assert!(failed.starts_with("HTTP/1.1 503 Busy\r\n"));
    let (garbage, _) = bytes(Misbehaviour::Garbage(On::Everything));
    assert!(!garbage.contains("HTTP/1"));
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
