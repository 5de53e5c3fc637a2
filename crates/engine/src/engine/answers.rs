//! What requests are answered, with what is to be told of refusals.

use portreeve_wire::{Fault, nat_pmp, pcp};

use super::Engine;
use crate::context::Refused;
use crate::event::Rejection;
use crate::igd;
use crate::nat_pmp as nat_pmp_server;
use crate::pcp as pcp_server;
use crate::request::{Reply, Request};
use crate::time::Time;

impl Engine {
    /// The reply, and what is to be told of a refusal.
    pub(super) fn carry_out(
        &mut self,
        request: &Request,
        refusals: &[Refused],
        now: Time,
    ) -> (Reply, Option<Rejection>) {
        let reply = match request {
            Request::Call { caller, call } => {
                let outcome = igd::call(&mut self.context(*caller, refusals, now), call);
                let rejection = outcome.as_ref().err().cloned().map(Rejection::Upnp);
                return (Reply::Call(outcome), rejection);
            }
            Request::Query {
                caller,
                service,
                variable,
            } => {
                let context = self.context(*caller, refusals, now);
                Reply::Value(igd::query(&context, service, variable))
            }
            Request::Pcp { caller, request } => {
                let outcome = pcp_server::carry_out(&mut self.context(*caller, refusals, now), request);
                return self.answer_pcp(outcome, now);
            }
            Request::NatPmp { caller, request } => {
                let context = &mut self.context((*caller).into(), refusals, now);
                let outcome = nat_pmp_server::carry_out(context, *caller, *request);
                return self.answer_nat_pmp(outcome, now);
            }
            Request::Status => Reply::Status(Box::new(self.status(now))),
            Request::Mappings => Reply::Mappings(self.ledger.table().iter().cloned().collect()),
            Request::Pinholes => Reply::Pinholes(self.ledger.pinholes().iter().cloned().collect()),
            Request::Revoke(keys) => Reply::Revoked(self.revoke(keys, refusals)),
            Request::Reconfigure(config) => Reply::Reconfigured(self.reconfigure(config, refusals, now)),
            Request::Link(request) => Reply::Link(self.link.request(*request, now)),
        };
        (reply, None)
    }

    fn answer_pcp(
        &self,
        outcome: Result<pcp::Assigned, pcp_server::Rejected>,
        now: Time,
    ) -> (Reply, Option<Rejection>) {
        let rejection = outcome.as_ref().err();
        let rejection = rejection.map(|rejected| Rejection::Pcp(rejected.answer.code, rejected.reason.clone()));
        let answer = pcp::Answer {
            epoch: self.epoch.seconds(now),
            outcome: outcome.map_err(|rejected| rejected.answer),
        };
        (Reply::Pcp(answer), rejection)
    }

    fn answer_nat_pmp(
        &self,
        outcome: Result<nat_pmp::Mapped, nat_pmp_server::Rejected>,
        now: Time,
    ) -> (Reply, Option<Rejection>) {
        let rejection = outcome.as_ref().err();
        let rejection = rejection.map(|rejected| Rejection::NatPmp(rejected.code, rejected.reason.clone()));
        let answer = nat_pmp::Answer {
            epoch: self.epoch.seconds(now),
            outcome: outcome.map_err(|rejected| rejected.code),
        };
        (Reply::NatPmp(answer), rejection)
    }

    /// The reply to a request that failed for a reason outside of it: what it changes could not be stored.
    pub(super) fn failure(&self, request: &Request, fault: Fault, now: Time) -> (Reply, Option<Rejection>) {
        let reason = || fault.reason.as_deref().unwrap_or_default().to_owned();
        let reply = match request {
            Request::Call { .. } => return (Reply::Call(Err(fault.clone())), Some(Rejection::Upnp(fault))),
            Request::Query { .. } => Reply::Value(Err(fault)),
            Request::Pcp { .. } => return self.answer_pcp(Err(pcp_server::Rejected::for_now(reason())), now),
            Request::NatPmp { .. } => {
                return self.answer_nat_pmp(Err(nat_pmp_server::Rejected::for_now(reason())), now);
            }
            Request::Reconfigure(_) => Reply::Reconfigured(Err(fault)),
            Request::Link(_) => Reply::Link(Err(fault)),
            Request::Revoke(_) | Request::Status | Request::Mappings | Request::Pinholes => Reply::Revoked(Err(fault)),
        };
        (reply, None)
    }
}
