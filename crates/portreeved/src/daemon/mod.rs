//! The daemon as a whole: from the settings to everything that serves, and back down.

mod carrier;
mod desk;
mod front;
mod hint;
mod probe;

use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use portreeve_engine::policy::Network;
use portreeve_netlink::route::Snapshot;
use portreeve_store::EmbeddedStore;
use portreeve_wire::Offer;
use portreeve_wire::description::Description;
use portreeve_wire::http::server;
use portreeve_wire::view::View;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{debug, error, info, warn};

use self::carrier::Opened;
use self::desk::Desk;
use self::front::Front;
use crate::args::{Choices, Run};
use crate::config::{IgdVersion, Own, OwnLink, Settings, engine_config, offer};
use crate::events::Events;
use crate::exit::{Failure, Status};
use crate::http::{Appearance, Ask, Connections, Gateway};
use crate::identity::{self, Known};
use crate::machine::{self, Findings, Lan, Mode, Privilege, link_report};
use crate::paths::{Paths, Surroundings};
use crate::port_control::{AskTogether, PortControl, Terms};
use crate::runtime::clock::SystemClock;
use crate::runtime::{AtStop, EngineHandle, ReplyTo, Setup, Started};
use crate::ssdp::Advertised;
use crate::{control, link, notify, upstream};

pub use carrier::{ruleset, uninstall};

/// How long the engine may take to end.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often connections are looked over.
const SWEEP: Duration = Duration::from_millis(500);

/// Serves until somebody asks for the end.
pub async fn run(options: Run) -> Result<(), Failure> {
    let source = options.choices.source();
    let settings = load(&options.choices)?;
    raise_descriptor_limit();
    let network = machine::watch()?;
    let snapshot = network.borrow().clone();
    let findings = machine::survey(&settings, &snapshot, Privilege::own())?;
    findings.story.iter().for_each(|line| info!("{line}"));
    link::permitted(&settings, Privilege::own())?;

    let paths = Paths::of(&settings, options.choices.state_dir.as_deref(), &Surroundings::own());
    let control = control::open(&paths.socket)?;
    let _socket_file = SocketFile(paths.socket.clone());
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut store = EmbeddedStore::open(&paths.leases(), boot.trim())?;
    let known = identity::recall(&settings, &mut store)?;

    let lans = Lan::present(&findings.lans, &snapshot);
    for absent in findings
        .lans
        .iter()
        .filter(|name| !lans.iter().any(|lan| lan.interface == **name))
    {
        warn!("{absent} has no address yet; it is served as soon as it has one");
    }
    let events = Events::new(settings.limits.events, settings.gateway.http_port);
    events.set_lans(&lans);
    let engine = EngineHandle::new(Handle::current());
    let Opened {
        backend,
        findings,
        pinholes,
    } = carrier::open(&settings, findings, &lans, &engine)?;
    let own = Own {
        lans: networks(&lans),
        addresses: addresses(&lans),
        connection_device: known.connection_device.clone(),
        offer: offer(&settings),
        pinholes,
        link: OwnLink::from(&settings.link),
    };
    let (link_commands, commands) = mpsc::unbounded_channel();
    let (upstream_commands, upstream_wanted) = mpsc::unbounded_channel();
    let upstream_settings = upstream::settings(&settings.upstream, findings.mode);
    let sight = upstream::first_sight(&upstream_settings, findings.wan.as_deref(), &snapshot);
    let upstream_sight = watch::Sender::new(sight.clone());
    let setup = Setup {
        clock: Box::new(SystemClock),
        config: engine_config(&settings, &own),
        link: link_report(
            findings.wan.as_deref(),
            findings.mode,
            settings.network.external_ip,
            &snapshot,
        ),
        backend,
        store: Box::new(store),
        probe: Box::new(probe::Machine::new(&findings, network.clone())),
        announce: {
            let events = Arc::clone(&events);
            Box::new(move |changes| events.announce(changes))
        },
        upstream: sight,
        link_commands,
        upstream_commands,
    };
    let started = engine.start(setup)?;
    let Started {
        kept,
        pinholes,
        expired,
        reconciled,
    } = started;
    let in_force = reconciled.kept;
    info!(
        kept,
        pinholes,
        expired,
        in_force,
        added = reconciled.added,
        removed = reconciled.removed,
        "mappings and pinholes of an earlier run"
    );

    let gateway = gateway(&settings, &known, own.offer, engine.clone(), Arc::clone(&events)).await?;
    let connections = Connections::new(settings.limits.connections, settings.limits.connections_per_client);
    let advertised = Arc::new(advertised(&settings, &known, own.offer));
    let port_control = PortControl::new(engine.clone(), engine.told(), Terms::of(&settings, &own));
    let mut front = Front::new(
        Arc::clone(&gateway),
        Arc::clone(&connections),
        Arc::clone(&advertised),
        Arc::clone(&port_control),
        known.boot_id,
        findings.mode,
    );
    front.update(&lans).await?;
    gateway.set_lans(&own.lans);

    let (stop, mut stopped) = mpsc::unbounded_channel();
    let desk = Arc::new(Desk {
        engine: engine.clone(),
        gateway,
        events: Arc::clone(&events),
        connections: Arc::clone(&connections),
        advertised,
        port_control,
        source,
        settings: RwLock::new(Arc::new(settings)),
        own: RwLock::new(own),
        lans: RwLock::new(lans),
        reloading: tokio::sync::Mutex::default(),
        findings,
        uuid: known.identity.uuid,
        started: Instant::now(),
        stop,
        relink: tokio::sync::Notify::new(),
        upstream: upstream_sight.subscribe(),
    });
    tokio::spawn(control::serve(control, Arc::clone(&desk)));
    tokio::spawn(sweep(connections));
    tokio::spawn(events.run());
    tokio::spawn(watchdog(engine.clone()));
    notify::ready();
    hint::give(&desk, &options);

    let wires = link::Wires {
        commands,
        report: {
            let engine = engine.clone();
            move |said| {
                if engine.report_link_driver(said).is_err() {
                    debug!("the engine has ended");
                }
            }
        },
    };
    let driver = link::start(
        &desk.settings().link,
        desk.findings.wan.as_deref(),
        network.clone(),
        wires,
    );
    let upstream = upstream::start(
        &upstream_settings,
        desk.findings.wan.as_deref(),
        network.clone(),
        upstream::Wires {
            commands: upstream_wanted,
            report: {
                let engine = engine.clone();
                move |report| {
                    if engine.report_upstream(report).is_err() {
                        debug!("the engine has ended");
                    }
                }
            },
            sight: upstream_sight,
        },
    );
    let what = serve(&desk, &mut front, network, &mut stopped).await?;
    notify::stopping();
    info!("taking leave");
    front.stop().await;
    if tokio::time::timeout(FAREWELL, engine.stop(what)).await.is_err() {
        error!("the engine does not end; leases end by themselves");
    }
    if let Some(driver) = driver
        && tokio::time::timeout(link::FAREWELL, driver).await.is_err()
    {
        error!("a hook of the link does not end");
    }
    if let Some(upstream) = upstream
        && tokio::time::timeout(upstream::FAREWELL, upstream).await.is_err()
    {
        error!("what was to be closed upstream may not be; its lease ends by itself");
    }
    Ok(())
}

