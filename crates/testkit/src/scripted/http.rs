use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::place::{StopFlag, TICK};
use super::record::find;

/// More than any client sends.
const HEAD_LIMIT: usize = 64 * 1024;
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// A request as it came.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) version: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// A response before it is made into bytes.
#[derive(Debug)]
pub(super) struct Response {
    /// What stands before the headers, as in `HTTP/1.1 200 OK`.
    pub(super) status_line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) framing: Framing,
}

/// How the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    ContentLength,
    /// With a blank after the value.
    SpacedContentLength,
    Chunked,
    UntilClose,
}

/// How the bytes go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Drip(Duration),
    Truncated,
    Endless,
    Never,
    HangUp,
    /// These bytes instead, then the connection is closed.
    Garbage(&'static [u8]),
}

/// What becomes of the connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Close,
}

impl Request {
    /// Waits for the next request on a connection whose reads end after [`TICK`]; `None` when the client closes it,
    /// the server stops or the bytes are no HTTP. `buffer` keeps what came too early.
    pub(super) fn read(mut stream: &TcpStream, buffer: &mut Vec<u8>, stop: &StopFlag) -> Option<Self> {
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break buffer.drain(..end + 4).collect::<Vec<_>>();
            }
            if buffer.len() > HEAD_LIMIT || !receive(&mut stream, buffer, stop) {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let mut words = lines.next()?.split_whitespace();
        let (method, path, version) = (words.next()?, words.next()?, words.next()?);
        let headers = headers(lines);
        if find(&headers, "Expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let length: usize = find(&headers, "Content-Length").map_or(Some(0), |text| text.parse().ok())?;
        while buffer.len() < length {
            if length > BODY_LIMIT || !receive(&mut stream, buffer, stop) {
                return None;
            }
        }
        Some(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            version: version.to_owned(),
            headers,
            body: buffer.drain(..length).collect(),
        })
    }

    /// Value of the first header of that name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl Response {
    pub(super) fn new(status: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status_line: format!("HTTP/1.1 {status}"),
            headers: vec![
                ("Content-Type".to_owned(), content_type.to_owned()),
                ("Server".to_owned(), "Linux UPnP/1.1 Scripted/1".to_owned()),
            ],
            body: body.into(),
            framing: Framing::ContentLength,
        }
    }

    /// Sends it. After all but a whole delivery the connection is closed.
    ///
    /// # Errors
    /// If the client has closed the connection.
    pub(super) fn send(&self, stream: &TcpStream, delivery: &Delivery, stop: &StopFlag) -> io::Result<After> {
        let (head, body) = (self.head(), self.framed_body());
        let mut pipe = Pipe { stream, stop };
        match delivery {
            Delivery::Whole => {
                pipe.write_all(&[head, body].concat())?;
                let keep = self.framing != Framing::UntilClose
                    && !find(&self.headers, "Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                return Ok(if keep { After::Keep } else { After::Close });
            }
            Delivery::Drip(pause) => {
                for byte in [head, body].concat() {
                    pipe.write_all(&[byte])?;
                    pause_for(*pause, stop);
                }
            }
            Delivery::Truncated => pipe.write_all(&[head, body[..body.len() / 2].to_vec()].concat())?,
            Delivery::Endless => {
                pipe.write_all(self.head_without_length().as_bytes())?;
                pipe.write_all(&self.body)?;
                loop {
                    pipe.write_all(&[b' '; 4096])?;
                }
            }
            Delivery::Never => {
                let mut rest = Vec::new();
                let mut input = stream;
                while receive(&mut input, &mut rest, stop) {
                    rest.clear();
                }
            }
            Delivery::HangUp => {}
            Delivery::Garbage(bytes) => pipe.write_all(bytes)?,
        }
        Ok(After::Close)
    }

    fn head(&self) -> Vec<u8> {
        let framing = match self.framing {
            Framing::ContentLength => format!("Content-Length: {}\r\n", self.body.len()),
            Framing::SpacedContentLength => format!("CONTENT-LENGTH: {} \r\n", self.body.len()),
            Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            Framing::UntilClose => String::new(),
        };
        let framing = match find(&self.headers, "Content-Length") {
            Some(_) => String::new(),
            None => framing,
        };
        format!("{}{framing}\r\n", self.lines()).into_bytes()
    }

    fn head_without_length(&self) -> String {
        format!("{}Connection: close\r\n\r\n", self.lines())
    }

    fn lines(&self) -> String {
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{}\r\n{headers}", self.status_line)
    }

    fn framed_body(&self) -> Vec<u8> {
        if self.framing != Framing::Chunked {
            return self.body.clone();
        }
        let mut framed = Vec::new();
        // Small and uneven, so that chunks end in the middle of tags.
        for chunk in self.body.chunks(97) {
            framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
        }
        framed.extend_from_slice(b"0\r\n\r\n");
        framed
    }
}

/// Header lines of HTTP or SSDP: names as sent, values trimmed; what has no colon is passed over.
pub(super) fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Sleeps, but not past the server's end.
pub(super) fn pause_for(time: Duration, stop: &StopFlag) {
    let until = Instant::now() + time;
    while !stop.is_set() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(TICK));
    }
}

/// Appends what comes; false at the end of the stream or of the server.
fn receive(stream: &mut &TcpStream, buffer: &mut Vec<u8>, stop: &StopFlag) -> bool {
    let mut part = [0; 4096];
    while !stop.is_set() {
        match stream.read(&mut part) {
            Ok(0) => return false,
            Ok(n) => {
                buffer.extend_from_slice(&part[..n]);
                return true;
            }
            Err(e) if is_tick(&e) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Writes to a client that may not read, until the server stops.
struct Pipe<'a> {
    stream: &'a TcpStream,
    stop: &'a StopFlag,
}

impl Pipe<'_> {
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if is_tick(&e) && !self.stop.is_set() => {}
                Err(e) => return Err(e),
            }
            if self.stop.is_set() {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(())
    }
}

fn is_tick(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
