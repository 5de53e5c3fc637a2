//! Mappings by PCP and NAT-PMP. What is answered is what was granted, so nothing is read back.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::LazyLock;
use std::time::Duration;

use portreeve_wire::pcp::Nonce;

use super::note::{Note, Verification};
use super::plan::{Entry, Made, Purpose};
use super::wanted::{External, Wanted};
use crate::error::{Conversation, Error};
use crate::port_control::{Ask, Carrier, ExternalPort, PortServer};

/// Whether the protocol has words for it: a mapping leads to whoever asks for it, and NAT-PMP lets everybody in.
pub(super) fn can_carry(server: &PortServer, wanted: &Wanted) -> Result<(), Conversation> {
    let carrier = server.carrier();
    let lacks = |what: &str| Err(Conversation::NotOffered(format!("{what} over {carrier}")));
    if server.local().to_canonical() != IpAddr::V4(wanted.internal_client) {
        return lacks("mappings to another host");
    }
    match (carrier, wanted.remote_host) {
        (Carrier::NatPmp, Some(_)) => lacks("mappings for one remote host"),
        _ => Ok(()),
    }
}

/// Makes or renews a mapping.
pub(super) async fn make(server: &PortServer, wanted: &Wanted, purpose: Purpose) -> Result<Made, Error> {
    can_carry(server, wanted)?;
    let ask = ask(wanted, external_port(wanted, purpose));
    let granted = server.map(&ask).await?;
    let malformed = || Conversation::Malformed {
        url: server.server().to_string(),
        expected: "what it has mapped",
        problem: "the external port is 0".to_owned(),
    };
    let external_port = NonZeroU16::new(granted.external_port).ok_or_else(malformed)?;
    let lease = u32::try_from(granted.lease.as_secs()).unwrap_or(u32::MAX);
    Ok(Made {
        carrier: server.carrier(),
        external_port,
        lease: Some(lease),
        sure_for: Some(lease),
        verification: Verification::Proven,
        notes: notes(wanted, external_port, granted.lease),
        external_address: granted.external_address,
    })
}

/// Deletes a mapping of ours; one that is gone already is deleted.
pub(super) async fn remove(server: &PortServer, wanted: &Wanted, entry: &Entry) -> Result<(), Error> {
    server
        .unmap(&ask(wanted, ExternalPort::Rather(entry.external_port)))
        .await
}

fn ask(wanted: &Wanted, external_port: ExternalPort) -> Ask {
    Ask {
        transport: wanted.protocol.into(),
        internal_port: wanted.internal_port.get(),
        external_port,
        external_address: None,
        lease: Duration::from_secs(wanted.lease.get().into()),
        nonce: nonce(wanted),
        remote: wanted.remote_host.map(|host| (host.into(), 0)),
        description: wanted.description.as_str().to_owned(),
    }
}

fn external_port(wanted: &Wanted, purpose: Purpose) -> ExternalPort {
    match (wanted.external, purpose) {
        (External::Exact(_), Purpose::Renewal(port) | Purpose::Restoration(port)) | (External::Exact(port), _) => {
            ExternalPort::Only(port)
        }
        (_, Purpose::Renewal(port) | Purpose::Restoration(port)) | (External::Preferred(port), _) => {
            ExternalPort::Rather(port)
        }
        (External::Any, Purpose::New) => ExternalPort::Any,
    }
}

/// By what the server knows the mapping as ours. There is one mapping for a port of ours, whoever asks for it how often,
/// so the same follows from the same port; and nobody can guess it who has not our secret.
fn nonce(wanted: &Wanted) -> Nonce {
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut nonce = [0; 12];
    for (part, number) in nonce.chunks_mut(8).zip(0_u8..) {
        let key = (number, wanted.protocol, wanted.internal_client, wanted.internal_port);
        part.copy_from_slice(&SECRET.hash_one(key).to_ne_bytes()[..part.len()]);
    }
    Nonce(nonce)
}

fn notes(wanted: &Wanted, given: NonZeroU16, granted: Duration) -> Vec<Note> {
    let mut notes = Vec::new();
    if let External::Preferred(port) = wanted.external
        && port != given
    {
        notes.push(Note::AnotherPort {
            wanted: port.get(),
            given: given.get(),
        });
    }
    let asked = Duration::from_secs(wanted.lease.get().into());
    if granted != asked {
        notes.push(Note::LeaseChanged { asked, shown: granted });
    }
    notes
}
