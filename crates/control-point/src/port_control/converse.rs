//! The shell around a dialogue: socket and time.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::time::{Instant, timeout_at};

use super::exchange::{Dialogue, Failed};
use crate::error::Conversation;
use crate::network::{Network, scoped};

/// Longer than every message (RFC 6887 section 7).
const DATAGRAM: usize = 1500;

/// Which server, and from which address of ours it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) server: SocketAddr,
    pub(super) local: IpAddr,
}

impl Way {
    /// The number of the interface that leads to a server on the link; else 0.
    pub(super) fn link(&self) -> u32 {
        match self.server {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(server) => server.scope_id(),
        }
    }
}

/// Leads a dialogue to its end, by a socket of its own: the answers to nothing else arrive there, and a port that nobody
/// can guess keeps others from answering in the server's name. Word from there that nobody listens ends it at once
/// (RFC 6886 section 3.8, RFC 6887 section 8.1.1).
pub(super) async fn converse<D: Dialogue>(
    network: &dyn Network,
    way: Way,
    mut dialogue: D,
) -> Result<D::Outcome, Conversation> {
    let unreachable = |error: io::Error| Conversation::Unreachable {
        address: way.server.to_string(),
        reason: error.to_string(),
    };
    let from = scoped(way.local, 0, way.link());
    let socket = network.connected_socket(from, way.server).map_err(unreachable)?;
    let start = Instant::now();
    let mut buffer = [0; DATAGRAM];
    loop {
        while let Some(datagram) = dialogue.poll_transmit(start.elapsed()) {
            socket.send(&datagram, way.server).await.map_err(unreachable)?;
        }
        if let Some(outcome) = dialogue.poll_outcome(start.elapsed()) {
            return outcome.map_err(|failed| match failed {
                Failed::Silence => Conversation::Timeout {
                    address: way.server.to_string(),
                    waited: start.elapsed(),
                },
                Failed::NotSpoken => Conversation::NotOffered("PCP or NAT-PMP".to_owned()),
            });
        }
        // Over is the time only if nothing came meanwhile.
        if let Ok(received) = timeout_at(start + dialogue.poll_timeout(), socket.receive(&mut buffer)).await {
            let (length, source) = received.map_err(unreachable)?;
            let datagram = buffer.get(..length).unwrap_or_default();
            dialogue.handle_datagram(source, datagram, start.elapsed());
        }
    }
}
