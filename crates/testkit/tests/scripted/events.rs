use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::Misbehaviour;

use crate::client::*;

/// eventSubURL of the only connection of a default gateway.
const EVENTS: &str = "/evt/2";

#[test]
fn subscribers_hear_the_state_and_then_its_changes() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let listener = Listener::new();
    let answer = subscribe(&gateway, &listener);
    let sid = header(&answer, "SID").expect("there is a SID").to_owned();
    assert_eq!(header(&answer, "TIMEOUT"), Some("Second-1800"));
    let first = listener.next();
    assert!(first.starts_with("NOTIFY /callback HTTP/1.1\r\n"));
    assert_eq!((header(&first, "SID"), header(&first, "SEQ")), (Some(&*sid), Some("0")));
    assert_eq!(element(&first, "ConnectionStatus"), Some("Connected"));
    assert_eq!(element(&first, "SystemUpdateID"), Some("0"));

    gateway.set_external_address("11.11.11.9");
    let second = listener.next();
    assert_eq!(header(&second, "SEQ"), Some("1"));
    assert_eq!(element(&second, "ExternalIPAddress"), Some("11.11.11.9"));
    assert_eq!(element(&second, "ConnectionStatus"), None, "only what changed");

    assert!(renew(&gateway, &sid).starts_with("HTTP/1.1 200 "));
    assert_eq!(gateway.subscriptions(), 1);
    let gone = format!("UNSUBSCRIBE {EVENTS} HTTP/1.1\r\nSID: {sid}\r\nConnection: close\r\n\r\n");
    assert!(send(&gateway, &gone).starts_with("HTTP/1.1 200 "));
    assert_eq!(gateway.subscriptions(), 0);
    assert!(renew(&gateway, &sid).starts_with("HTTP/1.1 412 "));
}

#[test]
fn a_subscription_ends_with_its_time_or_with_a_reboot() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let listener = Listener::new();
    subscribe(&gateway, &listener);
    gateway.advance(Duration::from_secs(1800));
    assert_eq!(gateway.subscriptions(), 0);
    let sid = header(&subscribe(&gateway, &listener), "SID")
        .expect("there is a SID")
        .to_owned();
    gateway.reboot();
    assert!(renew(&gateway, &sid).starts_with("HTTP/1.1 412 "));
}

#[test]
fn event_misbehaviours() {
    let with = |misbehaviour| ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
    let listener = Listener::new();

    let gateway = with(Misbehaviour::EventBeforeAnswer);
    let mut stream = TcpStream::connect(gateway.http_address()).expect("it listens");
    stream.write_all(subscription(&listener).as_bytes()).expect("it reads");
    listener.next();
    stream.set_nonblocking(true).expect("sockets can be made non-blocking");
    assert!(stream.read(&mut [0; 1]).is_err(), "the event came first");
    drop(gateway);

    let gateway = with(Misbehaviour::GrantsSubscriptions(17));
    assert_eq!(header(&subscribe(&gateway, &listener), "TIMEOUT"), Some("Second-17"));
    drop(gateway);

    let gateway = with(Misbehaviour::RenewsWithoutSid);
    let sid = header(&subscribe(&gateway, &listener), "SID")
        .expect("there is a SID")
        .to_owned();
    assert_eq!(header(&renew(&gateway, &sid), "SID"), None);
    gateway.behave();
    gateway.misbehave(Misbehaviour::RenewsWithNewSid);
    assert!(header(&renew(&gateway, &sid), "SID").is_some_and(|new| new != sid));
    gateway.behave();
    assert!(
        renew(&gateway, &sid).starts_with("HTTP/1.1 412 "),
        "the old one is gone"
    );
    drop(gateway);

    let elsewhere = subscription(&listener).replace("127.0.0.1", "127.0.0.2");
    assert!(send(&with(Misbehaviour::CallbackMustBeCaller), &elsewhere).starts_with("HTTP/1.1 412 "));

    let listener = Listener::new();
    let gateway = with(Misbehaviour::EventsAddress("not an address"));
    subscribe(&gateway, &listener);
    assert_eq!(element(&listener.next(), "ExternalIPAddress"), Some("not an address"));
}

/// Where events are to go.
struct Listener(TcpListener);

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener
            .set_nonblocking(true)
            .expect("sockets can be made non-blocking");
        Self(listener)
    }

    /// The next event, answered with 200.
    fn next(&self) -> String {
        let started = Instant::now();
        let mut stream = loop {
            match self.0.accept() {
                Ok((stream, _)) => break stream,
                Err(e) => assert!(started.elapsed() < PATIENCE, "no event: {e}"),
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        stream.set_nonblocking(false).expect("sockets can be made blocking");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut event = String::new();
        let mut buffer = [0; 4096];
        while !event.ends_with("</e:propertyset>") {
            let length = stream.read(&mut buffer).expect("the event comes");
            assert_ne!(length, 0, "cut off: {event}");
            event += &String::from_utf8_lossy(&buffer[..length]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .expect("it reads");
        event
    }
}

fn subscription(listener: &Listener) -> String {
    let port = listener.0.local_addr().expect("it is bound").port();
    format!(
        "SUBSCRIBE {EVENTS} HTTP/1.1\r\nCALLBACK: <http://127.0.0.1:{port}/callback>\r\nNT: upnp:event\r\n\
         TIMEOUT: Second-300\r\nConnection: close\r\n\r\n"
    )
}

fn subscribe(gateway: &ScriptedGateway, listener: &Listener) -> String {
    send(gateway, &subscription(listener))
}

fn renew(gateway: &ScriptedGateway, sid: &str) -> String {
    send(
        gateway,
        &format!("SUBSCRIBE {EVENTS} HTTP/1.1\r\nSID: {sid}\r\nConnection: close\r\n\r\n"),
    )
}

fn send(gateway: &ScriptedGateway, request: &str) -> String {
    String::from_utf8_lossy(&exchange(gateway.http_address(), request.as_bytes())).into_owned()
}
