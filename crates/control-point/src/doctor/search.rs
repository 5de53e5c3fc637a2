//! A search for anything that speaks UPnP: whether it leaves, and whether anything answers.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_wire::ssdp::{Asked, PORT, render_search};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::evidence::Search;
use crate::discovery::{Family, Origin, everyone_from, group_at};
use crate::network::{Datagrams, Network};

/// Whom to search.
#[derive(Clone, Debug)]
pub(super) enum Whom {
    /// Everybody in these networks, and their default gateways.
    Everybody(Vec<Origin>),
    /// This router.
    One {
        /// Where it hears searches.
        router: SocketAddr,
        /// Our address to come from.
        from: SocketAddr,
    },
}

/// Searches. It ends soon after every router that was asked has answered, and else after [`LISTEN_FOR`].
pub(super) async fn search(network: &dyn Network, whom: &Whom) -> Search {
    let mut seen = Search::default();
    let mut sockets = Vec::new();
    match whom {
        Whom::Everybody(origins) => {
            for origin in one_family(origins) {
                let from = origin.socket(origin.address, 0);
                let router = origin.gateway.map(|router| origin.socket(router, PORT));
                let group = origin.multicast.then(|| everyone_from(origin));
                match send(network, from, group, router).await {
                    Ok(socket) => {
                        seen.sent.extend(group.map(|_| origin.interface.clone()));
                        seen.asked.extend(origin.gateway);
                        sockets.push(socket);
                    }
                    Err(error) => seen.failed.push((origin.interface.clone(), error.to_string())),
                }
            }
            // An interface may be in several networks.
            seen.sent.dedup();
        }
        Whom::One { router, from } => match send(network, *from, None, Some(*router)).await {
            Ok(socket) => {
                seen.asked.push(router.ip());
                sockets.push(socket);
            }
            Err(error) => seen.failed.push((router.to_string(), error.to_string())),
        },
    }
    listen(&mut seen, sockets).await;
    seen
}

/// Sends the searches that leave by one address.
async fn send(
    network: &dyn Network,
    from: SocketAddr,
    everyone: Option<SocketAddr>,
    router: Option<SocketAddr>,
) -> std::io::Result<Box<dyn Datagrams>> {
    let socket = network.search_socket(from)?;
    for target in TARGETS {
        if let Some(everyone) = everyone {
            let asked = Asked::Group {
                group: group_at(everyone),
                mx: 1,
            };
            let text = render_search(asked, target, USER_AGENT);
            socket.send(text.as_bytes(), everyone).await?;
        }
        if let Some(router) = router {
            let text = render_search(Asked::Host(router), target, USER_AGENT);
            // A router without UPnP may refuse by ICMP, which comes back as an error of the next packet.
            let _ = socket.send(text.as_bytes(), router).await;
        }
    }
    Ok(socket)
}

/// Over IPv6 only where there is no network of IPv4: some gateways trip over searches in both families at once.
fn one_family(origins: &[Origin]) -> impl Iterator<Item = &Origin> {
    let family = match origins.iter().any(|origin| origin.family() == Family::Ipv4) {
        true => Family::Ipv4,
        false => Family::Ipv6,
    };
    origins.iter().filter(move |origin| origin.family() == family)
}

/// Notes who answers.
async fn listen(seen: &mut Search, sockets: Vec<Box<dyn Datagrams>>) {
    let started = Instant::now();
    let mut until = started + LISTEN_FOR;
    let (heard, mut answers) = mpsc::channel(16);
    let mut ears = tokio::task::JoinSet::new();
    for socket in sockets {
        let heard = heard.clone();
        ears.spawn(async move {
            let mut buffer = [0; 2048];
            loop {
                match socket.receive(&mut buffer).await {
                    Ok((_, sender)) if heard.send(sender.ip()).await.is_err() => return,
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        });
    }
    drop(heard);
    while let Ok(Some(sender)) = timeout_at(until, answers.recv()).await {
        if !seen.heard.contains(&sender) && seen.heard.len() < MOST {
            seen.heard.push(sender);
        }
        if seen.asked.iter().all(|router| seen.heard.contains(router)) && !seen.asked.is_empty() {
            until = until.min(Instant::now() + PAUSE);
        }
    }
}

/// Everything, and what those answer to that do not answer to it.
const TARGETS: [&str; 4] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "upnp:rootdevice",
    "ssdp:all",
];

const USER_AGENT: &str = concat!("portreeve/", env!("CARGO_PKG_VERSION"), " UPnP/1.1");

/// With MX 1, all answers come within a second.
const LISTEN_FOR: Duration = Duration::from_millis(1200);

/// How long to listen for others when the routers have answered.
const PAUSE: Duration = Duration::from_millis(100);

/// How many answers are noted: a hostile network must not fill memory or screen.
const MOST: usize = 32;
