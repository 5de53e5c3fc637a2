//! Every change of a mapping, of a pinhole or of the link is one structured line of the log.

use portreeve_engine::{Cause, Event, Expiry, Mapping, Pinhole, Rejection, RemoteHost};
use tracing::{debug, info, warn};

use super::clock;
use crate::log;
use crate::upstream::is_behind_nat;

/// Writes events to the log, in one piece.
pub(super) fn events(events: &[Event]) {
    log::together(|| events.iter().for_each(event));
}

fn event(event: &Event) {
    match event {
        Event::Mapped { before, mapping, cause } => {
            let what = match before {
                None => "mapped",
                Some(before) if only_renewed(before, mapping) => {
                    return debug!(mapping = %mapping.key, lease = lease(mapping), "renewed");
                }
                Some(_) => "changed",
            };
            line(what, mapping, *cause);
        }
        Event::Unmapped { mapping, cause } => line("unmapped", mapping, *cause),
        Event::Pinholed {
            before: Some(_),
            pinhole,
            ..
        } => {
            let lease = pinhole.remaining_seconds(clock::now());
            debug!(pinhole = %pinhole.key, id = pinhole.id.0, lease, "renewed");
        }
        Event::Pinholed { pinhole, cause, .. } => pinhole_line("opened", pinhole, *cause),
        Event::Unpinholed { pinhole, cause } => pinhole_line("closed", pinhole, *cause),
        // Every walk over the table ends with a refusal, and who waits for a first packet asks until it is there, so that
        // one of a reading action is nothing to tell.
        Event::Refused {
            caller,
            action,
            rejection,
        } if is_reading(action) => {
            debug!(%caller, action, code = rejection.number(), reason = %rejection, "refused");
        }
        Event::Refused {
            caller,
            action,
            rejection,
        } => {
            let over = protocol(rejection);
            info!(%caller, over, action, code = rejection.number(), reason = %rejection, "refused");
        }
        Event::Link {
            status,
            error,
            external_address,
        } => {
            info!(
                status = status.name(),
                error = error.name(),
                external = external_address,
                "link"
            );
            if external_address.parse().is_ok_and(is_behind_nat) {
                warn!(
                    external = external_address,
                    "the external address is not a public one: this gateway is behind another NAT, and mappings reach as \
                     far as that; have the same ports forwarded there, or ask the provider for a public address"
                );
            }
        }
    }
}

fn is_reading(action: &str) -> bool {
    action.contains("Get") || action.starts_with("Check") || action == "external address"
}

fn protocol(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::Pcp(..) => "pcp",
        Rejection::NatPmp(..) => "nat-pmp",
        _ => "upnp",
    }
}

fn line(what: &str, mapping: &Mapping, cause: Cause) {
    let Mapping {
        key,
        internal_client,
        internal_port,
        enabled,
        description,
        origin,
        ..
    } = mapping;
    let remote = match key.remote_host {
        RemoteHost::Any => "any".to_owned(),
        RemoteHost::Host(address) => address.to_string(),
    };
    info!(
        protocol = key.protocol.name(),
        external_port = key.external_port,
        remote,
        client = %internal_client,
        internal_port,
        enabled,
        lease = lease(mapping),
        description = &**description,
        origin = origin.name(),
        cause = text(cause),
        "{what}"
    );
}

fn pinhole_line(what: &str, pinhole: &Pinhole, cause: Cause) {
    let Pinhole { key, id, origin, .. } = pinhole;
    let remote = key
        .remote_host
        .map_or_else(|| "any".to_owned(), |host| host.to_string());
    info!(
        id = id.0,
        protocol = key.transport.name(),
        remote,
        remote_port = key.remote_port,
        client = %key.internal_client,
        internal_port = key.internal_port,
        lease = pinhole.remaining_seconds(clock::now()),
        origin = origin.name(),
        cause = text(cause),
        "{what}"
    );
}

fn text(cause: Cause) -> String {
    match cause {
        Cause::Caller(address) => address.to_string(),
        Cause::LeaseEnd => "lease end".to_owned(),
        Cause::Administrator => "administrator".to_owned(),
        Cause::Lost => "lost".to_owned(),
        Cause::Upstream => "upstream gateway".to_owned(),
    }
}

fn lease(mapping: &Mapping) -> u32 {
    mapping.expiry.remaining_seconds(clock::now()).unwrap_or(0)
}

fn only_renewed(before: &Mapping, after: &Mapping) -> bool {
    Mapping {
        expiry: Expiry::Never,
        ..before.clone()
    } == Mapping {
        expiry: Expiry::Never,
        ..after.clone()
    }
}
