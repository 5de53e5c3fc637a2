//! Holding a link down that its driver brings up, or cannot tear down, although it may not be up.

use std::time::Duration;

use crate::time::Time;

/// When the driver was told to tear the link down, and when it is to be told again. Telling it again each time that it
/// does not obey would run a hook that fails over and over, without a pause.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HoldDown {
    told_at: Option<Time>,
    again_at: Option<Time>,
}

impl HoldDown {
    /// The least time between two commands.
    const PAUSE: Duration = Duration::from_secs(60);

    /// Notes that the driver is told to tear the link down.
    pub(super) fn told(&mut self, now: Time) {
        *self = Self {
            told_at: Some(now),
            again_at: None,
        };
    }

    /// Notes that the driver says that the link is up; whether it is to be told now that it may not be. `patience` is how
    /// long the driver may take to obey.
    pub(super) fn defied(&mut self, patience: Duration, now: Time) -> bool {
        let again_at = self.told_at.map(|told| told + Self::PAUSE.max(patience));
        self.again_at = again_at.filter(|again| now < *again);
        self.again_at.is_none()
    }

    /// When the driver is to be told again, if it is.
    pub(super) fn again_at(&self) -> Option<Time> {
        self.again_at
    }
}
