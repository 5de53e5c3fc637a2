//! PCP and NAT-PMP: the same port for all, what upstream says in their codes, and how clients learn of a loss.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_wire::{nat_pmp, pcp};

use super::*;

impl Behind {
    fn map(&mut self, map: pcp::Map) -> u64 {
        let caller: IpAddr = ALICE.parse().unwrap();
        let request = pcp::Request {
            lifetime: 600,
            client: caller,
            operation: pcp::Operation::Map(map),
        };
        let id = self.plan(Request::Pcp { caller, request });
        self.settle();
        id
    }

    fn map_nat_pmp(&mut self) -> u64 {
        let caller: Ipv4Addr = ALICE.parse().unwrap();
        let request = nat_pmp::Request::Map {
            transport: nat_pmp::Transport::Tcp,
            internal_port: 18080,
            external_port: 18080,
            lifetime: 600,
        };
        let id = self.plan(Request::NatPmp { caller, request });
        self.settle();
        id
    }

    fn pcp_answer(&self, id: u64) -> Option<Result<(u16, Option<pcp::PortSet>), pcp::ResultCode>> {
        match self.replies.get(&id)? {
            Reply::Pcp(answer) => Some(match &answer.outcome {
                Ok(assigned) => Ok((assigned.external.unwrap().1, assigned.port_set)),
                Err(refused) => Err(refused.code),
            }),
            other => panic!("{other:?}"),
        }
    }

    fn nat_pmp_answer(&self, id: u64) -> Option<Result<u16, nat_pmp::ResultCode>> {
        match self.replies.get(&id)? {
            Reply::NatPmp(answer) => Some(answer.outcome.map(|mapped| match mapped {
                nat_pmp::Mapped::Port { external_port, .. } => external_port,
                other => panic!("{other:?}"),
            })),
            other => panic!("{other:?}"),
        }
    }

    fn epoch(&self) -> u32 {
        self.gateway.engine.epoch().seconds(self.gateway.now)
    }
}

fn map() -> pcp::Map {
    pcp::Map {
        nonce: pcp::Nonce([7; 12]),
        protocol: 6,
        internal_port: 18080,
        external_port: 18080,
        external_address: Ipv4Addr::UNSPECIFIED.into(),
        third_party: None,
        prefer_failure: false,
        filters: Vec::new(),
        description: None,
        port_set: None,
    }
}

#[test]
fn both_wait_and_take_the_port_that_is_offered() {
    let mut behind = Behind::new();
    let id = behind.map(map());
    assert_eq!(behind.pcp_answer(id), None);
    behind.taken(Some(40_000));
    behind.grant();
    assert_eq!(behind.pcp_answer(id), Some(Ok((40_000, None))));
    let id = behind.map_nat_pmp();
    assert_eq!(behind.nat_pmp_answer(id), Some(Ok(40_000)), "it is shared");
    assert_eq!(behind.asked.len(), 0);

    let mut behind = Behind::new();
    let id = behind.map_nat_pmp();
    behind.taken(None);
    behind.grant();
    assert_eq!(behind.nat_pmp_answer(id), Some(Ok(18081)));
}

#[test]
fn what_upstream_refuses_is_relayed() {
    use nat_pmp::ResultCode as Nat;
    use pcp::ResultCode as Pcp;
    let exact = pcp::Map {
        prefer_failure: true,
        ..map()
    };
    for (why, by_pcp, by_nat_pmp) in [
        (UpstreamRefusal::NoRoom, Pcp::NoResources, Nat::OutOfResources),
        (
            UpstreamRefusal::Unavailable("no connection".into()),
            Pcp::NetworkFailure,
            Nat::NetworkFailure,
        ),
        (
            UpstreamRefusal::Failed("odd".into()),
            Pcp::NoResources,
            Nat::OutOfResources,
        ),
    ] {
        let mut behind = Behind::new();
        let (pcp, nat_pmp) = (behind.map(map()), behind.map_nat_pmp());
        behind.refuse(why.clone());
        assert_eq!(behind.pcp_answer(pcp), Some(Err(by_pcp)), "{why:?}");
        assert_eq!(behind.nat_pmp_answer(nat_pmp), Some(Err(by_nat_pmp)), "{why:?}");
    }
    for (why, code) in [
        (UpstreamRefusal::PortTaken { offered: None }, Pcp::CannotProvideExternal),
        (UpstreamRefusal::NotAuthorized, Pcp::NotAuthorized),
    ] {
        let mut behind = Behind::new();
        let id = behind.map(exact.clone());
        behind.refuse(why);
        assert_eq!(behind.pcp_answer(id), Some(Err(code)));
    }
    let mut behind = Behind::new();
    let id = behind.map_nat_pmp();
    for _ in 0..3 {
        behind.refuse(UpstreamRefusal::NotAuthorized);
    }
    assert_eq!(behind.nat_pmp_answer(id), Some(Err(Nat::NotAuthorized)));
}

#[test]
fn a_set_of_ports_waits_for_all_of_them_and_closes_what_it_does_not_get() {
    let set = pcp::PortSet {
        size: 4,
        first_internal_port: 18080,
        parity: false,
    };
    let mut behind = Behind::new();
    let id = behind.map(pcp::Map {
        port_set: Some(set),
        ..map()
    });
    assert_eq!(behind.asked_ports(), [18080, 18081, 18082, 18083]);
    for _ in 0..3 {
        behind.grant();
        assert_eq!(behind.pcp_answer(id), None);
    }
    assert_eq!(behind.open_ports().len(), 3, "nothing is closed that is waited for");
    behind.taken(None);
    while !behind.asked.is_empty() {
        behind.grant();
    }
    let Some(Ok((first, Some(granted)))) = behind.pcp_answer(id) else {
        panic!("{:?}", behind.pcp_answer(id))
    };
    let mapped: Vec<u16> = (first..first + granted.size).collect();
    assert_eq!(behind.ports(), mapped);
    let mut open = behind.open_ports();
    open.sort_unstable();
    assert_eq!(open, mapped);
}

#[test]
fn a_port_that_is_lost_upstream_begins_an_epoch_for_those_who_hear_of_nothing_else() {
    for (by_pcp, expected) in [(true, 0), (false, 100)] {
        let mut behind = Behind::new();
        match by_pcp {
            true => behind.map(map()),
            false => behind.add(ALICE, "AddPortMapping", &[]),
        };
        behind.grant();
        let before = behind.epoch();
        behind.pass(Duration::from_secs(100));
        let (ticket, _) = behind.open.pop_first().unwrap();
        behind.report(UpstreamReport::Refused {
            ticket,
            why: UpstreamRefusal::PortTaken { offered: None },
        });
        assert_eq!(behind.ports(), [] as [u16; 0]);
        let expected = if by_pcp { expected } else { before + expected };
        assert_eq!(behind.epoch(), expected);
    }
}
