//! Connections that are used again, and requests that wait for each other.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Answers every request of a connection with the number of the connection.
async fn numbered(requests_per_connection: usize) -> Url {
    server(move |number, mut stream| async move {
        for _ in 0..requests_per_connection {
            if read_request(&mut stream).await.is_empty() {
                return;
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{number}",
                number.to_string().len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let url = numbered(usize::MAX).await;
    let client = client(PATIENT);
    for _ in 0..3 {
        assert_eq!(whole(client.get(&url, None).await), "0");
    }
}

#[tokio::test]
async fn a_connection_that_the_gateway_closed_is_replaced() {
    let url = numbered(1).await;
    let client = client(PATIENT);
    for number in ["0", "1", "2"] {
        assert_eq!(whole(client.get(&url, None).await), number);
    }
}

#[tokio::test]
async fn a_request_that_a_kept_connection_swallowed_is_sent_again() {
    let url = server(|number, mut stream| async move {
        read_request(&mut stream).await;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        // The next is read, and never answered.
        read_request(&mut stream).await;
    })
    .await;
    let client = client(PATIENT);
    assert_eq!(whole(client.get(&url, None).await), "0");
    assert_eq!(
        whole(
            client
                .post(
                    &url,
                    "\"x#y\"",
                    "<a/>".to_owned(),
                    None,
                    (Repetition::Harmless, Length::Short)
                )
                .await
        ),
        "1"
    );
}

#[tokio::test]
async fn what_must_not_be_carried_out_twice_is_sent_over_a_connection_of_its_own() {
    let url = numbered(usize::MAX).await;
    let client = client(PATIENT);
    assert_eq!(whole(client.get(&url, None).await), "0");
    let answer = client
        .post(
            &url,
            "\"x#y\"",
            String::new(),
            None,
            (Repetition::Harmful, Length::Short),
        )
        .await;
    assert_eq!(whole(answer), "1");
    assert_eq!(whole(client.get(&url, None).await), "1");
}

#[tokio::test]
async fn a_request_that_was_answered_in_part_is_not_sent_again() {
    let url = server(|number, mut stream| async move {
        read_request(&mut stream).await;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 2").await.unwrap();
    })
    .await;
    let client = client(PATIENT);
    assert_eq!(whole(client.get(&url, None).await), "0");
    assert!(matches!(
        client.get(&url, None).await,
        Err(Conversation::Unreachable { .. })
    ));
}

#[tokio::test]
async fn another_address_of_ours_needs_another_connection() {
    let url = numbered(usize::MAX).await;
    let client = client(PATIENT);
    assert_eq!(whole(client.get(&url, Some(Ipv4Addr::LOCALHOST.into())).await), "0");
    assert_eq!(
        whole(client.get(&url, Some(Ipv4Addr::new(127, 7, 7, 7).into())).await),
        "1"
    );
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let (sender, closed) = tokio::sync::oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let url = server(move |_, mut stream| {
        let sender = Arc::clone(&sender);
        async move {
            read_request(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await
                .unwrap();
            assert_eq!(read_request(&mut stream).await, "");
            let sender = sender.lock().unwrap().take();
            sender.unwrap().send(()).unwrap();
        }
    })
    .await;
    let client = client(PATIENT);
    client.get(&url, None).await.unwrap();
    tokio::time::timeout(PATIENT, closed).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_to_one_address_wait_for_each_other() {
    static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let url = server(|_, mut stream| async move {
        read_request(&mut stream).await;
        MOST.fetch_max(AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        AT_ONCE.fetch_sub(1, Ordering::SeqCst);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
    })
    .await;
    let client = Arc::new(client(PATIENT));
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (client, url) = (Arc::clone(&client), url.clone());
        requests.spawn(async move { client.get(&url, None).await.unwrap() });
    }
    requests.join_all().await;
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_given_up_leaves_nothing_behind() {
    let url = server(|number, mut stream| async move {
        read_request(&mut stream).await;
        if number == 0 {
            std::future::pending::<()>().await;
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            .await
            .unwrap();
    })
    .await;
    let client = client(PATIENT);
    let given_up = tokio::time::timeout(IMPATIENT, client.get(&url, None)).await;
    assert!(given_up.is_err());
    assert_eq!(whole(client.get(&url, None).await), "x");
}

/// A gateway that is upset by requests in a hurry, until it has been left alone for 200 ms.
async fn easily_upset(error: &'static str) -> Url {
    let last = Arc::new(std::sync::Mutex::new(None::<std::time::Instant>));
    server(move |_, mut stream| {
        let last = Arc::clone(&last);
        async move {
            while !read_request(&mut stream).await.is_empty() {
                let previous = last.lock().unwrap().replace(std::time::Instant::now());
                let upset = previous.is_some_and(|previous| previous.elapsed() < Duration::from_millis(200));
                let answer = if upset {
                    error
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn r63_a_gateway_that_minds_haste_is_asked_again_and_slowly_from_then_on() {
    let url = easily_upset("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 9\r\n\r\nnot now!!").await;
    let client = client(PATIENT);
    for _ in 0..3 {
        assert_eq!(
            whole(
                client
                    .post(
                        &url,
                        "\"x#y\"",
                        String::new(),
                        None,
                        (Repetition::Harmless, Length::Short)
                    )
                    .await
            ),
            "ok"
        );
    }
}

#[tokio::test]
async fn a_refusal_with_a_reason_is_not_asked_again() {
    let url = easily_upset("HTTP/1.1 500 x\r\nContent-Length: 8\r\n\r\n<Fault/>").await;
    let client = client(PATIENT);
    assert_eq!(
        whole(
            client
                .post(
                    &url,
                    "\"x#y\"",
                    String::new(),
                    None,
                    (Repetition::Harmless, Length::Short)
                )
                .await
        ),
        "ok"
    );
    assert_eq!(
        whole(
            client
                .post(
                    &url,
                    "\"x#y\"",
                    String::new(),
                    None,
                    (Repetition::Harmless, Length::Short)
                )
                .await
        ),
        "<Fault/>"
    );
}

#[tokio::test]
async fn an_error_that_haste_does_not_explain_is_given() {
    let url = answering("HTTP/1.1 500 x\r\nContent-Length: 2\r\n\r\nno").await;
    let client = client(PATIENT);
    for _ in 0..2 {
        let response = client.get(&url, None).await.unwrap();
        assert_eq!((response.status, response.body.as_slice()), (500, b"no".as_slice()));
    }
}
