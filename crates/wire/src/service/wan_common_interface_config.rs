//! WANCommonInterfaceConfig:1.

use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::SpecifiedArrayIndexInvalid;

/// WANCommonInterfaceConfig:1.
pub static WAN_COMMON_INTERFACE_CONFIG: Service = Service {
    name: "WANCommonInterfaceConfig",
    version: 1,
    since: 1,
    id: "WANCommonIFC1",
    path: "CmnIfc",
    variables: VARIABLES,
    actions: ACTIONS,
    former_errors: &[],
};

const VARIABLES: &[StateVariable] = &[
    StateVariable::string("WANAccessType").one_of(&["DSL", "POTS", "Cable", "Ethernet"]),
    StateVariable::ui4("Layer1UpstreamMaxBitRate"),
    StateVariable::ui4("Layer1DownstreamMaxBitRate"),
    StateVariable::string("PhysicalLinkStatus")
        .evented()
        .one_of(&["Up", "Down", "Initializing", "Unavailable"]),
    StateVariable::string("WANAccessProvider"),
    StateVariable::ui2("MaximumActiveConnections").range(1, 65535),
    StateVariable::ui4("TotalBytesSent"),
    StateVariable::ui4("TotalBytesReceived"),
    StateVariable::ui4("TotalPacketsSent"),
    StateVariable::ui4("TotalPacketsReceived"),
    StateVariable::boolean("EnabledForInternet").evented(),
    StateVariable::ui2("NumberOfActiveConnections").evented(),
    StateVariable::string("ActiveConnectionDeviceContainer"),
    StateVariable::string("ActiveConnectionServiceID"),
];

const ACTIONS: &[Action] = &[
    Action::new(
        "SetEnabledForInternet",
        arguments![in NewEnabledForInternet: EnabledForInternet],
    )
    .access(Access::LinkControl),
    Action::new(
        "GetEnabledForInternet",
        arguments![out NewEnabledForInternet: EnabledForInternet],
    ),
    Action::new(
        "GetCommonLinkProperties",
        arguments![
            out NewWANAccessType: WANAccessType,
            out NewLayer1UpstreamMaxBitRate: Layer1UpstreamMaxBitRate,
            out NewLayer1DownstreamMaxBitRate: Layer1DownstreamMaxBitRate,
            out NewPhysicalLinkStatus: PhysicalLinkStatus,
        ],
    ),
    Action::new(
        "GetWANAccessProvider",
        arguments![out NewWANAccessProvider: WANAccessProvider],
    ),
    Action::new(
        "GetMaximumActiveConnections",
        arguments![out NewMaximumActiveConnections: MaximumActiveConnections],
    ),
    Action::new("GetTotalBytesSent", arguments![out NewTotalBytesSent: TotalBytesSent]),
    Action::new(
        "GetTotalBytesReceived",
        arguments![out NewTotalBytesReceived: TotalBytesReceived],
    ),
    Action::new(
        "GetTotalPacketsSent",
        arguments![out NewTotalPacketsSent: TotalPacketsSent],
    ),
    Action::new(
        "GetTotalPacketsReceived",
        arguments![out NewTotalPacketsReceived: TotalPacketsReceived],
    ),
    Action::new(
        "GetActiveConnection",
        arguments![
            in NewActiveConnectionIndex: NumberOfActiveConnections,
            out NewActiveConnDeviceContainer: ActiveConnectionDeviceContainer,
            out NewActiveConnectionServiceID: ActiveConnectionServiceID,
        ],
    )
    .errors(&[SpecifiedArrayIndexInvalid]),
];
