//! Finding gateways that behave as routers in the field do. The rows (R1, R2, ...) are those of the list of quirks in
//! `portreeve_testkit::scripted`.

mod announced;
mod hostile;
mod lab;
mod quirks;

use std::future::{Future, IntoFuture};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use portreeve::{Conversation, Discovery, Error, Gateway, NoGateway, discover};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Misbehaviour, ScriptedGatewayBuilder};

/// A search for a gateway on loopback, where others run at the same time.
fn search(gateway: &ScriptedGateway) -> Discovery {
    discover().gateway(gateway.address()).without_cache()
}

/// Runs to the end on this thread, whatever its network namespace.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(work)
}

/// The gateway that starts so on loopback, found.
fn found(builder: ScriptedGatewayBuilder) -> Gateway {
    let scripted = builder.start_on_loopback();
    let gateway = block_on(search(&scripted).into_future()).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(gateway.address(), IpAddr::V4(scripted.address()));
    gateway
}

/// A gateway with this misbehaviour is found, and its address is known.
#[track_caller]
fn assert_found(misbehaviour: Misbehaviour) {
    let shown = format!("{misbehaviour:?}");
    let gateway = found(ScriptedGateway::builder().misbehave(misbehaviour));
    let seen = gateway.connection().expect("it speaks UPnP").status_seen();
    assert_eq!(
        seen.map(|seen| seen.external_address.as_str()),
        Some("11.11.11.2"),
        "{shown}"
    );
}

/// A gateway with this misbehaviour is not taken, for this reason, and the search ends in time.
#[track_caller]
fn assert_rejected(misbehaviour: Misbehaviour) -> Conversation {
    let shown = format!("{misbehaviour:?}");
    let scripted = ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();
    let start = Instant::now();
    let result = block_on(search(&scripted).into_future());
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{shown} took {:?}",
        start.elapsed()
    );
    let Err(Error::NoGateway(NoGateway { rejected, .. })) = result else {
        panic!("{shown}: {result:?}")
    };
    let [rejected] = &rejected[..] else {
        panic!("{shown}: {rejected:?}")
    };
    rejected.why.clone()
}
