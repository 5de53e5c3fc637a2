//! What a gateway tells by PCP and NAT-PMP, held against what it tells by UPnP.

use std::net::IpAddr;

use super::evidence::Server;
use super::findings::{Finding, sentence};
use crate::gateway::Gateway;
use crate::port_control::Carrier;
use crate::status::AddressKind;

/// Asks by either protocol, also by one that was not needed to find the gateway.
pub(super) async fn ask(gateway: &Gateway) -> Vec<Server> {
    let mut asked = Vec::new();
    for carrier in [Carrier::Pcp, Carrier::NatPmp] {
        if let Ok(server) = gateway.port_server(carrier).await {
            let address = server.external_address().await;
            asked.push(Server { carrier, address });
        }
    }
    asked
}

/// The addresses that were told, by the protocols that told them; none if they do not differ.
pub(super) fn differing(by_upnp: Option<IpAddr>, servers: &[Server]) -> Option<Vec<(Carrier, IpAddr)>> {
    let by_servers = servers
        .iter()
        .filter_map(|server| Some((server.carrier, server.address.as_ref().ok().copied()??)));
    let told: Vec<_> = by_upnp
        .map(|address| (Carrier::Igd, address))
        .into_iter()
        .chain(by_servers)
        .collect();
    let differ = told.windows(2).any(|pair| pair[0].1 != pair[1].1);
    differ.then_some(told)
}

/// What the step says.
pub(super) fn finding(by_upnp: Option<IpAddr>, servers: &[Server]) -> Finding {
    if servers.is_empty() {
        return Finding::good("The router speaks neither PCP nor NAT-PMP, which are not needed where it speaks UPnP.");
    }
    if let Some(told) = differing(by_upnp, servers) {
        return differ(&told);
    }
    let names = sentence(servers.iter().map(|server| server.carrier.to_string()));
    let mut refused = servers.iter().filter_map(|server| server.address.as_ref().err());
    if let Some(error) = refused.next() {
        let explanation = error.explanation();
        let text = format!("The router speaks {names}. {}", explanation.problem);
        return Finding::unknown(text, Some(&explanation.remedy));
    }
    match (servers.iter().find_map(told_by), by_upnp) {
        (Some(address), Some(_)) => Finding::good(format!(
            "The router speaks {names} too, and tells the same address, {address}."
        )),
        (Some(address), None) => Finding::good(format!("By {names} the router tells the address {address}.")),
        (None, _) => Finding::unknown(format!("The router speaks {names}, and tells no address by it."), None),
    }
}

fn told_by(server: &Server) -> Option<IpAddr> {
    server.address.as_ref().ok().copied().flatten()
}

/// Either another router answers by one of them, or the gateway passes on what it is asked by one of them.
fn differ(told: &[(Carrier, IpAddr)]) -> Finding {
    let each = sentence(told.iter().map(|(carrier, address)| format!("{address} by {carrier}")));
    let is_public = |(_, address): &&(Carrier, IpAddr)| AddressKind::of(*address) == AddressKind::Public;
    let way = match told.iter().find(is_public) {
        Some((carrier, address)) => {
            format!(
                "Map ports by {carrier}, which leads to {address}; test from outside, for instance from a mobile phone \
                 without Wi-Fi.\n"
            )
        }
        None => String::new(),
    };
    Finding::bad(
        format!(
            "The router tells different addresses on the internet: {each}. There is another router between it and the \
             internet (double NAT), which one of its protocols knows of and another does not."
        ),
        format!(
            "{way}Put the device in front into bridge mode, or this one, so that only one translates addresses. If there \
             is only one, restart it: one of its services may have missed a change of the address."
        ),
    )
}
