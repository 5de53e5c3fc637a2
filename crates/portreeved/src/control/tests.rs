//! Both ends of the control socket.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use portreeve_engine::link::ConnectionStatus;
use portreeve_engine::{
    Entries, EntryKey, Expiry, Key, LinkRequest, Mapping, Origin, Pinhole, PinholeKey, Protocol, RemoteHost, Reply,
    Request, Time, UniqueId,
};
use portreeve_testkit::TempDir;
use portreeve_wire::{ErrorCode, Fault};
use serde_json::{Value, json};

use super::*;
use crate::args::Reach;
use crate::control::protocol::{Selection, Transport};
use crate::http::Ask;

/// A daemon with two mappings and a pinhole.
#[derive(Default)]
struct Desk {
    revoked: Mutex<Vec<EntryKey>>,
    stopped: Mutex<Option<bool>>,
    link: Mutex<Vec<LinkRequest>>,
}

fn mapping(port: u16, client: [u8; 4]) -> Arc<Mapping> {
    let port = NonZeroU16::new(port).unwrap();
    Arc::new(Mapping {
        key: Key {
            external_port: port,
            protocol: Protocol::Tcp,
            remote_host: RemoteHost::Any,
        },
        internal_client: Ipv4Addr::from(client),
        internal_port: port,
        enabled: true,
        description: "test".into(),
        expiry: Expiry::At(Time::from_millis(61_000)),
        origin: Origin::Upnp(Ipv4Addr::from(client).into()),
    })
}

fn pinhole() -> Arc<Pinhole> {
    let internal_client = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x10);
    Arc::new(Pinhole {
        key: PinholeKey {
            internal_client,
            internal_port: NonZeroU16::new(8080).unwrap(),
            transport: portreeve_engine::Transport::Sctp,
            remote_host: None,
            remote_port: None,
        },
        id: UniqueId(7),
        expiry: Time::from_millis(61_000),
        origin: Origin::Upnp(internal_client.into()),
    })
}

impl Ask for Desk {
    async fn ask(&self, request: Request) -> Option<Reply> {
        let mappings = vec![mapping(8080, [192, 168, 77, 10]), mapping(8081, [192, 168, 77, 11])];
        Some(match request {
            Request::Status => Reply::Status(Box::new(portreeve_engine::Status {
                connection: ConnectionStatus::Connected,
                last_error: Default::default(),
                uptime: 7,
                external_address: "11.11.11.2".to_owned(),
                mappings: 2,
                capacity: 100,
                pinholes: 1,
                pinhole_capacity: 50,
                system_update_id: 5,
                link: Default::default(),
            })),
            Request::Mappings => Reply::Mappings(mappings),
            Request::Pinholes => Reply::Pinholes(vec![pinhole()]),
            Request::Link(request) => {
                self.link.lock().unwrap().push(request);
                Reply::Link(match request {
                    LinkRequest::Connect => Ok(()),
                    LinkRequest::Disconnect | LinkRequest::Terminate => {
                        Err(Fault::because(ErrorCode::ActionNotAuthorized, "nobody may"))
                    }
                })
            }
            Request::Revoke(keys) => {
                let is_meant = |mapping: &Arc<Mapping>| keys.contains(&EntryKey::Mapping(mapping.key));
                let removed = Entries {
                    mappings: mappings.into_iter().filter(is_meant).collect(),
                    pinholes: keys
                        .contains(&EntryKey::Pinhole(pinhole().key))
                        .then(pinhole)
                        .into_iter()
                        .collect(),
                };
                self.revoked.lock().unwrap().extend(keys);
                Reply::Revoked(Ok(removed))
            }
            _ => return None,
        })
    }
}

impl Office for Desk {
    fn facts(&self) -> Value {
        json!({"version": "1"})
    }

    async fn reload(&self) -> Result<Value, String> {
        Err("f.toml:1: wrong".to_owned())
    }

    fn stop(&self, flush: bool) {
        *self.stopped.lock().unwrap() = Some(flush);
    }

    fn now(&self) -> Time {
        Time::from_millis(1000)
    }
}

