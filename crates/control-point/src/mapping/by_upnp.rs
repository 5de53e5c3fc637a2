//! Mappings by UPnP: the thin shell around [`Plan`].

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::entry::Shown;
use super::plan::{Abilities, Listed, Made, Plan, Purpose, Step, Way};
use super::wanted::Wanted;
use crate::actions::AddPortMappingArguments;
use crate::bounded::bounded;
use crate::error::{Conversation, Error, Refusal};
use crate::gateway::{Gateway, WanConnection};
use crate::listing::Entry;
use crate::silence::is_silence;

/// How long to look for a mapping that the gateway has moved: long lists are slow to read, and it is seldom there.
const SEARCH: Duration = Duration::from_secs(5);

/// How long a gateway is left alone that could not keep up.
const PAUSE: Duration = Duration::from_millis(300);

/// Makes or renews a mapping, and remembers what the gateway taught about itself.
pub(super) async fn make(gateway: &Gateway, wanted: &Wanted, purpose: Purpose) -> Result<Made, Error> {
    let wan = gateway.connection()?.wan();
    let abilities = if wan.is_ip2() {
        Abilities::Version2
    } else {
        Abilities::Version1
    };
    let mut plan = Plan::new(
        wanted.clone(),
        abilities,
        gateway.memory().lessons(),
        purpose,
        random_seed(),
    );
    let result = loop {
        let step = plan.next().clone();
        tracing::debug!(?step, "mapping {} port {}", wanted.protocol, wanted.internal_port);
        match step {
            Step::Read { external_port } => plan.read(read(wan, wanted, external_port).await),
            Step::Add {
                way,
                external_port,
                lease,
            } => plan.added(add(wan, wanted, way, external_port, lease).await),
            Step::Search => plan.searched(search(gateway, wanted).await),
            Step::Delete { external_port } => {
                // Whether it worked shows in what the plan does next.
                let _deleted = delete(wan, wanted, external_port).await;
                plan.deleted();
            }
            Step::Done(made) => break Ok(made),
            Step::Failed(error) => break Err(error),
        }
    };
    gateway.memory().learn(plan.lessons());
    result
}

/// GetSpecificPortMappingEntry. Names of the protocol and port that some answers have besides are not looked at
/// (Open.NAT): it is about what was asked.
pub(crate) async fn read(wan: &WanConnection, wanted: &Wanted, external_port: NonZeroU16) -> Result<Shown, Error> {
    let (remote_host, protocol) = (remote_host(wanted), wanted.protocol.name());
    let ask = || wan.get_specific_port_mapping_entry(&remote_host, external_port.get(), protocol);
    let entry = unhurried(ask).await?;
    Ok(Shown {
        internal_client: bounded(&entry.internal_client),
        internal_port: entry.internal_port,
        enabled: entry.enabled,
        description: bounded(&entry.port_mapping_description),
        lease: entry.lease_duration,
    })
}

/// Deletes a mapping of ours; one that is gone already is deleted. Whoever has the port now, after its lease has ended or
/// the gateway has restarted, keeps it: many gateways let anybody delete anything.
pub(super) async fn remove(gateway: &Gateway, wanted: &Wanted, external_port: NonZeroU16) -> Result<(), Error> {
    let wan = gateway.connection()?.wan();
    if !gateway.memory().lessons().no_read_back {
        match read(wan, wanted, external_port).await {
            Ok(shown) if shown.is_somebody_elses(wanted) => return Ok(()),
            Err(error) if is_silence(&error) => return Err(error),
            _ => {}
        }
    }
    match delete(wan, wanted, external_port).await {
        Err(Error::Refused(Refusal { code: 714, .. })) => Ok(()),
        result => result,
    }
}

/// DeletePortMapping.
async fn delete(wan: &WanConnection, wanted: &Wanted, external_port: NonZeroU16) -> Result<(), Error> {
    let (remote_host, protocol) = (remote_host(wanted), wanted.protocol.name());
    unhurried(|| wan.delete_port_mapping(&remote_host, external_port.get(), protocol)).await
}

/// Some gateways answer a request that comes soon after another with HTTP 500 and no fault (go-ethereum leaves 200 ms
/// between requests to all of them, for these).
pub(crate) async fn unhurried<T, F: Future<Output = Result<T, Error>>>(ask: impl Fn() -> F) -> Result<T, Error> {
    match ask().await {
        Err(Error::Conversation(Conversation::Status { status: 500 | 503, .. })) => {
            sleep(PAUSE).await;
            ask().await
        }
        result => result,
    }
}

/// A number that nobody can foresee.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

async fn add(
    wan: &WanConnection,
    wanted: &Wanted,
    way: Way,
    external_port: NonZeroU16,
    lease: u32,
) -> Result<u16, Error> {
    let arguments = AddPortMappingArguments {
        remote_host: remote_host(wanted),
        external_port: external_port.get(),
        protocol: wanted.protocol.name().to_owned(),
        internal_port: wanted.internal_port.get(),
        internal_client: wanted.internal_client.to_string(),
        enabled: true,
        port_mapping_description: wanted.description.as_str().to_owned(),
        lease_duration: lease,
    };
    match (way, wan) {
        (Way::AnyPort, WanConnection::Ip(ip)) => unhurried(|| ip.add_any_port_mapping(&arguments)).await,
        _ => unhurried(|| wan.add_port_mapping(&arguments))
            .await
            .map(|()| external_port.get()),
    }
}

async fn search(gateway: &Gateway, wanted: &Wanted) -> Result<Vec<Listed>, Error> {
    let Ok(listing) = timeout(SEARCH, gateway.mappings()).await else {
        let address = gateway.address().to_string();
        return Err(Conversation::Timeout {
            address,
            waited: SEARCH,
        }
        .into());
    };
    let wanted_host = remote_host(wanted);
    let of_remote_host = |entry: &Entry| entry.remote_host.trim() == wanted_host;
    let listed = |entry: Entry| {
        Some(Listed {
            protocol: entry.protocol,
            external_port: NonZeroU16::new(entry.external_port)?,
            shown: Shown {
                internal_client: entry.internal_client,
                internal_port: entry.internal_port,
                enabled: entry.enabled,
                description: entry.description,
                lease: entry.lease.map_or(0, |lease| lease.as_secs() as u32),
            },
        })
    };
    Ok(listing?
        .entries
        .into_iter()
        .filter(of_remote_host)
        .filter_map(listed)
        .collect())
}

fn remote_host(wanted: &Wanted) -> String {
    wanted.remote_host.map_or_else(String::new, |host| host.to_string())
}
