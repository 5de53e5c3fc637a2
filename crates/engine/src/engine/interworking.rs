//! Requests and an upstream gateway: what would make a new mapping waits until the port is open there.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Engine, Input, Planned};
use crate::change::{Change, EntryKey, Place, Refusal};
use crate::context::Refused;
use crate::epoch::Epoch;
use crate::ledger::Mark;
use crate::mapping::Origin;
use crate::request::Request;
use crate::time::Time;
use crate::upstream::{OuterPort, Released, UpstreamCommand, UpstreamRefusal, UpstreamReport};

impl Engine {
    /// How long a request waits for the upstream gateway.
    pub const UPSTREAM_PATIENCE: Duration = Duration::from_secs(6);
    /// How soon a port that was refused is asked for again, for a mapping that there is.
    const UPSTREAM_RETRY: Duration = Duration::from_secs(30);
    /// Most requests that wait: whoever sends more than the upstream gateway can answer is told so.
    const MOST_PARKED: usize = 1024;

    /// Plans what follows from what became of the upstream gateway, and of what was asked of it.
    pub fn handle_upstream(&mut self, report: UpstreamReport, now: Time) {
        match report {
            UpstreamReport::Found => {
                self.drop_upstream(now);
                self.upstream.begin();
                for mapping in self.ledger.table().iter() {
                    self.upstream.want(mapping.key.into());
                }
            }
            UpstreamReport::Gone => self.drop_upstream(now),
            UpstreamReport::Opened(ticket) => {
                for Released { request, .. } in self.upstream.opened(ticket) {
                    self.plan_again(request, now);
                }
            }
            UpstreamReport::Refused { ticket, why } => {
                let note = |planned: &mut Planned, port| planned.refusals.push(refusal(port, why.clone()));
                let again_at = now + Self::UPSTREAM_RETRY;
                let Some((port, released)) = self.upstream.refused(ticket, again_at, note) else {
                    return;
                };
                if why.is_final() {
                    self.plan_end_of(port, now);
                }
                for Released { request, .. } in released {
                    self.plan_again(request, now);
                }
            }
        }
    }

    /// The next thing that is to be asked of the upstream gateway.
    pub fn poll_upstream_command(&mut self) -> Option<UpstreamCommand> {
        self.upstream.poll_command()
    }

    /// Refuses the requests that have waited long enough.
    pub(super) fn handle_upstream_timeout(&mut self, now: Time) {
        for Released {
            request: mut planned,
            unanswered,
            ..
        } in self.upstream.handle_timeout(now)
        {
            let silent = || UpstreamRefusal::Unavailable("it does not answer".to_owned());
            let refusals = unanswered.into_iter().map(|port| refusal(port, silent()));
            planned.refusals.extend(refusals);
            self.plan_again(planned, now);
        }
    }

    /// The ports that this input needs, and that are not open upstream. Only clients wait: what the administrator maps is
    /// opened when it can be.
    pub(super) fn unopened(&self, planned: &Planned, before: &Mark) -> BTreeSet<OuterPort> {
        let waits = matches!(
            planned.input,
            Input::Request(_, Request::Call { .. } | Request::Pcp { .. } | Request::NatPmp { .. })
        );
        if !waits || !self.upstream.is_in_use() {
            return BTreeSet::new();
        }
        let new = self
            .ledger
            .changes_since(before)
            .iter()
            .filter_map(|change| match change {
                Change::Mapping {
                    before: None,
                    after: Some(mapping),
                } => Some(mapping.key.into()),
                _ => None,
            });
        new.filter(|port| self.upstream.lacks(*port)).collect()
    }

    /// Lets a request wait, whose changes have been taken back.
    pub(super) fn park(&mut self, mut planned: Planned, ports: BTreeSet<OuterPort>) {
        let until = *planned.waits_until.get_or_insert(planned.now + Self::UPSTREAM_PATIENCE);
        if until <= planned.now || self.upstream.parked() >= Self::MOST_PARKED {
            let slow = || UpstreamRefusal::Unavailable("it is too slow".to_owned());
            planned
                .refusals
                .extend(ports.into_iter().map(|port| refusal(port, slow())));
            return self.plan(planned);
        }
        self.upstream.park(planned, ports, until);
    }

    /// What a settled change, by the index of the input that caused it, means to the upstream gateway, and what that
    /// gateway's change means to clients: those of PCP and NAT-PMP hear of nothing but a new epoch.
    pub(super) fn note_for_upstream(&mut self, change: &Change, cause: usize) {
        let Change::Mapping { before, after } = change else {
            return;
        };
        match (before, after) {
            (_, Some(after)) => self.upstream.want_if_new(after.key.into()),
            (Some(before), None) => {
                self.upstream.doubt(before.key.into());
                let by_upstream = self
                    .group
                    .inputs
                    .get(cause)
                    .filter(|planned| planned.input.is_withdrawal());
                if let (Some(planned), Origin::Pcp(_) | Origin::NatPmp(_)) = (by_upstream, before.origin) {
                    self.epoch = Epoch::begin(planned.now);
                }
            }
            (None, None) => {}
        }
    }

    /// Closes what the settled group has left unneeded.
    pub(super) fn settle_upstream(&mut self) {
        let occupied = self.ledger.table().occupied();
        self.upstream
            .close_unneeded(|OuterPort { port, protocol }| occupied.contains(protocol, port));
    }

    /// Plans the end of what the upstream gateway does not let in. What the administrator wrote down stays.
    fn plan_end_of(&mut self, OuterPort { port, protocol }: OuterPort, now: Time) {
        let rows = self.ledger.table().at_port(port, protocol);
        let rows = rows.filter(|mapping| mapping.origin != Origin::Static);
        let keys: Vec<EntryKey> = rows.map(|mapping| EntryKey::Mapping(mapping.key)).collect();
        if !keys.is_empty() {
            self.plan(Planned::new(Input::Withdrawn(keys), now));
        }
    }

    /// There is no upstream gateway: those that waited for it are served without.
    fn drop_upstream(&mut self, now: Time) {
        for Released { request, .. } in self.upstream.end() {
            self.plan_again(request, now);
        }
    }

    fn plan_again(&mut self, planned: Planned, now: Time) {
        self.plan(Planned { now, ..planned });
    }
}

impl Input {
    fn is_withdrawal(&self) -> bool {
        matches!(self, Self::Withdrawn(_))
    }
}

/// What the upstream gateway refuses is to a request as if the backend had refused it.
fn refusal(OuterPort { port, protocol }: OuterPort, why: UpstreamRefusal) -> Refused {
    Refused {
        place: Place::Port(port, protocol),
        why: Refusal::Upstream(why),
    }
}
