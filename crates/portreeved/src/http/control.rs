//! Control: a SOAP request in, the engine's answer out (UDA 1.1 section 3).

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};
use portreeve_engine::{Reply, Request as EngineRequest};
use portreeve_wire::service::Service;
use portreeve_wire::{Answer as EngineAnswer, Call, Fault, Offer, Quirks, dispatch, soap};

use super::answer::{Answer, XML};
use super::connections::{Phase, Watch};
use super::{Ask, Gateway, acquaintance, names};

/// Largest body taken (design: guarantee 5).
const BODY: u64 = 64 * 1024;
/// What an M-POST must declare (UDA 1.0 section 3.2.1, RFC 2774).
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

impl<A: Ask> Gateway<A> {
    /// Answers a request to the control URL of a service.
    pub(super) async fn control(&self, at: &'static Service, request: Request<Incoming>, watch: &Watch) -> Answer {
        let (head, body) = request.into_parts();
        let Some(soap_action) = soap_action(head.method.as_str(), &head.headers) else {
            return self
                .answers
                .refusal(StatusCode::BAD_REQUEST, "The SOAPACTION header is missing.\n");
        };
        let body = match self.read_body(&head.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        watch.set_unread_body(false);
        watch.enter(Phase::Serving);
        let quirks = self.quirks();
        let answered = match soap::parse(Some(soap_action), &body, quirks) {
            Err(error) => {
                let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
                return self.answers.refusal(status, format!("{error}\n"));
            }
            Ok(soap::Request::Query { variable }) => self.query(at, variable, watch).await,
            Ok(soap::Request::Action {
                service_type,
                action,
                arguments,
            }) => match understand(self.offer, at, &service_type, &action, &arguments, quirks) {
                Ok(call) => self.call(call, watch).await,
                Err(fault) => Some(Err(fault)),
            },
        };
        match answered {
            Some(Ok(text)) => self.answers.with(StatusCode::OK, XML, text.into()),
            Some(Err(fault)) => {
                let status = StatusCode::from_u16(soap::FAULT_STATUS).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                self.answers.with(status, XML, soap::fault(&fault).into())
            }
            None => self
                .answers
                .last_refusal(StatusCode::SERVICE_UNAVAILABLE, "The gateway is stopping.\n"),
        }
    }

    async fn call(&self, mut call: Call, watch: &Watch) -> Option<Result<String, Fault>> {
        if names::wanted(&call) {
            // Boxed, since few calls come here and none is to carry the room for it.
            call = Box::pin(names::resolve(call, &self.lans())).await;
        }
        let (service, version, action) = (call.service, call.version, call.action);
        let again = acquaintance::may_help(&call).then(|| call.clone());
        let mut answer = self.carry_out(call, watch).await?;
        if let (Err(refused), Some(call)) = (&answer, again)
            && Box::pin(self.knows_better(watch.client(), &call, refused)).await
        {
            answer = self.carry_out(call, watch).await?;
        }
        Some(answer.map(|answer| soap::response(service, version, action, &answer)))
    }

    async fn carry_out(&self, call: Call, watch: &Watch) -> Option<Result<EngineAnswer, Fault>> {
        let caller = watch.client();
        match self.engine.ask(EngineRequest::Call { caller, call }).await? {
            Reply::Call(answer) => Some(answer),
            _ => None,
        }
    }

    async fn query(&self, service: &'static Service, variable: String, watch: &Watch) -> Option<Result<String, Fault>> {
        let request = EngineRequest::Query {
            caller: watch.client(),
            service,
            variable,
        };
        match self.engine.ask(request).await? {
            Reply::Value(value) => Some(value.map(|value| soap::variable_response(&value))),
            _ => None,
        }
    }

    async fn read_body(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Answer> {
        let too_large = || {
            self.answers
                .last_refusal(StatusCode::PAYLOAD_TOO_LARGE, "At most 64 KiB are taken.\n")
        };
        if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
            return Err(self
                .answers
                .refusal(StatusCode::LENGTH_REQUIRED, "The CONTENT-LENGTH header is missing.\n"));
        }
        if body.size_hint().lower() > BODY {
            return Err(too_large());
        }
        match Limited::new(body, BODY as usize).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(_) => Err(self
                .answers
                .last_refusal(StatusCode::BAD_REQUEST, "The body is broken.\n")),
        }
    }
}

fn understand(
    offer: Offer,
    at: &'static Service,
    service_type: &str,
    action: &str,
    arguments: &[(String, String)],
    quirks: Quirks,
) -> Result<Call, Fault> {
    let (service, version) = dispatch(offer, at, service_type, action, quirks)?;
    Call::parse(service, version, action, arguments, quirks)
}

/// The SOAPACTION header; that of an M-POST has the prefix that its MAN header declares.
fn soap_action<'a>(method: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    if method == "POST" {
        return headers.get("soapaction")?.to_str().ok();
    }
    let declared = headers.get("man")?.to_str().ok()?;
    let (uri, parameters) = declared.split_once(';')?;
    let namespace = parameters.trim().strip_prefix("ns=")?.trim_matches('"');
    let is_envelope = uri.trim().trim_matches('"') == ENVELOPE;
    let is_number = (1..=8).contains(&namespace.len()) && namespace.bytes().all(|byte| byte.is_ascii_digit());
    if !is_envelope || !is_number {
        return None;
    }
    headers.get(format!("{namespace}-soapaction"))?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_m_post_names_its_action_under_the_declared_prefix() {
        let mut headers = HeaderMap::new();
        headers.insert("soapaction", "\"a#b\"".parse().unwrap());
        assert_eq!(soap_action("POST", &headers), Some("\"a#b\""));
        assert_eq!(soap_action("M-POST", &headers), None);
        headers.insert("man", format!("\"{ENVELOPE}\"; ns=01").parse().unwrap());
        assert_eq!(soap_action("M-POST", &headers), None);
        headers.insert("01-soapaction", "\"c#d\"".parse().unwrap());
        assert_eq!(soap_action("M-POST", &headers), Some("\"c#d\""));
        headers.insert("man", "\"http://other/\"; ns=01".parse().unwrap());
        assert_eq!(soap_action("M-POST", &headers), None);
    }
}