/// Reads the settings, or tells everything that is wrong with them.
pub fn load(choices: &Choices) -> Result<Settings, Failure> {
    let loaded = choices.source().load();
    loaded.map_err(|problems| Failure::new(Status::Configuration, problems.to_string()))
}

/// Follows signals, commands and the network until one of them means the end.
async fn serve(
    desk: &Arc<Desk>,
    front: &mut Front,
    mut network: watch::Receiver<Snapshot>,
    stopped: &mut mpsc::UnboundedReceiver<AtStop>,
) -> Result<AtStop, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::system("cannot listen to signals", &error));
    let mut terminate: Signal = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let mut upstream = desk.upstream.clone();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(AtStop::Keep),
            _ = interrupt.recv() => return Ok(AtStop::Keep),
            Some(what) = stopped.recv() => return Ok(what),
            _ = hangup.recv() => {
                let desk = Arc::clone(desk);
                tokio::spawn(async move { desk.reload_and_log().await });
            }
            changed = network.changed() => {
                let snapshot = network.borrow_and_update().clone();
                if changed.is_err() {
                    // The thread that follows the network ends only with the process.
                    std::future::pending::<()>().await;
                }
                follow(desk, front, &snapshot).await;
            }
            Ok(()) = upstream.changed() => {
                let snapshot = network.borrow().clone();
                report_link(desk, &snapshot);
            }
            () = desk.relink.notified() => {
                let snapshot = network.borrow().clone();
                report_link(desk, &snapshot);
            }
        }
    }
}

/// Brings everything in line with the network as it is now.
async fn follow(desk: &Desk, front: &mut Front, snapshot: &Snapshot) {
    report_link(desk, snapshot);
    let lans = Lan::present(&desk.findings.lans, snapshot);
    if *desk.lans.read().unwrap_or_else(PoisonError::into_inner) == lans {
        return;
    }
    info!("the addresses of the LAN changed");
    if let Err(failure) = front.update(&lans).await {
        warn!(%failure, "an address of the LAN is not served");
    }
    let networks = networks(&lans);
    desk.gateway.set_lans(&networks);
    desk.events.set_lans(&lans);
    {
        let mut own = desk.own.write().unwrap_or_else(PoisonError::into_inner);
        own.addresses = addresses(&lans);
        own.lans = networks;
    }
    *desk.lans.write().unwrap_or_else(PoisonError::into_inner) = lans;
    if let Err(reason) = desk.reconfigure().await {
        warn!(reason, "the engine did not take the new addresses of the LAN");
    }
}

