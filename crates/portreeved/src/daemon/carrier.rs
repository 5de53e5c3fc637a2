//! The backend that the settings and the machine ask for.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use portreeve_backend::nftables::{self, Advice, Dropped, ForeignChange, Ipv6Firewall, Nftables, Ownership};
use portreeve_backend::relay::{self, Relay};
use portreeve_backend::{Backend, BackendError};
use portreeve_engine::config::Limits;
use tokio::runtime::Handle;
use tracing::{debug, info, warn};

use crate::config::{self, FirewallChoice, Pinholes, Settings};
use crate::exit::{Failure, Status};
use crate::machine::{Carrier, Findings, Lan, admit_relay};
use crate::runtime::EngineHandle;

/// What carries the traffic, at work.
pub(super) struct Opened {
    /// The backend.
    pub(super) backend: Box<dyn Backend>,
    /// The findings, with what it turned out to be.
    pub(super) findings: Findings,
    /// Whether pinholes have an effect with it.
    pub(super) pinholes: Pinholes,
}

/// Opens the backend. Where the choice was ours and the kernel turns out to lack what nftables needs, the relay takes its
/// place, which the findings then tell.
pub(super) fn open(
    settings: &Settings,
    mut findings: Findings,
    lans: &[Lan],
    engine: &EngineHandle,
) -> Result<Opened, Failure> {
    if findings.carrier == Carrier::Nftables {
        match open_nftables(settings, &findings, lans, engine) {
            Ok((backend, pinholes)) => {
                return Ok(Opened {
                    backend,
                    findings,
                    pinholes,
                });
            }
            Err(error) => {
                give_way(settings, error)?;
                findings.carrier = Carrier::Relay;
            }
        }
    }
    Ok(Opened {
        backend: Box::new(Relay::new(Handle::current(), relay_settings(settings, lans))),
        findings,
        pinholes: Pinholes::Impossible,
    })
}

/// The skeleton that would be installed, as nft text.
pub fn ruleset(settings: &Settings, findings: &Findings, lans: &[Lan]) -> Result<String, Failure> {
    let (firewall, _) = firewall(settings);
    Ok(nftables::ruleset(&nftables_settings(
        settings, findings, lans, firewall,
    )?))
}

/// Removes everything of ours from the kernel, and tells what there was.
pub fn uninstall(settings: &Settings) -> Result<&'static str, Failure> {
    match nftables::uninstall(&settings.nftables.table)? {
        nftables::Uninstalled::Removed => Ok("removed the nftables table with everything in it"),
        nftables::Uninstalled::NothingThere => Ok("there was nothing to remove"),
    }
}

fn open_nftables(
    settings: &Settings,
    findings: &Findings,
    lans: &[Lan],
    engine: &EngineHandle,
) -> Result<(Box<dyn Backend>, Pinholes), BackendError> {
    let (firewall, why) = firewall(settings);
    let wanted = nftables_settings(settings, findings, lans, firewall).map_err(|failure| BackendError::System {
        operation: "setting up nftables".to_owned(),
        cause: failure.to_string(),
    })?;
    let (table, engine) = (wanted.table.clone(), engine.clone());
    let advisor = Advisor {
        table,
        firewall,
        pinholes: settings.ipv6.pinholes,
        told: Mutex::default(),
    };
    info!("{why}");
    advisor.advise();
    let backend = Nftables::open(wanted, move |change| match change {
        ForeignChange::OwnTable => {
            if engine.report_foreign_change().is_err() {
                debug!("the engine has ended");
            }
        }
        _ => advisor.advise(),
    })?;
    if settings.nftables.own_table && backend.ownership() == Ownership::Shared {
        warn!("this kernel cannot protect our table (Linux 6.9 can); what others do to it is repaired instead");
    }
    let pinholes = match firewall {
        Ipv6Firewall::None => Pinholes::Needless,
        _ => Pinholes::Effective,
    };
    Ok((Box::new(backend), pinholes))
}

/// Whether the relay takes the place of nftables, which failed so; if not, that is the end.
fn give_way(settings: &Settings, error: BackendError) -> Result<(), Failure> {
    if !matches!(error, BackendError::Unsupported { .. }) || settings.gateway.backend != config::Backend::Auto {
        return Err(error.into());
    }
    admit_relay(settings, format_args!("since {error}"))?;
    warn!("{error}; relaying traffic by this process instead");
    Ok(())
}

/// The firewall for IPv6 that the settings mean on this machine, and a sentence that tells a person why.
fn firewall(settings: &Settings) -> (Ipv6Firewall, String) {
    firewall_beside(settings, || nftables::ipv6_filter(&settings.nftables.table))
}

/// The same where this is how to look at the filters of others. If that fails, there counts as being one: a mark that
/// nobody reads does no harm, but to tell hosts that all is open, and to open nothing, does.
fn firewall_beside<F: Display>(
    settings: &Settings,
    look: impl FnOnce() -> Result<Option<F>, BackendError>,
) -> (Ipv6Firewall, String) {
    let other = Ipv6Firewall::Other {
        mark: settings.ipv6.mark,
    };
    let configured = || "as configured".to_owned();
    let (firewall, why) = match settings.ipv6.firewall {
        FirewallChoice::Own => (Ipv6Firewall::Own, configured()),
        FirewallChoice::Other => (other, configured()),
        FirewallChoice::None => (Ipv6Firewall::None, configured()),
        FirewallChoice::Auto => match look() {
            Ok(Some(filter)) => (other, format!("since {filter} drops forwarded packets")),
            Ok(None) => (Ipv6Firewall::None, "since no filter drops forwarded packets".to_owned()),
            Err(error) => {
                let why = format!("since it cannot be seen whether there is one ({error})");
                warn!("IPv6: taking it that there is another firewall, {why}; say with ipv6.firewall who it is");
                (other, why)
            }
        },
    };
    let what = match firewall {
        Ipv6Firewall::Own => "our table is the firewall",
        Ipv6Firewall::Other { .. } => "another firewall lets in what came through our pinholes",
        Ipv6Firewall::None => "no firewall, and so no need of pinholes",
    };
    (firewall, format!("IPv6: {what}, {why}"))
}

