//! Servers that mean harm, or are broken beyond use: every one costs bounded time and memory, and gets its name.

use std::time::Instant;

use super::super::connection::HEAD_LIMIT;
use super::*;

#[tokio::test]
async fn an_endless_head_is_cut_off() {
    let url = endless(
        b"HTTP/1.1 200 OK\r\n",
        b"x-header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
    )
    .await;
    let limit = HEAD_LIMIT;
    assert!(matches!(get(&url).await, Err(Conversation::TooLarge { limit: found, .. }) if found == limit));
    let url = endless(b"HTTP/1.1 200 OK\r\nx: ", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").await;
    assert!(matches!(get(&url).await, Err(Conversation::TooLarge { limit: found, .. }) if found == limit));
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551000\r\n\r\n",
    ] {
        let url = endless(head.as_bytes(), &[b'x'; 4096]).await;
        assert_eq!(get(&url).await, Err(too_large(&url, 64 * 1024)), "{head:?}");
    }
    let chunk = b"10\r\nxxxxxxxxxxxxxxxx\r\n";
    let url = endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk).await;
    for (length, limit) in [(Length::Short, 128), (Length::Long, 256)] {
        let answer = client(PATIENT)
            .post(&url, "\"x#y\"", String::new(), None, (Repetition::Harmless, length))
            .await;
        assert_eq!(answer, Err(too_large(&url, limit * 1024)));
    }
}

#[tokio::test]
async fn endless_provisional_answers_end_with_the_time() {
    let url = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n").await;
    assert!(matches!(get_impatiently(&url).await, Err(Conversation::Timeout { .. })));
}

#[tokio::test]
async fn silence_ends_with_the_time() {
    let url = server(|_, stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let timeout = Conversation::Timeout {
        address: url.authority().to_string(),
        waited: IMPATIENT,
    };
    assert_eq!(get_impatiently(&url).await, Err(timeout));
}

#[tokio::test]
async fn dripping_ends_with_the_time() {
    let url = server(|_, mut stream| async move {
        read_request(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let start = Instant::now();
    assert!(matches!(get_impatiently(&url).await, Err(Conversation::Timeout { .. })));
    assert!(start.elapsed() < PATIENT);
}

#[tokio::test]
async fn a_server_that_hangs_up_is_named() {
    let url = server(|_, mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    let unreachable = Conversation::Unreachable {
        address: url.authority().to_string(),
        reason: "it hung up without an answer".to_owned(),
    };
    assert_eq!(get(&url).await, Err(unreachable));
    assert!(matches!(
        get(&answering("HTTP/1.1 200 OK\r\nContent-Le").await).await,
        Err(Conversation::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert!(matches!(
        get(&url).await,
        Err(Conversation::Unreachable { address, .. }) if address == url.authority().to_string()
    ));
}

#[tokio::test]
async fn garbage_is_named() {
    for garbage in [
        "<html>no head</html>\r\n\r\n",
        "220 ftp.example FTP server ready\r\n",
        "\0\u{1}\u{2}\u{3}",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    ] {
        let answer = get(&answering(garbage).await).await;
        assert!(
            matches!(answer, Err(Conversation::Malformed { .. })),
            "{garbage:?}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_service_type_that_breaks_the_request_is_not_sent() {
    let url = Url::parse("http://127.0.0.1:9/").unwrap();
    let answer = client(PATIENT)
        .post(
            &url,
            "\"x\r\nEvil: y\"",
            String::new(),
            None,
            (Repetition::Harmless, Length::Short),
        )
        .await;
    assert!(matches!(answer, Err(Conversation::Malformed { .. })), "{answer:?}");
}

/// A server that sends a start and then the rest for ever.
async fn endless(start: &'static [u8], rest: &'static [u8]) -> Url {
    server(move |_, mut stream| async move {
        read_request(&mut stream).await;
        if stream.write_all(start).await.is_ok() {
            while stream.write_all(rest).await.is_ok() {}
        }
    })
    .await
}

fn too_large(url: &Url, limit: usize) -> Conversation {
    Conversation::TooLarge {
        url: url.to_string(),
        limit,
    }
}
