//! What the services of a WAN connection have in common: WANPPPConnection:1 has the same port mappings, under the same
//! names, as WANIPConnection:1. The services' tables say what each has, and in which order.

use super::{Access, Action, StateVariable};
use crate::error::ErrorCode::{self, *};

/// Longest host name or description accepted, in bytes: a DNS name has at most 253 (RFC 1035), and the kernel's
/// comment on a map element holds 255.
const LONGEST_TEXT: usize = 255;

pub(super) const CONNECTION_TYPE: StateVariable = StateVariable::string("ConnectionType")
    .one_of(&["Unconfigured", "IP_Routed", "IP_Bridged"])
    .default("IP_Routed");
pub(super) const POSSIBLE_CONNECTION_TYPES: StateVariable = StateVariable::string("PossibleConnectionTypes").evented();
pub(super) const CONNECTION_STATUS: StateVariable = StateVariable::string("ConnectionStatus").evented().one_of(&[
    "Unconfigured",
    "Connecting",
    "Connected",
    "PendingDisconnect",
    "Disconnecting",
    "Disconnected",
]);
pub(super) const UPTIME: StateVariable = StateVariable::ui4("Uptime");
pub(super) const LAST_CONNECTION_ERROR: StateVariable = StateVariable::string("LastConnectionError").one_of(&[
    "ERROR_NONE",
    "ERROR_COMMAND_ABORTED",
    "ERROR_NOT_ENABLED_FOR_INTERNET",
    "ERROR_ISP_DISCONNECT",
    "ERROR_USER_DISCONNECT",
    "ERROR_IDLE_DISCONNECT",
    "ERROR_FORCED_DISCONNECT",
    "ERROR_NO_CARRIER",
    "ERROR_IP_CONFIGURATION",
    "ERROR_UNKNOWN",
    // Of WANPPPConnection:1, and then our own, which the standard permits.
    "ERROR_ISP_TIME_OUT",
    "ERROR_PPP_NEGOTIATION",
    "ERROR_AUTHENTICATION",
    "ERROR_DNS_FAILURE",
    "ERROR_ADDRESS_CONFLICT",
]);
pub(super) const AUTO_DISCONNECT_TIME: StateVariable = StateVariable::ui4("AutoDisconnectTime");
pub(super) const IDLE_DISCONNECT_TIME: StateVariable = StateVariable::ui4("IdleDisconnectTime");
pub(super) const WARN_DISCONNECT_DELAY: StateVariable = StateVariable::ui4("WarnDisconnectDelay");
pub(super) const RSIP_AVAILABLE: StateVariable = StateVariable::boolean("RSIPAvailable");
pub(super) const NAT_ENABLED: StateVariable = StateVariable::boolean("NATEnabled");
pub(super) const EXTERNAL_IP_ADDRESS: StateVariable = StateVariable::string("ExternalIPAddress").evented();
pub(super) const PORT_MAPPING_NUMBER_OF_ENTRIES: StateVariable =
    StateVariable::ui2("PortMappingNumberOfEntries").evented();
pub(super) const PORT_MAPPING_ENABLED: StateVariable = StateVariable::boolean("PortMappingEnabled");
// Version 1 allows any lease and version 2 treats 0 in its own way, so the engine decides.
pub(super) const PORT_MAPPING_LEASE_DURATION: StateVariable = StateVariable::ui4("PortMappingLeaseDuration")
    .range(0, 604800)
    .default("3600")
    .enforced_by_engine();
pub(super) const REMOTE_HOST: StateVariable = StateVariable::string("RemoteHost").maximum_length(LONGEST_TEXT);
pub(super) const EXTERNAL_PORT: StateVariable = StateVariable::ui2("ExternalPort");
// Port 0 has an error code of its own, 732, which comes after 601 in the order of checks.
pub(super) const INTERNAL_PORT: StateVariable = StateVariable::ui2("InternalPort").range(1, 65535).enforced_by_engine();
pub(super) const PORT_MAPPING_PROTOCOL: StateVariable =
    StateVariable::string("PortMappingProtocol").one_of(&["TCP", "UDP"]);
pub(super) const INTERNAL_CLIENT: StateVariable = StateVariable::string("InternalClient").maximum_length(LONGEST_TEXT);
pub(super) const PORT_MAPPING_DESCRIPTION: StateVariable =
    StateVariable::string("PortMappingDescription").maximum_length(LONGEST_TEXT);

pub(super) const SET_CONNECTION_TYPE: Action =
    Action::new("SetConnectionType", arguments![in NewConnectionType: ConnectionType])
        .errors(&[InactiveConnectionStateRequired, ReadOnly])
        .access(Access::LinkControl);
pub(super) const GET_CONNECTION_TYPE_INFO: Action = Action::new(
    "GetConnectionTypeInfo",
    arguments![
        out NewConnectionType: ConnectionType,
        out NewPossibleConnectionTypes: PossibleConnectionTypes,
    ],
);
pub(super) const REQUEST_CONNECTION: Action = Action::new("RequestConnection", arguments![])
    .errors(&[
        ConnectionSetupFailed,
        ConnectionSetupInProgress,
        ConnectionNotConfigured,
        DisconnectInProgress,
        InvalidLayer2Address,
        InternetAccessDisabled,
        InvalidConnectionType,
    ])
    .access(Access::LinkControl);
