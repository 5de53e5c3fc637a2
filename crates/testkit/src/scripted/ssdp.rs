use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::description::{self, Device};
use super::http::{headers, pause_for};
use super::misbehaviour::Misbehaviour;
use super::place::{SSDP_GROUP, SSDP_PORT, SsdpSockets, StopFlag, TICK, Worker};
use super::record::{ReceivedSearch, SearchRoute, find};
use super::state::{Radio, Shared, State};

/// How long the answer to an IPv4 search waits for an IPv6 search to trip over.
const BOTH_FAMILIES_WAIT: Duration = Duration::from_millis(100);

/// Answers searches and sends announcements; stops on drop.
#[derive(Debug)]
pub(super) struct SsdpServer {
    sockets: Arc<SsdpSockets>,
    _workers: Vec<Worker>,
}

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announcement {
    Alive,
    ByeBye,
}

/// One thing that can be searched for.
struct Item {
    target: String,
    usn: String,
}

impl SsdpServer {
    pub(super) fn start(sockets: SsdpSockets, shared: &Arc<Shared>) -> Self {
        let sockets = Arc::new(sockets);
        let routes = match sockets.multicast {
            Some(_) => vec![SearchRoute::Unicast, SearchRoute::Multicast, SearchRoute::Ipv6Multicast],
            None => vec![SearchRoute::Unicast],
        };
        let workers = routes.into_iter().map(|route| {
            let (sockets, shared) = (Arc::clone(&sockets), Arc::clone(shared));
            Worker::start(move |stop| listen(&sockets, route, &shared, stop))
        });
        Self {
            _workers: workers.collect(),
            sockets,
        }
    }

    /// Sends NOTIFY for the whole tree to the group, if there is one, and to those whom the builder named.
    pub(super) fn announce(&self, state: &State, announcement: Announcement) {
        let mut to = state.plan.announce_to.clone();
        if self.sockets.multicast.is_some() {
            to.push((SSDP_GROUP, SSDP_PORT).into());
        }
        for item in items(state) {
            let message = notify(state, &item, announcement);
            for address in &to {
                let _ = self.sockets.unicast.send_to(message.as_bytes(), address);
            }
        }
    }
}

fn listen(sockets: &SsdpSockets, route: SearchRoute, shared: &Shared, stop: &StopFlag) {
    let socket = match route {
        SearchRoute::Unicast => Some(&sockets.unicast),
        SearchRoute::Multicast => sockets.multicast.as_ref(),
        SearchRoute::Ipv6Multicast => sockets.multicast_v6.as_ref(),
    };
    let Some(socket) = socket else { return };
    socket
        .set_read_timeout(Some(TICK))
        .expect("sockets take a read timeout");
    let mut buffer = [0; 4096];
    while !stop.is_set() {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let text = String::from_utf8_lossy(&buffer[..length]);
        let mut lines = text.lines();
        if !lines.next().is_some_and(|line| line.starts_with("M-SEARCH ")) {
            continue;
        }
        let headers = headers(lines);
        let (answers, wait, from) = hear(&mut shared.lock(), sockets, headers, route, peer);
        pause_for(wait, stop);
        let trips = trips_over_ipv6(&shared.lock());
        for answer in answers {
            let length = if trips { answer.len() / 3 } else { answer.len() };
            let _ = from.send_to(&answer[..length], peer);
        }
    }
}

/// Notes a search; returns the answers, when and from where they go.
fn hear<'a>(
    state: &mut State,
    sockets: &'a SsdpSockets,
    headers: Vec<(String, String)>,
    route: SearchRoute,
    peer: SocketAddr,
) -> (Vec<Vec<u8>>, Duration, &'a UdpSocket) {
    let target = find(&headers, "ST").unwrap_or_default().to_owned();
    if route == SearchRoute::Ipv6Multicast {
        state.last_ipv6_search = Some(Instant::now());
    }
    let answers = if state.radio == Radio::On {
        answers(state, &target, route)
    } else {
        Vec::new()
    };
    state.searches.push(ReceivedSearch {
        at: Instant::now(),
        peer,
        route,
        target,
        headers,
    });
    let wait = state.played(|m| match m {
        Misbehaviour::SearchAnsweredAfter(time) => Some(*time),
        Misbehaviour::TripsOverBothFamilies => Some(BOTH_FAMILIES_WAIT),
        _ => None,
    });
    let from = if state.plays(&Misbehaviour::AnswersFromEphemeralPort) {
        &sockets.ephemeral
    } else {
        &sockets.unicast
    };
    (answers, wait.unwrap_or_default(), from)
}

fn trips_over_ipv6(state: &State) -> bool {
    let recent = |searched: Instant| searched.elapsed() < Duration::from_secs(1);
    state.plays(&Misbehaviour::TripsOverBothFamilies) && state.last_ipv6_search.is_some_and(recent)
}

