//! The IPv6 firewall of the simulated gateway.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use portreeve_wire::{Call, ErrorCode, Value};
use tokio::time::Instant;

/// Pinholes, as WANIPv6FirewallControl:1 has them.
pub(crate) struct SimulatedFirewall {
    pub(crate) enabled: bool,
    pub(crate) pinholes_allowed: bool,
    /// Whether hosts that ask over IPv4 are known by their neighbour entry.
    pub(crate) knows_neighbours: bool,
    pinholes: BTreeMap<u16, Pinhole>,
    next_id: u16,
    /// Pinholes that have ended with their lease.
    pub(crate) expired: u64,
}

struct Pinhole {
    ends_of: [String; 5],
    ends: Instant,
}

impl Default for SimulatedFirewall {
    fn default() -> Self {
        Self {
            enabled: true,
            pinholes_allowed: true,
            knows_neighbours: true,
            pinholes: BTreeMap::new(),
            next_id: 1,
            expired: 0,
        }
    }
}

impl SimulatedFirewall {
    /// The pinholes now: number and internal client.
    pub(crate) fn pinholes(&mut self) -> Vec<(u16, String)> {
        self.expire();
        let client = |(id, pinhole): (&u16, &Pinhole)| (*id, pinhole.ends_of[2].clone());
        self.pinholes.iter().map(client).collect()
    }

    /// Loses all of them; the numbers begin anew, as after a start.
    pub(crate) fn forget_all(&mut self) {
        self.pinholes.clear();
        self.next_id = 1;
    }

    /// Another host opens one, which takes the next number.
    pub(crate) fn open_for_another(&mut self) -> u16 {
        let ends_of = ["", "0", "2001:db8:77::66", "80", "6"].map(str::to_owned);
        self.open(ends_of, 3600)
    }

    pub(super) fn carry_out(&mut self, call: &Call, peer: IpAddr) -> Result<Vec<Value>, ErrorCode> {
        self.expire();
        let action = call.action.name;
        if action == "GetFirewallStatus" {
            return Ok(vec![self.enabled.into(), self.pinholes_allowed.into()]);
        }
        if !self.enabled {
            return Err(ErrorCode::FirewallDisabled);
        }
        if !self.pinholes_allowed {
            return Err(ErrorCode::InboundPinholeNotAllowed);
        }
        if action == "AddPinhole" {
            let client = call.text("InternalClient");
            self.authorise(client, peer)?;
            let ends_of = [
                call.text("RemoteHost").to_owned(),
                call.ui2("RemotePort").to_string(),
                client.to_owned(),
                call.ui2("InternalPort").to_string(),
                call.ui2("Protocol").to_string(),
            ];
            return Ok(vec![self.open(ends_of, call.ui4("LeaseTime")).into()]);
        }
        let id = call.ui2("UniqueID");
        let client = self.pinholes.get(&id).ok_or(ErrorCode::NoSuchPinhole)?.ends_of[2].clone();
        self.authorise(&client, peer)?;
        match action {
            "UpdatePinhole" => {
                let ends = Instant::now() + Duration::from_secs(call.ui4("NewLeaseTime").into());
                self.pinholes.entry(id).and_modify(|pinhole| pinhole.ends = ends);
                Ok(Vec::new())
            }
            "DeletePinhole" => {
                self.pinholes.remove(&id);
                Ok(Vec::new())
            }
            "GetPinholePackets" => Ok(vec![7_u32.into()]),
            "CheckPinholeWorking" => Err(ErrorCode::NoTrafficReceived),
            _ => Err(ErrorCode::InvalidAction),
        }
    }

    /// The one that asks must be the one that it is for.
    fn authorise(&self, client: &str, peer: IpAddr) -> Result<(), ErrorCode> {
        let same = client.parse() == Ok(peer);
        let neighbour = self.knows_neighbours && peer.is_ipv4() && !client.ends_with("::66");
        (same || neighbour).then_some(()).ok_or(ErrorCode::ActionNotAuthorized)
    }

    /// Closes those with these inner ends: internal client, internal port, protocol.
    pub(super) fn close(&mut self, inner: &[String]) {
        self.pinholes.retain(|_, pinhole| pinhole.ends_of[2..] != *inner);
    }

    pub(super) fn open(&mut self, ends_of: [String; 5], lease: u32) -> u16 {
        let ends = Instant::now() + Duration::from_secs(lease.into());
        if let Some((id, same)) = self.pinholes.iter_mut().find(|(_, pinhole)| pinhole.ends_of == ends_of) {
            same.ends = ends;
            return *id;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.pinholes.insert(id, Pinhole { ends_of, ends });
        id
    }

    fn expire(&mut self) {
        let (before, now) = (self.pinholes.len(), Instant::now());
        self.pinholes.retain(|_, pinhole| pinhole.ends > now);
        self.expired += (before - self.pinholes.len()) as u64;
    }
}
