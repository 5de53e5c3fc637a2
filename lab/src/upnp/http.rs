//! HTTP/1 over a raw connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use portreeve_testkit::Host;

/// How long to wait for a response: a little longer than a server may keep a slow request.
const PATIENCE: Duration = Duration::from_secs(12);

/// A response, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: String,
    /// Status code.
    pub status: u16,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// Body; chunks are joined.
    pub body: String,
}

impl Response {
    /// Value of a header field, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A TCP connection from a host of the lab to a server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If the connection is refused or not answered within twelve seconds.
    pub fn open(from: &Host, to: SocketAddr) -> io::Result<Self> {
        let stream = from.run(|| TcpStream::connect_timeout(&to, PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the peer closed.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Reads one response.
    ///
    /// # Errors
    /// If none comes within twelve seconds, or if it is not HTTP.
    pub fn response(&mut self) -> io::Result<Response> {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect::<Vec<_>>();
                break String::from_utf8(head).map_err(|_| invalid("the head is not text"))?;
            }
            if self.fill()? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "closed before the end of the head",
                ));
            }
        };
        let mut response = parse_head(&head)?;
        let body = if response
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            self.chunks()?
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().map_err(|_| invalid("CONTENT-LENGTH is no number"))?;
            self.exactly(length)?
        } else if matches!(response.status, 100..=199 | 204 | 304) {
            Vec::new()
        } else {
            while self.fill()? > 0 {}
            std::mem::take(&mut self.unread)
        };
        response.body = String::from_utf8(body).map_err(|_| invalid("the body is not UTF-8"))?;
        Ok(response)
    }

    /// Whether the peer closes the connection within `limit` without sending anything more.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let _ = self.stream.set_read_timeout(Some(limit));
        let closed = self.unread.is_empty() && matches!(self.stream.read(&mut [0]), Ok(0));
        let _ = self.stream.set_read_timeout(Some(PATIENCE));
        closed
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = find(&self.unread, b"\r\n") {
                    break self.unread.drain(..end + 2).collect::<Vec<_>>();
                }
                if self.fill()? == 0 {
                    return Err(invalid("closed inside a chunk"));
                }
            };
            let size = String::from_utf8_lossy(&line);
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("no chunk size"))?;
            body.extend(self.exactly(size)?);
            self.exactly(2)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            if self.fill()? == 0 {
                return Err(invalid("closed inside the body"));
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 8192];
        let n = self.stream.read(&mut chunk)?;
        self.unread.extend_from_slice(&chunk[..n]);
        Ok(n)
    }
}

/// Sends one request as it is on a connection of its own and reads the response.
///
/// # Errors
/// As [`Connection::open`] and [`Connection::response`].
pub fn exchange(from: &Host, to: SocketAddr, request: impl AsRef<[u8]>) -> io::Result<Response> {
    let mut connection = Connection::open(from, to)?;
    // A server may refuse a large request before it has read all of it.
    let sent = connection.send(request);
    connection.response().or_else(|e| sent.and(Err(e)))
}

/// Fetches a path with the usual header fields and a User-Agent.
///
/// # Errors
/// As [`exchange`].
pub fn get(from: &Host, to: SocketAddr, path: &str, user_agent: &str) -> io::Result<Response> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {user_agent}\r\nConnection: close\r\n\r\n");
    exchange(from, to, request)
}

fn parse_head(head: &str) -> io::Result<Response> {
    let mut lines = head.split("\r\n");
    let mut status_line = lines.next().unwrap_or_default().splitn(3, ' ');
    let version = status_line.next().unwrap_or_default().to_owned();
    let status = status_line
        .next()
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| invalid("no status line"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Ok(Response {
        version,
        status,
        headers,
        body: String::new(),
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
