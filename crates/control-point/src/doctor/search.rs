//! A search for anything that speaks UPnP: whether it leaves, and whether anything answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use portreeve_wire::ssdp::{Asked, Group, render_search};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::evidence::Search;
use crate::network::{Datagrams, Interface, Network};

/// Whom to search.
#[derive(Clone, Debug)]
pub(super) enum Whom {
    /// Everybody on these interfaces, and their default gateways.
    Everybody(Vec<Interface>),
    /// This router.
    One {
        /// Where it hears searches.
        router: SocketAddrV4,
        /// Our address to come from.
        from: Ipv4Addr,
    },
}

/// Searches. It ends soon after every router that was asked has answered, and else after [`LISTEN_FOR`].
pub(super) async fn search(network: &dyn Network, whom: &Whom) -> Search {
    let mut seen = Search::default();
    let mut sockets = Vec::new();
    match whom {
        Whom::Everybody(interfaces) => {
            for interface in interfaces {
                let Some((from, _)) = interface.addresses.first() else {
                    continue;
                };
                let router = interface.gateway.map(|router| SocketAddrV4::new(router, PORT));
                let group = interface.multicast.then_some(Group::Ipv4);
                match send(network, *from, group, router).await {
                    Ok(socket) => {
                        seen.sent.extend(group.map(|_| interface.name.clone()));
                        seen.asked.extend(interface.gateway.map(IpAddr::V4));
                        sockets.push(socket);
                    }
                    Err(error) => seen.failed.push((interface.name.clone(), error.to_string())),
                }
            }
        }
        Whom::One { router, from } => match send(network, *from, None, Some(*router)).await {
            Ok(socket) => {
                seen.asked.push((*router.ip()).into());
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
    from: Ipv4Addr,
    group: Option<Group>,
    router: Option<SocketAddrV4>,
) -> std::io::Result<Box<dyn Datagrams>> {
    let socket = network.search_socket(from)?;
    for target in TARGETS {
        if let Some(group) = group {
            let asked = Asked::Group { group, mx: 1 };
            let text = render_search(asked, target, USER_AGENT);
            socket.send(text.as_bytes(), SocketAddr::from(EVERYBODY)).await?;
        }
        if let Some(router) = router {
            let text = render_search(Asked::Host(router.into()), target, USER_AGENT);
            // A router without UPnP may refuse by ICMP, which comes back as an error of the next packet.
            let _ = socket.send(text.as_bytes(), router.into()).await;
        }
    }
    Ok(socket)
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

const PORT: u16 = 1900;

const EVERYBODY: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 255, 250), PORT);

/// With MX 1, all answers come within a second.
const LISTEN_FOR: Duration = Duration::from_millis(1200);

/// How long to listen for others when the routers have answered.
const PAUSE: Duration = Duration::from_millis(100);

/// How many answers are noted: a hostile network must not fill memory or screen.
const MOST: usize = 32;
