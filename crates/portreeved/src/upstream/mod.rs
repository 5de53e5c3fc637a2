//! Speaks to a gateway in front of this one, where there is one, by the library that applications use: what the engine
//! maps is opened there too, kept open, and closed with it.
//!
//! One task finds that gateway and follows the network; each port that is open there has a task of its own. Nobody in
//! the engine's seat waits for any of them. They end when the engine does, and what is open then stays so until its lease
//! there ends, as mappings here do.

mod agent;
mod opening;
mod place;
mod refusal;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portreeve::Carrier;
use portreeve_engine::LinkReport;
use portreeve_engine::upstream::{UpstreamCommand, UpstreamReport};
use portreeve_netlink::route::Snapshot;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::agent::Agent;
pub(crate) use self::place::is_behind_nat;
use crate::config::{UpstreamSettings, UpstreamUse};

/// How long the tasks may take to end after the engine has: what was ended with it is closed upstream too.
pub(crate) const FAREWELL: Duration = Duration::from_secs(4);

/// The two ends of a conversation with the engine.
pub(crate) struct Wires<R> {
    /// What the engine wants, until it ends.
    pub(crate) commands: mpsc::UnboundedReceiver<UpstreamCommand>,
    /// Tells the engine.
    pub(crate) report: R,
    /// Tells everybody else.
    pub(crate) seen: watch::Sender<Option<Seen>>,
}

/// The upstream gateway, as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its address in the network of our WAN interface.
    pub(crate) address: IpAddr,
    /// Its name for people.
    pub(crate) name: String,
    /// The protocol by which it is asked.
    pub(crate) carrier: Option<Carrier>,
    /// Its external address: the one at which the Internet reaches us.
    pub(crate) external_address: Option<Ipv4Addr>,
}

/// Begins to look for an upstream gateway and to use it, where the settings allow that and there is a WAN interface.
pub(crate) fn start<R>(
    settings: &UpstreamSettings,
    wan: Option<&str>,
    network: watch::Receiver<Snapshot>,
    wires: Wires<R>,
) -> Option<JoinHandle<()>>
where
    R: Fn(UpstreamReport) + Send + Sync + 'static,
{
    if settings.used == UpstreamUse::Off {
        return None;
    }
    let wan = wan?.to_owned();
    Some(tokio::spawn(Agent::new(settings.clone(), wan, network, wires).run()))
}

/// The link as clients are told of it: with the outermost address, unless the administrator says another.
pub(crate) fn with_outermost_address(report: LinkReport, seen: Option<&Seen>) -> LinkReport {
    let outermost = seen.and_then(|seen| seen.external_address);
    LinkReport {
        reported_address: report.reported_address.or(outermost),
        ..report
    }
}
