//! What the actions and their arguments mean, in a sentence each. Whatever else the clients' documentation says
//! follows from the tables.

/// What an action does. Actions of the same name do the same in every service that has them.
pub(super) fn action(name: &str) -> Option<&'static str> {
    look_up(ACTIONS, name)
}

/// What an argument is, wherever it occurs.
pub(super) fn argument(name: &str) -> Option<&'static str> {
    look_up(ARGUMENTS, name)
}

fn look_up(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let found = table.iter().find(|(key, _)| *key == name);
    found.map(|(_, text)| *text)
}

const ACTIONS: &[(&str, &str)] = &[
    // Layer3Forwarding
    (
        "SetDefaultConnectionService",
        "Chooses the connection that is the default route",
    ),
    (
        "GetDefaultConnectionService",
        "Tells which connection is the default route",
    ),
    // WANCommonInterfaceConfig
    (
        "SetEnabledForInternet",
        "Allows or forbids all connections of the WAN interface to the Internet",
    ),
    (
        "GetEnabledForInternet",
        "Tells whether the WAN interface may connect to the Internet",
    ),
    (
        "GetCommonLinkProperties",
        "Describes the physical link: its kind, its speeds and whether it is up",
    ),
    ("GetWANAccessProvider", "Names the Internet provider"),
    (
        "GetMaximumActiveConnections",
        "Tells how many connections can be active at once",
    ),
    (
        "GetTotalBytesSent",
        "Counts the bytes sent to the WAN; most gateways start again at 0 after 2^32",
    ),
    (
        "GetTotalBytesReceived",
        "Counts the bytes received from the WAN; most gateways start again at 0 after 2^32",
    ),
    (
        "GetTotalPacketsSent",
        "Counts the packets sent to the WAN; most gateways start again at 0 after 2^32",
    ),
    (
        "GetTotalPacketsReceived",
        "Counts the packets received from the WAN; most gateways start again at 0 after 2^32",
    ),
    ("GetActiveConnection", "Names one of the active connections"),
    // WANIPConnection and WANPPPConnection
    ("SetConnectionType", "Chooses what kind of connection this is"),
    (
        "GetConnectionTypeInfo",
        "Tells what kind of connection this is, and what it could be",
    ),
    ("ConfigureConnection", "Sets the credentials that the provider asks for"),
    (
        "RequestConnection",
        "Connects, and comes back before the connection is up",
    ),
    (
        "RequestTermination",
        "Disconnects, after the warning time if one is set",
    ),
    ("ForceTermination", "Disconnects at once"),
    (
        "SetAutoDisconnectTime",
        "Sets how long a connection lasts before it is ended",
    ),
    (
        "SetIdleDisconnectTime",
        "Sets how long a connection without traffic lasts before it is ended",
    ),
    (
        "SetWarnDisconnectDelay",
        "Sets how long others are warned before the connection is ended",
    ),
    (
        "GetStatusInfo",
        "Tells whether the connection is up, since when, and what its last failure was",
    ),
    ("GetLinkLayerMaxBitRates", "Tells the speeds that were negotiated"),
    ("GetPPPEncryptionProtocol", "Tells how the PPP session is encrypted"),
    ("GetPPPCompressionProtocol", "Tells how the PPP session is compressed"),
    (
        "GetPPPAuthenticationProtocol",
        "Tells how the PPP session was authenticated",
    ),
    ("GetUserName", "Tells the user name that the provider is given"),
    (
        "GetPassword",
        "Tells the password that the provider is given; hardly any gateway gives it away",
    ),
    (
        "GetAutoDisconnectTime",
        "Tells how long a connection lasts before it is ended",
    ),
    (
        "GetIdleDisconnectTime",
        "Tells how long a connection without traffic lasts before it is ended",
    ),
    (
        "GetWarnDisconnectDelay",
        "Tells how long others are warned before the connection is ended",
    ),
    ("GetNATRSIPStatus", "Tells whether the gateway translates addresses"),
    (
        "GetGenericPortMappingEntry",
        "Reads the mapping at an index of the gateway's array, which shifts when mappings come and go",
    ),
    (
        "GetSpecificPortMappingEntry",
        "Reads the mapping with this key: remote host, external port and protocol",
    ),
    (
        "AddPortMapping",
        "Makes a mapping, or renews and changes the one that the same client has under this key; gateways of version 1 may \
         refuse an external port other than the internal one (724), a lease with an end (725) and a remote host (726)",
    ),
    (
        "AddAnyPortMapping",
        "Makes a mapping on the external port wanted, or on another one if that is taken",
    ),
    ("DeletePortMapping", "Removes the mapping with this key"),
    (
        "DeletePortMappingRange",
        "Removes the mappings of a range of external ports",
    ),
    (
        "GetExternalIPAddress",
        "Tells the external IPv4 address, as the gateway spells it; it may be empty, `0.0.0.0` or private",
    ),
    (
        "GetListOfPortMappings",
        "Lists the mappings of a range of external ports, as an XML document and as many as the gateway likes",
    ),
    ("X_GetExternalIPv6Address", "Tells the external IPv6 address"),
    (
        "X_GetPossiblePortMappingNumberOfEntries",
        "Tells how many mappings the caller could have at this moment",
    ),
    (
        "X_GetTotalPortMappings",
        "Counts the mappings of a range of external ports",
    ),
    // WANIPv6FirewallControl
    (
        "GetFirewallStatus",
        "Tells whether IPv6 is filtered, and whether pinholes are allowed",
    ),
    (
        "GetOutboundPinholeTimeout",
        "Tells how long a flow from within may be silent before the firewall forgets it",
    ),
    ("AddPinhole", "Opens a pinhole, or extends the one with the same ends"),
    ("UpdatePinhole", "Extends a pinhole"),
    ("DeletePinhole", "Closes a pinhole"),
    ("GetPinholePackets", "Counts the packets that came through a pinhole"),
    ("CheckPinholeWorking", "Tells whether a pinhole lets packets through"),
    // LANHostConfigManagement
    (
        "SetDHCPServerConfigurable",
        "Lets control points set up the DHCP server, or no longer",
    ),
    (
        "GetDHCPServerConfigurable",
        "Tells whether control points may set up the DHCP server",
    ),
    (
        "SetDHCPRelay",
        "Has the gateway pass on the requests of hosts to another DHCP server, or no longer",
    ),
    (
        "GetDHCPRelay",
        "Tells whether the gateway passes on the requests of hosts to another DHCP server",
    ),
    ("SetSubnetMask", "Sets the mask of the LAN"),
    ("GetSubnetMask", "Tells the mask of the LAN"),
    ("SetIPRouter", "Adds a router to those that hosts are told of"),
    ("DeleteIPRouter", "Removes a router from those that hosts are told of"),
    ("GetIPRoutersList", "Lists the routers that hosts are told of"),
    ("SetDomainName", "Sets the domain of the LAN"),
    ("GetDomainName", "Tells the domain of the LAN"),
    ("SetAddressRange", "Sets the addresses that hosts are given"),
    ("GetAddressRange", "Tells the addresses that hosts are given"),
    (
        "SetReservedAddress",
        "Adds an address to those that are kept for certain hosts",
    ),
    (
        "DeleteReservedAddress",
        "Removes an address from those that are kept for certain hosts",
    ),
    (
        "GetReservedAddresses",
        "Lists the addresses that are kept for certain hosts",
    ),
    ("SetDNSServer", "Adds a DNS server to those that hosts are told of"),
    (
        "DeleteDNSServer",
        "Removes a DNS server from those that hosts are told of",
    ),
    ("GetDNSServers", "Lists the DNS servers that hosts are told of"),
];

