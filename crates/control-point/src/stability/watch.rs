//! Looks at a gateway again and again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Sample, Seen};
use crate::error::Error;
use crate::gateway::Gateway;

/// Looks at a gateway's connection at regular times. Begun with [`Gateway::watch_status`].
#[derive(Debug)]
#[must_use = "it looks when `next` is awaited"]
pub struct Watch {
    gateway: Gateway,
    interval: Duration,
    started: Instant,
    next: Instant,
}

impl Gateway {
    /// Looks at the connection's status now and then once in each interval; at most once in a tenth of a second, and at
    /// least once in a day.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use portreeve::stability::Observations;
    ///
    /// # async fn example() -> Result<(), portreeve::Error> {
    /// let gateway = portreeve::discover().await?;
    /// let mut watch = gateway.watch_status(Duration::from_secs(5));
    /// let mut observations = Observations::new();
    /// for _ in 0..100 {
    ///     observations.record(&watch.next().await);
    /// }
    /// println!("lost {} times", observations.report().drops);
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_status(&self, interval: Duration) -> Watch {
        let now = Instant::now();
        Watch {
            gateway: self.clone(),
            interval: interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            started: now,
            next: now,
        }
    }
}

impl Watch {
    /// Waits until it is time, and looks. Times that have passed meanwhile are left out. A gateway that does not answer
    /// is searched once, since it may have started anew with its services elsewhere; dropping the future loses a sample
    /// and nothing else.
    pub async fn next(&mut self) -> Sample {
        sleep_until(self.next).await;
        let now = Instant::now();
        self.next = (self.next + self.interval).max(now);
        let at = now - self.started;
        if let Ok(seen) = look(&self.gateway).await {
            return Sample { at, seen };
        }
        let seen = self.look_elsewhere().await.unwrap_or(Seen::Unreachable);
        Sample { at, seen }
    }

    /// Finds the gateway again and looks at it.
    async fn look_elsewhere(&mut self) -> Option<Seen> {
        let found = self.gateway.discovery().await.ok()?;
        if !found.is(&self.gateway) {
            return None;
        }
        self.gateway = found;
        look(&self.gateway).await.ok()
    }
}

async fn look(gateway: &Gateway) -> Result<Seen, Error> {
    let info = gateway.connection()?.wan().get_status_info().await?;
    let uptime = Duration::from_secs(info.uptime.into());
    Ok(Seen::from_status(
        &info.connection_status,
        &info.last_connection_error,
        Some(uptime),
    ))
}

/// Some gateways stumble over requests in a hurry.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

const LONGEST_INTERVAL: Duration = Duration::from_secs(86_400);
