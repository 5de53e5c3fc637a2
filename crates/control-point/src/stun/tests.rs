//! The exchange with a server, over the network trait with paused time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::network::{BoxFuture, Connected, Datagrams, Interface};
use std::net::IpAddr;

/// A network with one STUN server on it.
#[derive(Clone, Debug)]
struct OneServer {
    /// Which request it answers first, counted from 0.
    answers_from: usize,
    /// Who answers, and what before the real answer.
    sender: SocketAddr,
    noise: Vec<Vec<u8>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Duration>,
    started: Option<Instant>,
    answers: VecDeque<(Vec<u8>, SocketAddr)>,
}

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(11, 11, 11, 30)), PORT);
const ID: TransactionId = *b"0123456789ab";

fn server() -> OneServer {
    OneServer {
        answers_from: 0,
        sender: SERVER,
        noise: vec![],
        seen: Arc::default(),
    }
}

async fn ask(network: &OneServer) -> Result<SocketAddr, StunError> {
    external_address(network, Ipv4Addr::new(192, 168, 77, 2), SERVER, ID).await
}

fn answer() -> Vec<u8> {
    let mut bytes = request(ID).to_vec();
    bytes[0..2].copy_from_slice(&[1, 1]);
    bytes[3] = 12;
    bytes.extend([0, 1, 0, 8, 0, 1, 0x12, 0x34, 11, 11, 11, 12]);
    bytes
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_the_wait() {
    let network = server();
    assert_eq!(ask(&network).await, Ok("11.11.11.12:4660".parse().unwrap()));
    assert_eq!(network.seen.lock().unwrap().requests, [Duration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn lost_requests_are_sent_again() {
    let network = OneServer {
        answers_from: 2,
        ..server()
    };
    assert!(ask(&network).await.is_ok());
    assert_eq!(network.seen.lock().unwrap().requests, SEND_AT);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_after_two_seconds() {
    let network = OneServer {
        answers_from: 9,
        ..server()
    };
    let begin = Instant::now();
    let failed = ask(&network).await.unwrap_err();
    assert_eq!(begin.elapsed(), GIVE_UP_AFTER);
    assert_eq!(failed.explanation().code, "stun-timeout");
}

#[tokio::test(start_paused = true)]
async fn answers_of_others_and_to_others_are_passed_over() {
    let mut to_another = answer();
    to_another[10] ^= 1;
    let network = OneServer {
        noise: vec![to_another, b"garbage".to_vec()],
        ..server()
    };
    assert!(ask(&network).await.is_ok());
    let of_another = OneServer {
        sender: SocketAddr::new([11, 11, 11, 31].into(), PORT),
        ..server()
    };
    assert!(matches!(ask(&of_another).await, Err(StunError::Timeout { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_address_is_told() {
    let mut empty = answer();
    empty.truncate(20);
    empty[3] = 0;
    let network = OneServer {
        noise: vec![empty],
        ..server()
    };
    assert_eq!(ask(&network).await.unwrap_err().explanation().code, "stun-answer");
}

#[tokio::test]
async fn a_server_is_an_address_or_a_name_with_or_without_a_port() {
    assert_eq!(resolve("11.11.11.30").await, Ok(SERVER));
    assert_eq!(resolve("11.11.11.30:99").await, Ok("11.11.11.30:99".parse().unwrap()));
    assert_eq!(resolve("localhost:7").await, Ok("127.0.0.1:7".parse().unwrap()));
    assert_eq!(resolve("").await.unwrap_err().explanation().code, "stun-name");
}

impl Network for OneServer {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        Ok(vec![])
    }

    fn connect(&self, _: SocketAddr, _: Option<IpAddr>) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn search_socket(&self, _: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        self.seen.lock().unwrap().started = Some(Instant::now());
        Ok(Box::new(self.clone()))
    }

    fn announcement_socket(&self, _: &[Ipv4Addr]) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn announcement_socket_v6(&self, _: u32) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Datagrams for OneServer {
    fn send<'a>(&'a self, datagram: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        assert_eq!((datagram, to), (&request(ID)[..], SERVER));
        let mut seen = self.seen.lock().unwrap();
        let since = seen.started.map(|started| started.elapsed());
        seen.requests.extend(since);
        if seen.requests.len() > self.answers_from {
            let noise = self.noise.iter().cloned();
            seen.answers.extend(noise.map(|bytes| (bytes, SERVER)));
            seen.answers.push_back((answer(), self.sender));
        }
        Box::pin(async { Ok(()) })
    }

    fn receive<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async {
            let next = self.seen.lock().unwrap().answers.pop_front();
            let Some((bytes, sender)) = next else {
                return std::future::pending().await;
            };
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok((bytes.len(), sender))
        })
    }
}
