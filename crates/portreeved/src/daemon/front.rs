//! Everything that faces the LAN: per interface the listeners of HTTP, the presence in SSDP and the server of PCP and
//! NAT-PMP, which come and go with the interface's addresses.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::exit::Failure;
use crate::http::{Connections, Gateway, accept, listen};
use crate::machine::{Lan, Mode};
use crate::port_control::PortControl;
use crate::random::Random;
use crate::runtime::EngineHandle;
use crate::ssdp::{Advertised, Presence, Socket};

/// The interfaces being served.
pub(super) struct Front {
    gateway: Arc<Gateway<EngineHandle>>,
    connections: Arc<Connections>,
    advertised: Arc<Advertised>,
    port_control: Arc<PortControl<EngineHandle>>,
    boot_id: watch::Sender<u32>,
    mode: Mode,
    served: Vec<Served>,
}

/// An interface and its addresses of one family.
struct Served {
    lan: Arc<Lan>,
    stop: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    /// What hears `stop`: the presence, if there is one, and the server of PCP and NAT-PMP.
    listening: Vec<JoinHandle<()>>,
}

impl Front {
    /// Serves nothing yet.
    pub(super) fn new(
        gateway: Arc<Gateway<EngineHandle>>,
        connections: Arc<Connections>,
        advertised: Arc<Advertised>,
        port_control: Arc<PortControl<EngineHandle>>,
        boot_id: u32,
        mode: Mode,
    ) -> Self {
        Self {
            gateway,
            connections,
            advertised,
            port_control,
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
        let is_served = |lan: &Lan| self.served.iter().any(|served| *served.lan == *lan);
        if wanted.len() == self.served.len() && wanted.iter().all(is_served) {
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
        let socket = self.unless_trial(Socket::open(&lan))?;
        let port_control = self.unless_trial(self.port_control.open(&lan))?;
        let random = Random::seeded().map_err(|error| Failure::system("no random numbers", &error))?;
        let (stop, stopped) = watch::channel(false);
        let presence = socket.map(|socket| {
            let boot_id = self.boot_id.subscribe();
            let now = *boot_id.borrow();
            let presence = Presence::new(socket, Arc::clone(&lan), Arc::clone(&self.advertised), now, random);
            tokio::spawn(presence.run(boot_id, stopped.clone()))
        });
        let port_control = Arc::clone(&self.port_control).serve(Arc::clone(&lan), port_control, stopped);
        let listening = presence.into_iter().chain([tokio::spawn(port_control)]);
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
            listening: listening.collect(),
            lan,
            stop,
        })
    }

    /// What has been opened. A trial is worth something without being found, and without PCP.
    fn unless_trial<T>(&self, opened: Result<Option<T>, Failure>) -> Result<Option<T>, Failure> {
        match opened {
            Err(failure) if self.mode == Mode::Trial => {
                warn!("{failure}");
                Ok(None)
            }
            opened => opened,
        }
    }
}

impl Served {
    /// Closes the listeners and ports, and sends byebye.
    async fn stop(self) {
        for task in self.accepting {
            task.abort();
            // It has been aborted, and says so.
            let _ = task.await;
        }
        let _ = self.stop.send(true);
        for task in self.listening {
            // A task that panicked has nothing to say any more.
            let _ = task.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;

    use portreeve_wire::description::{Description, Identity};
    use portreeve_wire::uuid::Uuid;
    use portreeve_wire::{Offer, Quirks, View};
    use tokio::runtime::Handle;

    use super::*;
    use crate::alone::alone;
    use crate::events::Events;
    use crate::http::Appearance;
    use crate::machine::LanAddress;
    use crate::port_control::Terms;

    async fn front() -> Front {
        let identity = Identity {
            uuid: Uuid::from_random(1),
            friendly_name: "test".to_owned(),
            model_number: "1".to_owned(),
            serial_number: None,
        };
        let advertised = Advertised {
            root: Description::of(&identity, Offer::default(), View::Igd2, 3).device,
            view: View::Igd2,
            server: "Linux/6 UPnP/1.1 portreeved/1".to_owned(),
            config_id: 3,
            http_port: 5000,
            quirks: RwLock::default(),
        };
        let appearance = Appearance {
            identity,
            offer: Offer::default(),
            config_id: 3,
            server: advertised.server.clone(),
            only_igd1: false,
        };
        let engine = EngineHandle::new(Handle::current());
        let events = Events::new(Default::default(), 5000);
        let gateway = Gateway::new(engine.clone(), events, &appearance, 10, Quirks::default()).await;
        let gateway = Arc::new(gateway.unwrap());
        let terms = Terms {
            ipv4: Default::default(),
            ipv6: Default::default(),
            per_second: 10,
        };
        let port_control = PortControl::new(engine.clone(), engine.told(), terms);
        let connections = Connections::new(10, 10);
        Front::new(gateway, connections, Arc::new(advertised), port_control, 7, Mode::Trial)
    }

    async fn only_what_is_served_makes_a_new_boot_id() {
        let mut front = front().await;
        let own = LanAddress {
            address: "127.0.0.1".parse().unwrap(),
            network: "127.0.0.0/8".parse().unwrap(),
        };
        let mut lan = Lan {
            interface: "lo".to_owned(),
            index: 1,
            addresses: vec![own],
            own: vec![own.address],
        };
        front.update(&[lan.clone()]).await.unwrap();
        lan.own.push("fd77::aaaa".parse().unwrap());
        front.update(&[lan.clone()]).await.unwrap();
        assert_eq!(*front.boot_id.borrow(), 7);
        lan.addresses[0].network = "127.0.0.0/16".parse().unwrap();
        front.update(&[lan]).await.unwrap();
        assert_eq!(*front.boot_id.borrow(), 8);
        front.stop().await;
    }

    #[test]
    fn a_temporary_address_is_announced_to_nobody() {
        alone(
            "a_temporary_address_is_announced_to_nobody",
            only_what_is_served_makes_a_new_boot_id,
        );
    }
}