fn answers(state: &State, target: &str, route: SearchRoute) -> Vec<Vec<u8>> {
    let deaf = state.misbehaviours.iter().any(|misbehaviour| match misbehaviour {
        Misbehaviour::SearchUnanswered | Misbehaviour::UpnpOff => true,
        Misbehaviour::AnswersOnlyRootDevice => target != "upnp:rootdevice",
        Misbehaviour::AnswersOnlyMulticast => route == SearchRoute::Unicast,
        Misbehaviour::AnswersOnlyUnicast => route == SearchRoute::Multicast,
        _ => false,
    });
    if deaf || route == SearchRoute::Ipv6Multicast {
        return Vec::new();
    }
    let found = matching(state, target);
    let mut datagrams = Vec::new();
    if let Some(first) = found.first() {
        for misbehaviour in &state.misbehaviours {
            match misbehaviour {
                Misbehaviour::SearchAnsweredWithNoise(length) => datagrams.push(vec![0xff; *length]),
                Misbehaviour::SearchFlood(count) => datagrams.extend((1..=*count).map(|port| {
                    let location = format!("http://{}:{port}/rootDesc.xml", state.address);
                    answer(state, first, &location).into_bytes()
                })),
                _ => {}
            }
        }
    }
    let location = location(state);
    datagrams.extend(found.iter().map(|item| answer(state, item, &location).into_bytes()));
    datagrams
}

/// What answers a search for `target`; a lower version finds a higher one, under the name that was searched.
fn matching(state: &State, target: &str) -> Vec<Item> {
    let items = items(state);
    if target == "ssdp:all" {
        if state.plays(&Misbehaviour::AnswersAllWithFirstDevice) {
            let target = "urn:schemas-wifialliance-org:device:WFADevice:1".to_owned();
            let usn = format!("{}::{target}", state.udn(0xfa));
            return vec![Item { target, usn }];
        }
        return items;
    }
    let own_version = state.plays(&Misbehaviour::AnswersWithOwnVersion);
    let matches = |item: &Item| {
        let version = |text: &str| -> Option<(String, u32)> {
            let (name, version) = text.rsplit_once(':')?;
            Some((name.to_owned(), version.parse().ok()?))
        };
        item.target == target
            || match (version(&item.target), version(target)) {
                (Some((name, has)), Some((searched, wanted))) => name == searched && wanted <= has,
                _ => false,
            }
    };
    items
        .into_iter()
        .filter(matches)
        .map(|item| {
            if own_version || item.target == target {
                return item;
            }
            Item {
                usn: item.usn.replace(&item.target, target),
                target: target.to_owned(),
            }
        })
        .collect()
}

/// Root, devices and services, each as UDA 1.0 table 1 has them.
fn items(state: &State) -> Vec<Item> {
    let root = description::tree(state);
    let mut items = vec![Item {
        target: "upnp:rootdevice".to_owned(),
        usn: format!("{}::upnp:rootdevice", root.udn),
    }];
    collect(state, &root, &mut items);
    items
}

fn collect(state: &State, device: &Device, items: &mut Vec<Item>) {
    let udn = &device.udn;
    items.push(Item {
        target: udn.clone(),
        usn: udn.clone(),
    });
    let mut types = vec![device.device_type.clone()];
    for &index in &device.services {
        let service_type = state.service_type(state.services[index]);
        if !types.contains(&service_type) {
            types.push(service_type);
        }
    }
    items.extend(types.into_iter().map(|target| Item {
        usn: format!("{udn}::{target}"),
        target,
    }));
    for child in &device.children {
        collect(state, child, items);
    }
}

fn location(state: &State) -> String {
    let other = state.played(|m| match m {
        Misbehaviour::Location(text) => Some(text.clone()),
        Misbehaviour::LocationHost(host) => {
            let host = SocketAddr::new(*host, state.http_port);
            Some(format!("http://{host}{}/rootDesc.xml", state.prefix()))
        }
        _ => None,
    });
    other.unwrap_or_else(|| state.description_url())
}

fn answer(state: &State, item: &Item, location: &str) -> String {
    let boot = boot_headers(state);
    let Item { target, usn } = item;
    if state.plays(&Misbehaviour::OddHeaders) {
        return format!(
            "HTTP/1.1 200 OK \r\nCache_Control: max-age=120\r\nCACHE-CONTROL:max-age=1\r\nST:{target}\r\nUSN:{usn}\r\n\
             Ext:\r\nEXT:\r\nSERVER:\r\nUser-Agent: redsonic\r\nX-User-Agent: redsonic\r\nlocation:{location}\r\n\
             {boot}\r\n\r\n"
        );
    }
    format!(
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nST: {target}\r\nUSN: {usn}\r\nEXT:\r\n\
         SERVER: Linux UPnP/1.1 Scripted/1\r\nLOCATION: {location}\r\n{boot}\r\n"
    )
}

fn notify(state: &State, item: &Item, announcement: Announcement) -> String {
    let boot = boot_headers(state);
    let Item { target, usn } = item;
    let rest = match announcement {
        Announcement::Alive => format!(
            "NTS: ssdp:alive\r\nCACHE-CONTROL: max-age=1800\r\nSERVER: Linux UPnP/1.1 Scripted/1\r\nLOCATION: {}\r\n",
            location(state)
        ),
        Announcement::ByeBye => "NTS: ssdp:byebye\r\n".to_owned(),
    };
    format!("NOTIFY * HTTP/1.1\r\nHOST: {SSDP_GROUP}:{SSDP_PORT}\r\nNT: {target}\r\nUSN: {usn}\r\n{rest}{boot}\r\n")
}

fn boot_headers(state: &State) -> String {
    if state.plays(&Misbehaviour::NoBootId) {
        return String::new();
    }
    format!(
        "BOOTID.UPNP.ORG: {}\r\nCONFIGID.UPNP.ORG: {}\r\n",
        state.boot_id,
        state.services.len()
    )
}
