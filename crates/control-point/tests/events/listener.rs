//! What others send to where events are expected.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portreeve::events::Learnt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::World;

/// Where events go, and the subscription that they belong to.
fn callback(world: &World) -> (SocketAddr, String) {
    let request = &world.asked("SUBSCRIBE")[0];
    let url = request.header("CALLBACK").unwrap().trim_matches(['<', '>']).to_owned();
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    (authority.parse().unwrap(), format!("/{path}"))
}

/// Connects from this address, sends this, and gives what comes back until the end; empty if the connection breaks.
async fn exchange(from: IpAddr, to: SocketAddr, bytes: &[u8]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream: TcpStream = socket.connect(to).await.unwrap();
    // It may break off in the middle of it.
    let _sent = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _read = timeout(super::LIMIT, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn notify(path: &str, sid: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "NOTIFY {path} HTTP/1.1\r\nHOST: x\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\nSID: {sid}\r\nSEQ: 1\r\n\
         CONTENT-LENGTH: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

const FORGED: &str = "<propertyset><property><ExternalIPAddress>6.6.6.6</ExternalIPAddress></property></propertyset>";

#[tokio::test]
async fn only_the_gateway_is_heard_on_the_path_that_it_was_told_about_its_own_subscription() {
    let mut world = World::of([]).await;
    world.becomes("ExternalIPAddress", "11.11.11.2").await;
    let (to, path) = callback(&world);
    let gateway = IpAddr::V4(world.gateway.address());

    let stranger = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert_eq!(exchange(stranger, to, &notify(&path, "uuid:x", FORGED)).await, "");
    let starts = |answer: &str, status: &str| {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    };
    starts(&exchange(gateway, to, &notify("/", "uuid:x", FORGED)).await, "412");
    starts(&exchange(gateway, to, &notify(&path, "uuid:x", FORGED)).await, "412");
    let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    starts(&exchange(gateway, to, get.as_bytes()).await, "405");
    let wrong_type = String::from_utf8(notify(&path, "uuid:x", FORGED)).unwrap();
    let wrong_type = wrong_type.replace("upnp:event", "upnp:rootdevice");
    starts(&exchange(gateway, to, wrong_type.as_bytes()).await, "412");
    starts(&exchange(gateway, to, &notify(&path, "uuid:x", "<html/>")).await, "400");
    starts(
        &exchange(gateway, to, &notify(&path, "uuid:x", &" ".repeat(100_000))).await,
        "413",
    );
    let endless_head = format!("NOTIFY {path} HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    let answer = exchange(gateway, to, endless_head.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");

    world.gateway.set_external_address("11.11.11.9");
    assert_eq!(world.becomes("ExternalIPAddress", "11.11.11.9").await, Learnt::Event);
}

#[tokio::test]
async fn connections_that_say_nothing_keep_events_waiting_for_a_while_only() {
    let mut world = World::of([]).await;
    world.becomes("ExternalIPAddress", "11.11.11.2").await;
    let (to, _) = callback(&world);
    let from = IpAddr::V4(world.gateway.address());
    let mut silent = Vec::new();
    for _ in 0..20 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        silent.push(socket.connect(to).await.unwrap());
    }
    world.gateway.set_external_address("11.11.11.9");
    world.becomes("ExternalIPAddress", "11.11.11.9").await;
}
