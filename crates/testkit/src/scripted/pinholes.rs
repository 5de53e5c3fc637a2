use std::time::{Duration, Instant};

use super::actions::{Outcome, fault, number, values};
use super::soap::Call;
use super::state::State;

/// The IPv6 pinholes and the state of the firewall.
#[derive(Debug)]
pub(super) struct Pinholes {
    open: Vec<Pinhole>,
    next_id: u16,
}

#[derive(Debug)]
struct Pinhole {
    id: u16,
    /// RemoteHost, RemotePort, InternalClient, InternalPort, Protocol.
    flow: [String; 5],
    ends: Instant,
}

impl Default for Pinholes {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            next_id: 1,
        }
    }
}

impl Pinholes {
    fn find(&mut self, call: &Call) -> Result<&mut Pinhole, super::soap::Fault> {
        let id: u16 = number(call, "UniqueID")?;
        self.open
            .iter_mut()
            .find(|pinhole| pinhole.id == id)
            .ok_or_else(|| fault(704, "NoSuchEntry"))
    }
}

/// The actions of WANIPv6FirewallControl:1.
pub(super) fn perform(state: &mut State, call: &Call) -> Outcome {
    let now = state.now();
    let pinholes = &mut state.pinholes;
    pinholes.open.retain(|pinhole| pinhole.ends > now);
    match call.action.as_str() {
        "GetFirewallStatus" => values([("FirewallEnabled", "1"), ("InboundPinholeAllowed", "1")]),
        "AddPinhole" => {
            let flow = ["RemoteHost", "RemotePort", "InternalClient", "InternalPort", "Protocol"]
                .map(|name| call.argument(name).unwrap_or_default().to_owned());
            if flow[2].is_empty() {
                return Err(fault(708, "WildCardNotPermittedInSrcIP"));
            }
            if flow[3] == "0" {
                return Err(fault(706, "InternalPortWildcardingNotAllowed"));
            }
            let ends = now + lease(call, "LeaseTime")?;
            if let Some(same) = pinholes.open.iter_mut().find(|pinhole| pinhole.flow == flow) {
                same.ends = ends;
                return values([("UniqueID", &same.id.to_string())]);
            }
            let id = pinholes.next_id;
            pinholes.next_id += 1;
            pinholes.open.push(Pinhole { id, flow, ends });
            values([("UniqueID", &id.to_string())])
        }
        "UpdatePinhole" => {
            let ends = now + lease(call, "NewLeaseTime")?;
            pinholes.find(call)?.ends = ends;
            values([])
        }
        "DeletePinhole" => {
            let id = pinholes.find(call)?.id;
            pinholes.open.retain(|pinhole| pinhole.id != id);
            values([])
        }
        "GetPinholePackets" => {
            pinholes.find(call)?;
            values([("PinholePackets", "0")])
        }
        "CheckPinholeWorking" => {
            pinholes.find(call)?;
            Err(fault(709, "NoTrafficReceived"))
        }
        _ => Err(fault(401, "Invalid Action")),
    }
}

fn lease(call: &Call, argument: &str) -> Result<Duration, super::soap::Fault> {
    match number(call, argument)? {
        seconds @ 1..=86_400 => Ok(Duration::from_secs(seconds)),
        _ => Err(fault(402, "Invalid Args")),
    }
}
