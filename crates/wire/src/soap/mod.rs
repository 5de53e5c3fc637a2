//! SOAP 1.1 as UPnP control uses it (UDA 1.1 section 3): requests in, responses and faults out.

mod request;
mod response;

pub use request::{Request, RequestError, parse};
pub use response::{FAULT_STATUS, fault, response, variable_response};

const CONTROL_NAMESPACE: &str = "urn:schemas-upnp-org:control-1-0";
