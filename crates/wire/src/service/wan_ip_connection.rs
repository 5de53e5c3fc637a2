//! WANIPConnection:2 and, by leaving out what is newer, its :1 view.

use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::*;

/// WANIPConnection:2, with our additions to it (`X_` actions and their variables). The :1 view has neither these nor
/// what version 2 added, because the Microsoft stack drops a :1 device with actions that it does not know.
pub static WAN_IP_CONNECTION: Service = Service {
    name: "WANIPConnection",
    version: 2,
    id: "WANIPConn1",
    path: "IPConn",
    variables: VARIABLES,
    actions: ACTIONS,
};

/// Longest host name or description accepted, in bytes: a DNS name has at most 253 (RFC 1035), and the kernel's
/// comment on a map element holds 255.
const LONGEST_TEXT: usize = 255;

const VARIABLES: &[StateVariable] = &[
    StateVariable::string("ConnectionType")
        .one_of(&["Unconfigured", "IP_Routed", "IP_Bridged"])
        .default("IP_Routed"),
    StateVariable::string("PossibleConnectionTypes").evented(),
    StateVariable::string("ConnectionStatus").evented().one_of(&[
        "Unconfigured",
        "Connecting",
        "Connected",
        "PendingDisconnect",
        "Disconnecting",
        "Disconnected",
    ]),
    StateVariable::ui4("Uptime"),
    StateVariable::string("LastConnectionError").one_of(&[
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
    ]),
    StateVariable::ui4("AutoDisconnectTime"),
    StateVariable::ui4("IdleDisconnectTime"),
    StateVariable::ui4("WarnDisconnectDelay"),
    StateVariable::boolean("RSIPAvailable"),
    StateVariable::boolean("NATEnabled"),
    StateVariable::string("ExternalIPAddress").evented(),
    StateVariable::ui2("PortMappingNumberOfEntries").evented(),
    StateVariable::boolean("PortMappingEnabled"),
    // Version 1 allows any lease and version 2 treats 0 in its own way, so the engine decides.
    StateVariable::ui4("PortMappingLeaseDuration")
        .range(0, 604800)
        .default("3600")
        .enforced_by_engine(),
    StateVariable::string("RemoteHost").maximum_length(LONGEST_TEXT),
    StateVariable::ui2("ExternalPort"),
    // Port 0 has an error code of its own, 732, which comes after 601 in the order of checks.
    StateVariable::ui2("InternalPort").range(1, 65535).enforced_by_engine(),
    StateVariable::string("PortMappingProtocol").one_of(&["TCP", "UDP"]),
    StateVariable::string("InternalClient").maximum_length(LONGEST_TEXT),
    StateVariable::string("PortMappingDescription").maximum_length(LONGEST_TEXT),
    StateVariable::ui4("SystemUpdateID").evented().since(2),
    StateVariable::boolean("A_ARG_TYPE_Manage").since(2),
    StateVariable::string("A_ARG_TYPE_PortListing").since(2),
    StateVariable::string("ExternalIPv6Address").evented().since(2),
    // Not evented: the capacity depends on who asks.
    StateVariable::ui4("PossiblePortMappingNumberOfEntries").since(2),
];