/// Tells, once for each, which chains of others drop what we forward.
struct Advisor {
    table: String,
    firewall: Ipv6Firewall,
    /// Whether hosts may open pinholes at all.
    pinholes: bool,
    told: Mutex<Vec<Advice>>,
}

impl Advisor {
    fn advise(&self) {
        let found = match nftables::foreign_filters(&self.table, self.firewall) {
            Ok(found) => found,
            Err(error) => return debug!(%error, "cannot look for other filters"),
        };
        let matters = |advice: &&Advice| self.pinholes || advice.dropped == Dropped::Mapped;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for advice in found.iter().filter(matters).filter(|advice| !told.contains(advice)) {
            warn!("{advice}");
        }
        *told = found;
    }
}

fn nftables_settings(
    settings: &Settings,
    findings: &Findings,
    lans: &[Lan],
    ipv6: Ipv6Firewall,
) -> Result<nftables::Settings, Failure> {
    let Some(wan) = findings.wan.clone() else {
        let message = "there is no WAN: name one with `--wan INTERFACE`";
        return Err(Failure::new(Status::Configuration, message));
    };
    let capacity = settings.limits.engine.mappings.max(Limits::default().mappings);
    Ok(nftables::Settings {
        table: settings.nftables.table.clone(),
        broadcast: lans
            .first()
            .and_then(|lan| lan.addresses.iter().find_map(|own| own.network.broadcast())),
        ownership: if settings.nftables.own_table {
            Ownership::Owned
        } else {
            Ownership::Shared
        },
        masquerade: settings.nftables.masquerade,
        cut_connections: settings.nftables.cut_connections,
        capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
        ipv6,
        ..nftables::Settings::new(wan, findings.lans.clone())
    })
}

fn relay_settings(settings: &Settings, lans: &[Lan]) -> relay::Settings {
    relay::Settings {
        connections_per_mapping: settings.relay.connections_per_mapping,
        flows_per_mapping: settings.relay.flows_per_mapping,
        in_all: settings.relay.connections,
        flow_idle: settings.relay.udp_idle,
        lan: lans.first().and_then(Lan::ipv4),
        ..relay::Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use portreeve_testkit::{Lab, require_root};

    use super::*;

    #[test]
    fn the_relay_takes_the_place_only_of_what_the_kernel_lacks_and_nobody_relies_on() {
        let lacking = || BackendError::Unsupported {
            what: "program nftables".to_owned(),
            remedy: "load nf_tables".to_owned(),
        };
        let mut settings = Settings::default();
        assert!(give_way(&settings, lacking()).is_ok());
        let broken = BackendError::System {
            operation: "open".to_owned(),
            cause: "no memory".to_owned(),
        };
        assert_eq!(give_way(&settings, broken).unwrap_err().status, Status::System);

        settings.ipv6.firewall = FirewallChoice::Own;
        let refused = give_way(&settings, lacking()).unwrap_err();
        assert_eq!(refused.status, Status::Configuration);
        let told = refused.to_string();
        assert!(
            told.contains("load nf_tables") && told.contains("ipv6.firewall"),
            "{told}"
        );

        settings = Settings::default();
        settings.gateway.backend = config::Backend::Nftables;
        assert_eq!(give_way(&settings, lacking()).unwrap_err().status, Status::Unavailable);
    }

    #[test]
    fn the_firewall_for_ipv6_is_the_one_that_the_machine_has() {
        let Some(()) = require_root("the_firewall_for_ipv6_is_the_one_that_the_machine_has") else {
            return;
        };
        let lab = Lab::builder().build();
        let mut settings = Settings::default();
        let chosen = |settings: &Settings| lab.gateway().run(|| firewall(settings));
        let (firewall, why) = chosen(&settings);
        assert_eq!(firewall, Ipv6Firewall::None);
        assert_eq!(
            why,
            "IPv6: no firewall, and so no need of pinholes, since no filter drops forwarded packets"
        );

        let foreign = "table ip6 fw { chain f { type filter hook forward priority 0; policy drop; }; }";
        lab.gateway().nft(foreign);
        let other = Ipv6Firewall::Other {
            mark: settings.ipv6.mark,
        };
        let (firewall, why) = chosen(&settings);
        assert_eq!(firewall, other);
        assert!(
            why.ends_with("since chain f of table ip6 fw drops forwarded packets"),
            "{why}"
        );

        for (choice, expected) in [
            (FirewallChoice::Own, Ipv6Firewall::Own),
            (FirewallChoice::Other, other),
            (FirewallChoice::None, Ipv6Firewall::None),
        ] {
            settings.ipv6.firewall = choice;
            assert_eq!(chosen(&settings).0, expected);
        }
    }

    #[test]
    fn a_firewall_that_cannot_be_seen_counts_as_there() {
        let settings = Settings::default();
        let blind = || -> Result<Option<&str>, _> {
            Err(BackendError::System {
                operation: "list the chains".to_owned(),
                cause: "interrupted".to_owned(),
            })
        };
        let (firewall, why) = firewall_beside(&settings, blind);
        let mark = settings.ipv6.mark;
        assert_eq!(firewall, Ipv6Firewall::Other { mark });
        assert!(
            why.ends_with("since it cannot be seen whether there is one (list the chains: interrupted)"),
            "{why}"
        );
    }
}
