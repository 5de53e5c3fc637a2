use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::SendTimeout;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket};
use nix::sys::time::TimeVal;

use super::actions::variable;
use super::http::{Request, Response};
use super::misbehaviour::Misbehaviour;
use super::place::{Place, StopFlag, TICK, Worker};
use super::services::Service;
use super::soap::escape;
use super::state::{Radio, Shared, State};

/// Seconds that a subscription lasts unless a misbehaviour says otherwise (UDA 1.0 section 4.1.1: at least 1800).
const DURATION: u64 = 1800;
/// How long after the answer the first event goes out; with [`Misbehaviour::EventBeforeAnswer`] the other way round.
const FIRST_EVENT: Duration = Duration::from_millis(50);
pub(super) const LATE_ANSWER: Duration = Duration::from_millis(500);
/// How long a subscriber may take.
const CALLBACK_LIMIT: Duration = Duration::from_secs(2);

const EVENTED: [&str; 4] = [
    "ConnectionStatus",
    "ExternalIPAddress",
    "PortMappingNumberOfEntries",
    "SystemUpdateID",
];

/// Somebody who wants the events of a service.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    sid: String,
    service: Service,
    callback: SocketAddr,
    path: String,
    sequence: u32,
    ends: Instant,
    /// By the machine's clock, as the events are.
    first_event: Instant,
    /// Variables and values as last sent.
    sent: Vec<(&'static str, String)>,
}

/// Answers SUBSCRIBE: a new subscription or a renewal (UDA 1.0 sections 4.1.1, 4.1.2).
pub(super) fn subscribe(state: &mut State, service: Service, request: &Request, peer: IpAddr) -> Response {
    let now = state.now();
    let refused = state.played(|m| match m {
        Misbehaviour::RefusesSubscriptions(status) => Some(*status),
        _ => None,
    });
    if let Some(refused) = refused {
        return status(refused);
    }
    let seconds = state.played(|m| match m {
        Misbehaviour::GrantsSubscriptions(seconds) => Some(*seconds),
        _ => None,
    });
    let seconds = seconds.unwrap_or(DURATION);
    let ends = now + Duration::from_secs(seconds);
    let fresh = state.fresh_sid();
    let (new_sid, no_sid) = (
        state.plays(&Misbehaviour::RenewsWithNewSid),
        state.plays(&Misbehaviour::RenewsWithoutSid),
    );
    if let Some(sid) = request.header("SID") {
        let Some(subscription) = state.subscriptions.iter_mut().find(|known| known.sid == sid) else {
            return status("412 Precondition Failed");
        };
        subscription.ends = ends;
        if new_sid {
            subscription.sid = fresh;
        }
        let sid = (!no_sid).then(|| subscription.sid.clone());
        return granted(sid, seconds);
    }
    let Some((callback, path)) = request.header("CALLBACK").and_then(first_callback) else {
        return status("412 Precondition Failed");
    };
    if callback.ip() != peer && state.plays(&Misbehaviour::CallbackMustBeCaller) {
        return status("412 Precondition Failed");
    }
    let patience = if state.plays(&Misbehaviour::EventBeforeAnswer) {
        Duration::ZERO
    } else {
        FIRST_EVENT
    };
    state.subscriptions.push(Subscription {
        sid: fresh.clone(),
        service,
        callback,
        path,
        sequence: 0,
        ends,
        first_event: Instant::now() + patience,
        sent: Vec::new(),
    });
    granted(Some(fresh), seconds)
}

/// Answers UNSUBSCRIBE (UDA 1.0 section 4.1.3).
pub(super) fn unsubscribe(state: &mut State, request: &Request) -> Response {
    let before = state.subscriptions.len();
    let sid = request.header("SID").unwrap_or_default();
    state.subscriptions.retain(|known| known.sid != sid);
    if state.subscriptions.len() < before {
        status("200 OK")
    } else {
        status("412 Precondition Failed")
    }
}

/// Drops the subscriptions whose time is over.
pub(super) fn expire(subscriptions: &mut Vec<Subscription>, now: Instant) {
    subscriptions.retain(|subscription| subscription.ends > now);
}

