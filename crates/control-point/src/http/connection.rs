//! One connection to a gateway.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response as Head;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{LOCATION, SERVER};
use hyper_util::rt::TokioIo;
use portreeve_wire::Url;
use portreeve_wire::url::UrlError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

use super::{Question, Response};
use crate::error::Conversation;
use crate::network::{Connected, Stream};

/// Most bytes of the head of an answer; gateways send some hundred.
pub(super) const HEAD_LIMIT: usize = 16 * 1024;

/// hyper's buffer, which holds a head and bounds the pieces of a body.
const BUFFER: usize = 32 * 1024;

/// How long a connection waits for the next request: many gateways have few connections to give.
const IDLE: Duration = Duration::from_secs(2);

/// An open connection, driven by a task of its own that ends with it.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    local: IpAddr,
    received: Received,
    activity: watch::Sender<Activity>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The time was over.
    Late,
    /// Something else.
    Failed(Failure),
}

/// Why there is no answer, though there was time.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection ended before any byte of the answer.
    Unanswered(Conversation),
    /// Asking again makes it no better.
    Final(Conversation),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Busy,
    Idle,
}

impl Connection {
    /// Prepares to talk HTTP over it.
    pub(super) async fn over(connected: Connected) -> Self {
        let received = Received::default();
        let stream = Counted {
            stream: connected.stream,
            received: received.clone(),
        };
        let handshake = tolerant().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.expect("HTTP/1 begins without an exchange that could fail");
        let (activity, watched) = watch::channel(Activity::Busy);
        tokio::spawn(async move {
            tokio::select! {
                // How it ended, the request in flight is told.
                _ended = connection => {}
                () = idle_for_too_long(watched) => {}
            }
        });
        Self {
            sender,
            local: connected.local.ip(),
            received,
            activity,
        }
    }

    /// Whether it can carry another request, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Whether it is open, and leaves from this address of ours.
    pub(super) fn serves(&self, from: Option<IpAddr>) -> bool {
        self.is_open() && from.is_none_or(|from| from == self.local)
    }

    /// Lets it wait for the next request, for a while.
    pub(super) fn rest(&self) {
        self.activity.send_replace(Activity::Idle);
    }

    /// One exchange. What stops in the middle of a body counts as an answer that is not complete.
    pub(super) async fn ask(&mut self, question: &Question<'_>) -> Result<Response, Trouble> {
        self.activity.send_replace(Activity::Busy);
        let before = self.received.bytes();
        let exchange = async {
            self.sender.ready().await?;
            self.sender.send_request(question.request.clone()).await
        };
        let head = match timeout_at(question.deadline, exchange).await {
            Ok(Ok(head)) => head,
            Ok(Err(error)) => {
                let why = why(&error, question.url);
                let answered = self.received.bytes() > before;
                return Err(Trouble::Failed(match answered || error.is_parse() {
                    true => Failure::Final(why),
                    false => Failure::Unanswered(why),
                }));
            }
            Err(_) => return Err(Trouble::Late),
        };
        let failed = |why| Trouble::Failed(Failure::Final(why));
        if head.status().is_redirection() {
            return Err(failed(redirected(question.url, &head)));
        }
        let (status, server) = (head.status().as_u16(), text(&head, &SERVER));
        let headers = head.headers().clone();
        let (body, complete) = collect(head.into_body(), question).await.map_err(failed)?;
        Ok(Response {
            status,
            body,
            complete,
            server,
            headers,
            local: self.local,
        })
    }
}

/// Understands what servers in routers send.
fn tolerant() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .title_case_headers(true)
        .preserve_header_case(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_header_size(HEAD_LIMIT)
        .max_buf_size(BUFFER);
    builder
}

/// Ends when nobody has used the connection for long, or nobody can.
async fn idle_for_too_long(mut activity: watch::Receiver<Activity>) {
    loop {
        let now = *activity.borrow_and_update();
        let changed = match now {
            Activity::Busy => activity.changed().await,
            Activity::Idle => match timeout(IDLE, activity.changed()).await {
                Ok(changed) => changed,
                Err(_) => return,
            },
        };
        if changed.is_err() {
            return;
        }
    }
}

/// The body, and whether it came to its end.
async fn collect(mut body: Incoming, question: &Question<'_>) -> Result<(Vec<u8>, bool), Conversation> {
    let mut collected = Vec::new();
    loop {
        match timeout_at(question.deadline, body.frame()).await {
            Ok(None) => return Ok((collected, true)),
            Ok(Some(Ok(frame))) => {
                // Trailers are no data.
                let piece = frame.into_data().unwrap_or_default();
                if collected.len() + piece.len() > question.limit {
                    return Err(Conversation::TooLarge {
                        url: question.url.to_string(),
                        limit: question.limit,
                    });
                }
                collected.extend_from_slice(&piece);
            }
            Ok(Some(Err(_))) | Err(_) => return Ok((collected, false)),
        }
    }
}

/// Redirects are not followed: no gateway needs them, and they lead who knows where.
fn redirected(url: &Url, head: &Head<Incoming>) -> Conversation {
    let to = text(head, &LOCATION).unwrap_or_default();
    let same_host = match url.resolve(&to) {
        Ok(target) => target.same_host(url),
        Err(UrlError::HostName | UrlError::Scheme) => false,
        Err(_) => true,
    };
    match same_host {
        true => Conversation::Status {
            url: url.to_string(),
            status: head.status().as_u16(),
        },
        false => Conversation::LeadsAway {
            from: url.to_string(),
            to,
        },
    }
}

fn text(head: &Head<Incoming>, name: &hyper::header::HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(head.headers().get(name)?.as_bytes()).into_owned();
    (!value.is_empty()).then_some(value)
}

fn why(error: &hyper::Error, url: &Url) -> Conversation {
    if error.is_parse_too_large() {
        return Conversation::TooLarge {
            url: url.to_string(),
            limit: HEAD_LIMIT,
        };
    }
    if error.is_parse() {
        return Conversation::Malformed {
            url: url.to_string(),
            expected: "an HTTP response",
            problem: error.to_string(),
        };
    }
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    Conversation::Unreachable {
        address: url.authority().to_string(),
        reason: io.map_or_else(|| "it hung up without an answer".to_owned(), ToString::to_string),
    }
}

/// How many bytes have come.
#[derive(Clone, Debug, Default)]
struct Received(Arc<AtomicU64>);

impl Received {
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream that counts what comes.
struct Counted {
    stream: Box<dyn Stream>,
    received: Received,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let new = buffer.filled().len() - before;
        self.received.0.fetch_add(new as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
