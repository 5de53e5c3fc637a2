//! The service of a WAN connection, of either kind.

use crate::actions::{
    AddPortMappingArguments, GetConnectionTypeInfo, GetGenericPortMappingEntry, GetNatRsipStatus,
    GetSpecificPortMappingEntry, GetStatusInfo, WanIpConnection, WanPppConnection,
};
use crate::endpoint::Endpoint;
use crate::error::Error;

/// A WANIPConnection or WANPPPConnection service. The methods are the actions that both kinds have; each asks the
/// gateway once and believes the answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WanConnection {
    /// Over IP alone: cable, fibre, or behind a modem.
    Ip(WanIpConnection),
    /// Over PPP: most DSL.
    Ppp(WanPppConnection),
}

/// The same of either kind.
macro_rules! either {
    ($self:ident, $connection:ident => $value:expr) => {
        match $self {
            Self::Ip($connection) => $value,
            Self::Ppp($connection) => $value,
        }
    };
}

impl WanConnection {
    /// The version of the service.
    pub fn version(&self) -> u8 {
        either!(self, connection => connection.version())
    }

    /// WANIPConnection:2, which has actions for ranges, lists and any free port.
    pub fn ip2(&self) -> Option<&WanIpConnection> {
        match self {
            Self::Ip(connection) if connection.version() >= 2 => Some(connection),
            Self::Ip(_) | Self::Ppp(_) => None,
        }
    }

    /// Whether it is WANIPConnection:2.
    pub fn is_ip2(&self) -> bool {
        self.ip2().is_some()
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        either!(self, connection => connection.endpoint())
    }

    /// Tells what kind of connection this is (`GetConnectionTypeInfo`).
    pub async fn get_connection_type_info(&self) -> Result<GetConnectionTypeInfo, Error> {
        either!(self, connection => connection.get_connection_type_info().await)
    }

    /// Connects, and comes back before the connection is up (`RequestConnection`).
    pub async fn request_connection(&self) -> Result<(), Error> {
        either!(self, connection => connection.request_connection().await)
    }

    /// Disconnects after the configured delay (`RequestTermination`).
    pub async fn request_termination(&self) -> Result<(), Error> {
        either!(self, connection => connection.request_termination().await)
    }

    /// Disconnects at once (`ForceTermination`).
    pub async fn force_termination(&self) -> Result<(), Error> {
        either!(self, connection => connection.force_termination().await)
    }

    /// Tells the state of the connection (`GetStatusInfo`).
    pub async fn get_status_info(&self) -> Result<GetStatusInfo, Error> {
        either!(self, connection => connection.get_status_info().await)
    }

    /// Tells whether addresses are translated (`GetNATRSIPStatus`).
    pub async fn get_nat_rsip_status(&self) -> Result<GetNatRsipStatus, Error> {
        either!(self, connection => connection.get_nat_rsip_status().await)
    }

    /// Reads the mapping at an index from 0 (`GetGenericPortMappingEntry`).
    pub async fn get_generic_port_mapping_entry(&self, index: u16) -> Result<GetGenericPortMappingEntry, Error> {
        either!(self, connection => connection.get_generic_port_mapping_entry(index).await)
    }

    /// Reads the mapping with this key; the protocol in capitals (`GetSpecificPortMappingEntry`).
    pub async fn get_specific_port_mapping_entry(
        &self,
        remote_host: &str,
        external_port: u16,
        protocol: &str,
    ) -> Result<GetSpecificPortMappingEntry, Error> {
        either!(self, connection => {
            connection.get_specific_port_mapping_entry(remote_host, external_port, protocol).await
        })
    }

    /// Makes or renews a mapping (`AddPortMapping`).
    pub async fn add_port_mapping(&self, arguments: &AddPortMappingArguments) -> Result<(), Error> {
        either!(self, connection => connection.add_port_mapping(arguments).await)
    }

    /// Removes the mapping with this key; the protocol in capitals (`DeletePortMapping`).
    pub async fn delete_port_mapping(
        &self,
        remote_host: &str,
        external_port: u16,
        protocol: &str,
    ) -> Result<(), Error> {
        either!(self, connection => connection.delete_port_mapping(remote_host, external_port, protocol).await)
    }

    /// Tells the external IPv4 address as the gateway spells it, which may be empty (`GetExternalIPAddress`).
    pub async fn get_external_ip_address(&self) -> Result<String, Error> {
        either!(self, connection => connection.get_external_ip_address().await)
    }

    /// Reads a state variable as text (`QueryStateVariable`).
    pub async fn query_state_variable(&self, variable: &str) -> Result<String, Error> {
        either!(self, connection => connection.query_state_variable(variable).await)
    }
}