pub(super) const REQUEST_TERMINATION: Action = Action::new("RequestTermination", arguments![])
    .errors(&[
        ConnectionNotConfigured,
        DisconnectInProgress,
        InvalidConnectionType,
        ConnectionAlreadyTerminated,
    ])
    .access(Access::LinkControl);
pub(super) const FORCE_TERMINATION: Action = Action::new("ForceTermination", arguments![])
    .errors(&[
        ConnectionNotConfigured,
        DisconnectInProgress,
        InvalidConnectionType,
        ConnectionAlreadyTerminated,
    ])
    .access(Access::LinkControl);
pub(super) const SET_AUTO_DISCONNECT_TIME: Action = Action::new(
    "SetAutoDisconnectTime",
    arguments![in NewAutoDisconnectTime: AutoDisconnectTime],
)
.access(Access::LinkControl);
pub(super) const SET_IDLE_DISCONNECT_TIME: Action = Action::new(
    "SetIdleDisconnectTime",
    arguments![in NewIdleDisconnectTime: IdleDisconnectTime],
)
.access(Access::LinkControl);
pub(super) const SET_WARN_DISCONNECT_DELAY: Action = Action::new(
    "SetWarnDisconnectDelay",
    arguments![in NewWarnDisconnectDelay: WarnDisconnectDelay],
)
.access(Access::LinkControl);
pub(super) const GET_STATUS_INFO: Action = Action::new(
    "GetStatusInfo",
    arguments![
        out NewConnectionStatus: ConnectionStatus,
        out NewLastConnectionError: LastConnectionError,
        out NewUptime: Uptime,
    ],
);
pub(super) const GET_AUTO_DISCONNECT_TIME: Action = Action::new(
    "GetAutoDisconnectTime",
    arguments![out NewAutoDisconnectTime: AutoDisconnectTime],
);
pub(super) const GET_IDLE_DISCONNECT_TIME: Action = Action::new(
    "GetIdleDisconnectTime",
    arguments![out NewIdleDisconnectTime: IdleDisconnectTime],
);
pub(super) const GET_WARN_DISCONNECT_DELAY: Action = Action::new(
    "GetWarnDisconnectDelay",
    arguments![out NewWarnDisconnectDelay: WarnDisconnectDelay],
);
pub(super) const GET_NAT_RSIP_STATUS: Action = Action::new(
    "GetNATRSIPStatus",
    arguments![out NewRSIPAvailable: RSIPAvailable, out NewNATEnabled: NATEnabled],
);
pub(super) const GET_GENERIC_PORT_MAPPING_ENTRY: Action = Action::new(
    "GetGenericPortMappingEntry",
    arguments![
        in NewPortMappingIndex: PortMappingNumberOfEntries,
        out NewRemoteHost: RemoteHost,
        out NewExternalPort: ExternalPort,
        out NewProtocol: PortMappingProtocol,
        out NewInternalPort: InternalPort,
        out NewInternalClient: InternalClient,
        out NewEnabled: PortMappingEnabled,
        out NewPortMappingDescription: PortMappingDescription,
        out NewLeaseDuration: PortMappingLeaseDuration,
    ],
)
.errors(&[SpecifiedArrayIndexInvalid])
.access(Access::OwnMappings);
pub(super) const GET_SPECIFIC_PORT_MAPPING_ENTRY: Action = Action::new(
    "GetSpecificPortMappingEntry",
    arguments![
        in NewRemoteHost: RemoteHost,
        in NewExternalPort: ExternalPort,
        in NewProtocol: PortMappingProtocol,
        out NewInternalPort: InternalPort,
        out NewInternalClient: InternalClient,
        out NewEnabled: PortMappingEnabled,
        out NewPortMappingDescription: PortMappingDescription,
        out NewLeaseDuration: PortMappingLeaseDuration,
    ],
)
.errors(&[NoSuchEntryInArray])
.access(Access::OwnMappings);
/// Its error codes are where the versions differ most, so each table adds its own.
pub(super) const ADD_PORT_MAPPING: Action = Action::new(
    "AddPortMapping",
    arguments![
        in NewRemoteHost: RemoteHost,
        in NewExternalPort: ExternalPort,
        in NewProtocol: PortMappingProtocol,
        in NewInternalPort: InternalPort,
        in NewInternalClient: InternalClient,
        in NewEnabled: PortMappingEnabled,
        in NewPortMappingDescription: PortMappingDescription,
        in NewLeaseDuration: PortMappingLeaseDuration,
    ],
)
.access(Access::OwnMappings);
pub(super) const DELETE_PORT_MAPPING: Action = Action::new(
    "DeletePortMapping",
    arguments![
        in NewRemoteHost: RemoteHost,
        in NewExternalPort: ExternalPort,
        in NewProtocol: PortMappingProtocol,
    ],
)
.errors(&[NoSuchEntryInArray])
.access(Access::OwnMappings);
pub(super) const GET_EXTERNAL_IP_ADDRESS: Action = Action::new(
    "GetExternalIPAddress",
    arguments![out NewExternalIPAddress: ExternalIPAddress],
);

/// What version 1 knew and version 2 must not send: a control point meets it all the same.
pub(super) const ERRORS_OF_VERSION_1: &[ErrorCode] = &[
    NullValueAtSpecifiedArrayIndex,
    SamePortValuesRequired,
    OnlyPermanentLeasesSupported,
    RemoteHostOnlySupportsWildcard,
    ExternalPortOnlySupportsWildcard,
];
