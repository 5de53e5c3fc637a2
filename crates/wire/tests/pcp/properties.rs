//! What holds for every request, response and datagram.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_wire::pcp::client::{self, Body, Continuity, Failure, Observed, Response};
use portreeve_wire::pcp::{
    self, Answer, Assigned, Filter, LONGEST, Map, Nonce, Operation, Peer, PortSet, Received, Refused, Request,
    ResultCode,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::V4),
        any::<Ipv6Addr>().prop_map(|address| address.to_canonical()),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    (address(), any::<u8>(), any::<u16>()).prop_map(|(address, prefix, port)| {
        // Of IPv6, a prefix of 0 is said as the one that clears.
        let prefix = match address {
            IpAddr::V4(_) => (prefix <= 32).then_some(prefix),
            IpAddr::V6(_) => (1..=128).contains(&prefix).then_some(prefix),
        };
        Filter { address, prefix, port }
    })
}

fn description() -> impl Strategy<Value = Option<Box<str>>> {
    option::of(".{0,60}".prop_map(Into::into))
}

fn map() -> impl Strategy<Value = Operation> {
    let fields = (any::<[u8; 12]>(), 1..=255_u8, 1..=u16::MAX, 1..=u16::MAX, address());
    let options = (
        option::of(address()),
        any::<bool>(),
        vec(filter(), 0..8),
        description(),
        option::of((1..=u16::MAX, any::<bool>())),
    );
    (fields, options).prop_map(|((nonce, protocol, internal_port, external_port, address), options)| {
        let (third_party, prefer_failure, filters, description, set) = options;
        let port_set = set.map(|(size, parity)| PortSet {
            size: size.min((u16::MAX - internal_port).saturating_add(1)),
            first_internal_port: internal_port,
            parity,
        });
        Operation::Map(Map {
            nonce: Nonce(nonce),
            protocol,
            internal_port,
            external_port,
            external_address: address,
            third_party,
            prefer_failure,
            filters,
            description,
            port_set,
        })
    })
}

