//! PCP from both sides: a datagram as a server gets it and as a client does. Answers are no more than what was asked for
//! justifies and are understood; what was understood can be said again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_wire::pcp::client::{self, Body, Failure, Response};
use portreeve_wire::pcp::{
    self, Answer, Assigned, LONGEST, Map, Operation, Peer, PortSet, Received, Refused, Request, ResultCode,
};

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 254));

pub(crate) fn check(data: &[u8]) {
    // From the host that the request names, so that it is not just any host's.
    let named = data.get(8..24).and_then(|octets| octets.first_chunk::<16>());
    let named = named.map_or(Ipv6Addr::UNSPECIFIED, |octets| Ipv6Addr::from(*octets));
    for source in [named.to_canonical(), STRANGER] {
        check_server(data, source);
    }
    check_client(data);
}

fn check_server(data: &[u8], source: IpAddr) {
    match pcp::receive(data, source) {
        Received::Ignore => {}
        Received::NatPmp => {
            assert_eq!(data[0], 0);
            check_error(data, ResultCode::UnsuppVersion.into());
        }
        Received::Refused(refused) => check_error(data, refused),
        Received::Request(request) => {
            assert_eq!((request.client, data.len() % 4), (source, 0));
            check_form(&request);
            let again = client::request(&request);
            assert!(again.len() <= data.len());
            assert_eq!(pcp::receive(&again, source), Received::Request(request.clone()));
            check_success(data, &request);
            check_error(data, ResultCode::NoResources.into());
        }
    }
}

/// What the types of a request promise without saying it.
fn check_form(request: &Request) {
    let Operation::Map(map) = &request.operation else {
        return;
    };
    for filter in &map.filters {
        let most = if filter.address.is_ipv4() { 32 } else { 128 };
        assert!(filter.prefix.is_none_or(|prefix| prefix <= most));
    }
    if let Some(set) = map.port_set {
        assert_eq!(set.first_internal_port, map.internal_port);
        assert!(set.size > 0 && u32::from(set.first_internal_port) + u32::from(set.size) <= 65536);
    }
}

fn check_success(data: &[u8], request: &Request) {
    let port_set = match &request.operation {
        Operation::Map(map) => map.port_set,
        _ => None,
    };
    let assigned = Assigned {
        lifetime: 7200,
        external: Some((Ipv4Addr::new(11, 11, 11, 1).into(), 40_000)),
        port_set,
    };
    let answer = answer(data, Ok(assigned));
    assert!(answer.len() <= data.len());
    let response = client::read(&answer).expect("our answer is understood");
    assert!(response.answers(request));
    assert_eq!((response.result, response.lifetime), (Ok(()), 7200));
    let external = match response.body {
        Body::Announce => return,
        Body::Map(body) => {
            assert_eq!(body.port_set, port_set);
            (body.external_address, body.external_port)
        }
        Body::Peer(body) => (body.external_address, body.external_port),
        other => panic!("our answer is about {other:?}"),
    };
    assert_eq!(Some(external), assigned.external);
}

fn check_error(data: &[u8], refused: Refused) {
    let answer = answer(data, Err(refused));
    let least = if data[1] == 1 { 60 } else { 24 };
    assert_eq!(answer.len(), data.len().min(LONGEST).next_multiple_of(4).max(least));
    let copied = data.len().min(LONGEST);
    assert_eq!(answer.get(24..copied), data.get(24..copied));
    let response = client::read(&answer).expect("our answer is understood");
    assert_eq!(response.result, Err(Failure::Standard(refused.code)));
}

/// Whatever it is about, it is a message of version 2 that nobody answers in turn.
fn answer(data: &[u8], outcome: Result<Assigned, Refused>) -> Vec<u8> {
    let answer = pcp::answer(data, &Answer { epoch: 1, outcome });
    assert_eq!((answer[0], answer[1]), (2, data[1] | 0x80));
    assert_eq!(pcp::receive(&answer, STRANGER), Received::Ignore);
    answer
}

fn check_client(data: &[u8]) {
    let Ok(response) = client::read(data) else {
        return;
    };
    assert!(response.version == 2 || response.result == Err(Failure::Standard(ResultCode::UnsuppVersion)));
    let Some((operation, external, port_set)) = asked(&response) else {
        return;
    };
    let request = Request {
        lifetime: 7200,
        client: STRANGER,
        operation,
    };
    assert!(response.answers(&request));
    if response.result.is_err() {
        return;
    }
    // A server that grants the same says the same.
    let assigned = Assigned {
        lifetime: response.lifetime,
        external,
        port_set,
    };
    let answer = Answer {
        epoch: response.epoch,
        outcome: Ok(assigned),
    };
    let again = pcp::answer(&client::request(&request), &answer);
    assert_eq!(client::read(&again), Ok(response));
}

type Asked = (Operation, Option<(IpAddr, u16)>, Option<PortSet>);

/// A request that this answers, and what it is granted; none of what says nothing about the request.
fn asked(response: &Response) -> Option<Asked> {
    let nowhere = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    match response.body {
        Body::Announce => Some((Operation::Announce, None, None)),
        Body::Map(body) => {
            let map = Map {
                nonce: body.nonce,
                protocol: body.protocol,
                internal_port: body.internal_port,
                external_port: 0,
                external_address: nowhere,
                third_party: None,
                prefer_failure: false,
                filters: Vec::new(),
                description: None,
                port_set: body.port_set,
            };
            let external = Some((body.external_address, body.external_port));
            Some((Operation::Map(map), external, body.port_set))
        }
        Body::Peer(body) => {
            let peer = Peer {
                nonce: body.nonce,
                protocol: body.protocol,
                internal_port: body.internal_port,
                external_port: 0,
                external_address: nowhere,
                remote_port: body.remote_port,
                remote_address: body.remote_address,
                third_party: None,
                description: None,
            };
            let external = Some((body.external_address, body.external_port));
            Some((Operation::Peer(peer), external, None))
        }
        _ => None,
    }
}
