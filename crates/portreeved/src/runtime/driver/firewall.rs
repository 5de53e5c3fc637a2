//! What an action of WANIPv6FirewallControl needs to know of the kernel, read just before it is planned.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use portreeve_engine::{Time, Transport, UniqueId};
use portreeve_wire::Call;
use tracing::debug;

use super::Driver;

/// How long it is taken to be true that two addresses are of one host, and how long that they are not.
const PROOF_FRESH: Duration = Duration::from_secs(1);
const DOUBT_FRESH: Duration = Duration::from_millis(50);

impl Driver {
    /// Reads what this call needs, and hands it to the engine.
    pub(super) fn look_at_firewall(&mut self, caller: IpAddr, call: &Call, now: Time) {
        match call.action.name {
            "AddPinhole" => {
                if let Ok(client) = call.text("InternalClient").parse() {
                    self.learn_neighbours(caller, client, now);
                }
            }
            "UpdatePinhole" | "DeletePinhole" => self.learn_neighbours_of(caller, named(call), now),
            "GetPinholePackets" | "CheckPinholeWorking" => {
                self.learn_neighbours_of(caller, named(call), now);
                self.count_packets(named(call));
            }
            "GetOutboundPinholeTimeout" => {
                if let Some(transport) = Transport::from_number(call.ui2("Protocol")) {
                    let seconds = self.probe.outbound_timeout(transport);
                    self.engine.handle_outbound_timeout(transport, seconds);
                }
            }
            _ => {}
        }
    }

    fn learn_neighbours_of(&mut self, caller: IpAddr, id: UniqueId, now: Time) {
        if let Some(pinhole) = self.engine.pinhole(id) {
            let client = pinhole.key.internal_client;
            self.learn_neighbours(caller, client, now);
        }
    }

    /// A host that speaks from the address in question needs no neighbours to prove that it has it.
    fn learn_neighbours(&mut self, caller: IpAddr, client: Ipv6Addr, now: Time) {
        if caller == IpAddr::V6(client) {
            return;
        }
        // What was read before this caller connected may have its address as another host's, on another link.
        let is_link_local = matches!(caller, IpAddr::V6(caller) if caller.is_unicast_link_local());
        let limit = match self.engine.are_one_device(caller, IpAddr::V6(client)) {
            true => PROOF_FRESH,
            false => DOUBT_FRESH,
        };
        let is_fresh = |read: Time| now.since(read) < limit;
        if is_link_local || !self.neighbours_read_at.is_some_and(is_fresh) {
            self.engine.handle_neighbours(self.probe.neighbours());
            self.neighbours_read_at = Some(now);
        }
    }

    fn count_packets(&mut self, id: UniqueId) {
        let Some(pinhole) = self.engine.pinhole(id) else { return };
        let packets = match self.backend.pinhole_packets(&pinhole.key) {
            // What is not in force, because it is yet to be or because somebody flushed our rules, has let nothing in.
            Ok(packets) => Some(packets.unwrap_or(0)),
            Err(error) => {
                debug!(%error, pinhole = %pinhole.key, "cannot count the packets of a pinhole");
                None
            }
        };
        self.engine.handle_pinhole_packets(id, packets);
    }
}

fn named(call: &Call) -> UniqueId {
    UniqueId(call.ui2("UniqueID"))
}