const ACTIONS: &[Action] = &[
    Action::new("SetConnectionType", arguments![in NewConnectionType: ConnectionType])
        .errors(&[InactiveConnectionStateRequired, ReadOnly])
        .access(Access::LinkControl),
    Action::new(
        "GetConnectionTypeInfo",
        arguments![
            out NewConnectionType: ConnectionType,
            out NewPossibleConnectionTypes: PossibleConnectionTypes,
        ],
    ),
    Action::new("RequestConnection", arguments![])
        .errors(&[
            ConnectionSetupFailed,
            ConnectionSetupInProgress,
            ConnectionNotConfigured,
            DisconnectInProgress,
            InvalidLayer2Address,
            InternetAccessDisabled,
            InvalidConnectionType,
        ])
        .access(Access::LinkControl),
    Action::new("RequestTermination", arguments![])
        .errors(&[
            ConnectionNotConfigured,
            DisconnectInProgress,
            InvalidConnectionType,
            ConnectionAlreadyTerminated,
        ])
        .access(Access::LinkControl),
    Action::new("ForceTermination", arguments![])
        .errors(&[
            ConnectionNotConfigured,
            DisconnectInProgress,
            InvalidConnectionType,
            ConnectionAlreadyTerminated,
        ])
        .access(Access::LinkControl),
    Action::new(
        "SetAutoDisconnectTime",
        arguments![in NewAutoDisconnectTime: AutoDisconnectTime],
    )
    .access(Access::LinkControl),
    Action::new(
        "SetIdleDisconnectTime",
        arguments![in NewIdleDisconnectTime: IdleDisconnectTime],
    )
    .access(Access::LinkControl),
    Action::new(
        "SetWarnDisconnectDelay",
        arguments![in NewWarnDisconnectDelay: WarnDisconnectDelay],
    )
    .access(Access::LinkControl),
    Action::new(
        "GetStatusInfo",
        arguments![
            out NewConnectionStatus: ConnectionStatus,
            out NewLastConnectionError: LastConnectionError,
            out NewUptime: Uptime,
        ],
    ),
    Action::new(
        "GetAutoDisconnectTime",
        arguments![out NewAutoDisconnectTime: AutoDisconnectTime],
    ),
    Action::new(
        "GetIdleDisconnectTime",
        arguments![out NewIdleDisconnectTime: IdleDisconnectTime],
    ),
    Action::new(
        "GetWarnDisconnectDelay",
        arguments![out NewWarnDisconnectDelay: WarnDisconnectDelay],
    ),
    Action::new(
        "GetNATRSIPStatus",
        arguments![out NewRSIPAvailable: RSIPAvailable, out NewNATEnabled: NATEnabled],
    ),
    Action::new(
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
    .access(Access::OwnMappings),
    Action::new(
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
    .access(Access::OwnMappings),
    Action::new(
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
    .errors(&[
        WildCardNotPermittedInSrcIp,
        WildCardNotPermittedInExtPort,
        ConflictInMappingEntry,
        NoPortMapsAvailable,
        ConflictWithOtherMechanisms,
        WildCardNotPermittedInIntPort,
    ])
    .access(Access::OwnMappings),
    Action::new(
        "AddAnyPortMapping",
        arguments![
            in NewRemoteHost: RemoteHost,
            in NewExternalPort: ExternalPort,
            in NewProtocol: PortMappingProtocol,
            in NewInternalPort: InternalPort,
            in NewInternalClient: InternalClient,
            in NewEnabled: PortMappingEnabled,
            in NewPortMappingDescription: PortMappingDescription,
            in NewLeaseDuration: PortMappingLeaseDuration,
            out NewReservedPort: ExternalPort,
        ],
    )
    .errors(&[
        WildCardNotPermittedInSrcIp,
        WildCardNotPermittedInExtPort,
        NoPortMapsAvailable,
        ConflictWithOtherMechanisms,
        WildCardNotPermittedInIntPort,
    ])
    .access(Access::OwnMappings)
    .since(2),
    Action::new(
        "DeletePortMapping",
        arguments![
            in NewRemoteHost: RemoteHost,
            in NewExternalPort: ExternalPort,
            in NewProtocol: PortMappingProtocol,
        ],
    )
    .errors(&[NoSuchEntryInArray])
    .access(Access::OwnMappings),
    Action::new(
        "DeletePortMappingRange",
        arguments![
            in NewStartPort: ExternalPort,
            in NewEndPort: ExternalPort,
            in NewProtocol: PortMappingProtocol,
            in NewManage: A_ARG_TYPE_Manage,
        ],
    )
    .errors(&[PortMappingNotFound, InconsistentParameters])
    .access(Access::OwnMappings)
    .since(2),
    Action::new(
        "GetExternalIPAddress",
        arguments![out NewExternalIPAddress: ExternalIPAddress],
    ),
    Action::new(
        "GetListOfPortMappings",
        arguments![
            in NewStartPort: ExternalPort,
            in NewEndPort: ExternalPort,
            in NewProtocol: PortMappingProtocol,
            in NewManage: A_ARG_TYPE_Manage,
            in NewNumberOfPorts: PortMappingNumberOfEntries,
            out NewPortListing: A_ARG_TYPE_PortListing,
        ],
    )
    .errors(&[PortMappingNotFound, InconsistentParameters])
    .access(Access::OwnMappings)
    .since(2),
    Action::new(
        "X_GetExternalIPv6Address",
        arguments![out NewExternalIPv6Address: ExternalIPv6Address],
    )
    .since(2),
    Action::new(
        "X_GetPossiblePortMappingNumberOfEntries",
        arguments![out NewPossiblePortMappingNumberOfEntries: PossiblePortMappingNumberOfEntries],
    )
    .since(2),
    Action::new(
        "X_GetTotalPortMappings",
        arguments![
            in NewStartPort: ExternalPort,
            in NewEndPort: ExternalPort,
            in NewProtocol: PortMappingProtocol,
            in NewManage: A_ARG_TYPE_Manage,
            out NewTotalMappings: PortMappingNumberOfEntries,
        ],
    )
    .errors(&[InconsistentParameters])
    .access(Access::OwnMappings)
    .since(2),
];
