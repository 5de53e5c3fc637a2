//! The daemon's end of the control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::Path;
use std::sync::Arc;

use portreeve_engine::{Entries, EntryKey, Protocol, Reply, Request, Status, Time};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, info};

use super::link::{self, Link};
use super::protocol::{Command, Response, Selection, show, show_pinhole};
use crate::exit::{self, Failure};
use crate::http::Ask;

/// Longest command.
const LINE: u64 = 64 * 1024;
/// Who may use the socket: the daemon's user and group.
const MODE: u32 = 0o660;

/// What the control socket needs of the daemon besides the engine.
pub trait Office: Ask {
    /// What of the status is not the engine's: an object.
    fn facts(&self) -> Value;

    /// Reads the configuration again; tells what changed, or why nothing did.
    fn reload(&self) -> impl Future<Output = Result<Value, String>> + Send;

    /// Ends the daemon, with its mappings or without.
    fn stop(&self, flush: bool);

    /// The present, on the clock of leases.
    fn now(&self) -> Time;
}

/// Opens the socket. One that a dead daemon left behind is replaced; a living one is not.
pub fn open(path: &Path) -> Result<UnixListener, Failure> {
    let failed =
        |error: io::Error| Failure::system(format!("cannot open the control socket {}", path.display()), &error);
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(directory)
            .map_err(failed)?;
    }
    match BlockingStream::connect(path) {
        Ok(_) => {
            let message = format!(
                "another portreeved answers on {}; stop it with `portreeved stop`, or give this one its own `--state-dir`",
                path.display()
            );
            return Err(Failure::new(exit::Status::Unavailable, message));
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE)).map_err(failed)?;
    Ok(listener)
}

