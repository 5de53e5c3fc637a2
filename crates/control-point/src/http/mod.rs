//! HTTP with gateways: tolerant of what they send, never of how much or where to.

mod connection;
mod pool;
mod spelling;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::Extensions;
use hyper::{Method, Request};
use portreeve_wire::Url;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use crate::error::Conversation;
use crate::network::{Network, System};
use connection::{Connection, Failure};
use pool::Pool;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// Most bytes of the answer to a request of eventing, which has no use for any.
const SUBSCRIPTION_LIMIT: usize = 16 * 1024;

/// How much a gateway may take of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Time for one exchange, from opening the connection to the last byte of the answer.
    pub(crate) timeout: Duration,
    /// Most bytes of a document that is fetched.
    pub(crate) document_limit: usize,
    /// Most bytes of the answer to an action.
    pub(crate) answer_limit: usize,
    /// Most bytes of the answer to an action that lists, or of which nobody knows what it does.
    pub(crate) listing_limit: usize,
}

/// Talks HTTP/1.1. Requests to one address and port wait for each other (some gateways are upset by requests at the
/// same time), and one connection to it is kept open for a moment, for the next request.
#[derive(Debug)]
pub(crate) struct Client {
    network: Arc<dyn Network>,
    settings: Settings,
    user_agent: HeaderValue,
    spelling: OnceCell<Extensions>,
    pool: Pool,
}

/// What a gateway answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// HTTP status: 2xx, or an error with or without a fault in the body.
    pub(crate) status: u16,
    /// The body, as far as it came.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(crate) complete: bool,
    /// `SERVER`.
    pub(crate) server: Option<String>,
    /// The header fields.
    pub(crate) headers: HeaderMap,
    /// Our address, as the gateway saw it.
    pub(crate) local: IpAddr,
}

impl Response {
    /// The value of a header field, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the server says that it could not, and nothing about why: no fault.
    fn is_mere_error(&self) -> bool {
        let mentions_fault = || self.body.windows(5).any(|window| window.eq_ignore_ascii_case(b"fault"));
        matches!(self.status, 429 | 500 | 503) && !mentions_fault()
    }
}

/// What becomes of a request that is carried out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// The same as if it was carried out once.
    Harmless,
    /// Something else.
    Harmful,
}

/// How long an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// A handful of values.
    Short,
    /// A list.
    Long,
}

/// A request, to be sent more than once if need be.
struct Question<'a> {
    url: &'a Url,
    from: Option<IpAddr>,
    limit: usize,
    repetition: Repetition,
    deadline: Instant,
    request: Request<Full<Bytes>>,
}

/// How we name ourselves (`USER-AGENT`): operating system, architecture version, product.
pub(crate) fn user_agent() -> String {
    let (system, version) = System::name_and_version();
    portreeve_wire::http::server(&system, &version, env!("CARGO_PKG_VERSION"))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3),
            document_limit: 256 * 1024,
            answer_limit: 64 * 1024,
            listing_limit: 4 * 1024 * 1024,
        }
    }
}

impl Client {
    /// Opens nothing yet.
    pub(crate) fn new(network: Arc<dyn Network>, settings: Settings) -> Self {
        Self {
            network,
            settings,
            user_agent: HeaderValue::from_str(&user_agent()).expect("made of tokens, spaces and slashes"),
            spelling: OnceCell::new(),
            pool: Pool::default(),
        }
    }

    /// Fetches a document, from a certain address of ours if given.
    pub(crate) async fn get(&self, url: &Url, from: Option<IpAddr>) -> Result<Response, Conversation> {
        let request = self.request(Method::GET, url, Bytes::new())?;
        let limit = self.settings.document_limit;
        self.ask(url, from, limit, Repetition::Harmless, request).await
    }

