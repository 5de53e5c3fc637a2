//! The web server to which a gateway sends its event messages (UDA 1.1 section 4.3).
//!
//! It listens on the address of ours from which the gateway is reached, since gateways send to no other (R85), talks to
//! nobody but the gateway, and takes only what goes to a path that nobody else can guess.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use portreeve_wire::Url;
use portreeve_wire::gena::subscriber::{self, MAX_BODY, Message, MessageHead, Property};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::subscription::Reception;
use crate::network::{Listener as Socket, Network, Stream};
use crate::random::unguessable;

/// Most connections at a time; a gateway opens one a subscription at most.
const CONNECTIONS: usize = 16;

/// Messages that wait to be taken in.
const QUEUE: usize = 16;

/// How long a gateway may take for the head of a message.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection may last.
const CONNECTION_TIME: Duration = Duration::from_secs(20);

/// hyper's buffer, which bounds the head of a message.
const BUFFER: usize = 16 * 1024;

/// After an error that may come again at once (out of files), gives others the time to go on.
const PAUSE: Duration = Duration::from_millis(200);

/// The server. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    at: SocketAddr,
    paths: Paths,
    accepting: JoinHandle<()>,
}

/// A message that arrived.
#[derive(Debug)]
pub(super) struct Delivered {
    /// What its path stands for.
    pub(super) service: usize,
    /// What it says about itself.
    pub(super) message: Message,
    /// The values.
    pub(super) properties: Vec<Property>,
    /// Told what became of it; the gateway waits for that.
    pub(super) became: oneshot::Sender<Reception>,
}

/// Which path stands for which service.
#[derive(Clone, Debug, Default)]
struct Paths(Arc<Mutex<BTreeMap<String, usize>>>);

impl Listener {
    /// Listens at this address of ours, on a port that is free, to the gateway at that one.
    pub(super) fn open(
        network: &dyn Network,
        at: SocketAddr,
        gateway: IpAddr,
    ) -> io::Result<(Self, mpsc::Receiver<Delivered>)> {
        let socket = network.listen(at)?;
        let at = socket.local()?;
        let (delivered, messages) = mpsc::channel(QUEUE);
        let paths = Paths::default();
        let desk = Desk {
            paths: paths.clone(),
            delivered,
        };
        let accepting = tokio::spawn(accept(socket, gateway.to_canonical(), desk));
        Ok((Self { at, paths, accepting }, messages))
    }

    /// A new URL for the messages to a service. From now on it is the only one.
    pub(super) fn url(&self, service: usize) -> Url {
        let mut path = String::from("/");
        for byte in unguessable::<16>() {
            // Writing into a string cannot fail.
            let _ = write!(path, "{byte:02x}");
        }
        let url = match self.at {
            SocketAddr::V4(at) => format!("http://{at}{path}"),
            // A zone means something on this machine only.
            SocketAddr::V6(at) => format!("http://[{}]:{}{path}", at.ip(), at.port()),
        };
        let mut paths = self.paths.lock();
        paths.retain(|_, other| *other != service);
        paths.insert(path, service);
        Url::parse(&url).expect("made of an address, a port and digits")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Paths {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        // A panic elsewhere leaves a map with all its entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(socket: Box<dyn Socket>, gateway: IpAddr, desk: Desk) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Who comes when all are taken waits: none of them lasts long.
        if connections.len() == CONNECTIONS {
            connections.join_next().await;
        }
        match socket.accept().await {
            Ok((stream, peer)) if peer.to_canonical() == gateway => {
                let desk = desk.clone();
                connections.spawn(timeout(CONNECTION_TIME, serve(stream, desk)));
            }
            Ok((_, peer)) => tracing::debug!(%peer, "a connection from somebody other than the gateway"),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn serve(stream: Box<dyn Stream>, desk: Desk) {
    let service = service_fn(|request| {
        let desk = desk.clone();
        async move {
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = desk.receive(request).await;
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .keep_alive(false)
        .half_close(true)
        .title_case_headers(true)
        .max_buf_size(BUFFER)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an event message broke off");
    }
}

/// Where messages are handed in.
#[derive(Clone, Debug)]
struct Desk {
    paths: Paths,
    delivered: mpsc::Sender<Delivered>,
}

impl Desk {
    /// Takes a message in; what the gateway is told.
    async fn receive(&self, request: Request<Incoming>) -> StatusCode {
        if request.method() != "NOTIFY" {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let service = self.paths.lock().get(request.uri().path()).copied();
        let Some(service) = service else {
            // As to a message of a subscription that is not ours: no gateway shall send it again.
            return StatusCode::PRECONDITION_FAILED;
        };
        let message = match subscriber::read(head(request.headers())) {
            Ok(message) => message,
            Err(why) => return StatusCode::from_u16(why.status()).unwrap_or(StatusCode::PRECONDITION_FAILED),
        };
        let body = match Limited::new(request.into_body(), MAX_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return StatusCode::PAYLOAD_TOO_LARGE,
            Err(_) => return StatusCode::BAD_REQUEST,
        };
        let properties = match subscriber::properties(&body) {
            Ok(properties) => properties,
            Err(error) => {
                tracing::debug!(%error, "an event message that is none");
                return StatusCode::BAD_REQUEST;
            }
        };
        let (became, reception) = oneshot::channel();
        let delivered = Delivered {
            service,
            message,
            properties,
            became,
        };
        if self.delivered.send(delivered).await.is_err() {
            return StatusCode::PRECONDITION_FAILED;
        }
        match reception.await {
            Ok(Reception::Taken) => StatusCode::OK,
            Ok(Reception::Unknown) | Err(_) => StatusCode::PRECONDITION_FAILED,
        }
    }
}

fn head(fields: &HeaderMap) -> MessageHead<'_> {
    let field = |name: &str| fields.get(name)?.to_str().ok();
    MessageHead {
        nt: field("nt"),
        nts: field("nts"),
        sid: field("sid"),
        seq: field("seq"),
    }
}
