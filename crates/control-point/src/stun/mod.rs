//! Asking a STUN server on the internet from which address our packets come (RFC 5389, only what that takes).
//!
//! The gateway knows the address of its own outer side. If a server on the internet sees another one, a second NAT is
//! in front of the gateway.

mod message;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub use message::NoAddress;
pub(crate) use message::{TransactionId, parse_answer, request};

use crate::explain::{self, Explanation, length, plain, quoted};
use crate::network::Network;

/// The port of STUN (RFC 5389 section 9).
pub const PORT: u16 = 3478;

/// Why a STUN server did not tell our address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StunError {
    /// The server's name has no IPv4 address.
    #[error("{server}: {reason}")]
    Name {
        /// The server, as given.
        server: String,
        /// What the look-up said.
        reason: String,
    },
    /// The request could not be sent.
    #[error("{server}: {reason}")]
    Network {
        /// The server's address.
        server: SocketAddr,
        /// The system's words.
        reason: String,
    },
    /// No answer in time.
    #[error("{server} did not answer within {}", length(*waited))]
    Timeout {
        /// The server's address.
        server: SocketAddr,
        /// How long was waited.
        waited: Duration,
    },
    /// The server answered, but told no address.
    #[error("{server} told no address: {why}")]
    Answer {
        /// The server's address.
        server: SocketAddr,
        /// Why not.
        why: NoAddress,
    },
}

impl StunError {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::Name { server, reason } => Explanation::new(
                "stun-name",
                format!(
                    "The STUN server {} could not be found by name: {}.",
                    quoted(server),
                    plain(reason)
                ),
                "Check the spelling, and whether other names on the internet can be found (DNS).",
            ),
            Self::Network { server, reason } => Explanation::new(
                "stun-network",
                format!(
                    "Nothing could be sent to the STUN server {server}: {}.",
                    explain::reason(reason)
                ),
                "Check that this computer has a way to the internet.",
            ),
            Self::Timeout { server, waited } => Explanation::new(
                "stun-timeout",
                format!("The STUN server {server} did not answer within {}.", length(*waited)),
                "Name another STUN server. If none answers, a firewall keeps outgoing UDP back, or there is no way to \
                 the internet.",
            ),
            Self::Answer { server, why } => Explanation::new(
                "stun-answer",
                format!("The STUN server {server} answered, but told no address: {why}."),
                "Name another STUN server.",
            ),
        }
    }
}

/// Splits `host`, `host:port` or `address:port`, and looks the name up; the port is [`PORT`] unless given.
pub(crate) async fn resolve(server: &str) -> Result<SocketAddr, StunError> {
    let failed = |reason: String| StunError::Name {
        server: server.to_owned(),
        reason,
    };
    let has_port = server
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let target = if has_port {
        server.to_owned()
    } else {
        format!("{server}:{PORT}")
    };
    let mut found = tokio::net::lookup_host(target)
        .await
        .map_err(|error| failed(error.to_string()))?;
    found
        .find(SocketAddr::is_ipv4)
        .ok_or_else(|| failed("it has no IPv4 address".to_owned()))
}

/// Asks a server which address it sees, from this address of ours, with this transaction id, which must not be
/// guessable. Asks again at [`SEND_AT`] and gives up after [`GIVE_UP_AFTER`]. Answers of others and to others are
/// passed over.
pub(crate) async fn external_address(
    network: &dyn Network,
    from: Ipv4Addr,
    server: SocketAddr,
    id: TransactionId,
) -> Result<SocketAddr, StunError> {
    let failed = |error: io::Error| StunError::Network {
        server,
        reason: error.to_string(),
    };
    let socket = network.search_socket((from, 0).into()).map_err(failed)?;
    let started = Instant::now();
    let mut buffer = [0; 1500];
    for (sent, at) in SEND_AT.into_iter().enumerate() {
        let until = SEND_AT.get(sent + 1).copied().unwrap_or(GIVE_UP_AFTER);
        debug_assert!(at < until);
        socket.send(&request(id), server).await.map_err(failed)?;
        while let Ok(received) = timeout_at(started + until, socket.receive(&mut buffer)).await {
            let (length, sender) = received.map_err(failed)?;
            if sender != server {
                continue;
            }
            match parse_answer(&buffer[..length], id) {
                Ok(address) => return Ok(address),
                Err(NoAddress::NotForUs) => {}
                Err(why) => return Err(StunError::Answer { server, why }),
            }
        }
    }
    Err(StunError::Timeout {
        server,
        waited: GIVE_UP_AFTER,
    })
}

/// When the request is sent, since the beginning: a lost packet is noticed soon (RFC 5389 section 7.2.1 begins with
/// 500 ms, made for slower networks).
const SEND_AT: [Duration; 3] = [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(600)];

/// When to give up, since the beginning.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
