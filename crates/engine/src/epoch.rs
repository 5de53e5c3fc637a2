//! Epoch Time: by which clients of PCP and NAT-PMP learn that the gateway has lost what it knew (RFC 6887 section 8.5,
//! RFC 6886 section 3.6).

use crate::time::Time;

/// Seconds since the gateway last lost its table, or its external address. It counts on while the daemon is not running,
/// since the table is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    at: Time,
    seconds: u32,
}

impl Epoch {
    /// An epoch of which so many seconds have passed.
    pub const fn of(seconds: u32, now: Time) -> Self {
        Self { at: now, seconds }
    }

    /// The epoch that begins now.
    pub const fn begin(now: Time) -> Self {
        Self::of(0, now)
    }

    /// Epoch Time. After 136 years it stays what it is.
    pub fn seconds(self, now: Time) -> u32 {
        let passed = u32::try_from(now.since(self.at).as_secs()).unwrap_or(u32::MAX);
        self.seconds.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_where_it_was() {
        let epoch = Epoch::of(100, Time::from_millis(5_000));
        assert_eq!(epoch.seconds(Time::from_millis(5_999)), 100);
        assert_eq!(epoch.seconds(Time::from_millis(65_000)), 160);
        assert_eq!(
            Epoch::begin(Time::from_millis(7_000)).seconds(Time::from_millis(7_000)),
            0
        );
    }
}
