//! What the runtime reads of the machine for WANIPv6FirewallControl and for PCP's PEER, before it hands in such a request.

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::Engine;
use crate::flow::Flow;
use crate::neighbours::Neighbours;
use crate::pinhole::{Pinhole, Transport, UniqueId};

impl Engine {
    /// The pinhole of this name, as of the open group.
    pub fn pinhole(&self, id: UniqueId) -> Option<&Pinhole> {
        self.ledger.pinholes().named(id).map(AsRef::as_ref)
    }

    /// Takes in which addresses of the LAN belong to one device.
    pub fn handle_neighbours(&mut self, neighbours: Neighbours) {
        self.observed.neighbours = neighbours;
    }

    /// Whether both addresses belong to one device, as far as was taken in.
    pub fn are_one_device(&self, one: IpAddr, other: IpAddr) -> bool {
        self.observed.neighbours.are_one_device(one, other)
    }

    /// Takes in how many packets came in through a pinhole since it was opened; `None` if that is not known at present.
    pub fn handle_pinhole_packets(&mut self, id: UniqueId, packets: Option<u64>) {
        match packets {
            Some(packets) if self.pinhole(id).is_some() => self.observed.packets.insert(id, packets),
            _ => self.observed.packets.remove(&id),
        };
    }

    /// Takes in from which external port the remote host sees a flow, for a PEER that is handed in next
    /// ([`Flow::of`]); `None` if there is no such flow. Where nothing is handed in, the gateway has no say in that port.
    pub fn handle_flow(&mut self, flow: Flow, external_port: Option<NonZeroU16>) {
        self.observed.flows.insert(flow, external_port);
    }

    /// Takes in after how many seconds of silence the firewall forgets a connection that a LAN host began; `None` if that
    /// is not known.
    pub fn handle_outbound_timeout(&mut self, transport: Transport, seconds: Option<u32>) {
        match seconds {
            Some(seconds) => self.observed.outbound_timeouts.insert(transport, seconds),
            None => self.observed.outbound_timeouts.remove(&transport),
        };
    }
}
