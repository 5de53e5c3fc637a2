//! Reading control requests.

use super::CONTROL_NAMESPACE;
use crate::quirk::{Quirk, Quirks};
use crate::service;
use crate::xml::{self, Ampersands, Element, XmlError};

/// What a caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To call an action.
    Action {
        /// The service type, as the request names it.
        service_type: String,
        /// The action's name.
        action: String,
        /// Names and texts of the arguments, in the order in which they came.
        arguments: Vec<(String, String)>,
    },
    /// To read a state variable, which version 1.0 of the architecture allows.
    Query {
        /// The variable's name.
        variable: String,
    },
}

/// Why a request is not one. A call that is well-formed but wrong is a [`Fault`](crate::Fault) instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The SOAPACTION header is missing or not of the form `"service-type#action"`.
    #[error("the SOAPACTION header must be \"service-type#action\"")]
    SoapAction,
    /// The body is not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The body is XML, but not an envelope with a body with an action.
    #[error("the request has no SOAP body with an action")]
    NoAction,
    /// The header names another action than the body.
    #[error("SOAPACTION names another action than the body")]
    Contradiction,
}

impl RequestError {
    /// The HTTP status to answer with.
    pub const fn status(self) -> u16 {
        match self {
            Self::SoapAction | Self::Xml(_) | Self::NoAction | Self::Contradiction => 400,
        }
    }
}

/// Reads a control request from its SOAPACTION header and its body, which the caller has limited to 64 KiB.
///
/// The body's first element is the action, whatever prefix it has, and must be the one that the header names. The
/// namespace of that element is the service type, unless it is none that we know: then the header's is taken.
pub fn parse(soap_action: Option<&str>, body: &[u8], quirks: Quirks) -> Result<Request, RequestError> {
    let header = read_soap_action(soap_action.unwrap_or_default(), quirks);
    let (header_type, header_action) = header.ok_or(RequestError::SoapAction)?;
    let ampersands = match quirks.has(Quirk::RawAmpersand) {
        true => Ampersands::Raw,
        false => Ampersands::Escaped,
    };
    let text = xml::decode(body)?;
    let envelope = xml::parse(&text, ampersands)?;
    let body = if envelope.name() == "Envelope" {
        envelope.child("Body")
    } else {
        None
    };
    let body = body.ok_or(RequestError::NoAction)?;
    let action = body.children().first().ok_or(RequestError::NoAction)?;

    if action.name() != header_action {
        return Err(RequestError::Contradiction);
    }

    let namespace = xml::namespace(&[&envelope, body, action]).unwrap_or_default();
    if action.name() == "QueryStateVariable" && [&*namespace, header_type].contains(&CONTROL_NAMESPACE) {
        return Ok(Request::Query {
            variable: action.child_text("varName").to_owned(),
        });
    }

    let known = service::by_exact_urn(&namespace).is_some() || service::by_exact_urn(header_type).is_none();
    Ok(Request::Action {
        service_type: if known {
            namespace.into_owned()
        } else {
            header_type.to_owned()
        },
        action: action.name().to_owned(),
        arguments: action.children().iter().map(argument).collect(),
    })
}

fn argument(element: &Element<'_>) -> (String, String) {
    (element.name().to_owned(), element.text().to_owned())
}

/// The service type and the action in a SOAPACTION header.
fn read_soap_action(header: &str, quirks: Quirks) -> Option<(&str, &str)> {
    let header = header.trim();
    let unquoted = match header.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(unquoted) => unquoted,
        None if quirks.has(Quirk::SoapActionQuotes) => header.trim_matches(['"', '\'']),
        None => return None,
    };
    let (service_type, action) = unquoted.split_once('#')?;
    Some((service_type.trim(), action.trim()))
}
