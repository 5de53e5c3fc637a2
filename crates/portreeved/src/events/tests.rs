//! Subscriptions over HTTP, and messages over loopback.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_engine::{Reply, Request};
use portreeve_wire::description::Identity;
use portreeve_wire::service::WAN_IP_CONNECTION;
use portreeve_wire::{Offer, Quirks, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::http::{Appearance, Ask, Connections, Gateway, serve};
use crate::machine::LanAddress;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DOOR: Door = Door {
    link: 1,
    address: LOCAL,
};
const SOON: Duration = Duration::from_secs(3);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// An engine that is not asked.
struct Silent;

impl Ask for Silent {
    async fn ask(&self, _request: Request) -> Option<Reply> {
        None
    }
}

fn evented(name: &str, value: impl Into<Value>) -> Evented {
    Evented {
        service: &WAN_IP_CONNECTION,
        variable: WAN_IP_CONNECTION.variable(name).unwrap(),
        value: value.into(),
    }
}

/// Events on loopback, with two variables that have values.
fn events(limits: Limits) -> Arc<Events> {
    let events = Events::new(limits, 5000);
    let near = LanAddress {
        address: LOCAL,
        network: "127.0.0.0/8".parse().unwrap(),
    };
    events.set_lans(&[Lan {
        interface: "lo".to_owned(),
        index: 1,
        addresses: vec![near],
        own: vec![LOCAL],
    }]);
    events.announce(vec![
        evented("ExternalIPAddress", "11.11.11.2"),
        evented("SystemUpdateID", 4u32),
    ]);
    tokio::spawn(Arc::clone(&events).run());
    events
}

/// Our end of a connection to a gateway with these events, through a pipe of this size.
async fn connect(events: &Arc<Events>, size: usize) -> DuplexStream {
    let appearance = Appearance {
        identity: Identity {
            uuid: Uuid::from_random(7),
            friendly_name: "test".to_owned(),
            model_number: "1".to_owned(),
            serial_number: None,
        },
        offer: Offer::EVERYTHING,
        config_id: 1,
        server: "Linux/6 UPnP/1.1 portreeved/1".to_owned(),
        only_igd1: false,
    };
    let gateway = Gateway::new(Silent, Arc::clone(events), &appearance, 1000, Quirks::default());
    let (near, far) = tokio::io::duplex(size);
    let place = Connections::new(8, 8).try_admit(LOCAL).unwrap();
    tokio::spawn(serve(far, Arc::new(gateway.await.unwrap()), place, DOOR));
    near
}

/// What is answered to a request with these header fields.
async fn ask(events: &Arc<Events>, method: &str, fields: &str) -> String {
    let mut connection = connect(events, 64 * 1024).await;
    let request = format!("{method} /evt/IPConn HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n{fields}Connection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    text
}

async fn subscribe(events: &Arc<Events>, callback: &str) -> String {
    ask(
        events,
        "SUBSCRIBE",
        &format!("NT: upnp:event\r\nCALLBACK: {callback}\r\n"),
    )
    .await
}

fn status(answer: &str) -> &str {
    &answer[9..12]
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// A host that takes messages and answers each in the same way.
struct Receiver {
    url: String,
    messages: mpsc::UnboundedReceiver<String>,
}

impl Receiver {
    async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("<http://{}/events>", listener.local_addr().unwrap());
        let (heard, messages) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                while !text.ends_with("</e:propertyset>") {
                    let mut buffer = [0; 1024];
                    let read = stream.read(&mut buffer).await.unwrap();
                    assert_ne!(read, 0, "cut off: {text}");
                    text += std::str::from_utf8(&buffer[..read]).unwrap();
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
                if heard.send(text).is_err() {
                    break;
                }
            }
        });
        Self { url, messages }
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(SOON, self.messages.recv()).await;
        next.expect("a message comes").expect("the receiver lives")
    }

    async fn hears_nothing_for(&mut self, span: Duration) {
        let heard = tokio::time::timeout(span, self.messages.recv()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}

async fn falls_to(events: &Events, count: usize) {
    let gone = async {
        while events.count() > count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the subscription ends");
}

#[tokio::test]
async fn a_subscription_from_its_beginning_to_its_end() {
    let events = events(Limits::default());
    let mut receiver = Receiver::answering(OK).await;
    let granted = subscribe(&events, &receiver.url).await;
    assert!(granted.starts_with("HTTP/1.1 200 OK\r\n"), "{granted}");
    for line in [
        "TIMEOUT: Second-1800\r\n",
        "CONTENT-LENGTH: 0\r\n",
        "SERVER: Linux/6 UPnP/1.1 portreeved/1\r\n",
        "DATE: ",
        "SID: uuid:",
    ] {
        assert!(granted.contains(line), "{line} in {granted}");
    }
    assert!(!granted.to_ascii_lowercase().contains("content-type"), "{granted}");
    let sid = field(&granted, "SID");

    let first = receiver.next().await;
    assert!(
        first.starts_with("NOTIFY /events HTTP/1.1\r\nHOST: 127.0.0.1:"),
        "{first}"
    );
    assert_eq!((field(&first, "SID"), field(&first, "SEQ")), (sid, "0"));
    for property in [
        "<e:property><ExternalIPAddress>11.11.11.2</ExternalIPAddress></e:property>",
        "<e:property><SystemUpdateID>4</SystemUpdateID></e:property>",
    ] {
        assert!(first.contains(property), "{first}");
    }
    events.announce(vec![evented("SystemUpdateID", 5u32)]);
    let second = receiver.next().await;
    assert_eq!(field(&second, "SEQ"), "1");
    assert!(
        second.contains("<SystemUpdateID>5<") && !second.contains("ExternalIPAddress"),
        "{second}"
    );

    let renewed = ask(&events, "SUBSCRIBE", &format!("SID: {sid}\r\nTIMEOUT: Second-7200\r\n")).await;
    assert_eq!((status(&renewed), field(&renewed, "TIMEOUT")), ("200", "Second-7200"));
    assert_eq!(field(&renewed, "SID"), sid);
    assert_eq!(
        status(&ask(&events, "UNSUBSCRIBE", &format!("SID: {sid}\r\n")).await),
        "200"
    );
    events.announce(vec![evented("SystemUpdateID", 6u32)]);
    receiver.hears_nothing_for(Duration::from_millis(200)).await;
    for method in ["SUBSCRIBE", "UNSUBSCRIBE"] {
        assert_eq!(status(&ask(&events, method, &format!("SID: {sid}\r\n")).await), "412");
    }
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let events = events(Limits {
        subscriptions: 1,
        per_client: 1,
    });
    let nt = "NT: upnp:event\r\n";
    let callback = "CALLBACK: <http://127.0.0.1:9/>\r\n";
    for (fields, expected) in [
        (callback.to_owned(), "412"),
        (nt.to_owned(), "412"),
        (format!("{callback}NT: upnp:other\r\n"), "412"),
        (format!("{nt}CALLBACK: <http://host.example/>\r\n"), "412"),
        (format!("{nt}CALLBACK: <http://11.11.11.101/>\r\n"), "412"),
        (format!("{nt}CALLBACK: <http://127.0.0.1:5000/>\r\n"), "412"),
        (format!("{nt}CALLBACK: \u{fc}\r\n"), "412"),
        (format!("{nt}SID: uuid:1\r\n"), "400"),
        (format!("{callback}SID: uuid:1\r\n"), "400"),
        ("SID: uuid:1\r\n".to_owned(), "412"),
        ("SID: uuid:01234567-89ab-4cde-8f01-23456789abcd\r\n".to_owned(), "412"),
    ] {
        assert_eq!(status(&ask(&events, "SUBSCRIBE", &fields).await), expected, "{fields}");
    }
    assert_eq!(events.count(), 0);
    let receiver = Receiver::answering(OK).await;
    assert_eq!(status(&subscribe(&events, &receiver.url).await), "200");
    assert_eq!(status(&subscribe(&events, &receiver.url).await), "503");
    for (fields, expected) in [("", "412"), (nt, "400"), (callback, "400")] {
        assert_eq!(status(&ask(&events, "UNSUBSCRIBE", fields).await), expected, "{fields}");
    }
}

#[tokio::test]
async fn the_first_message_does_not_overtake_the_answer() {
    let events = events(Limits::default());
    let mut receiver = Receiver::answering(OK).await;
    // The answer does not fit through the pipe while nobody reads it.
    let mut connection = connect(&events, 64).await;
    let request = format!(
        "SUBSCRIBE /evt/IPConn HTTP/1.1\r\nHost: 127.0.0.1\r\nNT: upnp:event\r\nCALLBACK: {}\r\nConnection: close\r\n\r\n",
        receiver.url
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    receiver.hears_nothing_for(Duration::from_millis(200)).await;
    assert_eq!(events.count(), 1);
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert_eq!(field(&receiver.next().await, "SID"), field(&answer, "SID"));
}

#[tokio::test]
async fn who_subscribes_and_goes_is_told_all_the_same() {
    let events = events(Limits::default());
    let mut receiver = Receiver::answering(OK).await;
    let mut connection = connect(&events, 64).await;
    let request = format!(
        "SUBSCRIBE /evt1/IPConn HTTP/1.1\r\nNT: upnp:event\r\nCALLBACK: {}\r\n\r\n",
        receiver.url
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    drop(connection);
    let first = receiver.next().await;
    assert!(
        !first.contains("SystemUpdateID"),
        "version 1 has no such variable: {first}"
    );
}

#[tokio::test]
async fn who_never_answers_delays_nobody() {
    let events = events(Limits::default());
    // The kernel takes the connections, and nobody reads.
    let stalled = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stalled_url = format!("<http://{}/>", stalled.local_addr().unwrap());
    let mut live = Receiver::answering(OK).await;
    for _ in 0..60 {
        assert_eq!(status(&subscribe(&events, &stalled_url).await), "200");
    }
    assert_eq!(status(&subscribe(&events, &live.url).await), "200");
    live.next().await;
    for number in 5..15u32 {
        events.announce(vec![evented("SystemUpdateID", number)]);
        let message = tokio::time::timeout(Duration::from_secs(1), live.messages.recv()).await;
        let message = message.expect("not delayed").unwrap();
        assert!(message.contains(&format!("<SystemUpdateID>{number}<")), "{message}");
    }
}

#[tokio::test]
async fn the_next_callback_is_tried_and_a_412_is_final() {
    let events = events(Limits::default());
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_url = format!("<http://{}/>", closed.local_addr().unwrap());
    drop(closed);
    let mut second = Receiver::answering(OK).await;
    let both = format!("{closed_url}{}", second.url);
    assert_eq!(status(&subscribe(&events, &both).await), "200");
    assert_eq!(field(&second.next().await, "SEQ"), "0");

    let unknown = "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n";
    let mut forgetful = Receiver::answering(unknown).await;
    assert_eq!(status(&subscribe(&events, &forgetful.url).await), "200");
    forgetful.next().await;
    falls_to(&events, 1).await;
}

#[tokio::test]
async fn nothing_is_sent_to_a_lan_that_is_served_no_more() {
    let events = events(Limits::default());
    let mut receiver = Receiver::answering(OK).await;
    assert_eq!(status(&subscribe(&events, &receiver.url).await), "200");
    receiver.next().await;
    events.set_lans(&[]);
    events.announce(vec![evented("SystemUpdateID", 5u32)]);
    receiver.hears_nothing_for(Duration::from_millis(200)).await;
}
