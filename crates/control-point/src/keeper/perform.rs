//! Carries out one order of the state machine.

use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::MappingId;
use super::keeping::{Checked, Found, Order, Survey};
use crate::error::{Error, NoGateway, Refusal, Untrue};
use crate::gateway::Gateway;
use crate::mapping::{Made, Relation, Wanted, carry_out, read, remove};
use crate::port_control::Carrier;
use crate::silence::{is_silence, told};
use crate::status;

/// What came of an order.
#[derive(Debug)]
pub(super) enum Outcome {
    Renewed {
        id: MappingId,
        result: Result<Made, Error>,
        /// When it was asked for.
        since: Instant,
    },
    Checked {
        id: MappingId,
        result: Checked,
    },
    Surveyed(Result<Survey, Error>),
    Searched(Result<Gateway, Error>),
}

/// How long a gateway at its old place may take to answer while it is searched for.
const AT_ITS_OLD_PLACE: Duration = Duration::from_secs(1);

/// How long one search of many may take, however patient the first one was: a search sends ever more rarely.
const ONE_SEARCH: Duration = Duration::from_secs(2);

pub(super) async fn perform(gateway: Gateway, order: Order) -> Outcome {
    match order {
        Order::Renew {
            id,
            wanted,
            asked,
            replace,
        } => {
            if let Some((before, entry)) = replace {
                // If it cannot be removed, it ends with its lease.
                let _removed = remove(&gateway, &before, &entry).await;
            }
            let since = Instant::now();
            let result = carry_out(&gateway, &wanted, asked).await;
            Outcome::Renewed { id, result, since }
        }
        Order::Check { id, wanted, entry } => {
            let result = match entry.carrier {
                Carrier::Igd => check(&gateway, &wanted, entry.external_port).await,
                // Whether the gateway has lost its state is seen by whoever asks it anything.
                carrier => match look(&gateway, carrier).await {
                    Ok(Some(_)) => Checked::There,
                    Ok(None) => Checked::NotSpoken,
                    Err(error) => Checked::Unknown(error),
                },
            };
            Outcome::Checked { id, result }
        }
        Order::Survey(Carrier::Igd) => Outcome::Surveyed(survey(&gateway).await),
        Order::Survey(carrier) => Outcome::Surveyed(look(&gateway, carrier).await.map(Option::unwrap_or_default)),
        Order::Search => Outcome::Searched(find_again(gateway).await),
    }
}

/// Looks at the entry.
async fn check(gateway: &Gateway, wanted: &Wanted, external_port: NonZeroU16) -> Checked {
    let Ok(connection) = gateway.look_for_upnp().await else {
        return Checked::NotSpoken;
    };
    match read(connection.wan(), wanted, external_port).await {
        Ok(shown) => match shown.relation(wanted) {
            Relation::Same => Checked::There,
            relation => Checked::Gone(untrue(relation, wanted, external_port.get(), shown.target()).into()),
        },
        Err(Error::Refused(Refusal { code: 713 | 714, .. })) => {
            Checked::Gone(untrue(Relation::Absent, wanted, external_port.get(), String::new()).into())
        }
        Err(Error::Refused(Refusal { code: 401 | 602, .. })) => Checked::Impossible,
        Err(error) => Checked::Unknown(error),
    }
}

/// Looks whether the server of this protocol is there, which shows its epoch, and what address it tells; `None` if there is
/// no such server.
async fn look(gateway: &Gateway, carrier: Carrier) -> Result<Option<Survey>, Error> {
    let Ok(server) = gateway.port_server(carrier).await else {
        return Ok(None);
    };
    let seen = server.look().await?;
    Ok(Some(Survey {
        external_address: seen.external_address.map(Some),
        ..Survey::default()
    }))
}

/// What identifies this gateway and our way to it.
pub(super) fn found(gateway: &Gateway) -> Found {
    Found {
        udn: gateway.udn().to_owned(),
        host: gateway.address(),
        boot_id: gateway.boot_id(),
        location: gateway.location().to_owned(),
        local: gateway.local_ipv4().unwrap_or(Ipv4Addr::UNSPECIFIED),
    }
}

fn untrue(relation: Relation, wanted: &Wanted, external_port: u16, found: String) -> Untrue {
    let protocol = wanted.protocol;
    match relation {
        Relation::OtherHost | Relation::OtherPort => Untrue::Elsewhere {
            external_port,
            protocol,
            wanted: format!("{}:{}", wanted.internal_client, wanted.internal_port),
            found,
        },
        Relation::Disabled => Untrue::Disabled {
            external_port,
            protocol,
        },
        Relation::Same | Relation::Absent => Untrue::NotThere {
            external_port,
            protocol,
        },
    }
}

async fn survey(gateway: &Gateway) -> Result<Survey, Error> {
    let Ok(connection) = gateway.look_for_upnp().await else {
        return Ok(Survey::default());
    };
    let wan = connection.wan();
    let info = told(wan.get_status_info().await)?;
    let address = told(wan.get_external_ip_address().await)?;
    // Where entries can be looked at, they tell more than that something has changed.
    let system_update_id = match wan.is_ip2() && gateway.memory().lessons().no_read_back {
        true => told(wan.query_state_variable("SystemUpdateID").await)?,
        false => None,
    };
    Ok(Survey {
        connected: info
            .as_ref()
            .and_then(|info| status::ConnectionStatus::parse(&info.connection_status).passes_packets()),
        uptime: info.map(|info| info.uptime),
        external_address: address.map(|text| status::read_address(&text).0),
        system_update_id: system_update_id.and_then(|text| text.trim().parse().ok()),
    })
}

/// Searches as at first, and at its address, and tries its old place: it may answer one only. Another gateway is taken
/// if we are in another network; in the same one, ours is waited for.
pub(crate) async fn find_again(gateway: Gateway) -> Result<Gateway, Error> {
    let discovery = gateway.discovery().no_longer_than(ONE_SEARCH);
    let at_its_address = discovery.clone().gateway(gateway.search_address()).into_future();
    let anywhere = discovery.clone().into_future();
    let (there, anywhere, old_place) = tokio::join!(at_its_address, anywhere, answers_at_its_old_place(&gateway));
    let is_it = |found: &Gateway| found.is(&gateway) || !has_address(&gateway);
    let error = match (there, anywhere) {
        (Ok(found), _) | (_, Ok(found)) if is_it(&found) => return Ok(found),
        (Err(error), _) | (_, Err(error)) => error,
        (Ok(_), Ok(_)) => NoGateway::default().into(),
    };
    if old_place { Ok(gateway) } else { Err(error) }
}

async fn answers_at_its_old_place(gateway: &Gateway) -> bool {
    let answers = async {
        let by_upnp = match gateway.connection() {
            Ok(connection) => connection.wan().get_status_info().await.map(drop),
            Err(unusable) => Err(unusable.into()),
        };
        // Whoever refuses is there.
        !matches!(&by_upnp, Err(error) if is_silence(error) || matches!(error, Error::Unusable(_)))
    };
    timeout(AT_ITS_OLD_PLACE, answers).await.unwrap_or(false)
}

/// Whether our address is still on an interface that is up. If the system does not tell, nothing is known to be wrong.
pub(super) fn has_address(gateway: &Gateway) -> bool {
    gateway.discovery().is_ours(gateway.local_address()) != Some(false)
}
