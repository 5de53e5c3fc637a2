//! Answers, judged as far as needed to know that they are the right ones.

use super::Trouble;

/// An answer that has arrived as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// Whether the server closes the connection after it.
    pub(super) closes: bool,
    /// Whether it is what was asked for.
    pub(super) verdict: Result<(), Trouble>,
}

/// Looks whether `received` is a whole answer to the named action; `None` while some of it is missing.
pub(super) fn parse(received: &[u8], action: &str) -> Option<Response> {
    let head_end = find(received, b"\r\n\r\n")?;
    let (head, body) = (&received[..head_end], &received[head_end + 4..]);
    let length = header(head, "content-length").and_then(|value| value.parse::<usize>().ok());
    let Some(length) = length else {
        return Some(Response {
            closes: true,
            verdict: Err(Trouble::Wrong("no Content-Length".to_owned())),
        });
    };
    let body = body.get(..length)?;
    let closes = head.starts_with(b"HTTP/1.0")
        || header(head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Some(Response {
        closes,
        verdict: judge(head, body, action),
    })
}

fn judge(head: &[u8], body: &[u8], action: &str) -> Result<(), Trouble> {
    let status = head.get(9..12).unwrap_or_default();
    // `<u:NameResponse `: followed by neither another letter nor nothing.
    let answered = find(body, action.as_bytes()).is_some_and(|at| body[at + action.len()..].starts_with(b"Response"));
    if status == b"200" && answered {
        return Ok(());
    }
    let code = between(body, b"<errorCode>", b"<").map_or_else(String::new, |code| format!(", UPnP error {code}"));
    Err(Trouble::Wrong(format!(
        "status {}{code}",
        String::from_utf8_lossy(status)
    )))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn between<'a>(text: &'a [u8], start: &[u8], end: &[u8]) -> Option<&'a str> {
    let from = find(text, start)? + start.len();
    let length = find(&text[from..], end)?;
    str::from_utf8(&text[from..from + length]).ok()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_only() {
        let answer = b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 26\r\n\r\n<u:GetStatusInfoResponse/>";
        for end in 0..answer.len() {
            assert_eq!(parse(&answer[..end], "GetStatusInfo"), None);
        }
        let expected = Response {
            closes: false,
            verdict: Ok(()),
        };
        assert_eq!(parse(answer, "GetStatusInfo"), Some(expected));
    }

    #[test]
    fn the_answer_to_something_else_is_wrong() {
        let answer = b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 7\r\n\r\n<u:Foo>";
        let response = parse(answer, "Foo").expect("it is whole");
        assert!(response.closes && response.verdict.is_err());
    }

    #[test]
    fn errors_tell_their_code() {
        let body = "<UPnPError><errorCode>718</errorCode></UPnPError>";
        let answer = format!("HTTP/1.1 500 Error\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let response = parse(answer.as_bytes(), "Foo").expect("it is whole");
        assert_eq!(
            response.verdict,
            Err(Trouble::Wrong("status 500, UPnP error 718".to_owned()))
        );
    }
}
