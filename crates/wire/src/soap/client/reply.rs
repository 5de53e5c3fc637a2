//! Reading of what a gateway answered.

use crate::printable::printable;
use crate::xml::{self, Ampersands, Element, XmlError};

/// What a gateway answered to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The action was carried out, if the gateway is to be believed.
    Answer {
        /// Names and texts of the `out` arguments, in the order in which they came; only those that came whole. A text
        /// that stood in the response itself, not in an argument, has no name.
        arguments: Vec<(String, String)>,
        /// Whether the document came whole.
        complete: bool,
    },
    /// The gateway refused.
    Fault(RemoteFault),
}

/// Why a gateway refused, in its own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFault {
    /// `errorCode`, which may be one that we do not know; none if there was no number.
    pub code: Option<u16>,
    /// `errorDescription`, else SOAP's `faultstring`, fit to be shown; empty if there was none.
    pub description: String,
}

/// Why a document is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// There is no document.
    #[error("the answer is empty")]
    Empty,
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The document ends before anything that tells how the call went.
    #[error("the answer is cut off")]
    CutOff,
    /// A document with neither response nor fault, for instance a page for people.
    #[error("the answer has neither a response nor a fault")]
    NoResponse,
}

/// Reads the body of an answer, whose size the caller has limited, under whatever HTTP status it came.
///
/// The response is the element named after the action, whatever its namespace, version, prefix and letter case, also
/// without the suffix `Response`. A fault is whatever has an `errorCode`. White space and NULs around the document,
/// any encoding, raw ampersands and a missing end are tolerated; what was cut in the middle is not taken for a whole.
pub fn parse_reply(action: &str, body: &[u8]) -> Result<Reply, ReplyError> {
    let text = xml::decode_leniently(body);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err(ReplyError::Empty);
    }
    let root = xml::parse_cut_off(text, Ampersands::Raw)?;
    if let Some(response) = find_response(&root, action) {
        return Ok(Reply::Answer {
            arguments: arguments(response),
            complete: root.is_complete(),
        });
    }
    match find_fault(&root) {
        Some(fault) => Ok(Reply::Fault(fault)),
        None if root.is_complete() => Err(ReplyError::NoResponse),
        None => Err(ReplyError::CutOff),
    }
}

/// The element that holds the arguments. A fault within it makes it none; but what stands within its arguments does
/// not, since others may have written it.
fn find_response<'r, 'a>(root: &'r Element<'a>, action: &str) -> Option<&'r Element<'a>> {
    let full = format!("{action}Response");
    let response = root
        .find(&|element| element.is_named(&full))
        .or_else(|| root.find(&|element| element.is_named(action)))?;
    let refuses = |child: &Element<'_>| {
        ["errorCode", "UPnPError", "Fault"]
            .iter()
            .any(|name| child.is_named(name))
    };
    (!response.children().iter().any(refuses)).then_some(response)
}

fn arguments(response: &Element<'_>) -> Vec<(String, String)> {
    if response.children().is_empty() {
        let text = response.trimmed();
        let lone = response.is_complete() && !text.is_empty();
        return lone.then(|| (String::new(), text.to_owned())).into_iter().collect();
    }
    let whole = response.children().iter().filter(|argument| argument.is_complete());
    whole
        .map(|argument| {
            // Some gateways forget to escape a value that is XML itself.
            let text = match argument.children() {
                [] => argument.text(),
                _ => argument.markup(),
            };
            (argument.name().to_owned(), text.to_owned())
        })
        .collect()
}

fn find_fault(root: &Element<'_>) -> Option<RemoteFault> {
    let text_of = |name: &str| {
        let found = root.find(&|element| element.is_named(name) && element.is_complete());
        found.map(Element::trimmed)
    };
    let code = text_of("errorCode");
    let known = code.is_some() || (root.is_complete() && root.find(&|element| element.is_named("Fault")).is_some());
    // SOAP's own text says nothing more than that it is a UPnP error, where it is one.
    let fault_string = || text_of("faultstring").filter(|text| !text.eq_ignore_ascii_case("UPnPError"));
    let description = text_of("errorDescription")
        .filter(|text| !text.is_empty())
        .or_else(fault_string);
    known.then(|| RemoteFault {
        code: code.and_then(|code| code.parse().ok()),
        description: printable(description.unwrap_or_default(), LONGEST_DESCRIPTION),
    })
}

/// Most characters of a fault's description that are kept.
const LONGEST_DESCRIPTION: usize = 256;
