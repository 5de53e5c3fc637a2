//! Mappings that are made to see whether they can be made, and that are always removed again.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::evidence::{AtGateway, LoopBack};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::mapping::{MapRequest, Mapping, Protocol};
use crate::network::{Door, Network, Password};
use crate::random::unguessable;
use crate::status::AddressKind;

/// A trial mapping. A task of its own makes it and removes it when this is released or dropped, so that it is removed
/// also when the examination is given up half-way.
#[derive(Debug)]
pub(super) struct TrialMapping {
    release: oneshot::Sender<()>,
    removal: JoinHandle<Result<(), Error>>,
}

impl TrialMapping {
    /// Makes it as requested, with a short lease in case nothing else removes it.
    pub(super) async fn make(request: MapRequest) -> Result<(Mapping, Self), Error> {
        let request = request.lease(LEASE).description(DESCRIPTION).despite_status();
        let (told, tells) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let removal = tokio::spawn(async move {
            let mapping = match request.once().await {
                Ok(mapping) => mapping,
                Err(error) => {
                    // Whoever asked may have gone.
                    let _ = told.send(Err(error));
                    return Ok(());
                }
            };
            if told.send(Ok(mapping.clone())).is_ok() {
                // Dropped or released: both end the trial.
                let _ = released.await;
            }
            mapping.remove().await
        });
        let mapping = tells.await.unwrap_or_else(|_| Err(stopped()))?;
        Ok((mapping, Self { release, removal }))
    }

    /// Removes it.
    pub(super) async fn release(self) -> Result<(), Error> {
        drop(self.release);
        self.removal.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// The runtime ended under our feet.
fn stopped() -> Error {
    Error::System {
        doing: "keeping a task running",
        reason: "the runtime has stopped".to_owned(),
    }
}

/// Long enough for all that is tried with it.
const LEASE: Duration = Duration::from_secs(90);

const DESCRIPTION: &str = "portreeve doctor";

/// Whether what is sent to an external address comes back to a door on this computer.
pub(super) async fn loop_back(
    network: &dyn Network,
    door: &Door,
    protocol: Protocol,
    from: IpAddr,
    external: SocketAddr,
) -> LoopBack {
    let address = external.ip();
    if AddressKind::of(address) == AddressKind::None || address.is_loopback() {
        return LoopBack::NotTried("The router has no external address to connect to.");
    }
    let password = unguessable();
    let visit = async {
        let reached = visit(network, protocol, from, external, password).await;
        // The door tells; this only waits for it.
        tokio::time::sleep(TRAVEL).await;
        reached
    };
    tokio::select! {
        biased;
        () = door.wait_for(password) => LoopBack::Arrived(external),
        reached = visit => if reached { LoopBack::Stranger(external) } else { LoopBack::Lost(external) },
    }
}

/// Says the password there; tells whether somebody took the connection.
async fn visit(network: &dyn Network, protocol: Protocol, from: IpAddr, to: SocketAddr, password: Password) -> bool {
    match (protocol, from) {
        (Protocol::Tcp, _) => {
            let Ok(Ok(mut connected)) = timeout(CONNECT, network.connect(to, Some(from))).await else {
                return false;
            };
            let said = connected.stream.write_all(&password).await;
            // Closed only after the answer had time to come.
            tokio::time::sleep(TRAVEL).await;
            said.is_ok()
        }
        (Protocol::Udp, IpAddr::V4(_)) => {
            let Ok(socket) = network.search_socket((from, 0).into()) else {
                return false;
            };
            for _ in 0..3 {
                // What is lost is as good as refused.
                let _ = socket.send(&password, to).await;
                tokio::time::sleep(TRAVEL / 3).await;
            }
            false
        }
        (Protocol::Udp, IpAddr::V6(_)) => false,
    }
}

/// How long a connection through the router next to us may take.
const CONNECT: Duration = Duration::from_millis(1500);

/// How long bytes may travel there.
const TRAVEL: Duration = Duration::from_millis(300);

/// What the gateway does with a port: to whom it is mapped, or whether it can be.
pub(super) async fn at_gateway(gateway: &Gateway, protocol: Protocol, port: u16) -> AtGateway {
    let wan = match gateway.connection() {
        Ok(connection) => connection.wan(),
        Err(unusable) => return AtGateway::Unreadable(unusable.into()),
    };
    match wan.get_specific_port_mapping_entry("", port, protocol.name()).await {
        Ok(entry) => return AtGateway::Mapped(entry.internal_client, entry.internal_port),
        // No such entry, or none that we may see. After any other refusal a mapping of ours may be there, which the
        // trial must not touch.
        Err(Error::Refused(refusal)) if matches!(refusal.code, 606 | 713 | 714) => {}
        Err(error) => return AtGateway::Unreadable(error),
    }
    match try_once(gateway.map(protocol, port).external(port)).await {
        Ok(Ok(())) => AtGateway::Free,
        Ok(Err(error)) => AtGateway::Unreadable(error),
        // The access rules of WANIPConnection:2 refuse low internal ports too, which calls for other advice.
        Err(error) if port < LOWEST_FREE_PORT => match try_once(gateway.map(protocol, port).any()).await {
            Ok(_) => AtGateway::Refused(error),
            Err(_) => AtGateway::RefusedInside(error),
        },
        Err(error) => AtGateway::Refused(error),
    }
}

/// Makes a mapping, and removes it: whether it could be made, and whether it could be removed.
async fn try_once(request: MapRequest) -> Result<Result<(), Error>, Error> {
    let (_, trial) = TrialMapping::make(request).await?;
    Ok(trial.release().await)
}

/// Ports below are for privileged programs.
const LOWEST_FREE_PORT: u16 = 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::network::System;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_gateway_cannot_send_us_to_our_own_services() {
        let door = Door::open(Protocol::Tcp, HERE).await.unwrap();
        for address in ["127.0.0.1:631", "0.0.0.0:22", "239.255.255.250:1900"] {
            let external = address.parse().unwrap();
            let seen = loop_back(&System, &door, Protocol::Tcp, HERE, external).await;
            assert!(matches!(seen, LoopBack::NotTried(_)), "{address}");
        }
    }

    #[tokio::test]
    async fn a_visit_says_the_password() {
        for protocol in Protocol::ALL {
            let door = Door::open(protocol, HERE).await.unwrap();
            let to = SocketAddr::new(HERE, door.port().unwrap());
            let password = unguessable();
            let (heard, _) = tokio::join!(
                timeout(Duration::from_secs(10), door.wait_for(password)),
                visit(&System, protocol, HERE, to, password)
            );
            assert!(heard.is_ok(), "{protocol}");
        }
    }
}
