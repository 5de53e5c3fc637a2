//! PEER (RFC 6887 section 12).

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use portreeve_engine::upstream::{UpstreamCommand, UpstreamReport};
use portreeve_engine::{Expiry, Flow, Key, Origin, PcpOpcode, Protocol, RemoteHost, Reply, RequestId};
use portreeve_wire::pcp::{self, Assigned, Map, Nonce, Operation, Peer, ResultCode};
use portreeve_wire::{Quirk, Quirks};

use super::*;

pub(crate) const NONCE: Nonce = Nonce([1; 12]);
pub(crate) const OTHER: Nonce = Nonce([2; 12]);
const REMOTE: &str = "11.11.11.11";
const UDP: u8 = 17;
const TCP: u8 = 6;

/// A peer of port 3074 of a host.
fn peer() -> Peer {
    Peer {
        nonce: NONCE,
        protocol: UDP,
        internal_port: 3074,
        external_port: 0,
        external_address: Ipv4Addr::UNSPECIFIED.into(),
        remote_port: 3478,
        remote_address: REMOTE.parse().unwrap(),
        third_party: None,
        description: None,
    }
}

/// A MAP of TCP port 8080 of a host.
pub(crate) fn map(external_address: IpAddr) -> Map {
    Map {
        nonce: NONCE,
        protocol: TCP,
        internal_port: 8080,
        external_port: 0,
        external_address,
        third_party: None,
        prefer_failure: false,
        filters: Vec::new(),
        description: None,
        port_set: None,
    }
}

/// Hands in a request as the runtime does; none is the external port of a flow that is not up.
fn ask_with(
    gateway: &mut Gateway,
    caller: &str,
    lifetime: u32,
    operation: Operation,
    flow: Option<u16>,
) -> Result<Assigned, (ResultCode, Option<u32>)> {
    let caller: IpAddr = caller.parse().unwrap();
    let request = pcp::Request {
        lifetime,
        client: caller,
        operation,
    };
    if let Some(asked) = Flow::of(&request) {
        gateway.engine.handle_flow(asked, flow.and_then(NonZeroU16::new));
    }
    match gateway.ask(Request::Pcp { caller, request }) {
        Reply::Pcp(answer) => answer.outcome.map_err(|refused| (refused.code, refused.lifetime)),
        other => panic!("{other:?}"),
    }
}

/// The port that is assigned, or the code.
pub(crate) fn ask(gateway: &mut Gateway, caller: &str, lifetime: u32, operation: Operation) -> Result<u16, ResultCode> {
    let assigned = ask_with(gateway, caller, lifetime, operation, None).map_err(|(code, _)| code)?;
    Ok(assigned.external.map_or(0, |(_, port)| port))
}

fn ask_peer(gateway: &mut Gateway, lifetime: u32, peer: Peer) -> Result<u16, ResultCode> {
    ask(gateway, ALICE, lifetime, Operation::Peer(peer))
}

fn outbound(gateway: &Gateway) -> Vec<(u16, u16)> {
    let ports = gateway.outbound.iter();
    ports
        .map(|outbound| (outbound.port.get(), outbound.external_port.get()))
        .collect()
}

#[test]
fn a_peer_is_let_in_and_sees_the_port_that_is_told() {
    let mut gateway = Gateway::new(config());
    let assigned = ask_with(&mut gateway, ALICE, 600, Operation::Peer(peer()), None).unwrap();
    assert_eq!(assigned.lifetime, 600);
    assert_eq!(assigned.external, Some((EXTERNAL.parse().unwrap(), 3074)));
    let [row] = gateway.mappings().try_into().expect("one row");
    assert_eq!(row.key.remote_host, RemoteHost::Host(REMOTE.parse().unwrap()));
    assert_eq!((row.key.protocol, row.internal_port.get()), (Protocol::Udp, 3074));
    assert!(matches!(row.origin, Origin::Pcp(origin) if origin.opcode == PcpOpcode::Peer && origin.nonce == NONCE));
    assert_eq!(outbound(&gateway), [(3074, 3074)]);
    gateway.pass(Duration::from_secs(600));
    assert!(gateway.mappings().is_empty() && gateway.outbound.is_empty());
}

#[test]
fn of_a_flow_that_is_up_the_port_is_told() {
    let mut gateway = Gateway::new(config());
    let up = |gateway: &mut Gateway, port| {
        let assigned = ask_with(gateway, ALICE, 600, Operation::Peer(peer()), Some(port)).map_err(|(code, _)| code)?;
        Ok::<_, ResultCode>(assigned.external.unwrap().1)
    };
    assert_eq!(up(&mut gateway, 40000), Ok(40000));
    assert_eq!(outbound(&gateway), [(3074, 40000)]);
    // Where the flow has gone, the mapping stays; where another is up, that counts.
    assert_eq!(ask_peer(&mut gateway, 600, peer()), Ok(40000));
    assert_eq!(up(&mut gateway, 40001), Ok(40001));
    assert_eq!(gateway.mappings().len(), 1);

    // By the port of another host's mapping nothing is to come to this one.
    gateway
        .add(BOB, ADD, &[("NewExternalPort", "40002"), ("NewProtocol", "UDP")])
        .unwrap();
    assert_eq!(up(&mut gateway, 40002), Err(ResultCode::CannotProvideExternal));
    assert_eq!(outbound(&gateway).iter().filter(|(port, _)| *port == 3074).count(), 1);
}

