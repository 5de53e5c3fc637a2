//! The quirks of arguments, all in one place.

use crate::quirk::{Quirk, Quirks};
use crate::service::{Action, Argument};

/// What a client that deviates from the standard means by the text of an argument, or by leaving it out.
pub(super) fn tolerate<'a>(
    action: &Action,
    input: &Argument,
    text: Option<&'a str>,
    quirks: Quirks,
) -> Option<&'a str> {
    let adds = matches!(action.name, "AddPortMapping" | "AddAnyPortMapping");
    match (input.name, text) {
        ("NewRemoteHost", None) if quirks.has(Quirk::RemoteHostMissing) => Some(""),
        ("NewRemoteHost", Some("*" | "0" | "0.0.0.0")) if quirks.has(Quirk::RemoteHostWildcard) => Some(""),
        ("NewExternalPort", Some("*")) if adds && quirks.has(Quirk::ExternalPortWildcard) => Some("0"),
        ("NewInternalClient", Some(client)) if quirks.has(Quirk::InternalClientPadding) => Some(client.trim()),
        ("NewLeaseDuration", None | Some("")) if quirks.has(Quirk::LeaseDurationMissing) => Some("0"),
        ("NewProtocol", Some(protocol)) if quirks.has(Quirk::ProtocolCase) => {
            let standard = ["TCP", "UDP"];
            let known = standard.into_iter().find(|known| known.eq_ignore_ascii_case(protocol));
            Some(known.unwrap_or(protocol))
        }
        (_, text) => text,
    }
}
