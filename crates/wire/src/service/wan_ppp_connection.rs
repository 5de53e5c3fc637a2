//! WANPPPConnection:1.

use super::wan_connection::*;
use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::*;

/// WANPPPConnection:1, the same connection as seen by control points that look for PPP. There is no later version.
///
/// Our gateway does not speak PPP itself, so it does not know what only the program that does could tell, and gives no
/// credentials away.
pub static WAN_PPP_CONNECTION: Service = Service {
    name: "WANPPPConnection",
    version: 1,
    since: 1,
    id: "WANPPPConn1",
    path: "PPPConn",
    variables: VARIABLES,
    actions: ACTIONS,
    former_errors: ERRORS_OF_VERSION_1,
};

const VARIABLES: &[StateVariable] = &[
    CONNECTION_TYPE.one_of(&[
        "Unconfigured",
        "IP_Routed",
        "DHCP_Spoofed",
        "PPPoE_Bridged",
        "PPTP_Relay",
        "L2TP_Relay",
        "PPPoE_Relay",
    ]),
    POSSIBLE_CONNECTION_TYPES,
    CONNECTION_STATUS.one_of(&[
        "Unconfigured",
        "Connecting",
        "Authenticating",
        "Connected",
        "PendingDisconnect",
        "Disconnecting",
        "Disconnected",
    ]),
    UPTIME,
    StateVariable::ui4("UpstreamMaxBitRate"),
    StateVariable::ui4("DownstreamMaxBitRate"),
    LAST_CONNECTION_ERROR.one_of(&[
        "ERROR_NONE",
        "ERROR_ISP_TIME_OUT",
        "ERROR_COMMAND_ABORTED",
        "ERROR_NOT_ENABLED_FOR_INTERNET",
        "ERROR_BAD_PHONE_NUMBER",
        "ERROR_USER_DISCONNECT",
        "ERROR_ISP_DISCONNECT",
        "ERROR_IDLE_DISCONNECT",
        "ERROR_FORCED_DISCONNECT",
        "ERROR_SERVER_OUT_OF_RESOURCES",
        "ERROR_RESTRICTED_LOGON_HOURS",
        "ERROR_ACCOUNT_DISABLED",
        "ERROR_ACCOUNT_EXPIRED",
        "ERROR_PASSWORD_EXPIRED",
        "ERROR_AUTHENTICATION_FAILURE",
        "ERROR_NO_DIALTONE",
        "ERROR_NO_CARRIER",
        "ERROR_NO_ANSWER",
        "ERROR_LINE_BUSY",
        "ERROR_UNSUPPORTED_BITSPERSECOND",
        "ERROR_TOO_MANY_LINE_ERRORS",
        "ERROR_IP_CONFIGURATION",
        "ERROR_UNKNOWN",
        // Our own, which the standard permits.
        "ERROR_PPP_NEGOTIATION",
        "ERROR_DNS_FAILURE",
        "ERROR_ADDRESS_CONFLICT",
    ]),
    AUTO_DISCONNECT_TIME,
    IDLE_DISCONNECT_TIME,
    WARN_DISCONNECT_DELAY,
    RSIP_AVAILABLE,
    NAT_ENABLED,
    StateVariable::string("UserName"),
    StateVariable::string("Password"),
    StateVariable::string("PPPEncryptionProtocol"),
    StateVariable::string("PPPCompressionProtocol"),
    StateVariable::string("PPPAuthenticationProtocol"),
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
];

const ACTIONS: &[Action] = &[
    SET_CONNECTION_TYPE,
    GET_CONNECTION_TYPE_INFO,
    Action::new(
        "ConfigureConnection",
        arguments![in NewUserName: UserName, in NewPassword: Password],
    )
    .errors(&[InactiveConnectionStateRequired, ActionDisallowedWhenAutoConfigEnabled])
    .access(Access::LinkControl),
    REQUEST_CONNECTION,
    REQUEST_TERMINATION,
    FORCE_TERMINATION,
    SET_AUTO_DISCONNECT_TIME,
    SET_IDLE_DISCONNECT_TIME,
    SET_WARN_DISCONNECT_DELAY,
    GET_STATUS_INFO,
    Action::new(
        "GetLinkLayerMaxBitRates",
        arguments![
            out NewUpstreamMaxBitRate: UpstreamMaxBitRate,
            out NewDownstreamMaxBitRate: DownstreamMaxBitRate,
        ],
    ),
    Action::new(
        "GetPPPEncryptionProtocol",
        arguments![out NewPPPEncryptionProtocol: PPPEncryptionProtocol],
    )
    .withheld(),
    Action::new(
        "GetPPPCompressionProtocol",
        arguments![out NewPPPCompressionProtocol: PPPCompressionProtocol],
    )
    .withheld(),
    Action::new(
        "GetPPPAuthenticationProtocol",
        arguments![out NewPPPAuthenticationProtocol: PPPAuthenticationProtocol],
    )
    .withheld(),
    // What the provider knows the customer by is not for everybody on the LAN.
    Action::new("GetUserName", arguments![out NewUserName: UserName])
        .access(Access::Nobody)
        .withheld(),
    Action::new("GetPassword", arguments![out NewPassword: Password])
        .access(Access::Nobody)
        .withheld(),
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
        SamePortValuesRequired,
        OnlyPermanentLeasesSupported,
        RemoteHostOnlySupportsWildcard,
        ExternalPortOnlySupportsWildcard,
    ]),
    DELETE_PORT_MAPPING,
    GET_EXTERNAL_IP_ADDRESS,
];
