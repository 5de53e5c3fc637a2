//! The values of ConnectionStatus, LastConnectionError and ConnectionType (WANIPConnection:2 sections 2.3.1 to 2.3.5).

/// `ConnectionStatus` (WANIPConnection:2 section 2.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionStatus {
    /// There is no WAN interface.
    #[default]
    Unconfigured,
    /// The link is being set up.
    Connecting,
    /// The link carries traffic.
    Connected,
    /// It still does, and ends when WarnDisconnectDelay has passed.
    PendingDisconnect,
    /// The link is being torn down.
    Disconnecting,
    /// It carries no traffic.
    Disconnected,
}

/// `LastConnectionError` (WANIPConnection:2 section 2.3.5): the values of the standard, one of WANPPPConnection:1, and
/// where neither says what happened, values of our own, as both allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LastConnectionError {
    /// None.
    #[default]
    None,
    /// Connecting was given up because somebody asked to.
    CommandAborted,
    /// EnabledForInternet is 0.
    NotEnabledForInternet,
    /// The connection ended, and nobody here had asked for it.
    IspDisconnect,
    /// Somebody used RequestTermination.
    UserDisconnect,
    /// The time of IdleDisconnectTime or of AutoDisconnectTime has passed.
    IdleDisconnect,
    /// Somebody used ForceTermination.
    ForcedDisconnect,
    /// The interface is down or its cable is out.
    NoCarrier,
    /// The interface has no address.
    IpConfiguration,
    /// Something else.
    Unknown,
    /// No answer in time (WANPPPConnection:1 section 2.2.5).
    IspTimeOut,
    /// PPP was not agreed on.
    PppNegotiation,
    /// The provider did not accept the user name or the password.
    Authentication,
    /// Names cannot be looked up.
    DnsFailure,
    /// Another device has the address that was given to us.
    AddressConflict,
}

/// `ConnectionType` (WANIPConnection:2 section 2.3.1), as far as it can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionType {
    /// The gateway holds the connection, and routes over it.
    IpRouted,
    /// The connection is for hosts of the LAN to make: the gateway does not.
    IpBridged,
}

impl ConnectionStatus {
    /// Every value, in the order of the standard's table.
    pub const ALL: &'static [Self] = &[
        Self::Unconfigured,
        Self::Connecting,
        Self::Connected,
        Self::PendingDisconnect,
        Self::Disconnecting,
        Self::Disconnected,
    ];

    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unconfigured => "Unconfigured",
            Self::Connecting => "Connecting",
            Self::Connected => "Connected",
            Self::PendingDisconnect => "PendingDisconnect",
            Self::Disconnecting => "Disconnecting",
            Self::Disconnected => "Disconnected",
        }
    }

    /// Whether the link carries traffic: Connected, or PendingDisconnect (WANIPConnection:2 section 2.3.3).
    pub const fn passes_packets(self) -> bool {
        matches!(self, Self::Connected | Self::PendingDisconnect)
    }
}

impl LastConnectionError {
    /// Every value, in the order of the standard's table, ours last.
    pub const ALL: &'static [Self] = &[
        Self::None,
        Self::CommandAborted,
        Self::NotEnabledForInternet,
        Self::IspDisconnect,
        Self::UserDisconnect,
        Self::IdleDisconnect,
        Self::ForcedDisconnect,
        Self::NoCarrier,
        Self::IpConfiguration,
        Self::Unknown,
        Self::IspTimeOut,
        Self::PppNegotiation,
        Self::Authentication,
        Self::DnsFailure,
        Self::AddressConflict,
    ];

    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "ERROR_NONE",
            Self::CommandAborted => "ERROR_COMMAND_ABORTED",
            Self::NotEnabledForInternet => "ERROR_NOT_ENABLED_FOR_INTERNET",
            Self::IspDisconnect => "ERROR_ISP_DISCONNECT",
            Self::UserDisconnect => "ERROR_USER_DISCONNECT",
            Self::IdleDisconnect => "ERROR_IDLE_DISCONNECT",
            Self::ForcedDisconnect => "ERROR_FORCED_DISCONNECT",
            Self::NoCarrier => "ERROR_NO_CARRIER",
            Self::IpConfiguration => "ERROR_IP_CONFIGURATION",
            Self::Unknown => "ERROR_UNKNOWN",
            Self::IspTimeOut => "ERROR_ISP_TIME_OUT",
            Self::PppNegotiation => "ERROR_PPP_NEGOTIATION",
            Self::Authentication => "ERROR_AUTHENTICATION",
            Self::DnsFailure => "ERROR_DNS_FAILURE",
            Self::AddressConflict => "ERROR_ADDRESS_CONFLICT",
        }
    }

    /// The value of this name, for drivers that are told it as text.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.name() == name)
    }
}

impl ConnectionType {
    /// Every value that can be set.
    pub const ALL: &'static [Self] = &[Self::IpRouted, Self::IpBridged];

    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IpRouted => "IP_Routed",
            Self::IpBridged => "IP_Bridged",
        }
    }

    /// The value of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }
}
