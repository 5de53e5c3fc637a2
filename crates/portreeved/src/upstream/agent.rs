//! Finds the upstream gateway, and does there what the engine wants as long as it is there.

use std::net::IpAddr;
use std::time::Duration;

use portreeve::{Error, Family, Gateway, Protocol, discover};
use portreeve_engine::upstream::{UpstreamCommand, UpstreamRefusal, UpstreamReport};
use portreeve_netlink::route::Snapshot;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::opening::{News, Openings};
use super::place::Place;
use super::{Seen, Sight, Wires};
use crate::config::UpstreamSettings;

/// How long the first pause between two searches is; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// How long the pauses get.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// How often the upstream gateway is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// How soon it is looked at after something failed, and again as long as it is silent.
const LOOK_SOON: Duration = Duration::from_secs(5);
/// How long it may be silent: a router that restarts is back by then.
const GIVE_UP: Duration = Duration::from_secs(300);

/// The task that speaks for the engine.
pub(super) struct Agent<R> {
    settings: UpstreamSettings,
    wan: String,
    network: watch::Receiver<Snapshot>,
    commands: mpsc::UnboundedReceiver<UpstreamCommand>,
    report: R,
    sight: watch::Sender<Sight>,
    openings: Openings,
    news: mpsc::UnboundedReceiver<News>,
}

/// The lease of a mapping that is only made to learn the external address.
const TRIAL: Duration = Duration::from_secs(120);

/// Why something is over.
enum Over {
    /// The engine has ended.
    Engine,
    /// The network is another one, or the gateway has gone.
    Gateway,
}

/// What a look at the upstream gateway showed.
enum Look {
    /// It is there.
    Same { external_address: Option<IpAddr> },
    /// It is to be asked elsewhere.
    Moved(Box<Gateway>),
    /// It does not answer.
    Silent,
}

impl<R: Fn(UpstreamReport) + Send + Sync> Agent<R> {
    /// An agent that is yet to be started.
    pub(super) fn new(
        settings: UpstreamSettings,
        wan: String,
        network: watch::Receiver<Snapshot>,
        Wires {
            commands,
            report,
            sight,
        }: Wires<R>,
    ) -> Self {
        let (sender, news) = mpsc::unbounded_channel();
        Self {
            settings,
            wan,
            network,
            commands,
            report,
            sight,
            openings: Openings::new(sender),
            news,
        }
    }

    /// Speaks for the engine until that ends.
    pub(super) async fn run(mut self) {
        while let Ok((place, gateway)) = self.find().await {
            let over = self.serve(place, gateway).await;
            self.sight.send_replace(Sight::Absent);
            if let Over::Engine = over {
                break;
            }
            self.openings.close_all();
            (self.report)(UpstreamReport::Gone);
        }
        self.openings.leave().await;
    }

