//! What a request sees of the engine and may change, whichever protocol it came by.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use crate::change::{Place, Refusal};
use crate::config::Config;
use crate::flow::Flow;
use crate::lan_host::LanHosts;
use crate::ledger::Ledger;
use crate::link::{Counters, Link};
use crate::mapping::Mapping;
use crate::neighbours::Neighbours;
use crate::pinhole::{Transport, UniqueId};
use crate::policy::Subject;
use crate::ports::PortSet;
use crate::time::Time;

/// What a request sees and may change.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) link: &'a mut Link,
    pub(crate) counters: Option<Counters>,
    /// External ports on which the gateway itself listens.
    pub(crate) listening: &'a PortSet,
    pub(crate) observed: &'a Observed,
    pub(crate) lan_hosts: &'a [LanHosts],
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) system_update_id: &'a mut u32,
    /// What the backend refused when this same request was planned before.
    pub(crate) refusals: &'a [Refused],
    /// Who asks.
    pub(crate) caller: IpAddr,
    pub(crate) now: Time,
}

/// The backend could not carry out what was wanted.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) place: Place,
    pub(crate) why: Refusal,
}

/// What only the world outside knows, as it was told last.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) neighbours: Neighbours,
    /// Packets that came in through pinholes.
    pub(crate) packets: BTreeMap<UniqueId, u64>,
    /// Seconds after which the firewall forgets a silent connection that a LAN host began.
    pub(crate) outbound_timeouts: BTreeMap<Transport, u32>,
    /// External ports of the flows that the open group asks about; none, if there is no such flow.
    pub(crate) flows: BTreeMap<Flow, Option<NonZeroU16>>,
}

impl Context<'_> {
    /// Whether the caller may see and remove a mapping.
    pub(crate) fn permits(&self, mapping: &Mapping) -> bool {
        self.config.policy.permits(self.caller, Subject::from(mapping))
    }

    /// Counts a change that control points must learn of.
    pub(crate) fn note_change(&mut self) {
        *self.system_update_id = self.system_update_id.wrapping_add(1);
    }
}
