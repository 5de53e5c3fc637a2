use super::control_point::ControlPoint;
use super::soap::{Answer, Fault};

/// The six arguments of AddPinhole, as text, so that wrong ones can be sent too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinhole {
    /// RemoteHost; empty is the wildcard.
    pub remote_host: String,
    /// RemotePort; 0 is the wildcard.
    pub remote_port: String,
    /// InternalClient.
    pub internal_client: String,
    /// InternalPort.
    pub internal_port: String,
    /// Protocol, by its number.
    pub protocol: String,
    /// LeaseTime in seconds.
    pub lease: String,
}

impl Pinhole {
    /// TCP from anywhere to a port of the control point's own host, for an hour.
    pub fn new(client: &ControlPoint<'_>, port: u16) -> Self {
        Self {
            remote_host: String::new(),
            remote_port: String::from("0"),
            internal_client: client.host().ipv6().to_string(),
            internal_port: port.to_string(),
            protocol: String::from("6"),
            lease: String::from("3600"),
        }
    }

    /// The same over UDP.
    pub fn udp(self) -> Self {
        Self {
            protocol: String::from("17"),
            ..self
        }
    }

    /// The same with another InternalClient.
    pub fn to_client(self, client: &str) -> Self {
        Self {
            internal_client: client.to_owned(),
            ..self
        }
    }

    /// The same for one remote host only.
    pub fn from_host(self, remote_host: &str) -> Self {
        Self {
            remote_host: remote_host.to_owned(),
            ..self
        }
    }

    /// The same with another lease in seconds.
    pub fn lease(self, seconds: u32) -> Self {
        Self {
            lease: seconds.to_string(),
            ..self
        }
    }

    /// All arguments with their names, in order.
    pub fn arguments(&self) -> [(&str, &str); 6] {
        [
            ("RemoteHost", &self.remote_host),
            ("RemotePort", &self.remote_port),
            ("InternalClient", &self.internal_client),
            ("InternalPort", &self.internal_port),
            ("Protocol", &self.protocol),
            ("LeaseTime", &self.lease),
        ]
    }
}

impl ControlPoint<'_> {
    /// Calls an action of WANIPv6FirewallControl:1.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn call_firewall(&self, action: &str, arguments: &[(&str, &str)]) -> Result<Answer, Fault> {
        self.call_service("WANIPv6FirewallControl:1", action, arguments)
    }

    /// AddPinhole; returns UniqueID.
    ///
    /// # Errors
    /// The gateway's fault.
    ///
    /// # Panics
    /// If UniqueID is no ui2.
    #[track_caller]
    pub fn open(&self, pinhole: &Pinhole) -> Result<u16, Fault> {
        let answer = self.call_firewall("AddPinhole", &pinhole.arguments())?;
        Ok(u16::try_from(answer.number("UniqueID")).expect("UniqueID is ui2"))
    }

    /// UpdatePinhole.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn prolong(&self, id: u16, lease: u32) -> Result<Answer, Fault> {
        let (id, lease) = (id.to_string(), lease.to_string());
        self.call_firewall("UpdatePinhole", &[("UniqueID", &id), ("NewLeaseTime", &lease)])
    }

    /// An action whose only argument is UniqueID: DeletePinhole, GetPinholePackets, CheckPinholeWorking.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn call_pinhole(&self, action: &str, id: u16) -> Result<Answer, Fault> {
        self.call_firewall(action, &[("UniqueID", &id.to_string())])
    }
}
