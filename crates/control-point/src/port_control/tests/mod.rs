//! Against the simulated gateway, on paused time.

mod announcements;
mod deciding;
mod epochs;
mod finding;
mod mapping;
mod miniupnpd;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use portreeve_wire::pcp;
use portreeve_wire::pcp::client::Continuity;

use super::ask::nonce;
use super::*;
use crate::error::{Conversation, Error, PortControlRefusal};
use crate::network::scoped;
use crate::network::simulated::{GATEWAY, ROUTER, Simulated, Speaks};
use crate::pinhole::Transport;

const HERE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);

const SECOND: Duration = Duration::from_secs(1);

/// A network whose gateway does this on port 5351.
fn network(speaks: Speaks) -> Simulated {
    let network = Simulated::new();
    network.gateway().port_server.speaks = speaks;
    network
}

fn at(gateway: impl Into<IpAddr>) -> SocketAddr {
    scoped(gateway.into(), pcp::SERVER_PORT, 2)
}

/// PCP, else NAT-PMP, within a second.
async fn find(network: &Simulated) -> Result<PortServer, Conversation> {
    find_by(network, &[Carrier::Pcp, Carrier::NatPmp]).await
}

async fn find_by(network: &Simulated, carriers: &[Carrier]) -> Result<PortServer, Conversation> {
    PortServer::find(Arc::new(network.clone()), at(GATEWAY), HERE.into(), carriers, SECOND).await
}

async fn find_v6(network: &Simulated, local: &str) -> Result<PortServer, Conversation> {
    let carriers = [Carrier::Pcp, Carrier::NatPmp];
    let local = local.parse().unwrap();
    PortServer::find(Arc::new(network.clone()), at(ROUTER), local, &carriers, SECOND).await
}

/// TCP port 8080, preferably outside too, for two hours.
fn ask() -> Ask {
    Ask {
        transport: Transport::TCP,
        internal_port: 8080,
        external_port: ExternalPort::Rather(port(8080)),
        external_address: None,
        lease: Duration::from_secs(7200),
        nonce: nonce(),
        remote: None,
        description: "web".to_owned(),
    }
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> PortControlRefusal {
    match result {
        Err(Error::PortControl(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}
