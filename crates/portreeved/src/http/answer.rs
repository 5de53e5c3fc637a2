//! Responses, with the headers that every one has.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use hyper::http::Extensions;
use hyper::{Response, StatusCode};

/// What the server sends.
pub(super) type Answer = Response<Full<Bytes>>;

/// Makes responses.
#[derive(Debug)]
pub(super) struct Answers {
    spelling: Extensions,
    server: HeaderValue,
}

/// UDA 1.1 section 2.11.
pub(super) const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=\"utf-8\"");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=\"utf-8\"");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=\"utf-8\"");
const EXT: HeaderName = HeaderName::from_static("ext");

impl Answers {
    /// Makes responses with header names spelt in this way, from a server that calls itself this.
    pub(super) fn new(spelling: Extensions, server: HeaderValue) -> Self {
        Self { spelling, server }
    }

    /// A response with a body.
    pub(super) fn with(&self, status: StatusCode, content_type: HeaderValue, body: Bytes) -> Answer {
        let length = body.len();
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = status;
        *answer.extensions_mut() = self.spelling.clone();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(SERVER, self.server.clone());
        headers.insert(EXT, HeaderValue::from_static(""));
        answer
    }

    /// A refusal on the level of HTTP, with the reason in words.
    pub(super) fn refusal(&self, status: StatusCode, reason: impl Into<Bytes>) -> Answer {
        self.with(status, TEXT, reason.into())
    }

    /// A refusal after which the connection ends, since what follows on it is not wanted.
    pub(super) fn last_refusal(&self, status: StatusCode, reason: impl Into<Bytes>) -> Answer {
        let mut answer = self.refusal(status, reason);
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}
