//! UPnP error codes, by the family of services that gives them their meaning.

use super::{Explanation, Text};

/// Explains a code of a service.
pub(super) fn explain(service: &str, code: u16) -> Explanation {
    let own = Family::of(service).map_or(&[][..], Family::table);
    let row = own.iter().chain(COMMON).find(|(number, _)| *number == code);
    match (row, code) {
        (Some((_, text)), _) => (*text).into(),
        (None, 607..=612) => SECURITY.into(),
        (None, 800..=899) => Explanation::new(
            "vendor-code",
            format!("The router refused with a code ({code}) that its maker defined and that no standard explains."),
            "Look for this code in the router's manual or with its maker, and look for a firmware update.",
        ),
        (None, _) => Explanation::new(
            "unknown-code",
            format!("The router refused with a code ({code}) that the standard does not define for this action."),
            "Look at the router's own log for the reason; restarting the router or a firmware update may help.",
        ),
    }
}

/// Whether a gateway's words add something to what its code means by the standard.
pub(super) fn tells_more(code: u16, description: &str) -> bool {
    let letters = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let said = letters(description);
    let mut standard = portreeve_wire::ErrorCode::ALL
        .iter()
        .filter(|known| known.number() == code);
    !said.is_empty() && !standard.any(|known| letters(known.description()) == said)
}

/// Services whose codes mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// WANIPConnection and WANPPPConnection.
    Connection,
    /// WANIPv6FirewallControl.
    Firewall,
    /// Layer3Forwarding.
    Forwarding,
    /// WANCommonInterfaceConfig.
    Interface,
    /// LANHostConfigManagement.
    LanHosts,
    /// DeviceProtection.
    Protection,
}

impl Family {
    /// The family of a service, which may be given by name or as part of an URN.
    fn of(service: &str) -> Option<Self> {
        let families = [
            ("WANIPConnection", Self::Connection),
            ("WANPPPConnection", Self::Connection),
            ("WANIPv6FirewallControl", Self::Firewall),
            ("Layer3Forwarding", Self::Forwarding),
            ("WANCommonInterfaceConfig", Self::Interface),
            ("LANHostConfigManagement", Self::LanHosts),
            ("DeviceProtection", Self::Protection),
        ];
        let mut parts = service.split(':');
        parts.find_map(|part| {
            families
                .iter()
                .find(|(name, _)| *name == part)
                .map(|(_, family)| *family)
        })
    }

    /// Its codes.
    fn table(self) -> &'static [(u16, Text)] {
        match self {
            Self::Connection => CONNECTION,
            Self::Firewall => FIREWALL,
            Self::Forwarding => FORWARDING,
            Self::Interface => INTERFACE,
            Self::LanHosts => LAN_HOSTS,
            Self::Protection => PROTECTION,
        }
    }
}

/// One row: number, name for programs, problem, remedy.
const fn row(number: u16, code: &'static str, problem: &'static str, remedy: &'static str) -> (u16, Text) {
    (number, Text { code, problem, remedy })
}

/// Codes of all services (UDA 1.1 table 3-3, UDA 2.0 table 3-4), and 403, which is not of the standard.
const COMMON: &[(u16, Text)] = &[
    row(
        401,
        "invalid-action",
        "The router does not have the action that was asked for.",
        "Its firmware may be older than the standard, or leave this part out: look for a firmware update.",
    ),
    row(
        402,
        "invalid-args",
        "The router did not understand the values that it was sent.",
        "Check the values. If they are right, the router's firmware is stricter or older than the standard: look for \
         an update.",
    ),
    row(
        403,
        "forbidden",
        "The router does not let this computer do this.",
        "Allow this computer to change settings in the router's pages: on a FRITZ!Box with \"Permit independent port \
         sharing\", elsewhere in the UPnP settings.",
    ),
    row(
        404,
        "invalid-var",
        "The router does not have the state variable (a value that can be read) that was asked for.",
        "Read the value with the action of the same name instead, if the service has one.",
    ),
    row(
        501,
        "action-failed",
        "The router tried and failed, and does not tell why.",
        "Look at the router's log, wait a minute and try again; restart the router if it stays so.",
    ),
    row(
        600,
        "argument-value-invalid",
        "The router says that a value makes no sense to it.",
        "Check the values that were given, above all addresses and ports.",
    ),
    row(
        601,
        "argument-value-out-of-range",
        "A value is outside of what the router allows, for instance a protocol other than TCP and UDP.",
        "Use TCP or UDP, a port from 1 to 65535, and a lease (how long the mapping lasts) of at most a week.",
    ),
    row(
        602,
        "optional-action-not-implemented",
        "The router leaves out this action, as the standard allows.",
        "Do without it: there is nothing to switch on.",
    ),
    row(
        603,
        "out-of-memory",
        "The router has no room left for this.",
        "Remove mappings that nobody needs, or restart the router.",
    ),
    row(
        604,
        "human-intervention-required",
        "The router wants a person to do something before it goes on.",
        "Open the router's pages or look at its display: something there waits for an answer.",
    ),
    row(
        605,
        "string-argument-too-long",
        "A text is longer than the router can store.",
        "Use a shorter description.",
    ),
    row(
        606,
        "action-not-authorized",
        "The router's policy does not let this computer do this.",
        "Do it in the router's own pages, or allow this computer in its UPnP settings, if it has such.",
    ),
];

