//! Everything that faces the LAN: per interface the listeners of HTTP and the presence in SSDP, which come and go with
//! the interface's addresses.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::exit::Failure;
use crate::http::{Connections, Gateway, accept, listen};
use crate::machine::{Lan, Mode};
use crate::random::Random;
use crate::runtime::EngineHandle;
use crate::ssdp::{Advertised, Presence, Socket};

/// The interfaces being served.
pub(super) struct Front {
    gateway: Arc<Gateway<EngineHandle>>,
    connections: Arc<Connections>,
    advertised: Arc<Advertised>,
    boot_id: watch::Sender<u32>,
    mode: Mode,
    served: Vec<Served>,
}

/// An interface and its addresses of one family.
struct Served {
    lan: Arc<Lan>,
    stop: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    presence: Option<JoinHandle<()>>,
}

impl Front {
    /// Serves nothing yet.
    pub(super) fn new(
        gateway: Arc<Gateway<EngineHandle>>,
        connections: Arc<Connections>,
        advertised: Arc<Advertised>,
        boot_id: u32,
        mode: Mode,
    ) -> Self {
        Self {
            gateway,
            connections,
            advertised,
            boot_id: watch::Sender::new(boot_id),
            mode,
            served: Vec::new(),
        }
    }

    /// Serves these interfaces with these addresses and no others. What stays the same is not disturbed, but hears of
    /// the new BOOTID that every change of the set brings (UDA 1.1 section 1.2.2).
    pub(super) async fn update(&mut self, lans: &[Lan]) -> Result<(), Failure> {
        let had_some = !self.served.is_empty();
        let wanted: Vec<Lan> = lans.iter().flat_map(Lan::families).collect();
        if wanted.iter().eq(self.served.iter().map(|served| &*served.lan)) {
            return Ok(());
        }
        let (stay, go): (Vec<_>, Vec<_>) = self
            .served
            .drain(..)
            .partition(|served| wanted.iter().any(|lan| *lan == *served.lan));
        self.served = stay;
        for served in go {
            info!(interface = %served.lan.interface, "no longer served");
            served.stop().await;
        }
        let new = wanted
            .into_iter()
            .filter(|lan| !self.served.iter().any(|served| *served.lan == *lan));
        let new: Vec<Lan> = new.collect();
        if had_some {
            self.boot_id.send_modify(|boot_id| *boot_id += 1);
        }
        let mut first_failure = Ok(());
        for lan in new {
            match self.serve(lan) {
                Ok(served) => self.served.push(served),
                Err(failure) => first_failure = first_failure.and(Err(failure)),
            }
        }
        first_failure
    }

    /// Takes leave on every interface.
    pub(super) async fn stop(self) {
        for served in self.served {
            served.stop().await;
        }
    }

    fn serve(&self, lan: Lan) -> Result<Served, Failure> {
        let lan = Arc::new(lan);
        let port = self.advertised.http_port;
        let listeners = lan.addresses.iter().map(|own| {
            let listener = listen(&lan, own.address, port)?;
            Ok((own.address, listener))
        });
        let listeners = listeners.collect::<Result<Vec<_>, Failure>>()?;
        let socket = match Socket::open(&lan) {
            Ok(socket) => socket,
            // A trial is worth something without being found.
            Err(failure) if self.mode == Mode::Trial => {
                warn!("{failure}");
                None
            }
            Err(failure) => return Err(failure),
        };
        let random = Random::seeded().map_err(|error| Failure::system("no random numbers", &error))?;
        let (stop, stopped) = watch::channel(false);
        let presence = socket.map(|socket| {
            let boot_id = self.boot_id.subscribe();
            let now = *boot_id.borrow();
            let presence = Presence::new(socket, Arc::clone(&lan), Arc::clone(&self.advertised), now, random);
            tokio::spawn(presence.run(boot_id, stopped))
        });
        let accepting = listeners.into_iter().map(|(own, listener)| {
            info!(interface = %lan.interface, "serving http://{}", SocketAddr::new(own, port));
            tokio::spawn(accept(
                listener,
                Arc::clone(&lan),
                own,
                Arc::clone(&self.gateway),
                Arc::clone(&self.connections),
            ))
        });
        Ok(Served {
            accepting: accepting.collect(),
            presence,
            lan,
            stop,
        })
    }
}

impl Served {
    /// Closes the listeners and sends byebye.
    async fn stop(self) {
        for task in self.accepting {
            task.abort();
            // It has been aborted, and says so.
            let _ = task.await;
        }
        let _ = self.stop.send(true);
        if let Some(presence) = self.presence {
            // A task that panicked has nothing to say any more.
            let _ = presence.await;
        }
    }
}
