//! SUBSCRIBE and UNSUBSCRIBE (UDA 1.1 sections 4.1.1 to 4.1.3).

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use portreeve_engine::eventing::Subscriber;
use portreeve_wire::Uuid;
use portreeve_wire::gena::{self, Head, Subscribe, Timeout};
use portreeve_wire::service::Service;
use portreeve_wire::view::View;
use tracing::error;

use super::answer::{Answer, XML};
use super::{Ask, Gateway};
use crate::events::{Held, Refused};
use crate::machine::Door;
use crate::random;

const SID: HeaderName = HeaderName::from_static("sid");
const TIMEOUT: HeaderName = HeaderName::from_static("timeout");

/// A request that is not carried out.
type Refusal = (StatusCode, String);

impl<A: Ask> Gateway<A> {
    /// Answers a request to the event URL of a service. The answer to a new subscription carries an [`Arc<Held>`], to be
    /// dropped when it has been sent.
    pub(super) fn subscription(
        &self,
        at: (&'static Service, View),
        request: &Request<Incoming>,
        client: IpAddr,
        door: Door,
    ) -> Answer {
        let head = head(request.headers());
        let outcome = match request.method().as_str() {
            "UNSUBSCRIBE" => self.unsubscribe(head),
            _ => self.subscribe(at, head, client, door),
        };
        outcome.unwrap_or_else(|(status, reason)| self.answers.refusal(status, format!("{reason}\n")))
    }

    fn subscribe(
        &self,
        (service, view): (&'static Service, View),
        head: Head<'_>,
        client: IpAddr,
        door: Door,
    ) -> Result<Answer, Refusal> {
        match gena::subscribe(head, self.quirks()).map_err(refusal)? {
            Subscribe::Renewal { sid, timeout } => {
                self.events
                    .renew(sid, timeout.duration())
                    .map_err(|why| precondition_failed(&why))?;
                Ok(self.granted(sid, timeout))
            }
            Subscribe::New { callbacks, timeout } => {
                let subscriber = Subscriber {
                    service,
                    version: view.version_of(service),
                    client,
                    callbacks,
                    timeout: timeout.duration(),
                };
                let held = self
                    .events
                    .subscribe(new_sid()?, subscriber, door)
                    .map_err(|why| match why {
                        Refused::OffLink => precondition_failed(&why),
                        Refused::Full(_) => (StatusCode::SERVICE_UNAVAILABLE, why.to_string()),
                    })?;
                let mut answer = self.granted(held.sid, timeout);
                answer.extensions_mut().insert::<Arc<Held>>(held);
                Ok(answer)
            }
        }
    }

    fn unsubscribe(&self, head: Head<'_>) -> Result<Answer, Refusal> {
        let sid = gena::unsubscribe(head).map_err(refusal)?;
        self.events.unsubscribe(sid).map_err(|why| precondition_failed(&why))?;
        Ok(self.empty())
    }

    fn granted(&self, sid: Uuid, timeout: Timeout) -> Answer {
        let mut answer = self.empty();
        let fields = [(SID, format!("uuid:{sid}")), (TIMEOUT, timeout.to_string())];
        for (name, text) in fields {
            if let Ok(value) = HeaderValue::from_str(&text) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }

    fn empty(&self) -> Answer {
        let mut answer = self.answers.with(StatusCode::OK, XML, Bytes::new());
        answer.headers_mut().remove(CONTENT_TYPE);
        answer
    }
}

/// The header fields of eventing. What is not text is as wrong as what is empty.
fn head(headers: &HeaderMap) -> Head<'_> {
    let field = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    Head {
        nt: field("nt"),
        callback: field("callback"),
        sid: field("sid"),
        timeout: field("timeout"),
    }
}

fn refusal(refusal: gena::Refusal) -> Refusal {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::PRECONDITION_FAILED);
    (status, refusal.to_string())
}

fn precondition_failed(why: &impl ToString) -> Refusal {
    (StatusCode::PRECONDITION_FAILED, why.to_string())
}

/// A name that nobody guesses, since whoever knows it can end the subscription.
fn new_sid() -> Result<Uuid, Refusal> {
    random::bits().map(Uuid::from_random).map_err(|error| {
        error!(%error, "no random numbers");
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "There are no random numbers.".to_owned(),
        )
    })
}
