//! LANHostConfigManagement:1.

use super::{Access, Action, Service, StateVariable};
use crate::error::ErrorCode::{ValueAlreadySpecified, ValueSpecifiedIsInvalid};

/// LANHostConfigManagement:1. It has no events. Our gateway tells what is, and lets nobody set anything: who could tell
/// the hosts of a LAN which router and which DNS servers to use could read all that they send.
pub static LAN_HOST_CONFIG_MANAGEMENT: Service = Service {
    name: "LANHostConfigManagement",
    version: 1,
    since: 1,
    id: "LANHostCfg1",
    path: "LANHostCfg",
    variables: VARIABLES,
    actions: ACTIONS,
    former_errors: &[],
};

const VARIABLES: &[StateVariable] = &[
    StateVariable::boolean("DHCPServerConfigurable"),
    StateVariable::boolean("DHCPRelay"),
    StateVariable::string("SubnetMask"),
    // Those that name several addresses separate them by commas.
    StateVariable::string("IPRouters"),
    StateVariable::string("DNSServers"),
    StateVariable::string("DomainName"),
    StateVariable::string("MinAddress"),
    StateVariable::string("MaxAddress"),
    StateVariable::string("ReservedAddresses"),
];

const ACTIONS: &[Action] = &[
    Action::new(
        "SetDHCPServerConfigurable",
        arguments![in NewDHCPServerConfigurable: DHCPServerConfigurable],
    )
    .access(Access::Nobody),
    Action::new(
        "GetDHCPServerConfigurable",
        arguments![out NewDHCPServerConfigurable: DHCPServerConfigurable],
    ),
    Action::new("SetDHCPRelay", arguments![in NewDHCPRelay: DHCPRelay]).access(Access::Nobody),
    Action::new("GetDHCPRelay", arguments![out NewDHCPRelay: DHCPRelay]),
    Action::new("SetSubnetMask", arguments![in NewSubnetMask: SubnetMask]).access(Access::Nobody),
    Action::new("GetSubnetMask", arguments![out NewSubnetMask: SubnetMask]),
    Action::new("SetIPRouter", arguments![in NewIPRouters: IPRouters])
        .errors(&[ValueAlreadySpecified])
        .access(Access::Nobody),
    Action::new("DeleteIPRouter", arguments![in NewIPRouters: IPRouters])
        .errors(&[ValueSpecifiedIsInvalid])
        .access(Access::Nobody),
    Action::new("GetIPRoutersList", arguments![out NewIPRouters: IPRouters]),
    Action::new("SetDomainName", arguments![in NewDomainName: DomainName]).access(Access::Nobody),
    Action::new("GetDomainName", arguments![out NewDomainName: DomainName]),
    Action::new(
        "SetAddressRange",
        arguments![in NewMinAddress: MinAddress, in NewMaxAddress: MaxAddress],
    )
    .access(Access::Nobody),
    Action::new(
        "GetAddressRange",
        arguments![out NewMinAddress: MinAddress, out NewMaxAddress: MaxAddress],
    ),
    Action::new(
        "SetReservedAddress",
        arguments![in NewReservedAddresses: ReservedAddresses],
    )
    .errors(&[ValueAlreadySpecified])
    .access(Access::Nobody),
    Action::new(
        "DeleteReservedAddress",
        arguments![in NewReservedAddresses: ReservedAddresses],
    )
    .errors(&[ValueSpecifiedIsInvalid])
    .access(Access::Nobody),
    Action::new(
        "GetReservedAddresses",
        arguments![out NewReservedAddresses: ReservedAddresses],
    ),
    Action::new("SetDNSServer", arguments![in NewDNSServers: DNSServers])
        .errors(&[ValueAlreadySpecified])
        .access(Access::Nobody),
    Action::new("DeleteDNSServer", arguments![in NewDNSServers: DNSServers])
        .errors(&[ValueSpecifiedIsInvalid])
        .access(Access::Nobody),
    Action::new("GetDNSServers", arguments![out NewDNSServers: DNSServers]),
];
