//! A service description is refused, or what it says can be written and read again, and its actions can be called.

use portreeve_wire::scpd::{Scpd, parse};
use portreeve_wire::soap;
use portreeve_wire::xml::{self, Ampersands};

pub(crate) fn check(data: &[u8]) {
    let Ok(scpd) = parse(data) else { return };
    // Writing drops characters that XML forbids; after that, nothing changes any more.
    let once = parse(scpd.render().as_bytes()).expect("we write what we read");
    let twice = parse(once.render().as_bytes()).expect("we write what we read");
    assert_eq!(once, twice);
    check_calls(&scpd);
}

/// Whatever the names are, a call is a document with these arguments and a header of one line.
fn check_calls(scpd: &Scpd) {
    for action in &scpd.actions {
        let arguments = action.arguments.iter().map(|argument| (argument.name.as_str(), "<&>"));
        let body = soap::render_request("urn:x", &action.name, arguments);
        let envelope = xml::parse(&body, Ampersands::Escaped).expect("we write documents");
        let call = &envelope.children()[0].children()[0];
        assert_eq!(call.children().len(), action.arguments.len(), "{body}");
        let header = soap::soap_action("urn:x", &action.name);
        assert!(
            !header.contains(char::is_control) && header.matches('"').count() == 2,
            "{header:?}"
        );
    }
}