    /// Waits for an upstream gateway.
    async fn find(&mut self) -> Result<(Place, Gateway), Over> {
        let mut pause = FIRST_PAUSE;
        let mut searched = None;
        loop {
            let place = self.place();
            if place != searched {
                (searched, pause) = (place, FIRST_PAUSE);
            }
            let Some(place) = place else {
                self.wait(None).await?;
                continue;
            };
            let gateway = self.search(place);
            tokio::pin!(gateway);
            let found = loop {
                tokio::select! {
                    found = &mut gateway => break found,
                    // What it still wants is of a gateway that has gone.
                    command = self.commands.recv() => if command.is_none() {
                        return Err(Over::Engine);
                    },
                }
            };
            if let Some(gateway) = found {
                return Ok((place, gateway));
            }
            self.sight.send_replace(Sight::Absent);
            if pause == FIRST_PAUSE {
                warn!(
                    own = %place.own,
                    router = %place.router,
                    "no gateway upstream answers by any protocol: mappings reach no further than our WAN address"
                );
            }
            self.wait(Some(Instant::now() + pause)).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until it is time, or something about the network has changed that matters.
    async fn wait(&mut self, until: Option<Instant>) -> Result<(), Over> {
        let before = self.place();
        while self.place() == before {
            tokio::select! {
                command = self.commands.recv() => if command.is_none() {
                    return Err(Over::Engine);
                },
                Ok(()) = self.network.changed() => {}
                () = at(until) => return Ok(()),
            }
        }
        Ok(())
    }

    fn place(&self) -> Option<Place> {
        Place::of(&self.wan, self.settings.used, &self.network.borrow())
    }

    fn search(&self, place: Place) -> impl Future<Output = Option<Gateway>> + Send + 'static {
        let discovery = discover()
            .interface(&self.wan)
            .family(Family::Ipv4)
            .protocol_order(&self.settings.protocol_order)
            .without_cache();
        let snapshot = self.network.borrow().clone();
        let is_upstream = move |gateway: &Gateway| place.is_upstream(gateway.address(), &snapshot);
        async move {
            // It is mostly the first to answer.
            if let Some(gateway) = discovery.clone().await.ok().filter(&is_upstream) {
                return Some(gateway);
            }
            let found = discovery.all().await.unwrap_or_else(|error| {
                debug!(%error, "no gateway upstream");
                Vec::new()
            });
            found.into_iter().find(is_upstream)
        }
    }

    /// Does what the engine wants at this gateway.
    async fn serve(&mut self, place: Place, mut gateway: Gateway) -> Over {
        self.see(&gateway, None);
        info!(
            gateway = %gateway.address(),
            name = gateway.name(),
            "there is a gateway upstream: mappings are made there too"
        );
        if let Look::Same { external_address } = look(&gateway, unused_port()).await {
            self.see(&gateway, external_address);
        }
        (self.report)(UpstreamReport::Found);
        let mut looking: Option<JoinHandle<Look>> = None;
        let mut look_at = Instant::now() + LOOK;
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(UpstreamCommand::Open { ticket, port }) => self.openings.open(&gateway, ticket, port),
                    Some(UpstreamCommand::Close(ticket)) => self.openings.close(ticket),
                    None => return Over::Engine,
                },
                Some(news) = self.news.recv() => match news {
                    News::Report(report) => {
                        if let UpstreamReport::Refused { ticket, why } = &report {
                            self.openings.forget(*ticket);
                            if let UpstreamRefusal::Unavailable(_) = why {
                                look_at = look_at.min(Instant::now() + LOOK_SOON);
                            }
                        }
                        (self.report)(report);
                    }
                    News::ExternalAddress(address) => self.see(&gateway, Some(address)),
                },
                Ok(()) = self.network.changed() => {
                    if self.place() != Some(place) {
                        info!("the WAN is another one: the gateway upstream is looked for again");
                        return Over::Gateway;
                    }
                }
                () = sleep_until(look_at), if looking.is_none() => {
                    let again = self.search(place);
                    let gateway = gateway.clone();
                    looking = Some(tokio::spawn(look_or_search(gateway, again)));
                }
                seen = done(&mut looking) => {
                    looking = None;
                    look_at = Instant::now() + LOOK;
                    match seen {
                        Look::Same { external_address } => self.see(&gateway, external_address),
                        Look::Moved(found) => {
                            gateway = *found;
                            self.see(&gateway, None);
                        }
                        Look::Silent if heard_at.elapsed() > GIVE_UP => {
                            warn!("the gateway upstream has gone: mappings reach no further than our WAN address");
                            return Over::Gateway;
                        }
                        Look::Silent => {
                            look_at = Instant::now() + LOOK_SOON;
                            continue;
                        }
                    }
                    heard_at = Instant::now();
                }
            }
        }
    }

    /// Tells everybody what the gateway is now; of its external address what was seen last, if it does not say.
    fn see(&self, gateway: &Gateway, external_address: Option<IpAddr>) {
        self.sight.send_if_modified(|sight| {
            let before = match sight {
                Sight::There(seen) => seen.external_address,
                Sight::Absent | Sight::Awaited => None,
            };
            let told = external_address.and_then(|address| match address.to_canonical() {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            });
            let now = Sight::There(Seen {
                address: gateway.address(),
                name: gateway.name().to_owned(),
                carrier: gateway.carriers().first().copied(),
                external_address: told.or(before),
            });
            std::mem::replace(sight, now.clone()) != now
        });
    }
}

/// Whether it is there, and its external address. By PCP that is told with a mapping only, which is tried with this port of
/// ours (RFC 6970).
async fn look(gateway: &Gateway, trial: u16) -> Look {
    match gateway.status().await {
        Ok(status) if status.external_address.is_some() => {
            return Look::Same {
                external_address: status.external_address,
            };
        }
        Ok(_) | Err(Error::Unusable(_)) => {}
        Err(error) => {
            debug!(%error, "the gateway upstream does not tell its state");
            return Look::Silent;
        }
    }
    let trial = gateway.map(Protocol::Udp, trial).any().lease(TRIAL).despite_status();
    match trial.once().await {
        Ok(mapping) => {
            let external_address = mapping.external_address();
            if let Err(error) = mapping.remove().await {
                debug!(%error, "a trial is not removed; its lease ends");
            }
            Look::Same { external_address }
        }
        Err(Error::Conversation(error)) => {
            debug!(%error, "the gateway upstream does not answer");
            Look::Silent
        }
        Err(error) => {
            debug!(%error, "the gateway upstream does not tell its address");
            Look::Same { external_address: None }
        }
    }
}

/// A port of those that are nobody's for long (RFC 6335 section 6), and which policies grant. One that is mapped is as good as
/// never met, and is opened again.
fn unused_port() -> u16 {
    const DYNAMIC: u16 = 0xc000;
    // Any of them will do.
    let random = crate::random::bits().unwrap_or_default();
    DYNAMIC | (random as u16)
}

/// The port of a service that throws everything away (RFC 863). That it is refused is an answer too.
const DISCARD: u16 = 9;

async fn look_or_search(gateway: Gateway, search: impl Future<Output = Option<Gateway>>) -> Look {
    match look(&gateway, DISCARD).await {
        Look::Silent => search
            .await
            .map_or(Look::Silent, |gateway| Look::Moved(Box::new(gateway))),
        seen => seen,
    }
}

/// What a look has shown; a look that is not under way never ends.
async fn done(looking: &mut Option<JoinHandle<Look>>) -> Look {
    match looking {
        Some(look) => look.await.unwrap_or(Look::Silent),
        None => std::future::pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
