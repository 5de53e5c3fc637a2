//! HTTP as real clients speak it, byte for byte (spec: client quirks A2 and A3), over a pipe and over loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use portreeve_engine::{Reply, Request};
use portreeve_wire::description::Identity;
use portreeve_wire::uuid::Uuid;
use portreeve_wire::{ErrorCode, Offer, Quirks, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;

use super::*;
use crate::events::Events;
use crate::machine::{Door, Lan, LanAddress};

/// An engine that knows two answers.
struct Canned;

impl Ask for Canned {
    async fn ask(&self, request: Request) -> Option<Reply> {
        Some(match request {
            Request::Call { call, .. } if call.action.name == "GetExternalIPAddress" => {
                Reply::Call(Ok(vec![Value::from("11.11.11.2")]))
            }
            Request::Call { .. } => Reply::Call(Err(ErrorCode::ConflictInMappingEntry.into())),
            Request::Query { .. } => Reply::Value(Ok(Value::from("Connected"))),
            _ => return None,
        })
    }
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const DOOR: Door = Door {
    link: 1,
    address: CLIENT,
};
const GET_BODY: &str = "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
    <u:GetExternalIPAddress xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\"/></s:Body></s:Envelope>";

async fn gateway(per_second: u32) -> Arc<Gateway<Canned>> {
    let identity = Identity {
        uuid: Uuid::from_random(7),
        friendly_name: "test".to_owned(),
        model_number: "1".to_owned(),
        serial_number: None,
    };
    let appearance = Appearance {
        config_id: Appearance::config_id(&identity, Offer::EVERYTHING),
        identity,
        offer: Offer::EVERYTHING,
        server: "Linux/6 UPnP/1.1 portreeved/1".to_owned(),
        only_igd1: false,
    };
    Arc::new(
        Gateway::new(
            Canned,
            Events::new(Default::default(), 5000),
            &appearance,
            per_second,
            Quirks::default(),
        )
        .await
        .unwrap(),
    )
}

/// Our end of a connection to a gateway.
async fn connect() -> DuplexStream {
    let (near, far) = tokio::io::duplex(256 * 1024);
    let place = Connections::new(8, 8).try_admit(CLIENT).unwrap();
    tokio::spawn(serve(far, gateway(1000).await, place, DOOR));
    near
}

/// Everything that is answered to these bytes, if nothing follows them.
async fn answer(request: impl AsRef<[u8]>) -> String {
    let mut connection = connect().await;
    connection.write_all(request.as_ref()).await.unwrap();
    connection.shutdown().await.unwrap();
    let mut text = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut text))
        .await
        .expect("an end")
        .unwrap();
    String::from_utf8(text).unwrap()
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /ctl/IPConn HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

const ACTION: &str = "SOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\"\r\n";

#[tokio::test]
async fn names_are_spelt_as_the_standard_prints_them() {
    let text = answer(post(ACTION, GET_BODY)).await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    for line in [
        "EXT: \r\n",
        "SERVER: Linux/6 UPnP/1.1 portreeved/1\r\n",
        "CONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n",
        "CONTENT-LENGTH: ",
        "DATE: ",
        "<NewExternalIPAddress>11.11.11.2</NewExternalIPAddress>",
        "GetExternalIPAddressResponse xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.to_ascii_lowercase().contains("chunked"));
}

#[tokio::test]
async fn http_1_0_is_answered_in_kind_and_closed() {
    let request = format!(
        "POST /ctl/IPConn HTTP/1.0\r\n{ACTION}Content-Length: {}\r\n\r\n{GET_BODY}",
        GET_BODY.len()
    );
    let mut connection = connect().await;
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    assert!(
        text.starts_with("HTTP/1.0 200 OK\r\n") && text.contains("CONTENT-LENGTH: "),
        "{text}"
    );
}

#[tokio::test]
async fn sloppy_requests_are_understood() {
    let unquoted = ACTION.replace('"', "");
    let single = ACTION.replace('"', "'");
    let bare_type = format!("{ACTION}Content-Type: text/xml\r\n");
    for (headers, body) in [(&unquoted, GET_BODY), (&single, GET_BODY), (&bare_type, GET_BODY)] {
        assert_eq!(status(&answer(post(headers, body)).await), "200", "{headers}");
    }
    let envelope = "http://schemas.xmlsoap.org/soap/envelope/";
    let service = "urn:schemas-upnp-org:service:WANIPConnection:1";
    for odd in [
        format!(
            "<SOAP-ENV:Envelope xmlns:SOAP-ENV='{envelope}'><SOAP-ENV:Body><m:GetExternalIPAddress xmlns:m='{service}'>\
             </m:GetExternalIPAddress></SOAP-ENV:Body></SOAP-ENV:Envelope>"
        ),
        format!(
            "<Envelope xmlns=\"{envelope}\"><Body><GetExternalIPAddress xmlns=\"{service}\"/></Body></Envelope>\r\n\0"
        ),
    ] {
        assert_eq!(status(&answer(post(ACTION, &odd)).await), "200", "{odd}");
    }
    let upper = post(ACTION, GET_BODY).replace("/ctl/IPConn", "/CTL/ipconn");
    assert_eq!(status(&answer(upper).await), "200");
    let no_port = post(ACTION, GET_BODY).replace("127.0.0.1:5000", "127.0.0.1");
    assert_eq!(status(&answer(no_port).await), "200");
    let bare_newlines = post(ACTION, GET_BODY).replace("\r\n", "\n");
    assert_eq!(status(&answer(bare_newlines).await), "200");
    let hex = format!("{:x}\r\n{GET_BODY}\r\n0\r\n\r\n", GET_BODY.len());
    let chunked =
        format!("POST /ctl/IPConn HTTP/1.1\r\nHost: 127.0.0.1\r\n{ACTION}Transfer-Encoding: chunked\r\n\r\n{hex}");
    assert_eq!(status(&answer(chunked).await), "200");
}

#[tokio::test]
async fn a_refusal_of_the_engine_is_a_fault_with_status_500() {
    let body = GET_BODY.replace("GetExternalIPAddress", "GetStatusInfo");
    let text = answer(post(&ACTION.replace("GetExternalIPAddress", "GetStatusInfo"), &body)).await;
    assert_eq!(status(&text), "500");
    assert!(
        text.contains("<errorCode>718</errorCode><errorDescription>ConflictInMappingEntry</errorDescription>"),
        "{text}"
    );
}

#[tokio::test]
async fn the_body_is_waited_for_and_called_for() {
    let mut connection = connect().await;
    let head = post(&format!("{ACTION}Expect: 100-continue\r\n"), GET_BODY).replace(GET_BODY, "");
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = [0; 256];
    let read = connection.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..read], b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(GET_BODY.as_bytes()).await.unwrap();
    let read = connection.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn connections_are_kept_until_somebody_wants_their_end() {
    let both = post(ACTION, GET_BODY).repeat(2) + &post(&format!("{ACTION}Connection: close\r\n"), GET_BODY);
    let mut connection = connect().await;
    connection.write_all(both.as_bytes()).await.unwrap();
    connection.write_all(post(ACTION, GET_BODY).as_bytes()).await.unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
    assert_eq!(text.matches("close").count(), 1);
}

#[tokio::test]
async fn what_is_not_there_or_not_possible_is_said() {
    let long = "x".repeat(9000);
    let large = "x".repeat(70_000);
    let declared = post(ACTION, "").replace("Content-Length: 0", "Content-Length: 10000000");
    let chunked = format!(
        "POST /ctl/IPConn HTTP/1.1\r\n{ACTION}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    for (request, expected) in [
        ("GET /nothing HTTP/1.1\r\n\r\n".to_owned(), "404"),
        ("GET /ctl/IPConn HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("GET /evt/IPConn HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("POST /igd2.xml HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(), "405"),
        ("BREW /igd2.xml HTTP/1.1\r\n\r\n".to_owned(), "501"),
        ("PUT /igd2.xml HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(), "501"),
        (post("", GET_BODY), "400"),
        (post(ACTION, "<not xml"), "400"),
        (post(ACTION, "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>"), "400"),
        (format!("POST /ctl/IPConn HTTP/1.1\r\n{ACTION}\r\n"), "411"),
        (post(ACTION, &large), "413"),
        (declared, "413"),
        (chunked, "413"),
        (format!("GET /igd2.xml HTTP/1.1\r\nX: {long}\r\n\r\n"), "431"),
        ("\u{0}\u{1}\u{2}\r\n\r\n".to_owned(), "400"),
        ("GET /igd2.xml HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), "403"),
        (
            post(&format!("{ACTION}Origin: http://evil.example\r\n"), GET_BODY),
            "403",
        ),
    ] {
        let text = answer(&request).await;
        assert_eq!(
            status(&text),
            expected,
            "{}: {text}",
            request.chars().take(200).collect::<String>()
        );
    }
    let text = answer("GET /ctl/IPConn HTTP/1.1\r\n\r\n").await;
    assert!(text.contains("ALLOW: POST\r\n"), "{text}");
    let text = answer("GET /evt/IPConn HTTP/1.1\r\n\r\n").await;
    assert!(text.contains("ALLOW: SUBSCRIBE, UNSUBSCRIBE\r\n"), "{text}");
}

#[tokio::test]
async fn m_post_and_query_are_answered() {
    let m_post = post(
        &format!("MAN: \"http://schemas.xmlsoap.org/soap/envelope/\"; ns=01\r\n01-{ACTION}"),
        GET_BODY,
    );
    let text = answer(m_post.replacen("POST", "M-POST", 1)).await;
    assert!(status(&text) == "200" && text.contains("EXT: \r\n"), "{text}");
    let query = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:QueryStateVariable \
        xmlns:u=\"urn:schemas-upnp-org:control-1-0\"><u:varName>ConnectionStatus</u:varName></u:QueryStateVariable>\
        </s:Body></s:Envelope>";
    let header = "SOAPACTION: \"urn:schemas-upnp-org:control-1-0#QueryStateVariable\"\r\n";
    assert!(answer(post(header, query)).await.contains("<return>Connected</return>"));
}

#[tokio::test]
async fn documents_fit_who_asks() {
    let get = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    let text = answer(get("/igd2.xml", "")).await;
    assert!(
        text.contains("InternetGatewayDevice:2") && text.contains("text/xml; charset=\"utf-8\""),
        "{text}"
    );
    assert!(answer(get("/igd1.xml", "")).await.contains("InternetGatewayDevice:1"));
    for agent in ["Microsoft-Windows/10.0 UPnP/1.0", "FDSSDP"] {
        let text = answer(get("/igd2.xml", &format!("User-Agent: {agent}\r\n"))).await;
        assert!(
            text.contains("InternetGatewayDevice:1") && !text.contains("Device:2"),
            "{text}"
        );
        let text = answer(get("/scpd/IPConn.xml", &format!("User-Agent: {agent}\r\n"))).await;
        assert!(
            text.contains("AddPortMapping<") && !text.contains("AddAnyPortMapping"),
            "{text}"
        );
    }
    assert!(
        answer(get("/igd2.xml", "Accept-Language: de-DE,en\r\n"))
            .await
            .contains("CONTENT-LANGUAGE: de-DE\r\n")
    );
    assert!(
        answer(get("/igd2.xml", "Accept-Language: *\r\n"))
            .await
            .contains("CONTENT-LANGUAGE: en\r\n")
    );
    let head = answer(get("/igd2.xml", "").replacen("GET", "HEAD", 1)).await;
    assert!(
        status(&head) == "200" && head.ends_with("\r\n\r\n") && !head.contains("CONTENT-LENGTH: 0"),
        "{head}"
    );
}

#[tokio::test]
async fn a_client_that_asks_too_much_is_told_when_to_come_back() {
    let gateway = gateway(1).await;
    let connections = Connections::new(16, 16);
    let requests = (0..9).map(|_| {
        let (mut near, far) = tokio::io::duplex(4096);
        tokio::spawn(serve(
            far,
            Arc::clone(&gateway),
            connections.try_admit(CLIENT).unwrap(),
            DOOR,
        ));
        tokio::spawn(async move {
            near.write_all(b"GET /none HTTP/1.0\r\n\r\n").await.unwrap();
            let mut text = String::new();
            near.read_to_string(&mut text).await.unwrap();
            text
        })
    });
    let requests: Vec<_> = requests.collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    // Five at once, two that were worth waiting for, and the rest.
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|text| status(text) == "404");
    assert_eq!((served.len(), refused.len()), (7, 2), "{answers:?}");
    assert!(
        refused
            .iter()
            .all(|text| status(text) == "503" && text.contains("RETRY-AFTER: 1\r\n")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_slow_sender_is_told_so_when_its_place_is_wanted() {
    let table = Connections::new(1, 0);
    let (mut near, far) = tokio::io::duplex(1024);
    tokio::spawn(serve(far, gateway(1000).await, table.try_admit(CLIENT).unwrap(), DOOR));
    near.write_all(b"POST /ctl/IPConn HTTP/1.1\r\nContent-Le")
        .await
        .unwrap();
    let other = IpAddr::from([127, 0, 0, 2]);
    let place = tokio::time::timeout(Duration::from_secs(5), table.admit(other)).await;
    assert!(place.is_ok(), "a slow sender is no reason to wait for ever");
    let mut text = String::new();
    near.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{text}");
}

/// A gateway on a loopback address of its own.
async fn listening(address: impl Into<IpAddr>, connections: Arc<Connections>) -> std::net::SocketAddr {
    let (lan, address) = (Arc::new(loopback()), address.into());
    let listener = listen(&lan, address, 0).unwrap();
    let bound = listener.local_addr().unwrap();
    tokio::spawn(accept(listener, lan, address, gateway(100_000).await, connections));
    bound
}

fn loopback() -> Lan {
    let own = |address: &str, network: &str| LanAddress {
        address: address.parse().unwrap(),
        network: network.parse().unwrap(),
    };
    let addresses = vec![own("127.0.0.1", "127.0.0.0/8"), own("::1", "::1/128")];
    Lan {
        interface: "lo".to_owned(),
        index: 1,
        own: addresses.iter().map(|own| own.address).collect(),
        addresses,
    }
}

async fn get(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET /igd2.xml HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_keep_nobody_out() {
    let address = listening([127, 0, 13, 1], Connections::new(64, 32)).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let text = tokio::time::timeout(Duration::from_secs(10), get(address))
        .await
        .expect("served")
        .unwrap();
    assert_eq!(status(&text), "200");
}

#[tokio::test]
async fn ipv6_is_served_at_a_bracketed_literal() {
    let address = listening(std::net::Ipv6Addr::LOCALHOST, Connections::new(8, 8)).await;
    assert!(address.is_ipv6());
    assert_eq!(status(&get(address).await.unwrap()), "200");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let foreign = "GET /igd2.xml HTTP/1.1\r\nHost: [fd77::1]:5000\r\nConnection: close\r\n\r\n";
    stream.write_all(foreign.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(status(&text), "403");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_served_without_a_reset() {
    let address = listening([127, 0, 13, 2], Connections::new(4096, 64)).await;
    let clients: Vec<_> = (0..400).map(|_| tokio::spawn(get(address))).collect();
    for client in clients {
        assert_eq!(status(&client.await.unwrap().unwrap()), "200");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_ten_megabytes_gets_to_read_why_not() {
    let address = listening([127, 0, 13, 3], Connections::new(8, 8)).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sending = tokio::spawn(async move {
        let head = format!("POST /ctl/IPConn HTTP/1.1\r\nHost: {address}\r\n{ACTION}Content-Length: 10000000\r\n\r\n");
        writer.write_all(head.as_bytes()).await?;
        writer.write_all(&vec![b'x'; 10_000_000]).await?;
        std::io::Result::Ok(writer)
    });
    // A client that reads only once it has sent everything.
    let _writer = sending.await.unwrap().expect("not reset while sending");
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(status(&text), "413");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_a_remedy() {
    let taken = std::net::TcpListener::bind("127.0.13.4:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let own = IpAddr::from([127, 0, 13, 4]);
    let told = listen(&loopback(), own, port).unwrap_err().to_string();
    assert!(
        told.contains(&format!("TCP port {port} of 127.0.13.4 is in use")) && told.contains("--http-port"),
        "{told}"
    );
}
