//! Mapping on gateways that behave as routers in the field do: what comes of it, and what was sent for it. The rows (R40,
//! R41, ...) are those of the list of quirks in `portreeve_testkit::scripted`.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod leases;
mod others;
mod ports;
mod reading;
mod refusals;
mod silence;
mod status;
mod wire;
mod without_async;

use portreeve::{Error, Gateway, Mapping, Note, Protocol, Refusal, discover};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{IgdVersion, Misbehaviour, PortMapping, ScriptedGatewayBuilder};

/// A gateway of version 1, as most are.
fn version_1() -> ScriptedGatewayBuilder {
    ScriptedGateway::builder().igd(IgdVersion::V1)
}

fn version_2() -> ScriptedGatewayBuilder {
    ScriptedGateway::builder().igd(IgdVersion::V2)
}

/// A gateway of version 1 that misbehaves so, and how it is seen. What was asked while finding it is forgotten.
async fn with(misbehaviour: Misbehaviour) -> (ScriptedGateway, Gateway) {
    started(version_1().misbehave(misbehaviour)).await
}

async fn started(builder: ScriptedGatewayBuilder) -> (ScriptedGateway, Gateway) {
    let scripted = builder.start_on_loopback();
    let found = discover().gateway(scripted.address()).without_cache().await;
    scripted.forget_requests();
    (scripted, found.unwrap())
}

/// Maps TCP port 8080 to itself or another.
async fn map(gateway: &Gateway) -> Result<Mapping, Error> {
    gateway.map(Protocol::Tcp, 8080).once().await
}

/// What an argument was in each call of an action.
fn sent(scripted: &ScriptedGateway, action: &str, argument: &str) -> Vec<String> {
    let calls = scripted.calls(action);
    calls
        .iter()
        .map(|call| call.argument(argument).unwrap_or("missing").to_owned())
        .collect()
}

/// The ports and leases of AddPortMapping.
fn added(scripted: &ScriptedGateway) -> Vec<(String, String)> {
    let ports = sent(scripted, "AddPortMapping", "NewExternalPort");
    ports
        .into_iter()
        .zip(sent(scripted, "AddPortMapping", "NewLeaseDuration"))
        .collect()
}

/// The only mapping of a gateway.
fn only(scripted: &ScriptedGateway) -> PortMapping {
    let mut mappings = scripted.mappings();
    assert_eq!(mappings.len(), 1, "{mappings:?}");
    mappings.remove(0)
}

/// The code of a refusal of one port or of all.
fn code(result: &Result<Mapping, Error>) -> Option<u16> {
    match result {
        Err(Error::Refused(Refusal { code, .. })) => Some(*code),
        Err(Error::PortsRefused(refused)) => Some(refused.last.code),
        _ => None,
    }
}

fn has_note(mapping: &Mapping, code: &str) -> bool {
    mapping.notes().iter().any(|note| note.code() == code)
}

/// Notes are sentences for people.
fn words(notes: &[Note]) -> String {
    notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