#[test]
fn a_socket_that_is_mapped_keeps_its_port() {
    let mut gateway = Gateway::new(config());
    let internal = [
        ("NewInternalPort", "3074"),
        ("NewExternalPort", "5000"),
        ("NewProtocol", "UDP"),
    ];
    gateway.add(ALICE, ADD, &internal).unwrap();
    let suggesting = Peer {
        external_port: 6000,
        ..peer()
    };
    assert_eq!(ask_peer(&mut gateway, 600, suggesting), Ok(5000));
    // And what is mapped after the PEER gets the port of that.
    let other = Peer {
        internal_port: 3075,
        external_port: 6000,
        ..peer()
    };
    assert_eq!(ask_peer(&mut gateway, 600, other), Ok(6000));
    let mapped = Map {
        protocol: UDP,
        internal_port: 3075,
        ..map(Ipv4Addr::UNSPECIFIED.into())
    };
    assert_eq!(ask(&mut gateway, ALICE, 600, Operation::Map(mapped)), Ok(6000));
    assert_eq!(outbound(&gateway), [(3074, 5000), (3075, 6000)]);
}

#[test]
fn the_same_port_of_the_other_transport_is_another_socket() {
    let mut gateway = Gateway::new(config());
    let tcp = Peer {
        protocol: TCP,
        external_port: 7000,
        ..peer()
    };
    assert_eq!(ask_peer(&mut gateway, 600, peer()), Ok(3074));
    assert_eq!(ask_peer(&mut gateway, 600, tcp), Ok(7000));
    let mut leaves: Vec<_> = gateway
        .outbound
        .iter()
        .map(|o| (o.protocol, o.external_port.get()))
        .collect();
    leaves.sort_unstable();
    assert_eq!(leaves, [(Protocol::Tcp, 7000), (Protocol::Udp, 3074)]);
}

#[test]
fn it_is_renewed_and_deleted_by_its_nonce() {
    let strict = Config {
        quirks: Quirks::default().without(Quirk::PcpFreshNonce),
        ..config()
    };
    let mut gateway = Gateway::new(strict);
    let anothers = Peer { nonce: OTHER, ..peer() };
    ask_peer(&mut gateway, 600, peer()).unwrap();
    gateway.pass(Duration::from_secs(100));
    let refused = ask_with(&mut gateway, ALICE, 900, Operation::Peer(anothers.clone()), None);
    assert_eq!(refused, Err((ResultCode::NotAuthorized, Some(500))));
    ask_peer(&mut gateway, 900, peer()).unwrap();
    assert_eq!(
        gateway.mappings()[0].expiry,
        Expiry::At(gateway.now + Duration::from_secs(900))
    );
    assert_eq!(ask_peer(&mut gateway, 0, anothers), Err(ResultCode::NotAuthorized));
    assert_eq!(ask_peer(&mut gateway, 0, peer()), Ok(0));
    assert!(gateway.mappings().is_empty() && gateway.outbound.is_empty());
    assert_eq!(
        ask_peer(&mut gateway, 0, peer()),
        Ok(0),
        "what is not there is deleted already"
    );
}

#[test]
fn a_fresh_nonce_is_tolerated_to_renew_and_not_to_delete() {
    let mut gateway = Gateway::new(config());
    let fresh = Peer { nonce: OTHER, ..peer() };
    ask_peer(&mut gateway, 600, peer()).unwrap();
    assert_eq!(ask_peer(&mut gateway, 600, fresh.clone()), Ok(3074));
    assert_eq!(ask_peer(&mut gateway, 0, peer()), Err(ResultCode::NotAuthorized));
    assert_eq!(ask_peer(&mut gateway, 0, fresh), Ok(0));
}

#[test]
fn map_and_peer_do_not_manage_what_the_other_made() {
    let mut gateway = Gateway::new(config());
    let mapped = Map {
        protocol: UDP,
        internal_port: 3074,
        ..map(Ipv4Addr::UNSPECIFIED.into())
    };
    let port = ask(&mut gateway, ALICE, 600, Operation::Map(mapped.clone())).unwrap();
    assert_eq!(ask_peer(&mut gateway, 600, peer()), Ok(port));
    assert_eq!(ask_peer(&mut gateway, 0, peer()), Ok(0));
    assert_eq!(gateway.mappings().len(), 1);
    ask_peer(&mut gateway, 600, peer()).unwrap();
    assert_eq!(ask(&mut gateway, ALICE, 0, Operation::Map(mapped)), Ok(0));
    let [row] = gateway.mappings().try_into().expect("that of PEER");
    let key = Key {
        external_port: NonZeroU16::new(port).unwrap(),
        protocol: Protocol::Udp,
        remote_host: RemoteHost::Host(REMOTE.parse().unwrap()),
    };
    assert_eq!(row.key, key);
    assert_eq!(outbound(&gateway), [(3074, port)]);
}

