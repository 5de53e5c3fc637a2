//! Getting to know a host by another of its addresses.
//!
//! A host may ask over IPv4, or from its link-local address, for a pinhole to the global address that it has. That both
//! are its own shows in what the kernel has learnt on the link, and the kernel learns of an address when something is
//! sent there. So a host that has never spoken from an address, or has not since the gateway started, would be taken
//! for a stranger.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portreeve_engine::{Reply, Request};
use portreeve_netlink::route::neighbours;
use portreeve_wire::service::WAN_IPV6_FIREWALL_CONTROL;
use portreeve_wire::{Call, ErrorCode, Fault};
use tokio::net::UdpSocket;
use tracing::debug;

use super::{Ask, Gateway};

/// The discard service (RFC 863): nobody listens, and whoever does expects nothing.
const DISCARD: u16 = 9;
/// The kernel asks three times, a second apart; hosts that are awake answer the first time.
const PATIENCE: Duration = Duration::from_millis(900);
/// Between two looks; longer than the runtime takes for true that it does not know a host.
const PAUSE: Duration = Duration::from_millis(60);
/// Hosts asked at a time, of each caller one. Everybody may name addresses that nobody has.
const MOST: usize = 8;
static CALLERS: Mutex<BTreeSet<IpAddr>> = Mutex::new(BTreeSet::new());

/// The right of a caller to have a host asked.
struct Turn(IpAddr);

impl Turn {
    fn take(caller: IpAddr) -> Option<Self> {
        let mut callers = CALLERS.lock().unwrap_or_else(PoisonError::into_inner);
        (callers.len() < MOST && callers.insert(caller)).then(|| Self(caller))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        CALLERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Whether a call is about a host that may be the caller under another address.
pub(super) fn may_help(call: &Call) -> bool {
    std::ptr::eq(call.service, &WAN_IPV6_FIREWALL_CONTROL)
}

impl<A: Ask> Gateway<A> {
    /// Whether a call that was refused is worth another try, since the host that it is about has become known meanwhile.
    pub(super) async fn knows_better(&self, caller: IpAddr, call: &Call, refused: &Fault) -> bool {
        if refused.code != ErrorCode::ActionNotAuthorized {
            return false;
        }
        let Some(_turn) = Turn::take(caller) else {
            return false;
        };
        let host = match call.action.name {
            "AddPinhole" => call.text("InternalClient").parse().ok(),
            _ => self.client_of_pinhole(call.ui2("UniqueID")).await,
        };
        let Some(host) = host.filter(|host| self.lans().iter().any(|lan| lan.contains(*host))) else {
            return false;
        };
        match meet(host).await {
            Ok(met) => met,
            Err(error) => {
                debug!(%host, %error, "cannot get to know a host");
                false
            }
        }
    }

    async fn client_of_pinhole(&self, id: u16) -> Option<Ipv6Addr> {
        let Reply::Pinholes(pinholes) = self.engine.ask(Request::Pinholes).await? else {
            return None;
        };
        let pinhole = pinholes.iter().find(|pinhole| pinhole.id.0 == id)?;
        Some(pinhole.key.internal_client)
    }
}

/// Makes the kernel look for a host of the LAN that it does not know; whether it knows it then.
async fn meet(host: Ipv6Addr) -> io::Result<bool> {
    if is_known(host)? {
        return Ok(false);
    }
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await?;
    socket.send_to(&[], (host, DISCARD)).await?;
    let looks = PATIENCE.as_millis() / PAUSE.as_millis();
    for _ in 0..looks {
        tokio::time::sleep(PAUSE).await;
        if is_known(host)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_known(host: Ipv6Addr) -> io::Result<bool> {
    let known = neighbours().map_err(io::Error::other)?;
    Ok(known.iter().any(|neighbour| neighbour.address == IpAddr::V6(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_one_turn_and_all_have_some() {
        let callers: Vec<IpAddr> = (1..=9).map(|last| IpAddr::from([192, 168, 77, last])).collect();
        let first = Turn::take(callers[0]).unwrap();
        assert!(Turn::take(callers[0]).is_none());
        let others: Vec<Turn> = callers[1..8].iter().filter_map(|caller| Turn::take(*caller)).collect();
        assert_eq!(others.len(), 7);
        assert!(Turn::take(callers[8]).is_none());
        drop(first);
        assert!(Turn::take(callers[8]).is_some());
    }
}
