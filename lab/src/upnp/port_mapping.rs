use super::control_point::ControlPoint;
use super::soap::{Answer, Fault};

/// The eight arguments of AddPortMapping and AddAnyPortMapping, as text, so that wrong ones can be sent too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    /// NewRemoteHost; empty is the wildcard.
    pub remote_host: String,
    /// NewExternalPort.
    pub external_port: String,
    /// NewProtocol.
    pub protocol: String,
    /// NewInternalPort.
    pub internal_port: String,
    /// NewInternalClient.
    pub internal_client: String,
    /// NewEnabled.
    pub enabled: String,
    /// NewPortMappingDescription.
    pub description: String,
    /// NewLeaseDuration in seconds.
    pub lease: String,
}

impl PortMapping {
    /// TCP from anywhere to the same port of the control point's own host, enabled, for an hour.
    pub fn new(client: &ControlPoint<'_>, port: u16) -> Self {
        Self {
            remote_host: String::new(),
            external_port: port.to_string(),
            protocol: String::from("TCP"),
            internal_port: port.to_string(),
            internal_client: client.address(),
            enabled: String::from("1"),
            description: String::from("conformance"),
            lease: String::from("3600"),
        }
    }

    /// The same over UDP.
    pub fn udp(self) -> Self {
        Self {
            protocol: String::from("UDP"),
            ..self
        }
    }

    /// The same with another InternalPort.
    pub fn to_port(self, port: u16) -> Self {
        Self {
            internal_port: port.to_string(),
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

    /// The same with another lease in seconds.
    pub fn lease(self, seconds: u32) -> Self {
        Self {
            lease: seconds.to_string(),
            ..self
        }
    }

    /// The same for one remote host only.
    pub fn from_host(self, remote_host: &str) -> Self {
        Self {
            remote_host: remote_host.to_string(),
            ..self
        }
    }

    /// The same with another description.
    pub fn described(self, description: &str) -> Self {
        Self {
            description: description.to_owned(),
            ..self
        }
    }

    /// All arguments with their names, in order.
    pub fn arguments(&self) -> [(&str, &str); 8] {
        [
            ("NewRemoteHost", &self.remote_host),
            ("NewExternalPort", &self.external_port),
            ("NewProtocol", &self.protocol),
            ("NewInternalPort", &self.internal_port),
            ("NewInternalClient", &self.internal_client),
            ("NewEnabled", &self.enabled),
            ("NewPortMappingDescription", &self.description),
            ("NewLeaseDuration", &self.lease),
        ]
    }

    /// The three arguments that name the entry.
    pub fn key(&self) -> [(&str, &str); 3] {
        [
            ("NewRemoteHost", &self.remote_host),
            ("NewExternalPort", &self.external_port),
            ("NewProtocol", &self.protocol),
        ]
    }
}

impl ControlPoint<'_> {
    /// AddPortMapping of WANIPConnection:2.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn add(&self, mapping: &PortMapping) -> Result<Answer, Fault> {
        self.call("AddPortMapping", &mapping.arguments())
    }

    /// AddPortMapping of WANIPConnection:1.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn add_v1(&self, mapping: &PortMapping) -> Result<Answer, Fault> {
        self.call_v1("AddPortMapping", &mapping.arguments())
    }

    /// AddAnyPortMapping; returns NewReservedPort.
    ///
    /// # Errors
    /// The gateway's fault.
    ///
    /// # Panics
    /// If NewReservedPort is no port number.
    #[track_caller]
    pub fn add_any(&self, mapping: &PortMapping) -> Result<u16, Fault> {
        let answer = self.call("AddAnyPortMapping", &mapping.arguments())?;
        Ok(u16::try_from(answer.number("NewReservedPort")).expect("NewReservedPort is ui2"))
    }

    /// DeletePortMapping of WANIPConnection:2.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn delete(&self, mapping: &PortMapping) -> Result<Answer, Fault> {
        self.call("DeletePortMapping", &mapping.key())
    }

    /// GetSpecificPortMappingEntry of WANIPConnection:2.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn specific(&self, mapping: &PortMapping) -> Result<Answer, Fault> {
        self.call("GetSpecificPortMappingEntry", &mapping.key())
    }

    /// GetGenericPortMappingEntry of WANIPConnection:2.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn generic(&self, index: u32) -> Result<Answer, Fault> {
        self.call(
            "GetGenericPortMappingEntry",
            &[("NewPortMappingIndex", &index.to_string())],
        )
    }

    /// DeletePortMappingRange.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn delete_range(&self, start: u16, end: u16, protocol: &str, manage: &str) -> Result<Answer, Fault> {
        let (start, end) = (start.to_string(), end.to_string());
        self.call(
            "DeletePortMappingRange",
            &[
                ("NewStartPort", &start),
                ("NewEndPort", &end),
                ("NewProtocol", protocol),
                ("NewManage", manage),
            ],
        )
    }

    /// GetListOfPortMappings; returns NewPortListing.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn list(&self, start: u16, end: u16, protocol: &str, manage: &str, number: u16) -> Result<String, Fault> {
        let (start, end, number) = (start.to_string(), end.to_string(), number.to_string());
        let answer = self.call(
            "GetListOfPortMappings",
            &[
                ("NewStartPort", &start),
                ("NewEndPort", &end),
                ("NewProtocol", protocol),
                ("NewManage", manage),
                ("NewNumberOfPorts", &number),
            ],
        )?;
        Ok(answer.get("NewPortListing").to_owned())
    }

    /// SystemUpdateID, by QueryStateVariable.
    ///
    /// # Panics
    /// If it cannot be read.
    #[track_caller]
    pub fn system_update_id(&self) -> u32 {
        let value = self
            .query("WANIPConnection:2", "SystemUpdateID")
            .expect("SystemUpdateID is a state variable");
        value.parse().expect("SystemUpdateID is ui4")
    }

    /// PortMappingNumberOfEntries, by QueryStateVariable.
    ///
    /// # Panics
    /// If it cannot be read.
    #[track_caller]
    pub fn number_of_entries(&self) -> u16 {
        let value = self
            .query("WANIPConnection:2", "PortMappingNumberOfEntries")
            .expect("it is a state variable");
        value.parse().expect("PortMappingNumberOfEntries is ui2")
    }
}
