//! The clocks, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use portreeve_engine::Time;
use portreeve_store::Clocks;

/// What tells the time to whoever drives the engine.
pub(crate) trait Clock: Send {
    /// The boot clock, on which leases live.
    fn now(&self) -> Time;

    /// The boot clock and the calendar at one instant.
    fn clocks(&self) -> Clocks;
}

/// The machine's.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        now()
    }

    fn clocks(&self) -> Clocks {
        clocks()
    }
}

/// The boot clock, on which leases live.
pub(crate) fn now() -> Time {
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every Linux since 2.6.39 has CLOCK_BOOTTIME");
    let millis = boot.tv_sec() * 1000 + boot.tv_nsec() / 1_000_000;
    Time::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// The boot clock and the calendar at one instant.
pub(crate) fn clocks() -> Clocks {
    let calendar = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Clocks {
        boot: now(),
        unix_millis: u64::try_from(calendar.as_millis()).unwrap_or(u64::MAX),
    }
}
