//! A control request becomes a call or a refusal; the refusal is a well-formed document.

use portreeve_wire::service::WAN_IP_CONNECTION;
use portreeve_wire::soap::{self, Request};
use portreeve_wire::xml::{self, Ampersands};
use portreeve_wire::{Call, Fault, Offer, Quirks, dispatch, port_listing};

pub(crate) fn check(data: &[u8]) {
    // The first line is the header, so that it is varied too.
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let header = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default();
    for quirks in [Quirks::default(), Quirks::NONE] {
        match soap::parse(Some(&header), body, quirks) {
            Ok(Request::Action {
                service_type,
                action,
                arguments,
            }) => {
                for (_, text) in &arguments {
                    let _ = port_listing::parse(text);
                }
                let call = dispatch(Offer::EVERYTHING, &WAN_IP_CONNECTION, &service_type, &action, quirks)
                    .and_then(|(service, version)| Call::parse(service, version, &action, &arguments, quirks));
                match call {
                    Ok(call) => assert!(call.action.since <= call.version),
                    Err(fault) => check_fault(&fault),
                }
            }
            Ok(Request::Query { variable }) => {
                let _ = Offer::EVERYTHING
                    .services()
                    .find(|service| service.variable(&variable).is_some());
            }
            Err(error) => assert_eq!(error.status(), 400),
        }
    }
}

fn check_fault(fault: &Fault) {
    let document = soap::fault(fault);
    assert!(
        xml::parse(&document, Ampersands::Escaped).is_ok(),
        "ill-formed: {document:?}"
    );
}
