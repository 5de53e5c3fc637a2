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
use self::place::Place;
pub(crate) use self::place::is_behind_nat;
use crate::config::{UpstreamSettings, UpstreamUse};
use crate::machine::Mode;

/// How long the tasks may take to end after the engine has: what was ended with it is closed upstream too.
pub(crate) const FAREWELL: Duration = Duration::from_secs(4);

/// The two ends of a conversation with the engine.
pub(crate) struct Wires<R> {
    /// What the engine wants, until it ends.
    pub(crate) commands: mpsc::UnboundedReceiver<UpstreamCommand>,
    /// Tells the engine.
    pub(crate) report: R,
    /// Tells everybody else.
    pub(crate) sight: watch::Sender<Sight>,
}

/// What is known of a gateway upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sight {
    /// None is in use.
    #[default]
    Absent,
    /// It is being looked for the first time.
    Awaited,
    /// It is in use.
    There(Seen),
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

/// The settings as they are in this mode: a router that knows nothing of a trial is not asked to open its ports for one,
/// unless that is wanted in so many words.
pub(crate) fn settings(settings: &UpstreamSettings, mode: Mode) -> UpstreamSettings {
    let used = match (settings.used, mode) {
        (UpstreamUse::Auto, Mode::Trial) => UpstreamUse::Off,
        (used, _) => used,
    };
    UpstreamSettings {
        used,
        ..settings.clone()
    }
}

/// What is known before anybody has looked.
pub(crate) fn first_sight(settings: &UpstreamSettings, wan: Option<&str>, snapshot: &Snapshot) -> Sight {
    match wan.and_then(|wan| Place::of(wan, settings.used, snapshot)) {
        Some(_) => Sight::Awaited,
        None => Sight::Absent,
    }
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

/// The link as clients are told of it: with the outermost address, unless the administrator says another. Until the
/// upstream gateway has told it, it is taken to be the one that clients were told before, or a restart of this daemon
/// would look to them as if the address had changed twice.
pub(crate) fn with_outermost_address(report: LinkReport, sight: &Sight, told_before: Option<Ipv4Addr>) -> LinkReport {
    let outermost = match sight {
        Sight::Absent => None,
        Sight::Awaited => told_before,
        Sight::There(seen) => seen.external_address.or(told_before),
    };
    LinkReport {
        reported_address: report.reported_address.or(outermost),
        ..report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Ipv4Addr = Ipv4Addr::new(11, 11, 11, 2);

    fn reported(sight: &Sight, fixed: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let report = LinkReport {
            reported_address: fixed,
            ..LinkReport::default()
        };
        with_outermost_address(report, sight, Some(TOLD)).reported_address
    }

    #[test]
    fn a_trial_asks_nobody_unless_that_is_wanted() {
        for (used, mode, expected) in [
            (UpstreamUse::Auto, Mode::Gateway, UpstreamUse::Auto),
            (UpstreamUse::Auto, Mode::Trial, UpstreamUse::Off),
            (UpstreamUse::On, Mode::Trial, UpstreamUse::On),
        ] {
            let written = UpstreamSettings {
                used,
                ..UpstreamSettings::default()
            };
            assert_eq!(settings(&written, mode).used, expected);
        }
    }

    #[test]
    fn the_outermost_address_is_told_unless_another_is_configured() {
        let seen = |external_address| {
            Sight::There(Seen {
                address: "192.168.78.1".parse().unwrap(),
                name: String::new(),
                carrier: None,
                external_address,
            })
        };
        let new = Ipv4Addr::new(11, 11, 11, 3);
        let fixed = Ipv4Addr::new(11, 11, 11, 4);
        for (sight, expected) in [
            (Sight::Absent, None),
            (Sight::Awaited, Some(TOLD)),
            (seen(None), Some(TOLD)),
            (seen(Some(new)), Some(new)),
        ] {
            assert_eq!(reported(&sight, None), expected, "{sight:?}");
            assert_eq!(reported(&sight, Some(fixed)), Some(fixed));
        }
    }
}