#[test]
fn what_cannot_be_is_refused_by_its_code() {
    let mut gateway = Gateway::new(config());
    let with = |change: &dyn Fn(&mut Peer)| {
        let mut asked = peer();
        change(&mut asked);
        asked
    };
    let cases = [
        (ResultCode::UnsuppProtocol, with(&|peer| peer.protocol = 132)),
        (ResultCode::MalformedRequest, with(&|peer| peer.internal_port = 0)),
        (ResultCode::MalformedRequest, with(&|peer| peer.remote_port = 0)),
        (
            ResultCode::MalformedRequest,
            with(&|peer| peer.remote_address = Ipv4Addr::BROADCAST.into()),
        ),
        (
            ResultCode::MalformedRequest,
            with(&|peer| peer.remote_address = "2001:db8::1".parse().unwrap()),
        ),
        (ResultCode::NotAuthorized, with(&|peer| peer.internal_port = 80)),
        (ResultCode::NotAuthorized, with(&|peer| peer.internal_port = 5351)),
        (
            ResultCode::UnsuppOption,
            with(&|peer| peer.third_party = Some(BOB.parse().unwrap())),
        ),
    ];
    for (code, asked) in cases {
        assert_eq!(ask_peer(&mut gateway, 600, asked.clone()), Err(code), "{asked:?}");
    }
    let outside = ask(&mut gateway, "192.168.99.1", 600, Operation::Peer(peer()));
    assert_eq!(outside, Err(ResultCode::NotAuthorized));
    assert!(gateway.mappings().is_empty());

    gateway.refuse = Box::new(|_| Some(Refusal::NoRoom));
    assert_eq!(ask_peer(&mut gateway, 600, peer()), Err(ResultCode::NoResources));
    gateway.refuse = Box::new(|_| None);
    gateway.store_works = false;
    assert_eq!(ask_peer(&mut gateway, 600, peer()), Err(ResultCode::NoResources));
    assert!(gateway.mappings().is_empty() && gateway.outbound.is_empty());
}

#[test]
fn a_backend_without_a_say_in_outbound_ports_has_no_peer() {
    let mut gateway = Gateway::new(config());
    let caller: IpAddr = ALICE.parse().unwrap();
    let request = pcp::Request {
        lifetime: 600,
        client: caller,
        operation: Operation::Peer(peer()),
    };
    let reply = gateway.ask(Request::Pcp { caller, request });
    let Reply::Pcp(answer) = reply else { panic!("{reply:?}") };
    assert_eq!(answer.outcome.unwrap_err().code, ResultCode::UnsuppOpcode);
}

#[test]
fn a_third_party_is_served_where_hosts_may_map_for_each_other() {
    let mut open = config();
    open.policy.reach = Reach::Everyone;
    open.own_addresses = vec!["192.168.77.1".parse().unwrap()];
    let mut gateway = Gateway::new(open);
    let for_bob = Peer {
        third_party: Some(BOB.parse().unwrap()),
        ..peer()
    };
    let for_gateway = Peer {
        third_party: Some("192.168.77.1".parse().unwrap()),
        ..peer()
    };
    assert_eq!(ask_peer(&mut gateway, 600, for_gateway), Err(ResultCode::NotAuthorized));
    assert_eq!(ask_peer(&mut gateway, 600, for_bob), Ok(3074));
    assert_eq!(gateway.outbound[0].client, BOB.parse::<Ipv4Addr>().unwrap());
}

#[test]
fn the_port_of_a_flow_is_remembered_while_an_upstream_gateway_is_asked() {
    let mut gateway = Gateway::new(config());
    let now = gateway.now;
    gateway.engine.handle_upstream(UpstreamReport::Found, now);
    gateway.carry_out();
    let caller: IpAddr = ALICE.parse().unwrap();
    let request = pcp::Request {
        lifetime: 600,
        client: caller,
        operation: Operation::Peer(peer()),
    };
    gateway
        .engine
        .handle_flow(Flow::of(&request).unwrap(), NonZeroU16::new(40000));
    let id = RequestId(7);
    gateway.engine.handle_request(id, Request::Pcp { caller, request }, now);
    gateway.carry_out();
    assert!(gateway.engine.poll_reply().is_none());
    let Some(UpstreamCommand::Open { ticket, port }) = gateway.engine.poll_upstream_command() else {
        panic!("the upstream gateway is asked");
    };
    assert_eq!(port.port.get(), 40000);
    gateway.engine.handle_upstream(UpstreamReport::Opened(ticket), now);
    gateway.carry_out();
    let Some((answered, Reply::Pcp(answer))) = gateway.engine.poll_reply() else {
        panic!("it is answered");
    };
    assert_eq!(answered, id);
    assert_eq!(answer.outcome.unwrap().external.map(|(_, port)| port), Some(40000));
}
