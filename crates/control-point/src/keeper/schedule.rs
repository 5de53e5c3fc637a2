//! When to do what, as functions of what is known. Pure: randomness is passed in as a number between -1 and 1.

use std::time::Duration;

/// How long a kept mapping's entry may go without being looked at, while nothing proves that the gateway's announcements
/// reach us: it bounds how long a restart that nobody announced stays unnoticed.
pub(crate) const CHECK_UNHEARD: Duration = Duration::from_secs(4);

/// The same, once an announcement has been heard: the next restart will be heard too.
pub(crate) const CHECK_HEARD: Duration = Duration::from_secs(120);

/// Between two looks at the gateway's status and external address.
pub(crate) const SURVEY: Duration = Duration::from_secs(60);

/// Between two looks at entries while the gateway tells of changes by itself and its announcements reach us: that it is
/// there at all is noticed as soon as without events.
pub(crate) const CHECK_WITH_EVENTS: Duration = Duration::from_secs(60);

/// Between two looks at the gateway's status and external address while it tells of their changes by itself.
pub(crate) const SURVEY_WITH_EVENTS: Duration = Duration::from_secs(600);

/// Between two looks at our own addresses, which send nothing.
pub(crate) const LOOK_HOME: Duration = Duration::from_secs(10);

/// How long after a search or a sweep announcements lead to no other.
pub(crate) const CALM: Duration = Duration::from_secs(2);

/// A mapping that lasts for ever is written again as if it had this lease, since a restart may have lost it.
const PERMANENT: Duration = Duration::from_secs(3600);

/// How long after the grant a mapping is renewed: half its lease, a tenth of that earlier or later, so that mappings made
/// together are not renewed together.
pub(crate) fn renewal_after(lease: Option<Duration>, jitter: f64) -> Duration {
    lease.unwrap_or(PERMANENT).mul_f64(0.5 + 0.05 * jitter)
}

/// How long after this many failures in a row a renewal is tried again: 1, 2, 4 … 60 s, but more often when the lease is
/// about to end.
pub(crate) fn retry_after(failures: u32, left: Option<Duration>) -> Duration {
    let backed_off = doubled(Duration::from_secs(1), failures, Duration::from_secs(60));
    match left {
        Some(left) if !left.is_zero() => backed_off.min((left / 4).max(Duration::from_millis(100))),
        _ => backed_off,
    }
}

/// How long after a search in vain the next one starts. A search lasts about a second, so that for a minute the gateway
/// is searched for nearly without a pause; then ever more rarely. An announcement ends every pause.
pub(crate) fn search_after(away_for: Duration, searches: u32) -> Duration {
    if away_for < Duration::from_secs(60) {
        return Duration::from_millis(500);
    }
    // The first minute holds some forty searches.
    doubled(
        Duration::from_secs(1),
        searches.saturating_sub(40).max(1),
        Duration::from_secs(30),
    )
}

/// How long to wait before searching a gateway that was found so many times in a row without answering afterwards.
pub(crate) fn pause_after(found_in_vain: u32) -> Duration {
    match found_in_vain {
        0 | 1 => Duration::ZERO,
        times => doubled(Duration::from_secs(1), times - 1, Duration::from_secs(30)),
    }
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn renewal_is_at_half_life_give_or_take_a_tenth() {
        assert_eq!(renewal_after(Some(HOUR), 0.0), HOUR / 2);
        assert_eq!(renewal_after(Some(HOUR), -1.0), Duration::from_secs(1620));
        assert_eq!(renewal_after(Some(HOUR), 1.0), Duration::from_secs(1980));
        assert_eq!(renewal_after(None, 0.0), HOUR / 2);
    }

    #[test]
    fn retries_back_off_to_a_minute_but_not_past_the_lease() {
        let seconds: Vec<u64> = (1..9)
            .map(|failures| retry_after(failures, Some(HOUR)).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retry_after(7, Some(Duration::from_secs(40))), Duration::from_secs(10));
        assert_eq!(
            retry_after(1, Some(Duration::from_millis(1))),
            Duration::from_millis(100)
        );
        assert_eq!(retry_after(u32::MAX, None), Duration::from_secs(60));
    }

    #[test]
    fn searches_pause_shortly_for_a_minute_and_then_longer() {
        assert_eq!(search_after(Duration::from_secs(59), 39), Duration::from_millis(500));
        assert!(search_after(Duration::from_secs(61), 41) >= Duration::from_secs(1));
        assert_eq!(search_after(HOUR, 500), Duration::from_secs(30));
    }
}