const ARGUMENTS: &[(&str, &str)] = &[
    // Layer3Forwarding
    (
        "NewDefaultConnectionService",
        "Connection device and service: `uuid:…:WANConnectionDevice:2,urn:upnp-org:serviceId:WANIPConn1`",
    ),
    // WANCommonInterfaceConfig
    (
        "NewEnabledForInternet",
        "Whether the interface may connect to the Internet",
    ),
    ("NewWANAccessType", "Kind of link"),
    ("NewLayer1UpstreamMaxBitRate", "Speed towards the provider, in bit/s"),
    ("NewLayer1DownstreamMaxBitRate", "Speed from the provider, in bit/s"),
    ("NewPhysicalLinkStatus", "Whether the link is up"),
    ("NewWANAccessProvider", "Name of the provider"),
    ("NewMaximumActiveConnections", "Number of connections"),
    ("NewTotalBytesSent", "Bytes"),
    ("NewTotalBytesReceived", "Bytes"),
    ("NewTotalPacketsSent", "Packets"),
    ("NewTotalPacketsReceived", "Packets"),
    ("NewActiveConnectionIndex", "Index, from 0"),
    (
        "NewActiveConnDeviceContainer",
        "Connection device: `uuid:…:WANConnectionDevice:2`",
    ),
    (
        "NewActiveConnectionServiceID",
        "Service of that device: `urn:upnp-org:serviceId:WANIPConn1`",
    ),
    // WANIPConnection and WANPPPConnection
    ("NewConnectionType", "Kind of connection"),
    (
        "NewPossibleConnectionTypes",
        "The kinds it could be, separated by commas",
    ),
    ("NewUserName", "User name"),
    ("NewPassword", "Password"),
    ("NewUpstreamMaxBitRate", "Speed towards the provider, in bit/s"),
    ("NewDownstreamMaxBitRate", "Speed from the provider, in bit/s"),
    ("NewPPPEncryptionProtocol", "For instance `MPPE`"),
    ("NewPPPCompressionProtocol", "For instance `Van Jacobson`"),
    ("NewPPPAuthenticationProtocol", "For instance `PAP` or `CHAP`"),
    (
        "NewAutoDisconnectTime",
        "Seconds since the connection came up; 0 for without end",
    ),
    ("NewIdleDisconnectTime", "Seconds without traffic; 0 for without end"),
    ("NewWarnDisconnectDelay", "Seconds; 0 for no warning"),
    (
        "NewConnectionStatus",
        "State of the connection; there are gateways that say `Up`",
    ),
    ("NewLastConnectionError", "Cause of the last failure"),
    ("NewUptime", "Seconds since the connection came up"),
    ("NewRSIPAvailable", "Whether realm-specific IP is to be had"),
    ("NewNATEnabled", "Whether addresses are translated"),
    ("NewPortMappingIndex", "Index, from 0"),
    (
        "NewRemoteHost",
        "The only remote host that may use the mapping; empty for any",
    ),
    ("NewExternalPort", "External port"),
    ("NewProtocol", "Protocol, in capitals"),
    ("NewInternalPort", "Port of the internal client"),
    (
        "NewInternalClient",
        "Address of the internal client; some gateways give a name, or nothing",
    ),
    ("NewEnabled", "Whether the mapping is in force"),
    ("NewPortMappingDescription", "Text for people"),
    (
        "NewLeaseDuration",
        "Seconds that are left; 0 for without end (version 1) or a week (version 2)",
    ),
    ("NewReservedPort", "The external port that was taken"),
    ("NewStartPort", "First external port of the range"),
    ("NewEndPort", "Last external port of the range"),
    (
        "NewManage",
        "Whether the mappings of other clients are meant too, as far as the gateway allows",
    ),
    ("NewExternalIPAddress", "External IPv4 address"),
    ("NewNumberOfPorts", "Most entries wanted; 0 for no limit"),
    ("NewPortListing", "The list, as an XML document"),
    (
        "NewExternalIPv6Address",
        "External IPv6 address; empty if there is none",
    ),
    (
        "NewPossiblePortMappingNumberOfEntries",
        "Number of mappings, including those that the caller has",
    ),
    ("NewTotalMappings", "Number of mappings"),
    // WANIPv6FirewallControl
    (
        "FirewallEnabled",
        "Whether IPv6 is filtered; without that no pinhole is needed",
    ),
    ("InboundPinholeAllowed", "Whether pinholes can be opened"),
    (
        "RemoteHost",
        "The only remote host that may use the pinhole; empty for any",
    ),
    ("RemotePort", "The only remote port that may use the pinhole; 0 for any"),
    ("InternalClient", "Address of the internal client"),
    (
        "InternalPort",
        "Port of the internal client; 0 for all, where that is allowed",
    ),
    (
        "Protocol",
        "IANA number of the protocol: 6 for TCP, 17 for UDP; 65535 for all, where that is allowed",
    ),
    ("LeaseTime", "Seconds"),
    ("NewLeaseTime", "Seconds from now on"),
    ("UniqueID", "The gateway's number of the pinhole"),
    ("OutboundPinholeTimeout", "Seconds"),
    ("PinholePackets", "Packets"),
    ("IsWorking", "Whether packets come through"),
    // LANHostConfigManagement
    ("NewDHCPServerConfigurable", "Whether control points may set it up"),
    ("NewDHCPRelay", "Whether requests are passed on"),
    ("NewSubnetMask", "IPv4 mask"),
    ("NewIPRouters", "IPv4 addresses, separated by commas"),
    ("NewDomainName", "Domain"),
    ("NewMinAddress", "Lowest IPv4 address of the range"),
    ("NewMaxAddress", "Highest IPv4 address of the range"),
    ("NewReservedAddresses", "IPv4 addresses, separated by commas"),
    ("NewDNSServers", "Addresses, separated by commas"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portreeve_wire::service::KNOWN;

    use super::*;

    #[test]
    fn everything_is_described_once_and_nothing_else() {
        let actions = || KNOWN.iter().flat_map(|service| service.actions);
        let wanted: BTreeSet<&str> = actions().map(|action| action.name).collect();
        assert_eq!(described(ACTIONS), wanted);
        let arguments = actions().flat_map(|action| action.arguments);
        let wanted: BTreeSet<&str> = arguments.map(|argument| argument.name).collect();
        assert_eq!(described(ARGUMENTS), wanted);
    }

    fn described(table: &[(&'static str, &str)]) -> BTreeSet<&'static str> {
        let names: BTreeSet<&str> = table.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), table.len(), "something is described twice");
        names
    }
}
