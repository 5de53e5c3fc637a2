//! What a gateway calls a URL is refused, or fits into a request line and reads the same again.

use portreeve_wire::Url;

pub(crate) fn check(url: &Url) {
    let path = url.path();
    assert!(
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()),
        "{path:?}"
    );
    assert_eq!(Url::parse(&url.to_string()).as_ref(), Ok(url));
}
