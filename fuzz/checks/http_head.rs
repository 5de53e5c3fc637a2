//! Whatever arrives on a connection is answered with HTTP or with silence, and the connection ends.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portreeve_engine::{Reply, Request};
use portreeve_wire::description::Identity;
use portreeve_wire::uuid::Uuid;
use portreeve_wire::{ErrorCode, Offer, Quirks, Value};
use portreeved::events::Events;
use portreeved::http::{Appearance, Ask, Connections, Gateway, serve};
use portreeved::machine::Door;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// An engine that refuses everything.
pub(crate) struct Refusing;

impl Ask for Refusing {
    async fn ask(&self, request: Request) -> Option<Reply> {
        Some(match request {
            Request::Query { .. } => Reply::Value(Ok(Value::from("x"))),
            _ => Reply::Call(Err(ErrorCode::ActionNotAuthorized.into())),
        })
    }
}

type Served = (Runtime, Arc<Gateway<Refusing>>, Arc<Connections>);

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DOOR: Door = Door {
    link: 1,
    address: LOCAL,
};

fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let identity = Identity {
            uuid: Uuid::from_u128(1),
            friendly_name: "fuzz".to_owned(),
            model_number: "1".to_owned(),
            serial_number: None,
        };
        let appearance = Appearance {
            identity,
            offer: Offer::EVERYTHING,
            config_id: 1,
            server: "x".to_owned(),
            only_igd1: false,
        };
        let gateway = runtime.block_on(Gateway::new(
            Refusing,
            Events::new(Default::default(), 5000),
            &appearance,
            u32::MAX,
            Quirks::default(),
        ));
        let gateway = Arc::new(gateway.expect("a gateway"));
        (runtime, gateway, Connections::new(8, 8))
    })
}

pub(crate) fn check(data: &[u8]) {
    let (runtime, gateway, connections) = served();
    let answer = runtime.block_on(async {
        let (mut near, far) = tokio::io::duplex(1 << 20);
        let place = connections.try_admit(LOCAL).expect("the last connection has ended");
        let serving = tokio::spawn(serve(far, Arc::clone(gateway), place, DOOR));
        // More than fits is never looked at.
        near.write_all(&data[..data.len().min(1 << 19)])
            .await
            .expect("the pipe is open");
        near.shutdown().await.expect("the pipe is open");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), near.read_to_end(&mut answer)).await;
        read.expect("the connection ends").expect("a pipe does not break");
        serving.await.expect("serving does not panic");
        answer
    });
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1."),
        "{}",
        answer.escape_ascii()
    );
}
