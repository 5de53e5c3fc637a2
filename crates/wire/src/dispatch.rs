//! Which service a request is for.

use crate::error::{ErrorCode, Fault};
use crate::offer::Offer;
use crate::quirk::{Quirk, Quirks};
use crate::service::Service;

/// Finds out which service and version a call is for, from the service whose control URL was used, the service type
/// named in the request, and the action. Never one that is not offered.
///
/// A type that is right decides alone. Otherwise [`Quirk::ServiceMismatch`] looks for the action: first in the service
/// named, then in the one addressed, then in all; and takes the version named if it is one that we serve, else the
/// lowest one that has the action. 401 if nothing fits.
pub fn dispatch(
    offer: Offer,
    addressed: &'static Service,
    service_type: &str,
    action: &str,
    quirks: Quirks,
) -> Result<(&'static Service, u8), Fault> {
    let named = offer.by_urn(service_type);
    if let Some((service, Some(version))) = named
        && std::ptr::eq(service, addressed)
        && (1..=service.version).contains(&version)
    {
        return Ok((service, version));
    }
    if !quirks.has(Quirk::ServiceMismatch) {
        return Err(Fault::because(
            ErrorCode::InvalidAction,
            "no such service type at this control URL",
        ));
    }

    let (named, version) = named.unzip();
    let candidates = named.into_iter().chain([addressed]).chain(offer.services());
    let found = candidates
        .filter_map(|service| Some((service, service.offered_action(action, service.version)?)))
        .next();
    let Some((service, action)) = found else {
        return Err(ErrorCode::InvalidAction.into());
    };
    let version = version.flatten().unwrap_or(action.since);
    Ok((service, version.clamp(action.since, service.version)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{LAYER3_FORWARDING, WAN_COMMON_INTERFACE_CONFIG, WAN_IP_CONNECTION};

    #[test]
    fn dispatch_follows_a_correct_service_type() {
        let dispatch = |urn, action| dispatch(Offer::default(), &WAN_IP_CONNECTION, urn, action, Quirks::NONE).unwrap();
        let (service, version) = dispatch("urn:schemas-upnp-org:service:WANIPConnection:1", "AddAnyPortMapping");
        assert_eq!((service.name, version), ("WANIPConnection", 1));
        let (_, version) = dispatch("urn:schemas-upnp-org:service:WANIPConnection:2", "Nonsense");
        assert_eq!(version, 2);
    }

    #[test]
    fn dispatch_finds_the_action_despite_a_wrong_service_type() {
        let table = [
            (
                "urn:schemas-upnp-org:service:WANIPConnection:",
                "AddPortMapping",
                &WAN_IP_CONNECTION,
                1,
            ),
            (
                "urn:schemas-upnp-org:service:WANIPConnection",
                "AddAnyPortMapping",
                &WAN_IP_CONNECTION,
                2,
            ),
            (
                "urn:schemas-upnp-org:service:WANIPConnection:3",
                "AddPortMapping",
                &WAN_IP_CONNECTION,
                2,
            ),
            (
                "urn:schemas-upnp-org:service:WANPPPConnection:1",
                "AddPortMapping",
                &WAN_IP_CONNECTION,
                1,
            ),
            ("", "GetExternalIPAddress", &WAN_IP_CONNECTION, 1),
            (
                "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1",
                "GetTotalBytesSent",
                &WAN_COMMON_INTERFACE_CONFIG,
                1,
            ),
            (
                "urn:dslforum-org:service:Layer3Forwarding:1",
                "GetDefaultConnectionService",
                &LAYER3_FORWARDING,
                1,
            ),
        ];
        for (urn, action, service, version) in table {
            let found = dispatch(Offer::default(), &WAN_IP_CONNECTION, urn, action, Quirks::default())
                .map(|(s, v)| (s.name, v));
            assert_eq!(found.unwrap(), (service.name, version), "{urn}#{action}");
            let strict = dispatch(Offer::default(), &WAN_IP_CONNECTION, urn, action, Quirks::NONE).map(|_| ());
            assert_eq!(strict.unwrap_err().code, ErrorCode::InvalidAction, "{urn}#{action}");
        }
        let lost = dispatch(Offer::default(), &WAN_IP_CONNECTION, "", "Nonsense", Quirks::default()).map(|_| ());
        assert_eq!(lost.unwrap_err().code, ErrorCode::InvalidAction);
    }
}
