//! A device description is refused, or what it says can be written and read again.

use portreeve_wire::description::parse;

pub(crate) fn check(data: &[u8]) {
    let Ok(description) = parse(data) else { return };
    assert!(description.device.with_embedded().count() > 0);
    // Writing drops characters that XML forbids; after that, nothing changes any more.
    let once = parse(description.render().as_bytes()).expect("we write what we read");
    let twice = parse(once.render().as_bytes()).expect("we write what we read");
    assert_eq!(once, twice);
}
