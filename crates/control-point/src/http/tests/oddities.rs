//! What routers send that no standard foresees (spec of the field: R7, R12, R13, R14), and what they expect.

use std::net::IpAddr;

use tokio::sync::mpsc;

use super::*;

#[tokio::test]
async fn a_request_is_spelt_as_naive_routers_expect() {
    let (sender, mut requests) = mpsc::unbounded_channel();
    let url = server(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await
                .unwrap();
        }
    })
    .await;
    let client = client(PATIENT);
    let local = IpAddr::V4(Ipv4Addr::new(127, 7, 7, 7));
    let response = client
        .post(
            &url,
            "\"urn:x:1#Do\"",
            "<body/>".to_owned(),
            Some(local),
            (Repetition::Harmless, Length::Short),
        )
        .await;
    assert_eq!(response.unwrap().local, local);
    client.get(&url, None).await.unwrap();

    let post = requests.recv().await.unwrap();
    let mut lines: Vec<_> = post.lines().collect();
    assert_eq!(lines.remove(0), "POST /d/x.xml?a=b HTTP/1.1");
    lines.sort_unstable();
    let [body_gap, body, length, content_type, host, action, agent] = lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!((body_gap, body), ("", "<body/>"));
    assert_eq!(length, "Content-Length: 7");
    assert_eq!(content_type, "Content-Type: text/xml; charset=\"utf-8\"");
    assert_eq!(host, format!("Host: {}", url.host_header()));
    assert_eq!(action, "SOAPAction: \"urn:x:1#Do\"");
    let (system, product) = agent.split_once(" UPnP/1.1 ").unwrap();
    assert!(system.starts_with("User-Agent: "), "{agent}");
    assert_eq!(product, concat!("portreeve/", env!("CARGO_PKG_VERSION")));

    let get = requests.recv().await.unwrap();
    assert!(get.starts_with("GET /d/x.xml?a=b HTTP/1.1\r\n"), "{get}");
    assert!(!get.contains("Content-") && !get.contains("SOAP"), "{get}");
}

#[tokio::test]
async fn a_body_without_length_goes_to_the_end() {
    let url =
        answering("HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\nServer: BRCM400/1.0\r\n\r\n<a/>").await;
    let response = get(&url).await;
    assert_eq!(response.as_ref().unwrap().server.as_deref(), Some("BRCM400/1.0"));
    assert_eq!(whole(response), "<a/>");
}

#[tokio::test]
async fn chunks_are_put_together() {
    let chunks = "4\r\n<a><\r\n6;x=y\r\nb/></a\r\n1\r\n>\r\n0\r\nTrailer: x\r\n\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    assert_eq!(whole(get(&answering(answer.leak()).await).await), "<a><b/></a>");
}

#[tokio::test]
async fn provisional_answers_are_passed_over() {
    let url = answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<a/>").await;
    assert_eq!(whole(get(&url).await), "<a/>");
}

#[tokio::test]
async fn sloppy_heads_are_understood() {
    for head in [
        "HTTP/1.1 200\r\nContent-Length:4\r\n",
        "HTTP/1.1 200 \r\nCONTENT-LENGTH: 4 \r\n",
        "HTTP/1.1 200 OK\nContent-Length: 4\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 4\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
        "HTTP/1.1 200 OK\r\nServer: x\r\n folded\r\nContent-Length: 4\r\n",
        "HTTP/1.1 200 OK\r\nno header at all\r\nb\u{e4}d: \u{fc}\r\nContent-Length: 4\r\nServer:\r\n",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n",
    ] {
        let end = if head.contains("\r\n") { "\r\n" } else { "\n" };
        let answer = format!("{head}{end}<a/>behind the body");
        assert_eq!(whole(get(&answering(answer.leak()).await).await), "<a/>", "{head:?}");
    }
}

#[tokio::test]
async fn faults_come_with_their_status_and_body() {
    let url = answering("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 8\r\n\r\n<fault/>").await;
    let response = client(PATIENT)
        .post(
            &url,
            "\"x#y\"",
            String::new(),
            None,
            (Repetition::Harmless, Length::Short),
        )
        .await
        .unwrap();
    assert_eq!(
        (response.status, response.body.as_slice()),
        (500, b"<fault/>".as_slice())
    );
}

#[tokio::test]
async fn a_truncated_body_is_given_as_such() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n<a>",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\n100\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\nnonsense\r\n",
    ] {
        let response = get(&answering(answer).await).await.unwrap();
        assert_eq!(
            (response.complete, response.body.as_slice()),
            (false, b"<a>".as_slice()),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_given_when_the_time_is_over() {
    let url = server(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n<a/>")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let response = get_impatiently(&url).await.unwrap();
    assert_eq!(
        (response.complete, response.body.as_slice()),
        (false, b"<a/>".as_slice())
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let url = answering("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/x\r\nContent-Length: 0\r\n\r\n").await;
    let leads_away = Conversation::LeadsAway {
        from: url.to_string(),
        to: "http://192.0.2.1/x".to_owned(),
    };
    assert_eq!(get(&url).await, Err(leads_away));
    let url = answering("HTTP/1.1 301 Moved\r\nLocation: http://router.lan/x\r\nContent-Length: 0\r\n\r\n").await;
    assert!(matches!(get(&url).await, Err(Conversation::LeadsAway { .. })));
    for location in ["/login.html", ""] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let url = answering(answer.leak()).await;
        let status = Conversation::Status {
            url: url.to_string(),
            status: 302,
        };
        assert_eq!(get(&url).await, Err(status), "{location:?}");
    }
}
