//! Whether the machine was asleep: tokio's clock stands still meanwhile, and leases run on.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How far the wall clock may be ahead before that is taken for sleep. Set by hand, it looks the same, which costs a
/// renewal of everything and no more.
const AHEAD: Duration = Duration::from_secs(5);

/// Compares the two clocks.
#[derive(Debug)]
pub(crate) struct Wakefulness {
    steady: Instant,
    wall: SystemTime,
}

impl Wakefulness {
    /// Awake at this moment.
    pub(crate) fn new(steady: Instant, wall: SystemTime) -> Self {
        Self { steady, wall }
    }

    /// Whether it slept since this was asked before.
    pub(crate) fn has_slept(&mut self, steady: Instant, wall: SystemTime) -> bool {
        let before = std::mem::replace(self, Self { steady, wall });
        let awake = steady.saturating_duration_since(before.steady);
        // A clock that was set back tells nothing.
        let passed = wall.duration_since(before.wall).unwrap_or_default();
        passed > awake.saturating_add(AHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_what_only_the_wall_clock_counts() {
        let (mut steady, mut wall) = (Instant::now(), SystemTime::now());
        let mut wakefulness = Wakefulness::new(steady, wall);
        for (awake, passed, slept) in [
            (10, 10, false),
            (10, 14, false),
            (10, 3610, true),
            (10, 10, false),
            (60, 0, false),
        ] {
            steady += Duration::from_secs(awake);
            wall += Duration::from_secs(passed);
            assert_eq!(wakefulness.has_slept(steady, wall), slept, "{awake} s of {passed} s");
        }
        assert!(!wakefulness.has_slept(steady, wall - Duration::from_secs(7200)));
    }
}
