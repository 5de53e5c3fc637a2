use super::IgdVersion;
use super::misbehaviour::Misbehaviour;

/// The kinds of service that the gateway has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceKind {
    Layer3Forwarding,
    CommonInterfaceConfig,
    IpConnection,
    PppConnection,
    FirewallControl,
}

/// One service of the description; its index in the list is the number in its URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) kind: ServiceKind,
    /// Index of the connection that it is, or that it belongs to.
    pub(super) connection: usize,
}

/// An action as the SCPD prints it.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) inputs: &'static [&'static str],
    pub(super) outputs: &'static [&'static str],
}

impl ServiceKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Layer3Forwarding => "Layer3Forwarding",
            Self::CommonInterfaceConfig => "WANCommonInterfaceConfig",
            Self::IpConnection => "WANIPConnection",
            Self::PppConnection => "WANPPPConnection",
            Self::FirewallControl => "WANIPv6FirewallControl",
        }
    }

    pub(super) fn id(self, misbehaviours: &[Misbehaviour]) -> &'static str {
        let odd = misbehaviours.contains(&Misbehaviour::OddServiceIds);
        match self {
            Self::Layer3Forwarding if odd => "urn:upnp-org:serviceId:Layer3Forwarding.1",
            Self::Layer3Forwarding => "urn:upnp-org:serviceId:L3Forwarding1",
            Self::CommonInterfaceConfig => "urn:upnp-org:serviceId:WANCommonIFC1",
            Self::IpConnection if odd => "urn:upnp-org:serviceId:WANIPConnection.1",
            Self::IpConnection => "urn:upnp-org:serviceId:WANIPConn1",
            Self::PppConnection if odd => "urn:upnp-org:serviceId:WANPPPConnection.1",
            Self::PppConnection => "urn:upnp-org:serviceId:WANPPPConn1",
            Self::FirewallControl => "urn:upnp-org:serviceId:WANIPv6Firewall1",
        }
    }

    /// `urn:schemas-upnp-org:service:WANIPConnection:2`, or what is made of it.
    pub(super) fn service_type(self, igd: IgdVersion, misbehaviours: &[Misbehaviour]) -> String {
        let domain = domain(misbehaviours);
        let name = self.name();
        match self {
            Self::IpConnection | Self::PppConnection if misbehaviours.contains(&Misbehaviour::UnversionedTypes) => {
                format!("urn:{domain}:service:{name}:")
            }
            _ => format!("urn:{domain}:service:{name}:{}", self.version(igd, misbehaviours)),
        }
    }

    /// Only WANIPConnection has a second version.
    pub(super) fn version(self, igd: IgdVersion, misbehaviours: &[Misbehaviour]) -> u8 {
        let mixed = misbehaviours.contains(&Misbehaviour::MixedVersions);
        match (self, igd, mixed) {
            (Self::IpConnection, IgdVersion::V2, false) | (Self::IpConnection, IgdVersion::V1, true) => 2,
            _ => 1,
        }
    }

    pub(super) fn actions(self, version: u8) -> impl Iterator<Item = &'static Signature> {
        let parts: [&'static [Signature]; 3] = match self {
            Self::Layer3Forwarding => [LAYER3_FORWARDING, &[], &[]],
            Self::CommonInterfaceConfig => [COMMON_INTERFACE_CONFIG, &[], &[]],
            Self::IpConnection if version >= 2 => [CONNECTION, IP_CONNECTION_2, &[]],
            Self::IpConnection => [CONNECTION, &[], &[]],
            Self::PppConnection => [CONNECTION, PPP_CONNECTION, &[]],
            Self::FirewallControl => [FIREWALL_CONTROL, &[], &[]],
        };
        parts.into_iter().flatten()
    }
}

pub(super) fn domain(misbehaviours: &[Misbehaviour]) -> &'static str {
    if misbehaviours.contains(&Misbehaviour::DslForumTypes) {
        "dslforum-org"
    } else {
        "schemas-upnp-org"
    }
}

/// State variable and type behind an argument.
pub(super) fn variable(argument: &'static str) -> (&'static str, &'static str) {
    match argument {
        "NewProtocol" => ("PortMappingProtocol", "string"),
        "NewEnabled" => ("PortMappingEnabled", "boolean"),
        "NewLeaseDuration" => ("PortMappingLeaseDuration", "ui4"),
        "NewPortMappingIndex" | "NewNumberOfPorts" => ("PortMappingNumberOfEntries", "ui2"),
        "NewReservedPort" | "NewStartPort" | "NewEndPort" | "NewExternalPort" => ("ExternalPort", "ui2"),
        "NewInternalPort" => ("InternalPort", "ui2"),
        "NewPortListing" => ("A_ARG_TYPE_PortListing", "string"),
        "NewManage" => ("A_ARG_TYPE_Manage", "boolean"),
        "NewUptime" => ("Uptime", "ui4"),
        "NewRSIPAvailable" | "NewNATEnabled" | "NewEnabledForInternet" => (&argument[3..], "boolean"),
        "FirewallEnabled" | "InboundPinholeAllowed" => (argument, "boolean"),
        "RemoteHost" | "InternalClient" => ("A_ARG_TYPE_IPv6Address", "string"),
        "RemotePort" | "InternalPort" => ("A_ARG_TYPE_Port", "ui2"),
        "Protocol" => ("A_ARG_TYPE_Protocol", "ui2"),
        "LeaseTime" | "NewLeaseTime" => ("A_ARG_TYPE_LeaseTime", "ui4"),
        "UniqueID" => ("A_ARG_TYPE_UniqueID", "ui2"),
        "PinholePackets" => ("A_ARG_TYPE_PinholePackets", "ui4"),
        "IsWorking" => ("A_ARG_TYPE_Boolean", "boolean"),
        _ if argument.starts_with("NewTotal") || argument.ends_with("BitRate") => (&argument[3..], "ui4"),
        _ => (argument.strip_prefix("New").unwrap_or(argument), "string"),
    }
}

