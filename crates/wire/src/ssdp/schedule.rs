//! When to answer a search.

use std::time::Duration;

use super::{Search, SearchTarget};
use crate::quirk::{Quirk, Quirks};

/// How a search came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// To the group, so that many may answer at once.
    Multicast,
    /// To us alone.
    Unicast,
}

/// The time over which to spread the answers to a search; `None` if it must not be answered (UDA 1.1 section 1.3.3).
///
/// A unicast search is answered at once. For a multicast one, `MX` is taken as 1 to 5 seconds, of which the last
/// quarter of a second stays free for the way back, since some clients stop listening right at `MX`. A search that names
/// a gateway, or a part of one, is answered sooner: a LAN has few of those, so there is no crowd to spread, and the
/// clients that search so have somebody waiting.
pub fn window(search: &Search, received: Received, quirks: Quirks) -> Option<Duration> {
    const MARGIN: Duration = Duration::from_millis(250);
    const FEW: Duration = Duration::from_millis(100);
    let seconds = match (received, search.mx) {
        (Received::Unicast, _) => return Some(Duration::ZERO),
        (Received::Multicast, Some(seconds)) => seconds.clamp(1, 5),
        (Received::Multicast, None) if quirks.has(Quirk::SearchWithoutMx) => 1,
        (Received::Multicast, None) => return None,
    };
    let all = Duration::from_secs(seconds.into()) - MARGIN;
    Some(match search.target {
        SearchTarget::All | SearchTarget::RootDevice => all,
        SearchTarget::Udn(_) | SearchTarget::Device { .. } | SearchTarget::Service { .. } | SearchTarget::Other => {
            all.min(FEW)
        }
    })
}

/// Delays for one answer per random number, evenly distributed over the window and in rising order, so that answers
/// keep theirs.
pub fn spread(window: Duration, random: impl IntoIterator<Item = u32>) -> Vec<Duration> {
    let nanoseconds = window.as_nanos();
    let delay = |number: u32| {
        let delay = nanoseconds * u128::from(number) / u128::from(u32::MAX);
        // At most the window, which is seconds.
        Duration::from_nanos(delay as u64)
    };
    let mut delays: Vec<_> = random.into_iter().map(delay).collect();
    delays.sort_unstable();
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(mx: Option<u32>) -> Search {
        Search {
            target: SearchTarget::All,
            st: "ssdp:all".to_owned(),
            mx,
            host: None,
            user_agent: None,
        }
    }

    #[test]
    fn mx_is_clamped_and_leaves_a_margin() {
        let window = |mx| window(&search(Some(mx)), Received::Multicast, Quirks::NONE);
        for (mx, milliseconds) in [(0, 750), (1, 750), (2, 1750), (5, 4750), (10, 4750), (u32::MAX, 4750)] {
            assert_eq!(window(mx), Some(Duration::from_millis(milliseconds)), "MX {mx}");
        }
    }

    #[test]
    fn multicast_without_mx_is_answered_only_with_the_quirk() {
        let of = |quirks| window(&search(None), Received::Multicast, quirks);
        assert_eq!(of(Quirks::default()), None);
        assert_eq!(
            of(Quirks::NONE.with(Quirk::SearchWithoutMx)),
            Some(Duration::from_millis(750))
        );
    }

    #[test]
    fn a_search_for_a_gateway_is_answered_soon() {
        for st in [
            "uuid:x",
            "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
            "urn:schemas-upnp-org:service:WANIPConnection:1",
        ] {
            let target = SearchTarget::parse(st);
            let of = window(
                &Search {
                    target,
                    ..search(Some(3))
                },
                Received::Multicast,
                Quirks::NONE,
            );
            assert_eq!(of, Some(Duration::from_millis(100)), "{st}");
        }
        let target = SearchTarget::RootDevice;
        let of = window(
            &Search {
                target,
                ..search(Some(3))
            },
            Received::Multicast,
            Quirks::NONE,
        );
        assert_eq!(of, Some(Duration::from_millis(2750)));
    }

    #[test]
    fn unicast_is_answered_at_once() {
        for mx in [None, Some(1), Some(5)] {
            let of = window(&search(mx), Received::Unicast, Quirks::NONE);
            assert_eq!(of, Some(Duration::ZERO));
        }
    }

    #[test]
    fn delays_fill_the_window_in_order() {
        let window = Duration::from_millis(1000);
        assert_eq!(spread(window, []), []);
        assert_eq!(
            spread(window, [u32::MAX, 0, u32::MAX / 2 + 1]),
            [Duration::ZERO, Duration::from_nanos(500_000_000), window].map(|d| d)
        );
        assert_eq!(spread(Duration::ZERO, [7, u32::MAX]), [Duration::ZERO; 2]);
    }
}