/// Answers commands for ever.
pub async fn serve<O: Office>(listener: UnixListener, office: Arc<O>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let office = Arc::clone(&office);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &*office).await {
                        debug!(%error, "a control connection broke");
                    }
                });
            }
            Err(error) => {
                debug!(%error, "a control connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse<O: Office>(mut stream: UnixStream, office: &O) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader.take(LINE));
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 0 {
        let response = match serde_json::from_str(&line) {
            Ok(command) => match carry_out(command, office).await {
                Ok(value) => Response::Ok(value),
                Err(error) => Response::Error(error),
            },
            Err(error) => Response::Error(format!("not a command: {error}")),
        };
        let mut text = serde_json::to_string(&response)?;
        text.push('\n');
        writer.write_all(text.as_bytes()).await?;
        line.clear();
        reader.get_mut().set_limit(LINE);
    }
    Ok(())
}

async fn carry_out<O: Office>(command: Command, office: &O) -> Result<Value, String> {
    match command {
        Command::Status => status(office).await,
        Command::Mappings => Ok(show_all(&entries(office).await?, office.now())),
        Command::Clients => Ok(clients(&entries(office).await?)),
        Command::Revoke { which } => revoke(office, &which).await,
        Command::Link { what } => link(office, what).await,
        Command::Reload => office.reload().await,
        Command::Stop { flush } => {
            info!(flush, "stopping, as asked on the control socket");
            office.stop(flush);
            Ok(json!({}))
        }
    }
}

async fn status<O: Office>(office: &O) -> Result<Value, String> {
    let status = engine_status(office).await?;
    let mut facts = office.facts();
    let mut link = link::show(&status);
    for part in ["connection", "link"] {
        facts[part] = link[part].take();
    }
    facts["mappings"] = json!({"count": status.mappings, "capacity": status.capacity});
    facts["pinholes"] = json!({"count": status.pinholes, "capacity": status.pinhole_capacity});
    facts["system-update-id"] = json!(status.system_update_id);
    Ok(facts)
}

/// Everything that is open, of either kind.
async fn entries<O: Office>(office: &O) -> Result<Entries, String> {
    let Reply::Mappings(mappings) = office.ask(Request::Mappings).await.ok_or(STOPPING)? else {
        return Err(UNEXPECTED.to_owned());
    };
    let Reply::Pinholes(pinholes) = office.ask(Request::Pinholes).await.ok_or(STOPPING)? else {
        return Err(UNEXPECTED.to_owned());
    };
    Ok(Entries { mappings, pinholes })
}

async fn link<O: Office>(office: &O, what: Link) -> Result<Value, String> {
    if let Some(request) = what.request() {
        match office.ask(Request::Link(request)).await.ok_or(STOPPING)? {
            Reply::Link(asked) => asked.map_err(|fault| link::refusal(&fault))?,
            _ => return Err(UNEXPECTED.to_owned()),
        }
    }
    let status = engine_status(office).await?;
    Ok(link::show(&status))
}

async fn engine_status<O: Office>(office: &O) -> Result<Box<Status>, String> {
    match office.ask(Request::Status).await.ok_or(STOPPING)? {
        Reply::Status(status) => Ok(status),
        _ => Err(UNEXPECTED.to_owned()),
    }
}

fn show_all(entries: &Entries, now: Time) -> Value {
    let mappings = entries.mappings.iter().map(|mapping| show(mapping, now));
    let pinholes = entries.pinholes.iter().map(|pinhole| show_pinhole(pinhole, now));
    mappings.chain(pinholes).collect()
}

/// What leads to one LAN host.
#[derive(Default)]
struct Counts {
    tcp: usize,
    udp: usize,
    pinholes: usize,
    /// By which protocols it was made.
    origins: BTreeSet<&'static str>,
}

fn clients(entries: &Entries) -> Value {
    let mut counts: BTreeMap<IpAddr, Counts> = BTreeMap::new();
    for mapping in &entries.mappings {
        let of_client = counts.entry(mapping.internal_client.into()).or_default();
        match mapping.key.protocol {
            Protocol::Tcp => of_client.tcp += 1,
            Protocol::Udp => of_client.udp += 1,
        }
        of_client.origins.insert(mapping.origin.name());
    }
    for pinhole in &entries.pinholes {
        let of_client = counts.entry(pinhole.key.internal_client.into()).or_default();
        of_client.pinholes += 1;
        of_client.origins.insert(pinhole.origin.name());
    }
    let show = |(client, counts): (IpAddr, Counts)| {
        json!({
            "client": client,
            "mappings": counts.tcp + counts.udp,
            "tcp": counts.tcp,
            "udp": counts.udp,
            "pinholes": counts.pinholes,
            "origins": counts.origins,
        })
    };
    counts.into_iter().map(show).collect()
}

async fn revoke<O: Office>(office: &O, selection: &Selection) -> Result<Value, String> {
    let Entries { mappings, pinholes } = entries(office).await?;
    let mappings = mappings.iter().filter(|mapping| selection.has_mapping(mapping));
    let pinholes = pinholes.iter().filter(|pinhole| selection.has_pinhole(pinhole));
    let keys: Vec<EntryKey> = mappings
        .map(|mapping| EntryKey::Mapping(mapping.key))
        .chain(pinholes.map(|pinhole| EntryKey::Pinhole(pinhole.key)))
        .collect();
    if keys.is_empty() && *selection != Selection::All {
        let what = match selection {
            Selection::Pinhole(_) => "pinhole",
            Selection::Port { .. } | Selection::Client(_) | Selection::All => "mapping",
        };
        return Err(format!("there is no such {what}; see `portreeved mappings`"));
    }
    match office.ask(Request::Revoke(keys)).await.ok_or(STOPPING)? {
        Reply::Revoked(Ok(removed)) => Ok(show_all(&removed, office.now())),
        Reply::Revoked(Err(fault)) => Err(fault.to_string()),
        _ => Err(UNEXPECTED.to_owned()),
    }
}

const STOPPING: &str = "the daemon is stopping";
const UNEXPECTED: &str = "the engine answered something else; this is a mistake in portreeved";
