//! Asks a gateway for its status.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::{AddressKind, ConnectionStatus, FirewallStatus, LinkStatus, Status};
use crate::actions::{GetStatusInfo, WanCommonInterfaceConfig, WanIpv6FirewallControl};
use crate::error::{Error, Unusable};
use crate::gateway::{Connection, Gateway, WanConnection};
use crate::mapping::unhurried;
use crate::silence::told;

/// What decides whether a mapping can work, and its external address: three requests, or what its other protocols tell.
pub(crate) async fn essential_of(gateway: &Gateway) -> Result<Status, Error> {
    match gateway.connection() {
        Ok(connection) => essential(connection.wan()).await,
        Err(_) => by_server(gateway).await,
    }
}

async fn essential(wan: &WanConnection) -> Result<Status, Error> {
    let info = told(unhurried(|| wan.get_status_info()).await)?;
    let address = told(unhurried(|| wan.get_external_ip_address()).await)?;
    with_nat(wan, info.as_ref(), address).await
}

/// The same with one request, if the rest has just been seen while the gateway was being found.
pub(crate) async fn essential_now(connection: &Connection) -> Result<Status, Error> {
    let Some(seen) = connection.status_just_seen() else {
        return essential(connection.wan()).await;
    };
    let info = GetStatusInfo {
        connection_status: seen.connection_status.clone(),
        last_connection_error: seen.last_connection_error.clone(),
        uptime: seen.uptime,
    };
    with_nat(connection.wan(), Some(&info), Some(seen.external_address.clone())).await
}

async fn with_nat(wan: &WanConnection, info: Option<&GetStatusInfo>, address: Option<String>) -> Result<Status, Error> {
    let nat = told(unhurried(|| wan.get_nat_rsip_status()).await)?;
    let (connection_status, last_connection_error, uptime) = match info {
        Some(info) => (
            ConnectionStatus::parse(&info.connection_status),
            info.last_connection_error.trim().to_owned(),
            Some(Duration::from_secs(info.uptime.into())),
        ),
        None => (ConnectionStatus::Other(String::new()), String::new(), None),
    };
    let (external_address, address_kind) = address.as_deref().map_or((None, AddressKind::None), read_address);
    Ok(Status {
        connection_status,
        last_connection_error,
        uptime,
        external_address,
        external_address_text: address,
        address_kind,
        nat_enabled: nat.map(|nat| nat.nat_enabled),
        link: None,
        port_mapping_entries: None,
        capacity: None,
        external_ipv6: None,
        firewall: None,
    })
}

/// Everything.
pub(super) async fn all(gateway: &Gateway) -> Result<Status, Error> {
    let Ok(connection) = gateway.connection() else {
        return by_server(gateway).await;
    };
    let wan = connection.wan();
    let mut status = essential(wan).await?;
    status.link = match connection.common() {
        Some(common) => link(common).await?,
        None => None,
    };
    status.firewall = match connection.firewall() {
        Some(service) => firewall(service).await?,
        None => None,
    };
    let entries = told(wan.query_state_variable("PortMappingNumberOfEntries").await)?;
    status.port_mapping_entries = entries.and_then(|text| text.trim().parse().ok());
    if let WanConnection::Ip(ip) = wan
        && wan.is_ip2()
    {
        status.capacity = told(ip.x_get_possible_port_mapping_number_of_entries().await)?;
        let address = told(ip.x_get_external_ipv6_address().await)?;
        status.external_ipv6 = address
            .and_then(|text| text.trim().parse().ok())
            .filter(|address: &Ipv6Addr| !address.is_unspecified());
    }
    Ok(status)
}

/// The external address, which is all that PCP and NAT-PMP tell.
async fn by_server(gateway: &Gateway) -> Result<Status, Error> {
    let carrier = gateway.carriers().first().copied().ok_or(Unusable::NoUpnp)?;
    let address = told(gateway.port_server(carrier).await?.external_address().await)?;
    let known = address.flatten();
    Ok(Status {
        connection_status: ConnectionStatus::Other(String::new()),
        last_connection_error: String::new(),
        uptime: None,
        external_address: known,
        external_address_text: address.map(|address| address.map_or_else(String::new, |address| address.to_string())),
        address_kind: known.map_or(AddressKind::None, AddressKind::of),
        nat_enabled: None,
        link: None,
        port_mapping_entries: None,
        capacity: None,
        external_ipv6: None,
        firewall: None,
    })
}

/// The IPv6 firewall, if the gateway tells.
pub(crate) async fn firewall(service: &WanIpv6FirewallControl) -> Result<Option<FirewallStatus>, Error> {
    let status = told(unhurried(|| service.get_firewall_status()).await)?;
    Ok(status.map(|status| FirewallStatus {
        enabled: status.firewall_enabled,
        pinholes_allowed: status.inbound_pinhole_allowed,
    }))
}

async fn link(common: &WanCommonInterfaceConfig) -> Result<Option<LinkStatus>, Error> {
    let Some(properties) = told(common.get_common_link_properties().await)? else {
        return Ok(None);
    };
    Ok(Some(LinkStatus {
        access_type: properties.wan_access_type,
        physical_status: properties.physical_link_status,
        upstream_bits_per_second: properties.layer1_upstream_max_bit_rate,
        downstream_bits_per_second: properties.layer1_downstream_max_bit_rate,
        bytes_sent: told(common.get_total_bytes_sent().await)?,
        bytes_received: told(common.get_total_bytes_received().await)?,
        packets_sent: told(common.get_total_packets_sent().await)?,
        packets_received: told(common.get_total_packets_received().await)?,
    }))
}

/// The address, and its kind. What is no address at all is as good as none.
pub(crate) fn read_address(text: &str) -> (Option<IpAddr>, AddressKind) {
    match text.trim().parse().map(|address| (address, AddressKind::of(address))) {
        Err(_) | Ok((_, AddressKind::None)) => (None, AddressKind::None),
        Ok((address, kind)) => (Some(address), kind),
    }
}
