//! A device description is refused, or what it says can be written and read again, and its URLs are safe to follow.

use portreeve_wire::Url;
use portreeve_wire::description::parse;

pub(crate) fn check(data: &[u8]) {
    let Ok(description) = parse(data) else { return };
    assert!(description.device.with_embedded().count() > 0);
    // Writing drops characters that XML forbids; after that, nothing changes any more.
    let once = parse(description.render().as_bytes()).expect("we write what we read");
    let twice = parse(once.render().as_bytes()).expect("we write what we read");
    assert_eq!(once, twice);

    let all = description.device.with_embedded().map(|device| device.services.len());
    assert_eq!(description.services().count(), all.sum());
    let location = Url::parse("http://192.168.77.1:5000/folder/description.xml").expect("a URL");
    let base = description.base(&location);
    assert!(base.same_host(&location));
    for placed in description.services() {
        assert!(placed.wan_device.is_none_or(|device| device.is_a("WANDevice")));
        let entry = placed.entry;
        for reference in [&entry.control_url, &entry.scpd_url, &entry.event_sub_url] {
            if let Ok(url) = base.resolve(reference) {
                assert!(url.path().starts_with('/') && url.path().bytes().all(|byte| byte.is_ascii_graphic()));
                assert_eq!(Url::parse(&url.to_string()), Ok(url));
            }
        }
    }
}