/// Sends an event to every subscriber within a tick of each change.
pub(super) fn start(place: Arc<Place>, shared: Arc<Shared>) -> Worker {
    Worker::start(move |stop| pump(&place, &shared, stop))
}

fn pump(place: &Place, shared: &Shared, stop: &StopFlag) {
    while !stop.is_set() {
        let (own, due) = {
            let mut state = shared.lock();
            (state.address, due(&mut state))
        };
        for (callback, message) in due {
            // A subscriber that is gone misses its event, as everywhere.
            let _ = place.run(|| deliver(own, callback, &message));
        }
        thread::sleep(TICK);
    }
}

/// The events that have to go out now; they count as sent.
fn due(state: &mut State) -> Vec<(SocketAddr, String)> {
    if state.radio == Radio::Silent {
        return Vec::new();
    }
    state.expire();
    let mut subscriptions = std::mem::take(&mut state.subscriptions);
    let mut events = Vec::new();
    for subscription in &mut subscriptions {
        if Instant::now() < subscription.first_event {
            continue;
        }
        let values = values(state, subscription.service);
        let changed: Vec<_> = values
            .iter()
            .filter(|pair| !subscription.sent.contains(pair))
            .cloned()
            .collect();
        if changed.is_empty() && subscription.sequence > 0 {
            continue;
        }
        if !state.plays(&Misbehaviour::LosesEvents) {
            events.push((subscription.callback, notify(subscription, &changed)));
        }
        subscription.sequence = subscription.sequence.checked_add(1).unwrap_or(1);
        subscription.sent = values;
    }
    state.subscriptions = subscriptions;
    events
}

fn values(state: &State, service: Service) -> Vec<(&'static str, String)> {
    let address = state.played(|m| match m {
        Misbehaviour::EventsAddress(text) => Some(*text),
        _ => None,
    });
    EVENTED
        .into_iter()
        .filter_map(|name| Some((name, variable(state, service, name)?)))
        .map(|(name, value)| match address {
            Some(address) if name == "ExternalIPAddress" => (name, address.to_owned()),
            _ => (name, value),
        })
        .collect()
}

fn notify(subscription: &Subscription, changed: &[(&str, String)]) -> String {
    let properties: String = changed
        .iter()
        .map(|(name, value)| format!("<e:property><{name}>{}</{name}></e:property>", escape(value)))
        .collect();
    let body = format!(
        "<?xml version=\"1.0\"?><e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">{properties}</e:propertyset>"
    );
    format!(
        "NOTIFY {} HTTP/1.1\r\nHOST: {}\r\nCONTENT-TYPE: text/xml\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\n\
         SID: {}\r\nSEQ: {}\r\nCONTENT-LENGTH: {}\r\nConnection: close\r\n\r\n{body}",
        subscription.path,
        subscription.callback,
        subscription.sid,
        subscription.sequence,
        body.len()
    )
}

/// From the gateway's own address: subscribers on loopback could not know it by another.
fn deliver(own: Ipv4Addr, to: SocketAddr, message: &str) -> io::Result<()> {
    let SocketAddr::V4(to) = to else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Connecting counts as sending.
    let limit = TimeVal::new(CALLBACK_LIMIT.as_secs().try_into().unwrap_or(1), 0);
    setsockopt(&socket, SendTimeout, &limit)?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(own, 0)))?;
    connect(socket.as_raw_fd(), &SockaddrIn::from(to))?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(CALLBACK_LIMIT))?;
    stream.write_all(message.as_bytes())?;
    // The beginning of the answer is enough to know that it was heard.
    stream.read(&mut [0; 64]).map(|_| ())
}

/// Address and path of the first URL of a CALLBACK header.
fn first_callback(header: &str) -> Option<(SocketAddr, String)> {
    let url = header.split_once('<')?.1.split_once('>')?.0;
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = authority.parse().or_else(|_| format!("{authority}:80").parse()).ok()?;
    Some((address, format!("/{path}")))
}

fn granted(sid: Option<String>, seconds: u64) -> Response {
    let mut response = status("200 OK");
    response.headers.extend(sid.map(|sid| ("SID".to_owned(), sid)));
    response
        .headers
        .push(("TIMEOUT".to_owned(), format!("Second-{seconds}")));
    response
}

fn status(status: &str) -> Response {
    Response::new(status, "text/html", "")
}
