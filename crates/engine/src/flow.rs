//! What a LAN host has going with one remote host through the gateway: what a PEER of PCP is about (RFC 6887 section 12).

use std::net::{IpAddr, SocketAddrV4};

use portreeve_wire::pcp;

use crate::mapping::Protocol;

/// A flow by its first packet, as the LAN sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Transport.
    pub protocol: Protocol,
    /// Socket of the LAN host.
    pub source: SocketAddrV4,
    /// Socket of the remote host.
    pub destination: SocketAddrV4,
}

impl Flow {
    /// The flow that a PEER names; none, if the request is another, or of a transport that is not translated.
    pub fn of(request: &pcp::Request) -> Option<Self> {
        let pcp::Operation::Peer(peer) = &request.operation else {
            return None;
        };
        let (IpAddr::V4(client), IpAddr::V4(remote)) =
            (peer.third_party.unwrap_or(request.client), peer.remote_address)
        else {
            return None;
        };
        Some(Self {
            protocol: Protocol::from_number(peer.protocol)?,
            source: SocketAddrV4::new(client, peer.internal_port),
            destination: SocketAddrV4::new(remote, peer.remote_port),
        })
    }
}
