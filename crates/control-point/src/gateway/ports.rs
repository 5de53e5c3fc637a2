//! What a gateway speaks on UDP port 5351.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use portreeve_wire::pcp::SERVER_PORT;
use tokio::sync::OnceCell;

use super::Gateway;
use crate::port_control::{Carrier, PortServer};

/// How long a gateway may take to answer that was found in another way: it is next to us, and asked three times.
const PATIENCE: Duration = Duration::from_secs(1);

/// The servers of a gateway, as far as is known. A server talks by one protocol only; most that speak PCP speak NAT-PMP
/// too, for which there is a second one.
#[derive(Debug)]
pub(super) struct Ports {
    /// By the protocol that is preferred of those that it speaks; the inner `None`: it speaks none.
    preferred: OnceCell<Option<PortServer>>,
    /// By the other one.
    other: OnceCell<Option<PortServer>>,
}

impl Ports {
    /// What is known already: whether there is one.
    pub(super) fn new(known: Option<Option<PortServer>>) -> Self {
        Self {
            preferred: OnceCell::new_with(known),
            other: OnceCell::new(),
        }
    }

    /// The server of this protocol, if there is known to be one.
    pub(super) fn known(&self, carrier: Carrier) -> Option<&PortServer> {
        let known = [&self.preferred, &self.other]
            .into_iter()
            .filter_map(|cell| cell.get()?.as_ref());
        known.into_iter().find(|server| server.carrier() == carrier)
    }

    /// The server of this protocol. Asks for it once.
    pub(super) async fn server(&self, carrier: Carrier, gateway: &Gateway) -> Option<&PortServer> {
        let order = gateway.discovery().port_protocols();
        if !order.contains(&carrier) {
            return None;
        }
        let preferred = self.preferred.get_or_init(|| find(gateway, order)).await.as_ref()?;
        if preferred.carrier() == carrier {
            return Some(preferred);
        }
        self.other.get_or_init(|| find(gateway, vec![carrier])).await.as_ref()
    }
}

async fn find(gateway: &Gateway, carriers: Vec<Carrier>) -> Option<PortServer> {
    let mut at: SocketAddr = gateway.host();
    at.set_port(SERVER_PORT);
    let local = match at.ip() {
        IpAddr::V4(_) => gateway.local_ipv4()?.into(),
        IpAddr::V6(_) => gateway.local_address(),
    };
    let network = gateway.discovery().network_searched();
    let found = PortServer::find(network, at, local, &carriers, PATIENCE).await;
    found
        .inspect_err(|why| tracing::debug!(%at, %why, "no server of PCP or NAT-PMP"))
        .ok()
}
