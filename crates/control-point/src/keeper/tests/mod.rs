//! Keeping over the whole stack: the keeper's task, plans, SOAP, HTTP and searches, against a simulated gateway on paused
//! time.

mod by_server;
mod comings_and_goings;
mod events;
mod leases;
mod removal;
mod sharing;

use std::time::Duration;

use tokio::time::sleep;

use crate::network::simulated::Simulated;
use crate::{KeptMapping, Protocol, State};

/// A kept UDP mapping of this port, for an hour.
async fn keep(network: &Simulated, port: u16) -> KeptMapping {
    let gateway = network.discover().await.unwrap();
    gateway.map(Protocol::Udp, port).keep().await.unwrap()
}

/// Lets time pass until the gateway has this port, and tells how long that took.
async fn until_mapped(network: &Simulated, port: u16) -> Duration {
    let step = Duration::from_millis(50);
    for steps in 0..2000 {
        if has(network, port) {
            return step * steps;
        }
        sleep(step).await;
    }
    panic!("port {port} did not come back in 100 s");
}

fn has(network: &Simulated, port: u16) -> bool {
    network
        .gateway()
        .mappings()
        .iter()
        .any(|(_, mapped, _)| *mapped == port)
}

async fn until_in_force(kept: &KeptMapping) {
    for _ in 0..2000 {
        if kept.state() == State::InForce {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it stays {:?}", kept.state());
}
