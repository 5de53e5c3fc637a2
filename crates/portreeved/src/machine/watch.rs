//! Follows what the kernel says of interfaces, addresses and routes.

use std::time::Duration;

use portreeve_netlink::Error;
use portreeve_netlink::route::{Monitor, Snapshot};
use tokio::sync::watch;
use tracing::warn;

/// Changes come in swarms: an interface that comes up is several of them.
const SETTLE: Duration = Duration::from_millis(50);
/// How long to wait in one go; nothing happens at its end.
const WAIT: Duration = Duration::from_secs(3600);
/// Pause after an error, so that it does not fill the log.
const PAUSE: Duration = Duration::from_secs(5);

/// The machine's network, now and as it changes. A thread of its own follows it until nobody listens any more.
pub fn watch() -> anyhow::Result<watch::Receiver<Snapshot>> {
    let mut monitor = Monitor::open()?;
    let (sender, receiver) = watch::channel(Snapshot::read()?);
    let follow = move || {
        while !sender.is_closed() {
            if let Err(error) = follow(&mut monitor, &sender) {
                warn!(%error, "cannot follow changes of the network; trying again");
                std::thread::sleep(PAUSE);
            }
        }
    };
    std::thread::Builder::new()
        .name("network".to_owned())
        .stack_size(128 * 1024)
        .spawn(follow)?;
    Ok(receiver)
}

/// The machine's network at this moment.
pub fn snapshot() -> anyhow::Result<Snapshot> {
    Ok(Snapshot::read()?)
}

fn follow(monitor: &mut Monitor, sender: &watch::Sender<Snapshot>) -> Result<(), Error> {
    if monitor.wait(WAIT)? {
        std::thread::sleep(SETTLE);
        let now = Snapshot::read()?;
        sender.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
    }
    Ok(())
}
