//! The backend that the settings and the machine ask for.

use portreeve_backend::nftables::{self, ForeignChange, Nftables, Ownership};
use portreeve_backend::relay::{self, Relay};
use portreeve_backend::{Backend, BackendError};
use portreeve_engine::config::Limits;
use tokio::runtime::Handle;
use tracing::{debug, warn};

use crate::config::{self, Settings};
use crate::exit::{Failure, Status};
use crate::machine::{Carrier, Findings, Lan};
use crate::runtime::EngineHandle;

/// Opens the backend. Where the choice was ours and the kernel turns out to lack what nftables needs, the relay takes its
/// place, which the findings then tell.
pub(super) fn open(
    settings: &Settings,
    mut findings: Findings,
    lans: &[Lan],
    engine: &EngineHandle,
) -> Result<(Box<dyn Backend>, Findings), Failure> {
    if findings.carrier == Carrier::Nftables {
        match open_nftables(settings, &findings, lans, engine) {
            Ok(backend) => return Ok((backend, findings)),
            Err(error @ BackendError::Unsupported { .. }) if settings.gateway.backend == config::Backend::Auto => {
                warn!("{error}; relaying traffic by this process instead");
                findings.carrier = Carrier::Relay;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((
        Box::new(Relay::new(Handle::current(), relay_settings(settings, lans))),
        findings,
    ))
}

/// The skeleton that would be installed, as nft text.
pub fn ruleset(settings: &Settings, findings: &Findings, lans: &[Lan]) -> Result<String, Failure> {
    Ok(nftables::ruleset(&nftables_settings(settings, findings, lans)?))
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
) -> Result<Box<dyn Backend>, BackendError> {
    let wanted = nftables_settings(settings, findings, lans).map_err(|failure| BackendError::System {
        operation: "setting up nftables".to_owned(),
        cause: failure.to_string(),
    })?;
    let (table, engine) = (wanted.table.clone(), engine.clone());
    let mut told = Vec::new();
    advise(&table, &mut told);
    let told = std::sync::Mutex::new(told);
    let backend = Nftables::open(wanted, move |change| match change {
        ForeignChange::OwnTable => {
            if engine.report_foreign_change().is_err() {
                debug!("the engine has ended");
            }
        }
        _ => advise(
            &table,
            &mut told.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        ),
    })?;
    if settings.nftables.own_table && backend.ownership() == Ownership::Shared {
        warn!("this kernel cannot protect our table (Linux 6.9 can); what others do to it is repaired instead");
    }
    Ok(Box::new(backend))
}

/// Tells, once for each, which chains of others drop what we forward.
fn advise(table: &str, told: &mut Vec<nftables::Advice>) {
    match nftables::foreign_filters(table) {
        Ok(found) => {
            for advice in found.iter().filter(|advice| !told.contains(advice)) {
                warn!("{advice}");
            }
            *told = found;
        }
        Err(error) => debug!(%error, "cannot look for other filters"),
    }
}

fn nftables_settings(settings: &Settings, findings: &Findings, lans: &[Lan]) -> Result<nftables::Settings, Failure> {
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