fn peer() -> impl Strategy<Value = Operation> {
    let fields = (any::<[u8; 12]>(), 1..=255_u8, 1..=u16::MAX, any::<u16>(), address());
    let rest = (1..=u16::MAX, address(), option::of(address()), description());
    (fields, rest).prop_map(
        |((nonce, protocol, internal_port, external_port, external_address), rest)| {
            let (remote_port, remote_address, third_party, description) = rest;
            Operation::Peer(Peer {
                nonce: Nonce(nonce),
                protocol,
                internal_port,
                external_port,
                external_address,
                remote_port,
                remote_address,
                third_party,
                description,
            })
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let operation = prop_oneof![Just(Operation::Announce), map(), peer()];
    (1..=u32::MAX, address(), operation).prop_map(|(lifetime, client, mut operation)| {
        let wildcard = Ipv6Addr::UNSPECIFIED;
        match &mut operation {
            Operation::Map(map) => {
                map.third_party = map.third_party.filter(|party| *party != client);
                // To a client of IPv4 both wildcards are one.
                if client.is_ipv4() && map.external_address == wildcard {
                    map.external_address = Ipv4Addr::UNSPECIFIED.into();
                }
            }
            Operation::Peer(peer) => {
                peer.third_party = peer.third_party.filter(|party| *party != client);
                if client.is_ipv4() && peer.external_address == wildcard {
                    peer.external_address = Ipv4Addr::UNSPECIFIED.into();
                }
            }
            Operation::Announce => {}
        }
        Request {
            lifetime,
            client,
            operation,
        }
    })
}

/// Octets that get beyond the first checks more often than not.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let option = (prop_oneof![0..4_u8, 128..131_u8, any::<u8>()], vec(any::<u8>(), 0..24));
    let options = vec(option, 0..6).prop_map(|options| {
        let mut bytes = Vec::new();
        for (code, data) in options {
            bytes.extend([code, 0, 0, u8::try_from(data.len()).expect("short")]);
            bytes.extend(data);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    });
    let head = (
        prop_oneof![4 => Just(2_u8), 1 => any::<u8>()],
        prop_oneof![4 => 0..3_u8, 1 => any::<u8>()],
    );
    let whole = (head, vec(any::<u8>(), 78), options).prop_map(|((version, opcode), rest, options)| {
        let length = [22, 58, 78][usize::from(opcode.min(2))];
        [vec![version, opcode], rest[..length].to_vec(), options].concat()
    });
    prop_oneof![vec(any::<u8>(), 0..1200), whole]
}

fn outcome() -> impl Strategy<Value = Result<Assigned, Refused>> {
    let port_set = (1..=u16::MAX, any::<u16>(), any::<bool>()).prop_map(|(size, first, parity)| PortSet {
        size: size.min((u16::MAX - first).saturating_add(1)),
        first_internal_port: first,
        parity,
    });
    let assigned = (
        any::<u32>(),
        option::of((address(), any::<u16>())),
        option::of(port_set),
    );
    let code = (0..ResultCode::ALL.len()).prop_map(|index| ResultCode::ALL[index]);
    prop_oneof![
        assigned.prop_map(|(lifetime, external, port_set)| Ok(Assigned {
            lifetime,
            external,
            port_set
        })),
        (code, option::of(any::<u32>())).prop_map(|(code, lifetime)| Err(Refused { code, lifetime })),
    ]
}

/// Most octets of an answer: those of the request, to a multiple of 4, a header, and of an error about a MAP one MAP.
fn bound(request: &[u8], answer: &Answer) -> usize {
    let least = match (&answer.outcome, request[1]) {
        (Err(_), 1) => 60,
        _ => 24,
    };
    request.len().min(LONGEST).next_multiple_of(4).max(least)
}

/// The client address that a request names, so that it is taken for its own.
fn named_client(bytes: &[u8]) -> IpAddr {
    let octets: Option<[u8; 16]> = bytes.get(8..24).and_then(|octets| octets.try_into().ok());
    octets.map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from).to_canonical()
}

proptest! {
    #[test]
    fn what_a_client_writes_a_server_reads(request in request()) {
        let bytes = client::request(&request);
        prop_assert!(bytes.len() <= LONGEST && bytes.len().is_multiple_of(4));
        prop_assert_eq!(pcp::receive(&bytes, request.client), Received::Request(request));
    }

    #[test]
    fn what_a_server_writes_a_client_reads(request in request(), outcome in outcome(), epoch in any::<u32>()) {
        let bytes = client::request(&request);
        let answer = Answer { epoch, outcome };
        let written = pcp::answer(&bytes, &answer);
        let response = client::read(&written).expect("a response");
        prop_assert!(response.answers(&request));
        prop_assert_eq!((response.version, response.epoch), (2, epoch));
        match answer.outcome {
            Ok(assigned) => {
                prop_assert_eq!((response.result, response.lifetime), (Ok(()), assigned.lifetime));
                let (suggested, got) = match (&request.operation, response.body) {
                    (Operation::Map(map), Body::Map(body)) => {
                        let asked = map.port_set.is_some();
                        prop_assert_eq!(body.port_set, assigned.port_set.filter(|_| asked));
                        ((map.external_address, map.external_port), (body.external_address, body.external_port))
                    }
                    (Operation::Peer(peer), Body::Peer(body)) => {
                        ((peer.external_address, peer.external_port), (body.external_address, body.external_port))
                    }
                    _ => return Ok(()),
                };
                prop_assert_eq!(got, assigned.external.unwrap_or(suggested));
            }
            Err(refused) => {
                let lifetime = refused.lifetime.unwrap_or_else(|| refused.code.lasting().seconds());
                prop_assert_eq!(response.result, Err(Failure::Standard(refused.code)));
                prop_assert_eq!(response.lifetime, lifetime);
            }
        }
    }

    #[test]
    fn nothing_makes_more_of_a_datagram_than_it_is(
        bytes in datagram(),
        outcome in outcome(),
        own in any::<bool>(),
    ) {
        let source = if own { named_client(&bytes) } else { Ipv4Addr::new(192, 168, 77, 10).into() };
        let answer = match pcp::receive(&bytes, source) {
            Received::Ignore => return Ok(()),
            Received::NatPmp => Answer { epoch: 1, outcome: Err(ResultCode::UnsuppVersion.into()) },
            Received::Refused(refused) => Answer { epoch: 1, outcome: Err(refused) },
            Received::Request(request) => {
                let again = client::request(&request);
                prop_assert_eq!(pcp::receive(&again, source), Received::Request(request));
                Answer { epoch: 1, outcome }
            }
        };
        let written = pcp::answer(&bytes, &answer);
        prop_assert!(written.len() <= bound(&bytes, &answer));
        prop_assert!(written.len().is_multiple_of(4));
        // Nobody answers it in turn.
        prop_assert_eq!(pcp::receive(&written, source), Received::Ignore);
        let Response { version, result, .. } = client::read(&written).expect("a response");
        prop_assert_eq!(version, 2);
        prop_assert_eq!(result.is_ok(), answer.outcome.is_ok());
    }

    #[test]
    fn any_octets_can_be_answered(bytes in vec(any::<u8>(), 0..1200), outcome in outcome()) {
        let written = pcp::answer(&bytes, &Answer { epoch: 1, outcome });
        prop_assert!((24..=LONGEST).contains(&written.len()));
    }

    #[test]
    fn any_octets_can_be_read(bytes in vec(any::<u8>(), 0..1200)) {
        if let Ok(response) = client::read(&bytes) {
            prop_assert!(response.version == 2 || response.result.is_err());
        }
    }

    #[test]
    fn a_server_that_goes_on_continues(then in 0..u32::MAX / 2, at in any::<u32>(), elapsed in 0..u32::MAX / 2) {
        let at = u64::from(at);
        let previous = Observed { epoch: then, at };
        let now = Observed { epoch: then + elapsed, at: at + u64::from(elapsed) };
        prop_assert_eq!(client::continuity(Some(previous), now), Continuity::Continues);
    }

    /// Whenever it restarted, if it ran for longer than what is forgiven.
    #[test]
    fn a_server_that_began_anew_lost(then in 4..u32::MAX / 2, elapsed in 0..1_000_000_u32, ago in 0..1_000_000_u32) {
        let epoch = ago.min(elapsed);
        let previous = Observed { epoch: then, at: 0 };
        let now = Observed { epoch, at: u64::from(elapsed) };
        // What it counts anew stays behind what it has to by more than a 16th and 3 seconds.
        prop_assume!(u64::from(epoch) + 3 < u64::from(then) + u64::from(elapsed) - u64::from(elapsed / 16));
        prop_assert_eq!(client::continuity(Some(previous), now), Continuity::Lost);
    }
}
