use std::net::IpAddr;

use super::actions::{fault, is_public};
use super::misbehaviour::Misbehaviour;
use super::services::Service;
use super::soap::Fault;
use super::state::State;
use super::table::PortMapping;

/// Why a misbehaving gateway refuses a mapping that another would take.
pub(super) fn refusal(state: &State, service: Service, mapping: &PortMapping, peer: IpAddr) -> Option<Fault> {
    state.played(|misbehaviour| {
        let (applies, code, description) = match misbehaviour {
            Misbehaviour::OnlyPermanentLeases => (mapping.lease != 0, 725, "OnlyPermanentLeasesSupported"),
            Misbehaviour::InvalidArgsForLease => (mapping.lease != 0, 402, "Invalid Args"),
            Misbehaviour::SamePortRequired => (
                mapping.external_port != mapping.internal_port,
                724,
                "SamePortValuesRequired",
            ),
            Misbehaviour::OnlyWildcardRemoteHost => {
                (!mapping.remote_host.is_empty(), 726, "RemoteHostOnlySupportsWildcard")
            }
            Misbehaviour::OnlyWildcardExternalPort => {
                (mapping.external_port != 0, 727, "ExternalPortOnlySupportsWildcard")
            }
            Misbehaviour::AlwaysConflict => (true, 718, "ConflictInMappingEntry"),
            Misbehaviour::HiddenRules(ports) => (ports.contains(&mapping.external_port), 718, "ConflictInMappingEntry"),
            Misbehaviour::RefusesEvenPorts => (mapping.external_port.is_multiple_of(2), 606, "Action not authorized"),
            Misbehaviour::PortSharingOff => (true, 403, "Not available Action"),
            Misbehaviour::AlwaysOtherMechanism => (true, 729, "ConflictWithOtherMechanisms"),
            Misbehaviour::NotAuthorized => (true, 606, "Action not authorized"),
            Misbehaviour::RefusesBehindPrivateWan => {
                let address = &state.links[service.connection].connection.external_address;
                (!is_public(address), 501, "Action Failed")
            }
            Misbehaviour::RefusesOtherClients(code) => (is_other_client(mapping, peer), *code, "Action not authorized"),
            Misbehaviour::RefusesLowerCaseProtocol => (
                mapping.protocol.contains(|c: char| c.is_ascii_lowercase()),
                402,
                "Invalid Args",
            ),
            Misbehaviour::RefusesLowPorts => (mapping.external_port < 1024, 606, "Action not authorized"),
            _ => (false, 0, ""),
        };
        applies.then(|| fault(code, description))
    })
}

/// The code with which this gateway protects a mapping from those who are not its internal client.
pub(super) fn other_client(state: &State, mapping: &PortMapping, peer: IpAddr) -> Option<u16> {
    state.played(|misbehaviour| match misbehaviour {
        Misbehaviour::RefusesOtherClients(code) => is_other_client(mapping, peer).then_some(*code),
        _ => None,
    })
}

fn is_other_client(mapping: &PortMapping, peer: IpAddr) -> bool {
    mapping.internal_client.parse() != Ok(peer)
}
