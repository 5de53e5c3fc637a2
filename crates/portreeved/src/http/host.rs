//! Who a request says it is for: browsers that were led here by a foreign page give themselves away.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};
use portreeve_wire::http::host_is_ours;

/// Why a request is refused without being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    /// The Host header names another host: a name that was rebound to our address.
    #[error("the Host header must be the address of this gateway")]
    Host,
    /// A page of some web site made the request.
    #[error("requests from web pages are refused")]
    Origin,
}

/// Whether a request that arrived at our address `local` was meant for it. A request without Host is let through: only
/// programs send those, and old ones do.
pub(super) fn check(headers: &HeaderMap, local: IpAddr) -> Result<(), Foreign> {
    if headers.contains_key(ORIGIN) {
        return Err(Foreign::Origin);
    }
    match headers.get(HOST) {
        None => Ok(()),
        Some(host) if host.to_str().is_ok_and(|host| names(host, local)) => Ok(()),
        Some(_) => Err(Foreign::Host),
    }
}

fn names(host: &str, local: IpAddr) -> bool {
    // No name server is asked for this one, so no stranger can make it point here.
    let name = host.split(':').next().unwrap_or_default();
    let is_trial = local.is_loopback() && name.eq_ignore_ascii_case("localhost");
    is_trial || host_is_ours(host, &[local])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(host: &str, local: &str) -> Result<(), Foreign> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        check(&headers, local.parse().unwrap())
    }

    #[test]
    fn only_our_own_address_is_us() {
        for host in ["192.168.77.1", "192.168.77.1:5000", "192.168.77.1:80", " 192.168.77.1 "] {
            assert_eq!(told(host, "192.168.77.1"), Ok(()), "{host:?}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:5000",
            "192.168.77.2",
            "192.168.77.1.evil.example",
            "localhost",
        ] {
            assert_eq!(told(host, "192.168.77.1"), Err(Foreign::Host), "{host:?}");
        }
        assert_eq!(told("[fe80::1%eth0]:5000", "fe80::1"), Ok(()));
        assert_eq!(told("localhost:5000", "127.0.0.1"), Ok(()));
    }

    #[test]
    fn a_page_is_refused_and_silence_is_not() {
        let local = IpAddr::from([192, 168, 77, 1]);
        let mut headers = HeaderMap::new();
        assert_eq!(check(&headers, local), Ok(()));
        headers.insert(ORIGIN, "http://192.168.77.1".parse().unwrap());
        assert_eq!(check(&headers, local), Err(Foreign::Origin));
    }
}