    /// Calls an action: `soap_action` is the value of the header, quotes included (UDA 1.1 section 3.1.1).
    pub(crate) async fn post(
        &self,
        url: &Url,
        soap_action: &str,
        body: String,
        from: Option<IpAddr>,
        (repetition, length): (Repetition, Length),
    ) -> Result<Response, Conversation> {
        let mut request = self.request(Method::POST, url, body.into())?;
        let soap_action = HeaderValue::from_str(soap_action).map_err(|_| Conversation::Malformed {
            url: url.to_string(),
            expected: "the type of a service",
            problem: format!("{soap_action:?} cannot stand in a request"),
        })?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=\"utf-8\""));
        headers.insert(SOAP_ACTION, soap_action);
        let spelling = self.spelling.get_or_init(spelling::spelling).await;
        request.extensions_mut().extend(spelling.clone());
        let limit = match length {
            Length::Short => self.settings.answer_limit,
            Length::Long => self.settings.listing_limit,
        };
        self.ask(url, from, limit, repetition, request).await
    }

    /// A request of eventing: SUBSCRIBE or UNSUBSCRIBE, with its own header fields (UDA 1.1 section 4.1).
    pub(crate) async fn subscription(
        &self,
        url: &Url,
        method: &'static str,
        fields: &[(&'static str, &str)],
        from: Option<IpAddr>,
        repetition: Repetition,
    ) -> Result<Response, Conversation> {
        let method = Method::from_bytes(method.as_bytes()).expect("a constant of letters");
        let mut request = self.request(method, url, Bytes::new())?;
        for (name, value) in fields {
            let value = HeaderValue::from_str(value).map_err(|_| Conversation::Malformed {
                url: url.to_string(),
                expected: "a header field",
                problem: format!("{value:?} cannot stand in a request"),
            })?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let spelling = self.spelling.get_or_init(spelling::spelling).await;
        request.extensions_mut().extend(spelling.clone());
        self.ask(url, from, SUBSCRIPTION_LIMIT, repetition, request).await
    }

    fn request(&self, method: Method, url: &Url, body: Bytes) -> Result<Request<Full<Bytes>>, Conversation> {
        Request::builder()
            .method(method)
            .uri(url.path())
            .header(HOST, url.host_header())
            .header(USER_AGENT, &self.user_agent)
            .body(Full::new(body))
            .map_err(|error| Conversation::Malformed {
                url: url.to_string(),
                expected: "a URL",
                problem: error.to_string(),
            })
    }

    async fn ask(
        &self,
        url: &Url,
        from: Option<IpAddr>,
        limit: usize,
        repetition: Repetition,
        request: Request<Full<Bytes>>,
    ) -> Result<Response, Conversation> {
        let queue = self.pool.queue(url.authority());
        let mut line = queue.lock().await;
        let mut question = Question {
            url,
            from,
            limit,
            repetition,
            deadline: Instant::now(),
            request,
        };
        loop {
            line.pause().await;
            let hurried = line.is_hurried();
            question.deadline = Instant::now() + self.settings.timeout;
            let answer = self.ask_on(&mut line.connection, &question).await;
            line.note_answer();
            match answer {
                Ok(response) if hurried && response.is_mere_error() => line.slow_down(),
                answer => return answer,
            }
        }
    }

    /// Asks over the connection that was kept, or over another one if that does not work any more. If a kept connection
    /// ends without an answer, nobody knows whether the request was carried out.
    async fn ask_on(&self, kept: &mut Option<Connection>, question: &Question<'_>) -> Result<Response, Conversation> {
        if let Some(connection) = kept.take()
            && question.repetition == Repetition::Harmless
            && connection.serves(question.from)
        {
            match self.ask_over(connection, question, kept).await {
                // Most likely the gateway had closed it, and saw nothing of the request.
                Err(Failure::Unanswered(_)) => {}
                Err(Failure::Final(why)) => return Err(why),
                Ok(response) => return Ok(response),
            }
        }
        let connection = self.open(question).await?;
        match self.ask_over(connection, question, kept).await {
            Ok(response) => Ok(response),
            Err(Failure::Unanswered(why) | Failure::Final(why)) => Err(why),
        }
    }

    async fn open(&self, question: &Question<'_>) -> Result<Connection, Conversation> {
        let address = question.url.authority();
        let connect = self.network.connect(address, question.from);
        let connected = match timeout_at(question.deadline, connect).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => {
                return Err(Conversation::Unreachable {
                    address: address.to_string(),
                    reason: error.to_string(),
                });
            }
            Err(_) => return Err(self.late(question)),
        };
        Ok(Connection::over(connected).await)
    }

    /// Asks, and keeps the connection if it can be used again.
    async fn ask_over(
        &self,
        mut connection: Connection,
        question: &Question<'_>,
        kept: &mut Option<Connection>,
    ) -> Result<Response, Failure> {
        let response = connection.ask(question).await.map_err(|failure| match failure {
            connection::Trouble::Late => Failure::Final(self.late(question)),
            connection::Trouble::Failed(failure) => failure,
        })?;
        if response.complete {
            connection.rest();
            *kept = Some(connection);
        }
        Ok(response)
    }

    fn late(&self, question: &Question<'_>) -> Conversation {
        Conversation::Timeout {
            address: question.url.authority().to_string(),
            waited: self.settings.timeout,
        }
    }
}
