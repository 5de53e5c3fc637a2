//! The control point's side: requests out; responses and faults in, as sloppy as gateways send them.

mod decode;
mod reply;
mod request;

pub use decode::{AnswerError, decode_answer, decode_variable};
pub use reply::{RemoteFault, Reply, ReplyError, parse_reply};
pub use request::{query_soap_action, render_query, render_request, soap_action};

/// The action by which version 1.0 of the architecture reads a state variable.
pub const QUERY: &str = "QueryStateVariable";