/// UDA 1.0 reserves 607 to 612 for DeviceSecurity, which nobody deploys.
const SECURITY: Text = Text {
    code: "security-required",
    problem: "The router wants the request to be signed or encrypted in a way that no common program supports.",
    remedy: "Switch this protection of UPnP off in the router's pages, if it can be, or forward the port by hand.",
};

/// WANIPConnection:2 table 2-13 and WANPPPConnection:1 table 10; 724 to 727 only in their version 1.
const CONNECTION: &[(u16, Text)] = &[
    row(
        703,
        "inactive-connection-state-required",
        "This can only be changed while the internet connection is down, and it is up.",
        "Disconnect first (`portreeve link disconnect`), then try again.",
    ),
    row(
        704,
        "connection-setup-failed",
        "The router tried to connect to the internet and failed.",
        "Look at the last error in the router's status, check its cable and the provider's user name and password.",
    ),
    row(
        705,
        "connection-setup-in-progress",
        "The router is already connecting to the internet.",
        "Wait half a minute and look at its status.",
    ),
    row(
        706,
        "connection-not-configured",
        "The router's internet connection has never been set up.",
        "Set up the internet access in the router's pages, with what the provider gave you.",
    ),
    row(
        707,
        "disconnect-in-progress",
        "The router is just ending its internet connection.",
        "Wait until its status is Disconnected, then try again.",
    ),
    row(
        708,
        "invalid-layer2-address",
        "The line below the internet connection has a wrong setting (a telephone number, or the VPI/VCI pair that \
         selects a DSL channel).",
        "Correct the access data in the router's pages, with what the provider gave you.",
    ),
    row(
        709,
        "internet-access-disabled",
        "Internet access is switched off in the router.",
        "Switch it on in the router's pages, and look for a schedule or parental control that switches it off.",
    ),
    row(
        710,
        "invalid-connection-type",
        "The router works as a bridge on this connection and does not route, so it cannot do this here.",
        "Talk to the router that makes the connection: the one behind this device.",
    ),
    row(
        711,
        "connection-already-terminated",
        "The internet connection is down already.",
        "There is nothing to do.",
    ),
    row(
        713,
        "array-index-invalid",
        "The router has no mapping at this place of its list.",
        "The list is shorter than thought: read it again.",
    ),
    row(
        714,
        "no-such-entry",
        "The router has no such mapping.",
        "It may have run out or have been removed: list the mappings, and map again if it is needed.",
    ),
    row(
        715,
        "internal-client-missing",
        "The router wants the address that a mapping leads to, and none was given.",
        "Give the address of the computer that the mapping leads to.",
    ),
    row(
        716,
        "external-port-missing",
        "The router does not map all ports at once: it wants an external port from 1 to 65535.",
        "Name one external port, or leave the choice to portreeve.",
    ),
    row(
        718,
        "conflict-in-mapping-entry",
        "Another device already uses this external port.",
        "Choose another external port, or remove the mapping on the device that has it. If the list shows no such \
         mapping, a fixed rule in the router's pages holds the port, or UPnP is switched off there.",
    ),
    row(
        719,
        "automatic-configuration",
        "The router configures this connection by itself and lets nobody change it.",
        "Change it in the router's pages, if it can be changed at all.",
    ),
    row(
        724,
        "same-ports-required",
        "The router maps a port only to the same port number inside.",
        "Use the same number for the external and the internal port.",
    ),
    row(
        725,
        "only-permanent-leases",
        "The router cannot make mappings that end by themselves; it keeps each until someone removes it.",
        "Ask for a mapping without an end, and remove it when it is no longer needed.",
    ),
    row(
        726,
        "remote-host-only-wildcard",
        "The router cannot limit a mapping to one sender from outside.",
        "Leave out the remote host, and let a firewall on the computer decide who may connect.",
    ),
    row(
        727,
        "external-port-only-wildcard",
        "The router maps only all ports at once, never a single one.",
        "Forward the port by hand in the router's pages; its UPnP is of no use for this.",
    ),
    row(
        728,
        "no-port-maps-available",
        "The router has no free external port left, or its table of mappings is full.",
        "Remove mappings that nobody needs (`portreeve list --all` shows them), or restart the router.",
    ),
    row(
        729,
        "conflict-with-other-mechanisms",
        "The router itself or a fixed rule in its pages uses this external port.",
        "Choose another external port, or remove that rule in the router's pages.",
    ),
    row(
        730,
        "port-mapping-not-found",
        "The router has no mapping in this range of ports, or none that this computer may see.",
        "There is nothing to remove or to list here; check the range.",
    ),
    row(
        731,
        "read-only",
        "The router configures the type of its connection by itself; it cannot be set.",
        "Leave the connection type as it is, or change it in the router's pages.",
    ),
    row(
        732,
        "internal-port-missing",
        "The router wants a single internal port from 1 to 65535.",
        "Name the port on which the program on your computer listens.",
    ),
    row(
        733,
        "inconsistent-parameters",
        "The range of ports begins after its end.",
        "Give the smaller port first.",
    ),
];

