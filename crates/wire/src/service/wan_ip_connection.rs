//! WANIPConnection:2 and, by leaving out what is newer, its :1 view.

use super::wan_connection::*;
use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::*;

/// WANIPConnection:2, with our additions to it (`X_` actions and their variables). The :1 view has neither these nor
/// what version 2 added, because the Microsoft stack drops a :1 device with actions that it does not know.
pub static WAN_IP_CONNECTION: Service = Service {
    name: "WANIPConnection",
    version: 2,
    since: 1,
    id: "WANIPConn1",
    path: "IPConn",
    variables: VARIABLES,
    actions: ACTIONS,
    former_errors: ERRORS_OF_VERSION_1,
};

const VARIABLES: &[StateVariable] = &[
    CONNECTION_TYPE,
    POSSIBLE_CONNECTION_TYPES,
    CONNECTION_STATUS,
    UPTIME,
    LAST_CONNECTION_ERROR,
    AUTO_DISCONNECT_TIME,
    IDLE_DISCONNECT_TIME,
    WARN_DISCONNECT_DELAY,
    RSIP_AVAILABLE,
    NAT_ENABLED,
    EXTERNAL_IP_ADDRESS,
    PORT_MAPPING_NUMBER_OF_ENTRIES,
    PORT_MAPPING_ENABLED,
    PORT_MAPPING_LEASE_DURATION,
    REMOTE_HOST,
    EXTERNAL_PORT,
    INTERNAL_PORT,
    PORT_MAPPING_PROTOCOL,
    INTERNAL_CLIENT,
    PORT_MAPPING_DESCRIPTION,
    StateVariable::ui4("SystemUpdateID").evented().since(2),
    StateVariable::boolean("A_ARG_TYPE_Manage").since(2),
    StateVariable::string("A_ARG_TYPE_PortListing").since(2),
    StateVariable::string("ExternalIPv6Address").evented().since(2),
    // Not evented: the capacity depends on who asks.
    StateVariable::ui4("PossiblePortMappingNumberOfEntries").since(2),
];

const ACTIONS: &[Action] = &[
    SET_CONNECTION_TYPE,
    GET_CONNECTION_TYPE_INFO,
    REQUEST_CONNECTION,
    REQUEST_TERMINATION,
    FORCE_TERMINATION,
    SET_AUTO_DISCONNECT_TIME,
    SET_IDLE_DISCONNECT_TIME,
    SET_WARN_DISCONNECT_DELAY,
    GET_STATUS_INFO,
    GET_AUTO_DISCONNECT_TIME,
    GET_IDLE_DISCONNECT_TIME,
    GET_WARN_DISCONNECT_DELAY,
    GET_NAT_RSIP_STATUS,
    GET_GENERIC_PORT_MAPPING_ENTRY,
    GET_SPECIFIC_PORT_MAPPING_ENTRY,
    ADD_PORT_MAPPING.errors(&[
        WildCardNotPermittedInSrcIp,
        WildCardNotPermittedInExtPort,
        ConflictInMappingEntry,
        NoPortMapsAvailable,
        ConflictWithOtherMechanisms,
        WildCardNotPermittedInIntPort,
    ]),
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
    DELETE_PORT_MAPPING,
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
    GET_EXTERNAL_IP_ADDRESS,
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
