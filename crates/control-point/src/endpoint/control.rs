//! Actions of any service, by name: texts out, texts in.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::Url;
use portreeve_wire::service;
use portreeve_wire::soap::{self, Reply};

use crate::error::{Conversation, Error, Refusal};
use crate::http;

/// Where a service is controlled, from which of our addresses, and what its description calls it.
#[derive(Debug)]
pub(crate) struct Control {
    service_type: String,
    url: Url,
    http: Arc<http::Client>,
    local: IpAddr,
}

/// What came back from an action that was carried out.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Names and texts, in the order in which they came.
    pub(crate) arguments: Vec<(String, String)>,
    /// Whether the answer came whole.
    pub(crate) complete: bool,
}

impl Control {
    pub(crate) fn new(service_type: String, url: Url, http: Arc<http::Client>, local: IpAddr) -> Self {
        Self {
            service_type,
            url,
            http,
            local,
        }
    }

    /// The same, from another address of ours.
    pub(crate) fn from(&self, local: IpAddr) -> Self {
        Self {
            service_type: self.service_type.clone(),
            url: self.url.clone(),
            http: Arc::clone(&self.http),
            local,
        }
    }

    /// The service's type, as the description spells it.
    pub(crate) fn service_type(&self) -> &str {
        &self.service_type
    }

    /// Where the service is controlled.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Carries out an action, whose arguments are sent in the order given. Asks once.
    pub(crate) async fn call(&self, action: &str, arguments: &[(&str, &str)]) -> Result<Answer, Error> {
        let soap_action = soap::soap_action(&self.service_type, action);
        let body = soap::render_request(&self.service_type, action, arguments.iter().copied());
        self.exchange(action, &soap_action, body).await
    }

    /// Reads a state variable as text.
    pub(crate) async fn query(&self, variable: &str) -> Result<String, Error> {
        let body = soap::render_query(variable);
        let answer = self.exchange(soap::QUERY, &soap::query_soap_action(), body).await?;
        match answer.arguments.as_slice() {
            [(_, text)] => Ok(text.trim().to_owned()),
            _ => Err(self.malformed(soap::QUERY, &format_args!("there is no value of {variable}"))),
        }
    }

    /// The error for an answer that is not what the action promises.
    pub(crate) fn malformed(&self, action: &str, problem: &dyn Display) -> Error {
        let problem = Conversation::Malformed {
            url: self.url.to_string(),
            expected: "the answer to an action",
            problem: format!("{action}: {problem}"),
        };
        problem.into()
    }

    async fn exchange(&self, action: &str, soap_action: &str, body: String) -> Result<Answer, Error> {
        let (local, kind) = (Some(self.local), (repetition(action), length(action)));
        let response = self.http.post(&self.url, soap_action, body, local, kind).await?;
        tracing::trace!(url = %self.url, action, status = response.status, "answered");
        // Gateways send answers and faults under all kinds of statuses, so what the body says comes first.
        match soap::parse_reply(action, &response.body) {
            Ok(Reply::Answer { arguments, complete }) => Ok(Answer {
                arguments,
                complete: complete && response.complete,
            }),
            Ok(Reply::Fault(fault)) => Err(Error::Refused(Refusal {
                action: action.to_owned(),
                code: fault.code.unwrap_or_default(),
                description: fault.description,
            })),
            Err(_) if !(200..300).contains(&response.status) => Err(Error::Conversation(Conversation::Status {
                url: self.url.to_string(),
                status: response.status,
            })),
            Err(error) => Err(self.malformed(action, &error)),
        }
    }
}

/// AddAnyPortMapping may make a second mapping on another port, and nobody knows what a vendor's actions do. AddPinhole
/// extends what is there.
fn repetition(action: &str) -> http::Repetition {
    let reads = action.starts_with("Get") || action == soap::QUERY || action == "CheckPinholeWorking";
    let mappings = matches!(action, "AddPortMapping" | "DeletePortMapping");
    let pinholes = matches!(action, "AddPinhole" | "UpdatePinhole" | "DeletePinhole");
    match reads || mappings || pinholes {
        true => http::Repetition::Harmless,
        false => http::Repetition::Harmful,
    }
}

/// Only one action of the standard lists anything; nobody knows what those of vendors do.
fn length(action: &str) -> http::Length {
    let mut actions = service::KNOWN.iter().flat_map(|service| service.actions);
    let mut standard = || actions.any(|known| known.name == action);
    match action != "GetListOfPortMappings" && (action == soap::QUERY || standard()) {
        true => http::Length::Short,
        false => http::Length::Long,
    }
}
