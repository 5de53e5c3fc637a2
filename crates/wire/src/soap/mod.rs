//! SOAP 1.1 as UPnP control uses it (UDA 1.1 section 3). The gateway's side: requests in, responses and faults out; and
//! the control point's, the other way round.

mod client;
mod request;
mod response;

pub use client::{
    AnswerError, QUERY, RemoteFault, Reply, ReplyError, decode_answer, decode_variable, parse_reply, query_soap_action,
    render_query, render_request, soap_action,
};
pub use request::{Request, RequestError, parse};
pub use response::{FAULT_STATUS, fault, response, variable_response};

const CONTROL_NAMESPACE: &str = "urn:schemas-upnp-org:control-1-0";

const ENVELOPE_START: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
     s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>";
const ENVELOPE_END: &str = "</s:Body></s:Envelope>\r\n";

/// Room for what surrounds the arguments.
const FRAME: usize = 400;
