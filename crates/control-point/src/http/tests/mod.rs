//! The client against servers that answer with bytes written by hand.

mod hostile;
mod kept;
mod oddities;

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Client, Length, Repetition, Response, Settings};
use crate::error::Conversation;
use crate::network::System;

/// Long enough for anything on loopback; only what waits for a server that never answers needs less.
const PATIENT: Duration = Duration::from_secs(20);
const IMPATIENT: Duration = Duration::from_millis(300);

fn client(timeout: Duration) -> Client {
    let settings = Settings {
        timeout,
        document_limit: 64 * 1024,
        answer_limit: 128 * 1024,
        listing_limit: 256 * 1024,
    };
    Client::new(Arc::new(System), settings)
}

/// A server that treats every connection, counted from 0, with the same script, until the test ends.
async fn server<F, S>(script: S) -> Url
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(usize, TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}/d/x.xml?a=b", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(script(number, stream));
        }
    });
    url
}

/// A server that gives every connection this answer, and hangs up.
async fn answering(answer: &'static str) -> Url {
    server(move |_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await
}

/// Head and body of the next request; empty when the client has hung up.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return String::new();
        }
    }
}

async fn get(url: &Url) -> Result<Response, Conversation> {
    client(PATIENT).get(url, None).await
}

async fn get_impatiently(url: &Url) -> Result<Response, Conversation> {
    client(IMPATIENT).get(url, None).await
}

#[track_caller]
fn whole(response: Result<Response, Conversation>) -> String {
    let response = response.unwrap();
    assert!(response.complete, "{response:?}");
    String::from_utf8(response.body).unwrap()
}
