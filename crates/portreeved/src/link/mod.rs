//! Drivers of the WAN link: what the engine commands becomes deeds, and what comes of them goes back.
//!
//! A link that is only watched has none. A driver is one task, which does one thing at a time, and for which nobody in
//! the engine's seat waits. It ends when the engine does.

mod command;
mod hook;
mod interface;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use portreeve_engine::config::LinkKind;
use portreeve_engine::link::{DriverReport, LinkCommand};
use portreeve_netlink::route::Snapshot;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::command::Hooks;
use self::interface::Switch;
use crate::config::{LinkDriver, LinkSettings, Settings};
use crate::exit::{Failure, Status};
use crate::machine::Privilege;

/// How long a driver may take to end after the engine has: a hook that runs is given [`hook::GRACE`].
pub(crate) const FAREWELL: Duration = hook::GRACE.saturating_add(Duration::from_secs(1));

/// A driver's two ends.
pub(crate) struct Wires<R> {
    /// What the engine wants, until it ends.
    pub(crate) commands: mpsc::UnboundedReceiver<LinkCommand>,
    /// Tells the engine.
    pub(crate) report: R,
}

/// Whether this process may do what the link's driver has to.
pub(crate) fn permitted(settings: &Settings, privilege: Privilege) -> Result<(), Failure> {
    if settings.link.set_interface && privilege == Privilege::None {
        let message = "link.set-interface needs CAP_NET_ADMIN: run as root, or set it to false to only watch the link";
        return Err(Failure::new(Status::Permission, message));
    }
    Ok(())
}

/// Starts the driver of a controlled link on this interface; a watched one has none.
pub(crate) fn start<R>(
    settings: &LinkSettings,
    wan: Option<&str>,
    network: watch::Receiver<Snapshot>,
    wires: Wires<R>,
) -> Option<JoinHandle<()>>
where
    R: Fn(DriverReport) + Send + Sync + 'static,
{
    if settings.engine_kind() == LinkKind::Watched {
        return None;
    }
    let wan = wan?.to_owned();
    Some(match settings.kind {
        LinkDriver::Interface => tokio::spawn(Switch::new(wan, settings.auto_connect, network, wires).drive()),
        LinkDriver::Command => tokio::spawn(Hooks::new(settings, wan, wires)?.drive()),
    })
}
