//! What the administrator's commands reach.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use portreeve_engine::{Reply, Request, Time};
use portreeve_wire::uuid::Uuid;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tracing::{error, info, warn};

use crate::config::{Effect, Own, Settings, Source, changes, engine_config};
use crate::control::Office;
use crate::events::Events;
use crate::http::{Ask, Connections, Gateway};
use crate::machine::{Carrier, Findings, Lan};
use crate::port_control::{PortControl, Spoken, Terms};
use crate::runtime::{AtStop, EngineHandle, clock};
use crate::ssdp::Advertised;
use crate::upstream::Sight;

/// The parts of the running daemon that commands look at and change.
pub(super) struct Desk {
    pub(super) engine: EngineHandle,
    pub(super) gateway: Arc<Gateway<EngineHandle>>,
    pub(super) events: Arc<Events>,
    pub(super) connections: Arc<Connections>,
    pub(super) advertised: Arc<Advertised>,
    pub(super) port_control: Arc<PortControl<EngineHandle>>,
    pub(super) source: Source,
    pub(super) settings: RwLock<Arc<Settings>>,
    pub(super) own: RwLock<Own>,
    pub(super) lans: RwLock<Vec<Lan>>,
    pub(super) reloading: Mutex<()>,
    pub(super) findings: Findings,
    pub(super) uuid: Uuid,
    pub(super) started: Instant,
    pub(super) stop: mpsc::UnboundedSender<AtStop>,
    /// Asks for another report of the link.
    pub(super) relink: Notify,
    /// The gateway in front of this one.
    pub(super) upstream: watch::Receiver<Sight>,
}

impl Desk {
    /// The settings in use.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands the engine the settings in use.
    pub(super) async fn reconfigure(&self) -> Result<(), String> {
        self.hand_over(&self.settings()).await
    }

    /// Reloads at a signal, which has nobody to answer to but the log.
    pub(super) async fn reload_and_log(&self) {
        match self.reload().await {
            Ok(changes) => info!(%changes, "configuration read again"),
            Err(reason) => error!("the configuration stays as it was: {reason}"),
        }
    }

    async fn hand_over(&self, settings: &Settings) -> Result<(), String> {
        let config = {
            let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
            engine_config(settings, &own)
        };
        match self.ask(Request::Reconfigure(Box::new(config))).await {
            Some(Reply::Reconfigured(Ok(()))) => Ok(()),
            Some(Reply::Reconfigured(Err(fault))) => Err(fault.to_string()),
            Some(_) | None => Err("the daemon is stopping".to_owned()),
        }
    }
}

impl Ask for Desk {
    async fn ask(&self, request: Request) -> Option<Reply> {
        Ask::ask(&self.engine, request).await
    }
}

impl Office for Desk {
    fn facts(&self) -> Value {
        let lans = self.lans.read().unwrap_or_else(PoisonError::into_inner);
        let show = |lan: &Lan| {
            let of_address = |own: &crate::machine::LanAddress| {
                json!({
                    "interface": lan.interface,
                    "address": own.address,
                    "network": own.network.to_string(),
                })
            };
            lan.addresses.iter().map(of_address).collect::<Vec<_>>()
        };
        let Terms { ipv4, ipv6, .. } = self.port_control.terms();
        let spoken = |spoken: Spoken| json!({"nat-pmp": spoken.nat_pmp, "pcp": spoken.pcp});
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime-seconds": self.started.elapsed().as_secs(),
            "mode": if super::is_trial(&self.findings) { "trial" } else { "gateway" },
            "backend": if self.findings.carrier == Carrier::Nftables { "nftables" } else { "relay" },
            "wan": self.findings.wan,
            "lan": lans.iter().flat_map(show).collect::<Vec<_>>(),
            "http-port": self.advertised.http_port,
            "uuid": self.uuid.to_string(),
            "http-connections": self.connections.count(),
            "subscriptions": self.events.count(),
            "port-control": {
                "ipv4": spoken(ipv4),
                "ipv6": spoken(ipv6),
                "epoch": self.port_control.told().epoch.seconds(clock::now()),
            },
            "upstream": match &*self.upstream.borrow() {
                Sight::There(seen) => json!({
                    "gateway": seen.address,
                    "name": seen.name,
                    "protocol": seen.carrier.map(|carrier| carrier.to_string()),
                    "external-address": seen.external_address,
                }),
                Sight::Absent | Sight::Awaited => Value::Null,
            },
        })
    }

    async fn reload(&self) -> Result<Value, String> {
        let _one_at_a_time = self.reloading.lock().await;
        let new = self.source.load().map_err(|problems| problems.to_string())?;
        let old = self.settings();
        let changes = changes(&old, &new);
        let keys = |effect| {
            let wanted = changes.iter().filter(move |changed| changed.effect == effect);
            wanted.map(|changed| changed.key.clone()).collect::<Vec<_>>()
        };
        self.hand_over(&new).await?;
        self.events.set_limits(new.limits.events);
        self.gateway.set(new.limits.requests_per_second_per_client, new.quirks);
        let terms = Terms::of(&new, &self.own.read().unwrap_or_else(PoisonError::into_inner));
        self.port_control.set_terms(terms);
        *self.advertised.quirks.write().unwrap_or_else(PoisonError::into_inner) = new.quirks;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.relink.notify_one();
        let restart = keys(Effect::Restart);
        if !restart.is_empty() {
            warn!(keys = restart.join(", "), "changes that need a restart");
        }
        Ok(json!({"changed": keys(Effect::Live), "needs-restart": restart}))
    }

    fn stop(&self, flush: bool) {
        let what = if flush { AtStop::Flush } else { AtStop::Keep };
        // Nobody listens any more if the daemon is ending already.
        let _ = self.stop.send(what);
    }

    fn now(&self) -> Time {
        clock::now()
    }
}