fn report_link(desk: &Desk, snapshot: &Snapshot) {
    let Findings { wan, mode, .. } = &desk.findings;
    let external = desk.settings().network.external_ip;
    let report = link_report(wan.as_deref(), *mode, external, snapshot);
    let told_before = desk.engine.told().borrow().external_address;
    let report = upstream::with_outermost_address(report, &desk.upstream.borrow(), told_before);
    if desk.engine.report_link(report).is_err() {
        debug!("the engine has ended");
    }
}

async fn gateway(
    settings: &Settings,
    known: &Known,
    offer: Offer,
    engine: EngineHandle,
    events: Arc<Events>,
) -> Result<Arc<Gateway<EngineHandle>>, Failure> {
    let appearance = Appearance {
        identity: known.identity.clone(),
        offer,
        config_id: Appearance::config_id(&known.identity, offer),
        server: server_name(),
        only_igd1: settings.gateway.igd_version == IgdVersion::One,
    };
    let per_second = settings.limits.requests_per_second_per_client;
    Ok(Arc::new(
        Gateway::new(engine, events, &appearance, per_second, settings.quirks).await?,
    ))
}

fn advertised(settings: &Settings, known: &Known, offer: Offer) -> Advertised {
    let view = match settings.gateway.igd_version {
        IgdVersion::One => View::Igd1,
        IgdVersion::Two => View::Igd2,
    };
    let config_id = Appearance::config_id(&known.identity, offer);
    Advertised {
        root: Description::of(&known.identity, offer, view, config_id).device,
        view,
        server: server_name(),
        config_id,
        http_port: settings.gateway.http_port,
        quirks: RwLock::new(settings.quirks),
    }
}

fn server_name() -> String {
    let system = nix::sys::utsname::uname().ok();
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let name = text(system.as_ref().map(|system| system.sysname()));
    let release = text(system.as_ref().map(|system| system.release()));
    // Which build of the kernel it is concerns nobody on the LAN.
    let release = release.split('-').next().unwrap_or_default();
    server(&name, release, env!("CARGO_PKG_VERSION"))
}

/// Every address of ours on the LANs, those at which nothing is served too: nobody may have them led to or told.
fn addresses(lans: &[Lan]) -> Vec<IpAddr> {
    lans.iter().flat_map(|lan| &lan.own).copied().collect()
}

/// The networks of the clients. Link-local ones name no host without an interface, and nothing leads to such an address.
fn networks(lans: &[Lan]) -> Vec<Network> {
    let addresses = lans.iter().flat_map(|lan| &lan.addresses);
    addresses
        .filter(|own| !own.is_link_local())
        .map(|own| own.network)
        .collect()
}

/// Every connection, relayed ones too, is a descriptor, of which the usual limit allows a thousand.
fn raise_descriptor_limit() {
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        debug!(%error, "the limit of open files stays as it is");
    }
}

async fn sweep(connections: Arc<Connections>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        connections.sweep();
    }
}

fn watchdog(engine: EngineHandle) -> impl Future<Output = ()> {
    notify::keep_alive(move || {
        let engine = engine.clone();
        async move { Ask::ask(&engine, portreeve_engine::Request::Status).await.is_some() }
    })
}

impl Ask for EngineHandle {
    async fn ask(&self, request: portreeve_engine::Request) -> Option<portreeve_engine::Reply> {
        Self::ask(self, request).await.ok()
    }
}

impl AskTogether for EngineHandle {
    fn ask_together(&self, requests: Vec<(portreeve_engine::Request, ReplyTo)>) {
        if Self::ask_together(self, requests).is_err() {
            debug!("the engine has ended");
        }
    }
}

/// The name of the control socket in the file system, which is removed with the daemon.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Left behind, it does no harm: the next daemon replaces what nobody answers on.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Whether anybody but this machine can use the gateway.
fn is_trial(findings: &Findings) -> bool {
    findings.mode == Mode::Trial
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::LanAddress;

    #[test]
    fn an_address_at_which_nothing_is_served_is_kept_from_clients_too() {
        let temporary = "fd77::aaaa".parse().unwrap();
        let served = LanAddress {
            address: "fd77::1".parse().unwrap(),
            network: "fd77::/64".parse().unwrap(),
        };
        let lan = Lan {
            interface: "lan0".to_owned(),
            index: 3,
            addresses: vec![served],
            own: vec![served.address, temporary],
        };
        assert_eq!(addresses(&[lan]), [served.address, temporary]);
    }
}