/// WANIPv6FirewallControl:1 section 2.6.
const FIREWALL: &[(u16, Text)] = &[
    row(
        701,
        "pinhole-space-exhausted",
        "The router's IPv6 firewall has no room for another pinhole (an opening for one port).",
        "Remove pinholes that nobody needs, or wait until some run out.",
    ),
    row(
        702,
        "firewall-disabled",
        "The router's IPv6 firewall is switched off, so that no pinhole is needed: computers are reachable as they are.",
        "There is nothing to open. Protect the computer with a firewall of its own.",
    ),
    row(
        703,
        "inbound-pinhole-not-allowed",
        "The router's IPv6 firewall lets no program open pinholes.",
        "Allow it in the router's pages, often called \"allow IPv6 pinholes by UPnP\", or open the port there by hand.",
    ),
    row(
        704,
        "no-such-pinhole",
        "The router has no pinhole of this number.",
        "It has run out or was removed: open it again.",
    ),
    row(
        705,
        "protocol-not-supported",
        "The router's IPv6 firewall does not handle this protocol.",
        "Use TCP or UDP.",
    ),
    row(
        706,
        "pinhole-port-missing",
        "The router opens a pinhole only for a single port, and none was given.",
        "Name the port on which the program on your computer listens.",
    ),
    row(
        707,
        "pinhole-protocol-missing",
        "The router opens a pinhole only for a single protocol, and none was given.",
        "Name TCP or UDP, and open two pinholes if both are needed.",
    ),
    row(
        708,
        "pinhole-client-missing",
        "The router wants the IPv6 address that a pinhole leads to, and none was given.",
        "Give the IPv6 address of your computer.",
    ),
    row(
        709,
        "no-traffic-received",
        "No packet has come through this pinhole yet, so the router cannot tell whether it works.",
        "Connect from outside first, for instance from a mobile phone without Wi-Fi, then check again.",
    ),
];

/// Layer3Forwarding:1 section 2.4.
const FORWARDING: &[(u16, Text)] = &[
    row(
        720,
        "invalid-device-uuid",
        "The router has no device of this name to make the default connection.",
        "Read the names from the router's description and give one of those.",
    ),
    row(
        721,
        "invalid-service-id",
        "The router has no connection of this name to make the default.",
        "Read the service ids from the router's description and give one of those.",
    ),
    row(
        723,
        "invalid-connection-selection",
        "This connection cannot be the router's default.",
        "Choose a connection of the type IP_Routed that is set up.",
    ),
];

/// WANCommonInterfaceConfig:1.
const INTERFACE: &[(u16, Text)] = &[row(
    713,
    "no-such-active-connection",
    "The router has no active connection of this number.",
    "Count from 0, up to one less than the number of active connections.",
)];

/// LANHostConfigManagement:1.
const LAN_HOSTS: &[(u16, Text)] = &[
    row(
        701,
        "value-already-specified",
        "The router has this address in its list already.",
        "There is nothing to add.",
    ),
    row(
        702,
        "value-not-in-list",
        "The router does not have this address in its list.",
        "Read the list first, and give an address from it.",
    ),
];

/// DeviceProtection:1 section 2.4.
const PROTECTION: &[(u16, Text)] = &[
    row(
        701,
        "login-failed",
        "The router did not accept the user name or the password.",
        "Check both; they are the router's, not the provider's.",
    ),
    row(
        704,
        "setup-message-failed",
        "The router could not make sense of a message while being paired.",
        "Begin the pairing again.",
    ),
    row(
        708,
        "setup-busy",
        "The router is being paired with another program.",
        "Wait two minutes, then begin again.",
    ),
];

#[cfg(test)]
pub(super) fn every_row() -> impl Iterator<Item = (u16, Text)> {
    let tables = [
        COMMON, CONNECTION, FIREWALL, FORWARDING, INTERFACE, LAN_HOSTS, PROTECTION,
    ];
    tables.into_iter().flatten().copied()
}
