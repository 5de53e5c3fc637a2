//! Event messages from the simulated gateway to this machine.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use portreeve_wire::gena::{self, Head, Notify, Subscribe};
use portreeve_wire::{Quirks, Url, Uuid, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{GATEWAY, Simulated};
use crate::network::asked::Asked;
use crate::network::{BoxFuture, Listener, Stream};

/// Where programs of this machine listen.
#[derive(Default)]
pub(super) struct Doors(Mutex<BTreeMap<u16, mpsc::UnboundedSender<DuplexStream>>>);

struct Door {
    at: SocketAddr,
    visitors: tokio::sync::Mutex<mpsc::UnboundedReceiver<DuplexStream>>,
}

impl Doors {
    pub(super) fn open(&self, at: SocketAddr) -> Box<dyn Listener> {
        let (opened, visitors) = mpsc::unbounded_channel();
        let mut doors = self.0.lock().unwrap();
        let port = 30_000 + doors.len() as u16;
        doors.insert(port, opened);
        Box::new(Door {
            at: SocketAddr::new(at.ip(), port),
            visitors: tokio::sync::Mutex::new(visitors),
        })
    }

    fn knock(&self, port: u16) -> Option<DuplexStream> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let doors = self.0.lock().unwrap();
        doors.get(&port)?.send(far).ok()?;
        Some(near)
    }
}

impl Listener for Door {
    fn local(&self) -> io::Result<SocketAddr> {
        Ok(self.at)
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, IpAddr)>> {
        Box::pin(async move {
            match self.visitors.lock().await.recv().await {
                Some(stream) => Ok((Box::new(stream) as Box<dyn Stream>, GATEWAY.into())),
                None => std::future::pending().await,
            }
        })
    }
}

/// The subscriptions that a gateway has.
#[derive(Default)]
pub(super) struct Subscriptions {
    held: Vec<Subscription>,
    given: u128,
    /// Whether it refuses to have any.
    pub(super) refuses: bool,
}

struct Subscription {
    sid: Uuid,
    ends: Instant,
    told: Vec<(&'static str, Value)>,
    seq: u32,
    callback: Url,
    /// To the task that sends one message after the other.
    messages: mpsc::UnboundedSender<String>,
}

/// Status and header fields.
pub(super) type Answer = (u16, Vec<(&'static str, String)>);

impl Subscriptions {
    pub(super) fn forget_all(&mut self) {
        self.held.clear();
    }

    pub(super) fn len(&mut self) -> usize {
        self.expire();
        self.held.len()
    }

    /// Answers SUBSCRIBE and UNSUBSCRIBE; a new subscription sends its messages by `send`.
    pub(super) fn answer(
        &mut self,
        request: &Asked,
        send: impl FnOnce(Url) -> mpsc::UnboundedSender<String>,
    ) -> Answer {
        self.expire();
        let head = Head {
            nt: request.field("nt"),
            callback: request.field("callback"),
            sid: request.field("sid"),
            timeout: request.field("timeout"),
        };
        if self.refuses {
            return (501, Vec::new());
        }
        if request.method == "UNSUBSCRIBE" {
            let sid = gena::unsubscribe(head).unwrap();
            self.held.retain(|held| held.sid != sid);
            return (200, Vec::new());
        }
        let (sid, timeout) = match gena::subscribe(head, Quirks::NONE).unwrap() {
            Subscribe::New { callbacks, timeout } => {
                self.given += 1;
                let callback = callbacks[0].clone();
                self.held.push(Subscription {
                    sid: Uuid::from_random(self.given),
                    ends: Instant::now() + timeout.duration(),
                    told: Vec::new(),
                    seq: 0,
                    messages: send(callback.clone()),
                    callback,
                });
                (Uuid::from_random(self.given), timeout)
            }
            Subscribe::Renewal { sid, timeout } => match self.held.iter_mut().find(|held| held.sid == sid) {
                Some(held) => {
                    held.ends = Instant::now() + timeout.duration();
                    (sid, timeout)
                }
                None => return (412, Vec::new()),
            },
        };
        (
            200,
            vec![("SID", format!("uuid:{sid}")), ("TIMEOUT", timeout.to_string())],
        )
    }

    /// Sends to each what has changed since it was told.
    pub(super) fn publish(&mut self, state: &[(&'static str, Value)]) {
        self.expire();
        for held in &mut self.held {
            let changed: Vec<_> = state.iter().filter(|pair| !held.told.contains(pair)).cloned().collect();
            if changed.is_empty() {
                continue;
            }
            let message = Notify {
                callback: &held.callback,
                sid: held.sid,
                seq: held.seq,
                properties: &changed,
            };
            held.seq += 1;
            held.told = state.to_vec();
            // Fails only at the end of the test.
            let _sent = held.messages.send(message.render());
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        self.held.retain(|held| held.ends > now);
    }
}

impl Simulated {
    /// Tells subscribers what has changed.
    pub(super) fn publish(&self) {
        self.gateway().publish();
    }

    /// Sends messages to this place, one after the other.
    pub(super) fn sender(&self, to: &Url) -> mpsc::UnboundedSender<String> {
        let (messages, mut waiting) = mpsc::unbounded_channel::<String>();
        let (network, port) = (self.clone(), to.authority().port());
        tokio::spawn(async move {
            while let Some(message) = waiting.recv().await {
                if network.conditions().firewall {
                    continue;
                }
                if let Some(mut stream) = network.inner.doors.knock(port) {
                    // Whoever is gone misses it.
                    let _sent = stream.write_all(message.as_bytes()).await;
                    let _answered = stream.read(&mut [0; 64]).await;
                }
            }
        });
        messages
    }
}
