//! Ports that are open upstream, or are being opened or closed: a task each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve::{Change, Error, Gateway, KeptMapping, MapRequest, Unusable};
use portreeve_engine::Protocol;
use portreeve_engine::upstream::{OuterPort, Ticket, UpstreamRefusal, UpstreamReport};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use super::refusal::refusal;

/// How many ports are asked for at a time: home routers are slow, and many mappings may be kept at the start.
const AT_A_TIME: usize = 8;

/// What the upstream gateway shows people.
const DESCRIPTION: &str = "portreeved";

/// All of them.
pub(super) struct Openings {
    open: HashMap<Ticket, Opening>,
    /// Those that are being closed: a port is asked for again only after that.
    closing: HashMap<OuterPort, JoinHandle<()>>,
    permits: Arc<Semaphore>,
    news: mpsc::UnboundedSender<News>,
}

struct Opening {
    port: OuterPort,
    close: oneshot::Sender<Close>,
    task: JoinHandle<()>,
}

/// That a port is to be closed. Where nobody says so any more, it is left as it is.
struct Close;

/// What a task has to say.
#[derive(Debug)]
pub(super) enum News {
    /// What became of a port.
    Report(UpstreamReport),
    /// The upstream gateway's external address, as seen when a port was opened or looked at.
    ExternalAddress(IpAddr),
}

impl Openings {
    /// None yet.
    pub(super) fn new(news: mpsc::UnboundedSender<News>) -> Self {
        Self {
            open: HashMap::new(),
            closing: HashMap::new(),
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            news,
        }
    }

    /// Begins to open a port and to keep it open.
    pub(super) fn open(&mut self, gateway: &Gateway, ticket: Ticket, port: OuterPort) {
        self.closing.retain(|_, task| !task.is_finished());
        let (close, closed) = oneshot::channel();
        let task = Task {
            gateway: gateway.clone(),
            ticket,
            port,
            permits: Arc::clone(&self.permits),
            news: self.news.clone(),
        };
        let task = tokio::spawn(task.run(self.closing.remove(&port), closed));
        self.open.insert(ticket, Opening { port, close, task });
    }

    /// Begins to close what was opened by this ticket.
    pub(super) fn close(&mut self, ticket: Ticket) {
        let Some(Opening { port, close, task }) = self.open.remove(&ticket) else {
            return;
        };
        // A task that has been refused has ended.
        let _ = close.send(Close);
        self.closing.insert(port, task);
    }

    /// What was refused is not open.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        self.open.remove(&ticket);
    }

    /// Begins to close everything.
    pub(super) fn close_all(&mut self) {
        let tickets: Vec<Ticket> = self.open.keys().copied().collect();
        tickets.into_iter().for_each(|ticket| self.close(ticket));
    }

    /// Waits until what is being closed is, and leaves the rest as it is.
    pub(super) async fn leave(self) {
        drop(self.open);
        for (_, task) in self.closing {
            // A task that panicked has closed nothing; its lease ends.
            let _ = task.await;
        }
    }
}

struct Task {
    gateway: Gateway,
    ticket: Ticket,
    port: OuterPort,
    permits: Arc<Semaphore>,
    news: mpsc::UnboundedSender<News>,
}

impl Task {
    async fn run(self, before: Option<JoinHandle<()>>, mut closed: oneshot::Receiver<Close>) {
        if let Some(before) = before {
            // What it could not close ends with its lease.
            let _ = before.await;
        }
        let made = {
            let _permit = tokio::select! {
                permit = self.permits.acquire() => permit,
                _ = &mut closed => return,
            };
            // Once asked for it may be there, so that it is waited for before it is closed.
            self.make().await
        };
        match made {
            Ok(kept) => self.keep(kept, closed).await,
            Err(why) => {
                info!(port = %self.port, %why, "the upstream gateway does not open a port");
                self.tell_refused(why);
            }
        }
    }

    async fn make(&self) -> Result<KeptMapping, UpstreamRefusal> {
        let exact = self.request().external(self.port.port.get());
        let error = match exact.clone().keep().await {
            // It is behind another one itself, and knows no better.
            Err(Error::Unusable(Unusable::DoubleNat(_) | Unusable::CarrierGradeNat(_))) => {
                match exact.despite_status().keep().await {
                    Ok(kept) => return Ok(kept),
                    Err(error) => error,
                }
            }
            Ok(kept) => return Ok(kept),
            Err(error) => error,
        };
        Err(match refusal(&error) {
            UpstreamRefusal::PortTaken { .. } => UpstreamRefusal::PortTaken {
                offered: self.offered().await,
            },
            other => other,
        })
    }

    /// The port that it gives instead, if it does: one that would do all the way.
    async fn offered(&self) -> Option<NonZeroU16> {
        let request = self.request().prefer(self.port.port.get()).despite_status();
        let mapping = request.once().await.ok()?;
        let offered = NonZeroU16::new(mapping.external_port());
        if let Err(error) = mapping.remove().await {
            debug!(port = %self.port, %error, "an offer is not removed");
            return None;
        }
        offered.filter(|offered| *offered != self.port.port)
    }

    fn request(&self) -> MapRequest {
        let protocol = match self.port.protocol {
            Protocol::Tcp => portreeve::Protocol::Tcp,
            Protocol::Udp => portreeve::Protocol::Udp,
        };
        self.gateway
            .map(protocol, self.port.port.get())
            .description(DESCRIPTION)
    }

    async fn keep(self, kept: KeptMapping, mut closed: oneshot::Receiver<Close>) {
        let mut changes = kept.changes();
        self.tell_address(kept.external().address);
        self.tell(News::Report(UpstreamReport::Opened(self.ticket)));
        loop {
            let change = tokio::select! {
                close = &mut closed => return match close {
                    Ok(Close) => self.remove(kept).await,
                    // Dropped, it would be removed: it stays as long as its lease, as what it leads to does.
                    Err(_) => std::mem::forget(kept),
                },
                Some(change) = changes.next() => change,
            };
            match change {
                Change::ExternalAddress { to, .. } => self.tell_address(to),
                Change::ExternalPort { .. } => {
                    self.remove(kept).await;
                    return self.tell_refused(UpstreamRefusal::PortTaken { offered: None });
                }
                Change::Lost { why } => {
                    let why = refusal(&why);
                    warn!(port = %self.port, %why, "a port is not open upstream any more");
                    if why.is_final() {
                        self.remove(kept).await;
                        return self.tell_refused(why);
                    }
                }
                Change::Restored => info!(port = %self.port, "the port is open upstream again"),
                _ => {}
            }
        }
    }

    async fn remove(&self, kept: KeptMapping) {
        if let Err(error) = kept.remove().await {
            debug!(port = %self.port, %error, "a port could not be closed upstream; its lease ends");
        }
    }

    fn tell_address(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.tell(News::ExternalAddress(address));
        }
    }

    fn tell_refused(&self, why: UpstreamRefusal) {
        let ticket = self.ticket;
        self.tell(News::Report(UpstreamReport::Refused { ticket, why }));
    }

    fn tell(&self, news: News) {
        // Nobody listens any more if the daemon is ending.
        let _ = self.news.send(news);
    }
}
