/// Kind of a WAN connection service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionKind {
    Ip,
    Ppp,
}

/// Where in the device tree a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    OwnWanDevice,
    BesidePrevious,
}

/// Whether the gateway translates addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// NewNATEnabled = 1.
    On,
    /// NewNATEnabled = 0; mappings are refused with 501.
    Off,
}

/// One WAN*Connection service and what it tells of itself; all texts are sent as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// ConnectionStatus. Uptime runs while it is `Connected` or `Up`.
    pub status: String,
    /// LastConnectionError.
    pub last_error: String,
    /// ExternalIPAddress.
    pub external_address: String,
    /// ConnectionType.
    pub connection_type: String,
    /// NATEnabled.
    pub nat: Nat,
    pub(super) kind: ConnectionKind,
    pub(super) placement: Placement,
}

impl Connection {
    /// A connected WANIPConnection in a WANDevice of its own.
    pub fn ip(external_address: &str) -> Self {
        Self {
            status: "Connected".to_owned(),
            last_error: "ERROR_NONE".to_owned(),
            external_address: external_address.to_owned(),
            connection_type: "IP_Routed".to_owned(),
            nat: Nat::On,
            kind: ConnectionKind::Ip,
            placement: Placement::OwnWanDevice,
        }
    }

    /// A connected WANPPPConnection in a WANDevice of its own.
    pub fn ppp(external_address: &str) -> Self {
        Self {
            kind: ConnectionKind::Ppp,
            ..Self::ip(external_address)
        }
    }

    /// The same with another ConnectionStatus and LastConnectionError.
    #[must_use]
    pub fn status(mut self, status: &str, last_error: &str) -> Self {
        status.clone_into(&mut self.status);
        last_error.clone_into(&mut self.last_error);
        self
    }

    /// The same with NAT on or off.
    #[must_use]
    pub fn nat(mut self, nat: Nat) -> Self {
        self.nat = nat;
        self
    }

    /// The same in the WANConnectionDevice of the connection before it.
    #[must_use]
    pub fn beside_previous(mut self) -> Self {
        self.placement = Placement::BesidePrevious;
        self
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.status.as_str(), "Connected" | "Up")
    }
}
