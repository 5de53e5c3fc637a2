//! NAT-PMP and PCP, one test for each rule of RFC 6886 and RFC 6887 that is the engine's, and what follows from all
//! protocols having one table.

mod epoch;
mod filters;
mod model;
mod nat_pmp;
mod pcp;
mod port_sets;
mod sharing;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use portreeve_engine::mapping::{Expiry, Key, Mapping, Origin, PcpOpcode, Protocol, RemoteHost};
use portreeve_engine::{Reply, Request};
use portreeve_wire::nat_pmp::{Mapped, ResultCode as NatPmpCode, Transport};
use portreeve_wire::pcp::{Assigned, Map, Nonce, Operation, Refused, ResultCode};
use portreeve_wire::{nat_pmp as nat_pmp_wire, pcp as pcp_wire};

use super::*;

const NONCE: Nonce = Nonce([7; 12]);
const OTHER_NONCE: Nonce = Nonce([8; 12]);
const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Gateway {
    /// A MAP as `client` sends it.
    fn map(&mut self, client: &str, lifetime: u32, map: Map) -> Result<Assigned, ResultCode> {
        self.pcp(client, lifetime, Operation::Map(map))
            .map_err(|refused| refused.code)
    }

    fn pcp(&mut self, client: &str, lifetime: u32, operation: Operation) -> Result<Assigned, Refused> {
        let caller: IpAddr = client.parse().unwrap();
        let request = pcp_wire::Request {
            lifetime,
            client: caller,
            operation,
        };
        match self.ask(Request::Pcp { caller, request }) {
            Reply::Pcp(answer) => answer.outcome,
            other => panic!("{other:?}"),
        }
    }

    /// A NAT-PMP request for a TCP mapping; returns the external port and the lifetime.
    fn nat_pmp(&mut self, client: &str, internal: u16, external: u16, lifetime: u32) -> Result<(u16, u32), NatPmpCode> {
        self.nat_pmp_of(client, Transport::Tcp, internal, external, lifetime)
    }

    fn nat_pmp_of(
        &mut self,
        client: &str,
        transport: Transport,
        internal_port: u16,
        external_port: u16,
        lifetime: u32,
    ) -> Result<(u16, u32), NatPmpCode> {
        let request = nat_pmp_wire::Request::Map {
            transport,
            internal_port,
            external_port,
            lifetime,
        };
        match self.nat_pmp_answer(client, request).outcome? {
            Mapped::Port {
                external_port,
                lifetime,
            } => Ok((external_port, lifetime)),
            other => panic!("{other:?}"),
        }
    }

    fn nat_pmp_answer(&mut self, client: &str, request: nat_pmp_wire::Request) -> nat_pmp_wire::Answer {
        let caller = client.parse().unwrap();
        match self.ask(Request::NatPmp { caller, request }) {
            Reply::NatPmp(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Every row: external port, transport, host, internal port, remote host, origin, seconds left.
    fn rows(&self) -> Vec<String> {
        let row = |mapping: &Arc<Mapping>| {
            let Mapping {
                key,
                internal_client,
                internal_port,
                origin,
                ..
            } = &**mapping;
            let left = mapping.expiry.remaining_seconds(self.now);
            let left = left.map_or_else(|| "-".to_owned(), |seconds| seconds.to_string());
            format!("{key} {internal_client}:{internal_port} {} {left}", origin.name())
        };
        self.engine.mappings().map(row).collect()
    }
}

/// A TCP mapping without options.
fn tcp(internal_port: u16) -> Map {
    Map {
        nonce: NONCE,
        protocol: Protocol::Tcp.number(),
        internal_port,
        external_port: 0,
        external_address: ANYWHERE,
        third_party: None,
        prefer_failure: false,
        filters: Vec::new(),
        description: None,
        port_set: None,
    }
}

fn udp(internal_port: u16) -> Map {
    Map {
        protocol: Protocol::Udp.number(),
        ..tcp(internal_port)
    }
}

/// The external port that a MAP was granted.
fn port_of(outcome: Result<Assigned, ResultCode>) -> u16 {
    outcome.expect("a mapping").external.expect("a port").1
}

fn static_mapping(external_port: u16, internal_port: u16) -> Arc<Mapping> {
    let port = |number: u16| number.try_into().unwrap();
    Arc::new(Mapping {
        key: Key {
            external_port: port(external_port),
            protocol: Protocol::Tcp,
            remote_host: RemoteHost::Any,
        },
        internal_client: ALICE.parse().unwrap(),
        internal_port: port(internal_port),
        enabled: true,
        description: "written down".into(),
        expiry: Expiry::Never,
        origin: Origin::Static,
    })
}

/// A link that is down.
fn down() -> LinkReport {
    LinkReport {
        carrier: false,
        ..connected()
    }
}
