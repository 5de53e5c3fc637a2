//! WANIPv6FirewallControl:1.

use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::{self, *};

/// WANIPv6FirewallControl:1. Its arguments have no `New` in front, but for one. The older view never has it: Windows and
/// consoles stop at a version 1 gateway with it.
pub static WAN_IPV6_FIREWALL_CONTROL: Service = Service {
    name: "WANIPv6FirewallControl",
    version: 1,
    since: 2,
    id: "WANIPv6Firewall1",
    path: "IPv6FwCtl",
    variables: VARIABLES,
    actions: ACTIONS,
    former_errors: &[],
};

const VARIABLES: &[StateVariable] = &[
    StateVariable::boolean("FirewallEnabled").evented(),
    StateVariable::ui4("A_ARG_TYPE_OutboundPinholeTimeout"),
    StateVariable::string("A_ARG_TYPE_IPv6Address"),
    StateVariable::ui2("A_ARG_TYPE_Port"),
    // A number that IANA assigns to protocols; 65535 for any.
    StateVariable::ui2("A_ARG_TYPE_Protocol"),
    StateVariable::boolean("InboundPinholeAllowed").evented(),
    // Out of range is 402 here.
    StateVariable::ui4("A_ARG_TYPE_LeaseTime")
        .range(1, 86400)
        .enforced_by_engine(),
    StateVariable::ui2("A_ARG_TYPE_UniqueID"),
    StateVariable::ui4("A_ARG_TYPE_PinholePackets"),
    StateVariable::boolean("A_ARG_TYPE_Boolean"),
];

/// What every action on an existing pinhole may answer.
const OF_PINHOLE: &[ErrorCode] = &[FirewallDisabled, InboundPinholeNotAllowed, NoSuchPinhole];

const ACTIONS: &[Action] = &[
    Action::new(
        "GetFirewallStatus",
        arguments![
            out FirewallEnabled: FirewallEnabled,
            out InboundPinholeAllowed: InboundPinholeAllowed,
        ],
    ),
    Action::new(
        "GetOutboundPinholeTimeout",
        arguments![
            in RemoteHost: A_ARG_TYPE_IPv6Address,
            in RemotePort: A_ARG_TYPE_Port,
            in InternalClient: A_ARG_TYPE_IPv6Address,
            in InternalPort: A_ARG_TYPE_Port,
            in Protocol: A_ARG_TYPE_Protocol,
            out OutboundPinholeTimeout: A_ARG_TYPE_OutboundPinholeTimeout,
        ],
    )
    .errors(&[ProtocolNotSupported]),
    Action::new(
        "AddPinhole",
        arguments![
            in RemoteHost: A_ARG_TYPE_IPv6Address,
            in RemotePort: A_ARG_TYPE_Port,
            in InternalClient: A_ARG_TYPE_IPv6Address,
            in InternalPort: A_ARG_TYPE_Port,
            in Protocol: A_ARG_TYPE_Protocol,
            in LeaseTime: A_ARG_TYPE_LeaseTime,
            out UniqueID: A_ARG_TYPE_UniqueID,
        ],
    )
    .errors(&[
        PinholeSpaceExhausted,
        FirewallDisabled,
        InboundPinholeNotAllowed,
        ProtocolNotSupported,
        InternalPortWildcardingNotAllowed,
        ProtocolWildcardingNotAllowed,
        WildCardNotPermittedInPinholeClient,
    ])
    .access(Access::OwnMappings),
    Action::new(
        "UpdatePinhole",
        arguments![in UniqueID: A_ARG_TYPE_UniqueID, in NewLeaseTime: A_ARG_TYPE_LeaseTime],
    )
    .errors(OF_PINHOLE)
    .access(Access::OwnMappings),
    Action::new("DeletePinhole", arguments![in UniqueID: A_ARG_TYPE_UniqueID])
        .errors(OF_PINHOLE)
        .access(Access::OwnMappings),
    Action::new(
        "GetPinholePackets",
        arguments![in UniqueID: A_ARG_TYPE_UniqueID, out PinholePackets: A_ARG_TYPE_PinholePackets],
    )
    .errors(OF_PINHOLE)
    .access(Access::OwnMappings),
    Action::new(
        "CheckPinholeWorking",
        arguments![in UniqueID: A_ARG_TYPE_UniqueID, out IsWorking: A_ARG_TYPE_Boolean],
    )
    .errors(&[
        FirewallDisabled,
        InboundPinholeNotAllowed,
        NoSuchPinhole,
        NoTrafficReceived,
    ])
    .access(Access::OwnMappings),
];
