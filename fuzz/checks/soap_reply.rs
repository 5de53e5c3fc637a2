//! An answer is refused, or a fault fit to be shown, or arguments whose values can be written and read again.

use portreeve_wire::service::{self, Action, Service};
use portreeve_wire::soap::{self, Reply};
use portreeve_wire::{Value, port_listing};

pub(crate) fn check(data: &[u8]) {
    // The first line names the action, so that it is varied too.
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let action = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default();
    match soap::parse_reply(&action, body) {
        Ok(Reply::Answer { arguments, .. }) => {
            for (_, text) in &arguments {
                let _ = port_listing::parse(text);
            }
            for service in service::KNOWN {
                for action in service.actions {
                    if let Ok(values) = soap::decode_answer(service, action, &arguments) {
                        // Writing drops characters that XML forbids, and reading what is white space then; after that,
                        // nothing changes any more.
                        let once = again(service, action, &values);
                        assert_eq!(again(service, action, &once), once);
                    }
                }
                for variable in service.variables {
                    let _ = soap::decode_variable(variable, &arguments);
                }
            }
        }
        Ok(Reply::Fault(fault)) => {
            assert!(fault.description.chars().count() <= 256);
            assert!(!fault.description.contains(char::is_control));
            for service in service::KNOWN {
                let code = fault.code.and_then(|number| service.error_code(number));
                assert!(code.is_none_or(|code| Some(code.number()) == fault.code));
            }
        }
        Err(_) => {}
    }
}

fn again(service: &'static Service, action: &'static Action, values: &[Value]) -> Vec<Value> {
    let body = soap::response(service, service.version, action, values);
    match soap::parse_reply(action.name, body.as_bytes()) {
        Ok(Reply::Answer {
            arguments,
            complete: true,
        }) => soap::decode_answer(service, action, &arguments).expect("we read what we write"),
        other => panic!("{body}: {other:?}"),
    }
}
