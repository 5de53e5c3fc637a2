//! Finding the gateway that a command talks to.

use std::net::IpAddr;

use portreeve::status::AddressKind;
use portreeve::{Discovery, Error, Gateway, GatewayAddress};

use crate::args::Reach;
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views;

/// The search that was asked for.
pub(super) fn discovery(reach: &Reach) -> Result<Discovery, End> {
    let mut discovery = portreeve::discover();
    if let Some(gateway) = &reach.gateway {
        let address: GatewayAddress = gateway.parse().map_err(Error::from)?;
        discovery = discovery.gateway(address);
    }
    if let Some(interface) = &reach.interface {
        discovery = discovery.interface(interface);
    }
    if let Some(timeout) = reach.timeout {
        discovery = discovery.timeout(timeout);
    }
    if !reach.protocol_order.is_empty() {
        discovery = discovery.protocol_order(&reach.protocol_order);
    }
    Ok(discovery)
}

/// The best gateway.
pub(super) async fn gateway(output: &Output, reach: &Reach) -> Result<Gateway, End> {
    let search = discovery(reach)?;
    let gateway = output
        .during("searching for the gateway", async { search.await })
        .await?;
    if output.verbose {
        output.remark(&format!("{} at {}", Text::clean(gateway.name()), gateway.location()));
    }
    Ok(gateway)
}

/// The gateway as commands tell it.
pub(super) fn view(gateway: &Gateway) -> views::Gateway {
    views::Gateway {
        name: Text::clean(gateway.name()),
        manufacturer: Text::clean(gateway.manufacturer()),
        model: Text::clean(gateway.model()),
        udn: Text::clean(gateway.udn()),
        address: gateway.address(),
        location: Text::clean(gateway.location()),
        server: gateway.server().map(Text::clean),
        igd_version: gateway.igd_version(),
        interface: Text::clean(gateway.interface()),
        local_address: gateway.local_address(),
    }
}

/// What kind of address the gateway has.
pub(super) fn address_kind(address: Option<IpAddr>) -> views::AddressKind {
    match address.map(AddressKind::of) {
        Some(AddressKind::Public) => views::AddressKind::Public,
        Some(AddressKind::Private) => views::AddressKind::Private,
        Some(AddressKind::Shared) => views::AddressKind::Shared,
        _ => views::AddressKind::None,
    }
}
