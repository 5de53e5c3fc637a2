//! What the service manager is told.

use std::future::Future;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::{debug, warn};

/// Everything serves.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The daemon is on its way out.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the service manager, twice per interval of its watchdog, that the daemon lives, as long as `lives` says so within
/// the time. Returns at once where no watchdog watches.
pub async fn keep_alive<F: Future<Output = bool>>(lives: impl Fn() -> F) {
    let Some(interval) = sd_notify::watchdog_enabled().map(|interval| interval / 2) else {
        return;
    };
    if interval < Duration::from_millis(1) {
        return;
    }
    loop {
        tokio::time::sleep(interval).await;
        match tokio::time::timeout(interval, lives()).await {
            Ok(true) => tell(&[NotifyState::Watchdog]),
            Ok(false) => return,
            Err(_) => warn!("the engine does not answer; the service manager will notice"),
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "the service manager was not told");
    }
}