async fn ask(path: &std::path::Path, lines: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
    stream.write_all(lines.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn each_line_is_answered_with_a_line() {
    let directory = TempDir::new();
    let path = directory.join("run/control.sock");
    let desk = Arc::new(Desk::default());
    tokio::spawn(serve(open(&path).unwrap(), Arc::clone(&desk)));
    let commands = [
        Command::Status,
        Command::Mappings,
        Command::Clients,
        Command::Revoke {
            which: Selection::Port {
                external_port: 8080,
                protocol: Transport::Tcp,
                remote_host: None,
            },
        },
        Command::Revoke {
            which: Selection::Client([192, 168, 77, 99].into()),
        },
        Command::Reload,
        Command::Revoke {
            which: Selection::Pinhole(7),
        },
        Command::Revoke {
            which: Selection::Pinhole(8),
        },
    ];
    let lines: Vec<String> = commands
        .iter()
        .map(|command| serde_json::to_string(command).unwrap())
        .collect();
    let answer = ask(&path, &format!("{}\nnonsense\n", lines.join("\n"))).await;
    let answers: Vec<Value> = answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 9, "{answer}");
    assert_eq!(answers[0]["ok"]["connection"]["external-address"], "11.11.11.2");
    assert_eq!(answers[0]["ok"]["mappings"], json!({"count": 2, "capacity": 100}));
    assert_eq!(
        answers[1]["ok"][0],
        json!({
            "kind": "mapping", "external-port": 8080, "protocol": "TCP", "remote-host": null, "internal-client": "192.168.77.10",
            "internal-port": 8080, "enabled": true, "description": "test", "lease-seconds": 60, "origin": "upnp",
            "requested-by": "192.168.77.10",
        })
    );
    assert_eq!(answers[0]["ok"]["pinholes"], json!({"count": 1, "capacity": 50}));
    let opening = json!({
        "kind": "pinhole", "unique-id": 7, "protocol": "SCTP", "remote-host": null, "remote-port": null,
        "internal-client": "fd77::10", "internal-port": 8080, "lease-seconds": 60, "origin": "upnp", "requested-by": "fd77::10",
    });
    assert_eq!(answers[1]["ok"][2], opening);
    let counts = [
        json!({"client": "192.168.77.11", "mappings": 1, "tcp": 1, "udp": 0, "pinholes": 0, "origins": ["upnp"]}),
        json!({"client": "fd77::10", "mappings": 0, "tcp": 0, "udp": 0, "pinholes": 1, "origins": ["upnp"]}),
    ];
    assert_eq!(answers[2]["ok"].as_array().unwrap()[1..], counts);
    assert_eq!(answers[3]["ok"].as_array().unwrap().len(), 1);
    assert_eq!(desk.revoked.lock().unwrap().len(), 2);
    assert!(answers[4]["error"].as_str().unwrap().contains("no such mapping"));
    assert_eq!(answers[5]["error"], "f.toml:1: wrong");
    assert_eq!(answers[6]["ok"], json!([opening]));
    assert!(answers[7]["error"].as_str().unwrap().contains("no such pinhole"));
    assert!(answers[8]["error"].as_str().unwrap().starts_with("not a command"));
}

#[tokio::test]
async fn the_link_is_told_and_asked_for() {
    let directory = TempDir::new();
    let path = directory.join("control.sock");
    let desk = Arc::new(Desk::default());
    tokio::spawn(serve(open(&path).unwrap(), Arc::clone(&desk)));
    let line = |what: &str| format!("{{\"command\":\"link\",\"what\":\"{what}\"}}\n");
    let lines = ["status", "connect", "disconnect", "terminate"].map(line).concat();
    let answer = ask(&path, &lines).await;
    let answers: Vec<Value> = answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for told in &answers[..2] {
        assert_eq!(told["ok"]["connection"]["status"], "Connected", "{answer}");
        assert_eq!(told["ok"]["link"]["drops"], 0, "{answer}");
    }
    for refused in &answers[2..] {
        assert!(refused["error"].as_str().unwrap().contains("nobody may"), "{answer}");
    }
    let asked = [LinkRequest::Connect, LinkRequest::Disconnect, LinkRequest::Terminate];
    assert_eq!(*desk.link.lock().unwrap(), asked);
}

#[tokio::test]
async fn a_living_daemon_is_not_displaced_and_a_dead_one_is() {
    let directory = TempDir::new();
    let path = directory.join("control.sock");
    let listener = open(&path).unwrap();
    let told = open(&path).unwrap_err().to_string();
    assert!(told.contains("another portreeved answers"), "{told}");
    drop(listener);
    assert!(open(&path).is_ok());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn nobody_there_is_said_in_words() {
    let reach = Reach {
        json: false,
        socket: Some("/nonexistent/control.sock".into()),
        config: None,
        state_dir: None,
    };
    let failure = client::run(&Command::Status, &reach).unwrap_err();
    assert_eq!(failure.status, crate::exit::Status::Unavailable);
    assert_eq!(
        failure.to_string(),
        "no portreeved answers on /nonexistent/control.sock; is it running?"
    );
}
