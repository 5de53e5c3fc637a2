//! By which way a gateway is asked about pinholes.
//!
//! A gateway lets a host open its own address only. Over IPv4 some know by the neighbour table which host that is, some
//! refuse, and some are confused; over IPv6 all compare the address that the request comes from with InternalClient. So
//! the gateway is asked as it was found, over IPv6 from the address that the pinhole is for, and if it refuses over IPv4
//! it is looked for over IPv6.

use std::net::Ipv6Addr;

use crate::actions::WanIpv6FirewallControl;
use crate::discovery::Family;
use crate::error::{Conversation, Error, Unusable};
use crate::gateway::Gateway;
use crate::mapping::unhurried;

/// A way that led to an answer.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The gateway as it was reached.
    pub(super) gateway: Gateway,
    /// Its service, asked from the right address.
    pub(super) firewall: WanIpv6FirewallControl,
}

/// Asks for something that concerns the pinholes of this address of ours.
pub(super) async fn ask<T, F>(
    gateway: &Gateway,
    client: Option<Ipv6Addr>,
    question: impl Fn(WanIpv6FirewallControl) -> F,
) -> Result<(T, Way), Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let over_ipv4 = Family::of(gateway.address()) == Family::Ipv4;
    let error = match Way::to(gateway, client) {
        Ok(way) => match unhurried(|| question(way.firewall.clone())).await {
            Ok(answer) => return Ok((answer, way)),
            Err(error) => error,
        },
        Err(unusable) => unusable.into(),
    };
    if !over_ipv4 || !is_about_the_way(&error) {
        return Err(error);
    }
    match Way::over_ipv6(gateway, client).await {
        Some(way) => {
            let answer = unhurried(|| question(way.firewall.clone())).await?;
            Ok((answer, way))
        }
        None => Err(error),
    }
}

impl Way {
    /// To the gateway as it was found.
    fn to(gateway: &Gateway, client: Option<Ipv6Addr>) -> Result<Self, Unusable> {
        let service = gateway.connection()?.firewall().ok_or(Unusable::NoFirewallControl)?;
        let over_ipv6 = Family::of(gateway.address()) == Family::Ipv6;
        let firewall =
            match client.filter(|client| over_ipv6 && gateway.discovery().is_ours((*client).into()) == Some(true)) {
                Some(client) => WanIpv6FirewallControl::new(service.endpoint().from(client.into())),
                None => service.clone(),
            };
        let gateway = gateway.clone();
        Ok(Self { gateway, firewall })
    }

    /// To the same gateway over IPv6, if it can be found there.
    async fn over_ipv6(gateway: &Gateway, client: Option<Ipv6Addr>) -> Option<Self> {
        Self::to(gateway.over_the_other_family().await?, client).ok()
    }
}

/// Whether the gateway may answer another way of asking differently: not what the standard defines for the pinhole itself.
fn is_about_the_way(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => !(701..=709).contains(&refusal.code),
        Error::Conversation(Conversation::Status { .. } | Conversation::Malformed { .. }) => true,
        Error::Unusable(Unusable::NoFirewallControl) => true,
        _ => false,
    }
}