const fn action(name: &'static str, inputs: &'static [&'static str], outputs: &'static [&'static str]) -> Signature {
    Signature { name, inputs, outputs }
}

const LAYER3_FORWARDING: &[Signature] = &[
    action("SetDefaultConnectionService", &["NewDefaultConnectionService"], &[]),
    action("GetDefaultConnectionService", &[], &["NewDefaultConnectionService"]),
];

const COMMON_INTERFACE_CONFIG: &[Signature] = &[
    action(
        "GetCommonLinkProperties",
        &[],
        &[
            "NewWANAccessType",
            "NewLayer1UpstreamMaxBitRate",
            "NewLayer1DownstreamMaxBitRate",
            "NewPhysicalLinkStatus",
        ],
    ),
    action("GetEnabledForInternet", &[], &["NewEnabledForInternet"]),
    action("GetTotalBytesSent", &[], &["NewTotalBytesSent"]),
    action("GetTotalBytesReceived", &[], &["NewTotalBytesReceived"]),
    action("GetTotalPacketsSent", &[], &["NewTotalPacketsSent"]),
    action("GetTotalPacketsReceived", &[], &["NewTotalPacketsReceived"]),
];

const MAPPING: &[&str] = &[
    "NewRemoteHost",
    "NewExternalPort",
    "NewProtocol",
    "NewInternalPort",
    "NewInternalClient",
    "NewEnabled",
    "NewPortMappingDescription",
    "NewLeaseDuration",
];
const KEY: &[&str] = &["NewRemoteHost", "NewExternalPort", "NewProtocol"];

/// WANIPConnection:1, and the part of it that WANPPPConnection:1 shares.
const CONNECTION: &[Signature] = &[
    action("SetConnectionType", &["NewConnectionType"], &[]),
    action(
        "GetConnectionTypeInfo",
        &[],
        &["NewConnectionType", "NewPossibleConnectionTypes"],
    ),
    action("RequestConnection", &[], &[]),
    action("ForceTermination", &[], &[]),
    action(
        "GetStatusInfo",
        &[],
        &["NewConnectionStatus", "NewLastConnectionError", "NewUptime"],
    ),
    action("GetNATRSIPStatus", &[], &["NewRSIPAvailable", "NewNATEnabled"]),
    action("GetGenericPortMappingEntry", &["NewPortMappingIndex"], MAPPING),
    action(
        "GetSpecificPortMappingEntry",
        KEY,
        &[
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration",
        ],
    ),
    action("AddPortMapping", MAPPING, &[]),
    action("DeletePortMapping", KEY, &[]),
    action("GetExternalIPAddress", &[], &["NewExternalIPAddress"]),
];

const IP_CONNECTION_2: &[Signature] = &[
    action("AddAnyPortMapping", MAPPING, &["NewReservedPort"]),
    action(
        "DeletePortMappingRange",
        &["NewStartPort", "NewEndPort", "NewProtocol", "NewManage"],
        &[],
    ),
    action(
        "GetListOfPortMappings",
        &[
            "NewStartPort",
            "NewEndPort",
            "NewProtocol",
            "NewManage",
            "NewNumberOfPorts",
        ],
        &["NewPortListing"],
    ),
];

const PPP_CONNECTION: &[Signature] = &[action(
    "GetLinkLayerMaxBitRates",
    &[],
    &["NewUpstreamMaxBitRate", "NewDownstreamMaxBitRate"],
)];

const FIREWALL_CONTROL: &[Signature] = &[
    action("GetFirewallStatus", &[], &["FirewallEnabled", "InboundPinholeAllowed"]),
    action(
        "AddPinhole",
        &[
            "RemoteHost",
            "RemotePort",
            "InternalClient",
            "InternalPort",
            "Protocol",
            "LeaseTime",
        ],
        &["UniqueID"],
    ),
    action("UpdatePinhole", &["UniqueID", "NewLeaseTime"], &[]),
    action("DeletePinhole", &["UniqueID"], &[]),
    action("GetPinholePackets", &["UniqueID"], &["PinholePackets"]),
    action("CheckPinholeWorking", &["UniqueID"], &["IsWorking"]),
];
