//! A service description is refused, or what it says can be written and read again.

use portreeve_wire::scpd::parse;

pub(crate) fn check(data: &[u8]) {
    let Ok(scpd) = parse(data) else { return };
    // Writing drops characters that XML forbids; after that, nothing changes any more.
    let once = parse(scpd.render().as_bytes()).expect("we write what we read");
    let twice = parse(once.render().as_bytes()).expect("we write what we read");
    assert_eq!(once, twice);
}
