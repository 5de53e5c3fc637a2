//! Calls (UDA 2.0 section 3).

use std::fmt;

use super::http::Response;
use super::xml::{self, Element};

/// Namespace of the envelope.
pub const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// Out-arguments of a successful call, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer(pub Vec<(String, String)>);

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `errorCode`.
    pub code: u16,
    /// `errorDescription`.
    pub description: String,
    /// HTTP status that it came with.
    pub http_status: u16,
}

impl Answer {
    /// Value of an out-argument.
    ///
    /// # Panics
    /// If it is missing.
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        &found.unwrap_or_else(|| panic!("no {name} in {:?}", self.0)).1
    }

    /// Value of a numeric out-argument.
    ///
    /// # Panics
    /// If it is missing or no number.
    #[track_caller]
    pub fn number(&self, name: &str) -> u64 {
        let value = self.get(name);
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {value:?}"))
    }

    /// Names of the out-arguments, in order.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (HTTP {})", self.code, self.description, self.http_status)
    }
}

/// Asserts that a call was refused with one of these codes, over HTTP 500 and in words; returns the fault.
///
/// # Panics
/// If the call succeeded or was refused otherwise.
#[track_caller]
pub fn refused<T: fmt::Debug>(result: Result<T, Fault>, codes: &[u16]) -> Fault {
    let fault = match result {
        Ok(answer) => panic!("expected {codes:?}, got success: {answer:?}"),
        Err(fault) => fault,
    };
    assert!(codes.contains(&fault.code), "expected {codes:?}, got {fault}");
    assert_eq!(fault.http_status, 500, "UDA 2.0 section 3.2.5: a fault comes with 500");
    assert!(!fault.description.is_empty(), "an error without a description: {fault}");
    fault
}

/// The body of a call. Values are escaped, names are not.
pub fn body(service_type: &str, action: &str, arguments: &[(&str, &str)]) -> String {
    let arguments: String = arguments
        .iter()
        .map(|(name, value)| format!("<{name}>{}</{name}>", xml::escape(value)))
        .collect();
    envelope(&format!(
        "<u:{action} xmlns:u=\"{service_type}\">{arguments}</u:{action}>"
    ))
}

/// Puts a body into an envelope.
pub fn envelope(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n\
         <s:Envelope xmlns:s=\"{ENVELOPE}\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">\
         <s:Body>{content}</s:Body></s:Envelope>\r\n"
    )
}

/// The whole request of a call, with the usual header fields.
pub fn request(host: &str, path: &str, soap_action: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\n\
         HOST: {host}\r\n\
         CONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n\
         CONTENT-LENGTH: {}\r\n\
         SOAPACTION: \"{soap_action}\"\r\n\
         CONNECTION: close\r\n\
         \r\n{body}",
        body.len()
    )
}

/// Reads the response to a call and checks its form on the way.
///
/// # Errors
/// The fault, if it is one.
///
/// # Panics
/// If it is neither an answer to `action` nor a fault as UDA 2.0 section 3.2.2 and 3.2.5 describe them.
#[track_caller]
pub fn read(response: &Response, service_type: &str, action: &str) -> Result<Answer, Fault> {
    let document = xml::parse(&response.body).unwrap_or_else(|e| panic!("{e}\n{response:?}"));
    assert_eq!(
        (document.name.as_str(), document.namespace.as_str()),
        ("Envelope", ENVELOPE),
        "{response:?}"
    );
    let body = document
        .child("Body")
        .unwrap_or_else(|| panic!("no Body: {response:?}"));
    let content = body
        .children
        .first()
        .unwrap_or_else(|| panic!("empty Body: {response:?}"));
    if content.name == "Fault" {
        return Err(read_fault(content, response));
    }
    assert_eq!(content.name, format!("{action}Response"), "{response:?}");
    assert_eq!(content.namespace, service_type, "{response:?}");
    assert_eq!(response.status, 200, "an answer comes with 200");
    Ok(Answer(
        content
            .children
            .iter()
            .map(|argument| (argument.name.clone(), argument.text.clone()))
            .collect(),
    ))
}

#[track_caller]
fn read_fault(fault: &Element, response: &Response) -> Fault {
    assert_eq!(fault.text_of("faultstring"), "UPnPError", "{response:?}");
    let error = fault
        .find("UPnPError")
        .unwrap_or_else(|| panic!("no UPnPError: {response:?}"));
    assert_eq!(error.namespace, "urn:schemas-upnp-org:control-1-0", "{response:?}");
    let code = error.text_of("errorCode");
    Fault {
        code: code.parse().unwrap_or_else(|_| panic!("no errorCode: {response:?}")),
        description: error.text_of("errorDescription"),
        http_status: response.status,
    }
}
